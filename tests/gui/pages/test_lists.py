"""The lists: sorting, filtering, columns, actions, export, and what is remembered."""

from __future__ import annotations

import json

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from tests.gui.pages.conftest import Bench
from tests.gui.pages.test_pages import a_vm
from xolite_qt.stores import TaskRow
from xolite_qt.ui.actions import ActionId
from xolite_qt.ui.models.roles import MUTED_ROLE, REF_ROLE
from xolite_qt.ui.views.pool.hosts import HostsPage
from xolite_qt.ui.views.pool.vms import VmsPage
from xolite_qt.ui.views.tasks import TasksPage


def shown(page: VmsPage) -> list[str]:
    return [row.vm.name_label for row in page.model.rows()]


async def test_the_list_shows_real_vms_and_follows_the_host(bench: Bench) -> None:
    page = await bench.show(VmsPage)
    vm = a_vm(bench)
    real = {
        record["name_label"]
        for record in (bench.db.get("VM", ref) for ref in bench.db.refs("VM"))
        if not (record["is_a_template"] or record["is_control_domain"] or record["is_a_snapshot"])
    }
    assert set(shown(page)) == real
    bench.db.set("VM", vm, name_label="!! renamed")
    await bench.until(lambda: "!! renamed" in shown(page))
    page.table.sort(page.model.column_at("name"), Qt.SortOrder.AscendingOrder)
    assert shown(page)[0] == "!! renamed"


async def test_search_and_column_filters_narrow_and_say_so(bench: Bench) -> None:
    page = await bench.show(VmsPage)
    name = shown(page)[0]
    page.search.setText(name)
    page.search.returnPressed.emit()
    assert name in shown(page)
    page.search.setText("no such thing at all")
    page.search.returnPressed.emit()
    assert page.table.hero.kind == "no-result"
    page.search.clear()
    page.model.set_column_filter("state", "running")
    assert all(row.vm.power_state == "Running" for row in page.model.rows())
    page.model.set_column_filter("state", "")
    page.model.set_column_filter("ram", ">1P")
    assert page.model.rowCount() == 0


async def test_selection_survives_changes_and_buttons_say_why_not(bench: Bench) -> None:
    page = await bench.show(VmsPage)
    assert page.buttons[ActionId.VM_START].isEnabled() is False
    vm = a_vm(bench)
    page.table.select_ref(vm)
    assert page.buttons[ActionId.VM_CLEAN_SHUTDOWN].isEnabled()
    start = page.buttons[ActionId.VM_START]
    assert "running" in start.accessibleDescription()
    bench.db.set("VM", vm, power_state="Halted", name_label="zz last")
    await bench.until(start.isEnabled)
    chosen = page.table.view.selectionModel().selectedRows()
    assert [index.data(REF_ROLE) for index in chosen] == [vm]


async def test_disks_are_read_only_while_their_column_is_shown(bench: Bench) -> None:
    page = await bench.show(VmsPage)
    assert not {"vbd", "vdi"} & bench.api.events.classes
    page.table.set_column_visible(page.model.column_at("disk"), True)
    await bench.until(lambda: {"vbd", "vdi"} <= bench.api.events.classes)
    page.table.set_column_visible(page.model.column_at("disk"), False)
    await bench.until(lambda: not {"vbd", "vdi"} & bench.api.events.classes)


async def test_columns_and_sorting_are_remembered(bench: Bench) -> None:
    page = await bench.show(VmsPage)
    page.table.set_column_visible(page.model.column_at("uuid"), True)
    page.table.sort(page.model.column_at("ram"), Qt.SortOrder.DescendingOrder)
    again = await bench.show(VmsPage)
    assert not again.table.view.isColumnHidden(again.model.column_at("uuid"))
    assert again.model.sorted_by == ("ram", True)


async def test_the_table_is_saved_as_seen(bench: Bench, tmp_path) -> None:  # type: ignore[no-untyped-def]
    page = await bench.show(VmsPage)
    read = json.loads(page.export("json"))
    assert {row["name"] for row in read} == set(shown(page))
    assert "uuid" not in read[0]
    dialog = page.choose_file("csv")
    assert isinstance(dialog, QFileDialog)
    target = tmp_path / "vms.csv"
    dialog.fileSelected.emit(str(target))
    await bench.until(lambda: bench.told)
    assert target.read_text().splitlines()[0].startswith("Name,")
    dialog.close()
    page.context.settings.tables.clear()
    lost = page.choose_file("csv")
    lost.fileSelected.emit(str(tmp_path / "missing" / "x.csv"))
    await bench.until(lambda: bench.told[-1].startswith("danger"))
    lost.close()


async def test_a_row_opens_its_object(bench: Bench) -> None:
    page = await bench.show(VmsPage)
    vm = a_vm(bench)
    page.table.opened.emit(vm)
    hosts = await bench.show(HostsPage)
    host = hosts.model.row_at(0).ref
    hosts.table.opened.emit(host)
    assert bench.went == [("vm", vm, None), ("host", host, None)]


async def test_live_use_appears_in_the_lists(bench: Bench) -> None:
    page = await bench.show(VmsPage)
    cpu = page.model.column_at("cpu")
    await bench.until(
        lambda: any("%" in page.model.texts(row)[cpu] for row in range(page.model.rowCount()))
    )
    hosts = await bench.show(HostsPage)
    await bench.until(lambda: "%" in hosts.model.texts(0)[hosts.model.column_at("ram")])


def snapshots(page: TasksPage) -> list[TaskRow]:
    return [row for row in page.model.rows() if "snapshot" in row.task.name_label]


async def test_tasks_at_work_stand_first_and_finished_ones_stay_greyed(bench: Bench) -> None:
    page = await bench.show(TasksPage)
    await bench.api.run("VM.snapshot", a_vm(bench), "a snapshot")
    await bench.until(lambda: snapshots(page) and not snapshots(page)[0].is_pending)
    states = [row.is_pending for row in page.model.rows()]
    assert states == sorted(states, reverse=True)
    at = page.model.rows().index(snapshots(page)[0])
    assert page.model.index(at, 0).data(MUTED_ROLE) is True
    page.clear.click()
    await bench.until(lambda: not snapshots(page))
