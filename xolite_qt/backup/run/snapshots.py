"""Snapshots on the host: taken for a backup, and marked as Xen Orchestra marks them.

The newest one that was backed up stays, as what the next backup is the difference to. Every other
one goes (`tidying`), also those of runs that were killed: their mark says which process took them.

Source: backup-repository.md 2.3.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from xolite_qt.backup.storage.folder_lock import Holder
from xolite_qt.xen_api import XapiError, XenApi, is_null

MARK = "xo:backup:"
OWNER = "xolite:owner"
NO_BACKUP = "[NOBAK]"
SNAPSHOT_S = 1800.0
# Between the name of a snapshot and who is just taking it.
TAKEN_BY = " being taken by "

Told = Callable[[str], None]
RawRecord = dict[str, Any]


@dataclass(frozen=True)
class SnapshotDisk:
    """One disk of a snapshot.

    Attributes:
        ref: of the snapshot's VDI.
        record: its record, with `$ref`, `$type`, `$snapshot_of$uuid`, `$SR$uuid`.
        origin_uuid: of the VM's own disk; of the saved memory its own.
    """

    ref: str
    record: RawRecord
    origin_uuid: str

    @property
    def uuid(self) -> str:
        """Of the snapshot's VDI."""
        return str(self.record["uuid"])

    @property
    def name(self) -> str:
        """As the host has it."""
        return str(self.record["name_label"])

    @property
    def size_bytes(self) -> int:
        """The virtual size."""
        return int(self.record["virtual_size"])

    @property
    def tracked(self) -> bool:
        """Whether changed blocks are known of it."""
        return bool(self.record.get("cbt_enabled"))


@dataclass
class Snapshot:
    """A snapshot of a VM, with all its records.

    Attributes:
        ref: of it.
        record, vm_record: of it and of its VM, with `$ref` and `$type`.
        disks: to be backed up.
        vbds, vifs: records by reference, as a backup keeps them.
    """

    ref: str
    record: RawRecord
    vm_record: RawRecord
    disks: list[SnapshotDisk] = field(default_factory=list)
    vbds: dict[str, RawRecord] = field(default_factory=dict)
    vifs: dict[str, RawRecord] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """A snapshot's disk that an earlier backup left on the host.

    Attributes:
        ref, uuid: of the VDI.
        tracked: whether changed blocks are known of it.
        has_data: False where only the tracking data is left.
        deltas: how many incrementals lie between it and the full one.
    """

    ref: str
    uuid: str
    tracked: bool
    has_data: bool
    deltas: int


async def raw(api: XenApi, cls: str, ref: str) -> RawRecord:
    """A record as a backup keeps it: with `$ref` and `$type`."""
    record: RawRecord = await api.call(f"{cls}.get_record", ref)
    return {"$ref": ref, "$type": cls, **record}


async def take_snapshot(
    api: XenApi,
    vm: str,
    *,
    label: str,
    marks: Mapping[str, str],
    memory: bool,
    offline: bool,
    told: Told,
) -> str:
    """Takes a marked snapshot; returns its reference. Disks with `[NOBAK]` are left out.

    Until its marks are set its name tells whose it is: a process that is killed in between leaves
    no snapshot that nobody knows.

    Args:
        api: signed in.
        vm: reference.
        label: name of the snapshot.
        marks: for `other_config`, without prefix.
        memory: with the running machine's memory.
        offline: shut the VM down for it, and start it again.
        told: hears what was not possible.

    Raises:
        XenApiError: the host does not take it.
    """
    record = await api.call("VM.get_record", vm)
    running = record["power_state"] == "Running"
    # Marks come after the snapshot: until then its name says whose it is.
    name, label = label, f"{label}{TAKEN_BY}{_holder()}"
    if offline and running:
        await api.call("VM.clean_shutdown", vm, timeout_s=SNAPSHOT_S)
    try:
        if memory and running and not offline:
            ref = await api.call("VM.checkpoint", vm, label, timeout_s=SNAPSHOT_S)
        else:
            ref = await _without(api, vm, label, await _left_out(api, record), told)
    finally:
        if offline and running:
            await api.call("VM.start", vm, False, False, timeout_s=SNAPSHOT_S)
    # Hosts copy `other_config` to snapshots: marks of earlier times, or of others, are not its own.
    config = await api.call("VM.get_other_config", ref)
    own = {k: v for k, v in config.items() if not k.startswith(MARK) and k != OWNER}
    own |= {f"{MARK}{k}": v for k, v in marks.items()} | owner_mark()
    await api.call("VM.set_other_config", ref, own)
    await api.call("VM.set_name_label", ref, name)
    return str(ref)


