"""Rows that views show: a record with those that belong to it. Records in, plain values out."""

from __future__ import annotations

import msgspec

from xolite_qt.xen_api import (
    PBD,
    SR,
    VM,
    Host,
    HostMetrics,
    PowerState,
    Task,
    TaskStatus,
    VMGuestMetrics,
    VMMetrics,
)

_ALIVE = (PowerState.RUNNING, PowerState.PAUSED)


class VmRow(msgspec.Struct, frozen=True, gc=False):
    """A VM with its metrics, what its guest tools report, and the host it runs on.

    Attributes:
        ref: of the VM.
        vm: its record.
        metrics: what the host knows of it, if anything.
        guest: what the guest tools told, if they ever did.
        host: where it runs; None while it does not. Its `resident_vms` and operations may be those
            of an earlier moment (a row is not told anew for what it does not show).
    """

    ref: str
    vm: VM
    metrics: VMMetrics | None = None
    guest: VMGuestMetrics | None = None
    host: Host | None = None

    @property
    def uuid(self) -> str:
        """The VM's."""
        return self.vm.uuid

    @property
    def vcpus(self) -> int:
        """Virtual CPUs that it runs with, or would start with."""
        running = self.vm.power_state in _ALIVE and self.metrics is not None
        number = self.metrics.vcpus_number if running and self.metrics is not None else 0
        return number if number > 0 else self.vm.vcpus_at_startup


class HostRow(msgspec.Struct, frozen=True, gc=False):
    """A host with its metrics; `is_master` says whether it leads the pool."""

    ref: str
    host: Host
    metrics: HostMetrics | None = None
    is_master: bool = False

    @property
    def uuid(self) -> str:
        """The host's."""
        return self.host.uuid

    @property
    def is_live(self) -> bool:
        """Whether the pool's master hears it."""
        return self.metrics is not None and self.metrics.live


class SrRow(msgspec.Struct, frozen=True, gc=False):
    """A storage repository with its connections, one `PBD` per host."""

    ref: str
    sr: SR
    pbds: tuple[PBD, ...] = ()

    @property
    def uuid(self) -> str:
        """The SR's."""
        return self.sr.uuid

    @property
    def size_bytes(self) -> int | None:
        """Physical size; None where there is no such thing (drives, some ISO shares)."""
        return self.sr.physical_size if self.sr.physical_size > 0 else None

    @property
    def used_bytes(self) -> int | None:
        """Physical space in use; None where there is no such thing."""
        if self.size_bytes is None or self.sr.physical_utilisation < 0:
            return None
        return self.sr.physical_utilisation

    @property
    def used_fraction(self) -> float | None:
        """Used part of the size, 0 to 1 (more where the host says so)."""
        used, size = self.used_bytes, self.size_bytes
        return None if used is None or size is None else used / size

    @property
    def is_connected(self) -> bool:
        """Whether every host that should reach it does."""
        return bool(self.pbds) and all(pbd.currently_attached for pbd in self.pbds)

    @property
    def is_disconnected(self) -> bool:
        """Whether no host reaches it."""
        return not any(pbd.currently_attached for pbd in self.pbds)


class TaskRow(msgspec.Struct, frozen=True, gc=False):
    """A task with the host it runs on."""

    ref: str
    task: Task
    host: Host | None = None

    @property
    def uuid(self) -> str:
        """The task's."""
        return self.task.uuid

    @property
    def is_pending(self) -> bool:
        """Whether it is still at work."""
        return is_pending(self.task)

    @property
    def can_cancel(self) -> bool:
        """Whether the host would let one cancel it."""
        return self.is_pending and "cancel" in self.task.allowed_operations


def is_pending(task: Task) -> bool:
    """Whether a task is still at work."""
    return task.status in (TaskStatus.PENDING, TaskStatus.CANCELLING)
