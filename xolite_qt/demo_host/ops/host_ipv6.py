"""IPv6 of interfaces.

Source: the toolstack's own rules for these calls.
"""

from __future__ import annotations

import ipaddress

from xolite_qt.demo_host.ops.network_rules import follow_address
from xolite_qt.demo_host.ops.vm_power import take
from xolite_qt.demo_host.registry import Call, Failure, method

_ANNOUNCED = "2001:db8:10::"
"""The network that the demo's router announces."""


@method("PIF.reconfigure_ipv6")
async def pif_reconfigure_ipv6(
    call: Call, self: str, mode: str, address: str, gateway: str, dns: str
) -> None:
    """Gives an interface another IPv6 address, with the length of its prefix.

    Raises:
        Failure: PIF_IS_MANAGEMENT_INTERFACE, INVALID_CIDR_ADDRESS_SPECIFIED,
            INVALID_IP_ADDRESS_SPECIFIED.
    """
    pif = call.db.get("PIF", self)
    if mode == "None" and pif["management"] and pif["primary_address_type"] == "IPv6":
        raise Failure("PIF_IS_MANAGEMENT_INTERFACE", self)
    if mode == "Static" and not _is_cidr(address):
        raise Failure("INVALID_CIDR_ADDRESS_SPECIFIED", "IPv6")
    if gateway and not _is_ipv6(gateway):
        raise Failure("INVALID_IP_ADDRESS_SPECIFIED", "gateway")
    await take(call, 2.0)
    addresses = [address] if mode == "Static" else []
    if mode in ("DHCP", "Autoconf"):
        addresses = [f"{_ANNOUNCED}{pif['MAC'][-5:].replace(':', '')}/64"]
    call.db.set(
        "PIF",
        self,
        ipv6_configuration_mode=mode,
        IPv6=addresses,
        ipv6_gateway=gateway if mode == "Static" else "",
        DNS=dns or pif["DNS"],
    )
    follow_address(call, self)


@method("PIF.set_primary_address_type")
def pif_set_primary_address_type(call: Call, self: str, primary_address_type: str) -> None:
    """Which of its addresses the host is managed at.

    Raises:
        Failure: PIF_INCOMPATIBLE_PRIMARY_ADDRESS_TYPE.
    """
    pif = call.db.get("PIF", self)
    field = "ipv6_configuration_mode" if primary_address_type == "IPv6" else "ip_configuration_mode"
    if pif["management"] and pif[field] == "None":
        raise Failure("PIF_INCOMPATIBLE_PRIMARY_ADDRESS_TYPE", self)
    call.db.set("PIF", self, primary_address_type=primary_address_type)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _is_cidr(text: str) -> bool:
    try:
        return "/" in text and ipaddress.IPv6Interface(text) is not None
    except ValueError:
        return False