async def _without(api: XenApi, vm: str, label: str, out: list[str], told: Told) -> str:
    try:
        return str(await api.call("VM.snapshot", vm, label, out, timeout_s=SNAPSHOT_S))
    except XapiError as error:
        if error.code != "MESSAGE_PARAMETER_COUNT_MISMATCH":
            raise
    # Hosts before 2021 snapshot all disks.
    if out:
        told("this host snapshots disks marked [NOBAK] too; they are not backed up")
    return str(await api.call("VM.snapshot", vm, label, timeout_s=SNAPSHOT_S))


async def _left_out(api: XenApi, record: Mapping[str, Any]) -> list[str]:
    out = []
    for ref in record["VBDs"]:
        vbd = await api.call("VBD.get_record", ref)
        if vbd["type"] == "Disk" and not is_null(vbd["VDI"]):
            vdi = await api.call("VDI.get_record", vbd["VDI"])
            if NO_BACKUP in vdi["name_label"]:
                out.append(vbd["VDI"])
    return out


def owner_mark() -> dict[str, str]:
    """Which process works with an object now."""
    return {OWNER: _holder()}


def _holder() -> str:
    return msgspec.json.encode(Holder.me("backup")).decode()


def is_abandoned(config: Mapping[str, str]) -> bool:
    """Whether the process that worked with an object is gone."""
    try:
        return msgspec.json.decode(config.get(OWNER, ""), type=Holder).is_gone
    except msgspec.MsgspecError:
        return False


async def mark(api: XenApi, cls: str, ref: str, marks: Mapping[str, str]) -> None:
    """Sets entries of `other_config`, all at once."""
    config = await api.call(f"{cls}.get_other_config", ref)
    await api.call(f"{cls}.set_other_config", ref, {**config, **marks})


async def read_snapshot(api: XenApi, vm: str, snapshot: str) -> Snapshot:
    """Everything that a backup keeps of a snapshot.

    Raises:
        XenApiError: the host does not answer.
    """
    found = Snapshot(snapshot, await raw(api, "VM", snapshot), await raw(api, "VM", vm))
    for ref in found.record["VBDs"]:
        vbd = await raw(api, "VBD", ref)
        if vbd["type"] != "Disk" or is_null(vbd["VDI"]):
            if vbd["type"] == "CD":
                found.vbds[ref] = vbd
            continue
        disk = await _disk(api, vbd["VDI"], found.vm_record["uuid"])
        if NO_BACKUP not in disk.name:
            found.vbds[ref] = vbd
            found.disks.append(disk)
    memory = found.record.get("suspend_VDI", "")
    if memory and not is_null(memory):
        found.disks.append(await _disk(api, memory, found.vm_record["uuid"]))
    for ref in found.record["VIFs"]:
        found.vifs[ref] = await _vif(api, ref)
    found.disks.sort(key=lambda disk: _place(found.vbds, disk.ref))
    return found


def _place(vbds: Mapping[str, RawRecord], vdi: str) -> tuple[int, str]:
    for vbd in vbds.values():
        if vbd["VDI"] == vdi:
            return len(vbd["userdevice"]), vbd["userdevice"]
    return 99, ""


