"""What is done to a VM's disks and drives, call by call.

Source: xapi.md 1.5, 1.12. A disk that a running VM uses moves with `VDI.pool_migrate`; one of a
halted VM is copied, and the copy takes its place.
"""

from __future__ import annotations

from typing import Any

from xolite_qt.xen_api import VBD, VDI, XenApiError


def drive(vm: str, vdi: str, position: str, **more: Any) -> dict[str, Any]:
    """What `VBD.create` takes."""
    return {
        "VM": vm,
        "VDI": vdi,
        "userdevice": position,
        "bootable": False,
        "mode": "RW",
        "type": "Disk",
        "unpluggable": True,
        "empty": False,
        "other_config": {},
        "qos_algorithm_type": "",
        "qos_algorithm_params": {},
        **more,
    }


async def free_position(api: Any, vm: str) -> str:
    """The first free position of a VM."""
    positions = await api.call("VM.get_allowed_VBD_devices", vm)
    return str(positions[0]) if positions else "autodetect"


async def add(
    api: Any, vm: str, sr: str, name: str, text: str, size_bytes: int, mode: str, plug: bool
) -> None:
    """Makes a disk and attaches it; a disk that cannot be attached is removed again."""
    position = await free_position(api, vm)
    vdi = await api.run(
        "VDI.create",
        {
            "name_label": name,
            "name_description": text,
            "SR": sr,
            "virtual_size": size_bytes,
            "type": "user",
            "sharable": False,
            "read_only": False,
            "other_config": {},
            "xenstore_data": {},
            "sm_config": {},
            "tags": [],
        },
    )
    try:
        await attach(api, vm, vdi, mode, plug, position)
    except XenApiError:
        await api.run("VDI.destroy", vdi)
        raise


async def attach(api: Any, vm: str, vdi: str, mode: str, plug: bool, position: str = "") -> None:
    """Attaches a disk that exists; what cannot be plugged is detached again."""
    position = position or await free_position(api, vm)
    vbd = await api.run("VBD.create", drive(vm, vdi, position, mode=mode))
    if not plug:
        return
    try:
        await api.run("VBD.plug", vbd)
    except XenApiError:
        await api.run("VBD.destroy", vbd)
        raise


async def add_drive(api: Any, vm: str) -> None:
    """Gives a VM an empty CD drive."""
    position = await free_position(api, vm)
    made = drive(vm, "OpaqueRef:NULL", position, mode="RO", type="CD", empty=True)
    await api.run("VBD.create", made)


async def detach(api: Any, vbd: VBD) -> None:
    """Takes a disk from the VM; the disk itself stays."""
    if vbd.currently_attached:
        await api.run("VBD.unplug", vbd.ref)
    await api.run("VBD.destroy", vbd.ref)


async def delete(api: Any, vbd: VBD) -> None:
    """Takes a disk from the VM and deletes it."""
    await detach(api, vbd)
    await api.run("VDI.destroy", vbd.vdi)


async def insert(api: Any, vbd: VBD, vdi: str) -> None:
    """Puts a disc into a drive, in place of the one that is in it."""
    if not vbd.empty:
        await api.run("VBD.eject", vbd.ref)
    await api.run("VBD.insert", vbd.ref, vdi)


async def edit(api: Any, vbd: VBD, vdi: VDI, name: str, text: str, bootable: bool) -> None:
    """Changes what differs."""
    if name != vdi.name_label:
        await api.call("VDI.set_name_label", vdi.ref, name)
    if text != vdi.name_description:
        await api.call("VDI.set_name_description", vdi.ref, text)
    if bootable != vbd.bootable:
        await api.call("VBD.set_bootable", vbd.ref, bootable)


async def move(api: Any, vbd: VBD, vdi: VDI, sr: str) -> None:
    """Moves a disk to another storage, while its VM runs or not."""
    if vbd.currently_attached:
        await api.run("VDI.pool_migrate", vdi.ref, sr, {})
        return
    copy = await api.run("VDI.copy", vdi.ref, sr)
    made = drive(
        vbd.vm,
        copy,
        vbd.userdevice,
        bootable=vbd.bootable,
        mode=vbd.mode,
        unpluggable=vbd.unpluggable,
        other_config=vbd.other_config,
        qos_algorithm_type=vbd.qos_algorithm_type,
        qos_algorithm_params=vbd.qos_algorithm_params,
    )
    try:
        await api.run("VBD.destroy", vbd.ref)
        await api.run("VBD.create", made)
    except XenApiError:
        await api.run("VDI.destroy", copy)
        raise
    await api.run("VDI.destroy", vdi.ref)
