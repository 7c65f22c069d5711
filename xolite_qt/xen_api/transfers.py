"""Bulk data over HTTP: exports and imports, on blocking sockets for threads.

Disks are hundreds of gigabytes, and a thread with `recv_into` moves them three times as fast as an
event loop. What the host thinks of a transfer is known from its task alone: errors after the header
of an answer are told nowhere else.

    door = await api.door()
    async with transfer_task(api, "export of a disk") as task:
        with open_export(door, "/export_raw_vdi", {"vdi": ref, "format": "vhd",
                         "task_id": task.ref}) as body:      # in a thread
            body.read(512)
        await task.finish()

Source: xapi.md 1.12.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from .door import Door as Door
from .errors import (
    CertificateChanged,
    ConnectionLost,
    MalformedAnswer,
    NotReachable,
    TransportError,
    XenApiError,
)
from .records import Task, TaskStatus
from .task_result import parse_task_result
from .tasks import ENDS, failure_of
from .tls import Certificate, fingerprint_of, normalized_fingerprint, reason_of, unverified_context

if TYPE_CHECKING:
    from .client import XenApi

IDLE_S = 60.0
_CONNECT_S = 10.0
_RECEIVE_BYTES = 4 * 1024 * 1024
_HEAD_LIMIT_BYTES = 64 * 1024
_MOST_HOPS = 2
_ELSEWHERE = (301, 302, 303, 307, 308)
# The host answers an import before it reads the body; one that does not is sent it all the same.
_EARLY_ANSWER_S = 3.0
_FIRST_POLL_S, _SLOWEST_POLL_S = 0.05, 2.0
# Between the last byte of an import and the end of its task.
_SETTLE_S = 600.0


class TransferRefused(TransportError):  # noqa: N818 - as the other errors here
    """The host answered a transfer with an error, before any of it was moved.

    Attributes:
        status: HTTP status.
        path: what was asked for, without its query.
    """

    def __init__(self, path: str, status: int, reason: str) -> None:
        super().__init__(f"{path}: the host answered {status} {reason}".rstrip())
        self.path = path
        self.status = status


class _Connection:
    """One socket, checked against the pin before anything is sent."""

    def __init__(self, door: Door, idle_s: float) -> None:
        try:
            raw = socket.create_connection((door.host, door.port), timeout=_CONNECT_S)
        except OSError as error:
            raise NotReachable(f"{door.host} cannot be reached: {reason_of(error)}") from None
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket = _guarded(raw, door) if door.tls else raw
            self.socket.settimeout(idle_s)
        except BaseException:
            raw.close()
            raise

    def send(self, data: bytes | bytearray | memoryview) -> None:
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise ConnectionLost(f"the host hung up: {_words(error)}") from None

    def abort(self) -> None:
        """Hangs up under whoever reads or writes."""
        with contextlib.suppress(OSError):
            # Not the one of TLS sockets, which has the other thread go on without TLS.
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)

    def close(self) -> None:
        self.abort()
        with contextlib.suppress(OSError):
            self.socket.close()


def _guarded(raw: socket.socket, door: Door) -> socket.socket:
    try:
        wrapped = unverified_context().wrap_socket(raw, server_hostname=door.host)
    except OSError as error:
        raise NotReachable(f"{door.host}: {reason_of(error)}") from None
    shown = wrapped.getpeercert(binary_form=True) or b""
    if fingerprint_of(shown) != normalized_fingerprint(door.fingerprint):
        certificate = Certificate.from_der(shown)
        wrapped.close()
        raise CertificateChanged(door.host, door.port, certificate, door.fingerprint)
    return wrapped


def _words(error: OSError) -> str:
    return "nothing moved for too long" if isinstance(error, TimeoutError) else reason_of(error)


def _head(verb: str, door: Door, path: str, query: Mapping[str, str], length: int | None) -> bytes:
    host = f"[{door.host}]" if ":" in door.host else door.host
    lines = [
        f"{verb} {path}?{urlencode(query, quote_via=quote)} HTTP/1.1",
        f"Host: {host}:{door.port}",
        # A cookie, since a query is what servers write into their logs.
        f"Cookie: session_id={door.session}",
        "Connection: close",
    ]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


class ExportBody:
    """What a host sends. For one thread; `abort` may come from any.

    Attributes:
        headers: of the answer, names in lower case.
        received_bytes: so far.
    """

    def __init__(self, connection: _Connection, response: HTTPResponse) -> None:
        self._connection, self._response = connection, response
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.received_bytes = 0
        self._aborted = False

    def read(self, size: int = _RECEIVE_BYTES) -> bytes:
        """Exactly so many bytes; fewer only at the end.

        Raises:
            ConnectionLost: the host hung up, or was silent for too long.
        """
        body = bytearray(size)
        view, at = memoryview(body), 0
        try:
            while at < size and (got := self._response.readinto(view[at:])):
                at += got
        except (OSError, HTTPException, ValueError) as error:
            what = _words(error) if isinstance(error, OSError) else "the answer was cut off"
            raise ConnectionLost(f"the export broke off: {what}") from None
        if self._aborted:
            # What was cut by us looks like an end.
            raise ConnectionLost("the export was broken off")
        self.received_bytes += at
        return bytes(body) if at == size else bytes(view[:at])

    def abort(self) -> None:
        """Hangs up; a read that waits fails at once."""
        self._aborted = True
        self._connection.abort()


@contextmanager
def open_export(
    door: Door, path: str, query: Mapping[str, str], *, idle_s: float = IDLE_S
) -> Iterator[ExportBody]:
    """Begins an export; blocks.

    Args:
        door: of the host.
        path: such as `/export_raw_vdi`.
        query: its parameters, without the session.
        idle_s: seconds of silence after which the connection is given up.

    Raises:
        TransferRefused: the host said no, or sent us to one whose certificate nobody accepted.
        CertificateChanged: another certificate than the accepted one; nothing was sent.
        NotReachable, ConnectionLost: no connection, or none any more.
    """
    for hops in range(_MOST_HOPS + 1):
        connection = _Connection(door, idle_s)
        try:
            connection.send(_head("GET", door, path, query, None))
            # It holds the socket open on its own, so it is closed however this ends.
            with contextlib.closing(HTTPResponse(connection.socket, method="GET")) as response:
                try:
                    response.begin()
                except (OSError, HTTPException, ValueError) as error:
                    what = _words(error) if isinstance(error, OSError) else "no HTTP"
                    raise ConnectionLost(f"{path}: the host did not answer: {what}") from None
                status, location = response.status, response.getheader("Location")
                next_door = _judge(door, path, status, response.reason, location, hops)
                if next_door is None:
                    yield ExportBody(connection, response)
                    return
        finally:
            connection.close()
        door = next_door


class ImportBody:
    """What is sent to a host. For one thread; `abort` may come from any.

    Attributes:
        sent_bytes: so far.
    """

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self.sent_bytes = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Sends all of it.

        Raises:
            ConnectionLost: the host hung up; its task says why.
        """
        self._connection.send(data)
        self.sent_bytes += len(data)

    def abort(self) -> None:
        """Hangs up; a write that waits fails at once."""
        self._connection.abort()


