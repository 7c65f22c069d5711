"""A VM at a glance."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from xolite_qt.stores import VmRow
from xolite_qt.ui import format as fmt
from xolite_qt.ui.models import vm_facts
from xolite_qt.ui.models.vm_columns import state_text
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.charts import CPU, DISK, NETWORK, VM_RAM, ChartsPanel, Source
from xolite_qt.ui.views.parts.fact_card import Facts, QuickInfo
from xolite_qt.ui.views.parts.live_page import LivePage
from xolite_qt.ui.views.parts.states import show_card_state
from xolite_qt.ui.widgets import Card
from xolite_qt.xen_api import PowerState
from xolite_qt.xen_api.times import to_datetime

MEASURED = (PowerState.RUNNING, PowerState.PAUSED)

NOT_MEASURED = {
    PowerState.HALTED: "The VM is halted: there is nothing to measure. Start it to see charts.",
    PowerState.SUSPENDED: "The VM is suspended: nothing is measured until it is resumed.",
}


class VmDashboard(LivePage):
    """Quick info and charts, or a sentence where there is nothing to chart."""

    page_id = "vm.dashboard"
    title = "Dashboard"
    icon_name = "vm"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        stores = context.stores
        self.info = QuickInfo()
        self.idle = Card("History")
        self.idle.hide()
        self.charts = ChartsPanel(
            stores.stats,
            (CPU, VM_RAM, NETWORK, DISK),
            title="History",
            max_columns=2,
            min_column=320,
            changed=self.tell_busy,
        )
        for widget in (self.info, self.idle, self.charts):
            self.body.add(widget)
        self.add_part(self.show_vm, stores.vm_rows)

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

    def show_vm(self) -> None:
        """Quick info, and charts while there is something to measure."""
        if not show_card_state(self.info, self.context.stores.vm_rows):
            self._chart(None)
            return
        row = self.context.stores.vm_rows.get(self.ref)
        if row is None:
            self.info.set_empty("This VM is gone", "It was deleted, or made a template.")
            self._chart(None)
            return
        self._fill(self.info.columns, row)
        self._chart(row)

    def _chart(self, row: VmRow | None) -> None:
        runs = row is not None and row.vm.power_state in MEASURED
        self.charts.setVisible(runs)
        self.idle.setVisible(row is not None and not runs)
        if row is not None and runs and self.is_subscribed:
            self.charts.start([Source("vm", row.uuid)])
        else:
            self.charts.stop()
        if row is not None and not runs:
            words = NOT_MEASURED.get(PowerState.HALTED, "")
            self.idle.set_empty(NOT_MEASURED.get(_known(row.vm.power_state), words))

    def _fill(self, columns: list[Facts], row: VmRow) -> None:
        vm, metrics, guest = row.vm, row.metrics, row.guest
        first, second, third = columns
        first.state("State", vm.power_state.lower(), state_text(row))
        addresses = vm_facts.addresses(guest)
        first.text("IP address", addresses[0] if addresses else None, tip="\n".join(addresses))
        installed = to_datetime(metrics.install_time) if metrics else None
        started = to_datetime(metrics.start_time) if metrics else None
        runs = vm.power_state in MEASURED
        first.when("Created", installed.timestamp() if installed else None)
        first.when("Started", started.timestamp() if started and runs else None)
        host = row.host
        if host is not None:
            ref = host.ref
            first.link(
                "Host",
                host.name_label,
                lambda: self.context.navigate("host", ref, "dashboard"),
                icon="host",
            )
        else:
            first.link("Host", None, None)
        second.text("UUID", vm.uuid)
        second.text("Description", vm.name_description)
        second.text("System", vm_facts.os_name(guest))
        second.text("Virtualisation", vm_facts.virtualisation(vm, metrics, guest))
        second.text("Guest tools", tools_text(row))
        third.text("vCPUs", fmt.count(row.vcpus))
        third.amount("RAM", vm.memory_dynamic_max)
        third.text("Snapshots", fmt.count(len(vm.snapshots)))
        third.tags("Tags", vm.tags)


def tools_text(row: VmRow) -> str:
    """The guest tools' version, or that there are none."""
    version = vm_facts.tools_version(row.guest)
    if version is None:
        return "Not detected"
    return version or "Detected, without a version"


def _known(state: str) -> PowerState:
    return PowerState.SUSPENDED if state == PowerState.SUSPENDED else PowerState.HALTED
