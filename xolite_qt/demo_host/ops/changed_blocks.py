"""Changed-block tracking: switched on and off, asked, and kept when the data goes.

Source: `xapi.md` 1.12.
"""

from __future__ import annotations

import asyncio
from typing import Any

from xolite_qt.demo_host.ops.space import use_space
from xolite_qt.demo_host.ops.vm_power import take
from xolite_qt.demo_host.registry import Call, Failure, method

# How long data_destroy waits for somebody who is just letting go of the disk.
_LETTING_GO_S, _LEAST_S = 4.0, 0.5


def _may_track(call: Call, vdi: str, operation: str) -> None:
    record = call.db.get("VDI", vdi)
    if record["is_a_snapshot"]:
        raise Failure("OPERATION_NOT_ALLOWED", f"VDI is a snapshot: {vdi}")
    if record["type"] not in ("user", "system"):
        raise Failure("VDI_INCOMPATIBLE_TYPE", vdi, record["type"])
    if record["on_boot"] == "reset":
        raise Failure("VDI_ON_BOOT_MODE_INCOMPATIBLE_WITH_OPERATION")


@method("VDI.enable_cbt")
async def vdi_enable_cbt(call: Call, self: str) -> None:
    """Notes from now on which blocks change; nothing happens where that is done already."""
    _may_track(call, self, "enable_cbt")
    await take(call, 0.5)
    call.host.disks.changes.start(self)
    call.db.set("VDI", self, cbt_enabled=True)


@method("VDI.disable_cbt")
async def vdi_disable_cbt(call: Call, self: str) -> None:
    """Forgets which blocks changed."""
    _may_track(call, self, "disable_cbt")
    await take(call, 0.5)
    call.host.disks.changes.stop(self)
    call.db.set("VDI", self, cbt_enabled=False)


@method("VDI.data_destroy")
async def vdi_data_destroy(call: Call, self: str) -> None:
    """Deletes what is in a snapshot and keeps which blocks had changed.

    Raises:
        Failure: OPERATION_NOT_ALLOWED, VDI_NO_CBT_METADATA [vdi], VDI_IN_USE [vdi, operation]
            where a drive holds it still after four seconds, even an unplugged one.
    """
    record = call.db.get("VDI", self)
    if not record["is_a_snapshot"]:
        raise Failure("OPERATION_NOT_ALLOWED", f"VDI is not a snapshot: {self}")
    if not record["cbt_enabled"]:
        raise Failure("VDI_NO_CBT_METADATA", self)
    if record["type"] == "cbt_metadata":
        return
    if not await _let_go(call, self):
        raise Failure("VDI_IN_USE", self, "data_destroy")
    await take(call, 0.5)
    call.host.disks.emptied(self)
    use_space(call.host, record["SR"], -record["physical_utilisation"])
    call.db.set("VDI", self, type="cbt_metadata", physical_utilisation=0)


async def _let_go(call: Call, vdi: str) -> bool:
    """Whether every drive of a disk is gone, unplugged ones included, after a moment."""
    loop = asyncio.get_running_loop()
    until = loop.time() + max(_LETTING_GO_S * call.host.speed, _LEAST_S)
    while call.db.get("VDI", vdi)["VBDs"]:
        left = until - loop.time()
        if left <= 0 or not await call.db.next_write(left):
            return not call.db.get("VDI", vdi)["VBDs"]
    return True


@method("VDI.list_changed_blocks")
def vdi_list_changed_blocks(call: Call, vdi_from: str, vdi_to: str) -> str:
    """One bit per 64 KiB that changed, the first block in the highest bit, in base64.

    Raises:
        Failure: VDI_NO_CBT_METADATA [vdi], SR_BACKEND_FAILURE_460 where the second was not made
            of the first later on.
    """
    disks = call.host.disks
    records: list[dict[str, Any]] = []
    for ref in (vdi_from, vdi_to):
        record = call.db.get("VDI", ref)
        disks.contents(ref)
        if not record["cbt_enabled"] or ref not in disks.changes:
            raise Failure("VDI_NO_CBT_METADATA", ref)
        records.append(record)
    call.host.faults.check_changed_blocks()
    if vdi_from == vdi_to:
        raise _unrelated("Source and target VDI are same")
    bitmap = disks.changes.between(vdi_from, vdi_to, records[1]["virtual_size"])
    if bitmap is None:
        raise _unrelated("Source and target VDI are unrelated")
    return bitmap


def _unrelated(why: str) -> Failure:
    text = f"Failed to calculate changed blocks for given VDIs. [opterr={why}]"
    return Failure("SR_BACKEND_FAILURE_460", "", text, "")
