"""IPv6 configuration of an interface: what is wrong with it, field by field.

Pure: texts in, problems out.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from xolite_qt.xen_api import PIF

ADDRESS, GATEWAY = "address6", "gateway6"
MODES = ("None", "DHCP", "Autoconf", "Static")
_DEFAULT_PREFIX = 64


@dataclass(frozen=True)
class Ip6Settings:
    """IPv6 of an interface.

    Attributes:
        mode: one of `MODES`; the rest counts for "Static" only.
        address: with the length of its prefix: "fd00::5/64".
        dns: name servers, the same as those of IPv4: commas between them.
    """

    mode: str
    address: str = ""
    gateway: str = ""
    dns: str = ""

    @property
    def params(self) -> tuple[str, str, str, str]:
        """As `PIF.reconfigure_ipv6` takes them; nothing but the mode unless it is static."""
        if self.mode != "Static":
            return (self.mode, "", "", "")
        return (self.mode, self.address, self.gateway, self.dns)

    @property
    def plain(self) -> str:
        """The address without its prefix."""
        return self.address.partition("/")[0]


def settings_of(pif: PIF) -> Ip6Settings:
    """What an interface has now."""
    address = next((one for one in pif.ipv6 if one), "")
    return Ip6Settings(pif.ipv6_configuration_mode or "None", address, pif.ipv6_gateway, pif.dns)


def read_address(text: str) -> ipaddress.IPv6Interface | None:
    """An address with its prefix, 64 where none is given; None for what is none."""
    text = text.strip()
    if text and "/" not in text:
        text = f"{text}/{_DEFAULT_PREFIX}"
    # A zone ("%eth0") is no part of what a host takes.
    if "%" in text:
        return None
    try:
        return ipaddress.IPv6Interface(text)
    except ValueError:
        return None


def read_settings(mode: str, address: str, gateway: str, dns: str) -> Ip6Settings:
    """What the fields say, written as a host takes it; to be checked before.

    Args:
        dns: read already.
    """
    found, way = read_address(address), _read_plain(gateway)
    return Ip6Settings(
        mode, str(found) if found is not None else "", str(way) if way is not None else "", dns
    )


def check_static(address: str, gateway: str) -> dict[str, str]:
    """What is wrong with which field of a static configuration."""
    problems: dict[str, str] = {}
    found = read_address(address)
    if found is None:
        problems[ADDRESS] = "An IPv6 address is such as 2001:db8::20/64."
    elif found.ip.is_loopback or found.ip.is_multicast or found.ip.is_unspecified:
        problems[ADDRESS] = f"No host can have the address {found.ip}."
    elif found.ip.is_link_local:
        problems[ADDRESS] = "Addresses of fe80:: are made by the host itself."
    if not gateway.strip():
        return problems
    way = _read_plain(gateway)
    if way is None:
        problems[GATEWAY] = "A gateway is an IPv6 address, such as fe80::1 or 2001:db8::1."
    elif found is not None and way == found.ip:
        problems[GATEWAY] = "The gateway is another machine: it can't have the same address."
    elif found is not None and not way.is_link_local and way not in found.network:
        problems[GATEWAY] = f"{way} is not in the network {found.network}: no way leads there."
    return problems


def _read_plain(text: str) -> ipaddress.IPv6Address | None:
    if "%" in text:
        return None
    try:
        return ipaddress.IPv6Address(text.strip())
    except ValueError:
        return None
