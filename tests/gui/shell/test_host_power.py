"""A host's own life, from its menu: a plan first, then steps that one can watch."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from tests.gui.shell.conftest import Shell
from xolite_qt.demo_host.ops import host_plugins
from xolite_qt.ui.dialogs.calls import CallsDialog
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.host.plan_dialog import PlanDialog
from xolite_qt.ui.dialogs.steps_window import Stage, StepsWindow
from xolite_qt.ui.models.host_plan import Fate
from xolite_qt.ui.views.host import plan_work
from xolite_qt.ui.views.page import Kind

POOL = pytest.mark.parametrize("shell", [{"generate": (3, 12)}], indirect=True)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_work, "_ASK_S", 0.05)


def choose(shell: Shell, ref: str, choice_id: str) -> None:
    """Open the host's menu as its header shows it, and choose."""
    shell.workspace.open_object(Kind.HOST, ref)
    button = next(
        button for button in shell.workspace._buttons[Kind.HOST] if isinstance(button.menu(), QMenu)
    )
    menu = button.menu()
    menu.aboutToShow.emit()
    entry = next(entry for entry in menu.actions() if entry.objectName() == choice_id)
    assert entry.isEnabled(), entry.toolTip()
    entry.trigger()


def master(shell: Shell) -> str:
    return str(shell.running.host.this_host)


def other(shell: Shell) -> str:
    return next(str(ref) for ref in shell.db.refs("host") if ref != master(shell))


def guests(shell: Shell, host: str) -> list[str]:
    return [
        ref
        for ref in shell.db.get("host", host)["resident_VMs"]
        if not shell.db.get("VM", ref)["is_control_domain"]
        and shell.db.get("VM", ref)["power_state"] == "Running"
    ]


async def ended(shell: Shell, window: StepsWindow) -> list[Stage]:
    await shell.until(lambda: window.close_button.text() == "Close", 30.0)
    return window.stages


@POOL
async def test_maintenance_moves_what_can_move(shell: Shell) -> None:
    await shell.connect()
    ref = other(shell)
    before = guests(shell, ref)
    assert before
    choose(shell, ref, "host.maintenance")
    dialog = await shell.dialog(PlanDialog)
    moving = [vm for vm, fate in dialog.plan.fates.items() if fate is Fate.MOVE]
    assert set(dialog.choices) >= set(before)
    assert "starts no VM any more" in dialog.steps.text()
    assert dialog.go.text() == "Enter maintenance"
    dialog.go.click()
    window = await shell.dialog(StepsWindow)
    assert not window.isModal()
    assert set(await ended(shell, window)) == {Stage.DONE}
    assert not shell.db.get("host", ref)["enabled"]
    assert not set(moving) & set(shell.db.get("host", ref)["resident_VMs"])
    assert "is in maintenance." in "\n".join(shell.window.toasts.texts())
    window.close()


@POOL
async def test_esc_changes_nothing_and_the_calls_can_be_read_first(shell: Shell) -> None:
    await shell.connect()
    ref = other(shell)
    choose(shell, ref, "host.reboot")
    dialog = await shell.dialog(PlanDialog)
    dialog.calls.click()
    calls = await shell.dialog(CallsDialog)
    assert "xe host-disable uuid=" in calls.text.toPlainText()
    assert "xe host-reboot uuid=" in calls.text.toPlainText()
    calls.cancel.click()
    assert dialog.focusWidget() is dialog.cancel
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    await shell.until(lambda: not shell.window.findChildren(PlanDialog))
    assert shell.db.get("host", ref)["enabled"]
    assert "Async.host.disable" not in [call.method for call in shell.running.host.calls]


@POOL
async def test_a_fate_that_cannot_be_says_why(shell: Shell) -> None:
    await shell.connect()
    ref = other(shell)
    vm = guests(shell, ref)[0]
    choose(shell, ref, "host.reboot")
    dialog = await shell.dialog(PlanDialog)
    box = dialog.choices[vm]
    cut = box.findData(Fate.CUT.value)
    box.setCurrentIndex(cut)
    name = shell.db.get("VM", vm)["name_label"]
    assert f"Force {name} to shut down" in dialog.steps.text()
    assert "pulling the plug" in dialog.warnings.text()
    assert not dialog.go.isEnabled()
    assert "Type the name first." in dialog.go.toolTip()
    dialog.typed.setText(dialog.plan.situation.name)
    assert dialog.go.isEnabled()
    dialog.reject()


@pytest.mark.parametrize("choice", ["host.toolstack", "host.smart_reboot"])
async def test_the_master_goes_away_and_comes_back(shell: Shell, choice: str) -> None:
    await shell.connect()
    ref = master(shell)
    before = set(guests(shell, ref))
    choose(shell, ref, choice)
    dialog = await shell.dialog(PlanDialog)
    assert "the connection is lost for a while" in dialog.warnings.text()
    if dialog.typed.isVisible():
        dialog.typed.setText(dialog.plan.situation.name)
    dialog.go.click()
    window = await shell.dialog(StepsWindow)
    stages = await ended(shell, window)
    assert set(stages) == {Stage.DONE}, (window.trouble.text(), stages)
    assert shell.db.get("host", ref)["enabled"]
    assert before <= set(guests(shell, ref))
    window.close()


