"""Drives (VBDs) of a VM: made, removed, forced out.

Source: `xapi.md` 1.5, 1.12.
"""

from __future__ import annotations

from typing import Any

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.ops.device_rules import (
    attached_drives,
    check_hotplug,
    device_name,
    is_live,
)
from xolite_qt.demo_host.ops.vm_questions import free_positions
from xolite_qt.demo_host.registry import Call, Failure, method


@method("VBD.create", check_refs=False)
def vbd_create(call: Call, args: dict[str, Any]) -> str:
    """A drive, not plugged yet; "autodetect" takes the first free position.

    Raises:
        Failure: HANDLE_INVALID, INVALID_DEVICE [device], DEVICE_ALREADY_EXISTS [device],
            VDI_IN_USE, or MAP_DUPLICATE_KEY where the model says so.
    """
    db = call.db
    vm, vdi = args["VM"], args.get("VDI", NULL_REF)
    db.get("VM", vm)
    free = free_positions(call, vm, "VBD")
    position = args["userdevice"]
    if position == "autodetect":
        position = free[0]
    if not position.isdigit():
        raise Failure("INVALID_DEVICE", position)
    if position not in free:
        raise Failure("DEVICE_ALREADY_EXISTS", position)
    empty = bool(args.get("empty")) or vdi in ("", NULL_REF)
    if empty and args["type"] != "CD":
        raise Failure("VBD_NOT_REMOVABLE_MEDIA", NULL_REF)
    if not empty:
        db.get("VDI", vdi)
        _check_sharing(call, vdi, args["mode"])
    fields = {
        **args,
        "userdevice": position,
        "VDI": NULL_REF if empty else vdi,
        "empty": empty,
        "currently_attached": False,
        "device": "",
    }
    return db.create("VBD", fields)


def _check_sharing(call: Call, vdi: str, mode: str) -> None:
    disk = call.db.get("VDI", vdi)
    if mode == "RW" and disk["read_only"]:
        raise Failure("VDI_READONLY", vdi)
    others = attached_drives(call.host, vdi)
    if mode == "RW" and others and not disk["sharable"]:
        raise Failure("VDI_IN_USE", vdi, "attach")


@method("VBD.destroy")
def vbd_destroy(call: Call, self: str) -> None:
    """Removes a drive that is not plugged; the disk stays."""
    vbd = call.db.get("VBD", self)
    if vbd["currently_attached"] and is_live(call.host, vbd["VM"]):
        raise Failure("DEVICE_ALREADY_ATTACHED", self)
    call.db.destroy("VBD", self)


@method("VBD.plug")
def vbd_plug(call: Call, self: str) -> None:
    """Attaches a disk to a running VM."""
    vbd = call.db.get("VBD", self)
    if vbd["currently_attached"]:
        raise Failure("DEVICE_ALREADY_ATTACHED", self)
    check_hotplug(call.host, vbd["VM"])
    if not vbd["empty"]:
        _check_sharing(call, vbd["VDI"], vbd["mode"])
    call.db.set("VBD", self, currently_attached=True, device=device_name(vbd["userdevice"]))


@method("VBD.unplug")
def vbd_unplug(call: Call, self: str) -> None:
    """Detaches a disk from a running VM."""
    vbd = call.db.get("VBD", self)
    if not vbd["currently_attached"]:
        raise Failure("DEVICE_ALREADY_DETACHED", self)
    check_hotplug(call.host, vbd["VM"])
    if not vbd["unpluggable"]:
        raise Failure("OPERATION_NOT_ALLOWED", "VBD is not unpluggable")
    call.db.set("VBD", self, currently_attached=False, device="")


@method("VBD.insert")
def vbd_insert(call: Call, vbd: str, vdi: str) -> None:
    """Puts a disc into a drive."""
    record = _removable(call, vbd)
    if not record["empty"]:
        raise Failure("VBD_NOT_EMPTY", vbd)
    call.db.get("VDI", vdi)
    call.db.set("VBD", vbd, VDI=vdi, empty=False)


@method("VBD.eject")
def vbd_eject(call: Call, vbd: str) -> None:
    """Takes the disc out."""
    if _removable(call, vbd)["empty"]:
        raise Failure("VBD_IS_EMPTY", vbd)
    call.db.set("VBD", vbd, VDI=NULL_REF, empty=True)


def _removable(call: Call, ref: str) -> dict[str, Any]:
    vbd = call.db.get("VBD", ref)
    if vbd["type"] == "Disk":
        raise Failure("VBD_NOT_REMOVABLE_MEDIA", ref)
    return vbd


@method("VBD.unplug_force")
def vbd_unplug_force(call: Call, self: str) -> None:
    """Takes a drive away without asking the guest."""
    if not call.db.get("VBD", self)["currently_attached"]:
        raise Failure("DEVICE_ALREADY_DETACHED", self)
    call.db.set("VBD", self, currently_attached=False, device="")


@method("VBD.assert_attachable")
def vbd_assert_attachable(call: Call, self: str) -> None:
    vbd = call.db.get("VBD", self)
    if vbd["currently_attached"]:
        raise Failure("DEVICE_ALREADY_ATTACHED", self)
    if not vbd["empty"]:
        _check_sharing(call, vbd["VDI"], vbd["mode"])


@method("VBD.set_mode")
def vbd_set_mode(call: Call, self: str, value: str) -> None:
    vbd = call.db.get("VBD", self)
    if vbd["currently_attached"]:
        raise Failure("DEVICE_ALREADY_ATTACHED", self)
    call.db.set("VBD", self, mode=value)
