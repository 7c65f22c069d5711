"""What high availability is to do with a VM, from the button of its System tab."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gui.pages.conftest import Bench
from tests.gui.pages.vm_life.kit import in_state, told
from xolite_qt.ui.dialogs.vm.edit_management import VmManagementDialog
from xolite_qt.ui.views.vm.system import VmSystem
from xolite_qt.xen_api import NULL_REF

THREE = pytest.mark.parametrize("bench", [{"generate": (3, 12)}], indirect=True)


def set_pool(bench: Bench, **fields: Any) -> None:
    bench.db.set("pool", next(iter(bench.db.refs("pool"))), **fields)


def local_sr(bench: Bench) -> str:
    return str(bench.db.create("SR", name_label="Local", type="ext", shared=False))


async def edit(bench: Bench, ref: str) -> tuple[VmSystem, VmManagementDialog]:
    page = await bench.show(VmSystem, ref)
    page.edits["management"].click()
    return page, await bench.dialog(VmManagementDialog)


@THREE
async def test_priority_order_and_delays(bench: Bench) -> None:
    ref = in_state(bench, "Running")[0]
    set_pool(bench, ha_enabled=True)
    page, form = await edit(bench, ref)
    form.ha.set_current("best-effort")
    form.order.setValue(3)
    form.delay.setValue(20)
    form.shutdown_delay.setValue(90)
    form.save.click()
    await bench.until(lambda: told(bench, "management saved."))
    vm = bench.db.get("VM", ref)
    assert vm["ha_restart_priority"] == "best-effort"
    assert (vm["order"], vm["start_delay"], vm["shutdown_delay"]) == (3, 20, 90)
    facts = page.management.facts
    await bench.until(lambda: facts.value("Start order") == "3")
    assert facts.value("High availability") == "Restart if possible"
    assert "1" in facts.value("Shutdown delay")


@THREE
async def test_with_it_off_the_form_says_what_the_priority_is_for(bench: Bench) -> None:
    ref = in_state(bench, "Halted")[0]
    _page, form = await edit(bench, ref)
    assert "noted for when it is on" in form.ha.accessibleDescription() + form.ha_row._text.text()
    form.ha.set_current("restart")
    form.save.click()
    await bench.until(lambda: told(bench, "management saved."))
    assert bench.db.get("VM", ref)["ha_restart_priority"] == "restart"


@THREE
async def test_a_vm_on_local_storage_is_refused(bench: Bench) -> None:
    ref = in_state(bench, "Running")[0]
    set_pool(bench, ha_enabled=True)
    disk = next(
        vdi
        for vbd in bench.db.get("VM", ref)["VBDs"]
        if (vdi := bench.db.get("VBD", vbd)["VDI"]) != NULL_REF
    )
    bench.db.set("VDI", disk, SR=local_sr(bench))
    _page, form = await edit(bench, ref)
    form.ha.set_current("restart")
    form.save.click()
    await bench.until(lambda: form.refusal.text())
    assert "storage that only one host reaches" in form.refusal.text()
    assert "Move the disk to shared storage" in form.refusal.text()


@THREE
async def test_a_vm_for_which_there_is_no_room_is_refused(bench: Bench) -> None:
    ref = in_state(bench, "Running")[0]
    set_pool(bench, ha_enabled=True, ha_host_failures_to_tolerate=1)
    bench.db.set("VM", ref, memory_static_max=1 << 42)
    _page, form = await edit(bench, ref)
    form.ha.set_current("restart")
    form.save.click()
    await bench.until(lambda: form.refusal.text())
    assert "could not run all protected VMs" in form.refusal.text()
    assert bench.db.get("VM", ref)["ha_restart_priority"] == ""
