"""Owners: of tasks, of dialogs that are awaited, of the demo host's thread, of the garbage."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from pathlib import Path

import pytest
from PySide6.QtWidgets import QDialog
from pytestqt.qtbot import QtBot

from tests.gui.shell.shell_bench import until
from xolite_qt.demo_host import WorldError
from xolite_qt.demo_thread import DemoThread
from xolite_qt.ui.garbage import GarbageCollector
from xolite_qt.ui.tasks import TaskOwner, ask
from xolite_qt.xen_api import MemoryPins, XenApi


async def forever(ended: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("ended")


async def failing() -> None:
    raise ValueError("no")


async def test_an_owner_ends_what_it_started_and_starts_nothing_after() -> None:
    owner, ended = TaskOwner(), list[str]()
    tasks = [owner.spawn(forever(ended), f"task {number}") for number in range(3)]
    await asyncio.sleep(0)
    assert len(owner) == 3
    await owner.close()
    assert ended == ["ended"] * 3
    assert all(task is not None and task.cancelled() for task in tasks)
    assert len(owner) == 0
    assert owner.spawn(forever(ended), "late") is None


async def test_cancelling_leaves_an_owner_usable() -> None:
    owner, ended = TaskOwner(), list[str]()
    owner.spawn(forever(ended), "one")
    await asyncio.sleep(0)
    owner.cancel_all()
    await until(lambda: ended)
    assert owner.spawn(asyncio.sleep(0), "two") is not None
    await until(lambda: len(owner) == 0)
    await owner.close()


async def test_a_failure_is_told_to_whoever_listens_nearest() -> None:
    all_told: list[Exception] = []
    one_told: list[Exception] = []
    owner = TaskOwner(on_error=all_told.append)
    owner.spawn(failing(), "one")
    owner.spawn(failing(), "other", on_error=one_told.append)
    await until(lambda: len(owner) == 0)
    assert [str(error) for error in all_told + one_told] == ["no", "no"]
    assert len(one_told) == 1
    await owner.close()


@pytest.mark.logs_warnings
async def test_a_failure_that_nobody_hears_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    owner = TaskOwner()
    owner.spawn(failing(), "start web-1")
    await until(lambda: len(owner) == 0)
    assert "start web-1 failed" in caplog.text
    await owner.close()


async def test_a_dialog_is_awaited_and_goes_with_its_waiter() -> None:
    for answer in (True, False):
        dialog = QDialog()
        asyncio.get_running_loop().call_soon(dialog.accept if answer else dialog.reject)
        assert await ask(dialog) is answer
    dialog = QDialog()
    closed: list[int] = []
    dialog.finished.connect(closed.append)
    waiter = asyncio.get_running_loop().create_task(ask(dialog))
    await until(dialog.isVisible)
    waiter.cancel()
    await asyncio.wait({waiter})
    assert waiter.cancelled()
    assert closed == [0]


async def test_the_demo_host_lives_in_a_thread_until_it_is_stopped() -> None:
    demo = DemoThread(speed=0.05)
    running = await demo.start()
    pins = MemoryPins()
    api = XenApi(running.url, pins=pins)
    pins.accept(*api.address, running.fingerprint)
    await api.login(running.user, running.password)
    assert len(await api.get_all_records("vm")) > 12
    await api.close()
    await demo.stop()
    assert "demo-host" not in {thread.name for thread in threading.enumerate()}
    # Twice does no harm.
    await demo.stop()


async def test_a_spoilt_world_is_the_starters_error(tmp_path: Path) -> None:
    path = tmp_path / "half.json"
    path.write_text('{"VM": {"OpaqueRef:1": {"name_la')
    demo = DemoThread(world=path)
    with pytest.raises(WorldError):
        await demo.start()
    await demo.stop()


class Ring:
    """An object that only the collector can end; says in which thread it ended."""

    def __init__(self, ends: list[threading.Thread]) -> None:
        self.me = self
        weakref.finalize(self, lambda: ends.append(threading.current_thread()))


def test_garbage_is_collected_in_the_windows_thread_alone(qtbot: QtBot) -> None:
    gc.enable()
    collector = GarbageCollector()
    try:
        assert not gc.isenabled()
        ends: list[threading.Thread] = []

        def litter() -> None:
            for _ in range(3000):
                Ring(ends)

        other = threading.Thread(target=litter)
        other.start()
        other.join()
        # The thread that made it did not collect it, however much it was.
        assert ends == []
        collector.collect()
        assert len(ends) == 3000
        assert set(ends) == {threading.main_thread()}
    finally:
        collector.close()
    assert gc.isenabled()


def test_young_and_old_garbage_goes_in_time(qtbot: QtBot) -> None:
    """Memory stays level while a window lives: every generation gets its turn."""
    collector = GarbageCollector()
    ends: list[threading.Thread] = []
    made = 0
    try:
        for _ in range(400):
            for _ in range(1000):
                Ring(ends)
            made += 1000
            collector.collect()
            assert made - len(ends) <= 20_000
    finally:
        collector.close()
    assert len(ends) == made
