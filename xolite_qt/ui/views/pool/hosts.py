"""The hosts of the pool."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget

from xolite_qt.stores import HostRow, PoolStats, Subscription
from xolite_qt.ui import format as fmt
from xolite_qt.ui.models.host_columns import host_columns
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.live_page import Throttle
from xolite_qt.ui.views.parts.table_page import TablePage
from xolite_qt.ui.views.pool.dashboard import POLLED_HOSTS
from xolite_qt.ui.views.pool.vms import MEASURED_S
from xolite_qt.ui.widgets import Button, Thresholds
from xolite_qt.xen_api import Host, PowerState

Measured = tuple[float | None, float | None]
"""CPU and memory use of a host, fractions."""
NOT_MEASURED: Measured = (None, None)


class HostsPage(TablePage[HostRow]):
    """All hosts with their state, size and use."""

    page_id = "pool.hosts"
    title = "Hosts"
    icon_name = "host"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        self._live: PoolStats | None = None
        self._live_asked = False
        self._running: dict[str, int] = {}
        self._usage: dict[str, Measured] = {}
        super().__init__(
            context,
            ref,
            columns=host_columns(
                cpu=lambda host: self._usage.get(host, NOT_MEASURED)[0],
                ram=lambda host: self._usage.get(host, NOT_MEASURED)[1],
                running=lambda host: self._running.get(host, 0),
            ),
            store=context.stores.host_rows,
            one="host",
            many="hosts",
            thresholds=Thresholds(),
            parent=parent,
        )
        self.throttle = Throttle(self)
        self.measures = Throttle(self, MEASURED_S)
        self.load_live = Button("", "tertiary", icon="chart", small=True, on_click=self._ask_live)
        self.load_live.hide()
        self.bar.insertWidget(3, self.load_live)
        self.table.opened.connect(lambda host: context.navigate("host", host))

    def wanted(self) -> Iterable[Subscription[Any]]:
        """Hosts, and VMs to count them."""
        return (*super().wanted(), self.context.stores.vm.subscribe(self._vms))

    def refresh(self) -> None:
        """Show what is there, and begin to measure."""
        self._count()
        super().refresh()
        self._measure()

    def unsubscribe(self) -> None:
        """Measure no more."""
        super().unsubscribe()
        self._live_asked = False
        if self._live is not None:
            self._live.close()
            self._live = None
        self.throttle.forget()
        self.measures.forget()
        self._usage = {}

    @property
    def classes(self) -> frozenset[str]:
        """Also those that say where measurements come from."""
        return super().classes | self.context.stores.stats.classes

    def _state(self, state: Any) -> None:
        super()._state(state)
        self._measure()

    def _measure(self) -> None:
        if not self.is_subscribed or not self.store.is_ready:
            return
        hosts = len(self.store.records)
        asks_first = hosts > POLLED_HOSTS and not self._live_asked
        self.load_live.setVisible(asks_first)
        self.load_live.setText(f"Load live usage of {fmt.plural(hosts, 'host', 'hosts')}")
        if not asks_first and self._live is None:
            self._live = self.context.stores.stats.watch_pool(self._measured)

    def _ask_live(self) -> None:
        self._live_asked = True
        self._measure()

    def _measured(self) -> None:
        self.measures.call(self._take_measures)

    def _take_measures(self) -> None:
        if self._live is None:
            return
        found: dict[str, Measured] = {}
        for uuid, usage in self._live.all("host").items():
            row = self.store.by_uuid(uuid)
            if row is not None:
                found[row.ref] = (_rounded(usage.cpu), _rounded(usage.memory_fraction))
        before, self._usage = self._usage, found
        self.model.touch(
            ref for ref in found.keys() | before.keys() if found.get(ref) != before.get(ref)
        )

    def _vms(self, _change: object) -> None:
        self.throttle.call(self._count)

    def _count(self) -> None:
        running: dict[str, int] = {}
        for vm in self.context.stores.vm.records.values():
            if vm.power_state == PowerState.RUNNING:
                running[vm.resident_on] = running.get(vm.resident_on, 0) + 1
        before, self._running = self._running, running
        self.model.touch(
            ref for ref in running.keys() | before.keys() if running.get(ref) != before.get(ref)
        )

    def chosen(self) -> list[Host]:
        """The selected hosts as they are now."""
        rows = (self.model.get(ref) for ref in self.table.selected_refs())
        return [row.host for row in rows if row is not None]

    def show_menu(self, place: QPoint, refs: list[str]) -> None:
        """All actions on the selected hosts."""
        if refs:
            menu = self.context.actions.menu("host", self.chosen, self)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(place)


def _rounded(value: float | None) -> float | None:
    # As exact as it is shown: rows that read the same are not drawn again.
    return None if value is None else round(value, 2)
