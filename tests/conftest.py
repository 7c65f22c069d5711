"""What holds for every test: no display, a profile of its own, and no silent trouble.

A test fails when it logs a warning that it did not ask for, blocks the event loop, or leaves a task
or a thread behind.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

# Before any Qt import: the suite draws off screen, on every machine.
os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ.setdefault("PYQTGRAPH_QT_LIB", "PySide6")
# No test touches the keyring of whoever runs it.
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

settings.register_profile(
    "suite",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("suite")

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"


@pytest.fixture
def real_world() -> Path:
    """The records of a real host; skips where they are not at hand."""
    path = SHARED / "worlds" / "tampa-poolofone.json"
    if not path.exists():
        pytest.skip("the real host's records are not beside this checkout")
    return path


@pytest.fixture(autouse=True)
def own_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, pins and caches of a test live in its own folder."""
    home = tmp_path / "profile"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(home / name.lower()))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """A warning in the log fails the test, unless it carries the mark `logs_warnings`."""
    records: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    keep = Keep(level=logging.WARNING)
    root = logging.getLogger()
    root.addHandler(keep)
    try:
        result = yield
    finally:
        root.removeHandler(keep)
    if records and not item.get_closest_marker("logs_warnings"):
        lines = "\n".join(f"{r.levelname} {r.name}: {r.getMessage()}" for r in records)
        pytest.fail(f"the test logged warnings:\n{lines}")
    return result


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """A thread of ours that outlives its test fails it (pools of libraries may stay)."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 2.0
    while True:
        left = [
            thread
            for thread in threading.enumerate()
            if thread not in before
            # "Dummy": threads of Qt's own pool, which qasync uses and ends with its loop.
            and not thread.name.startswith(("asyncio_", "ThreadPool", "Dummy-"))
        ]
        if not left or time.monotonic() > deadline:
            break
        time.sleep(0.01)
    assert not left, f"threads left behind: {left}"


@pytest_asyncio.fixture
async def no_task_left() -> AsyncIterator[None]:
    """For async tests that ask for it: every task started in the test has ended with it."""
    before = asyncio.all_tasks()
    yield

    def left() -> list[asyncio.Task[object]]:
        return [t for t in asyncio.all_tasks() - before if t is not asyncio.current_task()]

    for _ in range(20):
        if not left():
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"tasks left behind: {left()}")
