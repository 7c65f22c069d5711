"""Disks (VDIs): made, copied, moved, measured against their storage.

Source: `xapi.md` 1.5, 1.12.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.ops.device_rules import disk_in_use, record_of
from xolite_qt.demo_host.ops.space import drop_disk, first_size, settle_disk, use_space
from xolite_qt.demo_host.ops.vm_copies import copy_disk
from xolite_qt.demo_host.ops.vm_power import take
from xolite_qt.demo_host.registry import Call, Failure, method

MIB = 1 << 20
LARGEST_BYTES = 2040 << 30
_COPY_BYTES_PER_S = 250 * MIB


def check_storage(call: Call, sr: str, *, images: bool = False) -> None:
    """Whether disks can be written to a storage now.

    Args:
        call: the call.
        sr: the storage.
        images: a library of ISO images will do: its driver makes and deletes images
            (ISOSR's capabilities `VDI_CREATE`, `VDI_DELETE`).

    Raises:
        Failure: SR_OPERATION_NOT_SUPPORTED, SR_NO_PBDS.
    """
    record = call.db.get("SR", sr)
    library = record["content_type"] == "iso" or record["type"] == "iso"
    if record["type"] == "udev" or record["is_tools_sr"] or (library and not images):
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
    check_storage(call, sr, images=True)
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
    call.host.disks.made(vdi)
    return vdi


@method("VDI.destroy")
async def vdi_destroy(call: Call, self: str) -> None:
    """Deletes a disk that is not in use, and the drives that it was in."""
    if disk_in_use(call.host, self):
        raise Failure("VDI_IN_USE", self, "destroy")
    record = call.db.get("VDI", self)
    sr = record_of(call.host, "SR", record["SR"])
    if sr.get("type") == "udev" or sr.get("is_tools_sr"):
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
    """Reads anew what a disk takes."""
    settle_disk(call.host, vdi)


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
        await asyncio.to_thread(call.host.disks.reverted, into_vdi, vdi)
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
    # What was tracked belongs to the storage that it left.
    call.host.disks.changes.stop(vdi)
    call.db.set("VDI", vdi, SR=sr, cbt_enabled=False)
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
    await asyncio.to_thread(call.host.disks.reverted, disk, snapshot)
    call.db.set("VDI", disk, virtual_size=call.db.get("VDI", snapshot)["virtual_size"])
