"""The official XenAPI Python SDK against the demo host, over TLS and plain http."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import XenAPI

from xolite_qt.demo_host import start_demo_host


@contextmanager
def connected(running: Any) -> Iterator[Any]:
    session = XenAPI.Session(running.url, ignore_ssl=True)
    try:
        session.xenapi.login_with_password(running.user, running.password, "1.0", "sdk test")
        yield session
        session.xenapi.session.logout()
    finally:
        session("close")()


def read_everything(running: Any) -> dict[str, int]:
    """Read all records of every class that has them.

    Returns:
        How many of each class.
    """
    with connected(running) as session:
        methods = session.system.listMethods()
        classes = [
            m.removesuffix(".get_all_records") for m in methods if m.endswith(".get_all_records")
        ]
        counts = {}
        for cls in classes:
            details = []
            try:
                counts[cls] = len(getattr(session.xenapi, cls).get_all_records())
            except XenAPI.Failure as failure:
                details = failure.details
            assert details in ([], ["MESSAGE_REMOVED"]), cls
        return counts


@pytest.mark.parametrize("plain_http", [True, False])
async def test_every_class_is_read(plain_http: bool) -> None:
    async with start_demo_host(speed=0.01, plain_http=plain_http) as running:
        counts = await asyncio.to_thread(read_everything, running)
        db = running.host.db
        assert len(counts) > 50
        for cls, count in counts.items():
            assert count == len(db.refs(cls)), cls


async def test_a_real_hosts_world_is_read(real_world: Path) -> None:
    async with start_demo_host(speed=0.01, world=real_world) as running:
        counts = await asyncio.to_thread(read_everything, running)
        assert counts["VM"] == 64
        assert counts["host_cpu"] == 8


def errors(running: Any) -> list[list[str]]:
    found = []
    with connected(running) as session:
        for call in (
            lambda: session.xenapi.VM.get_record("OpaqueRef:x"),
            lambda: session.xenapi.VM.get_by_uuid("x"),
            lambda: session.xenapi.VM.start(),
            lambda: session.xenapi.event_from(["vm"], "x", 1.0),
        ):
            with pytest.raises(XenAPI.Failure) as caught:
                call()  # type: ignore[no-untyped-call]
            found.append(caught.value.details)
        wrong: Any = XenAPI.Session(running.url, ignore_ssl=True)
        with pytest.raises(XenAPI.Failure) as caught:
            wrong.xenapi.login_with_password("root", "wrong", "1.0", "sdk test")
        wrong("close")()
        found.append(caught.value.details)
        return found


async def test_errors() -> None:
    async with start_demo_host(speed=0.01) as running:
        assert await asyncio.to_thread(errors, running) == [
            ["HANDLE_INVALID", "VM", "OpaqueRef:x"],
            ["UUID_INVALID", "VM", "x"],
            ["MESSAGE_PARAMETER_COUNT_MISMATCH", "VM.start", "3", "0"],
            ["EVENT_FROM_TOKEN_PARSE_FAILURE", "x"],
            ["SESSION_AUTHENTICATION_FAILED", "root", "Authentication failure"],
        ]


def follow(running: Any, ready: threading.Event) -> list[tuple[str, str]]:
    with connected(running) as session:
        batch = session.xenapi.event_from(["vm"], "", 5.0)
        ready.set()
        seen: list[tuple[str, str]] = []
        while not any(operation == "del" for operation, _ in seen):
            batch = session.xenapi.event_from(["vm"], batch["token"], 5.0)
            for event in batch["events"]:
                assert event["class"] == "vm"
                label = event["snapshot"]["name_label"] if "snapshot" in event else ""
                seen.append((event["operation"], label))
        return seen


async def test_events_are_followed() -> None:
    async with start_demo_host(speed=0.01) as running:
        ready = threading.Event()
        following = asyncio.ensure_future(asyncio.to_thread(follow, running, ready))
        await asyncio.to_thread(ready.wait, 5)
        db = running.host.db
        made = db.create("VM", name_label="made")
        await asyncio.sleep(0.3)
        db.set("VM", made, name_label="changed")
        await asyncio.sleep(0.3)
        db.destroy("VM", made)
        seen = [item for item in await following if item[1] in ("made", "changed", "")]
        assert seen == [("add", "made"), ("mod", "changed"), ("del", "")]


def operate(running: Any) -> list[str]:
    with connected(running) as session:
        xapi = session.xenapi
        vms = xapi.VM.get_all_records()
        ref = next(
            ref
            for ref, vm in vms.items()
            if vm["power_state"] == "Halted" and not vm["is_a_template"] and not vm["is_a_snapshot"]
        )
        states = []
        xapi.VM.start(ref, False, False)
        states.append(xapi.VM.get_power_state(ref))
        snapshot = xapi.VM.snapshot(ref, "by the SDK")
        assert xapi.VM.get_snapshot_of(snapshot) == ref
        assert xapi.VM.get_is_a_snapshot(snapshot) is True
        with pytest.raises(XenAPI.Failure) as caught:
            xapi.VM.start(ref, False, False)
        assert caught.value.details == ["VM_BAD_POWER_STATE", ref, "halted", "running"]
        task = xapi.Async.VM.hard_shutdown(ref)
        token = ""
        while xapi.task.get_status(task) == "pending":
            token = xapi.event_from([f"task/{task}"], token, 5.0)["token"]
        assert xapi.task.get_status(task) == "success"
        assert xapi.task.get_result(task) in ("", "<value></value>")
        xapi.task.destroy(task)
        states.append(xapi.VM.get_power_state(ref))
        return states


async def test_vms_start_snapshot_and_stop() -> None:
    async with start_demo_host(speed=0.01) as running:
        assert await asyncio.to_thread(operate, running) == ["Running", "Halted"]