async def _disk(api: XenApi, ref: str, vm_uuid: str) -> SnapshotDisk:
    record = await raw(api, "VDI", ref)
    origin = record["uuid"]
    if not is_null(record.get("snapshot_of", "")):
        with contextlib.suppress(XapiError):
            origin = await api.call("VDI.get_uuid", record["snapshot_of"])
    record["$snapshot_of$uuid"] = origin
    with contextlib.suppress(XapiError):
        record["$SR$uuid"] = await api.call("SR.get_uuid", record["SR"])
    record["other_config"] = {**record["other_config"], f"{MARK}vm": vm_uuid}
    return SnapshotDisk(ref, record, origin)


async def _vif(api: XenApi, ref: str) -> RawRecord:
    vif = await raw(api, "VIF", ref)
    network = await api.call("network.get_record", vif["network"])
    vif["$network$uuid"], vif["$network$name_label"] = network["uuid"], network["name_label"]
    vif["$network$VLAN"] = -1
    for pif in network["PIFs"][:1]:
        vif["$network$VLAN"] = int(await api.call("PIF.get_VLAN", pif))
    return vif


async def known_disks(api: XenApi, vm: str, job_id: str) -> dict[str, list[Known]]:
    """Disks of snapshots that a job has backed up, by the VM's own disk, newest first."""
    found: dict[str, list[tuple[str, Known]]] = {}
    record = await api.call("VM.get_record", vm)
    for vbd_ref in record["VBDs"]:
        vbd = await api.call("VBD.get_record", vbd_ref)
        if vbd["type"] != "Disk" or is_null(vbd["VDI"]):
            continue
        disk = await api.call("VDI.get_record", vbd["VDI"])
        for ref in disk["snapshots"]:
            with contextlib.suppress(XapiError):
                snapshot = await api.call("VDI.get_record", ref)
                config = snapshot["other_config"]
                if config.get(f"{MARK}job") != job_id or not config.get(f"{MARK}exported"):
                    continue
                known = Known(
                    ref,
                    snapshot["uuid"],
                    bool(snapshot["cbt_enabled"]),
                    snapshot["type"] != "cbt_metadata",
                    _number(config.get(f"{MARK}deltaChainLength", "0")),
                )
                when = config.get(f"{MARK}datetime", "")
                found.setdefault(disk["uuid"], []).append((when, known))
    return {
        uuid: [one for _, one in sorted(all_, key=lambda pair: pair[0], reverse=True)]
        for uuid, all_ in found.items()
    }


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


async def enable_tracking(api: XenApi, vm: str, told: Told) -> None:
    """Has the host note which blocks change, where it can."""
    record = await api.call("VM.get_record", vm)
    for vbd_ref in record["VBDs"]:
        vbd = await api.call("VBD.get_record", vbd_ref)
        if vbd["type"] != "Disk" or is_null(vbd["VDI"]):
            continue
        vdi = await api.call("VDI.get_record", vbd["VDI"])
        if vdi["cbt_enabled"] or NO_BACKUP in vdi["name_label"]:
            continue
        try:
            await api.call("VDI.enable_cbt", vbd["VDI"])
        except XapiError as error:
            told(f"{vdi['name_label']}: the host cannot track its changed blocks ({error.code})")


async def mark_exported(api: XenApi, snapshot: Snapshot, marks: Mapping[str, str]) -> None:
    """Says of a snapshot and its disks that they are backed up."""
    exported = {f"{MARK}{k}": v for k, v in {**marks, "exported": "true"}.items()}
    await mark(api, "VM", snapshot.ref, exported)
    for disk in snapshot.disks:
        await mark(api, "VDI", disk.ref, exported)
    with contextlib.suppress(XapiError):
        await api.call("VM.remove_from_other_config", snapshot.ref, OWNER)


def datetime_mark(timestamp_ms: int) -> str:
    """As Xen Orchestra writes it."""
    return time.strftime("%Y%m%dT%H:%M:%SZ", time.gmtime(timestamp_ms // 1000))
