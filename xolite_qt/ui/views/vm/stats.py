"""Everything that a host measures of a VM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from PySide6.QtWidgets import QWidget

from xolite_qt.journal import Entry
from xolite_qt.stores import StoreState
from xolite_qt.ui.models.stats_sources import ItemKind
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.stats.object_page import ObjectStats
from xolite_qt.ui.views.parts.timeline.here import entries_of_vm
from xolite_qt.ui.widgets.pick_list import Item
from xolite_qt.xen_api import VM, PowerState

MEASURED = (PowerState.RUNNING, PowerState.PAUSED)


class VmStats(ObjectStats):
    """Charts of a running VM."""

    page_id = "vm.stats"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        stores = context.stores
        self.add_part(self.watch, stores.vm)
        self.add_part(self.show_limits, stores.vm)
        self.add_part(self.read_marks, stores.vm_snapshot)
        self.add_part(self._renamed, stores.vif, stores.network, stores.vbd, stores.vdi)

    def targets(self) -> Sequence[tuple[Literal["host", "vm"], str]]:
        """The VM, and the one that it is compared with."""
        records = [self.record(ref) for ref in (self.ref, self.other) if ref]
        return [("vm", vm.uuid) for vm in records if vm is not None]

    def record(self, ref: str) -> VM | None:
        """A VM."""
        return self.context.stores.vm.get(ref)

    def others(self) -> list[Item]:
        """The other running VMs."""
        stores = self.context.stores
        found = []
        for vm in stores.vm.records.values():
            if vm.ref != self.ref and vm.power_state in MEASURED:
                host = stores.host.get(vm.resident_on)
                note = host.name_label if host is not None else ""
                found.append(Item(vm.ref, vm.name_label, note, "vm"))
        return sorted(found, key=lambda item: item.name.casefold())

    def found_here(self) -> list[Entry]:
        """Snapshots and backup runs."""
        return entries_of_vm(self.context, self.ref)

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
