"""Looks at the first bytes of a connection: tunnels go to the consoles, the rest to HTTP.

An HTTP server does not hand connections over for CONNECT, so this is done in front of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from .service import HEAD_LIMIT_BYTES

_VERB = b"CONNECT "

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Porter(asyncio.Protocol):
    """One new connection, until its first bytes say whose it is."""

    def __init__(
        self, http: Callable[[], asyncio.BaseProtocol], tunnel: Serve, known: set[asyncio.Transport]
    ) -> None:
        """Waits at the door.

        Args:
            http: makes who serves HTTP.
            tunnel: serves what began with CONNECT.
            known: connections that HTTP does not know of, kept up to date.
        """
        self._http, self._tunnel, self._known = http, tunnel, known
        self._transport: asyncio.Transport | None = None
        self._first = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._known.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._known.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        transport = self._transport
        assert transport is not None
        self._first += data
        if self._first.startswith(_VERB):
            protocol: asyncio.BaseProtocol = self._tunnelled(transport)
        elif _VERB.startswith(self._first):
            return
        else:
            self._known.discard(transport)
            protocol = self._http()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        assert isinstance(protocol, asyncio.Protocol)
        protocol.data_received(self._first)

    def _tunnelled(self, transport: asyncio.Transport) -> asyncio.StreamReaderProtocol:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await self._tunnel(reader, writer)
            finally:
                self._known.discard(transport)

        reader = asyncio.StreamReader(limit=HEAD_LIMIT_BYTES)
        return asyncio.StreamReaderProtocol(reader, serve)
