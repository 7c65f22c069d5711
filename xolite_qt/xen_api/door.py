"""The way into a host for what goes over HTTP beside the calls."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .address import Address
from .errors import TransportError


def _nobody(host: str, port: int) -> str | None:
    return None


@dataclass(frozen=True)
class Door:
    """The way into a host for transfers. Made by `XenApi.door`.

    Attributes:
        host, port: its address.
        tls: whether it is spoken to in TLS.
        fingerprint: of the certificate that was accepted; empty without TLS.
        session: reference of the session; never shown.
        pinned: what was accepted for another host of the pool (name or address, port), or None;
            called from any thread.
    """

    host: str
    port: int
    tls: bool
    fingerprint: str
    session: str = field(repr=False)
    pinned: Callable[[str, int], str | None] = field(default=_nobody, repr=False, compare=False)

    def to(self, location: str) -> Door:
        """The door of another host of the pool, which this one sends us to.

        Only the host is taken from there: what is asked for, and the session, are our own.

        Args:
            location: as the host tells it, a URL.

        Raises:
            TransportError: it is no host, or one whose certificate nobody has accepted, or one
                that would have to be spoken to without TLS.
        """
        # The rest may hold the session, and is nothing that anybody needs to see.
        try:
            parts = urlsplit(location)
            there = Address.parse(f"{parts.scheme}://{parts.netloc}")
        except ValueError:
            raise TransportError(f"{self.host} sends us to what is no host") from None
        if there.scheme == "http":
            if self.tls:
                raise TransportError(f"{self.host} sends us to {there.host} without TLS")
            return dataclasses.replace(self, host=there.host, port=there.port)
        fingerprint = self.pinned(there.host, there.port)
        if not fingerprint:
            raise TransportError(
                f"another host of the pool, {there.host}, has this disk, "
                "and its certificate is not accepted yet"
            )
        return dataclasses.replace(
            self, host=there.host, port=there.port, tls=True, fingerprint=fingerprint
        )
