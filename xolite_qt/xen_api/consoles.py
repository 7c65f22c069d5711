"""The way to a VM's screen or serial line: a tunnel over HTTP CONNECT, as asyncio streams.

    reader, writer = await open_console(await api.door(), console.location)

Source: xapi.md 1.13.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
from typing import NoReturn
from urllib.parse import parse_qs, quote, urlsplit

from .errors import (
    CertificateChanged,
    ConnectionLost,
    MalformedAnswer,
    NotReachable,
    SessionInvalid,
    TransportError,
)
from .tls import Certificate, fingerprint_of, normalized_fingerprint, reason_of, unverified_context
from .transfers import Door

_CONNECT_S = 10.0
_ANSWER_S = 20.0
# Frames come in bursts of megabytes; a small buffer would stop and start the socket all the time.
_BUFFER_BYTES = 1 << 20
_HEAD_LIMIT_BYTES = 16 * 1024
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_REF = re.compile(r"OpaqueRef:[A-Za-z0-9-]{1,128}")


class ConsoleRefused(TransportError):  # noqa: N818 - as the other errors here
    """The host does not open this console.

    Attributes:
        status: HTTP status.
        reason: in the host's words; may be empty.
    """

    def __init__(self, status: int, reason: str, text: str = "") -> None:
        told = f"the host answered {status} {reason}".rstrip()
        super().__init__(text or f"the console cannot be opened: {told}")
        self.status = status
        self.reason = reason


class ConsoleInUse(ConsoleRefused):
    """Somebody else watches it, and the pool allows one viewer at a time."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(
            status,
            reason,
            "somebody else has this console open, and the pool allows one viewer at a time",
        )


class ConsoleGone(ConsoleRefused):
    """There is no such console: its VM does not run on this host, or was started anew."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(
            status, reason, "the console is not there: its VM does not run on this host (any more)"
        )


async def open_console(
    door: Door, console: str, *, timeout_s: float = _ANSWER_S
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Opens a tunnel to a console; closing the writer closes it.

    Args:
        door: of the host that runs the VM.
        console: its location as the host tells it, its reference, or its uuid (or its VM's).
        timeout_s: for the host's answer.

    Returns:
        What the console sends, from its first byte on, and what is sent to it.

    Raises:
        ConsoleInUse: the pool allows one viewer at a time.
        ConsoleGone: the VM does not run on this host.
        ConsoleRefused: the host says no.
        SessionInvalid: the session has expired.
        CertificateChanged: another certificate than the accepted one; nothing was sent.
        NotReachable, ConnectionLost, MalformedAnswer: no connection, or no HTTP.
        ValueError: `console` is none of these.
    """
    query = _query_of(console)
    reader, writer = await _connect(door)
    try:
        writer.write(_head(door, query))
        try:
            async with asyncio.timeout(timeout_s):
                status, reason = await _answer(reader)
        except TimeoutError:
            raise ConnectionLost(f"/console: no answer within {timeout_s:g} s") from None
        if status != 200:
            _refuse(status, _without(door.session, reason))
    except BaseException:
        await _hang_up(writer)
        raise
    return reader, writer


def _query_of(console: str) -> str:
    """`ref=…` or `uuid=…`: of what was given, nothing else is sent."""
    text = console.strip()
    if "/" in text or "?" in text:
        given = parse_qs(urlsplit(text).query)
        text = (given.get("ref") or given.get("uuid") or [""])[0]
    if _REF.fullmatch(text):
        return f"ref={quote(text)}"
    if _UUID.fullmatch(text):
        return f"uuid={text}"
    raise ValueError("this is neither a console's location, nor a reference, nor a uuid")


def _head(door: Door, query: str) -> bytes:
    host = f"[{door.host}]" if ":" in door.host else door.host
    lines = (
        f"CONNECT /console?{query} HTTP/1.0",
        f"Host: {host}:{door.port}",
        # A cookie, since a query is what servers write into their logs.
        f"Cookie: session_id={door.session}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


async def _connect(door: Door) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context: ssl.SSLContext | None = None
    if door.tls:
        context = await asyncio.to_thread(unverified_context)
    try:
        async with asyncio.timeout(_CONNECT_S):
            reader, writer = await asyncio.open_connection(
                door.host,
                door.port,
                ssl=context,
                server_hostname=door.host if context else None,
                limit=_BUFFER_BYTES,
            )
    except TimeoutError:
        raise NotReachable(f"{door.host} does not answer within {_CONNECT_S:g} s") from None
    except OSError as error:
        raise NotReachable(f"{door.host} cannot be reached: {reason_of(error)}") from None
    try:
        if door.tls:
            _check_pin(door, writer)
        raw = writer.get_extra_info("socket")
        if raw is not None:
            # Keys must not wait for company; a screen may be silent for hours.
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    except BaseException:
        await _hang_up(writer)
        raise
    return reader, writer


def _check_pin(door: Door, writer: asyncio.StreamWriter) -> None:
    tls = writer.get_extra_info("ssl_object")
    shown = (tls.getpeercert(binary_form=True) if tls is not None else None) or b""
    if fingerprint_of(shown) != normalized_fingerprint(door.fingerprint):
        certificate = Certificate.from_der(shown)
        raise CertificateChanged(door.host, door.port, certificate, door.fingerprint)


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, str]:
    """Reads the head of the answer, and not a byte of what follows it.

    Returns:
        Status and reason.

    Raises:
        ConnectionLost, MalformedAnswer: no answer, or no HTTP.
    """
    try:
        line = await reader.readuntil(b"\n")
        words = line.decode("latin-1").strip().split(" ", 2)
        if len(words) < 2 or not words[0].startswith("HTTP/") or not words[1].isdigit():
            raise MalformedAnswer("/console: the answer is no HTTP")
        length = len(line)
        while line.strip():
            line = await reader.readuntil(b"\n")
            length += len(line)
            if length > _HEAD_LIMIT_BYTES:
                raise MalformedAnswer("/console: the head of the answer never ends")
    except asyncio.IncompleteReadError:
        raise ConnectionLost("/console: the host hung up without an answer") from None
    except asyncio.LimitOverrunError:
        raise MalformedAnswer("/console: the head of the answer never ends") from None
    except OSError as error:
        raise ConnectionLost(f"/console: the host hung up: {reason_of(error)}") from None
    reason = "".join(letter for letter in " ".join(words[2:])[:200] if letter.isprintable())
    return int(words[1]) if len(words[1]) < 4 else 0, reason


def _without(secret: str, text: str) -> str:
    return text.replace(secret, "…") if secret else text


def _refuse(status: int, reason: str) -> NoReturn:
    if status == 503 and "connection limit" in reason.lower():
        raise ConsoleInUse(status, reason)
    if status == 401:
        raise SessionInvalid("SESSION_INVALID")
    if status in (400, 404, 500, 503):
        raise ConsoleGone(status, reason)
    raise ConsoleRefused(status, reason)
