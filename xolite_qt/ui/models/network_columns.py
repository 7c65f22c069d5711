"""The columns of a table of networks."""

from __future__ import annotations

from collections.abc import Callable

from xolite_qt.ui import format as fmt
from xolite_qt.ui import icons
from xolite_qt.ui.models import network_facts as facts
from xolite_qt.ui.models.column import Column, Kind
from xolite_qt.ui.models.network_facts import NetworkFacts, Status
from xolite_qt.xen_api import Network


def network_columns(read: Callable[[str], NetworkFacts]) -> tuple[Column[Network], ...]:
    """Columns for networks.

    Args:
        read: what is on a network, by reference.
    """

    def state_icon(network: Network) -> object:
        return icons.icon("network", state=read(network.ref).status.value or None)

    return (
        Column(
            id="name",
            title="Name",
            value=lambda net: net.name_label,
            text=lambda net: net.name_label or "(no name)",
            icon=state_icon,
            width=200,
        ),
        Column(
            id="description",
            title="Description",
            value=lambda net: net.name_description,
            width=190,
        ),
        Column(
            id="status",
            title="Status",
            value=lambda net: facts.status_words(read(net.ref).status),
            tooltip=lambda net: status_tip(read(net.ref)),
            width=140,
        ),
        Column(
            id="device",
            title="Device",
            value=lambda net: ", ".join(devices(read(net.ref))),
            width=90,
        ),
        Column(
            id="vlan",
            title="VLAN",
            value=lambda net: _first(read(net.ref).vlans),
            text=lambda net: ", ".join(str(tag) for tag in read(net.ref).vlans),
            kind=Kind.NUMBER,
            width=64,
        ),
        Column(
            id="mtu",
            title="MTU",
            value=lambda net: net.mtu or None,
            kind=Kind.NUMBER,
            width=64,
        ),
        Column(
            id="nbd",
            title="NBD",
            value=facts.purpose_words,
            tooltip=lambda _net: "Whether hosts serve disks over it, for backups",
            width=96,
        ),
        Column(
            id="locking",
            title="Locking mode",
            value=facts.locking_words,
            tooltip=lambda _net: "Default for virtual interfaces on it",
            width=130,
        ),
        Column(
            id="vifs",
            title="VIFs",
            value=lambda net: len(read(net.ref).guests),
            tooltip=lambda net: f"{len(read(net.ref).attached)} of them connected now",
            kind=Kind.NUMBER,
            width=60,
        ),
        Column(
            id="tags",
            title="Tags",
            value=lambda net: net.tags,
            kind=Kind.TAGS,
            default_visible=False,
            width=140,
        ),
        Column(
            id="bridge",
            title="Bridge",
            value=lambda net: net.bridge,
            default_visible=False,
            width=100,
        ),
        Column(
            id="uuid",
            title="UUID",
            value=lambda net: net.uuid,
            default_visible=False,
            width=290,
        ),
    )


def devices(facts_: NetworkFacts) -> list[str]:
    """Names of its interfaces, each once."""
    return list(dict.fromkeys(link.device for link in facts_.links))


def status_tip(facts_: NetworkFacts) -> str:
    """How many of its interfaces are up."""
    if facts_.is_internal:
        return "It has no interface: VMs on one host talk among themselves."
    up = sum(link.status is Status.CONNECTED for link in facts_.links)
    return f"{up} of {fmt.plural(len(facts_.links), 'interface', 'interfaces')} connected"


def _first(tags: tuple[int, ...]) -> int | None:
    return tags[0] if tags else None
