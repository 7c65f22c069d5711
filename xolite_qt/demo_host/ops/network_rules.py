"""What networks and interfaces allow, and what moves along when one of them changes.

Source: the toolstack's own messages for these cases; `xapi.md` 1.5, 1.14.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from xolite_qt.demo_host.host import DemoHost
from xolite_qt.demo_host.ops.device_rules import is_live, record_of
from xolite_qt.demo_host.registry import Call, Failure, method

NO_VLAN = -1

# Cards that a host was told to forget are still in their slots: a scan finds them.
_FORGOTTEN: WeakKeyDictionary[DemoHost, list[dict[str, Any]]] = WeakKeyDictionary()


def forget_card(call: Call, pif: dict[str, Any]) -> None:
    """Notes a card that stays in its slot."""
    _FORGOTTEN.setdefault(call.host, []).append(pif)


def found_cards(call: Call, host: str) -> list[dict[str, Any]]:
    """Cards of a host that it does not know; each is told once."""
    noted = _FORGOTTEN.get(call.host, [])
    found = [pif for pif in noted if pif["host"] == host]
    _FORGOTTEN[call.host] = [pif for pif in noted if pif["host"] != host]
    return found


def clear_network(call: Call, ref: str) -> None:
    """Refuses to destroy a network in use; cards of halted VMs on it go with it.

    Raises:
        Failure: NETWORK_CONTAINS_VIF, NETWORK_CONTAINS_PIF.
    """
    record = call.db.get("network", ref)
    vifs = list(record["VIFs"])
    plugged = [vif for vif in vifs if is_plugged(call, vif)]
    if plugged:
        raise Failure("NETWORK_CONTAINS_VIF", ",".join(plugged))
    if record["PIFs"]:
        raise Failure("NETWORK_CONTAINS_PIF", ",".join(record["PIFs"]))
    for vif in vifs:
        call.db.destroy("VIF", vif)


def is_plugged(call: Call, vif: str) -> bool:
    """Whether a card of a VM is connected now."""
    record = record_of(call.host, "VIF", vif)
    return bool(record.get("currently_attached")) and is_live(call.host, record["VM"])


def check_plug(call: Call, ref: str) -> None:
    """Refuses to plug what works only as a part of a bond.

    Raises:
        Failure: CANNOT_PLUG_BOND_SLAVE.
    """
    if call.db.exists("Bond", call.db.get("PIF", ref)["bond_slave_of"]):
        raise Failure("CANNOT_PLUG_BOND_SLAVE", ref)


def check_vifs(call: Call, ref: str) -> None:
    """Refuses to take an interface away from VMs that are connected over it.

    Raises:
        Failure: VIF_IN_USE [network, VIF].
    """
    pif = call.db.get("PIF", ref)
    for vif in record_of(call.host, "network", pif["network"]).get("VIFs", ()):
        vm = record_of(call.host, "VM", record_of(call.host, "VIF", vif).get("VM", ""))
        if is_plugged(call, vif) and vm.get("resident_on") == pif["host"]:
            raise Failure("VIF_IN_USE", pif["network"], vif)


def check_forget(call: Call, ref: str) -> None:
    """Refuses to forget an interface that others stand on.

    Raises:
        Failure: PIF_ALREADY_BONDED, PIF_VLAN_STILL_EXISTS.
    """
    pif = call.db.get("PIF", ref)
    if call.db.exists("Bond", pif["bond_slave_of"]):
        raise Failure("PIF_ALREADY_BONDED", ref)
    if pif["VLAN_slave_of"]:
        raise Failure("PIF_VLAN_STILL_EXISTS", ref)


def check_bond(call: Call, members: list[str]) -> None:
    """Refuses bonds that would lose an address, and to touch management under HA.

    Raises:
        Failure: HA_IS_ENABLED, PIF_BOND_MORE_THAN_ONE_IP, PIF_TUNNEL_STILL_EXISTS.
    """
    pifs = [call.db.get("PIF", ref) for ref in members]
    pool = next(iter(call.db.records("pool").values()))
    if pool["ha_enabled"] and any(pif["management"] for pif in pifs):
        raise Failure("HA_IS_ENABLED")
    with_address = [pif for pif in pifs if pif["ip_configuration_mode"] != "None"]
    if len(with_address) > 1:
        raise Failure("PIF_BOND_MORE_THAN_ONE_IP")
    for ref, pif in zip(members, pifs, strict=True):
        if pif["tunnel_access_PIF_of"]:
            raise Failure("PIF_TUNNEL_STILL_EXISTS", ref)


def move_over(call: Call, sources: list[str], target: str) -> None:
    """VLANs and VMs of some interfaces go on over another one of the same host."""
    db = call.db
    pif = db.get("PIF", target)
    networks = {db.get("PIF", ref)["network"] for ref in sources}
    for ref in sources:
        for vlan in list(db.get("PIF", ref)["VLAN_slave_of"]):
            db.set("VLAN", vlan, tagged_PIF=target)
            untagged = db.get("VLAN", vlan)["untagged_PIF"]
            db.set("PIF", untagged, device=pif["device"], MAC=pif["MAC"])
    for vif, record in list(db.records("VIF").items()):
        vm = record_of(call.host, "VM", record["VM"])
        is_here = not is_live(call.host, record["VM"]) or vm.get("resident_on") == pif["host"]
        if record["network"] in networks and is_here:
            db.set("VIF", vif, network=pif["network"])


def follow_address(call: Call, ref: str) -> None:
    """A host has the address of its management interface."""
    pif = call.db.get("PIF", ref)
    if pif["management"] and pif["IP"]:
        call.db.set("host", pif["host"], address=pif["IP"])


@method("network.set_default_locking_mode")
def network_set_default_locking_mode(call: Call, self: str, value: str) -> None:
    """Only while nothing is connected.

    Raises:
        Failure: VIF_IN_USE [network, VIF].
    """
    for vif in call.db.get("network", self)["VIFs"]:
        if is_plugged(call, vif):
            raise Failure("VIF_IN_USE", self, vif)
    call.db.set("network", self, default_locking_mode=value)