@contextmanager
def open_import(
    door: Door, path: str, query: Mapping[str, str], length_bytes: int, *, idle_s: float = IDLE_S
) -> Iterator[ImportBody]:
    """Begins an import; blocks. Whether it went well is known from its task.

    Args:
        door: of the host.
        path: such as `/import_raw_vdi`.
        query: its parameters, without the session.
        length_bytes: of everything that will be sent.
        idle_s: seconds without progress after which the connection is given up.

    Raises:
        TransferRefused: the host said no, or sent us to one whose certificate nobody accepted.
        CertificateChanged: another certificate than the accepted one; nothing was sent.
        NotReachable, ConnectionLost: no connection, or none any more.
    """
    for hops in range(_MOST_HOPS + 1):
        connection = _Connection(door, idle_s)
        try:
            connection.send(_head("PUT", door, path, query, length_bytes))
            next_door = _early_answer(connection, door, path, idle_s, hops)
            if next_door is None:
                body = ImportBody(connection)
                yield body
                if body.sent_bytes == length_bytes:
                    # The host reads on for a while; hanging up now would cut what is under way.
                    with contextlib.suppress(OSError):
                        while connection.socket.recv(4096):
                            pass
                return
        finally:
            connection.close()
        door = next_door


def _early_answer(
    connection: _Connection, door: Door, path: str, idle_s: float, hops: int
) -> Door | None:
    """Reads the head of the answer, which comes before the body is sent; see `_judge`."""
    head = bytearray()
    connection.socket.settimeout(_EARLY_ANSWER_S)
    try:
        while b"\r\n\r\n" not in head:
            piece = connection.socket.recv(4096)
            if not piece:
                raise ConnectionLost(f"{path}: the host hung up without an answer")
            head += piece
            if len(head) > _HEAD_LIMIT_BYTES:
                raise MalformedAnswer(f"{path}: the head of the answer never ends")
    except TimeoutError:
        if head:
            raise ConnectionLost(f"{path}: the host fell silent in its answer") from None
        return None
    except OSError as error:
        raise ConnectionLost(f"{path}: the host hung up: {_words(error)}") from None
    finally:
        connection.socket.settimeout(idle_s)
    first, *lines = bytes(head.partition(b"\r\n\r\n")[0]).decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/") or not words[1].isdigit():
        raise MalformedAnswer(f"{path}: the answer is no HTTP")
    parts = [line.partition(":") for line in lines]
    fields = {name.strip().lower(): value.strip() for name, _, value in parts}
    reason = words[2] if len(words) > 2 else ""
    return _judge(door, path, int(words[1]), reason, fields.get("location"), hops)


