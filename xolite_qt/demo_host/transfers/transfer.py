"""One transfer over HTTP: its task, its pace, its faults, and how it ends.

What goes wrong before the header is an answer of its own; after it only the task tells.

Source: `xapi.md` 1.7, 1.12.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web

from xolite_qt.demo_host.datamodel import Type
from xolite_qt.demo_host.registry import Call, Failure
from xolite_qt.demo_host.reply import CORS, HTML

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

PIECE_BYTES = 4 * 1024 * 1024
# Progress is not written for every piece: each write is an event for every client.
_PROGRESS_EVERY_S = 0.2
_STEPS_PER_S = 20

T = TypeVar("T")
Bytes = bytes | bytearray | memoryview
Work = Callable[["Transfer"], Awaitable[None]]


class Stream(web.StreamResponse):
    """An answer without a length that ends with its connection, not in chunks."""

    _length_check = False


async def in_thread(function: Callable[..., T], *args: Any) -> T:
    """Call what blocks in a thread; who is cancelled waits for it, lest files close under it."""
    work = asyncio.ensure_future(asyncio.to_thread(function, *args))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        if not work.cancelled():
            work.exception()
        raise


async def pour(pieces: AsyncIterator[bytes], take: Callable[[bytes], object]) -> None:
    """Give pieces to what blocks, in a thread, while the next one is on its way."""
    work: asyncio.Task[object] | None = None
    try:
        async for piece in pieces:
            if work is not None:
                await work
            work = asyncio.create_task(in_thread(take, piece))
        if work is not None:
            await work
    finally:
        if work is not None and not work.done():
            await asyncio.wait([work])
        if work is not None and not work.cancelled():
            work.exception()


class Transfer:
    """An export or an import under way.

    Attributes:
        task: its task: the one that the client named, or a new one.
        refused_as: HTTP status of what goes wrong before the header.
        expected_bytes: how much will be moved, for the progress; 0 where nobody knows.
        moved_bytes: how much was.
        result: value and type of the task's result, or None.
    """

    def __init__(self, host: DemoHost, request: web.Request, name: str) -> None:
        """Raises: Failure: HANDLE_INVALID, the task that was named does not exist."""
        self.host = host
        self.request = request
        ref = request.query.get("task_id", "")
        self.task = host.tasks.take_over(ref) if ref else host.tasks.open(name)
        self.task.set_cancellable(True)
        session = host.request_sessions.get(id(request))
        self.call = Call(host, session, self.task, name)
        self.refused_as = 500
        self.expected_bytes = 0
        self.moved_bytes = 0
        self.result: tuple[Any, Type] | None = None
        self._response: web.StreamResponse | None = None
        self._cut: tuple[int | None, bool] = (None, False)
        self._half_full = False
        self._shown_s = 0.0

    async def run(self, work: Work) -> web.StreamResponse:
        """Do the work, end the task as it ends, and answer.

        The work belongs to the host: it stops before the disks do, whatever becomes of the request.
        """
        done = asyncio.get_running_loop().create_future()
        self.host.spawn(self._run(work, done), name=self.call.method)
        await asyncio.shield(done)
        assert self._response is not None
        return self._response

    async def _run(self, work: Work, done: asyncio.Future[None]) -> None:
        # What stands if the work breaks in a way that nobody thought of, which the host logs.
        failure: Failure | None = Failure("INTERNAL_ERROR", f"{self.call.method} broke")
        try:
            await work(self)
            failure = None
        except Failure as error:
            failure = error
        except (ConnectionError, web.RequestPayloadError) as error:
            # The client went away, or sends nonsense.
            failure = Failure("INTERNAL_ERROR", f"Unix.Unix_error(Unix.EPIPE, {error})")
        except OSError as error:
            failure = Failure("VDI_IO_ERROR", error)
        except asyncio.CancelledError:
            failure = Failure("TASK_CANCELLED", self.task.ref)
            raise
        finally:
            if failure is None:
                value, kind = self.result or (None, None)
                self.host.tasks.succeed(self.task.ref, value, kind)
            else:
                self._fail(failure)
            if not done.done():
                done.set_result(None)

    def _fail(self, failure: Failure) -> None:
        self.host.tasks.fail(self.task.ref, failure)
        if self._response is None:
            self._response = _page(self.refused_as, " ".join(failure.description))

    # Out

    async def send_headers(self, **headers: str) -> None:
        """Answer 200, with nothing but the body to come; names with underscores for hyphens."""
        response = Stream(headers={**CORS, "task-id": self.task.ref})
        response.headers.update({name.replace("_", "-"): text for name, text in headers.items()})
        response.force_close()
        self._response = response
        await response.prepare(self.request)

    def start_export(self) -> None:
        """See which faults this export has."""
        self._cut = self.host.faults.take_cut_export()

    async def send(self, data: Bytes) -> None:
        """Send a part of the body, as fast as the faults let it.

        Raises:
            Failure: TASK_CANCELLED, or VDI_IO_ERROR by a fault.
            ConnectionError: the client is gone.
        """
        view = memoryview(data)
        limit, hang_up = self._cut
        cut = limit is not None and self.moved_bytes + len(view) >= limit
        if limit is not None and cut:
            view = view[: limit - self.moved_bytes]
        assert self._response is not None
        async for start, end in self._paced(len(view)):
            await self._response.write(view[start:end])
        if cut:
            if hang_up:
                await self.hang_up()
            raise Failure("VDI_IO_ERROR", "Device I/O errors")

    async def hang_up(self) -> None:
        """Cut the connection; what was sent arrives still."""
        transport = self.request.transport
        if transport is None:
            return
        transport.set_write_buffer_limits(0)
        # Streams of aiohttp tell nobody when they are empty.
        while transport.get_write_buffer_size() and not transport.is_closing():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        transport.abort()

    # In

    def start_import(self) -> None:
        """See which faults this import has."""
        self._cut = (self.host.faults.take_cut_import(), True)
        self._half_full = self.host.faults.take_full_import()

    async def body(self) -> AsyncIterator[bytes]:
        """What the client sends, in pieces of a few MiB.

        Raises:
            Failure: TASK_CANCELLED, or by a fault.
            ConnectionError: the client went before the end.
        """
        limit = self._cut[0]
        pieces: list[bytes] = []
        size = 0
        async for piece in self.request.content.iter_any():
            pieces.append(piece)
            size += len(piece)
            # One at a time where somebody watches how much came.
            if size < PIECE_BYTES and limit is None and not self.host.faults.bytes_per_s:
                continue
            yield await self._took(pieces, size)
            pieces, size = [], 0
            await self._import_faults(limit)
        if pieces:
            yield await self._took(pieces, size)
        if self._half_full:
            raise full()

    async def _took(self, pieces: list[bytes], size: int) -> bytes:
        async for _ in self._paced(size):
            pass
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _import_faults(self, limit: int | None) -> None:
        if limit is not None and self.moved_bytes >= limit:
            await self.hang_up()
            raise Failure("VDI_IO_ERROR", "Device I/O errors")
        if self._half_full and 0 < self.expected_bytes <= 2 * self.moved_bytes:
            raise full()

    # Pace

    async def _paced(self, length: int) -> AsyncIterator[tuple[int, int]]:
        """Parts of a piece, each when its turn has come; counts them."""
        at = 0
        while at < length:
            self.task.check()
            rate = self.host.faults.bytes_per_s
            step = length - at if not rate else min(length - at, max(1, int(rate / _STEPS_PER_S)))
            yield at, at + step
            at += step
            self.moved_bytes += step
            if self.expected_bytes:
                self.show(self.moved_bytes, self.expected_bytes)
            if rate:
                await asyncio.sleep(step / rate)

    def show(self, done_bytes: int, all_bytes: int) -> None:
        """Write the progress, if the last time is a moment ago."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._shown_s >= _PROGRESS_EVERY_S:
            self._shown_s = now_s
            self.task.progress(min(done_bytes / max(all_bytes, 1), 0.99))

    @contextmanager
    def holding(self, vdi: str, *, write: bool = False) -> Iterator[None]:
        """Keep a disk in use while the block runs.

        Raises:
            Failure: VDI_IN_USE.
        """
        self.host.disks.holds.hold(vdi, write=write)
        try:
            yield
        finally:
            self.host.disks.holds.let_go(vdi)


def full() -> Failure:
    """What a storage without room says."""
    return Failure("SR_BACKEND_FAILURE_44", "", "There is insufficient space", "")


def find(host: DemoHost, cls: str, name: str) -> str:
    """The reference of what a reference or a uuid names.

    Raises:
        Failure: HANDLE_INVALID, UUID_INVALID.
    """
    if host.db.exists(cls, name):
        return name
    if name.startswith("OpaqueRef:") or not name:
        raise Failure("HANDLE_INVALID", cls, name)
    return host.db.by_uuid(cls, name)


def _page(status: int, text: str) -> web.Response:
    body = f"<html><body><h1>HTTP {status}</h1>{text}</body></html>".encode()
    response = web.Response(status=status, body=body, headers={**CORS, "Content-Type": HTML})
    response.force_close()
    return response
