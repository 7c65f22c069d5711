"""What goes when VMs are deleted: their disks, their snapshots, and the disks of those."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from xolite_qt.xen_api import VBD, VDI, VM, XenApiError, is_null


@dataclass(frozen=True)
class DoomedDisk:
    """A disk of a VM that is to be deleted.

    Attributes:
        vdi: the disk.
        owner: reference of the VM or snapshot that it would go with.
        others: names of VMs that use it and stay.
        reason: why it cannot be deleted at all, or None.
    """

    vdi: VDI
    owner: str
    others: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def name(self) -> str:
        """What it is called, or its uuid."""
        return self.vdi.name_label or self.vdi.uuid


@dataclass(frozen=True)
class Doomed:
    """A VM that is to be deleted, with what is its own.

    Attributes:
        vm: the VM.
        disks: its own disks.
        snapshots: each with its disks; oldest first.
    """

    vm: VM
    disks: tuple[DoomedDisk, ...]
    snapshots: tuple[tuple[VM, tuple[DoomedDisk, ...]], ...]


async def doomed(api: Any, vms: Sequence[VM]) -> list[Doomed]:
    """Looks up what VMs are made of.

    A disk that two of the VMs share is listed once, with the first of them.

    Raises:
        XenApiError: something could not be read.
    """
    snapshots = await records(api, "vm", [ref for vm in vms for ref in vm.snapshots])
    going = {vm.ref: vm for vm in vms} | snapshots
    vbds = await records(api, "vbd", [ref for one in going.values() for ref in one.vbds])
    in_use = [vbd for vbd in vbds.values() if vbd.type == "Disk" and not is_null(vbd.vdi)]
    vdis = await records(api, "vdi", list(dict.fromkeys(vbd.vdi for vbd in in_use)))
    stray = {ref for vdi in vdis.values() for ref in vdi.vbds} - set(vbds)
    foreign: dict[str, VBD] = await records(api, "vbd", sorted(stray))
    users = await records(api, "vm", sorted({vbd.vm for vbd in foreign.values()}))
    listed: set[str] = set()

    def disks_of(vm: VM) -> tuple[DoomedDisk, ...]:
        found = []
        for vbd in (vbds[ref] for ref in vm.vbds if ref in vbds):
            vdi = vdis.get(vbd.vdi)
            if vdi is None or vbd.type != "Disk" or vdi.ref in listed:
                continue
            listed.add(vdi.ref)
            others = [foreign[ref] for ref in vdi.vbds if ref in foreign]
            names = sorted({users[one.vm].name_label for one in others if one.vm in users})
            reason = None
            if any(one.currently_attached for one in others):
                reason = f"{', '.join(names)} is using it"
            elif vdi.current_operations:
                busy = ", ".join(sorted(set(vdi.current_operations.values())))
                reason = f"busy ({busy.replace('_', ' ')})"
            found.append(DoomedDisk(vdi, vm.ref, tuple(names), reason))
        return tuple(found)

    result = []
    for vm in vms:
        own = disks_of(vm)
        taken = sorted(
            (snapshots[ref] for ref in vm.snapshots if ref in snapshots),
            key=lambda one: one.snapshot_time,
        )
        result.append(Doomed(vm, own, tuple((one, disks_of(one)) for one in taken)))
    return result


async def records(api: Any, cls: str, refs: Sequence[str]) -> dict[str, Any]:
    """Records by reference; what is gone meanwhile is left out."""
    found = await asyncio.gather(*(_record(api, cls, ref) for ref in refs))
    return {record.ref: record for record in found if record is not None}


async def _record(api: Any, cls: str, ref: str) -> Any:
    try:
        return await api.get_record(cls, ref)
    except XenApiError as error:
        # What went away meanwhile needs no deleting.
        if getattr(error, "code", "") == "HANDLE_INVALID":
            return None
        raise


def deletion(
    vm: str, disks: Sequence[str], snapshots: Sequence[tuple[str, Sequence[str]]]
) -> Callable[[Any], Awaitable[None]]:
    """The work that deletes a VM.

    The VM goes first: where that is refused, nothing is lost. A disk that cannot be deleted does
    not keep the others; the first failure is told at the end.

    Args:
        vm: its reference.
        disks: references of the disks that go with it.
        snapshots: references of the snapshots that go, each with its disks.
    """

    async def work(api: Any) -> None:
        await api.run("VM.destroy", vm)
        failed: XenApiError | None = None
        for owner, own in (("", disks), *snapshots):
            try:
                if owner:
                    await api.run("VM.destroy", owner)
            except XenApiError as error:
                failed = failed or error
                continue
            for disk in own:
                try:
                    await api.run("VDI.destroy", disk)
                except XenApiError as error:
                    failed = failed or error
        if failed is not None:
            raise failed

    return work
