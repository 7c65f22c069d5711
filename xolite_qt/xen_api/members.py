"""Certificates of a pool's other hosts: the master, whose own is accepted, says which they are.

Source: xapi.md 1.1, 1.8 (each host measures itself and is asked by itself); class `Certificate`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from typing import TYPE_CHECKING

from .records import Certificate_
from .tls import Pins

if TYPE_CHECKING:
    from .client import XenApi
    from .errors import CertificateUnknown

_AGAIN_S = 60.0


class VouchedPins:
    """What the user accepted, and besides it what the master vouches for, while connected.

    Args:
        accepted: by the user; it counts before what the master says.
    """

    def __init__(self, accepted: Pins) -> None:
        self._accepted = accepted
        self._vouched: dict[tuple[str, int], str] = {}
        self._asked_at: dict[str, float] = {}
        self._asking = asyncio.Lock()

    def pinned(self, host: str, port: int) -> str | None:
        """The fingerprint that an address has to show, or None where nobody knows."""
        return self._accepted.pinned(host, port) or self._vouched.get((host.lower(), port))

    async def vouch(self, api: XenApi, unknown: CertificateUnknown) -> bool:
        """Asks the master for the certificate of a host that showed an unknown one.

        Returns:
            Whether it is the one that the master knows; it is taken from now on.

        Raises:
            XenApiError: the master does not answer.
        """
        # Several archives of a host are asked for at once.
        async with self._asking:
            shown = unknown.certificate.fingerprint
            if self._vouched.get((unknown.host.lower(), unknown.port)) == shown:
                return True
            asked = self._asked_at.get(unknown.host)
            if asked is not None and time.monotonic() - asked < _AGAIN_S:
                return False
            told = await fingerprint_of_member(api, address=unknown.host)
            self._asked_at[unknown.host] = time.monotonic()
            if not told or told.upper() != shown.upper():
                return False
            self._vouched[unknown.host.lower(), unknown.port] = shown
            return True


async def fingerprint_of_member(api: XenApi, *, host: str = "", address: str = "") -> str:
    """SHA-256 of the certificate that a host of the pool serves with; "" where it is not known.

    Args:
        api: connected to the master.
        host: reference of the host; or
        address: its IP address.
    """
    if not host:
        try:
            plain = str(ipaddress.ip_address(address))
        except ValueError:
            return ""
        found = await api.call("host.get_all_records_where", f'field "address" = "{plain}"')
        host = next(iter(found), "")
    certificates = await api.get_all_records(Certificate_)
    for one in certificates.values():
        if one.host == host and one.type == "host":
            return one.fingerprint_sha256 or one.fingerprint
    return ""
