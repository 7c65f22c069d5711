"""Who uses a storage: what stands in the way of disconnecting, forgetting and destroying it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xolite_qt.xen_api import SR, VBD, VDI, VM


@dataclass(frozen=True)
class Users:
    """What is on a storage, and who needs it.

    Attributes:
        running: names of VMs that use it now.
        others: names of VMs that have disks on it and do not run.
        disks: (name, size in bytes) of its disks, the largest first.
    """

    running: tuple[str, ...]
    others: tuple[str, ...]
    disks: tuple[tuple[str, int], ...]


def users_of(
    sr: SR, vdis: Mapping[str, VDI], vbds: Mapping[str, VBD], vms: Mapping[str, VM]
) -> Users:
    """Who uses a storage, by the records of its disks."""
    running: set[str] = set()
    others: set[str] = set()
    disks = [vdi for vdi in vdis.values() if vdi.sr == sr.ref]
    for vdi in disks:
        for ref in vdi.vbds:
            vbd = vbds.get(ref)
            vm = vms.get(vbd.vm) if vbd is not None else None
            if vbd is None or vm is None:
                continue
            (running if vbd.currently_attached else others).add(vm.name_label)
    listed = sorted(
        ((vdi.name_label or vdi.uuid, vdi.virtual_size) for vdi in disks if vdi.managed),
        key=lambda pair: (-pair[1], pair[0]),
    )
    return Users(tuple(sorted(running)), tuple(sorted(others - running)), tuple(listed))


def missing_hosts(sr: SR, pbd_hosts: set[str], hosts: set[str]) -> set[str]:
    """Hosts that a shared storage has no way to."""
    return hosts - pbd_hosts if sr.shared else set()


def in_use(users: Users) -> str | None:
    """Why it cannot be taken away, or None."""
    if not users.running:
        return None
    names = ", ".join(users.running[:5]) + (" …" if len(users.running) > 5 else "")
    return f"In use by running VMs: {names}. Shut them down or move their disks first."
