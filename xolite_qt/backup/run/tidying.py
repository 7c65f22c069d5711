"""Snapshots that are no longer needed: removed, or shrunk to what changes are known by.

Whatever is killed in the middle of this leaves something with a mark, which the next run removes.

Source: backup-repository.md 2.3.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

import msgspec

from xolite_qt.backup.errors import SourceError
from xolite_qt.backup.storage.folder_lock import Holder
from xolite_qt.xen_api import XapiError, XenApi, XenApiError, is_null

from .snapshots import MARK, OWNER, SNAPSHOT_S, TAKEN_BY, Snapshot, Told, is_abandoned

_DESTROY_TRIES, _DESTROY_WAIT_S = 5, 1.0


async def destroy_snapshot(api: XenApi, snapshot: str) -> None:
    """Removes a snapshot with its disks. That it is gone already is no error.

    The machine goes last: as long as it is there its marks tell whose the disks are.

    Raises:
        SourceError: a disk is in use and stays.
    """
    try:
        record = await api.call("VM.get_record", snapshot)
    except XapiError:
        return
    disks = [] if is_null(record.get("suspend_VDI", "")) else [record["suspend_VDI"]]
    for ref in record["VBDs"]:
        with contextlib.suppress(XapiError):
            vbd = await api.call("VBD.get_record", ref)
            if vbd["type"] == "Disk" and not is_null(vbd["VDI"]):
                disks.append(vbd["VDI"])
    for vdi in disks:
        await destroy_disk(api, vdi)
    with contextlib.suppress(XapiError):
        await api.call("VM.destroy", snapshot, timeout_s=SNAPSHOT_S)


async def destroy_disk(api: XenApi, vdi: str) -> None:
    """Removes a snapshot's disk, also from the control domain if it hangs there still.

    Raises:
        SourceError: it is in use, and stays.
    """
    last: XapiError | None = None
    for attempt in range(_DESTROY_TRIES):
        try:
            await api.call("VDI.destroy", vdi, timeout_s=SNAPSHOT_S)
        except XapiError as error:
            if error.code in ("HANDLE_INVALID", "UUID_INVALID"):
                return
            last = error
        else:
            return
        await detach_from_host(api, vdi)
        await asyncio.sleep(_DESTROY_WAIT_S * attempt)
    raise SourceError(f"a snapshot's disk could not be removed: {last}")


async def detach_from_host(api: XenApi, vdi: str) -> None:
    """Takes a disk off the control domain, where NBD and exports attach it."""
    try:
        record = await api.call("VDI.get_record", vdi)
    except XapiError:
        return
    for ref in record["VBDs"]:
        with contextlib.suppress(XapiError):
            vbd = await api.call("VBD.get_record", ref)
            if await api.call("VM.get_is_control_domain", vbd["VM"]):
                with contextlib.suppress(XapiError):
                    await api.call("VBD.unplug", ref)
                await api.call("VBD.destroy", ref)


async def keep_tracking_only(api: XenApi, snapshot: Snapshot, told: Told) -> None:
    """Frees the space of a snapshot; the host still knows what changed since."""
    await api.call("VM.destroy", snapshot.ref, timeout_s=SNAPSHOT_S)
    for disk in snapshot.disks:
        if not disk.tracked:
            await destroy_disk(api, disk.ref)
            continue
        try:
            await api.call("VDI.data_destroy", disk.ref, timeout_s=SNAPSHOT_S)
        except XapiError as error:
            told(f"{disk.name}: the snapshot's space could not be freed ({error.code})")


async def remove_unfinished(api: XenApi, vm: str, job_id: str, told: Told) -> None:
    """Removes what runs of a job left that were killed before their backup was whole."""
    record = await api.call("VM.get_record", vm)
    for ref in record["snapshots"]:
        with contextlib.suppress(XapiError):
            name = await api.call("VM.get_name_label", ref)
            config = await api.call("VM.get_other_config", ref)
            if _is_unfinished(name, config, job_id):
                try:
                    await destroy_snapshot(api, ref)
                    told("a snapshot was removed that an earlier run had left")
                except SourceError as error:
                    told(str(error))


def _is_unfinished(name: str, config: Mapping[str, str], job_id: str) -> bool:
    """Whether a snapshot is one of a job, or of nobody yet, that nobody will finish."""
    _, sign, holder = name.partition(TAKEN_BY)
    if sign:
        # Its marks are not set yet; what it has was copied from its VM.
        return is_abandoned({OWNER: holder})
    if config.get(f"{MARK}job") != job_id or config.get(f"{MARK}exported"):
        return False
    return OWNER not in config or is_abandoned(config)


async def remove_old(
    api: XenApi, vm: str, job_id: str, keep: str | None, told: Told, *, tracking: bool = False
) -> None:
    """Removes a job's snapshots of a VM, but the one to keep and those of a process at work.

    Args:
        api: signed in.
        vm: reference.
        job_id: whose.
        keep: the snapshot that stays, if any.
        told: hears what could not be removed.
        tracking: without one, whether the newest tracking data of each disk stays.
    """
    record = await api.call("VM.get_record", vm)
    for ref in record["snapshots"]:
        if ref == keep:
            continue
        with contextlib.suppress(XapiError):
            name = await api.call("VM.get_name_label", ref)
            config = await api.call("VM.get_other_config", ref)
            if not _is_unfinished(name, config, job_id):
                if TAKEN_BY in name or config.get(f"{MARK}job") != job_id:
                    continue
                if OWNER in config and not is_abandoned(config) and not _is_mine(config):
                    continue
            try:
                await destroy_snapshot(api, ref)
            except SourceError as error:
                told(str(error))
    await _remove_bare_disks(api, record, job_id, tracking and keep is None, told)


def _is_mine(config: Mapping[str, str]) -> bool:
    try:
        holder = msgspec.json.decode(config.get(OWNER, ""), type=Holder)
    except msgspec.MsgspecError:
        return False
    me = Holder.me("")
    return (holder.machine, holder.pid, holder.started) == (me.machine, me.pid, me.started)


async def _remove_bare_disks(
    api: XenApi, vm: Mapping[str, Any], job_id: str, newest_stays: bool, told: Told
) -> None:
    """Disks of a job's snapshots without a machine around them: tracking data, or what was about
    to become that."""
    for vbd_ref in vm["VBDs"]:
        with contextlib.suppress(XenApiError):
            vbd = await api.call("VBD.get_record", vbd_ref)
            if vbd["type"] != "Disk" or is_null(vbd["VDI"]):
                continue
            mine = []
            for ref in (await api.call("VDI.get_record", vbd["VDI"]))["snapshots"]:
                record = await api.call("VDI.get_record", ref)
                config = record["other_config"]
                if config.get(f"{MARK}job") == job_id and not record["VBDs"]:
                    mine.append((config.get(f"{MARK}datetime", ""), ref))
            newest = max(mine, default=None) if newest_stays else None
            for one in mine:
                if one != newest:
                    try:
                        await destroy_disk(api, one[1])
                    except SourceError as error:
                        told(str(error))
