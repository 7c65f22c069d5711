"""Networks, VLANs, bonds and the physical interfaces under them.

Source: `xapi.md` 1.5, 1.14.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.ops.cards import new_mac
from xolite_qt.demo_host.ops.device_rules import is_live, record_of
from xolite_qt.demo_host.ops.network_rules import (
    check_bond,
    check_forget,
    check_plug,
    check_vifs,
    clear_network,
    follow_address,
    forget_card,
    found_cards,
    move_over,
)
from xolite_qt.demo_host.ops.vm_power import take
from xolite_qt.demo_host.registry import Call, Failure, method

NO_VLAN = -1
TAGS = range(4095)
_OTHER_NBD = {"nbd": "insecure_nbd", "insecure_nbd": "nbd"}


def new_bridge(call: Call) -> str:
    """The next free name of a bridge that the toolstack makes."""
    taken = {record["bridge"] for record in call.db.records("network").values()}
    number = 0
    while f"xapi{number}" in taken:
        number += 1
    return f"xapi{number}"


@method("network.create")
def network_create(call: Call, args: dict[str, Any]) -> str:
    """A network without an interface: VMs on it talk among themselves."""
    taken = {record["bridge"] for record in call.db.records("network").values()}
    bridge = args.get("bridge", "")
    if bridge and bridge in taken:
        raise Failure("BRIDGE_NAME_EXISTS", bridge)
    return call.db.create("network", {**args, "bridge": bridge or new_bridge(call)})


@method("network.destroy")
def network_destroy(call: Call, self: str) -> None:
    """Removes a network that nothing uses."""
    clear_network(call, self)
    call.db.destroy("network", self)


@method("network.add_purpose")
def network_add_purpose(call: Call, self: str, value: str) -> None:
    """Turns NBD on; secure and insecure exclude one another in the whole pool."""
    other = _OTHER_NBD.get(value)
    for record in call.db.records("network").values():
        if other in record["purpose"]:
            raise Failure("NETWORK_INCOMPATIBLE_PURPOSES", value, other)
    purposes = call.db.get("network", self)["purpose"]
    if value not in purposes:
        call.db.set("network", self, purpose=[*purposes, value])


@method("network.remove_purpose")
def network_remove_purpose(call: Call, self: str, value: str) -> None:
    """Turns NBD off."""
    purposes = call.db.get("network", self)["purpose"]
    call.db.set("network", self, purpose=[one for one in purposes if one != value])


# VLANs


def _new_pif(call: Call, base: dict[str, Any], network: str, **fields: Any) -> str:
    metrics = record_of(call.host, "PIF_metrics", base["metrics"])
    kept = {k: v for k, v in metrics.items() if k != "uuid"}
    return call.db.create(
        "PIF",
        {
            "device": base["device"],
            "network": network,
            "host": base["host"],
            "MAC": base["MAC"],
            "MTU": base["MTU"],
            "VLAN": NO_VLAN,
            "physical": False,
            "managed": True,
            "currently_attached": True,
            "metrics": call.db.create("PIF_metrics", kept),
            **fields,
        },
    )


@method("VLAN.create")
async def vlan_create(call: Call, tagged: str, tag: int, network: str) -> str:
    """A VLAN on one interface of one host."""
    base = call.db.get("PIF", tagged)
    if tag not in TAGS:
        raise Failure("VLAN_TAG_INVALID", tag)
    if base["VLAN"] != NO_VLAN:
        raise Failure("PIF_IS_VLAN", tagged)
    if base["bond_slave_of"] != NULL_REF:
        raise Failure("CANNOT_ADD_VLAN_TO_BOND_SLAVE", tagged)
    for ref in base["VLAN_slave_of"]:
        if record_of(call.host, "VLAN", ref).get("tag") == tag:
            raise Failure("PIF_VLAN_EXISTS", tagged)
    await take(call, 1.0)
    untagged = _new_pif(call, base, network, VLAN=tag)
    vlan = call.db.create("VLAN", tagged_PIF=tagged, untagged_PIF=untagged, tag=tag)
    call.db.set("PIF", untagged, VLAN_master_of=vlan)
    return vlan


@method("VLAN.destroy")
def vlan_destroy(call: Call, self: str) -> None:
    untagged = call.db.get("VLAN", self)["untagged_PIF"]
    if call.db.exists("PIF", untagged):
        _check_unplug(call, untagged)
        call.db.destroy("PIF", untagged)
    call.db.destroy("VLAN", self)


@method("pool.create_VLAN_from_PIF")
async def pool_create_vlan_from_pif(call: Call, pif: str, network: str, tag: int) -> list[str]:
    """The same VLAN on the interface of that name on every host; returns the new PIFs."""
    device = call.db.get("PIF", pif)["device"]
    bases = [
        ref
        for ref, record in call.db.records("PIF").items()
        if record["device"] == device and record["VLAN"] == NO_VLAN
    ]
    made = []
    for base in bases:
        vlan = await vlan_create(call, base, tag, network)
        made.append(call.db.get("VLAN", vlan)["untagged_PIF"])
    return made


@method("pool.create_VLAN")
async def pool_create_vlan(call: Call, device: str, network: str, tag: int) -> list[str]:
    for ref, record in call.db.records("PIF").items():
        if record["device"] == device and record["VLAN"] == NO_VLAN:
            return await pool_create_vlan_from_pif(call, ref, network, tag)
    raise Failure("INVALID_VALUE", "device", device)


# Bonds


@method("Bond.create", check_refs=False)
async def bond_create(
    call: Call,
    network: str,
    members: list[str],
    mac: str,
    mode: str,
    properties: dict[str, str],
) -> str:
    """Several interfaces of one host as one; the address moves over to it."""
    db = call.db
    db.get("network", network)
    if len(members) < 2:
        raise Failure("PIF_BOND_NEEDS_MORE_MEMBERS")
    pifs = [db.get("PIF", ref) for ref in members]
    for ref, pif in zip(members, pifs, strict=True):
        if pif["bond_slave_of"] != NULL_REF:
            raise Failure("PIF_ALREADY_BONDED", ref)
        if pif["VLAN"] != NO_VLAN:
            raise Failure("PIF_VLAN_EXISTS", ref)
        if pif["host"] != pifs[0]["host"]:
            raise Failure("PIF_CANNOT_BOND_CROSS_HOST")
    check_bond(call, members)
    await take(call, 3.0)
    order = range(len(pifs))
    with_address = next((i for i in order if pifs[i]["ip_configuration_mode"] != "None"), 0)
    primary = next((i for i in order if pifs[i]["management"]), with_address)
    base = pifs[primary]
    addresses = (
        "ip_configuration_mode",
        "IP",
        "netmask",
        "gateway",
        "DNS",
        "management",
        "primary_address_type",
    )
    master = _new_pif(
        call,
        base,
        network,
        device=_bond_device(call, base["host"]),
        MAC=mac or base["MAC"],
        **{name: base[name] for name in addresses},
    )
    bond = db.create(
        "Bond",
        master=master,
        primary_slave=members[primary],
        mode=mode,
        properties=properties,
        links_up=sum(
            bool(record_of(call.host, "PIF_metrics", pif["metrics"]).get("carrier")) for pif in pifs
        ),
    )
    move_over(call, members, master)
    for ref in members:
        db.set(
            "PIF",
            ref,
            bond_slave_of=bond,
            currently_attached=False,
            management=False,
            ip_configuration_mode="None",
            IP="",
            netmask="",
            gateway="",
            DNS="",
        )
    return bond


def _bond_device(call: Call, host: str) -> str:
    taken = {
        record["device"] for record in call.db.records("PIF").values() if record["host"] == host
    }
    number = 0
    while f"bond{number}" in taken:
        number += 1
    return f"bond{number}"


@method("Bond.destroy")
async def bond_destroy(call: Call, self: str) -> None:
    """The interfaces work alone again; the first one gets the address back."""
    db = call.db
    bond = db.get("Bond", self)
    master = db.get("PIF", bond["master"])
    await take(call, 3.0)
    move_over(call, [bond["master"]], bond["primary_slave"])
    for ref in list(bond["slaves"]):
        fields: dict[str, Any] = {"bond_slave_of": NULL_REF, "currently_attached": True}
        if ref == bond["primary_slave"]:
            names = ("management", "ip_configuration_mode", "IP", "netmask", "gateway", "DNS")
            fields |= {name: master[name] for name in names}
        db.set("PIF", ref, **fields)
    db.destroy("PIF", bond["master"])
    db.destroy("Bond", self)


@method("Bond.set_property")
def bond_set_property(call: Call, self: str, name: str, value: str) -> None:
    properties = call.db.get("Bond", self)["properties"]
    call.db.set("Bond", self, properties={**properties, name: value})


# Interfaces


def _check_unplug(call: Call, ref: str) -> None:
    pif = call.db.get("PIF", ref)
    if pif["management"]:
        raise Failure("PIF_IS_MANAGEMENT_INTERFACE", ref)
    for vif_ref in record_of(call.host, "network", pif["network"]).get("VIFs", ()):
        vif = record_of(call.host, "VIF", vif_ref)
        vm = record_of(call.host, "VM", vif.get("VM", NULL_REF))
        if (
            vif.get("currently_attached")
            and is_live(call.host, vif["VM"])
            and vm.get("resident_on") == pif["host"]
        ):
            raise Failure("NETWORK_CONTAINS_VIF", vif_ref)


@method("PIF.plug")
async def pif_plug(call: Call, self: str) -> None:
    check_plug(call, self)
    await take(call, 1.0)
    call.db.set("PIF", self, currently_attached=True)


@method("PIF.unplug")
async def pif_unplug(call: Call, self: str) -> None:
    pif = call.db.get("PIF", self)
    if pif["management"]:
        raise Failure("PIF_IS_MANAGEMENT_INTERFACE", self)
    if pif["disallow_unplug"]:
        raise Failure("PIF_DOES_NOT_ALLOW_UNPLUG", self)
    check_vifs(call, self)
    await take(call, 1.0)
    call.db.set("PIF", self, currently_attached=False)


@method("PIF.introduce")
def pif_introduce(call: Call, host: str, mac: str, device: str, managed: bool) -> str:
    for record in call.db.records("PIF").values():
        if record["host"] == host and record["MAC"].lower() == mac.lower() and record["physical"]:
            raise Failure("DUPLICATE_PIF_DEVICE_NAME", device)
    network = call.db.create(
        "network",
        name_label=f"Pool-wide network associated with {device}",
        bridge=device.replace("eth", "xenbr"),
        MTU=1500,
    )
    return call.db.create(
        "PIF",
        host=host,
        MAC=mac or new_mac(call),
        device=device,
        network=network,
        physical=True,
        managed=managed,
        VLAN=NO_VLAN,
        MTU=1500,
        metrics=call.db.create("PIF_metrics"),
    )


@method("PIF.forget")
def pif_forget(call: Call, self: str) -> None:
    _check_unplug(call, self)
    pif = call.db.get("PIF", self)
    if not pif["physical"]:
        raise Failure("PIF_IS_NOT_PHYSICAL", self)
    check_forget(call, self)
    forget_card(call, pif)
    call.db.destroy("PIF", self)


@method("PIF.scan")
async def pif_scan(call: Call, host: str) -> None:
    """Looks for network cards; it finds those that were forgotten."""
    await take(call, 1.0)
    for pif in found_cards(call, host):
        kept = ("device", "MAC", "MTU", "host", "network", "metrics", "physical", "managed")
        call.db.create("PIF", {name: pif[name] for name in kept}, VLAN=NO_VLAN)


@method("PIF.reconfigure_ip")
async def pif_reconfigure_ip(
    call: Call, self: str, mode: str, address: str, netmask: str, gateway: str, dns: str
) -> None:
    """Gives an interface another address."""
    if mode == "None" and call.db.get("PIF", self)["management"]:
        raise Failure("PIF_IS_MANAGEMENT_INTERFACE", self)
    if mode == "Static":
        for name, value in (("IP", address), ("netmask", netmask)):
            if not _is_ipv4(value):
                raise Failure("INVALID_IP_ADDRESS_SPECIFIED", name)
    await take(call, 2.0)
    fields = {"IP": "", "netmask": "", "gateway": "", "DNS": ""}
    if mode == "Static":
        fields = {"IP": address, "netmask": netmask, "gateway": gateway, "DNS": dns}
    elif mode == "DHCP":
        fields = {name: call.db.get("PIF", self)[name] for name in fields}
    call.db.set("PIF", self, ip_configuration_mode=mode, **fields)
    follow_address(call, self)


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


@method("PIF.set_property")
def pif_set_property(call: Call, self: str, name: str, value: str) -> None:
    properties = call.db.get("PIF", self)["properties"]
    call.db.set("PIF", self, properties={**properties, name: value})
