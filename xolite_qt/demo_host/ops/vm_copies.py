"""Snapshots, checkpoints, clones, copies; making VMs of templates, and deleting them.

Source: `xapi.md` 1.9, 1.10.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.ops import guests
from xolite_qt.demo_host.ops.device_rules import record_of
from xolite_qt.demo_host.ops.lifecycle import HALTED, SUSPENDED, refusal
from xolite_qt.demo_host.ops.running import attach, bring_down, memory_of, named, say
from xolite_qt.demo_host.ops.space import (
    SNAPSHOT_BYTES,
    drop_disk,
    first_size,
    settle_disk,
    use_space,
)
from xolite_qt.demo_host.ops.vm_power import SAVE_BYTES_PER_S, operating, save_image, take
from xolite_qt.demo_host.registry import Call, Failure, method

SNAPSHOT_S, CLONE_S = 2.0, 2.0
_COPY_BYTES_PER_S = 250 << 20
# Belongs to one VM alone: a copy gets its own, or none.
_OWN_FIELDS = frozenset(
    {
        "uuid",
        "VBDs",
        "VIFs",
        "consoles",
        "VTPMs",
        "VGPUs",
        "VUSBs",
        "snapshots",
        "children",
        "crash_dumps",
        "attached_PCIs",
        "current_operations",
        "allowed_operations",
        "metrics",
        "guest_metrics",
        "blobs",
        "parent",
        "snapshot_of",
        "snapshot_info",
        "suspend_VDI",
        "domid",
        "resident_on",
        "scheduled_to_be_resident_on",
        "power_state",
        "is_default_template",
        "is_control_domain",
        "blocked_operations",
    }
)
# What a revert leaves as it is.
_KEPT_BY_REVERT = _OWN_FIELDS | {
    "name_label",
    "is_a_snapshot",
    "is_a_template",
    "snapshot_time",
    "transportable_snapshot_id",
}


def duplicate(
    call: Call,
    vm: str,
    name: str,
    *,
    into: str = "",
    without: Collection[str] = (),
    **fields: Any,
) -> str:
    """A halted second VM with disks and cards of its own.

    Args:
        into: a storage for its disks; by default each stays where the original's is.
        without: disks that it does not get.

    Returns:
        Its reference.
    """
    db = call.db
    record = _fresh(db.get("VM", vm), _OWN_FIELDS)
    record["name_label"] = name
    config = record["other_config"]
    record["other_config"] = {k: v for k, v in config.items() if k != "default_template"}
    now = call.host.clock.iso()
    metrics = db.create("VM_metrics", install_time=now, last_updated=now)
    snapshot = bool(fields.get("is_a_snapshot"))
    made = db.create("VM", {**record, **fields}, metrics=metrics, power_state=HALTED, domid=-1)
    try:
        # All disks as they are at one moment, whatever guests write meanwhile.
        with call.host.disks.standing_still():
            copy_devices(call, vm, made, snapshot=snapshot, into=into, without=without)
    except Failure:
        _undo(call, made)
        raise
    guests.inherit(call.host, vm, made, whole=snapshot)
    call.host.recompute("VM", made)
    return made


def _undo(call: Call, made: str) -> None:
    """Takes away a copy that found no room for all of its disks."""
    for vbd in call.db.get("VM", made)["VBDs"]:
        drive = call.db.get("VBD", vbd)
        if drive["type"] == "Disk":
            drop_disk(call.host, drive["VDI"])
    _destroy_all(call, made, (("VBD", "VBDs"), ("VIF", "VIFs")))
    call.db.destroy("VM_metrics", call.db.get("VM", made)["metrics"])
    call.db.destroy("VM", made)


def copy_devices(
    call: Call,
    source: str,
    target: str,
    *,
    snapshot: bool,
    into: str = "",
    without: Collection[str] = (),
) -> None:
    """Gives a VM copies of another's disks and cards."""
    db = call.db
    for vbd_ref in list(db.get("VM", source)["VBDs"]):
        if not db.exists("VBD", vbd_ref):
            continue
        vbd = _fresh(db.get("VBD", vbd_ref))
        disk = vbd["VDI"]
        if disk in without:
            continue
        if vbd["type"] == "Disk" and db.exists("VDI", disk):
            fields = {"SR": into} if into else {}
            vbd["VDI"] = copy_disk(call, disk, snapshot=snapshot, **fields)
        db.create("VBD", {**vbd, "VM": target, "currently_attached": False, "device": ""})
    rng = call.host.rng
    for vif_ref in list(db.get("VM", source)["VIFs"]):
        if not db.exists("VIF", vif_ref):
            continue
        vif = _fresh(db.get("VIF", vif_ref))
        if not snapshot:
            first = rng.randrange(64) * 4 + 2
            vif["MAC"] = ":".join(f"{byte:02x}" for byte in (first, *rng.randbytes(5)))
        db.create("VIF", {**vif, "VM": target, "currently_attached": False})


