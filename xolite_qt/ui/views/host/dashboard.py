"""A host at a glance."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QWidget

from xolite_qt.stores import HostRow, VmRow
from xolite_qt.ui.models import host_facts
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.charts import CPU, LOAD, NETWORK, RAM, ChartsPanel, Source
from xolite_qt.ui.views.parts.fact_card import Facts, QuickInfo
from xolite_qt.ui.views.parts.live_page import LivePage
from xolite_qt.ui.views.parts.states import show_card_state, show_cards_state
from xolite_qt.ui.views.parts.usage_cards import (
    cpu_provisioning_card,
    ram_provisioning_card,
    show_provisioning,
)
from xolite_qt.ui.views.pool.status_card import vm_parts
from xolite_qt.ui.widgets import Card, CardGrid, Donut

STATE_WORDS = {"running": "Running", "disabled": "Maintenance", "halted": "Not reachable"}


class HostDashboard(LivePage):
    """Quick info, VMs by state, provisioning, charts."""

    page_id = "host.dashboard"
    title = "Dashboard"
    icon_name = "host"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        stores = context.stores
        self.info = QuickInfo()
        self.vms = Card("VMs status")
        self.donut = Donut("VMs", icon="vm")
        self.vms.add(self.donut)
        self.vms.add_stretch()
        self.cpu_promised = cpu_provisioning_card()
        self.ram_promised = ram_provisioning_card()
        self.offline = Card("History")
        self.charts = ChartsPanel(
            stores.stats,
            (CPU, RAM, NETWORK, LOAD),
            title="History",
            max_columns=2,
            min_column=320,
            changed=self.tell_busy,
        )
        row = CardGrid(min_column=232, max_columns=3)
        for card in (self.vms, self.cpu_promised, self.ram_promised):
            row.add(card)
        for widget in (self.info, row, self.offline, self.charts):
            self.body.add(widget)
        self.offline.hide()
        self.add_part(self.show_host, stores.host_rows)
        self.add_part(self.show_vms, stores.host_rows, stores.vm_rows)

    def unsubscribe(self) -> None:
        """Ask for measurements no more."""
        super().unsubscribe()
        self.charts.stop()

    @property
    def busy(self) -> bool:
        """Also while the first measurements are on their way."""
        return super().busy or self.charts.busy

    @property
    def classes(self) -> frozenset[str]:
        """Also those that say where measurements come from."""
        return super().classes | self.context.stores.stats.classes

    def row(self) -> HostRow | None:
        """The host, while it is known."""
        return self.context.stores.host_rows.get(self.ref)

    def own_vms(self) -> list[VmRow]:
        """The VMs that are on this host now."""
        rows = self.context.stores.vm_rows.records.values()
        return [row for row in rows if row.vm.resident_on == self.ref]

    def show_host(self) -> None:
        """Quick info, and whether there is anything to measure."""
        row = self.row()
        if not show_card_state(self.info, self.context.stores.host_rows):
            return
        if row is None:
            self.info.set_empty("This host is no longer part of the pool")
            self.charts.stop()
            self.charts.hide()
            return
        fill_quick_info(self.info.columns, row, self._master(row))
        self.charts.setVisible(row.is_live)
        self.offline.setVisible(not row.is_live)
        if row.is_live and self.is_subscribed:
            self.charts.start([Source("host", row.uuid)])
        else:
            self.charts.stop()
            self.offline.set_empty("The host does not answer: there is nothing to measure")

    def show_vms(self) -> None:
        """VMs by state, and what they were promised."""
        stores = self.context.stores
        cards = (self.vms, self.cpu_promised, self.ram_promised)
        if not show_cards_state(cards, stores.host_rows, stores.vm_rows):
            return
        row = self.row()
        if row is None:
            for card in cards:
                card.set_empty("Nothing to show")
            return
        vms = self.own_vms()
        self.donut.set_parts(vm_parts(vms))
        if not vms:
            self.vms.set_empty("No VM is on this host")
        show_provisioning(self.cpu_promised, self.ram_promised, vms, [row])

    def _master(self, row: HostRow) -> tuple[str, Callable[[], None] | None]:
        if row.is_master:
            return "This host", None
        pool = self.context.stores.the_pool()
        master = self.context.stores.host.get(pool.master) if pool else None
        if master is None:
            return "", None
        ref = master.ref
        return master.name_label, lambda: self.context.navigate("host", ref, "dashboard")


def fill_quick_info(
    columns: list[Facts], row: HostRow, master: tuple[str, Callable[[], None] | None]
) -> None:
    """Put a host's facts into three columns."""
    host, metrics = row.host, row.metrics
    state = host_facts.state_of(host, metrics)
    first, second, third = columns
    first.state("State", state, STATE_WORDS[state])
    first.text("IP address", host.address)
    first.when("Started", host_facts.started_s(host))
    first.link("Master", master[0], master[1], icon="star")
    second.text("UUID", host.uuid)
    second.text("Description", host.name_description)
    second.text("Version", host_facts.version(host))
    second.text("Hardware", host_facts.manufacturer(host))
    third.text("CPUs", host_facts.cores(host))
    third.amount("RAM", metrics.memory_total if metrics else None)
    third.text("Processor", host_facts.cpu_model(host))
    third.tags("Tags", host.tags)
