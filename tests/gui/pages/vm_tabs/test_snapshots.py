"""Snapshots: a tree, and everything that is done with them, from the buttons."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.gui.pages.conftest import Bench
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.snapshots.dialogs import NameDialog, RevertDialog, TakeDialog
from xolite_qt.ui.models.health import utc_now
from xolite_qt.ui.models.snapshot_tree import flat, tree_of, warnings_of
from xolite_qt.ui.views.vm.snapshots import VmSnapshots
from xolite_qt.xen_api import VM


def a_vm(bench: Bench, state: str = "Running") -> str:
    for ref in bench.db.refs("VM"):
        vm = bench.db.get("VM", ref)
        real = not (vm["is_a_template"] or vm["is_control_domain"] or vm["is_a_snapshot"])
        disks = [bench.db.get("VBD", vbd)["type"] for vbd in vm["VBDs"]]
        if real and vm["power_state"] == state and "Disk" in disks and not vm["snapshots"]:
            return str(ref)
    raise AssertionError(state)


def names(page: VmSnapshots) -> list[str]:
    found = page.tree.findItems("*", Qt.MatchFlag.MatchWildcard | Qt.MatchFlag.MatchRecursive)
    return [item.text(0) for item in found]


async def taken(bench: Bench, vm: str, name: str) -> str:
    return str(await bench.api.run("VM.snapshot", vm, name))


async def test_a_snapshot_is_taken_with_a_name_and_a_description(bench: Bench) -> None:
    vm = a_vm(bench)
    page = await bench.show(VmSnapshots, vm)
    assert names(page) == ["Now"]
    page.buttons["take"].click()
    dialog = await bench.dialog(TakeDialog)
    dialog.name.clear()
    assert not dialog.go.isEnabled()
    dialog.name.setText("before the update")
    dialog.description.setPlainText("all was well")
    dialog.go.click()
    await bench.until(lambda: names(page) == ["before the update", "Now"])
    (ref,) = bench.db.get("VM", vm)["snapshots"]
    await bench.until(lambda: bench.db.get("VM", ref)["name_description"] == "all was well")
    assert "VM.checkpoint" not in " ".join(bench.calls())


async def test_memory_is_kept_where_wanted_and_refused_with_the_reason(bench: Bench) -> None:
    vm = a_vm(bench)
    page = await bench.show(VmSnapshots, vm)
    page.buttons["take"].click()
    dialog = await bench.dialog(TakeDialog)
    assert dialog.memory.isEnabled()
    dialog.memory.click()
    dialog.go.click()
    await bench.until(lambda: "Async.VM.checkpoint" in bench.calls())
    halted = await bench.show(VmSnapshots, a_vm(bench, "Halted"))
    halted.buttons["take"].click()
    dialog = await bench.dialog(TakeDialog)
    assert not dialog.memory.isEnabled()
    assert "does not run" in dialog.memory.toolTip()
    QTest.keyClick(dialog, Qt.Key.Key_Escape)


async def test_reverting_keeps_the_present_first(bench: Bench) -> None:
    vm = a_vm(bench)
    ref = await taken(bench, vm, "good")
    page = await bench.show(VmSnapshots, vm)
    assert not page.buttons["revert"].isEnabled()
    assert "Select a snapshot first." in page.buttons["revert"].toolTip()
    await bench.until(lambda: "good" in names(page))
    page.select(ref)
    page.buttons["revert"].click()
    dialog = await bench.dialog(RevertDialog)
    assert dialog.first.isChecked()
    assert dialog.start.isChecked()
    assert dialog.focusWidget() is dialog.cancel
    dialog.go.click()
    await bench.until(lambda: any("reverted." in told for told in bench.told))
    await bench.until(lambda: bench.db.get("VM", vm)["power_state"] == "Running")
    await bench.until(lambda: "Before reverting to good" in names(page))
    calls = [c for c in bench.calls("Async.VM.") if c != "Async.VM.clone"]
    assert calls[-3:] == ["Async.VM.snapshot", "Async.VM.revert", "Async.VM.start"]


async def test_where_the_first_snapshot_fails_nothing_is_reverted(bench: Bench) -> None:
    vm = a_vm(bench)
    ref = await taken(bench, vm, "good")
    page = await bench.show(VmSnapshots, vm)
    await bench.until(lambda: "good" in names(page))
    page.select(ref)
    page.buttons["revert"].click()
    dialog = await bench.dialog(RevertDialog)
    bench.running.host.faults.fail("VM.snapshot", "SR_FULL", "1", "2")
    dialog.go.click()
    await bench.until(lambda: any(told.startswith("danger: Revert") for told in bench.told))
    assert "Async.VM.revert" not in bench.calls()


async def test_deleting_wants_the_name_and_takes_the_disks(bench: Bench) -> None:
    vm = a_vm(bench)
    ref = await taken(bench, vm, "old one")
    disks = [bench.db.get("VBD", vbd)["VDI"] for vbd in bench.db.get("VM", ref)["VBDs"]]
    disks = [
        d for d in disks if bench.db.exists("VDI", d) and bench.db.get("VDI", d)["is_a_snapshot"]
    ]
    assert disks
    page = await bench.show(VmSnapshots, vm)
    await bench.until(lambda: "old one" in names(page))
    page.select(ref)
    page.buttons["delete"].click()
    dialog = await bench.dialog(ConfirmDialog)
    assert not dialog.go.isEnabled()
    assert dialog.typed is not None
    dialog.typed.setText("old one")
    dialog.go.click()
    await bench.until(lambda: not bench.db.exists("VM", ref))
    await bench.until(lambda: not any(bench.db.exists("VDI", disk) for disk in disks))
    await bench.until(lambda: names(page) == ["Now"])


async def test_a_vm_is_made_of_a_snapshot(bench: Bench) -> None:
    vm = a_vm(bench)
    ref = await taken(bench, vm, "seed")
    page = await bench.show(VmSnapshots, vm)
    await bench.until(lambda: "seed" in names(page))
    page.select(ref)
    page.buttons["new_vm"].click()
    dialog = await bench.dialog(NameDialog)
    dialog.name.setText("grown")
    dialog.go.click()

    def grown() -> list[dict[str, Any]]:
        found = (bench.db.get("VM", one) for one in bench.db.refs("VM"))
        return [one for one in found if one["name_label"] == "grown"]

    await bench.until(lambda: grown() and not grown()[0]["is_a_template"])
    assert not grown()[0]["is_a_snapshot"]


async def test_a_selection_survives_what_the_host_does(bench: Bench) -> None:
    vm = a_vm(bench)
    ref = await taken(bench, vm, "one")
    page = await bench.show(VmSnapshots, vm)
    await bench.until(lambda: "one" in names(page))
    page.select(ref)
    await taken(bench, vm, "two")
    await bench.until(lambda: "two" in names(page))
    assert [one.ref for one in page.chosen()] == [ref]
    page.buttons["rename"].click()
    dialog = await bench.dialog(NameDialog)
    dialog.name.setText("uno")
    QTest.keyClick(dialog.name, Qt.Key.Key_Return)
    await bench.until(lambda: "uno" in names(page))


refs = st.sampled_from(["a", "b", "c", "d", "e"])


@given(st.dictionaries(refs, refs, max_size=5), refs)
def test_every_snapshot_is_in_the_tree_once(parents: dict[str, str], now: str) -> None:
    vm = VM(ref="VM", parent=now)
    snapshots = [
        VM(ref=ref, is_a_snapshot=True, snapshot_of="VM", parent=parents.get(ref, ""))
        for ref in "abcde"
    ]
    found = [node.ref for node in flat(tree_of(vm, snapshots))]
    assert sorted(found) == ["VM", "a", "b", "c", "d", "e"]


def test_many_and_old_ones_are_warned_of() -> None:
    snapshots = [
        VM(ref=str(n), is_a_snapshot=True, snapshot_of="VM", snapshot_time="20200101T00:00:00Z")
        for n in range(26)
    ]
    found = warnings_of(tree_of(VM(ref="VM"), snapshots), utc_now())
    assert [accent for accent, _words in found] == ["danger", "warning"]
    assert warnings_of(tree_of(VM(ref="VM"), []), utc_now()) == []