def copy_disk(call: Call, disk: str, *, snapshot: bool, **fields: Any) -> str:
    """A copy of a disk, as a snapshot of it or on its own; it takes room at once.

    Raises:
        Failure: SR_FULL.
    """
    settle_disk(call.host, disk)
    vdi = _fresh(call.db.get("VDI", disk), {"VBDs", "crash_dumps", "snapshots"})
    vdi.update(is_a_snapshot=snapshot, snapshot_of=disk if snapshot else NULL_REF)
    # Changes are tracked from a disk to its snapshots; a disk of its own starts anew.
    vdi["cbt_enabled"] = vdi["cbt_enabled"] and snapshot
    if snapshot:
        vdi["snapshot_time"] = call.host.clock.iso()
    whole = "SR" in fields
    if not whole:
        vdi["physical_utilisation"] = min(vdi["physical_utilisation"], SNAPSHOT_BYTES)
    vdi.update(fields)
    use_space(call.host, vdi["SR"], vdi["physical_utilisation"], vdi["virtual_size"])
    made = call.db.create("VDI", vdi)
    call.db.set("VDI", made, location=call.db.get("VDI", made)["uuid"])
    call.host.disks.copied(disk, made, snapshot=snapshot)
    return made


def _fresh(record: dict[str, Any], without: frozenset[str] | set[str] = frozenset()) -> Any:
    dropped = {"uuid", "current_operations", "allowed_operations", *without}
    return {k: copy.deepcopy(v) for k, v in record.items() if k not in dropped}


# Snapshots


@method("VM.snapshot")
async def vm_snapshot(call: Call, vm: str, new_name: str, ignore_vdis: list[str]) -> str:
    """Keeps the disks as they are now."""
    async with operating(call, vm, "snapshot"):
        await take(call, SNAPSHOT_S)
        made = _make_snapshot(call, vm, new_name, ignore_vdis)
    text = f"VM {named(call.host, vm)} snapshotted, snapshot name: {new_name}"
    say(call.host, "VM_SNAPSHOTTED", vm, text)
    return made


@method("VM.checkpoint")
async def vm_checkpoint(call: Call, vm: str, new_name: str) -> str:
    """Keeps disks and memory as they are now."""
    async with operating(call, vm, "checkpoint"):
        image = save_image(call, vm)
        size = memory_of(call.db.get("VM", vm))
        try:
            await take(call, SNAPSHOT_S + size / SAVE_BYTES_PER_S)
            made = _make_snapshot(call, vm, new_name)
        except Failure:
            drop_disk(call.host, image)
            raise
        call.db.set("VM", made, power_state=SUSPENDED, suspend_VDI=image)
        call.host.recompute("VM", made)
    text = f"VM {named(call.host, vm)} checkpointed, snapshot name: {new_name}"
    say(call.host, "VM_CHECKPOINTED", vm, text)
    return made


def _make_snapshot(call: Call, vm: str, name: str, without: Collection[str] = ()) -> str:
    record = call.db.get("VM", vm)
    made = duplicate(
        call,
        vm,
        name,
        without=without,
        is_a_snapshot=True,
        is_a_template=True,
        snapshot_of=vm,
        snapshot_time=call.host.clock.iso(),
        parent=record["parent"],
        snapshot_info={
            "power-state-at-snapshot": record["power_state"],
            "disk-snapshot-type": "crash_consistent",
        },
    )
    call.db.set("VM", vm, parent=made)
    return made


@method("VM.revert")
async def vm_revert(call: Call, snapshot: str) -> None:
    """Puts a VM back to a snapshot of it; from a checkpoint it comes back suspended."""
    db = call.db
    async with operating(call, snapshot, "revert"):
        vm = db.get("VM", snapshot)["snapshot_of"]
        if not db.exists("VM", vm):
            raise Failure("VM_REVERT_FAILED", snapshot, vm)
        async with operating(call, vm, "reverting"):
            await take(call, SNAPSHOT_S)
            _revert(call, snapshot, vm)
    record = db.get("VM", snapshot)
    text = (
        f"VM {named(call.host, vm)} reverted to snapshot: {record['name_label']} "
        f"(uuid {record['uuid']})"
    )
    say(call.host, "VM_SNAPSHOT_REVERTED", vm, text)


