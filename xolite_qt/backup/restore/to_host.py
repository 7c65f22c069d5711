"""Whole VMs and single disks back onto a host. What was begun and not finished is removed again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from xolite_qt.backup.errors import Cancelled
from xolite_qt.backup.repository import Backup, BackupDisk, Repository
from xolite_qt.backup.restore.records import (
    NULL_REF,
    in_order,
    vbd_arguments,
    vdi_arguments,
    vm_arguments,
)
from xolite_qt.backup.restore.sending import send_disk, send_xva
from xolite_qt.backup.restore.to_file import RestoreError
from xolite_qt.xen_api import (
    SR,
    Pool,
    UuidInvalid,
    XenApi,
    XenApiError,
    is_null,
)

from .cards import Cards
from .difference import Difference, find_difference
from .leftovers import TRIAL_PREFIX, remove_leftovers
from .making import Making
from .point import DiskPoint

Told = Callable[[str], None]


@dataclass
class RestoreWish:
    """How a VM is to come back.

    Attributes:
        sr: uuid of the storage per disk uuid; "" as a key for all others; "" as a value, or
            nothing, for the pool's default.
        networks: uuid of the network per uuid of a card, as the backup has it or the host; ""
            leaves the card out; others find their own.
        name: of the new VM; the old one where None.
        start: whether it starts afterwards.
        keep_macs: keep the MAC addresses even where another VM on the host has them.
        snapshot: uuid of a snapshot on the host to build on: only what differs is sent.
        trial: for a health check: no cards, another name, and it stays marked as something that
            is removed if this process dies.
    """

    sr: Mapping[str, str] = field(default_factory=dict)
    networks: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    start: bool = False
    keep_macs: bool = False
    snapshot: str = ""
    trial: bool = False


class HostRestore:
    """Restores to one host.

    Attributes:
        sent_bytes: over the wire so far.
    """

    def __init__(
        self,
        api: XenApi,
        repository: Repository,
        *,
        told: Told | None = None,
        progress: Callable[[BackupDisk | None, int, int], None] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        """Args:
        api: signed in.
        repository: where backups are.
        told: hears what is worth knowing, a sentence each.
        progress: takes (disk, or None for an XVA; bytes sent; bytes in all), from other threads.
        stop: ends it; everything made so far is removed.
        """
        self._api, self._repository = api, repository
        self._told = told or (lambda _: None)
        self._progress = progress or (lambda *_: None)
        self._stop = stop or threading.Event()
        self.sent_bytes = 0

    async def vm(self, backup: Backup, wish: RestoreWish) -> str:
        """A new VM out of a backup.

        Returns:
            Its reference.

        Raises:
            RestoreError: the host has no such storage or snapshot.
            Damaged, BrokenChain, StorageError: the backup cannot be read; names the file.
            XenApiError: the host does not do it.
            Cancelled: `stop` was set.
        """
        await self._tidy()
        if backup.mode == "full":
            vm = await self._xva(backup, wish)
        else:
            vm = await self._disks(backup, wish)
        if wish.start and not wish.trial:
            try:
                await start_vm(self._api, vm)
            except XenApiError as error:
                raise RestoreError(f"the VM is restored, but did not start: {error}") from error
        return vm

    async def _tidy(self) -> None:
        """What earlier restores of this machine left when they were killed goes first."""
        for name in await remove_leftovers(self._api):
            self._told(f"removed what a restore that was killed had left: {name}")

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise Cancelled

    async def disk(self, backup: Backup, disk: BackupDisk, sr: str, name: str | None) -> str:
        """One disk, attached to nothing.

        Args:
            backup: which point in time.
            disk: which of its disks.
            sr: uuid of the storage, or "" for the pool's default.
            name: of the disk; the old one where None.

        Returns:
            Its reference.

        Raises:
            As `vm`.
        """
        await self._tidy()
        async with Making(self._api, self._told) as making:
            record = {**backup.metadata["vdis"][disk.ref]}
            if name is not None:
                record["name_label"] = name
            vdi = await self._one_disk(backup, disk, record, await self._sr(sr), making, None)
            self._check_stop()
            await making.finish()
        return vdi

    # Full backups

    async def _xva(self, backup: Backup, wish: RestoreWish) -> str:
        sr = await self._sr(wish.sr.get("", ""))
        if wish.keep_macs:
            await self._check_absent(backup.vm_uuid)
        if wish.networks:
            self._told("a full backup finds its networks on its own: the wishes are not heeded")
        name = backup.vm_name if wish.name is None else wish.name
        made: list[str] = []
        async with Making(self._api, self._told) as making:

            async def imported(ref: str) -> None:
                made.append(ref)
                await making.imported(ref, name)

            self.sent_bytes += await send_xva(
                self._api,
                self._repository,
                backup,
                sr,
                keep_macs=wish.keep_macs,
                progress=lambda sent, total: self._progress(None, sent, total),
                stop=self._stop,
                imported=imported,
            )
            self._check_stop()
            await making.finish(trial=_trial_name(backup, wish))
        return made[0]

    async def _check_absent(self, uuid: str) -> None:
        """A host that restores a VM as the same one would replace, or refuse, one that is there."""
        try:
            await self._api.call("VM.get_by_uuid", uuid)
        except UuidInvalid:
            return
        raise RestoreError(
            "a full backup can keep its MAC addresses only where its VM is not on the host any more"
        )

    # Disks

    async def _disks(self, backup: Backup, wish: RestoreWish) -> str:
        metadata = backup.metadata
        differences = await self._differences(backup, wish.snapshot)
        cards = Cards(self._api, metadata.get("vifs", {}), self._told)
        networks = await cards.chosen(wish.networks)
        keep_seed = wish.keep_macs or not await cards.is_seed_taken(metadata["vm"])
        async with Making(self._api, self._told) as making:
            self._check_stop()
            arguments = vm_arguments(metadata["vm"], wish.name, keep_seed=keep_seed)
            made: dict[str, str] = {}
            memory = metadata.get("vmSnapshot", {}).get("suspend_VDI", "")
            # A VM that is suspended is so from its first moment on: its memory comes first.
            vm = ""
            for disk in sorted(backup.disks, key=lambda disk: disk.ref != memory):
                if disk.ref != memory and not vm:
                    vm = await making.vm(_with_memory(arguments, metadata, made.get(memory)))
                uuid = wish.sr.get(disk.uuid) or wish.sr.get(disk.snapshot_uuid)
                sr = await self._sr(uuid or wish.sr.get("", ""))
                record = metadata["vdis"][disk.ref]
                made[disk.ref] = await self._one_disk(
                    backup, disk, record, sr, making, differences.get(disk.ref)
                )
            if not vm:
                vm = await making.vm(_with_memory(arguments, metadata, made.get(memory)))
            for vbd in in_order(metadata.get("vbds", {})):
                await self._drive(vbd, vm, made)
            if not wish.trial:
                await cards.make(vm, networks, keep_macs=wish.keep_macs)
            await self._vtpms(metadata.get("vtpms", []), vm)
            self._check_stop()
            for operation in arguments["blocked_operations"]:
                await self._api.call("VM.remove_from_blocked_operations", vm, operation)
            await making.finish(trial=_trial_name(backup, wish))
        return vm

    async def _one_disk(
        self,
        backup: Backup,
        disk: BackupDisk,
        record: Mapping[str, Any],
        sr: str,
        making: Making,
        difference: Difference | None,
    ) -> str:
        point = await asyncio.to_thread(DiskPoint, self._repository, backup, disk)
        if not point.provable:
            self._told(f"{disk.name}: this backup has no hashes, so its blocks cannot be proved")
        self._check_stop()
        arguments = vdi_arguments(record, sr, point.size_bytes)
        if difference is not None:
            vdi = await making.clone(difference.vdi, arguments)
            indices = difference.indices
            share = f"{len(indices)} of {len(point.indices())} blocks"
            self._told(f"{disk.name}: only what differs from the snapshot is sent ({share})")
        else:
            vdi = await making.disk(arguments)
            indices = point.indices()
        sent = await send_disk(
            self._api,
            point,
            vdi,
            indices,
            point.size_bytes,
            parent_uuid=difference.uuid if difference is not None else None,
            progress=lambda done, total: self._progress(disk, done, total),
            stop=self._stop,
        )
        self.sent_bytes += sent
        return vdi

    async def _differences(self, backup: Backup, snapshot: str) -> dict[str, Difference]:
        if not snapshot:
            return {}
        try:
            ref = await self._api.call("VM.get_by_uuid", snapshot)
        except XenApiError:
            raise RestoreError(f"the host has no snapshot {snapshot}") from None
        uuids: dict[str, str] = {}
        for vbd in (await self._api.call("VM.get_record", ref))["VBDs"]:
            record = await self._api.call("VBD.get_record", vbd)
            if record["type"] == "Disk" and not is_null(record["VDI"]):
                vdi = await self._api.call("VDI.get_record", record["VDI"])
                # Of some snapshots only the log of changes is kept.
                if vdi["type"] != "cbt_metadata":
                    uuids[vdi["uuid"]] = record["VDI"]
        found = {}
        for disk in backup.disks:
            difference = await asyncio.to_thread(find_difference, self._repository, disk, uuids)
            if difference is None:
                self._told(f"{disk.name}: nothing to build on in that snapshot; all of it is sent")
            else:
                found[disk.ref] = difference
        return found

    async def _drive(self, vbd: Mapping[str, Any], vm: str, made: Mapping[str, str]) -> None:
        vdi = made.get(vbd.get("VDI", ""))
        if vdi is None and vbd.get("type") != "CD":
            return
        await self._api.call("VBD.create", vbd_arguments(vbd, vm, vdi))

    async def _vtpms(self, vtpms: Any, vm: str) -> None:
        for contents in vtpms if isinstance(vtpms, list) else ():
            try:
                ref = await self._api.call("VTPM.create", vm, False)
                await self._api.call("VTPM.set_contents", ref, contents)
            except XenApiError as error:
                self._told(f"the virtual TPM could not be restored: {error}")

    async def _sr(self, uuid: str) -> str:
        if uuid:
            try:
                ref: str = await self._api.call("SR.get_by_uuid", uuid)
            except XenApiError:
                raise RestoreError(f"the host has no storage {uuid}") from None
            return ref
        pools = (await self._api.get_all_records(Pool)).values()
        default = next((pool.default_sr for pool in pools), NULL_REF)
        if is_null(default):
            raise RestoreError("the pool has no default storage: say where the disks shall go")
        return default


def _trial_name(backup: Backup, wish: RestoreWish) -> str:
    return f"{TRIAL_PREFIX}{backup.vm_name}" if wish.trial else ""


def _with_memory(
    arguments: dict[str, Any], metadata: Mapping[str, Any], memory: str | None
) -> dict[str, Any]:
    """A VM that is suspended, where its memory was restored."""
    if memory is None:
        return arguments
    snapshot = metadata["vmSnapshot"]
    return {
        **arguments,
        "power_state": "Suspended",
        "suspend_VDI": memory,
        "last_boot_CPU_flags": snapshot.get("last_boot_CPU_flags", {}),
        "last_booted_record": snapshot.get("last_booted_record", ""),
    }


async def start_vm(api: XenApi, vm: str, *, timeout_s: float = 600.0) -> None:
    """Starts a restored VM, or resumes it where its memory was restored.

    Raises:
        XenApiError: the host does not.
    """
    suspended = await api.call("VM.get_power_state", vm) == "Suspended"
    method = "VM.resume" if suspended else "VM.start"
    await api.call(method, vm, False, False, timeout_s=timeout_s)


async def find_sr(api: XenApi, name: str) -> str:
    """uuid of the storage of this name or uuid.

    Raises:
        RestoreError: none, or several.
    """
    srs = await api.get_all_records(SR)
    found = [sr.uuid for sr in srs.values() if name in (sr.uuid, sr.name_label)]
    if len(found) != 1:
        what = "several storages are" if found else "no storage is"
        raise RestoreError(f"{what} called {name!r}")
    return found[0]
