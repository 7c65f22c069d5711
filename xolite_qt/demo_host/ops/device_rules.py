"""What disks, drives, cards and storages allow now; kept true after every change of one.

Source: `xapi.md` 1.5, 1.12; the records of real hosts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.ops.lifecycle import PAUSED, RUNNING
from xolite_qt.demo_host.registry import Failure, install

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

# SR type to what cannot be done on it; everything else can.
_READ_ONLY = frozenset({"iso", "udev"})
_SR_ALWAYS = ("unplug", "plug", "pbd_create", "pbd_destroy", "scan", "forget", "update")
_SR_WRITABLE = (
    "destroy",
    "vdi_create",
    "vdi_destroy",
    "vdi_clone",
    "vdi_snapshot",
    "vdi_resize",
    "vdi_introduce",
    "vdi_mirror",
    "vdi_enable_cbt",
    "vdi_disable_cbt",
    "vdi_data_destroy",
    "vdi_list_changed_blocks",
    "vdi_set_on_boot",
)
_VDI_FREE = (
    "snapshot",
    "clone",
    "copy",
    "resize",
    "destroy",
    "forget",
    "update",
    "generate_config",
    "set_on_boot",
    "enable_cbt",
    "disable_cbt",
    "list_changed_blocks",
)
_VDI_ATTACHED = ("snapshot", "clone", "update", "enable_cbt", "disable_cbt")


def record_of(host: DemoHost, cls: str, ref: str) -> dict[str, Any]:
    """A record, or an empty one for a reference that points nowhere."""
    return host.db.get(cls, ref) if host.db.exists(cls, ref) else {}


def attached_drives(host: DemoHost, vdi: str) -> list[str]:
    """VBDs through which a disk is in use now."""
    vbds = record_of(host, "VDI", vdi).get("VBDs", ())
    return [ref for ref in vbds if record_of(host, "VBD", ref).get("currently_attached")]


def disk_in_use(host: DemoHost, vdi: str) -> bool:
    """Whether a VM that runs, its saved memory, or the host itself holds the disk."""
    return vdi in host.disks.holds or bool(attached_drives(host, vdi))


def is_live(host: DemoHost, vm: str) -> bool:
    """Whether a VM has a domain."""
    return record_of(host, "VM", vm).get("power_state") in (RUNNING, PAUSED)


def has_drivers(host: DemoHost, vm: str) -> bool:
    """Whether devices can come and go while the VM runs."""
    record = record_of(host, "VM", vm)
    if not record.get("HVM_boot_policy"):
        return True
    guest = record_of(host, "VM_guest_metrics", record.get("guest_metrics", NULL_REF))
    return bool(guest.get("PV_drivers_version") or guest.get("PV_drivers_detected"))


def check_hotplug(host: DemoHost, vm: str) -> None:
    """Raises: Failure: why a device of a VM cannot be plugged or unplugged now."""
    record = host.db.get("VM", vm)
    if record["power_state"] != RUNNING:
        raise Failure("VM_BAD_POWER_STATE", vm, "running", record["power_state"].lower())
    if not has_drivers(host, vm):
        raise Failure("VM_MISSING_PV_DRIVERS", vm)


def drive_operations(host: DemoHost, ref: str) -> list[str]:
    """Of a VBD."""
    vbd = host.db.get("VBD", ref)
    allowed = ["attach", "pause", "unpause"]
    if vbd["type"] == "CD":
        allowed.append("insert" if vbd["empty"] else "eject")
    elif record_of(host, "VM", vbd["VM"]).get("power_state") == RUNNING:
        if vbd["currently_attached"]:
            allowed += ["unplug", "unplug_force"]
        else:
            allowed.append("plug")
    return allowed


def card_operations(host: DemoHost, ref: str) -> list[str]:
    """Of a VIF."""
    vif = host.db.get("VIF", ref)
    running = record_of(host, "VM", vif["VM"]).get("power_state") == RUNNING
    if running and has_drivers(host, vif["VM"]):
        return ["attach", "unplug" if vif["currently_attached"] else "plug"]
    return ["attach"]


def disk_operations(host: DemoHost, ref: str) -> list[str]:
    """Of a VDI."""
    vdi = host.db.get("VDI", ref)
    if record_of(host, "SR", vdi["SR"]).get("type") in _READ_ONLY:
        # A library of images lets them be deleted; drives and the tools do not.
        library = record_of(host, "SR", vdi["SR"])
        free = library["type"] == "iso" and not library["is_tools_sr"]
        destroy = ["destroy"] if free and not disk_in_use(host, ref) else []
        return ["clone", "copy", "update", *destroy]
    if vdi["type"] == "cbt_metadata":
        return ["destroy", "forget", "list_changed_blocks"]
    if disk_in_use(host, ref):
        return list(_VDI_ATTACHED)
    return [op for op in _VDI_FREE if not (vdi["is_a_snapshot"] and op == "resize")]


def storage_operations(host: DemoHost, ref: str) -> list[str]:
    """Of an SR."""
    sr = host.db.get("SR", ref)
    if sr["type"] == "iso" and not sr["is_tools_sr"]:
        return [*_SR_ALWAYS, "vdi_create", "vdi_destroy"]
    return [*_SR_ALWAYS, *(() if sr["type"] in _READ_ONLY else _SR_WRITABLE)]


def device_name(position: str) -> str:
    """The name a guest gives to the disk at a position: 0 is xvda, 26 is xvdaa."""
    if not position.isdigit():
        return position
    number, letters = int(position), ""
    while number >= 0:
        letters = chr(ord("a") + number % 26) + letters
        number = number // 26 - 1
    return f"xvd{letters}"


def refresh_devices(host: DemoHost, vm: str) -> None:
    """Write anew what the devices of a VM allow, after its state has changed."""
    record = record_of(host, "VM", vm)
    for cls in ("VBD", "VIF"):
        for ref in record.get(f"{cls}s", ()):
            host.recompute(cls, ref)


@install
def _install(host: DemoHost) -> None:
    host.allowed_operations_hook("VBD", drive_operations)
    host.allowed_operations_hook("VIF", card_operations)
    host.allowed_operations_hook("VDI", disk_operations)
    host.allowed_operations_hook("SR", storage_operations)

    def changed(cls: str, ref: str) -> None:
        # Attaching and ejecting go through plain writes in many places.
        if cls in ("VBD", "VIF", "VDI", "SR"):
            host.recompute(cls, ref)
            if cls == "VBD" and (vdi := record_of(host, cls, ref).get("VDI")):
                host.recompute("VDI", vdi)

    host.db.on_change(changed)
