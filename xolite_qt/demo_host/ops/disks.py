"""Disks (VDIs): made, copied, moved, measured against their storage.

Source: `xapi.md` 1.5, 1.12.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.ops.device_rules import disk_in_use, record_of
from xolite_qt.demo_host.ops.space import drop_disk, first_size, use_space
from xolite_qt.demo_host.ops.vm_copies import copy_disk
from xolite_qt.demo_host.ops.vm_power import take
from xolite_qt.demo_host.registry import Call, Failure, method
from xolite_qt.demo_host.values import datetime_s

MIB = 1 << 20
LARGEST_BYTES = 2040 << 30
_COPY_BYTES_PER_S = 250 * MIB
_CBT_BLOCK = 64 * 1024
NBD_PORT = 10809


def check_storage(call: Call, sr: str) -> None:
    """Raises: Failure: a storage that nobody can write to now."""
    record = call.db.get("SR", sr)
    if record["content_type"] == "iso" or record["type"] in ("udev", "iso"):
        raise Failure("SR_OPERATION_NOT_SUPPORTED", sr)
    pbds = record["PBDs"]
    if not any(record_of(call.host, "PBD", pbd).get("currently_attached") for pbd in pbds):
        raise Failure("SR_NO_PBDS", sr)


@asynccontextmanager
async def holding_space(
    call: Call, sr: str, size_bytes: int, virtual_bytes: int
) -> AsyncIterator[None]:
    """Takes room on a storage while the block runs, and keeps it unless the block fails.

    Raises:
        Failure: SR_FULL [requested, free].
    """
    use_space(call.host, sr, size_bytes, virtual_bytes)
    try:
        yield
    except Failure:
        use_space(call.host, sr, -size_bytes, -virtual_bytes)
        raise


@method("VDI.create", check_refs=False)
async def vdi_create(call: Call, args: dict[str, Any]) -> str:
    """An empty disk.

    Raises:
        Failure: HANDLE_INVALID, SR_OPERATION_NOT_SUPPORTED, SR_NO_PBDS, SR_FULL, VDI_TOO_LARGE
            [size, largest].
    """
    sr, size = args["SR"], args["virtual_size"]
    check_storage(call, sr)
    if size <= 0:
        raise Failure("INVALID_VALUE", "virtual_size", size)
    if size > LARGEST_BYTES:
        raise Failure("VDI_TOO_LARGE", size, LARGEST_BYTES)
    # Sizes are whole megabytes on every kind of storage.
    size = -(-size // MIB) * MIB
    used = first_size(call.host, sr, size)
    async with holding_space(call, sr, used, size):
        await take(call, 0.5)
    vdi = call.db.create(
        "VDI",
        {**args, "virtual_size": size},
        physical_utilisation=used,
        managed=True,
        location=call.db.new_uuid(),
    )
    call.db.set("VDI", vdi, location=call.db.get("VDI", vdi)["uuid"])
    return vdi


@method("VDI.destroy")
async def vdi_destroy(call: Call, self: str) -> None:
    """Deletes a disk that is not in use, and the drives that it was in."""
    if disk_in_use(call.host, self):
        raise Failure("VDI_IN_USE", self, "destroy")
    record = call.db.get("VDI", self)
    if record_of(call.host, "SR", record["SR"]).get("content_type") == "iso":
        raise Failure("SR_OPERATION_NOT_SUPPORTED", record["SR"])
    await take(call, 0.5)
    for vbd in list(record["VBDs"]):
        if call.db.exists("VBD", vbd):
            call.db.destroy("VBD", vbd)
    drop_disk(call.host, self)


@method("VDI.resize")
async def vdi_resize(call: Call, vdi: str, size: int) -> None:
    """Makes a disk larger that is not in use."""
    record = call.db.get("VDI", vdi)
    if disk_in_use(call.host, vdi):
        raise Failure("VDI_IN_USE", vdi, "resize")
    if size < record["virtual_size"]:
        raise Failure("INVALID_VALUE", "size", size)
    if size > LARGEST_BYTES:
        raise Failure("VDI_TOO_LARGE", size, LARGEST_BYTES)
    check_storage(call, record["SR"])
    more = size - record["virtual_size"]
    used = first_size(call.host, record["SR"], size) - first_size(
        call.host, record["SR"], record["virtual_size"]
    )
    async with holding_space(call, record["SR"], used, more):
        await take(call, 1.0)
    call.db.set(
        "VDI", vdi, virtual_size=size, physical_utilisation=record["physical_utilisation"] + used
    )


@method("VDI.snapshot")
async def vdi_snapshot(call: Call, vdi: str, driver_params: dict[str, str]) -> str:
    """Keeps a disk as it is now."""
    check_storage(call, call.db.get("VDI", vdi)["SR"])
    await take(call, 1.0)
    return copy_disk(call, vdi, snapshot=True)


@method("VDI.clone")
async def vdi_clone(call: Call, vdi: str, driver_params: dict[str, str]) -> str:
    """A second disk that shares what it has in common with the first."""
    check_storage(call, call.db.get("VDI", vdi)["SR"])
    await take(call, 1.0)
    return copy_disk(call, vdi, snapshot=False)


@method("VDI.introduce", check_refs=False)
def vdi_introduce(
    call: Call, uuid: str, name_label: str, name_description: str, storage: str, *rest: Any
) -> str:
    """A disk that is on the storage already."""
    check_storage(call, storage)
    kind, sharable, read_only, other_config, location = rest[:5]
    return call.db.create(
        "VDI",
        {
            "uuid": uuid,
            "name_label": name_label,
            "name_description": name_description,
            "SR": storage,
            "type": kind,
            "sharable": sharable,
            "read_only": read_only,
            "other_config": other_config,
            "location": location,
            "managed": True,
        },
    )


@method("VDI.forget")
def vdi_forget(call: Call, vdi: str) -> None:
    """The pool no longer knows a disk; what is on the storage stays."""
    if disk_in_use(call.host, vdi):
        raise Failure("VDI_IN_USE", vdi, "forget")
    call.db.destroy("VDI", vdi)


@method("VDI.update")
def vdi_update(call: Call, vdi: str) -> None:
    """Reads a disk's size anew; it is true already."""


