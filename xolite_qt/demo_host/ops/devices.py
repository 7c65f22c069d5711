"""Disks, network cards, storages and networks, as far as clients work with them.

Source: xapi.md 1.5, 1.12, 1.14.
"""

from __future__ import annotations

from typing import Any

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.ops.vm_copies import copy_disk
from xolite_qt.demo_host.ops.vm_power import take
from xolite_qt.demo_host.registry import Call, Failure, method

_NBD = {"nbd": "insecure_nbd", "insecure_nbd": "nbd"}


def in_use(call: Call, vdi: str) -> bool:
    """Whether a running VM has the disk."""
    return any(
        call.db.get("VBD", vbd)["currently_attached"]
        for vbd in call.db.get("VDI", vdi)["VBDs"]
        if call.db.exists("VBD", vbd)
    )


@method("VDI.destroy")
async def vdi_destroy(call: Call, self: str) -> None:
    """Deletes a disk that is not in use."""
    if in_use(call, self):
        raise Failure("VDI_IN_USE", self, "destroy")
    await take(call, 0.5)
    for vbd in list(call.db.get("VDI", self)["VBDs"]):
        if call.db.exists("VBD", vbd):
            call.db.destroy("VBD", vbd)
    call.db.destroy("VDI", self)


@method("VDI.resize")
async def vdi_resize(call: Call, vdi: str, size: int) -> None:
    """Makes a disk larger."""
    if size < call.db.get("VDI", vdi)["virtual_size"]:
        raise Failure("INVALID_VALUE", "size", size)
    await take(call, 1.0)
    call.db.set("VDI", vdi, virtual_size=size)


@method("VDI.snapshot")
async def vdi_snapshot(call: Call, vdi: str, driver_params: dict[str, str]) -> str:
    """Keeps a disk as it is now."""
    await take(call, 1.0)
    return copy_disk(call, vdi, snapshot=True)


@method("VDI.clone")
async def vdi_clone(call: Call, vdi: str, driver_params: dict[str, str]) -> str:
    """A second disk that shares what it has in common with the first."""
    await take(call, 1.0)
    return copy_disk(call, vdi, snapshot=False)


@method("VBD.plug")
async def vbd_plug(call: Call, self: str) -> None:
    """Attaches a disk to a running VM."""
    _plug(call, "VBD", self, "DEVICE_ALREADY_ATTACHED")


@method("VBD.unplug")
async def vbd_unplug(call: Call, self: str) -> None:
    """Detaches it."""
    _unplug(call, "VBD", self)


@method("VIF.plug")
async def vif_plug(call: Call, self: str) -> None:
    """Connects a network card of a running VM."""
    _plug(call, "VIF", self, "DEVICE_ALREADY_ATTACHED")


@method("VIF.unplug")
async def vif_unplug(call: Call, self: str) -> None:
    """Disconnects it."""
    _unplug(call, "VIF", self)


def _plug(call: Call, cls: str, ref: str, code: str) -> None:
    record = call.db.get(cls, ref)
    state = call.db.get("VM", record["VM"])["power_state"]
    if state != "Running":
        raise Failure("VM_BAD_POWER_STATE", record["VM"], "running", state.lower())
    if record["currently_attached"]:
        raise Failure(code, ref)
    call.db.set(cls, ref, currently_attached=True)


def _unplug(call: Call, cls: str, ref: str) -> None:
    if not call.db.get(cls, ref)["currently_attached"]:
        raise Failure("DEVICE_ALREADY_DETACHED", ref)
    call.db.set(cls, ref, currently_attached=False)


@method("VBD.insert")
async def vbd_insert(call: Call, vbd: str, vdi: str) -> None:
    """Puts a disc into a drive."""
    record = call.db.get("VBD", vbd)
    if record["type"] != "CD":
        raise Failure("VBD_NOT_REMOVABLE_MEDIA", vbd)
    if not record["empty"]:
        raise Failure("VBD_NOT_EMPTY", vbd)
    call.db.set("VBD", vbd, VDI=vdi, empty=False)


@method("VBD.eject")
async def vbd_eject(call: Call, vbd: str) -> None:
    """Takes the disc out."""
    record = call.db.get("VBD", vbd)
    if record["type"] != "CD":
        raise Failure("VBD_NOT_REMOVABLE_MEDIA", vbd)
    if record["empty"]:
        raise Failure("VBD_IS_EMPTY", vbd)
    call.db.set("VBD", vbd, VDI=NULL_REF, empty=True)


@method("SR.scan")
async def sr_scan(call: Call, sr: str) -> None:
    """Looks at what is there."""
    if not call.db.get("SR", sr)["PBDs"]:
        raise Failure("SR_NO_PBDS", sr)
    await take(call, 2.0)


@method("SR.update")
async def sr_update(call: Call, sr: str) -> None:
    """Reads sizes anew; they are true already."""


