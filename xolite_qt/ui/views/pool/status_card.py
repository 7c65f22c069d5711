"""How many hosts and VMs there are, and in what state."""

from __future__ import annotations

from collections.abc import Iterable

from xolite_qt.stores import HostRow, VmRow, state_counts
from xolite_qt.ui.models import numbers
from xolite_qt.ui.widgets import Card, Donut, Line, Part


class StatusCard(Card):
    """Two rings with their numbers."""

    def __init__(self) -> None:
        super().__init__("Status")
        self.hosts = Donut("Hosts", icon="host")
        self.vms = Donut("VMs", icon="vm")
        self.add(self.hosts)
        self.add(Line())
        self.add(self.vms)
        self.add_stretch()

    def show_rows(self, hosts: Iterable[HostRow], vms: Iterable[VmRow]) -> None:
        """Count anew."""
        count = numbers.host_counts(hosts)
        self.hosts.set_parts(
            (
                Part("Running", count.running, "success-item"),
                Part("Disabled", count.disabled, "outline"),
                Part("Offline", count.halted, "danger-item"),
            )
        )
        self.vms.set_parts(vm_parts(vms))


def vm_parts(vms: Iterable[VmRow]) -> tuple[Part, ...]:
    """The parts of a donut of VMs by power state."""
    count = state_counts(vms)
    return (
        Part("Running", count.running, "success-item"),
        Part("Paused", count.paused, "info-item"),
        Part("Suspended", count.suspended, "outline"),
        Part("Halted", count.halted, "danger-item"),
    )
