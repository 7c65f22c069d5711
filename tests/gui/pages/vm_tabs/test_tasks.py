"""The tasks of one VM: its own only, also after they ended."""

from __future__ import annotations

from tests.gui.pages.conftest import Bench
from tests.gui.pages.test_pages import a_vm
from xolite_qt.ui.views.vm.tasks import VmTasks


async def test_only_this_vms_tasks_and_they_stay(bench: Bench) -> None:
    vm = a_vm(bench)
    other = next(
        ref
        for ref in bench.db.refs("VM")
        if bench.db.get("VM", ref)["power_state"] == "Running"
        and ref != vm
        and not bench.db.get("VM", ref)["is_control_domain"]
    )
    feed = bench.context.services["journal"]
    feed.start()
    await bench.until(lambda: bench.stores.vm.is_ready)
    page = await bench.show(VmTasks, vm)
    await bench.api.run("VM.snapshot", vm, "mine")
    await bench.api.run("VM.snapshot", other, "not mine")
    await bench.until(lambda: page.model.rowCount() == 1)
    assert "VM.snapshot" in page.model.row_at(0).task.name_label
    assert "1\N{NO-BREAK SPACE}task" in page.count.text()
    page.hide()
    again = await bench.show(VmTasks, vm)
    await bench.until(lambda: again.model.rowCount() == 1)
