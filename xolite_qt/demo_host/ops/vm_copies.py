"""Snapshots, checkpoints, clones, copies; making VMs of templates, and deleting them."""

from __future__ import annotations

import copy
from typing import Any

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.ops.lifecycle import HALTED, PAUSED, RUNNING, SUSPENDED
from xolite_qt.demo_host.ops.running import bring_down, bring_up, choose_host, memory_of, named, say
from xolite_qt.demo_host.ops.vm_power import operating, suspend_storage, take
from xolite_qt.demo_host.registry import Call, Failure, method

SNAPSHOT_S, CLONE_S = 2.0, 2.0
_COPY_BYTES_PER_S = 250 << 20
# Belongs to one VM alone: a copy gets its own, or none.
_OWN_FIELDS = (
    "uuid",
    "VBDs",
    "VIFs",
    "consoles",
    "VTPMs",
    "VGPUs",
    "snapshots",
    "children",
    "crash_dumps",
    "attached_PCIs",
    "current_operations",
    "allowed_operations",
    "metrics",
    "guest_metrics",
    "blobs",
)


def duplicate(call: Call, vm: str, name: str, **fields: Any) -> str:
    """A halted second VM with disks and cards of its own; returns its reference."""
    db = call.db
    record = copy.deepcopy(db.get("VM", vm))
    for field in _OWN_FIELDS:
        record.pop(field, None)
    record.update(
        name_label=name,
        power_state=HALTED,
        resident_on=NULL_REF,
        domid=-1,
        is_default_template=False,
        snapshot_of=NULL_REF,
        suspend_VDI=NULL_REF,
        is_control_domain=False,
    )
    record["other_config"] = {
        k: v for k, v in record["other_config"].items() if k != "default_template"
    }
    record.update(fields)
    now = call.host.clock.iso()
    metrics = db.create("VM_metrics", install_time=now, last_updated=now)
    made = db.create("VM", record, metrics=metrics)
    copy_devices(call, vm, made, snapshot=bool(fields.get("is_a_snapshot")))
    return made


def copy_devices(call: Call, source: str, target: str, *, snapshot: bool) -> None:
    """Gives a VM copies of another's disks and cards."""
    db = call.db
    for vbd_ref in list(db.get("VM", source)["VBDs"]):
        if not db.exists("VBD", vbd_ref):
            continue
        vbd = _fresh(db.get("VBD", vbd_ref), "metrics")
        disk = vbd["VDI"]
        if vbd["type"] == "Disk" and db.exists("VDI", disk):
            vbd["VDI"] = copy_disk(call, disk, snapshot=snapshot)
        db.create("VBD", {**vbd, "VM": target, "currently_attached": False})
    for vif_ref in list(db.get("VM", source)["VIFs"]):
        if not db.exists("VIF", vif_ref):
            continue
        vif = _fresh(db.get("VIF", vif_ref), "metrics")
        if not snapshot:
            own = (call.host.rng.randrange(256) for _ in range(5))
            vif["MAC"] = ":".join(["a6", *(f"{byte:02x}" for byte in own)])
        db.create("VIF", {**vif, "VM": target, "currently_attached": False})


def copy_disk(call: Call, disk: str, *, snapshot: bool, **fields: Any) -> str:
    """A copy of a disk's record, as a snapshot of it or on its own."""
    vdi = _fresh(call.db.get("VDI", disk), "VBDs", "crash_dumps", "snapshots")
    vdi.update(is_a_snapshot=snapshot, snapshot_of=disk if snapshot else NULL_REF)
    if snapshot:
        vdi["snapshot_time"] = call.host.clock.iso()
        vdi["physical_utilisation"] = min(vdi["physical_utilisation"], 20 << 20)
    return call.db.create("VDI", {**vdi, **fields})


def _fresh(record: dict[str, Any], *without: str) -> dict[str, Any]:
    dropped = {"uuid", "current_operations", *without}
    return {k: copy.deepcopy(v) for k, v in record.items() if k not in dropped}


@method("VM.snapshot")
async def vm_snapshot(call: Call, vm: str, new_name: str, ignore_vdis: list[str]) -> str:
    """Keeps the disks as they are now."""
    async with operating(call, vm, "snapshot"):
        await take(call, SNAPSHOT_S)
        made = _make_snapshot(call, vm, new_name, "disk")
    say(
        call.host,
        "VM_SNAPSHOTTED",
        vm,
        f"VM {named(call.host, vm)} snapshotted, snapshot name: {new_name}",
    )
    return made


@method("VM.checkpoint")
async def vm_checkpoint(call: Call, vm: str, new_name: str) -> str:
    """Keeps disks and memory as they are now."""
    async with operating(call, vm, "checkpoint"):
        storage = suspend_storage(call, vm)
        size = memory_of(call.db.get("VM", vm))
        await take(call, SNAPSHOT_S + size / (400 << 20))
        made = _make_snapshot(call, vm, new_name, "checkpoint")
        image = call.db.create(
            "VDI", name_label="Suspend image", SR=storage, virtual_size=size, type="suspend"
        )
        call.db.set("VM", made, power_state=SUSPENDED, suspend_VDI=image)
        call.host.recompute("VM", made)
    say(
        call.host,
        "VM_CHECKPOINTED",
        vm,
        f"VM {named(call.host, vm)} checkpointed, snapshot name: {new_name}",
    )
    return made


