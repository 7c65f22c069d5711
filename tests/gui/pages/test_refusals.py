"""What pages offer while nothing is chosen, or nothing may be done: the reason is on screen."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from PySide6.QtWidgets import QMenu

from tests.gui.pages.conftest import Bench
from tests.gui.pages.storage.test_storage import make_sr
from tests.gui.pages.storage.test_storage import open_page as open_storage
from tests.gui.pages.vm_tabs.test_disks import a_vm, drives
from tests.gui.pages.vm_tabs.test_disks import choose as choose_disk
from tests.gui.pages.vm_tabs.test_disks import open_page as open_disks
from tests.gui.pages.vm_tabs.test_disks import reason as disk_reason
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.snapshots.dialogs import NameDialog
from xolite_qt.ui.dialogs.storage.disks_dialog import DisksDialog
from xolite_qt.ui.views.host.network import HostNetwork
from xolite_qt.ui.views.host.system import HostSystem
from xolite_qt.ui.views.page import Page
from xolite_qt.ui.views.parts.alarm_centre import AlarmsPage
from xolite_qt.ui.views.pool.storage.page import StoragePage
from xolite_qt.ui.views.pool.system.page import PoolSystem
from xolite_qt.ui.views.vm.disks import VmDisks
from xolite_qt.ui.views.vm.network import VmNetwork
from xolite_qt.ui.views.vm.snapshots import VmSnapshots
from xolite_qt.ui.views.vm.system import VmSystem

DOWN = "The connection is down."


def tips(bench: Bench, page: Page) -> dict[str, str]:
    """Reasons as a menu of the page's choices shows them, by id; "" where it may be chosen."""
    menu = QMenu(page)
    bench.context.actions.fill(menu, page.choices())
    return {
        entry.objectName(): "" if entry.isEnabled() else entry.toolTip()
        for entry in menu.actions()
        if entry.objectName()
    }


@pytest.mark.parametrize(
    ("make", "idents", "why"),
    [
        (
            VmDisks,
            "disk.plug disk.unplug disk.resize disk.move disk.detach disk.delete disk.edit",
            "Select a disk first.",
        ),
        (VmNetwork, "vif.connect vif.disconnect vif.edit vif.remove", "Select a network card"),
        (
            VmSnapshots,
            "snapshot.revert snapshot.new_vm snapshot.rename snapshot.delete",
            "Select a snapshot first.",
        ),
        (
            StoragePage,
            "sr.connect sr.disconnect sr.repair sr.scan sr.disks sr.upload sr.edit sr.default "
            "sr.forget sr.destroy",
            "Select",
        ),
    ],
)
async def test_nothing_chosen_is_the_reason(
    bench: Bench, make: type[Page], idents: str, why: str
) -> None:
    page = await bench.show(make, "" if make is StoragePage else a_vm(bench))
    shown = tips(bench, page)
    for ident in idents.split():
        assert why in shown[ident], ident


async def test_without_a_connection_every_entry_of_a_page_says_so(bench: Bench) -> None:
    vm = a_vm(bench)
    host = bench.running.host.this_host
    pages = [await bench.show(make, vm) for make in (VmSystem, VmDisks, VmNetwork, VmSnapshots)]
    pages += [await bench.show(make) for make in (StoragePage, PoolSystem, AlarmsPage)]
    pages += [await bench.show(make, host) for make in (HostSystem, HostNetwork)]
    bench.context.actions.blocked = DOWN
    for page in pages:
        shown = tips(bench, page)
        assert shown
        assert all(DOWN in tip for tip in shown.values()), (page.page_id, shown)
    system = pages[0]
    assert isinstance(system, VmSystem)
    assert all(DOWN in button.toolTip() for button in system.edits.values())


async def test_without_a_connection_no_menu_does_anything(bench: Bench) -> None:
    await bench.show(PoolSystem)
    vms: Any = bench.stores.vm
    with vms.subscribe():
        await bench.until(lambda: vms.records)
        host = bench.stores.host.records[bench.running.host.this_host]
        chosen = {
            "vm": [vms.records[a_vm(bench)]],
            "host": [host],
            "pool": [bench.stores.the_pool()],
        }
        bench.context.actions.blocked = DOWN
        for kind, records in chosen.items():
            menu = QMenu()
            choices = bench.context.actions.choices(kind, records)
            bench.context.actions.fill(menu, choices)
            entries = [entry for entry in menu.actions() if entry.objectName()]
            assert len(entries) == len(choices)
            assert all(DOWN in entry.toolTip() for entry in entries)


async def test_an_empty_list_of_alarms_has_nothing_to_dismiss(bench: Bench) -> None:
    for ref in list(bench.db.refs("message")):
        bench.db.destroy("message", ref)
    page = await bench.show(AlarmsPage)
    await bench.until(lambda: "nothing to dismiss" in page.dismiss_all.toolTip())
    assert "nothing to dismiss" in tips(bench, page)["alarms.dismiss_all"]


# What no other test begins


async def test_a_disk_is_disconnected_and_connected(bench: Bench) -> None:
    vm = a_vm(bench)
    ref, _vbd = drives(bench, vm)[-1]
    bench.db.set("VBD", ref, unpluggable=True)
    bench.running.host.recompute("VBD", ref)
    page = await open_disks(bench, vm, ref)
    for ident, attached in (("disk.unplug", False), ("disk.plug", True)):
        await bench.until(partial(is_open, page, ident))
        choose_disk(page, ident)
        if not attached:
            (await bench.dialog(ConfirmDialog)).go.click()
        await bench.until(partial(is_attached, bench, ref, attached))
    await bench.until(lambda: "Connected already" in disk_reason(page, "disk.plug"))


def is_open(page: VmDisks, ident: str) -> bool:
    return not disk_reason(page, ident)


def is_attached(bench: Bench, ref: str, wanted: bool) -> bool:
    return bool(bench.db.get("VBD", ref)["currently_attached"]) is wanted


async def test_a_halted_vm_gets_a_drive(bench: Bench) -> None:
    vm = a_vm(bench, "Halted")
    for ref, _vbd in drives(bench, vm, "CD"):
        bench.db.destroy("VBD", ref)
    page = await open_disks(bench, vm)
    assert disk_reason(page, "cd.insert")
    await bench.until(partial(is_open, page, "cd.add"))
    choose_disk(page, "cd.add")
    await bench.until(lambda: drives(bench, vm, "CD"))


async def test_a_disk_of_a_storage_is_renamed(bench: Bench) -> None:
    sr = make_sr(bench)
    vdi = str(bench.db.create("VDI", SR=sr, name_label="old", virtual_size=1 << 30, managed=True))
    page = await open_storage(bench, sr)
    page.buttons["sr.disks"].click()
    dialog = await bench.dialog(DisksDialog)
    await bench.until(lambda: dialog.model.rowCount() == 1)
    assert "Select a disk first." in dialog.rename.toolTip()
    assert "Select a disk first." in dialog.delete.toolTip()
    dialog.table.select_ref(vdi)
    await bench.until(dialog.rename.isEnabled)
    dialog.rename.click()
    await bench.until(lambda: dialog.findChildren(NameDialog))
    (form,) = dialog.findChildren(NameDialog)
    form.name.setText("new")
    form.go.click()
    await bench.until(lambda: bench.db.get("VDI", vdi)["name_label"] == "new")
    dialog.close_button.click()