def _revert(call: Call, snapshot: str, vm: str) -> None:
    db = call.db
    suspended = db.get("VM", snapshot)["power_state"] == SUSPENDED
    # First what may find no room: after it nothing fails.
    image = copy_disk_of(call, db.get("VM", snapshot)["suspend_VDI"]) if suspended else NULL_REF
    if db.get("VM", vm)["power_state"] != HALTED:
        bring_down(call.host, vm)
    for vbd in list(db.get("VM", vm)["VBDs"]):
        drive = record_of(call.host, "VBD", vbd)
        if drive.get("type") == "Disk":
            drop_disk(call.host, drive["VDI"])
    _destroy_all(call, vm, (("VBD", "VBDs"), ("VIF", "VIFs")))
    kept = _fresh(db.get("VM", snapshot), _KEPT_BY_REVERT)
    db.set("VM", vm, **kept, parent=snapshot)
    macs = [record_of(call.host, "VIF", ref)["MAC"] for ref in db.get("VM", snapshot)["VIFs"]]
    copy_devices(call, snapshot, vm, snapshot=False)
    for ref, mac in zip(db.get("VM", vm)["VIFs"], macs, strict=False):
        db.set("VIF", ref, MAC=mac)
    if suspended:
        db.set("VM", vm, power_state=SUSPENDED, suspend_VDI=image)
        # Saved memory holds its devices.
        attach(call.host, vm, attached=True)


def copy_disk_of(call: Call, disk: str) -> str:
    """A full copy of a disk on its own storage, or a null reference where there is none."""
    if not call.db.exists("VDI", disk):
        return NULL_REF
    return copy_disk(call, disk, snapshot=False, SR=call.db.get("VDI", disk)["SR"])


# Second VMs


@method("VM.clone")
async def vm_clone(call: Call, vm: str, new_name: str) -> str:
    """A fast second VM that shares what the disks have in common."""
    async with operating(call, vm, "clone"):
        await take(call, CLONE_S)
        made = _second(call, vm, new_name, "")
    uuid = call.db.get("VM", made)["uuid"]
    say(call.host, "VM_CLONED", vm, f"VM {named(call.host, vm)} cloned (new uuid: {uuid})")
    return made


@method("VM.copy")
async def vm_copy(call: Call, vm: str, new_name: str, sr: str) -> str:
    """A second VM with full copies of the disks, on another storage where one is named."""
    async with operating(call, vm, "copy"):
        drives = [record_of(call.host, "VBD", ref) for ref in call.db.get("VM", vm)["VBDs"]]
        disks = [record_of(call.host, "VDI", drive.get("VDI", NULL_REF)) for drive in drives]
        size = sum(disk.get("physical_utilisation", 0) for disk in disks)
        await take(call, 2.0 + size / _COPY_BYTES_PER_S)
        return _second(call, vm, new_name, sr if call.db.exists("SR", sr) else "")


def _second(call: Call, vm: str, name: str, into: str) -> str:
    record = call.db.get("VM", vm)
    return duplicate(
        call,
        vm,
        name,
        into=into,
        is_a_snapshot=False,
        # A snapshot calls itself a template; what is made of it is a VM.
        is_a_template=record["is_a_template"] and not record["is_a_snapshot"],
        snapshot_time="19700101T00:00:00Z",
    )


# From nothing, and back to it


@method("VM.create")
def vm_create(call: Call, args: dict[str, Any]) -> str:
    """A VM of which everything is told; it has no devices.

    It is halted, or suspended where that is told with the disk that holds its memory.
    """
    for name in ("VCPUs_max", "VCPUs_at_startup"):
        if args[name] < 1:
            raise Failure("INVALID_VALUE", name, args[name])
    now = call.host.clock.iso()
    metrics = call.db.create("VM_metrics", install_time=now, last_updated=now)
    memory = args.get("suspend_VDI", NULL_REF)
    suspended = args.get("power_state") == SUSPENDED and call.db.exists("VDI", memory)
    fields = {**args, "power_state": SUSPENDED if suspended else HALTED, "resident_on": NULL_REF}
    made = call.db.create("VM", fields, metrics=metrics, domid=-1)
    call.host.recompute("VM", made)
    return made