@method("SR.forget")
async def sr_forget(call: Call, sr: str) -> None:
    """The pool no longer knows a storage; what is on it stays."""
    _without_plugged(call, sr)
    for vdi in list(call.db.get("SR", sr)["VDIs"]):
        if call.db.exists("VDI", vdi):
            call.db.destroy("VDI", vdi)
    for pbd in list(call.db.get("SR", sr)["PBDs"]):
        if call.db.exists("PBD", pbd):
            call.db.destroy("PBD", pbd)
    call.db.destroy("SR", sr)


@method("SR.destroy")
async def sr_destroy(call: Call, sr: str) -> None:
    """Destroys an empty storage."""
    _without_plugged(call, sr)
    if call.db.get("SR", sr)["VDIs"]:
        raise Failure("SR_NOT_EMPTY")
    await sr_forget(call, sr)


def _without_plugged(call: Call, sr: str) -> None:
    for pbd in call.db.get("SR", sr)["PBDs"]:
        if call.db.exists("PBD", pbd) and call.db.get("PBD", pbd)["currently_attached"]:
            raise Failure("SR_HAS_PBD", sr)


@method("PBD.plug")
async def pbd_plug(call: Call, self: str) -> None:
    """A host reaches its storage."""
    await take(call, 1.0)
    call.db.set("PBD", self, currently_attached=True)


@method("PBD.unplug")
async def pbd_unplug(call: Call, self: str) -> None:
    """A host lets go of its storage."""
    sr = call.db.get("PBD", self)["SR"]
    if call.db.exists("SR", sr):
        for vdi in call.db.get("SR", sr)["VDIs"]:
            if call.db.exists("VDI", vdi) and in_use(call, vdi):
                raise Failure("VDI_IN_USE", vdi, "detach")
    await take(call, 1.0)
    call.db.set("PBD", self, currently_attached=False)


@method("network.destroy")
def network_destroy(call: Call, self: str) -> None:
    """Removes a network that nothing uses."""
    record = call.db.get("network", self)
    for field, code in (("VIFs", "NETWORK_CONTAINS_VIF"), ("PIFs", "NETWORK_CONTAINS_PIF")):
        if record[field]:
            raise Failure(code, ",".join(record[field]))
    call.db.destroy("network", self)


@method("network.add_purpose")
def network_add_purpose(call: Call, self: str, value: str) -> None:
    """Turns NBD on; secure and insecure exclude one another in the whole pool."""
    other = _NBD.get(value)
    for ref in call.db.refs("network"):
        if other in call.db.get("network", ref)["purpose"]:
            raise Failure("NETWORK_INCOMPATIBLE_PURPOSES", value, other)
    purposes = call.db.get("network", self)["purpose"]
    if value not in purposes:
        call.db.set("network", self, purpose=[*purposes, value])


@method("network.remove_purpose")
def network_remove_purpose(call: Call, self: str, value: str) -> None:
    """Turns NBD off."""
    purposes = call.db.get("network", self)["purpose"]
    call.db.set("network", self, purpose=[one for one in purposes if one != value])


@method("PIF.scan")
async def pif_scan(call: Call, host: str) -> None:
    """Looks for network cards; there are no new ones."""
    await take(call, 1.0)


@method("PIF.reconfigure_ip")
async def pif_reconfigure_ip(
    call: Call, self: str, mode: str, ip: str, netmask: str, gateway: str, dns: str
) -> None:
    """Another address for an interface."""
    await take(call, 2.0)
    call.db.set(
        "PIF",
        self,
        ip_configuration_mode=mode,
        IP=ip,
        netmask=netmask,
        gateway=gateway,
        DNS=dns,
    )


@method("pool.create_VLAN_from_PIF")
async def pool_create_vlan(call: Call, pif: str, network: str, vlan: int) -> list[str]:
    """A VLAN on the same card of every host."""
    if not 0 <= vlan < 4095:
        raise Failure("VLAN_TAG_INVALID", vlan)
    device = call.db.get("PIF", pif)["device"]
    made: list[str] = []
    for ref in list(call.db.refs("PIF")):
        base: dict[str, Any] = call.db.get("PIF", ref)
        if base["device"] != device or base["VLAN"] != -1:
            continue
        if any(
            call.db.get("PIF", one)["VLAN"] == vlan
            and call.db.get("PIF", one)["device"] == device
            and call.db.get("PIF", one)["host"] == base["host"]
            for one in call.db.refs("PIF")
        ):
            raise Failure("PIF_VLAN_EXISTS", ref)
        made.append(
            call.db.create(
                "PIF",
                device=device,
                network=network,
                host=base["host"],
                VLAN=vlan,
                MAC=base["MAC"],
                MTU=base["MTU"],
                currently_attached=True,
                metrics=base["metrics"],
            )
        )
    return made
