"""Where a host is: reading what people type and what hosts tell."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from .errors import AddressInvalid


@dataclass(frozen=True)
class Address:
    """Scheme, host and port of a XAPI endpoint."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Reads `https://host[:port]`, `http://loopback[:port]`, or a bare `host[:port]`.

        Raises:
            AddressInvalid: not an address, another scheme, a password in it, or plain HTTP to
                anything but this machine.
        """
        text = text.strip()
        if "://" not in text:
            bare = text.strip("[]")
            text = f"https://[{bare}]" if _is_ipv6(bare) else f"https://{text}"
        try:
            parts = urlsplit(text)
            port = parts.port
            host = parts.hostname or ""
        except ValueError as error:
            raise AddressInvalid(f"not an address: {error}") from None
        if parts.scheme not in ("https", "http"):
            raise AddressInvalid(f"{parts.scheme}:// is not spoken by hosts; use https://")
        if parts.username is not None or parts.password is not None:
            raise AddressInvalid("the address must not hold a user or a password")
        if not host or any(c.isspace() or c in "%\\" for c in host):
            raise AddressInvalid("the address names no host")
        if parts.scheme == "http" and not is_loopback(host):
            raise AddressInvalid(f"plain http is accepted for this machine only, not for {host}")
        return cls(parts.scheme, host, port or (443 if parts.scheme == "https" else 80))

    @property
    def url(self) -> str:
        """The address as a URL, without the port where it is the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"https": 443, "http": 80}[self.scheme]
        return f"{self.scheme}://{host}" + ("" if self.port == usual else f":{self.port}")

    def sibling(self, told: str) -> Address:
        """Another host of the same pool, as this one names it: `address` or `address:port`.

        Plain HTTP stays plain only within this machine.

        Raises:
            AddressInvalid: what was told is not an address.
        """
        other = Address.parse(told)
        named_port = not _is_ipv6(told.strip("[]")) and urlsplit(other.url).port is not None
        port = other.port if named_port else self.port
        scheme = "http" if self.scheme == "http" and is_loopback(other.host) else "https"
        return Address(scheme, other.host, port)


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == 6
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Whether a name or address means this machine, without asking a resolver."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