@method("VDI.copy")
async def vdi_copy(call: Call, vdi: str, sr: str, base_vdi: str, into_vdi: str) -> str:
    """A full copy, on another storage or into an existing disk."""
    if disk_in_use(call.host, vdi):
        raise Failure("VDI_IN_USE", vdi, "copy")
    record = call.db.get("VDI", vdi)
    size = record["physical_utilisation"]
    if into_vdi != NULL_REF:
        into = call.db.get("VDI", into_vdi)
        if into["virtual_size"] < record["virtual_size"]:
            raise Failure("VDI_NOT_IN_MAP", into_vdi)
        await take(call, 1.0 + size / _COPY_BYTES_PER_S)
        call.db.set("VDI", into_vdi, physical_utilisation=size)
        return into_vdi
    target = record["SR"] if sr == NULL_REF else sr
    check_storage(call, target)
    async with holding_space(call, target, size, record["virtual_size"]):
        await take(call, 1.0 + size / _COPY_BYTES_PER_S)
    # The copy takes its room itself.
    use_space(call.host, target, -size, -record["virtual_size"])
    return copy_disk(call, vdi, snapshot=False, SR=target, is_a_snapshot=False)


@method("VDI.pool_migrate")
async def vdi_pool_migrate(call: Call, vdi: str, sr: str, options: dict[str, str]) -> str:
    """Moves a disk to another storage of the pool, while its VM runs."""
    record = call.db.get("VDI", vdi)
    check_storage(call, sr)
    before, size = record["SR"], record["physical_utilisation"]
    if before == sr:
        return vdi
    async with holding_space(call, sr, size, record["virtual_size"]):
        await take(call, 2.0 + size / _COPY_BYTES_PER_S)
    use_space(call.host, before, -size, -record["virtual_size"])
    call.db.set("VDI", vdi, SR=sr)
    return vdi


@method("VDI.resize_online")
def vdi_resize_online(call: Call, vdi: str, size: int) -> None:
    raise Failure("SR_OPERATION_NOT_SUPPORTED", call.db.get("VDI", vdi)["SR"])


@method("VDI.revert")
async def vdi_revert(call: Call, snapshot: str) -> None:
    """Puts a disk back to a snapshot of it."""
    disk = call.db.get("VDI", snapshot)["snapshot_of"]
    call.db.get("VDI", disk)
    if disk_in_use(call.host, disk):
        raise Failure("VDI_IN_USE", disk, "revert_to")
    await take(call, 1.0)
    call.db.set("VDI", disk, virtual_size=call.db.get("VDI", snapshot)["virtual_size"])


# Changed blocks


