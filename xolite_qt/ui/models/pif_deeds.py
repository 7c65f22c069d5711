"""What is done to interfaces, and what is asked before.

Work writes through the connection it is given, and nothing else; see `ui.deeds`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xolite_qt.ui.actions import Harm, Question
from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.models.pif_ip import IpSettings
from xolite_qt.ui.models.pif_ip6 import Ip6Settings
from xolite_qt.ui.models.pif_rules import Link
from xolite_qt.xen_api import (
    PIF,
    CallTimeout,
    ConnectionLost,
    Host,
    Network,
    NotReachable,
)

_SHOWN = 6
CUT_S = 30.0
"""So long an answer is waited for that may never come, since its way has gone."""

_WAY_BACK = (
    "If the host does not answer afterwards: on its own screen, xsconsole sets the management "
    "interface right again (Network and Management Interface)."
)


async def _cut(api: Any, method: str, *params: Any) -> None:
    # The host does it, and then is somewhere else: that the answer is lost is no failure.
    try:
        await api.call(method, *params, timeout_s=CUT_S)
    except (ConnectionLost, CallTimeout, NotReachable):
        return


def ip_deed(
    pif: PIF,
    to: IpSettings | None,
    link: Link,
    to6: Ip6Settings | None = None,
    *,
    six_last: bool = False,
) -> Deed:
    """Gives an interface another IP configuration.

    Args:
        to: IPv4; None where it stays.
        to6: IPv6; None where it stays.
        six_last: whether the connection goes over IPv6: what cuts it comes last.
    """
    calls: list[tuple[str, tuple[str, ...]]] = []
    if to6 is not None:
        calls.append(("PIF.reconfigure_ipv6", to6.params))
    if to is not None:
        calls.append(("PIF.reconfigure_ip", to.params))
    if six_last:
        calls.reverse()

    async def work(api: Any) -> None:
        for method, params in calls:
            if link is Link.OURS:
                await _cut(api, method, pif.ref, *params)
            else:
                await api.run(method, pif.ref, *params)

    return Deed(pif.device, "Configure IP", "IP configuration changed", work)


def ip6_question(pif: PIF, host: str, to: Ip6Settings, link: Link) -> Question | None:
    """What is asked before the IPv6 side of a management link changes."""
    if link is Link.NONE:
        return None
    if pif.primary_address_type == "IPv6":
        fate = _what_follows(link, IpSettings("DHCP" if to.mode != "Static" else "Static"))
    else:
        fate = (
            f"{host} stays managed at {pif.ip or 'its IPv4 address'}, but the interface goes down "
            "and up again: the connection may break for a moment."
        )
    new = f"{to.plain}" if to.mode == "Static" else f"what {to.mode} gives"
    where = "loses its IPv6 address" if to.mode == "None" else f"gets as IPv6 address {new}"
    return Question(
        title=f"Change IPv6 of the management link of {host}?",
        text=f"{pif.device} {where}. {fate} {_WAY_BACK}",
        verb="Change address",
        harm=Harm.DESTRUCTIVE,
        objects=(host,),
        type_this=to.plain if to.mode == "Static" else to.mode,
    )


def ip_question(pif: PIF, host: str, to: IpSettings, link: Link) -> Question | None:
    """What is asked before a management link moves; its new address has to be typed."""
    if link is Link.NONE:
        return None
    moves = to.mode == "DHCP" or to.address != pif.ip
    if to.mode == "Static" and not moves:
        where = f"The address {pif.ip} stays; mask, gateway or name servers change."
    elif to.mode == "DHCP":
        where = (
            f"DHCP decides which address {host} gets; it may be another one than {pif.ip or 'now'}."
        )
    else:
        where = f"{host} moves from {pif.ip or 'its address'} to {to.address}."
    return Question(
        title=f"Move the management link of {host}?",
        text=f"{where} {_what_follows(link, to)} {_WAY_BACK}",
        verb="Change address",
        harm=Harm.DESTRUCTIVE,
        objects=(host,),
        type_this=to.address if to.mode == "Static" else "DHCP",
    )


def _what_follows(link: Link, to: IpSettings) -> str:
    if link is Link.OTHER:
        return (
            "This connection goes to the pool's master and stays; the host is out of the pool's "
            "reach until its toolstack found the master from there."
        )
    if link is Link.BEHIND:
        return (
            "This connection goes to another address, so something stands between: whether it "
            "comes through afterwards depends on that."
        )
    if to.mode == "DHCP":
        return (
            "This connection ends. The new address stands on the host's own screen; connect to "
            "that."
        )
    return "This connection ends, and is made anew at the new address by itself."


def management_deed(pif: PIF, link: Link) -> Deed:
    """Lets the host be managed over another interface."""

    async def work(api: Any) -> None:
        if link is Link.OURS:
            await _cut(api, "host.management_reconfigure", pif.ref)
        else:
            await api.run("host.management_reconfigure", pif.ref)

    return Deed(pif.device, "Make management", "the host is managed over it", work)


def management_question(pif: PIF, host: str, link: Link) -> Question:
    """Says where the host is found afterwards; its new address has to be typed."""
    to = IpSettings("Static" if pif.ip else "DHCP", pif.ip)
    at = f"at {pif.ip}" if pif.ip else "at the address that DHCP gives it"
    return Question(
        title=f"Manage {host} over {pif.device}?",
        text=f"From then on {host} answers {at}, and no more where it did. "
        f"{_what_follows(link, to)} {_WAY_BACK}",
        verb="Move management",
        harm=Harm.DESTRUCTIVE,
        objects=(host,),
        type_this=pif.ip or pif.device,
    )


def pool_management_deed(network: Network, link: Link) -> Deed:
    """Lets every host of the pool be managed over its interface on a network."""

    async def work(api: Any) -> None:
        if link is Link.OURS:
            await _cut(api, "pool.management_reconfigure", network.ref)
        else:
            await api.run("pool.management_reconfigure", network.ref)

    label, done = "Make management network", "all hosts are managed over it"
    return Deed(network.name_label, label, done, work)


def pool_management_question(
    network: Network, pifs: Sequence[PIF], master: str, hosts: Mapping[str, Host], link: Link
) -> Question:
    """Says where each host is found afterwards; the master's new address has to be typed.

    Args:
        pifs: those of the network, one per host.
        master: reference of the pool's master.
    """
    own = next((pif for pif in pifs if pif.host == master), None)
    address = own.ip if own is not None else ""
    to = IpSettings("Static" if address else "DHCP", address)
    places = sorted(
        f"{hosts[pif.host].name_label}: {pif.ip or 'by DHCP'}" for pif in pifs if pif.host in hosts
    )
    return Question(
        title=f"Manage all hosts over {network.name_label}?",
        text="From then on each host answers at its address on this network, and no more where "
        f"it did: {'; '.join(places[:_SHOWN])}{'; …' if len(places) > _SHOWN else ''}. "
        f"{_what_follows(link, to)} {_WAY_BACK}",
        verb="Move management",
        harm=Harm.DESTRUCTIVE,
        objects=(network.name_label,),
        type_this=address or network.name_label,
    )


def plug_deed(pif: PIF) -> Deed:
    """Brings an interface up."""

    async def work(api: Any) -> None:
        await api.run("PIF.plug", pif.ref)

    return Deed(pif.device, "Connect", "connected", work)


def unplug_deed(pif: PIF) -> Deed:
    """Takes an interface down."""

    async def work(api: Any) -> None:
        await api.run("PIF.unplug", pif.ref)

    return Deed(pif.device, "Disconnect", "disconnected", work)


def unplug_question(pif: PIF, host: str, network: str) -> Question:
    """Says what loses its way."""
    address = f" Storage and backups at {pif.ip} lose their way." if pif.ip else ""
    return Question(
        title=f"Disconnect {pif.device} of {host}?",
        text=f"{host} is no more on {network}: VMs with a network card on it can't start there."
        f"{address} It can be connected again.",
        verb="Disconnect",
        harm=Harm.DISRUPTIVE,
        objects=(pif.device,),
    )


def forget_deed(pif: PIF) -> Deed:
    """Takes a card out of the host's books."""

    async def work(api: Any) -> None:
        await api.run("PIF.forget", pif.ref)

    return Deed(pif.device, "Forget", "forgotten", work)


def forget_question(pif: PIF, host: str) -> Question:
    """Says how it comes back."""
    return Question(
        title=f"Forget {pif.device} of {host}?",
        text="XAPI loses what it knows of the card, with its IP configuration. While the card is "
        "in the host, Scan interfaces finds it again.",
        verb="Forget",
        harm=Harm.DISRUPTIVE,
        objects=(pif.device,),
    )


def scan_deed(host_ref: str, host: str) -> Deed:
    """Lets a host look for network cards."""

    async def work(api: Any) -> None:
        await api.run("PIF.scan", host_ref)

    return Deed(host, "Scan interfaces", "network cards scanned", work)
