"""What may be done with an interface now, and what hangs on it.

Pure: records in, words out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from xolite_qt.ui.models import network_facts as facts
from xolite_qt.ui.models.pif_ip import read_address
from xolite_qt.xen_api import NULL_REF, PIF, Host


class Link(StrEnum):
    """What an interface is to the connection of this program.

    Attributes:
        OURS: the connection goes to its address, and moves with it.
        BEHIND: it manages the host that answers us, at an address that is not the one we use:
            something stands between.
        OTHER: it manages another host of the pool.
        NONE: it manages none.
    """

    OURS = "ours"
    BEHIND = "behind"
    OTHER = "other"
    NONE = "none"


def link_of(pif: PIF, *, master: str, address: str) -> Link:
    """What an interface is to the connection.

    Args:
        master: reference of the host that answers us.
        address: where the connection goes to: an IP address or a name.
    """
    if address in facts.addresses_of(pif):
        return Link.OURS
    if not pif.management:
        return Link.NONE
    if pif.host != master:
        return Link.OTHER
    # A name may well stand for it; another IP address does not.
    is_name = read_address(address) is None and ":" not in address
    return Link.OURS if is_name else Link.BEHIND


def _part_of_bond(pif: PIF) -> str | None:
    if pif.bond_slave_of != NULL_REF:
        return f"{pif.device} is part of a bond: it works only with the others."
    return None


def ip_reason(pif: PIF) -> str | None:
    """Why its IP configuration can't be changed; None where it can."""
    if not pif.managed:
        return f"{pif.device} is not managed by XAPI."
    return _part_of_bond(pif)


def plug_reason(pif: PIF) -> str | None:
    """Why it can't be connected."""
    if pif.currently_attached:
        return f"{pif.device} is connected already."
    return _part_of_bond(pif)


def unplug_reason(pif: PIF) -> str | None:
    """Why it can't be disconnected."""
    if not pif.currently_attached:
        return _part_of_bond(pif) or f"{pif.device} is not connected."
    if pif.management:
        return "The host is managed over it."
    if pif.disallow_unplug:
        return f"{pif.device} is marked as one that may not be disconnected (disallow_unplug)."
    return None


def management_reason(pif: PIF, *, ha: bool) -> str | None:
    """Why it can't become the management interface."""
    if pif.management:
        return "The host is managed over it already."
    if ha:
        return "High availability is on: switch it off first."
    if (reason := _part_of_bond(pif)) is not None:
        return reason
    if not facts.addresses_of(pif) and pif.ip_configuration_mode in ("", "None"):
        return f"{pif.device} has no IP address: configure one first."
    if not pif.currently_attached:
        return f"{pif.device} is not connected."
    return None


def forget_reason(pif: PIF) -> str | None:
    """Why it can't be forgotten."""
    if pif.vlan != facts.NO_VLAN:
        return "A VLAN goes with its network: delete that."
    if pif.bond_master_of:
        return "A bond goes with its network: delete that."
    if not pif.physical:
        return "It is no network card."
    if pif.management:
        return "The host is managed over it."
    if (reason := _part_of_bond(pif)) is not None:
        return reason
    if pif.vlan_slave_of:
        return "There are VLANs on it: delete their networks first."
    return None


def network_reason(pifs: Sequence[PIF], hosts: Mapping[str, Host], *, ha: bool) -> str | None:
    """Why a network can't become the management network of all hosts; None where it can.

    Args:
        pifs: of the network.
        hosts: of the pool.
        ha: whether high availability is on.
    """
    if not pifs:
        return "An internal network leads to no host."
    if all(pif.management for pif in pifs) and len(pifs) == len(hosts):
        return "All hosts are managed over it already."
    if ha:
        return "High availability is on: switch it off first."
    there = {pif.host: pif for pif in pifs}
    for ref, host in hosts.items():
        pif = there.get(ref)
        if pif is None:
            return f"{host.name_label} has no interface on it."
        if not facts.addresses_of(pif) and pif.ip_configuration_mode in ("", "None"):
            return f"{pif.device} of {host.name_label} has no IP address."
        if not pif.currently_attached:
            return f"{pif.device} of {host.name_label} is not connected."
    return None
