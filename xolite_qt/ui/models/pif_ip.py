"""IPv4 configuration of an interface: what is wrong with it, field by field.

Pure: texts in, problems out.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

MODES = ("None", "DHCP", "Static")
ADDRESS, NETMASK, GATEWAY, DNS = "address", "netmask", "gateway", "dns"
_PREFIX = re.compile(r"/?(\d{1,2})")


@dataclass(frozen=True)
class IpSettings:
    """IPv4 of an interface.

    Attributes:
        mode: "None", "DHCP" or "Static"; the rest counts for "Static" only.
        netmask: "255.255.255.0".
        dns: addresses with commas between them.
    """

    mode: str
    address: str = ""
    netmask: str = ""
    gateway: str = ""
    dns: str = ""

    @property
    def params(self) -> tuple[str, str, str, str, str]:
        """As `PIF.reconfigure_ip` takes them; nothing but the mode unless it is static."""
        if self.mode != "Static":
            return (self.mode, "", "", "", "")
        return (self.mode, self.address, self.netmask, self.gateway, self.dns)


def read_address(text: str) -> ipaddress.IPv4Address | None:
    """An IPv4 address, or None."""
    try:
        return ipaddress.IPv4Address(text.strip())
    except ValueError:
        return None


def read_netmask(text: str) -> str:
    """A netmask as a host writes it, from "255.255.255.0", "24" or "/24"; "" for what is none."""
    text = text.strip()
    found = _PREFIX.fullmatch(text)
    if found is None and read_address(text) is None:
        return ""
    prefix = found[1] if found is not None else text
    try:
        network = ipaddress.IPv4Network(f"0.0.0.0/{prefix}")
    except ValueError:
        return ""
    # A host mask ("0.0.0.255") is taken for a netmask too; it is none.
    is_mask = found is not None or str(network.netmask) == text
    return str(network.netmask) if is_mask and 1 <= network.prefixlen <= 32 else ""


def read_dns(text: str) -> str | None:
    """Name servers as a host takes them: commas between, no blanks; None for what are none."""
    parts = [part for part in re.split(r"[,\s]+", text.strip()) if part]
    if any(_any_address(part) is None for part in parts):
        return None
    return ",".join(parts)


def _any_address(text: str) -> object | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def read_settings(mode: str, address: str, netmask: str, gateway: str, dns: str) -> IpSettings:
    """What the fields say, written as a host takes it; to be checked before."""
    return IpSettings(
        mode=mode,
        address=str(read_address(address) or ""),
        netmask=read_netmask(netmask),
        gateway=str(read_address(gateway) or ""),
        dns=read_dns(dns) or "",
    )


def check_static(address: str, netmask: str, gateway: str, dns: str) -> dict[str, str]:
    """What is wrong with which field of a static configuration."""
    problems: dict[str, str] = {}
    ip, mask = read_address(address), read_netmask(netmask)
    if ip is None:
        problems[ADDRESS] = "An IPv4 address is four numbers, such as 192.168.1.20."
    elif ip.is_loopback or ip.is_multicast or ip.is_unspecified or int(ip) >= 0xF0000000:
        problems[ADDRESS] = f"No host can have the address {ip}."
    if not mask:
        problems[NETMASK] = "A netmask is such as 255.255.255.0, or /24."
    elif ip is not None and ADDRESS not in problems:
        problems |= _check_place(ip, mask)
    if gateway.strip():
        problems |= _check_gateway(gateway, ip, mask)
    if read_dns(dns) is None:
        problems[DNS] = "Name servers are IP addresses with commas between them."
    return problems


def _check_place(ip: ipaddress.IPv4Address, mask: str) -> dict[str, str]:
    network = ipaddress.IPv4Network(f"{ip}/{mask}", strict=False)
    if network.prefixlen >= 31:
        return {}
    if ip == network.network_address:
        return {ADDRESS: f"{ip} is the address of the network {network} itself."}
    if ip == network.broadcast_address:
        return {ADDRESS: f"{ip} is the broadcast address of {network}."}
    return {}


def _check_gateway(gateway: str, ip: ipaddress.IPv4Address | None, mask: str) -> dict[str, str]:
    way = read_address(gateway)
    if way is None:
        return {GATEWAY: "A gateway is an IPv4 address, such as 192.168.1.1."}
    if ip is None or not mask:
        return {}
    network = ipaddress.IPv4Network(f"{ip}/{mask}", strict=False)
    if way not in network:
        return {GATEWAY: f"{way} is not in the network {network}: no way leads there."}
    if way == ip:
        return {GATEWAY: "The gateway is another machine: it can't have the same address."}
    if network.prefixlen < 31 and way in (network.network_address, network.broadcast_address):
        return {GATEWAY: f"{way} is no address of a machine in {network}."}
    return {}
