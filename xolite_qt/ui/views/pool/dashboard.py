"""The pool at a glance."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtWidgets import QWidget

from xolite_qt.stores import HostRow, PoolStats, SrRow, Subscription, VmRow
from xolite_qt.ui import format as fmt
from xolite_qt.ui.models import host_facts
from xolite_qt.ui.models.numbers import Usage
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.alarms import AlarmsCard
from xolite_qt.ui.views.parts.charts import CPU, NETWORK, RAM, ChartsPanel, Source
from xolite_qt.ui.views.parts.live_page import LivePage
from xolite_qt.ui.views.parts.states import show_card_state, show_cards_state, why
from xolite_qt.ui.views.parts.tasks_card import TasksCard
from xolite_qt.ui.views.parts.usage_cards import (
    StorageCard,
    TopCard,
    cpu_provisioning_card,
    ram_provisioning_card,
    show_provisioning,
)
from xolite_qt.ui.views.pool.patches_card import PatchesCard
from xolite_qt.ui.views.pool.status_card import StatusCard
from xolite_qt.ui.widgets import Card, CardGrid

POLLED_HOSTS = 8
"""Up to so many hosts are asked for measurements unasked; each answers every 5 s."""


class PoolDashboard(LivePage):
    """Status, alarms on demand, patches on demand, usage, provisioning, charts, tasks."""

    page_id = "pool.dashboard"
    title = "Dashboard"
    icon_name = "pool"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        stores = context.stores
        self.status = StatusCard()
        self.alarms = AlarmsCard(context, self.tell_busy)
        self.patches = PatchesCard(context)
        self.storage = StorageCard()
        self.ram = TopCard("RAM usage", self._open)
        self.cpu = TopCard("CPU usage", self._open)
        self.cpu_promised = cpu_provisioning_card()
        self.ram_promised = ram_provisioning_card()
        self.charts = ChartsPanel(
            stores.stats,
            (NETWORK, CPU, RAM),
            title="Pool history",
            range_id="1week",
            max_columns=3,
            changed=self.tell_busy,
        )
        self.history = Card("Pool history", dense=True)
        self.tasks = TasksCard()
        self._live_asked = False
        self._live: PoolStats | None = None

        # One grid for all, so that the columns of all rows are the same.
        self.cards = CardGrid(min_column=232, max_columns=4)
        self.cards.add(self.status)
        self.cards.add(self.patches)
        self.cards.add(self.alarms, 2)
        self.cards.add(self.storage)
        self.cards.add(self.ram)
        self.cards.add(self.cpu)
        self.cards.add_stack(self.cpu_promised, self.ram_promised)
        for widget in (self.cards, self.history, self.charts, self.tasks):
            self.body.add(widget)

        self.add_part(self.show_status, stores.host_rows, stores.vm_rows)
        self.add_part(self.show_storage, stores.sr)
        self.add_part(self.show_live, stores.host_rows, stores.vm_rows)
        self.add_part(self.show_tasks, stores.task_rows)
        self.add_part(self.alarms.renamed, stores.host, stores.vm, stores.sr, stores.pool)

    def wanted(self) -> Iterable[Subscription[Any]]:
        """The parts' stores, and alarms and patches that sleep until their click."""
        return (*super().wanted(), self.alarms.subscription(), self.patches.subscription())

    def unsubscribe(self) -> None:
        """Ask for measurements no more."""
        super().unsubscribe()
        self._live_asked = False
        self.charts.stop()
        if self._live is not None:
            self._live.close()
            self._live = None

    @property
    def busy(self) -> bool:
        """Also while the first measurements are on their way."""
        return super().busy or self.charts.busy

    @property
    def classes(self) -> frozenset[str]:
        """Also those that say where measurements come from."""
        return super().classes | self.context.stores.stats.classes

    # ------------------------------------------------------------------ parts

    def show_status(self) -> None:
        """Counts and provisioning."""
        stores = self.context.stores
        hosts, vms = stores.host_rows, stores.vm_rows
        cards = (self.status, self.cpu_promised, self.ram_promised)
        if show_cards_state(cards, hosts, vms):
            self.status.show_rows(hosts.records.values(), vms.records.values())
            show_provisioning(
                self.cpu_promised, self.ram_promised, vms.records.values(), hosts.records.values()
            )

    def show_storage(self) -> None:
        """Storage repositories."""
        if show_card_state(self.storage, self.context.stores.sr):
            self.storage.show_srs(
                SrRow(sr.ref, sr) for sr in self.context.stores.sr.records.values()
            )

    def show_tasks(self) -> None:
        """Pending tasks."""
        if show_card_state(self.tasks, self.context.stores.task_rows):
            self.tasks.show_rows(self.context.stores.task_rows.records.values())

    def show_live(self) -> None:
        """Top lists and charts, once it is clear how many hosts would be asked."""
        stores = self.context.stores
        rows = (stores.host_rows, stores.vm_rows)
        if not self.is_subscribed or not show_cards_state((self.ram, self.cpu), *rows):
            self.history.hide()
            return
        hosts = [row for row in stores.host_rows.records.values() if row.is_live]
        asks_first = len(hosts) > POLLED_HOSTS and not self._live_asked
        self.history.setVisible(asks_first)
        self.charts.setVisible(not asks_first)
        if asks_first:
            self._offer(len(hosts))
            return
        if self._live is None:
            self._live = stores.stats.watch_pool(self._live_news)
        self.charts.start([_source(row) for row in hosts])
        self.show_top()

    def _offer(self, count: int) -> None:
        text = "Live use comes from each host by itself"
        action = f"Load live usage of {fmt.plural(count, 'host', 'hosts')}"
        for card in (self.ram, self.cpu):
            card.set_deferred(text, action, self.load_live, icon="chart")
        self.history.set_deferred(
            "History comes from each host by itself", action, self.load_live, icon="chart"
        )

    def load_live(self) -> None:
        """What the button does in a large pool: ask every host, until the page is left."""
        self._live_asked = True
        self.show_live()
        self.tell_busy()

    def _live_news(self) -> None:
        self.throttle.call(self.show_top)

    def show_top(self) -> None:
        """The hosts and VMs that use most, now."""
        if self._live is None:
            return
        stores, live = self.context.stores, self._live
        hosts, vms = live.all("host"), live.all("vm")
        if not hosts:
            self._show_no_live()
            return
        names: list[tuple[dict[str, Any], Any, str]] = [
            (hosts, stores.host_rows, "host"),
            (vms, stores.vm_rows, "vm"),
        ]
        cpu: list[list[Usage]] = []
        ram: list[list[Usage]] = []
        for found, store, kind in names:
            cpu.append([])
            ram.append([])
            for uuid, usage in found.items():
                row: HostRow | VmRow | None = store.by_uuid(uuid)
                if row is None:
                    continue
                name = row.host.name_label if kind == "host" and row.host else ""
                name = row.vm.name_label if isinstance(row, VmRow) else name
                if usage.cpu is not None:
                    cpu[-1].append(Usage(row.ref, name, usage.cpu, 1.0))
                if usage.memory_used is not None and usage.memory_total:
                    ram[-1].append(Usage(row.ref, name, usage.memory_used, usage.memory_total))
        for card in (self.ram, self.cpu):
            if card.state in ("loading", "error", "deferred"):
                card.set_ready()
        self.cpu.show_usages(cpu[0], cpu[1], lambda usage: fmt.percent(usage.fraction))
        self.ram.show_usages(ram[0], ram[1], lambda usage: fmt.fraction_of(usage.used, usage.total))

    def _show_no_live(self) -> None:
        assert self._live is not None
        errors = list(self._live.errors.values())
        for card in (self.ram, self.cpu):
            if errors:
                said = why(errors[0])
                card.set_error(said.summary, self.charts.retry, details=said.advice)
            else:
                card.set_loading("Measuring…")

    def _open(self, kind: str, ref: str) -> None:
        self.context.navigate(kind, ref, "dashboard")


def _source(row: HostRow) -> Source:
    return Source("host", row.uuid, max(host_facts.cpu_count(row.host), 1))