def _judge(
    door: Door, path: str, status: int, reason: str, location: str | None, hops: int
) -> Door | None:
    """None where the transfer goes on here; the door of the host that must do it instead.

    A disk on a storage of one host alone moves through that host.
    """
    if status in _ELSEWHERE:
        if hops == _MOST_HOPS:
            raise TransferRefused(path, status, "(hosts send us round in circles)")
        try:
            return door.to(location or "")
        except TransportError as error:
            raise TransferRefused(path, status, f"({error})") from None
    if status != 200:
        raise TransferRefused(path, status, reason)
    return None


@contextmanager
def aborted_by(
    stop: threading.Event, abort: Callable[[], None], *, every_s: float = 0.2
) -> Iterator[None]:
    """Calls `abort` as soon as `stop` is set while the block runs."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(every_s):
            if stop.is_set():
                abort()
                return

    watcher = threading.Thread(target=watch, name="transfer_stop", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


class TransferTask:
    """The host's task of one transfer.

    Attributes:
        ref: to be given as `task_id`.
    """

    def __init__(self, api: XenApi, ref: str) -> None:
        self._api = api
        self.ref = ref
        self.ended = False

    async def finish(self, *, timeout_s: float = _SETTLE_S) -> Any:
        """Waits for the task's end.

        Returns:
            What it brought, as `parse_task_result` has it.

        Raises:
            XapiError: the host says that the transfer failed.
            TransportError: the host does not answer, or the task does not end.
        """
        deadline, wait_s = time.monotonic() + timeout_s, _FIRST_POLL_S
        while True:
            record = await self._api.get_record(Task, self.ref)
            if record.status in ENDS:
                break
            if time.monotonic() > deadline:
                raise ConnectionLost("the host's task of this transfer does not end")
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 1.5, _SLOWEST_POLL_S)
        self.ended = True
        if record.status == TaskStatus.SUCCESS:
            return parse_task_result(record.result)
        raise failure_of(record)


@asynccontextmanager
async def transfer_task(
    api: XenApi, label: str, *, marks: Mapping[str, str] | None = None
) -> AsyncIterator[TransferTask]:
    """A task for a transfer; it is cancelled if the block fails, and destroyed at its end.

    Args:
        api: signed in.
        label: its name.
        marks: for its `other_config`: whoever finds it knows whose it was.

    Raises:
        XapiError, TransportError: the host does not make one.
    """
    task = TransferTask(api, await api.call("task.create", label, ""))
    try:
        for key, value in (marks or {}).items():
            await api.call("task.add_to_other_config", task.ref, key, value)
        yield task
    except BaseException:
        if not task.ended:
            with contextlib.suppress(XenApiError):
                await asyncio.shield(api.call("task.cancel", task.ref, timeout_s=5.0))
        raise
    finally:
        with contextlib.suppress(XenApiError):
            await asyncio.shield(api.call("task.destroy", task.ref, timeout_s=5.0))
