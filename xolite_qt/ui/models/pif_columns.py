"""The columns of a table of a host's interfaces (PIFs)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xolite_qt.ui import format as fmt
from xolite_qt.ui import icons
from xolite_qt.ui.models import network_facts as facts
from xolite_qt.ui.models.column import Column, Kind
from xolite_qt.ui.models.network_facts import Status
from xolite_qt.xen_api import NULL_REF, PIF, Network, PIFMetrics

_GIGABIT = 1000


@dataclass(frozen=True)
class PifFacts:
    """What stands around an interface.

    Attributes:
        device: with the members of a bond.
        status: of the interface.
    """

    network: Network | None
    metrics: PIFMetrics | None
    device: str
    status: Status


Read = Callable[[PIF], PifFacts]


def pif_columns(read: Read) -> tuple[Column[PIF], ...]:
    """Columns for interfaces.

    Args:
        read: what stands around one.
    """
    return (
        Column(
            id="network",
            title="Network",
            value=lambda pif: facts.name_of(read(pif).network),
            icon=lambda pif: icons.icon("network", state=read(pif).status.value or None),
            width=190,
        ),
        Column(
            id="device",
            title="Device",
            value=lambda pif: read(pif).device,
            icon=lambda pif: icons.icon("star", "info-item") if pif.management else None,
            tooltip=lambda pif: (
                f"{read(pif).device}: the host is managed over it"
                if pif.management
                else read(pif).device
            ),
            search=lambda pif: f"{read(pif).device}{' management' if pif.management else ''}",
            width=110,
        ),
        Column(
            id="status",
            title="Status",
            value=lambda pif: facts.status_words(read(pif).status),
            tooltip=lambda pif: status_tip(pif, read(pif).status),
            width=120,
        ),
        Column(
            id="vlan",
            title="VLAN",
            value=lambda pif: pif.vlan if pif.vlan != facts.NO_VLAN else None,
            kind=Kind.NUMBER,
            width=64,
        ),
        Column(
            id="ip",
            title="IP addresses",
            value=lambda pif: ", ".join(facts.addresses_of(pif)),
            width=130,
        ),
        Column(id="mac", title="MAC", value=lambda pif: pif.mac, width=140),
        Column(id="mode", title="Mode", value=mode_words, width=76),
        Column(
            id="speed",
            title="Speed",
            value=lambda pif: speed_of(read(pif).metrics),
            text=lambda pif: speed_words(speed_of(read(pif).metrics)),
            kind=Kind.NUMBER,
            width=90,
        ),
        Column(
            id="nbd",
            title="NBD",
            value=lambda pif: nbd_words(read(pif).network),
            width=90,
        ),
        Column(
            id="mtu",
            title="MTU",
            value=lambda pif: pif.mtu or None,
            kind=Kind.NUMBER,
            default_visible=False,
            width=64,
        ),
        Column(
            id="uuid",
            title="UUID",
            value=lambda pif: pif.uuid,
            default_visible=False,
            width=290,
        ),
    )


def status_tip(pif: PIF, status: Status) -> str:
    """The status in a sentence."""
    words = {
        Status.CONNECTED: "Attached, and its link is up",
        Status.PARTIAL: "Attached, but not all links of the bond are up",
        Status.NO_LINK: "Attached, but there is no link: no cable, or nothing at its other end",
        Status.DISCONNECTED: "Not attached",
    }
    return words.get(status, "") + (" (part of a bond)" if pif.bond_slave_of != NULL_REF else "")


def mode_words(pif: PIF) -> str:
    """'Static', 'DHCP', 'None', with IPv6 where it is configured."""
    mode = pif.ip_configuration_mode or "None"
    six = pif.ipv6_configuration_mode
    if six in ("", "None"):
        return mode
    return f"{mode}, IPv6 {six}" if mode != "None" else f"IPv6 {six}"


def speed_of(metrics: PIFMetrics | None) -> int | None:
    """Mbit/s; None where there is no link."""
    return metrics.speed if metrics is not None and 0 < metrics.speed < 65535 else None


def speed_words(speed: int | None) -> str:
    """'10 Gbit/s'."""
    if speed is None:
        return ""
    if speed >= _GIGABIT:
        return f"{fmt.decimal(speed / _GIGABIT, 0 if speed % _GIGABIT == 0 else 1)} Gbit/s"
    return f"{fmt.count(speed)} Mbit/s"


def nbd_words(network: Network | None) -> str:
    """How its network serves NBD."""
    return facts.purpose_words(network) if network is not None else "Off"
