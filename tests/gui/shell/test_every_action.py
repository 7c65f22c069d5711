"""What no other test begins from a menu: each runs, and each refused one shows its reason there."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QDialog, QMenu

from tests.gui.shell.conftest import Shell
from xolite_qt.ui.actions import ACTIONS, ActionId
from xolite_qt.ui.dialogs.alarms.thresholds_dialog import ThresholdsDialog
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.host.plan_dialog import PlanDialog
from xolite_qt.ui.dialogs.pool.backup_network import BackupNetworkDialog
from xolite_qt.ui.dialogs.pool.ha import EnableHaDialog, FailuresDialog
from xolite_qt.ui.dialogs.snapshots.dialogs import TakeDialog
from xolite_qt.ui.dialogs.steps_window import Stage, StepsWindow
from xolite_qt.ui.dialogs.storage.new_storage import NewStorageDialog
from xolite_qt.ui.views.console.wall import ConsoleWall
from xolite_qt.ui.views.host import plan_work
from xolite_qt.ui.views.page import Kind

A = ActionId
POOL = pytest.mark.parametrize("shell", [{"generate": (3, 12)}], indirect=True)


def entries(shell: Shell, kind: Kind, ref: str = "") -> dict[str, QAction]:
    """Of the menus in the header of an object, by their ids or words."""
    shell.workspace.open_object(kind, ref)
    found: dict[str, QAction] = {}
    for button in shell.workspace._buttons[kind]:
        menu = button.menu()
        if isinstance(menu, QMenu):
            menu.aboutToShow.emit()
            found |= {entry.objectName() or entry.text(): entry for entry in menu.actions()}
    return found


def choose(shell: Shell, kind: Kind, ref: str, ident: str) -> None:
    entry = entries(shell, kind, ref)[ident]
    assert entry.isEnabled(), entry.toolTip()
    entry.trigger()


def why_not(shell: Shell, kind: Kind, ref: str, ident: str) -> str:
    entry = entries(shell, kind, ref)[ident]
    return "" if entry.isEnabled() else entry.toolTip()


def may(shell: Shell, kind: Kind, ref: str, ident: str) -> bool:
    return not why_not(shell, kind, ref, ident)


def is_done(shell: Shell, vm: str, method: str, state: str) -> bool:
    record = shell.db.get("VM", vm)
    at_rest = record["power_state"] == state and not record["current_operations"]
    return at_rest and method in methods(shell)


def words(action: ActionId) -> str:
    return ACTIONS[action].label


def toasts(shell: Shell) -> str:
    return "\n".join(shell.window.toasts.texts())


def methods(shell: Shell) -> list[str]:
    return [call.method for call in shell.running.host.calls]


def with_tools(shell: Shell) -> str:
    """A running VM whose guest answers, and that nothing else needs."""
    return next(
        str(ref)
        for ref, vm in shell.db.records("VM").items()
        if vm["power_state"] == "Running"
        and not vm["is_control_domain"]
        and {"clean_shutdown", "clean_reboot", "suspend"} <= set(vm["allowed_operations"])
    )


@pytest.mark.parametrize("shell", [{"speed": 0.005}], indirect=True)
async def test_a_vms_power_goes_through_all_its_states(shell: Shell) -> None:
    await shell.connect()
    ref = with_tools(shell)
    for action, method, state in (
        (A.VM_PAUSE, "Async.VM.pause", "Paused"),
        (A.VM_RESUME, "Async.VM.unpause", "Running"),
        (A.VM_SUSPEND, "Async.VM.suspend", "Suspended"),
        (A.VM_RESUME, "Async.VM.resume", "Running"),
        (A.VM_CLEAN_REBOOT, "Async.VM.clean_reboot", "Running"),
        (A.VM_HARD_REBOOT, "Async.VM.hard_reboot", "Running"),
        (A.VM_SNAPSHOT, "Async.VM.snapshot", "Running"),
        (A.VM_CLEAN_SHUTDOWN, "Async.VM.clean_shutdown", "Halted"),
        (A.VM_START, "Async.VM.start", "Running"),
    ):
        label = words(action)
        await shell.until(partial(may, shell, Kind.VM, ref, label))
        choose(shell, Kind.VM, ref, label)
        if action is A.VM_HARD_REBOOT:
            (await shell.dialog(ConfirmDialog)).go.click()
        await shell.until(partial(is_done, shell, ref, method, state))


async def test_actions_that_a_state_forbids_say_so_in_the_menu(shell: Shell) -> None:
    await shell.connect()
    running, halted = with_tools(shell), shell.vm("Halted")
    for action in (A.VM_START, A.VM_START_ON, A.VM_RESUME, A.VM_COPY, A.VM_DELETE):
        assert "running" in why_not(shell, Kind.VM, running, words(action)), action
    for action in (
        A.VM_PAUSE,
        A.VM_SUSPEND,
        A.VM_CLEAN_REBOOT,
        A.VM_HARD_REBOOT,
        A.VM_CLEAN_SHUTDOWN,
        A.VM_HARD_SHUTDOWN,
    ):
        assert "halted" in why_not(shell, Kind.VM, halted, words(action)), action
    assert why_not(shell, Kind.VM, running, words(A.VM_MIGRATE))
    assert "The VM is not running." in why_not(shell, Kind.VM, halted, "vm.console")
    shell.db.set("VM", running, current_operations={"OpaqueRef:t": "snapshot"})
    await shell.until(lambda: why_not(shell, Kind.VM, running, words(A.VM_SNAPSHOT)))
    assert "snapshot" in why_not(shell, Kind.VM, running, words(A.VM_SNAPSHOT))
    shell.db.set("VM", running, current_operations={}, allowed_operations=["hard_shutdown"])
    await shell.until(lambda: why_not(shell, Kind.VM, running, "vm.snapshot_with"))
    assert "present state" in why_not(shell, Kind.VM, running, "vm.snapshot_with")
    host = str(shell.running.host.this_host)
    assert why_not(shell, Kind.HOST, host, words(A.HOST_ENABLE))


async def test_a_snapshot_with_options_and_the_console_from_the_vms_menu(shell: Shell) -> None:
    await shell.connect()
    ref = with_tools(shell)
    choose(shell, Kind.VM, ref, "vm.snapshot_with")
    dialog = await shell.dialog(TakeDialog)
    dialog.name.setText("from the menu")
    dialog.go.click()
    await shell.until(lambda: "from the menu" in str(shell.db.records("VM").values()))
    choose(shell, Kind.VM, ref, "vm.console")
    await shell.until(lambda: shell.workspace.page is not None)
    await shell.until(lambda: getattr(shell.workspace.page, "page_id", "") == "vm.console")


async def test_a_host_leaves_maintenance_and_is_shut_down(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_work, "_ASK_S", 0.05)
    await shell.connect()
    host = str(shell.running.host.this_host)
    shell.db.set("host", host, enabled=False)
    label = words(A.HOST_ENABLE)
    await shell.until(lambda: not why_not(shell, Kind.HOST, host, label))
    choose(shell, Kind.HOST, host, label)
    await shell.until(lambda: shell.db.get("host", host)["enabled"])
    choose(shell, Kind.HOST, host, "host.shutdown")
    dialog = await shell.dialog(PlanDialog)
    assert dialog.go.text() == "Shut down host"
    dialog.reject()
    shell.db.set("host", host, current_operations={"OpaqueRef:t": "evacuate"})
    for ident in ("host.reboot", "host.shutdown", "host.smart_reboot", "host.maintenance"):
        await shell.until(partial(why_not, shell, Kind.HOST, host, ident))
        assert "is busy (evacuate)" in why_not(shell, Kind.HOST, host, ident)


@POOL
async def test_another_host_is_shut_down(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_work, "_ASK_S", 0.05)
    await shell.connect()
    host = next(str(r) for r in shell.db.refs("host") if r != shell.running.host.this_host)
    choose(shell, Kind.HOST, host, "host.shutdown")
    dialog = await shell.dialog(PlanDialog)
    if dialog.typed.isVisible():
        dialog.typed.setText(dialog.plan.situation.name)
    dialog.go.click()
    window = await shell.dialog(StepsWindow)
    await shell.until(lambda: window.close_button.text() == "Close", 30.0)
    assert set(window.stages) == {Stage.DONE}
    window.close()
    assert any("host.shutdown" in method for method in methods(shell))


@pytest.mark.parametrize(
    ("kind", "ident", "form"),
    [
        (Kind.HOST, "host.thresholds", ThresholdsDialog),
        (Kind.POOL, "pool.backup_network", BackupNetworkDialog),
        (Kind.POOL, "pool.enable_ha", EnableHaDialog),
        (Kind.POOL, "pool.new_storage", NewStorageDialog),
        (Kind.POOL, "pool.update", PlanDialog),
    ],
)
async def test_menus_lead_to_their_forms(
    shell: Shell, kind: Kind, ident: str, form: type[QDialog]
) -> None:
    await shell.connect()
    ref = str(shell.running.host.this_host) if kind is Kind.HOST else ""
    await shell.until(lambda: not why_not(shell, kind, ref, ident))
    choose(shell, kind, ref, ident)
    dialog = await shell.dialog(form)
    dialog.reject()
    await shell.until(lambda: not shell.window.findChildren(form))


@POOL
async def test_high_availability_is_ended_from_the_pools_menu(shell: Shell) -> None:
    pool = next(iter(shell.db.refs("pool")))
    shell.db.set("pool", pool, ha_enabled=True)
    await shell.connect()
    choose(shell, Kind.POOL, "", "pool.ha_failures")
    form = await shell.dialog(FailuresDialog)
    form.failures.number.setValue(1)
    form.save.click()
    await shell.until(lambda: shell.db.get("pool", pool)["ha_host_failures_to_tolerate"] == 1)
    assert "is on already." in why_not(shell, Kind.POOL, "", "pool.enable_ha")
    choose(shell, Kind.POOL, "", "pool.disable_ha")
    (await shell.dialog(ConfirmDialog)).go.click()
    await shell.until(lambda: not shell.db.get("pool", pool)["ha_enabled"])
    await shell.until(lambda: why_not(shell, Kind.POOL, "", "pool.disable_ha"))
    for ident in ("pool.disable_ha", "pool.ha_failures"):
        assert "High availability is off." in why_not(shell, Kind.POOL, "", ident)


async def test_consoles_of_a_hosts_vms_are_tiled(shell: Shell) -> None:
    await shell.connect()
    choose(shell, Kind.HOST, str(shell.running.host.this_host), "host.consoles")

    def walls() -> list[Any]:
        return [each for each in QApplication.topLevelWidgets() if isinstance(each, ConsoleWall)]

    await shell.until(walls)
    for wall in walls():
        wall.close()
    for ref, vm in list(shell.db.records("VM").items()):
        if vm["power_state"] == "Running" and not vm["is_control_domain"]:
            shell.db.set("VM", ref, power_state="Halted")
    host = str(shell.running.host.this_host)
    await shell.until(lambda: why_not(shell, Kind.HOST, host, "host.consoles"))
    assert "None of these VMs is running." in why_not(shell, Kind.POOL, "", "pool.consoles")
