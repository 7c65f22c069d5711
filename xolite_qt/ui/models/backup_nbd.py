"""Which networks serve disks over NBD, on which hosts, and why not on the others.

Source: xapi.md (VDI.get_nbd_info): a network with the purpose `nbd` or `insecure_nbd`, with an
attached PIF that has an IP address. The two purposes exclude each other in a pool.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xolite_qt.ui import format as fmt
from xolite_qt.xen_api import PIF, Host, Network

if TYPE_CHECKING:
    from xolite_qt.stores import Stores

NBD = "nbd"
INSECURE = "insecure_nbd"


@dataclass(frozen=True, slots=True)
class HostServes:
    """A host on a network.

    Attributes:
        host: its name.
        address: where it serves; "" where it would not.
        reason: why it does not, or would not.
    """

    host: str
    address: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NbdNetwork:
    """A network as far as NBD is concerned.

    Attributes:
        ref: of the network.
        purpose: "nbd" (encrypted), "insecure_nbd" (plain), or "".
        hosts: each host of the pool, whether it serves here once the purpose is set.
    """

    ref: str
    name: str
    purpose: str
    hosts: tuple[HostServes, ...]

    @property
    def able(self) -> tuple[HostServes, ...]:
        """Hosts that serve here, or would."""
        return tuple(host for host in self.hosts if host.address)


def nbd_networks(stores: Stores) -> list[NbdNetwork]:
    """The pool's networks, those first that could serve."""
    return networks_of(
        stores.network.records, stores.pif.records.values(), stores.host.records.values()
    )


def networks_of(
    networks: Mapping[str, Network], pifs: Iterable[PIF], hosts: Iterable[Host]
) -> list[NbdNetwork]:
    """The same, of records."""
    of_network: dict[str, dict[str, PIF]] = {}
    for pif in pifs:
        of_network.setdefault(pif.network, {})[pif.host] = pif
    known = sorted(hosts, key=lambda host: host.name_label.casefold())
    found = []
    for ref, network in networks.items():
        there = of_network.get(ref, {})
        if not there and not _purpose(network):
            # Internal networks have no address that anything could be served at.
            continue
        serves = tuple(_serves(host, there.get(host.ref)) for host in known)
        found.append(NbdNetwork(ref, network.name_label, _purpose(network), serves))
    found.sort(key=lambda net: (not net.purpose, not net.able, net.name.casefold(), net.ref))
    return found


def _purpose(network: Network) -> str:
    if NBD in network.purpose:
        return NBD
    return INSECURE if INSECURE in network.purpose else ""


def _serves(host: Host, pif: PIF | None) -> HostServes:
    if pif is None:
        return HostServes(host.name_label, reason="is not on this network")
    if not pif.currently_attached:
        return HostServes(host.name_label, reason=f"{pif.device} is not attached")
    address = pif.ip or next((address for address in pif.ipv6 if address), "")
    if not address:
        return HostServes(host.name_label, reason=f"{pif.device} has no IP address")
    if not host.enabled:
        return HostServes(host.name_label, address, reason="in maintenance")
    return HostServes(host.name_label, address)


def conflict(networks: Sequence[NbdNetwork], ref: str, purpose: str) -> list[NbdNetwork]:
    """Networks whose purpose forbids giving `purpose` to another one."""
    if not purpose:
        return []
    other = INSECURE if purpose == NBD else NBD
    return [net for net in networks if net.purpose == other and net.ref != ref]


def serving_words(networks: Sequence[NbdNetwork]) -> tuple[str, bool]:
    """Who serves NBD now, in a sentence, and whether anybody does."""
    serving = [net for net in networks if net.purpose and net.able]
    if not serving:
        if any(net.purpose for net in networks):
            return "A network is meant for NBD, but no host has an address on it.", False
        return (
            "No network of this pool serves NBD: disks are read through the slower export.",
            False,
        )
    parts = []
    for net in serving:
        plain = ", not encrypted" if net.purpose == INSECURE else ""
        hosts = fmt.plural(len(net.able), "host", "hosts")
        if len(net.able) == len(net.hosts):
            hosts = "all hosts" if len(net.hosts) > 1 else net.able[0].host
        parts.append(f"{net.name or net.ref} ({hosts}{plain})")
    return f"NBD is served on {'; '.join(parts)}.", True
