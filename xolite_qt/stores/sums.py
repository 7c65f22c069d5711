"""Sums over rows that several pages show. Pure: rows in, numbers out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xolite_qt.stores.rows import HostRow, SrRow, VmRow
from xolite_qt.xen_api import PowerState

_ALIVE = (PowerState.RUNNING, PowerState.PAUSED)
_DRIVES = ("udev",)


@dataclass(frozen=True)
class CpuProvisioning:
    """Virtual CPUs promised against physical ones there.

    Attributes:
        assigned: virtual CPUs of VMs that run or are paused.
        assigned_all: virtual CPUs of all VMs, the others as they would start.
        physical: logical processors of the living hosts.
    """

    assigned: int
    assigned_all: int
    physical: int

    @property
    def fraction(self) -> float | None:
        """Assigned to running VMs per physical one; None without a living host."""
        return self.assigned / self.physical if self.physical else None

    @property
    def fraction_all(self) -> float | None:
        """The same if all VMs ran."""
        return self.assigned_all / self.physical if self.physical else None


@dataclass(frozen=True)
class MemoryProvisioning:
    """Memory promised against memory there, in bytes.

    Attributes:
        assigned_bytes: dynamic maximum of VMs that run or are paused.
        used_bytes: what living hosts have not free.
        total_bytes: what living hosts have.
    """

    assigned_bytes: int
    used_bytes: int
    total_bytes: int

    @property
    def free_bytes(self) -> int:
        """What living hosts have free."""
        return self.total_bytes - self.used_bytes


@dataclass(frozen=True)
class StorageUsage:
    """Space over several SRs, in bytes; each counted once however many hosts reach it."""

    used_bytes: int
    total_bytes: int
    count: int

    @property
    def fraction(self) -> float | None:
        """Used part, 0 to 1; None where there is no space at all."""
        return self.used_bytes / self.total_bytes if self.total_bytes else None


@dataclass(frozen=True)
class StateCounts:
    """VMs by power state."""

    running: int = 0
    paused: int = 0
    suspended: int = 0
    halted: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.running + self.paused + self.suspended + self.halted


def cpu_provisioning(vms: Iterable[VmRow], hosts: Iterable[HostRow]) -> CpuProvisioning:
    """Virtual CPUs of real VMs against processors of living hosts."""
    assigned = assigned_all = 0
    for row in vms:
        vcpus = row.vcpus
        assigned_all += vcpus
        if row.vm.power_state in _ALIVE:
            assigned += vcpus
    return CpuProvisioning(assigned, assigned_all, sum(map(_processors, hosts)))


def memory_provisioning(vms: Iterable[VmRow], hosts: Iterable[HostRow]) -> MemoryProvisioning:
    """Memory of running VMs against that of living hosts."""
    assigned = sum(row.vm.memory_dynamic_max for row in vms if row.vm.power_state in _ALIVE)
    used = total = 0
    for row in hosts:
        if row.metrics is not None and row.metrics.live:
            total += row.metrics.memory_total
            used += row.metrics.memory_total - row.metrics.memory_free
    return MemoryProvisioning(assigned, used, total)


def storage_usage(srs: Iterable[SrRow]) -> StorageUsage:
    """Space of those SRs that have any of their own."""
    used = total = count = 0
    for row in srs:
        if counts_as_storage(row) and row.size_bytes is not None and row.used_bytes is not None:
            used += row.used_bytes
            total += row.size_bytes
            count += 1
    return StorageUsage(used, total, count)


def fullest(srs: Iterable[SrRow], count: int = 5) -> tuple[SrRow, ...]:
    """The SRs with the largest used part, the fullest first."""
    known = [row for row in srs if counts_as_storage(row) and row.used_fraction is not None]
    known.sort(key=lambda row: (-(row.used_fraction or 0.0), row.sr.name_label))
    return tuple(known[:count])


def counts_as_storage(row: SrRow) -> bool:
    """Whether an SR holds disks or files, and is not a drive or a stick."""
    return row.sr.type not in _DRIVES and row.sr.sm_config.get("type") != "cd"


def state_counts(vms: Iterable[VmRow]) -> StateCounts:
    """VMs by power state; states that we do not know count as halted."""
    counts = {"Running": 0, "Paused": 0, "Suspended": 0}
    halted = 0
    for row in vms:
        if row.vm.power_state in counts:
            counts[row.vm.power_state] += 1
        else:
            halted += 1
    return StateCounts(counts["Running"], counts["Paused"], counts["Suspended"], halted)


def _processors(row: HostRow) -> int:
    if not row.is_live:
        return 0
    try:
        return max(int(row.host.cpu_info.get("cpu_count", "")), 0)
    except ValueError:
        # Hosts older than cpu_info have a record per processor.
        return len(row.host.host_cpus)
