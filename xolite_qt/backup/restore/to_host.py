"""Whole VMs and single disks back onto a host. What was begun and not finished is removed again."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from xolite_qt.backup.repository import Backup, BackupDisk, Repository
from xolite_qt.backup.restore.records import (
    NULL_REF,
    Networks,
    vbd_arguments,
    vdi_arguments,
    vif_arguments,
    vm_arguments,
)
from xolite_qt.backup.restore.sending import send_disk, send_xva
from xolite_qt.backup.restore.to_file import RestoreError
from xolite_qt.xen_api import PIF, SR, VDI, VIF, Network, Pool, XenApi, XenApiError, is_null

from .difference import Difference, find_difference
from .point import DiskPoint

Told = Callable[[str], None]


@dataclass
class RestoreWish:
    """How a VM is to come back.

    Attributes:
        sr: uuid of the storage per disk uuid; "" as a key for all others; "" as a value, or
            nothing, for the pool's default.
        networks: uuid of the network per VIF uuid; "" leaves the card out; others find their own.
        name: of the new VM; the old one where None.
        start: whether it starts afterwards.
        keep_macs: keep the MAC addresses even where another VM on the host has them.
        snapshot: uuid of a snapshot on the host to build on: only what differs is sent.
        devices: whether drives and cards are made; a health check wants no cards.
    """

    sr: Mapping[str, str] = field(default_factory=dict)
    networks: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    start: bool = False
    keep_macs: bool = False
    snapshot: str = ""
    devices: bool = True


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
        if backup.mode == "full":
            vm = await self._xva(backup, wish)
        else:
            vm = await self._disks(backup, wish)
        if wish.start:
            await start_vm(self._api, vm)
        return vm

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
        async with _Undo(self._api) as undo:
            record = {**backup.metadata["vdis"][disk.ref]}
            if name is not None:
                record["name_label"] = name
            vdi = await self._one_disk(backup, disk, record, await self._sr(sr), undo, None)
            undo.keep()
        return vdi

    # Full backups

    async def _xva(self, backup: Backup, wish: RestoreWish) -> str:
        sr = await self._sr(wish.sr.get("", ""))
        refs = await send_xva(
            self._api,
            self._repository,
            backup,
            sr,
            keep_macs=wish.keep_macs,
            progress=lambda sent, total: self._progress(None, sent, total),
            stop=self._stop,
        )
        self.sent_bytes += backup.size_bytes
        async with _Undo(self._api) as undo:
            for ref in refs:
                undo.made("VM", ref)
            vm = refs[0]
            # What was exported is a snapshot, and comes back as a template.
            await self._api.call("VM.set_is_a_template", vm, False)
            name = backup.vm_name if wish.name is None else wish.name
            await self._api.call("VM.set_name_label", vm, name)
            undo.keep()
        return vm

    # Disks

    async def _disks(self, backup: Backup, wish: RestoreWish) -> str:
        metadata = backup.metadata
        differences = await self._differences(backup, wish.snapshot)
        async with _Undo(self._api) as undo:
            arguments = vm_arguments(metadata["vm"], wish.name)
            blocked = arguments["blocked_operations"]
            made: dict[str, str] = {}
            memory = metadata.get("vmSnapshot", {}).get("suspend_VDI", "")
            # A VM that is suspended is so from its first moment on: its memory comes first.
            disks = sorted(backup.disks, key=lambda disk: disk.ref != memory)
            vm = ""
            for disk in disks:
                if disk.ref != memory and not vm:
                    vm = await self._machine(arguments, metadata, made.get(memory), undo)
                uuid = wish.sr.get(disk.uuid) or wish.sr.get(disk.snapshot_uuid)
                sr = await self._sr(uuid or wish.sr.get("", ""))
                record = metadata["vdis"][disk.ref]
                made[disk.ref] = await self._one_disk(
                    backup, disk, record, sr, undo, differences.get(disk.ref)
                )
            if not vm:
                vm = await self._machine(arguments, metadata, made.get(memory), undo)
            for vbd in _in_order(metadata.get("vbds", {})):
                await self._drive(vbd, vm, made)
            if wish.devices:
                await self._cards(metadata.get("vifs", {}), vm, wish)
            await self._vtpms(metadata.get("vtpms", []), vm)
            for operation in blocked:
                await self._api.call("VM.remove_from_blocked_operations", vm, operation)
            undo.keep()
        return vm

    async def _machine(
        self,
        arguments: dict[str, Any],
        metadata: Mapping[str, Any],
        memory: str | None,
        undo: _Undo,
    ) -> str:
        """The VM itself; suspended where its memory was restored."""
        if memory is not None:
            snapshot = metadata["vmSnapshot"]
            arguments = {
                **arguments,
                "power_state": "Suspended",
                "suspend_VDI": memory,
                "last_boot_CPU_flags": snapshot.get("last_boot_CPU_flags", {}),
                "last_booted_record": snapshot.get("last_booted_record", ""),
            }
        vm: str = await self._api.call("VM.create", arguments)
        undo.made("VM", vm)
        return vm

    async def _one_disk(
        self,
        backup: Backup,
        disk: BackupDisk,
        record: Mapping[str, Any],
        sr: str,
        undo: _Undo,
        difference: Difference | None,
    ) -> str:
        point = await asyncio.to_thread(DiskPoint, self._repository, backup, disk)
        if not point.provable:
            self._told(f"{disk.name}: this backup has no hashes, so its blocks cannot be proved")
        if difference is not None:
            vdi: str = await self._api.call("VDI.clone", difference.vdi, {}, timeout_s=600.0)
            undo.made("VDI", vdi)
            await self._api.call("VDI.set_name_label", vdi, record.get("name_label", ""))
            indices = difference.indices
            size = point.size_bytes
            share = f"{len(indices)} of {len(point.indices())} blocks"
            self._told(f"{disk.name}: only what differs from the snapshot is sent ({share})")
        else:
            arguments = vdi_arguments(record, sr, point.size_bytes)
            vdi = await self._api.call("VDI.create", arguments, timeout_s=600.0)
            undo.made("VDI", vdi)
            indices, size = point.indices(), point.size_bytes
        sent = await send_disk(
            self._api,
            point,
            vdi,
            indices,
            size,
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

    async def _cards(self, vifs: Mapping[str, Any], vm: str, wish: RestoreWish) -> None:
        networks = await self._networks()
        taken = {vif.mac.lower() for vif in (await self._api.get_all_records(VIF)).values()}
        for vif in _in_order(vifs):
            chosen = wish.networks.get(vif.get("uuid", ""))
            if chosen == "":
                continue
            network = networks.by_uuid.get(chosen) if chosen else networks.find(vif)
            if network is None:
                name = vif.get("$network$name_label") or "?"
                self._told(f"card {vif.get('device', '?')} is left out: no network like {name}")
                continue
            free = vif.get("MAC", "").lower() not in taken
            if not free and not wish.keep_macs:
                self._told(
                    f"card {vif.get('device', '?')} gets a new MAC address: another VM has it"
                )
            arguments = vif_arguments(vif, vm, network, keep_mac=free or wish.keep_macs)
            await self._api.call("VIF.create", arguments)

    async def _networks(self) -> Networks:
        vlans: dict[str, int] = {}
        for pif in (await self._api.get_all_records(PIF)).values():
            vlans.setdefault(pif.network, pif.vlan)
        by_uuid: dict[str, str] = {}
        by_both: dict[tuple[int, str], str] = {}
        by_vlan: dict[int, str] = {}
        for ref, network in (await self._api.get_all_records(Network)).items():
            by_uuid[network.uuid] = ref
            if ref in vlans:
                by_both[vlans[ref], network.name_label] = ref
                by_vlan.setdefault(vlans[ref], ref)
        return Networks(by_uuid, by_both, by_vlan)

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


def _in_order(records: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    def key(record: Mapping[str, Any]) -> tuple[int, str]:
        place = str(record.get("userdevice", record.get("device", "")))
        return len(place), place

    return sorted(records.values(), key=key)


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


class _Undo:
    """Removes what was made, unless it is kept."""

    def __init__(self, api: XenApi) -> None:
        self._api = api
        self._made: list[tuple[str, str]] = []

    async def __aenter__(self) -> _Undo:
        return self

    def made(self, cls: str, ref: str) -> None:
        self._made.append((cls, ref))

    def keep(self) -> None:
        self._made.clear()

    async def __aexit__(self, *_: object) -> None:
        if self._made:
            await asyncio.shield(self._remove())

    async def _remove(self) -> None:
        for cls, ref in reversed(self._made):
            with contextlib.suppress(XenApiError):
                if cls == "VDI":
                    await self._let_go(ref)
                await self._api.call(f"{cls}.destroy", ref, timeout_s=120.0)

    async def _let_go(self, vdi: str) -> None:
        record = await self._api.get_record(VDI, vdi)
        for vbd in record.vbds:
            await self._api.call("VBD.destroy", vbd)