@method("VM.provision")
async def vm_provision(call: Call, vm: str) -> None:
    """Makes a VM of a cloned template, with the disks that it asks for.

    Raises:
        Failure: DEFAULT_SR_NOT_FOUND [sr], SR_FULL, INTERNAL_ERROR where the list of disks is
            no list of disks.
    """
    async with operating(call, vm, "provision"):
        disks = _asked_disks(call, vm)
        await take(call, CLONE_S + len(disks))
        for disk in disks:
            _provision_disk(call, vm, disk)
        config = dict(call.db.get("VM", vm)["other_config"])
        config.pop("disks", None)
        call.db.set("VM", vm, is_a_template=False, other_config=config)


def _asked_disks(call: Call, vm: str) -> list[dict[str, str]]:
    text = call.db.get("VM", vm)["other_config"].get("disks", "")
    if not text:
        return []
    try:
        root = fromstring(text)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise Failure("INTERNAL_ERROR", f"Xml.Error({error})") from None
    disks = [dict(disk.attrib) for disk in root.iter("disk")]
    pools = call.db.records("pool").values()
    default = next((pool["default_SR"] for pool in pools), NULL_REF)
    for disk in disks:
        sr = disk.get("sr", "")
        disk["SR"] = call.db.by_uuid("SR", sr) if sr else default
        if not call.db.exists("SR", disk["SR"]):
            raise Failure("DEFAULT_SR_NOT_FOUND", disk["SR"])
        if not disk.get("size", "").isdigit():
            raise Failure("INTERNAL_ERROR", 'Failure("int_of_string")')
    return disks


def _provision_disk(call: Call, vm: str, disk: dict[str, str]) -> None:
    size = int(disk["size"])
    used = first_size(call.host, disk["SR"], size)
    use_space(call.host, disk["SR"], used, size)
    vdi = call.db.create(
        "VDI",
        name_label=f"{call.db.get('VM', vm)['name_label']} {disk.get('device', '0')}",
        name_description="Created by template provisioner",
        SR=disk["SR"],
        type="system" if disk.get("type") == "system" else "user",
        virtual_size=size,
        physical_utilisation=used,
        managed=True,
    )
    call.db.set("VDI", vdi, location=call.db.get("VDI", vdi)["uuid"])
    call.host.disks.made(vdi)
    call.db.create(
        "VBD",
        VM=vm,
        VDI=vdi,
        type="Disk",
        mode="RW",
        userdevice=disk.get("device", "0"),
        bootable=disk.get("bootable") == "true",
        unpluggable=True,
    )


@method("VM.destroy")
async def vm_destroy(call: Call, vm: str) -> None:
    """Removes a VM; its disks stay, as on a real host, but not its saved memory."""
    async with operating(call, vm, "destroy"):
        await take(call, 0.5)
        record = call.db.get("VM", vm)
        for child in list(record["children"]):
            if call.db.exists("VM", child):
                call.db.set("VM", child, parent=record["parent"])
        drop_disk(call.host, record["suspend_VDI"])
        devices = (("VBD", "VBDs"), ("VIF", "VIFs"), ("console", "consoles"), ("VTPM", "VTPMs"))
        _destroy_all(call, vm, devices)
        for cls, field in (("VM_metrics", "metrics"), ("VM_guest_metrics", "guest_metrics")):
            if call.db.exists(cls, record[field]):
                call.db.destroy(cls, record[field])
        guests.forget(call.host, vm)
        call.db.destroy("VM", vm)


def _destroy_all(call: Call, vm: str, kinds: tuple[tuple[str, str], ...]) -> None:
    for cls, field in kinds:
        for ref in list(call.db.get("VM", vm)[field]):
            if call.db.exists(cls, ref):
                call.db.destroy(cls, ref)


@method("VM.set_is_a_template")
def vm_set_is_a_template(call: Call, vm: str, value: bool) -> None:
    """Makes a VM a template, or a template a VM."""
    record = call.db.get("VM", vm)
    if value and record["is_a_snapshot"]:
        raise Failure("VM_IS_SNAPSHOT", vm, "make_into_template")
    becomes = value and not record["is_a_template"]
    if becomes and (failure := refusal(call.host, vm, "make_into_template")) is not None:
        raise failure
    call.db.set("VM", vm, is_a_template=value)
    call.host.recompute("VM", vm)
