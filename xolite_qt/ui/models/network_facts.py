"""What a network is: who is on it, over which interfaces, and whether their links are up.

Pure: records in, plain values out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from xolite_qt.ui import format as fmt
from xolite_qt.xen_api import NULL_REF, PIF, VIF, VM, Bond, Host, Network, PIFMetrics

NO_VLAN = -1
LEAST_MTU, MOST_MTU, USUAL_MTU = 1280, 9000, 1500
MOST_VLAN = 4094
AUTOMATIC = "automatic"
LOCKING = {"unlocked": "Unlocked", "disabled": "Disabled"}
PURPOSES = {"nbd": "Encrypted", "insecure_nbd": "Not encrypted"}


class Status(StrEnum):
    """How an interface or a network stands; the values are the states of icons."""

    CONNECTED = "connected"
    PARTIAL = "partial"
    DISCONNECTED = "disconnected"
    NO_LINK = "warning"
    INTERNAL = ""


STATUS_WORDS = {
    Status.CONNECTED: "Connected",
    Status.PARTIAL: "Partially connected",
    Status.DISCONNECTED: "Disconnected",
    Status.NO_LINK: "No link",
    Status.INTERNAL: "Internal",
}


@dataclass(frozen=True, slots=True)
class Link:
    """One interface (PIF) of a network.

    Attributes:
        ref: of the PIF.
        host: reference of its host.
        host_name: its name.
        device: "eth0", "bond0 (eth0 + eth1)".
        status: connected, without a link, or disconnected.
        addresses: IPv4 first.
        vlan: its tag; None without.
        physical: whether it is a card of the host itself.
        bonded: whether it is made of several.
        management: whether its host is managed over it.
    """

    ref: str
    host: str
    host_name: str
    device: str
    status: Status
    addresses: tuple[str, ...] = ()
    vlan: int | None = None
    physical: bool = False
    bonded: bool = False
    management: bool = False


@dataclass(frozen=True, slots=True)
class Guest:
    """A virtual interface (VIF) on a network.

    Attributes:
        ref: of the VIF.
        vm: reference of its VM.
        name: of the VM; "" where it is a template, a snapshot or not known.
        device: its number in the VM.
        attached: whether it is plugged in now.
    """

    ref: str
    vm: str
    name: str
    device: str
    attached: bool

    @property
    def words(self) -> str:
        """'web-1, network card 0'."""
        return f"{self.name or 'A template or snapshot'}, network card {self.device}"


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """A network with all that is on it; links by host, guests by VM."""

    links: tuple[Link, ...] = ()
    guests: tuple[Guest, ...] = ()

    @property
    def is_internal(self) -> bool:
        """Whether it never leaves a host."""
        return not self.links

    @property
    def status(self) -> Status:
        """All of its interfaces in one word."""
        if not self.links:
            return Status.INTERNAL
        up = sum(link.status is Status.CONNECTED for link in self.links)
        if up == len(self.links):
            return Status.CONNECTED
        return Status.PARTIAL if up else Status.DISCONNECTED

    @property
    def vlans(self) -> tuple[int, ...]:
        """Its tags; hosts may differ, though they should not."""
        return tuple(sorted({link.vlan for link in self.links if link.vlan is not None}))

    @property
    def management(self) -> tuple[Link, ...]:
        """Interfaces that hosts are managed over."""
        return tuple(link for link in self.links if link.management)

    @property
    def attached(self) -> tuple[Guest, ...]:
        """VIFs that are plugged in now."""
        return tuple(guest for guest in self.guests if guest.attached)


NOTHING = NetworkFacts()


def pif_status(pif: PIF, metrics: PIFMetrics | None, bond: Bond | None = None) -> Status:
    """Whether an interface is up: attached, and with a link where that is known.

    Bonds have their own count of links that are up.
    """
    if not pif.currently_attached:
        return Status.DISCONNECTED
    if bond is not None:
        if bond.links_up <= 0:
            return Status.NO_LINK
        return Status.CONNECTED if bond.links_up >= len(bond.slaves) else Status.PARTIAL
    if metrics is not None and not metrics.carrier:
        return Status.NO_LINK
    return Status.CONNECTED


def status_words(status: Status) -> str:
    """Status of a PIF or a network in words."""
    return STATUS_WORDS[status]


def bond_of(pif: PIF, bonds: Mapping[str, Bond]) -> Bond | None:
    """The bond that the interface stands for, or None."""
    return next((bonds[ref] for ref in pif.bond_master_of if ref in bonds), None)


def device_words(pif: PIF, pifs: Mapping[str, PIF], bonds: Mapping[str, Bond]) -> str:
    """'eth0', or 'bond0 (eth0 + eth1)'."""
    bond = bond_of(pif, bonds)
    if bond is None:
        return pif.device
    members = sorted(pifs[ref].device for ref in bond.slaves if ref in pifs)
    return f"{pif.device} ({' + '.join(members)})" if members else pif.device


def addresses_of(pif: PIF) -> tuple[str, ...]:
    """Its IP addresses, IPv4 first, without lengths of prefixes."""
    found = (pif.ip, *(address.partition("/")[0] for address in pif.ipv6))
    return tuple(address for address in found if address)


def all_facts(
    networks: Iterable[Network],
    *,
    pifs: Mapping[str, PIF],
    metrics: Mapping[str, PIFMetrics],
    bonds: Mapping[str, Bond],
    hosts: Mapping[str, Host],
    vifs: Iterable[VIF],
    vms: Mapping[str, VM],
) -> dict[str, NetworkFacts]:
    """Facts of networks by reference, in one walk over interfaces."""
    links: dict[str, list[Link]] = {}
    for pif in pifs.values():
        host = hosts.get(pif.host)
        bond = bond_of(pif, bonds)
        links.setdefault(pif.network, []).append(
            Link(
                ref=pif.ref,
                host=pif.host,
                host_name=host.name_label if host is not None else "",
                device=device_words(pif, pifs, bonds),
                status=pif_status(pif, metrics.get(pif.metrics), bond),
                addresses=addresses_of(pif),
                vlan=pif.vlan if pif.vlan != NO_VLAN else None,
                physical=pif.physical,
                bonded=bool(pif.bond_master_of),
                management=pif.management,
            )
        )
    guests: dict[str, list[Guest]] = {}
    for vif in vifs:
        vm = vms.get(vif.vm)
        name = vm.name_label if vm is not None else ""
        guests.setdefault(vif.network, []).append(
            Guest(vif.ref, vif.vm, name, vif.device, vif.currently_attached)
        )
    return {
        network.ref: NetworkFacts(
            tuple(sorted(links.get(network.ref, ()), key=lambda one: (one.host_name, one.device))),
            tuple(sorted(guests.get(network.ref, ()), key=lambda one: (one.name, one.device))),
        )
        for network in networks
    }


def purpose_words(network: Network) -> str:
    """How it serves NBD, or 'Off'."""
    return next((PURPOSES[one] for one in network.purpose if one in PURPOSES), "Off")


def purpose_of(network: Network) -> str:
    """Its NBD purpose: "nbd", "insecure_nbd" or ""."""
    return next((one for one in network.purpose if one in PURPOSES), "")


def locking_words(network: Network) -> str:
    """Its default locking mode."""
    mode = network.default_locking_mode
    return LOCKING.get(mode, mode)


def is_automatic(network: Network) -> bool:
    """Whether new VMs get a network card on it by themselves."""
    return network.other_config.get(AUTOMATIC, "").strip().lower() == "true"


def name_of(network: Network | None) -> str:
    """Its name, or what stands for one."""
    if network is None:
        return "an unknown network"
    return network.name_label or network.bridge or network.uuid


def mtu_problem(mtu: int | None) -> str:
    """What is wrong with an MTU as a number; "" where nothing is."""
    if mtu is None:
        return "The MTU is a whole number."
    return "" if 68 <= mtu <= 65535 else "No interface takes such an MTU."


def mtu_warning(mtu: int | None) -> str:
    """What speaks against an MTU that is possible."""
    if mtu is None or LEAST_MTU <= mtu <= MOST_MTU:
        return ""
    return f"Most equipment takes {fmt.count(LEAST_MTU)} to {fmt.count(MOST_MTU)}."


def vlan_problem(vlan: int | None, *, needed: bool = False) -> str:
    """What is wrong with a VLAN number; None stands for an empty field."""
    if vlan is None:
        return "A VLAN needs its number." if needed else ""
    return "" if 0 <= vlan <= MOST_VLAN else f"A VLAN has a number from 0 to {MOST_VLAN}."


def delete_reason(network: Network, facts: NetworkFacts) -> str | None:
    """Why a network cannot be deleted now; None where it can."""
    if facts.attached:
        names = sorted({guest.name or "a VM" for guest in facts.attached}, key=str.casefold)
        shown = ", ".join(names[:3]) + ("…" if len(names) > 3 else "")
        verb = "is" if len(names) == 1 else "are"
        return f"{shown} {verb} connected to it: disconnect the network cards first."
    if any(link.management and not link.bonded for link in facts.links):
        return "Hosts are managed over it: make another interface the management one first."
    physical = sorted({link.device for link in facts.links if link.physical})
    if physical:
        return f"It belongs to the physical interface {', '.join(physical)}."
    if network.current_operations:
        return "The host is working on it now."
    return None


def base_pifs(pifs: Iterable[PIF], host: str) -> list[PIF]:
    """Interfaces of a host that a network can go over: cards and bonds, no VLANs, no members."""
    found = [
        pif
        for pif in pifs
        if pif.host == host
        and pif.vlan == NO_VLAN
        and pif.bond_slave_of == NULL_REF
        and (pif.physical or pif.bond_master_of)
    ]
    return sorted(found, key=lambda pif: (len(pif.device), pif.device))
