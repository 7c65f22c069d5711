"""Long operations: started as an XAPI task, watched, cancelled, and cleaned up after.

Source: xapi.md 1.7.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from .errors import (
    ConnectionLost,
    HostStillBooting,
    MethodUnknown,
    NotCancellable,
    TaskCancelled,
    TransportError,
    XapiError,
    XenApiError,
)
from .link import LinkPhase, Listener
from .records import Task, TaskStatus
from .task_result import parse_task_result

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from .client import XenApi
    from .events import EventHub

_log = logging.getLogger(__name__)

T = TypeVar("T")

# Without events we ask ourselves, less and less often; with events only to be sure.
_FIRST_POLL_S = 0.2
_SLOWEST_POLL_S = 2.0
_POLL_BESIDE_EVENTS_S = 10.0
# A restarting toolstack is away for a minute or so.
_LONGEST_SILENCE_S = 180.0
# A plain call holds its connection as long as the operation takes.
_PLAIN_CALL_TIMEOUT_S = 24 * 3600.0
_CLEANUP_TIMEOUT_S = 5.0


class TaskRun(Generic[T]):
    """One operation under way. Await it for its result.

    Cancelling whoever awaits it leaves the operation running on the host, and the run watching it;
    `cancel` ends it there.

    Attributes:
        method: the operation, such as `VM.start`.
        params: its parameters.
        progress: how far it is, 0 to 1.
        task_ref: the host's task; None until the host answered, and for plain calls.
    """

    def __init__(self, api: XenApi, method: str, params: Sequence[Any]) -> None:
        self.method = method
        self.params = tuple(params)
        self.progress = 0.0
        self.task_ref: str | None = None
        self._api = api
        self._callbacks: dict[Listener, Callable[[float], object]] = {}
        # Set once it is known whether there is a task to cancel.
        self._placed = asyncio.Event()
        self._news = asyncio.Event()
        self._latest: Task | None = None
        self._given_up = False
        self._task = asyncio.get_running_loop().create_task(
            self._guarded_run(params), name=f"task {method}"
        )
        self._task.add_done_callback(_retrieve)

    def __await__(self) -> Generator[Any, None, T]:
        return asyncio.shield(self._task).__await__()

    def __repr__(self) -> str:
        state = "done" if self.done else f"{self.progress:.0%}"
        return f"<TaskRun {self.method} {state}>"

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._task.done()

    def on_progress(self, callback: Callable[[float], object]) -> Listener:
        """Registers a callback for progress, from 0 to 1; it never goes back."""

        def remove() -> None:
            del self._callbacks[listener]

        listener = Listener(remove)
        self._callbacks[listener] = callback
        return listener

    async def cancel(self) -> None:
        """Asks the host to cancel; awaiting the run then raises TaskCancelled.

        Raises:
            NotCancellable: it has ended, or runs as a plain call.
            XapiError: the host does not cancel it (any more).
            TransportError: the host could not be asked.
        """
        placed = asyncio.ensure_future(self._placed.wait())
        try:
            await asyncio.wait({placed, self._task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            placed.cancel()
        if self.task_ref is None or self._task.done():
            raise NotCancellable(f"{self.method} cannot be cancelled (any more)")
        await self._api.call("task.cancel", self.task_ref)
        self._news.set()

    def stop_watching(self) -> asyncio.Task[T]:
        """Gives the watch up, for the owner that closes; the host's task goes on.

        Whoever awaits the run gets ConnectionLost.
        """
        self._given_up = True
        self._task.cancel()
        return self._task

    async def _guarded_run(self, params: Sequence[Any]) -> T:
        try:
            return await self._run(params)
        except asyncio.CancelledError:
            if not self._given_up:
                raise
            # The one who awaits was not cancelled, and must not think so.
            raise ConnectionLost(f"{self.method}: the connection was closed") from None

    async def _run(self, params: Sequence[Any]) -> T:
        with self._listen(self._api.events):
            try:
                ref = await self._api.call(f"Async.{self.method}", *params)
            except XapiError as error:
                if not _says_no_task(error, self.method):
                    raise
                self._placed.set()
                result = await self._api.call(self.method, *params, timeout_s=_PLAIN_CALL_TIMEOUT_S)
                self._advance(1.0)
                return cast("T", result)
            self.task_ref = str(ref)
            self._placed.set()
            record = await self._finished(self.task_ref)
        with contextlib.suppress(XenApiError):
            await self._api.call("task.destroy", self.task_ref, timeout_s=_CLEANUP_TIMEOUT_S)
        if record.status != TaskStatus.SUCCESS:
            raise failure_of(record)
        self._advance(1.0)
        return cast("T", parse_task_result(record.result))

    @contextlib.contextmanager
    def _listen(self, hub: EventHub) -> Generator[None, None, None]:
        def on_records(records: list[Task]) -> None:
            for record in records:
                if record.ref == self.task_ref:
                    self._latest = record
                    self._news.set()

        def on_deleted(refs: list[str]) -> None:
            if self.task_ref in refs:
                self._news.set()

        listeners = [
            hub.on("task", "add", on_records),
            hub.on("task", "mod", on_records),
            hub.on("task", "del", on_deleted),
            hub.on("task", "reset", self._news.set),
        ]
        try:
            yield
        finally:
            for listener in listeners:
                listener.remove()

    async def _finished(self, ref: str) -> Task:
        """The task's record once it has ended."""
        pause_s = _FIRST_POLL_S
        silent_since: float | None = None
        while True:
            record, self._latest = self._latest, None
            self._news.clear()
            if record is None:
                try:
                    record = cast("Task", await self._api.get_record("task", ref))
                    silent_since = None
                except (TransportError, HostStillBooting):
                    # The operation goes on without us; so the host may come back with its end.
                    now = time.monotonic()
                    silent_since = silent_since or now
                    if now - silent_since > _LONGEST_SILENCE_S:
                        raise
            if record is not None:
                if record.status in ENDS:
                    return record
                self._advance(record.progress)
            if self._has_events():
                wait_s = _POLL_BESIDE_EVENTS_S
            else:
                wait_s, pause_s = pause_s, min(pause_s * 1.5, _SLOWEST_POLL_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._news.wait()

    def _has_events(self) -> bool:
        hub = self._api.events
        return hub.state.phase is LinkPhase.CONNECTED and "task" in hub.served_classes

    def _advance(self, progress: float) -> None:
        # NaN compares as not greater.
        if not progress > self.progress:
            return
        self.progress = min(progress, 1.0)
        for listener, callback in list(self._callbacks.items()):
            if not listener.is_active:
                continue
            try:
                callback(self.progress)
            except Exception:
                # Foreign code: its fault must not lose the operation's end.
                _log.exception("a listener to the progress of %s failed", self.method)


ENDS = (TaskStatus.SUCCESS, TaskStatus.FAILURE, TaskStatus.CANCELLED)


def _says_no_task(error: XapiError, method: str) -> bool:
    """Whether the host has no asynchronous form of the call."""
    if error.code == "Fault":
        return "No async mode" in error.param(0)
    return isinstance(error, MethodUnknown) and error.param(0) in ("", f"Async.{method}")


def failure_of(record: Task) -> XapiError:
    """The error that a task ended with."""
    if record.error_info:
        return XapiError.from_wire(record.error_info[0], record.error_info[1:])
    if record.status == TaskStatus.CANCELLED:
        return TaskCancelled("TASK_CANCELLED", [record.ref])
    return XapiError("INTERNAL_ERROR", [f"the task ended as {record.status} without a reason"])


def _retrieve(task: asyncio.Task[Any]) -> None:
    """Nobody need await a run; asyncio shall not complain then."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.debug("%s: %s", task.get_name(), error)
