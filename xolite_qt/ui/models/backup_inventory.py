"""What a backup job can choose from: the VMs of the connected host with their disks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xolite_qt.backup.jobs.model import Selection
from xolite_qt.ui import format as fmt
from xolite_qt.xen_api import VDI, VM

if TYPE_CHECKING:
    from xolite_qt.stores import Stores

NOBAK = "[NOBAK]"
"""In a disk's name: never backed up. Source: backup-repository.md (NOBAK disks)."""


@dataclass(frozen=True, slots=True)
class DiskChoice:
    """A disk of a VM.

    Attributes:
        size_bytes: its virtual size.
        left_out: its name says `[NOBAK]`.
    """

    uuid: str
    name: str
    size_bytes: int
    left_out: bool


@dataclass(frozen=True, slots=True)
class VmChoice:
    """A VM that can be backed up."""

    uuid: str
    name: str
    state: str
    tags: tuple[str, ...]
    disks: tuple[DiskChoice, ...]

    @property
    def size_bytes(self) -> int:
        """Virtual size of the disks that are backed up."""
        return sum(disk.size_bytes for disk in self.disks if not disk.left_out)


def inventory(stores: Stores) -> list[VmChoice]:
    """The VMs, by name, with what the stores know of their disks now."""
    vbds, vdis = stores.vbd.records, stores.vdi.records
    found = []
    for vm in stores.vm.records.values():
        disks = []
        for ref in vm.vbds:
            vbd = vbds.get(ref)
            vdi = vdis.get(vbd.vdi) if vbd is not None and vbd.type == "Disk" else None
            if vdi is not None:
                disks.append(_disk(vdi))
        found.append(_vm(vm, disks))
    found.sort(key=lambda vm: (vm.name.casefold(), vm.uuid))
    return found


def _vm(vm: VM, disks: Sequence[DiskChoice]) -> VmChoice:
    return VmChoice(
        vm.uuid, vm.name_label, str(vm.power_state).lower(), tuple(vm.tags), tuple(disks)
    )


def _disk(vdi: VDI) -> DiskChoice:
    return DiskChoice(vdi.uuid, vdi.name_label, vdi.virtual_size, NOBAK in vdi.name_label)


def matches(selection: Selection, vm: VmChoice) -> bool:
    """Whether a selection means a VM."""
    tagged = not set(selection.tags).isdisjoint(vm.tags)
    match selection.how:
        case "chosen":
            return vm.uuid in selection.vms
        case "tags":
            return tagged
        case "all_but":
            return vm.uuid not in selection.vms and not tagged


def matching(selection: Selection, vms: Iterable[VmChoice]) -> list[VmChoice]:
    """The VMs that a selection means now."""
    return [vm for vm in vms if matches(selection, vm)]


def tags_of(vms: Iterable[VmChoice]) -> dict[str, int]:
    """Every tag with the number of VMs that carry it, by name."""
    counts: dict[str, int] = {}
    for vm in vms:
        for tag in vm.tags:
            counts[tag] = counts.get(tag, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: pair[0].casefold()))


def summary(vms: Sequence[VmChoice]) -> str:
    """`12 VMs, 31 disks, 1.4 TiB`."""
    kept = [disk for vm in vms for disk in vm.disks if not disk.left_out]
    total = sum(disk.size_bytes for disk in kept)
    return ", ".join(
        (fmt.plural(len(vms), "VM", "VMs"), fmt.plural(len(kept), "disk", "disks"), fmt.size(total))
    )


def left_out(vms: Iterable[VmChoice]) -> list[str]:
    """Disks that are not backed up because of their name, each with its VM."""
    return [f"{vm.name}: {disk.name}" for vm in vms for disk in vm.disks if disk.left_out]
