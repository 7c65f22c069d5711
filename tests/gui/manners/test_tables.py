"""What one has chosen, sorted and scrolled to in a table stays, whatever the host does."""

from __future__ import annotations

import asyncio
from typing import Any

from PySide6.QtCore import Qt

from tests.gui.manners.rounds import Place, connected
from tests.gui.shell.shell_bench import Shell, until
from xolite_qt.ui.views.host.network import HostNetwork
from xolite_qt.ui.views.page import PAGES, Kind
from xolite_qt.ui.views.parts.table_page import TablePage
from xolite_qt.ui.views.pool.hosts import HostsPage
from xolite_qt.ui.views.pool.networks.page import NetworksPage
from xolite_qt.ui.views.pool.storage.page import StoragePage
from xolite_qt.ui.views.pool.vms import VmsPage
from xolite_qt.ui.views.vm.disks import VmDisks
from xolite_qt.ui.views.vm.network import VmNetwork

TABLES: list[tuple[Place, type[TablePage[Any]], str]] = [
    (Place(Kind.POOL), VmsPage, "VM"),
    (Place(Kind.POOL), HostsPage, "host"),
    (Place(Kind.POOL), NetworksPage, "network"),
    (Place(Kind.POOL), StoragePage, "SR"),
    (Place(Kind.HOST), HostNetwork, "PIF"),
    (Place(Kind.VM, "Running"), VmNetwork, "VIF"),
    (Place(Kind.VM, "Running"), VmDisks, "VBD"),
]


async def open_table(bench: Shell, place: Place, page: type[TablePage[Any]]) -> TablePage[Any]:
    (tab,) = {spec.tab_id for spec in PAGES[place.kind] if spec.factory is page}
    opened = await bench.open_tab(place.kind, place.ref(bench), tab)
    assert isinstance(opened, page)
    return opened


async def test_selection_scroll_and_sorting_survive_events() -> None:
    async with connected() as bench:
        for place, kind, cls in TABLES:
            page = await open_table(bench, place, kind)
            view = page.table.view
            rows = page.model.rowCount()
            assert rows, kind
            page.table.sort(0, Qt.SortOrder.DescendingOrder)
            view.setFixedHeight(110)
            await asyncio.sleep(0.02)
            bar = view.verticalScrollBar()
            bar.setValue(bar.maximum())
            page.table.select_ref(page.model.rows()[-1].ref)
            await asyncio.sleep(0)
            chosen, place_of_bar = page.table.selected_refs(), bar.value()
            assert chosen, kind

            heard: list[Any] = []
            listening = page.store.subscribe(heard.append)
            for ref in bench.db.refs(cls):
                changed = {**bench.db.get(cls, ref)["other_config"], "looked": "at"}
                bench.db.set(cls, ref, other_config=changed)
            await until(heard.__len__)
            await until(bench.is_settled)
            listening.close()
            assert page.table.selected_refs() == chosen, kind
            assert bar.value() == place_of_bar, kind
            assert view.horizontalHeader().sortIndicatorSection() == 0, kind
            order = view.horizontalHeader().sortIndicatorOrder()
            assert order is Qt.SortOrder.DescendingOrder, kind


async def test_what_another_user_removes_leaves_the_rest_chosen() -> None:
    async with connected() as bench:
        page = await open_table(bench, Place(Kind.POOL), VmsPage)
        page.table.view.selectAll()
        chosen = set(page.table.selected_refs())
        gone = next(ref for ref in chosen if bench.db.get("VM", ref)["power_state"] == "Halted")
        bench.db.destroy("VM", gone)
        await until(lambda: page.model.get(gone) is None)
        assert set(page.table.selected_refs()) == chosen - {gone}


async def test_each_kind_of_object_keeps_its_tab() -> None:
    async with connected() as bench:
        places = [Place(Kind.VM, "Running"), Place(Kind.HOST), Place(Kind.POOL)]
        tabs = ["network", "tasks", "storage"]
        for place, tab in zip(places, tabs, strict=True):
            bench.workspace.open_object(place.kind, place.ref(bench))
            bench.workspace.tabs.set_current(tab)
            await until(bench.is_settled)
        # Another VM, too, opens where the last one was left.
        places[0] = Place(Kind.VM, "Halted")
        for place, tab in zip(places, tabs, strict=True):
            bench.workspace.open_object(place.kind, place.ref(bench))
            await until(bench.is_settled)
            assert bench.page.page_id == f"{place.kind.value}.{tab}"
