"""Cards of what is used and what was promised."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from PySide6.QtWidgets import QHBoxLayout

from xolite_qt.stores import (
    HostRow,
    SrRow,
    VmRow,
    cpu_provisioning,
    fullest,
    memory_provisioning,
    storage_usage,
)
from xolite_qt.ui import format as fmt
from xolite_qt.ui.models import numbers
from xolite_qt.ui.widgets import (
    Card,
    ProgressBar,
    SectionTitle,
    Stat,
    TextLabel,
    Thresholds,
    Usage,
    UsageBars,
)

OVERCOMMIT = Thresholds(numbers.CPU_WARNING, numbers.CPU_DANGER)


class StorageCard(Card):
    """The fullest storage repositories and what all of them hold."""

    def __init__(self) -> None:
        super().__init__("Storage usage", info="Top 5")
        self.bars = UsageBars()
        self.used, self.free = Stat("Total used"), Stat("Total free")
        self.add(self.bars)
        self.add_stretch()
        row = QHBoxLayout()
        row.addWidget(self.used, 1)
        row.addWidget(self.free, 1)
        self.add_layout(row)

    def show_srs(self, srs: Iterable[SrRow]) -> None:
        """Add up anew."""
        rows = list(srs)
        whole = storage_usage(rows)
        if not whole.count:
            self.set_empty("No storage that has a size")
            return
        self.bars.set_usages(
            [
                Usage(row.sr.name_label or "(no name)", row.used_fraction or 0.0)
                for row in fullest(rows)
            ]
        )
        self.used.set_value(fmt.size(whole.used_bytes))
        self.free.set_value(fmt.size(whole.total_bytes - whole.used_bytes))


class TopCard(Card):
    """The hosts and the VMs that use most of something, live.

    Args:
        on_open: called with kind and reference when a name is clicked.
    """

    def __init__(self, title: str, on_open: Callable[[str, str], None]) -> None:
        super().__init__(title)
        self.hosts = UsageBars(scale=False)
        self.vms = UsageBars(scale=False)
        self._no_vms = TextLabel("No VM tells its use", kind="small", tone="secondary")
        self.add(SectionTitle("Hosts", "Top 5"))
        self.add(self.hosts)
        self.add(SectionTitle("VMs", "Top 5"))
        self.add(self.vms)
        self.add(self._no_vms)
        self.add_stretch()
        self.hosts.opened.connect(lambda ref: on_open("host", ref))
        self.vms.opened.connect(lambda ref: on_open("vm", ref))

    def show_usages(
        self,
        hosts: Sequence[numbers.Usage],
        vms: Sequence[numbers.Usage],
        text: Callable[[numbers.Usage], str],
    ) -> None:
        """Show the largest of both."""
        self.hosts.set_usages([_bar(usage, text(usage)) for usage in hosts])
        self.vms.set_usages([_bar(usage, text(usage)) for usage in vms])
        self._no_vms.setVisible(not vms)


class ProvisioningCard(Card):
    """What was promised to VMs against what there is; warns where it is too much.

    Args:
        what: `vCPUs` or `RAM`, as the bar's name.
        assigned, there: captions of the two figures.
        as_text: writes a figure.
        advice: said where more was promised than there is.
    """

    def __init__(
        self,
        title: str,
        *,
        assigned: str,
        there: str,
        as_text: Callable[[float], str],
        advice: str,
    ) -> None:
        super().__init__(title)
        self._as_text = as_text
        self._advice = advice
        self.bar = ProgressBar(thresholds=OVERCOMMIT, says=title)
        self.value = TextLabel(kind="small-bold", tone="secondary")
        self.note = TextLabel(kind="small", tone="warning", wrap=True)
        self.assigned, self.there = Stat(assigned), Stat(there)
        self.add(self.bar)
        self.add(self.value)
        self.add(self.note)
        self.add_stretch()
        row = QHBoxLayout()
        row.addWidget(self.assigned, 1)
        row.addWidget(self.there, 1)
        self.add_layout(row)

    def show_figures(self, assigned: float, there: float) -> None:
        """Show these figures."""
        fraction = assigned / there if there > 0 else 0.0
        self.bar.set_fraction(fraction)
        self.value.set_text(f"{fmt.percent(fraction)} promised to running VMs")
        self.assigned.set_value(self._as_text(assigned))
        self.there.set_value(self._as_text(there))
        level = numbers.provisioning_level(fraction)
        self.note.setVisible(level is not None)
        self.note.set_text(self._advice if level else "")
        self.note.set_tone("danger" if level == "danger" else "warning")


def cpu_provisioning_card() -> ProvisioningCard:
    """vCPUs of running VMs against CPUs."""
    return ProvisioningCard(
        "CPU provisioning",
        assigned="vCPUs",
        there="CPUs",
        as_text=lambda value: fmt.count(int(value)),
        advice="More vCPUs than CPUs: VMs wait for one another when all are busy.",
    )


def ram_provisioning_card() -> ProvisioningCard:
    """Memory of running VMs against memory."""
    return ProvisioningCard(
        "RAM provisioning",
        assigned="Assigned",
        there="Total",
        as_text=fmt.size,
        advice="VMs may ask for more memory than there is.",
    )


def show_provisioning(
    cpu: ProvisioningCard, ram: ProvisioningCard, vms: Iterable[VmRow], hosts: Iterable[HostRow]
) -> None:
    """Fill both cards from rows."""
    vm_rows, host_rows = list(vms), list(hosts)
    cpus = cpu_provisioning(vm_rows, host_rows)
    cpu.show_figures(cpus.assigned, cpus.physical)
    memory = memory_provisioning(vm_rows, host_rows)
    ram.show_figures(memory.assigned_bytes, memory.total_bytes)


def _bar(usage: numbers.Usage, text: str) -> Usage:
    return Usage(usage.name or "(no name)", usage.fraction, text, usage.ref)
