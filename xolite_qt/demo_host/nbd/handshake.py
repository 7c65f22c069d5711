"""The first half of an NBD connection: options, TLS, and which disk is to be read.

Source: the NBD protocol; `xapi.md` 1.12.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass

from . import wire
from .wire import Answer, Info, Option, Transmission

OPTION_LIMIT = 64 * 1024
FLAGS = (
    Transmission.HAS_FLAGS
    | Transmission.READ_ONLY
    | Transmission.SEND_FLUSH
    | Transmission.SEND_DF
    | Transmission.CAN_MULTI_CONN
)
SMALLEST_BYTES, PREFERRED_BYTES, LARGEST_BYTES = 1, 64 * 1024, 32 * 1024 * 1024


class Hangup(Exception):  # noqa: N818 - what ends a connection is no error
    """The connection is over."""


def receive(connection: socket.socket, length: int) -> bytes:
    """Exactly so many bytes.

    Raises:
        Hangup: there are no more.
    """
    parts = b""
    while len(parts) < length:
        part = connection.recv(length - len(parts))
        if not part:
            raise Hangup
        parts += part
    return parts


@dataclass(frozen=True)
class Disk:
    """What a name of an export leads to."""

    vdi: str
    size_bytes: int


@dataclass
class Agreed:
    """What both sides agreed on.

    Attributes:
        connection: to be used from now on; with TLS another one than before.
    """

    connection: socket.socket
    disk: Disk
    structured: bool
    allocation: bool


@dataclass(frozen=True)
class Terms:
    """What the server asks for.

    Attributes:
        tls: the certificate to show, or None for a plain connection.
        plain_only: refuse everything that xapi-nbd does not know.
        open_export: the disk of a name, or None for one that is not to be had.
        secured: is told of the connection that replaced the plain one.
    """

    tls: ssl.SSLContext | None
    plain_only: bool
    open_export: Callable[[str], Disk | None]
    secured: Callable[[socket.socket], None]


class Handshake:
    """One negotiation."""

    def __init__(self, connection: socket.socket, terms: Terms) -> None:
        self._connection = connection
        self._terms = terms
        self._secure = False
        self._structured = False
        self._allocation = False

    def run(self) -> Agreed:
        """Negotiate until the client knows what it wants.

        Raises:
            Hangup: it went, or wants what cannot be had.
            OSError: the connection broke.
        """
        flags = wire.Handshake.FIXED_NEWSTYLE | wire.Handshake.NO_ZEROES
        self._connection.sendall(wire.GREETING + wire.OPTION_MAGIC + struct.pack(">H", flags))
        (chosen,) = struct.unpack(">I", receive(self._connection, 4))
        while True:
            magic, option, length = wire.OPTION.unpack(receive(self._connection, wire.OPTION.size))
            if magic != wire.OPTION_MAGIC or length > OPTION_LIMIT:
                raise Hangup
            data = receive(self._connection, length)
            disk = self._answer(option, data)
            if disk is None:
                continue
            if option == Option.EXPORT_NAME:
                padding = 0 if chosen & wire.Handshake.NO_ZEROES else 124
                answer = struct.pack(">QH", disk.size_bytes, FLAGS) + bytes(padding)
                self._connection.sendall(answer)
            return Agreed(self._connection, disk, self._structured, self._allocation)

    def _answer(self, option: int, data: bytes) -> Disk | None:
        """Answer one option; with a disk the negotiation is over."""
        if option == Option.ABORT:
            self._reply(option, Answer.ACK)
            raise Hangup
        if option == Option.STARTTLS:
            self._start_tls(data)
            return None
        if self._terms.tls is not None and not self._secure:
            if option == Option.EXPORT_NAME:
                raise Hangup
            self._reply(option, Answer.ERR_TLS_REQD, b"This server needs TLS.")
            return None
        if option == Option.EXPORT_NAME:
            disk = self._terms.open_export(data.decode(errors="replace"))
            if disk is None:
                raise Hangup
            return disk
        if self._terms.plain_only:
            self._reply(option, Answer.ERR_UNSUP)
            return None
        if option in (Option.INFO, Option.GO):
            return self._info(option, data)
        if option == Option.LIST and not data:
            # Names hold a session: there is none to tell.
            self._reply(option, Answer.ACK)
        elif option == Option.STRUCTURED_REPLY and not data:
            self._structured = True
            self._reply(option, Answer.ACK)
        elif option in (Option.LIST_META_CONTEXT, Option.SET_META_CONTEXT):
            self._contexts(option, data)
        else:
            known = option in (Option.LIST, Option.STRUCTURED_REPLY)
            self._reply(option, Answer.ERR_INVALID if known else Answer.ERR_UNSUP)
        return None

    def _reply(self, option: int, answer: Answer, data: bytes = b"") -> None:
        head = wire.OPTION_REPLY.pack(wire.OPTION_REPLY_MAGIC, option, answer, len(data))
        self._connection.sendall(head + data)

    def _start_tls(self, data: bytes) -> None:
        if data or self._secure:
            self._reply(Option.STARTTLS, Answer.ERR_INVALID)
            return
        if self._terms.tls is None:
            self._reply(Option.STARTTLS, Answer.ERR_POLICY, b"TLS is off on this network.")
            return
        self._reply(Option.STARTTLS, Answer.ACK)
        self._connection = self._terms.tls.wrap_socket(self._connection, server_side=True)
        self._terms.secured(self._connection)
        self._secure = True
        # What was agreed on before does not count any more.
        self._structured = self._allocation = False

    def _info(self, option: int, data: bytes) -> Disk | None:
        try:
            (length,) = struct.unpack_from(">I", data)
            name = data[4 : 4 + length].decode()
            (count,) = struct.unpack_from(">H", data, 4 + length)
            struct.unpack_from(f">{count}H", data, 6 + length)
        except (struct.error, UnicodeDecodeError):
            self._reply(option, Answer.ERR_INVALID)
            return None
        disk = self._terms.open_export(name)
        if disk is None:
            self._reply(option, Answer.ERR_UNKNOWN, b"No such disk, or no such session.")
            return None
        self._reply(option, Answer.INFO, struct.pack(">HQH", Info.EXPORT, disk.size_bytes, FLAGS))
        sizes = (SMALLEST_BYTES, PREFERRED_BYTES, LARGEST_BYTES)
        self._reply(option, Answer.INFO, struct.pack(">HIII", Info.BLOCK_SIZE, *sizes))
        self._reply(option, Answer.ACK)
        return disk if option == Option.GO else None

    def _contexts(self, option: int, data: bytes) -> None:
        queries: list[str] = []
        try:
            (length,) = struct.unpack_from(">I", data)
            at = 4 + length
            (count,) = struct.unpack_from(">I", data, at)
            at += 4
            for _ in range(count):
                (length,) = struct.unpack_from(">I", data, at)
                queries.append(data[at + 4 : at + 4 + length].decode())
                at += 4 + length
        except (struct.error, UnicodeDecodeError):
            self._reply(option, Answer.ERR_INVALID)
            return
        if not self._structured:
            self._reply(option, Answer.ERR_INVALID, b"Structured replies come first.")
            return
        listing = option == Option.LIST_META_CONTEXT
        wanted = wire.BASE_ALLOCATION in queries or (
            listing and (not queries or "base:" in queries)
        )
        if wanted:
            name = wire.BASE_ALLOCATION.encode()
            number = 0 if listing else wire.ALLOCATION_ID
            self._reply(option, Answer.META_CONTEXT, struct.pack(">I", number) + name)
        if not listing:
            self._allocation = wanted
        self._reply(option, Answer.ACK)
