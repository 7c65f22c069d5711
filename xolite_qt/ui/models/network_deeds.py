"""What is done to networks: edited, created, deleted; with a way back where a step fails.

Work writes through the connection it is given, and nothing else; see `ui.deeds`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from xolite_qt.ui import format as fmt
from xolite_qt.ui.actions import Harm, Question
from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.models import network_facts as facts
from xolite_qt.ui.models.network_facts import NetworkFacts
from xolite_qt.xen_api import PIF, Network, XapiError, XenApiError

_SHOWN = 6


@dataclass(frozen=True)
class NetworkEdit:
    """What a network should be.

    Attributes:
        purpose: "nbd", "insecure_nbd" or "".
        automatic: whether new VMs get a card on it by themselves.
    """

    name: str
    description: str
    tags: tuple[str, ...]
    mtu: int
    locking: str
    purpose: str
    automatic: bool


def edit_calls(network: Network, to: NetworkEdit) -> list[tuple[Any, ...]]:
    """Calls for what differs, in the order that they are to be made in."""
    ref = network.ref
    calls: list[tuple[Any, ...]] = []
    if to.name != network.name_label:
        calls.append(("network.set_name_label", ref, to.name))
    if to.description != network.name_description:
        calls.append(("network.set_name_description", ref, to.description))
    calls += [("network.remove_tags", ref, tag) for tag in network.tags if tag not in to.tags]
    calls += [("network.add_tags", ref, tag) for tag in to.tags if tag not in network.tags]
    if to.mtu != network.mtu:
        calls.append(("network.set_MTU", ref, to.mtu))
    if to.locking != network.default_locking_mode:
        calls.append(("network.set_default_locking_mode", ref, to.locking))
    calls += purpose_calls(network, to.purpose)
    if to.automatic != facts.is_automatic(network):
        if facts.AUTOMATIC in network.other_config:
            calls.append(("network.remove_from_other_config", ref, facts.AUTOMATIC))
        calls.append(
            ("network.add_to_other_config", ref, facts.AUTOMATIC, str(to.automatic).lower())
        )
    return calls


def purpose_calls(network: Network, purpose: str) -> list[tuple[Any, ...]]:
    """Calls that give a network its NBD purpose, or take it away."""
    now = facts.purpose_of(network)
    if purpose == now:
        return []
    calls: list[tuple[Any, ...]] = []
    if now:
        calls.append(("network.remove_purpose", network.ref, now))
    if purpose:
        calls.append(("network.add_purpose", network.ref, purpose))
    return calls


def edit_deed(network: Network, to: NetworkEdit) -> Deed | None:
    """Writes what differs; None where nothing does."""
    calls = edit_calls(network, to)
    if not calls:
        return None

    async def work(api: Any) -> None:
        for method, *params in calls:
            await api.call(method, *params)

    return Deed(facts.name_of(network), "Edit network", "saved", work)


@dataclass(frozen=True)
class NewNetwork:
    """A network to be made.

    Attributes:
        pif: over which it goes, of the master; "" for an internal one.
        vlan: its tag; 0 for what is not tagged.
        nbd: whether hosts serve disks over it, encrypted.
    """

    name: str
    description: str = ""
    mtu: int = facts.USUAL_MTU
    pif: str = ""
    vlan: int = 0
    nbd: bool = False
    tags: tuple[str, ...] = field(default=())


def _record(new: NewNetwork | NewBond) -> dict[str, Any]:
    return {
        "name_label": new.name,
        "name_description": new.description,
        "MTU": new.mtu,
        "other_config": {facts.AUTOMATIC: "false"},
        "tags": list(new.tags),
    }


def create_deed(new: NewNetwork, made: list[str] | None = None) -> Deed:
    """Makes a network, its VLAN on every host, and sets NBD; nothing stays if a step fails.

    Args:
        made: the new network's reference is appended.
    """

    async def work(api: Any) -> None:
        network = await api.call("network.create", _record(new))
        try:
            if new.pif:
                await api.run("pool.create_VLAN_from_PIF", new.pif, network, new.vlan)
            if new.nbd:
                await api.call("network.add_purpose", network, "nbd")
        except XapiError:
            # Refused: nothing stays. Where the connection broke nobody knows how far it came.
            await _undo(api, network, has_vlans=bool(new.pif))
            raise
        if made is not None:
            made.append(network)

    return Deed(new.name, "Create network", "created", work)


async def _undo(api: Any, network: str, *, has_vlans: bool) -> None:
    # What made the step fail is what the user has to know; that the way back fails too is not,
    # and the next step of it may still succeed.
    try:
        pifs = await api.call("network.get_PIFs", network) if has_vlans else []
    except XenApiError:
        pifs = []
    for pif in pifs:
        try:
            vlan = await api.call("PIF.get_VLAN_master_of", pif)
            await api.run("VLAN.destroy", vlan)
        except XenApiError:
            continue
    try:
        await api.call("network.destroy", network)
    except XenApiError:
        return


@dataclass(frozen=True)
class NewBond:
    """A bonded network to be made.

    Attributes:
        members: per host, the interfaces that become one; the order is that of the work.
        mode: "balance-slb", "active-backup" or "lacp".
    """

    name: str
    members: tuple[tuple[str, ...], ...]
    mode: str
    description: str = ""
    mtu: int = facts.USUAL_MTU
    nbd: bool = False
    tags: tuple[str, ...] = field(default=())


def bond_deed(new: NewBond, made: list[str] | None = None) -> Deed:
    """Makes a network and a bond on each host; nothing stays if one host fails.

    Args:
        made: the new network's reference is appended.
    """

    async def work(api: Any) -> None:
        network = await api.call("network.create", _record(new))
        bonds: list[str] = []
        try:
            for members in new.members:
                bonds.append(await api.run("Bond.create", network, list(members), "", new.mode, {}))
            if new.nbd:
                await api.call("network.add_purpose", network, "nbd")
        except XapiError:
            # Refused: nothing stays. Where the connection broke nobody knows how far it came, and
            # the management link may be moving just then.
            for bond in reversed(bonds):
                try:
                    await api.run("Bond.destroy", bond)
                except XenApiError:
                    continue
            await _undo(api, network, has_vlans=False)
            raise
        if made is not None:
            made.append(network)

    return Deed(new.name, "Create bond", "created", work)


def delete_deed(network: Network, pifs: Sequence[PIF]) -> Deed:
    """Takes VLANs and bonds away from every host, then the network itself."""
    calls: list[tuple[str, str]] = []
    for pif in pifs:
        if pif.vlan != facts.NO_VLAN:
            calls.append(("VLAN.destroy", pif.vlan_master_of))
        calls += [("Bond.destroy", bond) for bond in pif.bond_master_of]
        calls += [("tunnel.destroy", tunnel) for tunnel in pif.tunnel_access_pif_of]

    async def work(api: Any) -> None:
        for method, ref in calls:
            await api.run(method, ref)
        await api.call("network.destroy", network.ref)

    return Deed(facts.name_of(network), "Delete network", "deleted", work)


def delete_question(network: Network, found: NetworkFacts) -> Question:
    """Lists what goes with a network; its name has to be typed."""
    name = facts.name_of(network)
    goes = [_interface_words(link) for link in found.links]
    named = [guest.words for guest in found.guests if guest.name]
    others = len(found.guests) - len(named)
    goes += named
    if others:
        goes.append(
            fmt.plural(others, "network card", "network cards") + " of templates or snapshots"
        )
    text = "The network is removed from every host of the pool."
    if any(link.bonded for link in found.links):
        text += (
            " The interfaces of its bond work alone again; the first of each host takes over "
            "address, VLANs and virtual interfaces."
        )
    if found.management:
        hosts = ", ".join(link.host_name for link in found.management[:_SHOWN])
        text += (
            f" The management link of {hosts} moves along: the address stays, the connection "
            "drops for some seconds and comes back by itself. If it does not: xsconsole on the "
            "host's own screen sets the management interface right."
        )
    return Question(
        title=f"Delete network {name}?",
        text=text,
        verb="Delete network",
        harm=Harm.DESTRUCTIVE,
        objects=(name,),
        consequences=tuple(goes),
        type_this=name,
    )


def _interface_words(link: facts.Link) -> str:
    what = f"VLAN {link.vlan} on {link.device}" if link.vlan is not None else f"{link.device}"
    return f"{what} of {link.host_name or 'a host'}"
