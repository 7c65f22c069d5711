"""New alarms: counted in the header, told once, and old when they were looked at."""

from __future__ import annotations

import asyncio

import pytest

from tests.gui.shell.conftest import Shell
from xolite_qt.demo_host.worlds.alarms import add_alarm
from xolite_qt.ui.views.page import Kind


async def test_a_new_alarm_rings_and_a_look_silences_it(shell: Shell) -> None:
    await shell.connect()
    stores, bell = shell.workspace.stores, shell.workspace.bell
    await shell.until(lambda: stores.news.is_ready)
    # What is stored already is no news.
    assert not bell.count.isVisible()
    assert "message" not in stores.api.events.classes
    add_alarm(shell.running.host, "VM", shell.vm("Running"), "cpu_usage", 0.97, 0.9)
    stores.news.retry()
    await shell.until(lambda: bell.count.number == 1)
    assert bell.button.accessibleName() == "1\N{NO-BREAK SPACE}new alarm"
    told = [text for text in shell.window.toasts.texts() if "New alarm" in text]
    assert told == ["New alarm: CPU usage above 90%"]
    for _again in range(3):
        stores.news.retry()
        await asyncio.sleep(0.1)
    assert bell.count.number == 1
    bell.button.click()
    assert (shell.workspace.kind, shell.workspace.tabs.current()) == (Kind.POOL, "alarms")
    assert bell.count.number == 0
    assert not bell.count.isVisible()


async def test_what_was_said_by_messages_for_the_record_does_not_ring(shell: Shell) -> None:
    await shell.connect()
    stores = shell.workspace.stores
    await shell.until(lambda: stores.news.is_ready)
    made = {"name": "VM_STARTED", "priority": 5, "cls": "VM", "obj_uuid": "", "body": ""}
    shell.db.create("message", {**made, "timestamp": shell.running.host.clock.iso()})
    crash = {**made, "name": "VM_CRASHED", "priority": 2}
    shell.db.create("message", {**crash, "timestamp": shell.running.host.clock.iso()})
    stores.news.retry()
    await shell.until(lambda: shell.workspace.bell.count.number == 1)
    assert any("VM crashed" in text for text in shell.window.toasts.texts())


async def test_a_click_on_the_desktops_message_shows_the_alarms(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shell.connect()
    told: list[tuple[str, object]] = []

    def tell(_title: str, text: str, about: object = None, **_rest: str) -> bool:
        told.append((text, about))
        return True

    monkeypatch.setattr(shell.window.notifier, "tell", tell)
    monkeypatch.setattr(shell.window, "isActiveWindow", lambda: False)
    await shell.until(lambda: shell.workspace.stores.news.is_ready)
    add_alarm(shell.running.host, "VM", shell.vm("Running"), "cpu_usage", 0.97, 0.9)
    shell.workspace.stores.news.retry()
    await shell.until(lambda: told)
    shell.workspace.open_object(Kind.VM, shell.vm("Halted"), "dashboard")
    shell.window.notifier.opened.emit(told[0][1])
    assert (shell.workspace.kind, shell.workspace.tabs.current()) == (Kind.POOL, "alarms")
