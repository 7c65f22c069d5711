"""Copies, names and templates."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.gui.pages.conftest import Bench
from tests.gui.pages.vm_life.kit import choose, disks, in_state, menu_entry, name, records, told
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.snapshots.dialogs import NameDialog
from xolite_qt.ui.dialogs.vm.copy import CopyVmDialog
from xolite_qt.ui.views.pool.vms import VmsPage


def called(bench: Bench, words: str) -> list[str]:
    """References of VMs of this name."""
    return [str(ref) for ref in bench.db.refs("VM") if name(bench, ref) == words]


async def test_a_fast_clone_under_a_name(bench: Bench) -> None:
    ref = in_state(bench, "Halted")[0]
    await choose(bench, "Copy…", ref)
    dialog = await bench.dialog(CopyVmDialog)
    assert dialog.name.text() == f"{name(bench, ref)} (copy)"
    assert not dialog.sr.isEnabled()
    dialog.name.clear()
    assert not dialog.go.isEnabled()
    assert dialog.name_row.problem == "Give it a name."
    dialog.name.setText("second")
    dialog.go.click()
    await bench.until(lambda: told(bench, "copied."))
    assert len(called(bench, "second")) == 1
    assert "Async.VM.clone" in bench.calls()


async def test_a_full_copy_goes_to_the_chosen_storage(bench: Bench) -> None:
    ref = in_state(bench, "Halted")[0]
    for vdi in disks(bench, ref):
        bench.db.set("VDI", vdi, physical_utilisation=1 << 20)
    nas = await bench.ref_of("SR", "NAS brightwater-nas")
    await choose(bench, "Copy…", ref)
    dialog = await bench.dialog(CopyVmDialog)
    assert any("DVD" in dialog.sr.itemText(at) for at in range(dialog.sr.count()))
    dialog.name.setText("second")
    dialog.full.click()
    assert not dialog.fast.isChecked()
    assert dialog.sr.isEnabled()
    assert dialog.sr.currentText() == "Where each disk is now"
    dialog.sr.choose(nas)
    dialog.go.click()
    await bench.until(lambda: told(bench, "copied."))
    (made,) = called(bench, "second")
    assert {bench.db.get("VDI", vdi)["SR"] for vdi in disks(bench, made)} == {nas}


async def test_several_copies_take_their_vms_names(bench: Bench) -> None:
    refs = in_state(bench, "Halted", 2)[:2]
    await choose(bench, "Copy…", *refs)
    dialog = await bench.dialog(CopyVmDialog)
    assert dialog.name_row.isHidden()
    dialog.go.click()
    wanted = [f"{name(bench, ref)} (copy)" for ref in refs]
    await bench.until(lambda: all(called(bench, words) for words in wanted))


async def test_a_running_vm_is_not_copied_and_the_menu_says_why(bench: Bench) -> None:
    vms = await records(bench, in_state(bench, "Running")[0])
    for words in ("Copy…", "Convert to template"):
        _menu, entry = menu_entry(bench, vms, words)
        assert not entry.isEnabled()
        assert "has to be halted" in entry.toolTip()


async def test_becoming_a_template_is_asked_about(bench: Bench) -> None:
    ref = in_state(bench, "Halted")[0]
    await choose(bench, "Convert to template", ref)
    dialog = await bench.dialog(ConfirmDialog)
    assert name(bench, ref) in dialog.windowTitle()
    assert not bench.db.get("VM", ref)["is_a_template"]
    dialog.go.click()
    await bench.until(lambda: bench.db.get("VM", ref)["is_a_template"])
    await bench.until(lambda: told(bench, "is a template now"))


async def test_renaming_from_the_menu(bench: Bench) -> None:
    ref = in_state(bench, "Running")[0]
    await choose(bench, "Rename…", ref)
    dialog = await bench.dialog(NameDialog)
    dialog.name.setText("another name")
    dialog.go.click()
    await bench.until(lambda: name(bench, ref) == "another name")
    two = await records(bench, *in_state(bench, "Running", 2)[:2])
    _menu, entry = menu_entry(bench, two, "Rename…")
    assert "Choose one VM." in entry.toolTip()


async def test_f2_renames_in_the_table(bench: Bench) -> None:
    page = await bench.show(VmsPage)
    await bench.until(lambda: page.model.rowCount() > 2)
    view: Any = page.table.view
    page.activateWindow()
    view.setFocus()
    view.selectRow(0)
    (vm,) = page.chosen()
    QTest.keyClick(view, Qt.Key.Key_F2)
    dialog = await bench.dialog(NameDialog)
    assert dialog.name.text() == vm.name_label
    dialog.name.setText("renamed")
    dialog.go.click()
    await bench.until(lambda: name(bench, vm.ref) == "renamed")
