"""Deleting VMs: what goes with them is shown, chosen and gone."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.gui.pages.conftest import Bench
from tests.gui.pages.vm_life.kit import choose, disks, in_state, menu_entry, records
from xolite_qt.ui.actions import ActionId
from xolite_qt.ui.dialogs.calls import CallsDialog
from xolite_qt.ui.dialogs.vm.delete import DeleteVmsDialog

OFF = Qt.CheckState.Unchecked
ON = Qt.CheckState.Checked


async def begin(bench: Bench, *refs: str) -> DeleteVmsDialog:
    await choose(bench, "Delete", *refs)
    return await bench.dialog(DeleteVmsDialog)


async def test_the_vm_goes_with_its_disks_and_its_snapshots(bench: Bench) -> None:
    ref = in_state(bench, "Halted")[0]
    snapshot = await bench.api.run("VM.snapshot", ref, "before")
    gone = [*disks(bench, ref), *disks(bench, snapshot)]
    dialog = await begin(bench, ref)
    assert dialog.ticked() == {*gone, snapshot}
    assert not dialog.go.isEnabled()
    dialog.typed.setText(bench.db.get("VM", ref)["name_label"])
    QTest.keyClick(dialog.typed, Qt.Key.Key_Return)
    assert dialog.isVisible(), "Enter must not delete"
    dialog.go.click()
    await bench.until(lambda: any("deleted." in told for told in bench.told))
    assert not bench.db.exists("VM", ref)
    assert not bench.db.exists("VM", snapshot)
    assert not any(bench.db.exists("VDI", vdi) for vdi in gone)


async def test_what_is_not_ticked_stays(bench: Bench) -> None:
    ref = in_state(bench, "Halted")[0]
    snapshot = await bench.api.run("VM.snapshot", ref, "before")
    kept, also = disks(bench, ref), disks(bench, snapshot)
    dialog = await begin(bench, ref)
    lines = dialog.items()
    lines[kept[0]].setCheckState(0, OFF)
    lines[snapshot].setCheckState(0, OFF)
    assert not dialog.ticked() & {*also, snapshot}, "a kept snapshot keeps its disks"
    dialog.typed.setText(bench.db.get("VM", ref)["name_label"])
    dialog.go.click()
    await bench.until(lambda: any("deleted." in told for told in bench.told))
    assert not bench.db.exists("VM", ref)
    assert bench.db.exists("VDI", kept[0])
    assert bench.db.exists("VM", snapshot)
    assert all(bench.db.exists("VDI", vdi) for vdi in also)


async def test_a_shared_disk_is_not_ticked_and_says_who_has_it(bench: Bench) -> None:
    first, second = in_state(bench, "Halted", 2)[:2]
    shared = disks(bench, first)[0]
    bench.db.create("VBD", VM=second, VDI=shared, userdevice="9", type="Disk", mode="RW")
    dialog = await begin(bench, first)
    line = dialog.items()[shared]
    assert line.checkState(0) is OFF
    assert bench.db.get("VM", second)["name_label"] in line.text(2)
    dialog.reject()
    # Where both go, it is nobody else's.
    await bench.until(lambda: not dialog_open(bench))
    dialog = await begin(bench, first, second)
    assert dialog.items()[shared].checkState(0) is ON
    dialog.reject()


def dialog_open(bench: Bench) -> bool:
    return bool(bench.window.findChildren(DeleteVmsDialog))


async def test_several_at_once(bench: Bench) -> None:
    first, second = in_state(bench, "Halted", 2)[:2]
    gone = [*disks(bench, first), *disks(bench, second)]
    dialog = await begin(bench, first, second)
    assert dialog.type_this == "delete 2 VMs"
    dialog.typed.setText("delete 2 VMs")
    dialog.go.click()
    await bench.until(
        lambda: not bench.db.exists("VM", first) and not bench.db.exists("VM", second)
    )
    await bench.until(lambda: not any(bench.db.exists("VDI", vdi) for vdi in gone))


async def test_a_protected_vm_is_refused_with_the_reason(bench: Bench) -> None:
    ref = in_state(bench, "Halted")[0]
    await bench.api.call("VM.add_to_blocked_operations", ref, "destroy", "true")
    name = bench.db.get("VM", ref)["name_label"]
    vms = await records(bench, ref)
    _menu, entry = menu_entry(bench, vms, "Delete")
    assert not entry.isEnabled()
    assert f"protected {name}" in entry.toolTip()
    bench.context.actions.trigger(ActionId.VM_DELETE, vms)
    assert any("protected" in told for told in bench.told)


async def test_the_script_shows_what_is_ticked_and_deletes_nothing(bench: Bench) -> None:
    ref = in_state(bench, "Halted")[0]
    bench.context.actions.show_calls_of(ActionId.VM_DELETE, await records(bench, ref))
    dialog = await bench.dialog(DeleteVmsDialog)
    dialog.typed.setText(bench.db.get("VM", ref)["name_label"])
    dialog.go.click()
    shown = await bench.dialog(CallsDialog)
    shown.reject()
    assert bench.db.exists("VM", ref)