@POOL
async def test_a_step_that_fails_can_be_tried_again(shell: Shell) -> None:
    await shell.connect()
    ref = other(shell)
    choose(shell, ref, "host.maintenance")
    dialog = await shell.dialog(PlanDialog)
    shell.running.host.faults.fail("host.disable", "HOST_OFFLINE", ref)
    dialog.go.click()
    window = await shell.dialog(StepsWindow)
    await shell.until(lambda: window.again.isVisible())
    assert window.stages[0] is Stage.FAILED
    assert "HOST_OFFLINE" in window.trouble.text()
    window.again.click()
    assert set(await ended(shell, window)) == {Stage.DONE}
    assert not shell.db.get("host", ref)["enabled"]
    window.close()


@POOL
async def test_patches_are_installed_after_a_plan(shell: Shell) -> None:
    await shell.connect()
    ref = other(shell)
    choose(shell, ref, "host.update")
    dialog = await shell.dialog(PlanDialog)
    assert "Install 9\N{NO-BREAK SPACE}packages" in dialog.steps.text()
    assert "Reboot" in dialog.steps.text()
    if dialog.typed.isVisible():
        dialog.typed.setText(dialog.plan.situation.name)
    dialog.go.click()
    window = await shell.dialog(StepsWindow)
    assert set(await ended(shell, window)) == {Stage.DONE}
    window.close()

    def asked() -> list[Any]:
        return [c for c in shell.running.host.calls if c.method.endswith("host.call_plugin")]

    assert asked()
    choose(shell, ref, "host.update")
    await shell.until(
        lambda: "there is nothing to install" in "\n".join(shell.window.toasts.texts())
    )


@POOL
async def test_a_plan_that_is_given_up_leaves_no_vm_down(shell: Shell) -> None:
    await shell.connect()
    ref = other(shell)
    vms = guests(shell, ref)
    choose(shell, ref, "host.smart_reboot")
    dialog = await shell.dialog(PlanDialog)
    box = dialog.choices[vms[0]]
    box.setCurrentIndex(box.findData(Fate.CUT.value))
    dialog.typed.setText(dialog.plan.situation.name)
    shell.running.host.faults.fail("host.reboot", "HOST_OFFLINE", ref)
    dialog.go.click()
    window = await shell.dialog(StepsWindow)
    await shell.until(lambda: window.again.isVisible())
    assert shell.db.get("VM", vms[0])["power_state"] == "Halted"
    shell.window.close()
    leaving = await shell.dialog(ConfirmDialog)
    assert "and bring its VMs back" in leaving.question.title
    leaving.reject()
    window.stop.click()
    await shell.until(window.back.isVisible)
    assert window.close_button.text() == "Close"
    assert "steps done" in "\n".join(shell.window.toasts.texts())
    window.back.click()
    await shell.until(lambda: bool(window.undo_rows) and window.close_button.text() == "Close")
    assert {row.stage for row in window.undo_rows} == {Stage.DONE}, window.trouble.text()
    assert shell.db.get("host", ref)["enabled"]
    assert shell.db.get("VM", vms[0])["power_state"] == "Running"
    window.close()


@POOL
async def test_an_update_that_failed_reboots_nothing(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = '{"exit": 1, "stdout": "", "stderr": "No space left on device"}'
    monkeypatch.setattr(host_plugins, "_update", lambda _call, _host: answer)
    await shell.connect()
    ref = other(shell)
    choose(shell, ref, "host.update")
    dialog = await shell.dialog(PlanDialog)
    assert "the pool's master, lacks patches itself" in dialog.warnings.text()
    if dialog.typed.isVisible():
        dialog.typed.setText(dialog.plan.situation.name)
    dialog.go.click()
    window = await shell.dialog(StepsWindow)
    await shell.until(window.again.isVisible)
    assert "No space left on device" in window.trouble.text()
    assert "Async.host.reboot" not in [call.method for call in shell.running.host.calls]
    window.stop.click()
    await shell.until(window.back.isVisible)
    window.close()


@POOL
async def test_a_disabled_host_can_still_be_emptied(shell: Shell) -> None:
    await shell.connect()
    ref = other(shell)
    assert guests(shell, ref)
    shell.db.set("host", ref, enabled=False)
    await shell.until(lambda: not shell.workspace.context.stores.host.records[ref].enabled)
    choose(shell, ref, "host.maintenance")
    dialog = await shell.dialog(PlanDialog)
    assert "starts no VM" not in dialog.steps.text()
    assert "to other hosts" in dialog.steps.text()
    dialog.reject()


@POOL
async def test_shutting_the_master_down_says_what_that_means(shell: Shell) -> None:
    await shell.connect()
    choose(shell, master(shell), "host.shutdown")
    dialog = await shell.dialog(PlanDialog)
    assert "nothing in the pool can be managed" in dialog.warnings.text()
    assert "comes back by itself" not in dialog.warnings.text()
    dialog.reject()
