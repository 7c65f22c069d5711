"""Everything that a host measures of a VM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from PySide6.QtWidgets import QWidget

from xolite_qt.stores import StoreState
from xolite_qt.ui.models.stats_sources import ItemKind
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.stats.page import StatsPage
from xolite_qt.xen_api import PowerState

MEASURED = (PowerState.RUNNING, PowerState.PAUSED)


class VmStats(StatsPage):
    """Charts of a running VM."""

    page_id = "vm.stats"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        stores = context.stores
        self.add_part(self.watch, stores.vm)
        self.add_part(self._renamed, stores.vif, stores.network, stores.vbd, stores.vdi)

    def targets(self) -> Sequence[tuple[Literal["host", "vm"], str]]:
        """The VM."""
        vm = self.context.stores.vm.get(self.ref)
        return [] if vm is None else [("vm", vm.uuid)]

    def why_idle(self) -> str:
        """A VM that does not run is not measured."""
        store = self.context.stores.vm
        vm = store.get(self.ref)
        if vm is None:
            return "" if store.state is StoreState.LOADING else "This VM is gone"
        if vm.power_state in MEASURED:
            return ""
        if vm.power_state == PowerState.SUSPENDED:
            return "The VM is suspended: nothing is measured until it is resumed."
        return "The VM is halted: there is nothing to measure. Start it to see charts."

    def name_of(self, uuid: str) -> str:
        """Name of a VM."""
        vm = self.context.stores.vm.by_uuid(uuid)
        return vm.name_label if vm is not None else ""

    def names(self, uuid: str) -> Mapping[tuple[ItemKind, str], str]:
        """Networks of its interfaces, disks by their names."""
        stores = self.context.stores
        vm = stores.vm.by_uuid(uuid)
        found: dict[tuple[ItemKind, str], str] = {}
        if vm is None:
            return found
        for ref in vm.vifs:
            vif = stores.vif.get(ref)
            network = stores.network.get(vif.network) if vif is not None else None
            if vif is not None and network is not None:
                found["vif", vif.device] = f"{network.name_label} ({vif.device})"
        for ref in vm.vbds:
            vbd = stores.vbd.get(ref)
            vdi = stores.vdi.get(vbd.vdi) if vbd is not None else None
            if vbd is not None and vdi is not None and vdi.name_label:
                found["vbd", vbd.device] = f"{vdi.name_label} ({vbd.device})"
        return found

    def _renamed(self) -> None:
        self.drawing.call(self.draw)
