"""Xen Orchestra's own client (npm xen-api) against the demo host."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from xolite_qt.demo_host import DemoHost, start_demo_host

HERE = Path(__file__).parent / "npm"
# Taken before a test gets a home of its own: npm's settings live in the real one.
ENVIRONMENT = dict(os.environ)


@pytest.fixture(scope="session")
def driver(request: pytest.FixtureRequest) -> Path:
    """The driver beside its installed packages; skips without node or npm, but never in CI."""
    strict = bool(ENVIRONMENT.get("CI"))
    if shutil.which("node") is None or shutil.which("npm") is None:
        if strict:
            pytest.fail("CI must have node and npm")
        pytest.skip("node or npm is missing")
    assert request.config.cache is not None
    folder = request.config.cache.mkdir("npm-xen-api")
    lock = (HERE / "package-lock.json").read_bytes()
    for name in ("package.json", "package-lock.json", "driver.mjs"):
        (folder / name).write_bytes((HERE / name).read_bytes())
    installed = folder / "installed-lock.json"
    if not installed.exists() or installed.read_bytes() != lock:
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(
            command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=100
        )
        if done.returncode:
            if strict:
                pytest.fail(f"npm ci: {done.stderr}")
            pytest.skip(f"npm ci failed: {done.stderr.strip().splitlines()[-1:]}")
        installed.write_bytes(lock)
    return folder / "driver.mjs"


async def drive(driver: Path, running: Any, *, operations: bool) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        "node",
        str(driver),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=ENVIRONMENT,
    )
    order = {
        "url": running.url,
        "user": running.user,
        "password": running.password,
        "operations": operations,
    }
    out, errors = await process.communicate(json.dumps(order).encode())
    assert process.returncode == 0, (out.decode(), errors.decode())
    return dict(json.loads(out))


def expected_counts(host: DemoHost) -> dict[str, int]:
    """Objects that the client can know of, by class; tasks come and go."""
    return {
        cls.name: len(host.db.refs(cls.name))
        for cls in host.db.model.classes.values()
        if "get_all_records" in cls.messages
        and cls.messages["get_all_records"].state != "Removed"
        and cls.name != "task"
        and host.db.refs(cls.name)
    }


async def test_it_connects_lists_and_watches(driver: Path) -> None:
    async with start_demo_host(speed=0.01) as running:
        expected = expected_counts(running.host)
        found = await drive(driver, running, operations=False)
        calls = [record.method for record in running.host.calls]
    assert found["warnings"] == []
    assert found["badPassword"][0] == "SESSION_AUTHENTICATION_FAILED"
    assert found["badRef"] == ["HANDLE_INVALID", "VM", "OpaqueRef:nowhere"]
    found["counts"].pop("task", 0)
    assert found["counts"] == expected
    assert found["renamed"] == "renamed by npm"
    assert found["taskCameAndWent"] is True
    # It spoke JSON-RPC throughout: its XML-RPC fallback would go to a path that is not served.
    assert not any(method.startswith("POST ") for method in calls)
    assert "event.inject" in calls


async def test_it_starts_snapshots_and_stops_vms(driver: Path) -> None:
    async with start_demo_host(speed=0.01) as running:
        found = await drive(driver, running, operations=True)
    assert found["badState"][0] == "VM_BAD_POWER_STATE"
    assert found["badState"][3] == "halted"
    assert found["snapshot"] == ["by npm", True, True]
    assert found["operated"] is True
