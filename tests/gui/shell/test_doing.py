"""Doing things: asked first where it hurts, told afterwards, shown while it goes on."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from tests.gui.shell.conftest import Shell
from xolite_qt.ui.actions import ActionId
from xolite_qt.ui.dialogs.choose_host import ChooseHostDialog
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.results import ResultsWindow
from xolite_qt.ui.dialogs.vm.delete import DeleteVmsDialog
from xolite_qt.ui.views.page import Kind
from xolite_qt.xen_api import VM

A = ActionId
K = Qt.Key


def record(shell: Shell, ref: str) -> VM:
    return shell.workspace.stores.vm.records[ref]


def state(shell: Shell, ref: str) -> str:
    return str(shell.db.get("VM", ref)["power_state"])


def toasts(shell: Shell) -> str:
    return "\n".join(shell.window.toasts.texts())


async def test_starting_is_done_at_once_and_told(shell: Shell) -> None:
    await shell.connect()
    ref = shell.vm("Halted")
    vm = record(shell, ref)
    shell.workspace.runner.trigger(A.VM_START, (vm,))
    await shell.until(lambda: f"{vm.name_label}: started." in toasts(shell))
    assert state(shell, ref) == "Running"
    assert "Async.VM.start" in [call.method for call in shell.running.host.calls]


@pytest.mark.parametrize("key", [K.Key_Escape, K.Key_Return, K.Key_Enter])
async def test_neither_esc_nor_enter_cuts_the_power(shell: Shell, key: Qt.Key) -> None:
    await shell.connect()
    ref = shell.vm("Running")
    shell.workspace.runner.trigger(A.VM_HARD_SHUTDOWN, (record(shell, ref),))
    dialog = await shell.dialog(ConfirmDialog)
    assert dialog.focusWidget() is dialog.cancel
    QTest.keyClick(dialog, key)
    if dialog.isVisible():
        dialog.reject()
    await shell.until(lambda: not shell.window.findChildren(ConfirmDialog))
    assert state(shell, ref) == "Running"


async def test_the_verb_cuts_the_power(shell: Shell) -> None:
    await shell.connect()
    ref = shell.vm("Running")
    shell.workspace.runner.trigger(A.VM_HARD_SHUTDOWN, (record(shell, ref),))
    dialog = await shell.dialog(ConfirmDialog)
    assert dialog.go.text() == "Force shut down"
    dialog.go.click()
    await shell.until(lambda: state(shell, ref) == "Halted")
    await shell.until(lambda: "shut down." in toasts(shell))


async def test_deleting_names_the_disks_and_wants_the_name_typed(shell: Shell) -> None:
    await shell.connect()
    ref = shell.vm("Halted")
    vm = record(shell, ref)
    disks = [
        shell.db.get("VBD", vbd)["VDI"]
        for vbd in shell.db.get("VM", ref)["VBDs"]
        if shell.db.get("VBD", vbd)["type"] == "Disk"
    ]
    assert disks
    shell.workspace.runner.trigger(A.VM_DELETE, (vm,))
    dialog = await shell.dialog(DeleteVmsDialog)
    assert set(disks) <= dialog.ticked()
    assert not dialog.go.isEnabled()
    dialog.typed.setText(vm.name_label[:-1])
    assert not dialog.go.isEnabled()
    dialog.typed.setText(vm.name_label)
    QTest.keyClick(dialog.typed, K.Key_Return)
    assert dialog.isVisible()
    dialog.go.click()
    await shell.until(lambda: not shell.db.exists("VM", ref))
    await shell.until(lambda: not any(shell.db.exists("VDI", vdi) for vdi in disks))


async def test_starting_on_a_host_asks_which(shell: Shell) -> None:
    await shell.connect()
    ref = shell.vm("Halted")
    shell.workspace.runner.trigger(A.VM_START_ON, (record(shell, ref),))
    dialog = await shell.dialog(ChooseHostDialog)
    assert dialog.chosen == next(iter(shell.db.refs("host")))
    QTest.keyClick(dialog.list, K.Key_Return)
    await shell.until(lambda: state(shell, ref) == "Running")


async def test_many_at_once_give_each_its_result(shell: Shell) -> None:
    await shell.connect()
    refs = [
        r for r in shell.workspace.stores.vm.records if record(shell, r).power_state == "Halted"
    ]
    assert len(refs) >= 2
    vms = [record(shell, ref) for ref in refs]
    # One goes away between the click and the call.
    shell.db.destroy("VM", refs[0])
    shell.workspace.runner.trigger(A.VM_START, vms)
    window = await shell.dialog(ResultsWindow)
    await shell.until(lambda: window.again.isEnabled())
    assert all(state(shell, ref) == "Running" for ref in refs[1:])
    assert f"{len(vms) - 1} of {len(vms)} done, 1 failed." in window.words.text()
    window.more.click()
    assert "HANDLE_INVALID" in window.details.toPlainText()
    assert vms[0].name_label in window.text()


async def test_what_may_not_be_done_is_told_and_not_tried(shell: Shell) -> None:
    await shell.connect()
    ref = shell.vm("Running")
    before = len(shell.running.host.calls)
    shell.workspace.runner.trigger(A.VM_START, (record(shell, ref),))
    assert "has to be halted" in toasts(shell)
    assert all("VM.start" not in c.method for c in list(shell.running.host.calls)[before:])


async def test_menus_show_everything_and_say_why_not(shell: Shell) -> None:
    await shell.connect()
    ref = shell.vm("Halted")
    shell.workspace.open_object(Kind.VM, ref)
    menus = [button.menu() for button in shell.workspace._buttons[Kind.VM]]
    shown = {}
    for menu in menus:
        assert isinstance(menu, QMenu)
        menu.aboutToShow.emit()
        shown.update({entry.text(): entry for entry in menu.actions() if entry.text()})
    assert shown["Start"].isEnabled()
    assert not shown["Suspend"].isEnabled()
    assert "it has to be running" in shown["Suspend"].toolTip()
    assert {"Delete", "Copy…", "Take snapshot", "Migrate to…"} <= set(shown)
    shown["Start"].trigger()
    await shell.until(lambda: state(shell, ref) == "Running")


async def test_a_task_is_seen_and_can_be_cancelled(shell: Shell) -> None:
    await shell.connect()
    drawer = shell.workspace.drawer
    shell.running.host.speed = 1.0
    ref = shell.vm("Running")
    shell.workspace.runner.trigger(A.VM_SUSPEND, (record(shell, ref),))
    await shell.until(lambda: any("suspend" in r.task.name_label for r in drawer.model.rows()))
    row = next(r for r in drawer.model.rows() if "suspend" in r.task.name_label)
    assert row.is_pending
    drawer.cancel_task(row)
    await shell.until(lambda: "cancelled" in toasts(shell))
    assert state(shell, ref) == "Running"
    # What has ended stays to be read.
    await shell.until(lambda: row.ref in {r.ref for r in drawer.model.rows() if not r.is_pending})
