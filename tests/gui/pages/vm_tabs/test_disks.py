"""A VM's disks and its CD drive, from the buttons and menus of its page."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.gui.pages.conftest import Bench
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.devices.disk_dialogs import (
    AddDiskDialog,
    EditDiskDialog,
    MoveDialog,
    PickDialog,
    ResizeDialog,
)
from xolite_qt.ui.models.sr_reasons import entries
from xolite_qt.ui.views.vm.disks import VmDisks
from xolite_qt.xen_api import PBD, SR, Host

GIB = 1 << 30


def a_vm(bench: Bench, state: str = "Running") -> str:
    for ref in bench.db.refs("VM"):
        vm = bench.db.get("VM", ref)
        real = not (vm["is_a_template"] or vm["is_control_domain"] or vm["is_a_snapshot"])
        kinds = [bench.db.get("VBD", vbd)["type"] for vbd in vm["VBDs"]]
        tools = bench.db.exists("VM_guest_metrics", vm["guest_metrics"]) or state != "Running"
        if real and vm["power_state"] == state and {"Disk", "CD"} <= set(kinds) and tools:
            return str(ref)
    raise AssertionError(state)


def drives(bench: Bench, vm: str, kind: str = "Disk") -> list[tuple[str, dict[str, Any]]]:
    found = [(str(ref), bench.db.get("VBD", ref)) for ref in bench.db.get("VM", vm)["VBDs"]]
    return [(ref, vbd) for ref, vbd in found if vbd["type"] == kind]


async def open_page(bench: Bench, vm: str, select: str = "") -> VmDisks:
    page = await bench.show(VmDisks, vm)
    await bench.until(lambda: not page.busy and bench.stores.vdi.is_ready)
    if select:
        page.table.select_ref(select)
        await bench.until(lambda: len(page.chosen()) == 1)
    return page


def choose(page: VmDisks, ident: str) -> None:
    choice = next(one for one in page.choices() if one.id == ident)
    assert choice.reason is None, choice.reason
    page.context.actions.choose(choice)


def reason(page: VmDisks, ident: str) -> str:
    return next(one for one in page.choices() if one.id == ident).reason or ""


async def test_a_disk_is_added_to_a_running_vm(bench: Bench) -> None:
    vm = a_vm(bench)
    page = await open_page(bench, vm)
    assert page.model.rowCount() == len(bench.db.get("VM", vm)["VBDs"])
    assert "iB" in page.model.texts(0)[page.model.column_at("size")]
    page.buttons["disk.add"].click()
    dialog = await bench.dialog(AddDiskDialog)
    dialog.name.clear()
    assert not dialog.go.isEnabled()
    dialog.name.setText("archive")
    dialog.gib.setValue(7)
    assert dialog.sr.current()
    dialog.go.click()
    await bench.until(lambda: any("archive" in told for told in bench.told))
    (made,) = [r for r in bench.db.refs("VDI") if bench.db.get("VDI", r)["name_label"] == "archive"]
    vdi = bench.db.get("VDI", made)
    assert vdi["virtual_size"] == 7 * GIB
    assert bench.db.get("VBD", vdi["VBDs"][0])["currently_attached"]


async def test_a_disk_that_cannot_be_attached_leaves_nothing(bench: Bench) -> None:
    vm = a_vm(bench)
    page = await open_page(bench, vm)
    before = (len(bench.db.refs("VDI")), len(bench.db.refs("VBD")))
    bench.running.host.faults.fail("VBD.plug", "DEVICE_ATTACH_FAILED", "no", "way")
    page.buttons["disk.add"].click()
    dialog = await bench.dialog(AddDiskDialog)
    dialog.go.click()
    await bench.until(lambda: any(told.startswith("danger: Add disk") for told in bench.told))
    assert (len(bench.db.refs("VDI")), len(bench.db.refs("VBD"))) == before


async def test_disks_grow_when_the_vm_does_not_run(bench: Bench) -> None:
    vm = a_vm(bench, "Halted")
    ref, vbd = drives(bench, vm)[0]
    size = bench.db.get("VDI", vbd["VDI"])["virtual_size"]
    page = await open_page(bench, vm, ref)
    page.buttons["disk.resize"].click()
    dialog = await bench.dialog(ResizeDialog)
    assert dialog.gib.minimum() * GIB >= size
    dialog.gib.setValue(dialog.gib.minimum() + 3)
    dialog.go.click()
    wanted = (dialog.gib.minimum() + 3) * GIB
    await bench.until(lambda: bench.db.get("VDI", vbd["VDI"])["virtual_size"] == wanted)


async def test_a_running_vm_says_why_its_disk_does_not_grow(bench: Bench) -> None:
    vm = a_vm(bench)
    ref, _vbd = drives(bench, vm)[0]
    page = await open_page(bench, vm, ref)
    assert not page.buttons["disk.resize"].isEnabled()
    assert "shut the VM down first" in page.buttons["disk.resize"].toolTip()


def moved(bench: Bench, vm: str, name: str, target: str) -> bool:
    disks = [bench.db.get("VDI", one["VDI"]) for _ref, one in drives(bench, vm)]
    return any(disk["name_label"] == name and disk["SR"] == target for disk in disks)


async def test_a_disk_moves_while_its_vm_runs_and_while_it_does_not(bench: Bench) -> None:
    for state in ("Running", "Halted"):
        vm = a_vm(bench, state)
        ref, vbd = drives(bench, vm)[0]
        # As little as moves in a moment.
        bench.db.set("VDI", vbd["VDI"], physical_utilisation=1 << 20)
        old = bench.db.get("VDI", vbd["VDI"])
        page = await open_page(bench, vm, ref)
        choose(page, "disk.move")
        dialog = await bench.dialog(MoveDialog)
        target = dialog.sr.current()
        assert target != old["SR"]
        dialog.go.click()

        await bench.until(partial(moved, bench, vm, old["name_label"], target))
        page.hide()
    assert "Async.VDI.pool_migrate" in bench.calls()
    assert "Async.VDI.copy" in bench.calls()


async def test_a_disk_is_detached_and_attached_again(bench: Bench) -> None:
    vm = a_vm(bench, "Halted")
    ref, vbd = drives(bench, vm)[0]
    page = await open_page(bench, vm, ref)
    choose(page, "disk.detach")
    dialog = await bench.dialog(ConfirmDialog)
    dialog.go.click()
    await bench.until(lambda: not bench.db.exists("VBD", ref))
    assert bench.db.exists("VDI", vbd["VDI"])
    await bench.until(lambda: not bench.stores.vdi.records[vbd["VDI"]].vbds)
    page.buttons["disk.attach"].click()
    picker = await bench.dialog(PickDialog)
    assert not picker.go.isEnabled()
    picker.list.pick(vbd["VDI"])
    picker.go.click()
    await bench.until(lambda: bench.db.get("VDI", vbd["VDI"])["VBDs"] != [])


async def test_deleting_a_disk_wants_its_name(bench: Bench) -> None:
    vm = a_vm(bench, "Halted")
    ref, vbd = drives(bench, vm)[-1]
    name = bench.db.get("VDI", vbd["VDI"])["name_label"]
    page = await open_page(bench, vm, ref)
    choose(page, "disk.delete")
    dialog = await bench.dialog(ConfirmDialog)
    assert dialog.typed is not None
    assert not dialog.go.isEnabled()
    dialog.typed.setText(name)
    dialog.go.click()
    await bench.until(lambda: not bench.db.exists("VDI", vbd["VDI"]))
    assert not bench.db.exists("VBD", ref)


async def test_a_disc_is_inserted_and_ejected(bench: Bench) -> None:
    vm = a_vm(bench)
    ref, _vbd = drives(bench, vm, "CD")[0]
    bench.db.set("VBD", ref, VDI="OpaqueRef:NULL", empty=True)
    page = await open_page(bench, vm)
    assert "empty" in page.buttons["cd.eject"].toolTip()
    page.buttons["cd.insert"].click()
    dialog = await bench.dialog(PickDialog)
    iso = next(
        one
        for one in bench.db.refs("VDI")
        if bench.db.get("SR", bench.db.get("VDI", one)["SR"])["content_type"] == "iso"
    )
    dialog.list.pick(iso)
    dialog.go.click()
    await bench.until(lambda: bench.db.get("VBD", ref)["VDI"] == iso)
    await bench.until(lambda: page.buttons["cd.eject"].isEnabled())
    page.buttons["cd.eject"].click()
    await bench.until(lambda: bench.db.get("VBD", ref)["empty"])


async def test_names_change_and_a_running_vm_gets_no_drive(bench: Bench) -> None:
    vm = a_vm(bench)
    ref, vbd = drives(bench, vm)[0]
    page = await open_page(bench, vm, ref)
    choose(page, "disk.edit")
    dialog = await bench.dialog(EditDiskDialog)
    dialog.name.setText("root disk")
    dialog.go.click()
    await bench.until(lambda: bench.db.get("VDI", vbd["VDI"])["name_label"] == "root disk")
    assert reason(page, "cd.add") == "This VM has a CD drive already."


HOSTS = {"H": Host(ref="H", name_label="xcp1"), "I": Host(ref="I", name_label="xcp2")}
PBDS = {"P": PBD(ref="P", host="H", sr="S", currently_attached=True)}


def sr(**more: Any) -> SR:
    made = {"type": "lvm", "physical_size": 100 * GIB, "physical_utilisation": 90 * GIB}
    return SR(ref="S", name_label="store", pbds=("P",), **{**made, **more})


@pytest.mark.parametrize(
    ("one", "need", "words"),
    [
        (sr(), 5 * GIB, ""),
        (sr(), 20 * GIB, "20 GiB required when only 10 GiB available"),
        (sr(type="ext"), 20 * GIB, ""),
        (sr(type="ext"), 200 * GIB, "larger than the storage"),
        (sr(content_type="iso"), 0, "ISO"),
        (sr(physical_size=0), 0, "size 0"),
    ],
)
def test_why_a_storage_cannot_take_a_disk(one: SR, need: int, words: str) -> None:
    (entry,) = entries({"S": one}, PBDS, {"H": HOSTS["H"]}, need_bytes=need)
    reason = (entry.reason or "").replace("\N{NO-BREAK SPACE}", " ")
    assert (words in reason) if words else entry.reason is None


def test_where_it_is_and_who_cannot_see_it() -> None:
    (entry,) = entries({"S": sr()}, PBDS, HOSTS, current="S")
    assert entry.reason == "it is there already"
    (entry,) = entries({"S": sr()}, PBDS, HOSTS, only_host="I")
    assert entry.reason == "cannot be seen from xcp2"
    (entry,) = entries({"S": sr(type="ext")}, PBDS, {"H": HOSTS["H"]}, need_bytes=50 * GIB)
    assert "grow" in entry.warning
