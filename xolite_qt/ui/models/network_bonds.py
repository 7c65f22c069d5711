"""Which interfaces of which hosts become a bond, and what stands in the way.

Pure: records in, a plan out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xolite_qt.ui import format as fmt
from xolite_qt.ui.models import network_facts as facts
from xolite_qt.xen_api import NULL_REF, PIF, Host

FEWEST = 2
_SHOWN = 4


@dataclass(frozen=True)
class BondWorld:
    """What a bond is planned from.

    Attributes:
        master: reference of the host that leads the pool.
        ha: whether high availability is on.
    """

    hosts: Mapping[str, Host]
    pifs: Mapping[str, PIF]
    master: str
    ha: bool = False


@dataclass(frozen=True)
class BondPlan:
    """What would be done.

    Attributes:
        members: PIFs per host; the master comes last, since the connection leads to it.
        hosts: names of the hosts, in that order.
        problem: why it can't be done; "" where it can.
        management: what becomes of the management link; "" where it is not touched.
        words: what the plan comes to.
    """

    members: tuple[tuple[str, ...], ...] = ()
    hosts: tuple[str, ...] = ()
    problem: str = ""
    management: str = ""
    words: str = ""


def member_reason(pif: PIF) -> str | None:
    """Why an interface can't become part of a bond; None where it can."""
    if pif.bond_slave_of != NULL_REF:
        return "is part of a bond already"
    if pif.bond_master_of:
        return "is a bond itself"
    if pif.vlan != facts.NO_VLAN:
        return "is a VLAN"
    if not pif.physical:
        return "is no network card"
    if not pif.managed:
        return "is not managed by XAPI"
    return None


def plan_bond(world: BondWorld, devices: Sequence[str]) -> BondPlan:
    """A bond of the same interfaces on every host."""
    by_place = {
        (pif.host, pif.device): pif
        for pif in world.pifs.values()
        if pif.vlan == facts.NO_VLAN and pif.physical
    }
    order = sorted(
        world.hosts.values(), key=lambda host: (host.ref == world.master, host.name_label)
    )
    members: list[tuple[str, ...]] = []
    problem, managed = "", []
    for host in order:
        found = [by_place.get((host.ref, device)) for device in devices]
        pifs = [pif for pif in found if pif is not None]
        missing = [name for name, pif in zip(devices, found, strict=True) if pif is None]
        problem = problem or _problem(host, pifs, missing, ha=world.ha)
        managed += [pif for pif in pifs if pif.management]
        members.append(tuple(pif.ref for pif in pifs))
    if len(devices) < FEWEST:
        problem = "A bond takes at least two interfaces."
    names = tuple(host.name_label for host in order)
    return BondPlan(
        members=tuple(members),
        hosts=names,
        problem=problem,
        management=_management_words(managed, world.hosts),
        words=_words(devices, len(order)) if len(devices) >= FEWEST else "",
    )


def _problem(host: Host, pifs: Sequence[PIF], missing: Sequence[str], *, ha: bool) -> str:
    name = host.name_label
    if missing:
        return f"{name} has no {' and no '.join(missing)}: hosts of a pool need the same cards."
    for pif in pifs:
        if (reason := member_reason(pif)) is not None:
            return f"{pif.device} of {name} {reason}."
    if ha and any(pif.management for pif in pifs):
        return "High availability is on: switch it off before the management interface is bonded."
    addressed = [pif.device for pif in pifs if pif.ip_configuration_mode not in ("", "None")]
    if len(addressed) > 1:
        return (
            f"{' and '.join(addressed)} of {name} have an IP configuration each; a bond keeps "
            "one. Set all but one to None first."
        )
    return ""


def _words(devices: Sequence[str], hosts: int) -> str:
    where = "on this host" if hosts == 1 else f"on each of {fmt.count(hosts)} hosts"
    return f"{' + '.join(devices)} become one {where}. Their VLANs and VMs move over to the bond."


def _management_words(managed: Sequence[PIF], hosts: Mapping[str, Host]) -> str:
    if not managed:
        return ""
    places = [
        f"{hosts[pif.host].name_label}: {pif.device}{f' ({pif.ip})' if pif.ip else ''}"
        for pif in managed
        if pif.host in hosts
    ]
    shown = "; ".join(places[:_SHOWN]) + ("; …" if len(places) > _SHOWN else "")
    dhcp = any(pif.ip_configuration_mode == "DHCP" for pif in managed)
    stays = (
        "The bond takes over the address and the MAC address, so DHCP should give the same one."
        if dhcp
        else "The bond takes over the address, so it stays the same."
    )
    return (
        f"The management interface is among them ({shown}). {stays} The connection drops for "
        "some seconds while each host moves over and comes back by itself. With LACP on a switch "
        "that is not set up for it the host would stay out of reach: on its own screen, "
        "xsconsole sets the network right again."
    )
