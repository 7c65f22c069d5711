"""The columns of a VM's network cards, and what may be wrong with what is entered for one."""

from __future__ import annotations

import re
from collections.abc import Callable

from xolite_qt.ui import format as fmt
from xolite_qt.ui.models.column import Column, Kind
from xolite_qt.xen_api import VIF, VMGuestMetrics

MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}", re.ASCII)
LOCKING = {
    "network_default": "As the network says",
    "unlocked": "Unlocked",
    "locked": "Only the addresses allowed",
    "disabled": "No traffic",
}


def mac_trouble(text: str) -> str:
    """Why this is no MAC address for a card; "" where it is, or where the host is to choose."""
    if not text:
        return ""
    if not MAC.fullmatch(text):
        return "Six pairs of hexadecimal digits, such as 02:16:3e:12:34:56."
    if int(text[:2], 16) & 1:
        return "The first pair must be even: this is an address of a group."
    return ""


def addresses(vif: VIF, guest: VMGuestMetrics | None) -> list[str]:
    """Addresses that the guest tools report for a card."""
    if guest is None:
        return []
    prefix = f"{vif.device}/ip"
    found = {
        key: value
        for key, value in guest.networks.items()
        if key == prefix or key.startswith((f"{vif.device}/ipv4/", f"{vif.device}/ipv6/"))
    }
    return list(dict.fromkeys(found[key] for key in sorted(found) if found[key]))


def rate_kbs(vif: VIF) -> int | None:
    """The limit of a card in KiB/s, or None."""
    if vif.qos_algorithm_type != "ratelimit":
        return None
    try:
        return int(vif.qos_algorithm_params.get("kbps", ""))
    except ValueError:
        return None


def vif_columns(
    network: Callable[[str], str], guest: Callable[[VIF], VMGuestMetrics | None]
) -> tuple[Column[VIF], ...]:
    """Columns of network cards.

    Args:
        network: the name of a network by its reference.
        guest: what the guest tools say of the card's VM.
    """
    return (
        Column[VIF](
            id="device",
            title="Card",
            value=lambda vif: int(vif.device) if vif.device.isdigit() else 99,
            text=lambda vif: f"VIF {vif.device}",
            kind=Kind.NUMBER,
            align_right=False,
            icon=lambda vif: "pif",
            width=90,
        ),
        Column[VIF](
            id="network", title="Network", value=lambda vif: network(vif.network), width=200
        ),
        Column[VIF](
            id="status",
            title="Status",
            value=lambda vif: "Connected" if vif.currently_attached else "Disconnected",
            width=120,
        ),
        Column[VIF](
            id="ip",
            title="IP addresses",
            value=lambda vif: ", ".join(addresses(vif, guest(vif))),
            width=200,
        ),
        Column[VIF](id="mac", title="MAC", value=lambda vif: vif.mac, width=160),
        Column[VIF](
            id="mtu", title="MTU", value=lambda vif: vif.mtu or None, kind=Kind.NUMBER, width=70
        ),
        Column[VIF](
            id="locking",
            title="Locking",
            value=lambda vif: LOCKING.get(vif.locking_mode, vif.locking_mode),
            width=170,
        ),
        Column[VIF](
            id="limit",
            title="Limit",
            value=rate_kbs,
            text=lambda vif: "None" if rate_kbs(vif) is None else _rate(vif),
            kind=Kind.NUMBER,
            width=100,
        ),
    )


def _rate(vif: VIF) -> str:
    limit = rate_kbs(vif)
    return fmt.rate((limit or 0) * 1024)