def _may_track(call: Call, vdi: str, operation: str) -> dict[str, Any]:
    record = call.db.get("VDI", vdi)
    if record["type"] not in ("user", "system") or record["is_a_snapshot"]:
        raise Failure("VDI_INCOMPATIBLE_TYPE", vdi, record["type"])
    if record["on_boot"] == "reset":
        raise Failure("VDI_ON_BOOT_MODE_INCOMPATIBLE_WITH_OPERATION")
    return record


@method("VDI.enable_cbt")
async def vdi_enable_cbt(call: Call, self: str) -> None:
    _may_track(call, self, "enable_cbt")
    await take(call, 0.5)
    call.db.set("VDI", self, cbt_enabled=True)


@method("VDI.disable_cbt")
async def vdi_disable_cbt(call: Call, self: str) -> None:
    _may_track(call, self, "disable_cbt")
    await take(call, 0.5)
    call.db.set("VDI", self, cbt_enabled=False)


@method("VDI.data_destroy")
async def vdi_data_destroy(call: Call, self: str) -> None:
    """Deletes what is in a snapshot and keeps which blocks had changed."""
    record = call.db.get("VDI", self)
    if not record["is_a_snapshot"]:
        raise Failure("OPERATION_NOT_ALLOWED", "VDI.data_destroy is only for snapshots")
    if not record["cbt_enabled"]:
        raise Failure("VDI_NO_CBT_METADATA", self)
    if disk_in_use(call.host, self):
        raise Failure("VDI_IN_USE", self, "data_destroy")
    await take(call, 0.5)
    use_space(call.host, record["SR"], -record["physical_utilisation"])
    call.db.set("VDI", self, type="cbt_metadata", physical_utilisation=0)


@method("VDI.list_changed_blocks")
def vdi_list_changed_blocks(call: Call, vdi_from: str, vdi_to: str) -> str:
    """One bit per 64 KiB, the first block in the highest bit, in base64."""
    first, last = call.db.get("VDI", vdi_from), call.db.get("VDI", vdi_to)
    for ref, record in ((vdi_from, first), (vdi_to, last)):
        if not record["cbt_enabled"]:
            raise Failure("VDI_NO_CBT_METADATA", ref)
    blocks = -(-last["virtual_size"] // _CBT_BLOCK)
    hours = abs(_taken_s(call, last) - _taken_s(call, first)) / 3600.0
    bitmap = bytearray(-(-blocks // 8))
    # What changes gathers at a few places, more of it the longer it took.
    seed = sum(first["uuid"].encode()) + sum(last["uuid"].encode())
    for run in range(int(1 + hours)):
        start = (seed * 2654435761 + run * 40503) % max(1, blocks)
        for block in range(start, min(start + 16, blocks)):
            bitmap[block // 8] |= 0x80 >> block % 8
    return base64.b64encode(bytes(bitmap)).decode()


def _taken_s(call: Call, vdi: dict[str, Any]) -> float:
    if vdi["is_a_snapshot"]:
        return datetime_s(vdi["snapshot_time"])
    return call.host.clock.time_s()


@method("VDI.get_nbd_info")
def vdi_get_nbd_info(call: Call, self: str) -> list[dict[str, Any]]:
    """Where a disk can be read over NBD: one entry per address that may.

    Source: `xapi.md` 1.12.
    """
    record = call.db.get("VDI", self)
    if record["type"] == "cbt_metadata":
        raise Failure("VDI_INCOMPATIBLE_TYPE", self, "cbt_metadata")
    db, found = call.db, []
    session = call.session.ref if call.session else ""
    for pbd_ref in record_of(call.host, "SR", record["SR"]).get("PBDs", ()):
        pbd = record_of(call.host, "PBD", pbd_ref)
        host = record_of(call.host, "host", pbd.get("host", NULL_REF))
        if not pbd.get("currently_attached") or not host:
            continue
        for pif_ref in host["PIFs"]:
            pif = record_of(call.host, "PIF", pif_ref)
            if not pif.get("currently_attached") or not pif.get("IP"):
                continue
            if "nbd" not in record_of(call.host, "network", pif["network"]).get("purpose", ()):
                continue
            found.append(
                {
                    "exportname": f"/{db.get('VDI', self)['uuid']}?session_id={session}",
                    "address": pif["IP"],
                    "port": NBD_PORT,
                    "cert": call.host.certificate.pem,
                    "subject": host["hostname"],
                }
            )
    return found