def _make_snapshot(call: Call, vm: str, name: str, kind: str) -> str:
    record = call.db.get("VM", vm)
    made = duplicate(
        call,
        vm,
        name,
        is_a_snapshot=True,
        is_a_template=True,
        snapshot_of=vm,
        snapshot_time=call.host.clock.iso(),
        parent=record["parent"],
        snapshot_info={
            "power-state-at-snapshot": record["power_state"],
            "disk-snapshot-type": "quiesced" if kind == "quiesced" else "crash_consistent",
        },
    )
    call.db.set("VM", vm, parent=made)
    call.host.recompute("VM", made)
    return made


@method("VM.revert")
async def vm_revert(call: Call, snapshot: str) -> None:
    """Puts a VM back to a snapshot of it."""
    db = call.db
    async with operating(call, snapshot, "revert"):
        vm = db.get("VM", snapshot)["snapshot_of"]
        if not db.exists("VM", vm):
            raise Failure("VM_REVERT_FAILED", snapshot, vm)
        await take(call, SNAPSHOT_S)
        if db.get("VM", vm)["power_state"] != HALTED:
            bring_down(call.host, vm)
        for vbd in list(db.get("VM", vm)["VBDs"]):
            if db.exists("VBD", vbd):
                disk = db.get("VBD", vbd)
                if disk["type"] == "Disk" and db.exists("VDI", disk["VDI"]):
                    db.destroy("VDI", disk["VDI"])
                db.destroy("VBD", vbd)
        for vif in list(db.get("VM", vm)["VIFs"]):
            if db.exists("VIF", vif):
                db.destroy("VIF", vif)
        copy_devices(call, snapshot, vm, snapshot=False)
        db.set("VM", vm, parent=snapshot)
        if db.get("VM", snapshot)["power_state"] == SUSPENDED:
            bring_up(call.host, vm, choose_host(call.host, vm))
            bring_down(call.host, vm, SUSPENDED)
    call.host.recompute("VM", vm)
    say(
        call.host,
        "VM_SNAPSHOT_REVERTED",
        vm,
        f"VM {named(call.host, vm)} reverted to snapshot: "
        f"{db.get('VM', snapshot)['name_label']} (uuid {db.get('VM', snapshot)['uuid']})",
    )


@method("VM.clone")
async def vm_clone(call: Call, vm: str, new_name: str) -> str:
    """A fast second VM that shares what the disks have in common."""
    async with operating(call, vm, "clone"):
        await take(call, CLONE_S)
        made = _second(call, vm, new_name)
    uuid = call.db.get("VM", made)["uuid"]
    say(call.host, "VM_CLONED", vm, f"VM {named(call.host, vm)} cloned (new uuid: {uuid})")
    return made


@method("VM.copy", check_refs=False)
async def vm_copy(call: Call, vm: str, new_name: str, sr: str) -> str:
    """A second VM with full copies of the disks, on another storage where one is named."""
    if not call.db.exists("VM", vm):
        raise Failure("HANDLE_INVALID", "VM", vm)
    async with operating(call, vm, "copy"):
        disks = [call.db.get("VBD", vbd)["VDI"] for vbd in call.db.get("VM", vm)["VBDs"]]
        size = sum(
            call.db.get("VDI", disk)["physical_utilisation"]
            for disk in disks
            if call.db.exists("VDI", disk)
        )
        await take(call, 2.0 + size / _COPY_BYTES_PER_S)
        made = _second(call, vm, new_name)
        if call.db.exists("SR", sr):
            for vbd in call.db.get("VM", made)["VBDs"]:
                disk = call.db.get("VBD", vbd)["VDI"]
                if call.db.exists("VDI", disk):
                    call.db.set("VDI", disk, SR=sr)
    return made


def _second(call: Call, vm: str, name: str) -> str:
    record = call.db.get("VM", vm)
    made = duplicate(
        call,
        vm,
        name,
        is_a_snapshot=False,
        # A snapshot calls itself a template; what is made of it is a VM.
        is_a_template=record["is_a_template"] and not record["is_a_snapshot"],
        parent=NULL_REF,
        snapshot_info={},
    )
    call.host.recompute("VM", made)
    return made


@method("VM.provision")
async def vm_provision(call: Call, vm: str) -> None:
    """Makes a VM of a cloned template."""
    async with operating(call, vm, "provision"):
        await take(call, CLONE_S)
        call.db.set("VM", vm, is_a_template=False)


@method("VM.destroy")
async def vm_destroy(call: Call, vm: str) -> None:
    """Removes a VM; its disks stay, as on a real host."""
    async with operating(call, vm, "destroy"):
        await take(call, 0.5)
        record = call.db.get("VM", vm)
        for cls, field in (("VBD", "VBDs"), ("VIF", "VIFs"), ("console", "consoles")):
            for ref in list(record[field]):
                if call.db.exists(cls, ref):
                    call.db.destroy(cls, ref)
        for cls, field in (("VM_metrics", "metrics"), ("VM_guest_metrics", "guest_metrics")):
            if call.db.exists(cls, record[field]):
                call.db.destroy(cls, record[field])
        call.db.destroy("VM", vm)


@method("VM.set_is_a_template")
def vm_set_is_a_template(call: Call, vm: str, value: bool) -> None:
    """Makes a VM a template, or a template a VM."""
    if value and call.db.get("VM", vm)["power_state"] in (RUNNING, PAUSED, SUSPENDED):
        state = call.db.get("VM", vm)["power_state"].lower()
        raise Failure("VM_BAD_POWER_STATE", vm, "halted", state)
    call.db.set("VM", vm, is_a_template=value)
    call.host.recompute("VM", vm)
