"""One token's life: the poll in flight, the watch over it, and who can rely on it.

Source: xapi.md 1.6.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from .decoding import decode_answer
from .errors import (
    ConnectionLost,
    EventsLost,
    MalformedAnswer,
    SessionInvalid,
    XapiError,
    XenApiError,
)
from .event_answer import read_events

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .event_answer import EventAnswer
    from .link import EventTiming
    from .listeners import Kind, ListenerTable
    from .session import Session

_BEFORE_ALL_MESSAGES = "0" * 20
# So many events are told at a time: what listeners do with them stays within a few frames.
_SLICE = 400


class WokeUp(XenApiError):  # noqa: N818 -- says what happened
    """The machine slept: what the host said meanwhile may be lost."""


class Clocks:
    """The two clocks whose difference tells that the machine slept; both in seconds."""

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self.wall = wall
        self.monotonic = monotonic

    def read(self) -> tuple[float, float]:
        """Both clocks now."""
        return self.wall(), self.monotonic()

    def passed_s(self, before: tuple[float, float]) -> float:
        """Seconds since a reading; of a clock that stood still meanwhile the other tells."""
        return max(self.wall() - before[0], self.monotonic() - before[1])


class Follower:
    """Polls `event.from` for the classes of a listener table and hands its answers to it.

    Attributes:
        token: where the next poll goes on from; None before `connect` and after `lose`.
        served: classes of the poll in flight.
        ref_counts: objects by class, as the last answer told.
        last_event_at: when the last event came, monotonic seconds.
    """

    def __init__(
        self,
        session: Session,
        timing: EventTiming,
        clocks: Clocks,
    ) -> None:
        self.token: str | None = None
        self.served: frozenset[str] = frozenset()
        self.ref_counts: dict[str, int] = {}
        self.last_event_at = clocks.monotonic()
        self._session = session
        self._timing = timing
        self._clocks = clocks
        self._replaying = False
        self._closed = False
        # Classes of which every change from now on is certain to be delivered.
        self._ready: set[str] = set()
        self._waiters: set[asyncio.Future[None]] = set()

    # -- readiness

    async def ready(self, cls: str, table: ListenerTable) -> None:
        """Waits until changes to a class are certain to come, or nobody listens to it any more.

        Raises:
            ConnectionLost: closed.
        """
        while cls not in self._ready and cls in table.classes:
            if self._closed:
                raise ConnectionLost("the event hub is closed")
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)

    def drop(self, cls: str) -> None:
        """The last listener of a class is gone; one that comes later starts afresh."""
        self._ready.discard(cls)
        self._wake()

    def lose(self) -> None:
        """Forgets the token: nothing is certain until the next one."""
        self.token = None
        self._ready.clear()

    def open(self) -> None:
        """Makes `ready` wait instead of raise."""
        self._closed = False

    def close(self) -> None:
        """Forgets the token and lets nobody wait any longer."""
        self.lose()
        self._closed = True
        self._wake()

    def _release(self, classes: frozenset[str]) -> None:
        self._ready |= classes
        self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    # -- the host

    async def connect(self) -> None:
        """Gets a token of now; touching the pool gives one without reading a single object.

        Raises:
            XenApiError: the host does not give one.
        """
        pools = await self._call("pool.get_all")
        if not isinstance(pools, list) or not pools:
            raise MalformedAnswer("pool.get_all: no pool")
        token = await self._call("event.inject", "pool", pools[0])
        if not isinstance(token, str):
            raise MalformedAnswer("event.inject: no token")
        self.token = token
        self.last_event_at = self._clocks.monotonic()

    async def probe(self) -> None:
        """Asks whether the host is there, with little patience.

        Raises:
            SessionInvalid: it is, and has forgotten us.
            TransportError: it is not.
        """
        try:
            await self._call(
                "pool.get_all", timeout_s=self._timing.heartbeat_timeout_s, replay=False
            )
        except SessionInvalid:
            raise
        except XapiError:
            # A no is a sign of life.
            return

    async def settle(self, table: ListenerTable) -> None:
        """Lets changes of the class set gather, if there are any."""
        if table.changed.is_set():
            await asyncio.sleep(self._timing.debounce_s)
            table.changed.clear()

    async def poll(self, table: ListenerTable, on_alive: Callable[[], None]) -> None:
        """One `event.from` and what it brings; gives up quietly when the class set changes.

        The token moves on only with an answer that was dispatched, and that answer covers every
        class that was told to be ready: so no change falls between two polls.

        Args:
            table: whom to tell; its classes are asked for.
            on_alive: called at every sign of life.

        Raises:
            WokeUp: the machine slept.
            EventsLost: the host's time went backwards.
            XenApiError: the poll failed, or a silent host did not answer the heartbeat.
        """
        assert self.token is not None
        self.served = served = table.classes
        # The host replays all stored messages to a token whose second half is zero. Answers without
        # `message` make it zero by themselves; we make sure.
        self._replaying = "message" in served and "message" not in self._ready
        token = _before_all_messages(self.token) if self._replaying else self.token
        hold_s = self._timing.replay_poll_s if self._replaying else self._timing.poll_s
        self._release(served - {"message"})
        loop = asyncio.get_running_loop()
        request = loop.create_task(
            self._session.call(
                "event.from",
                (sorted(served), token, hold_s),
                timeout_s=hold_s + self._timing.poll_grace_s,
                read=read_events,
                replay=False,
                queued=False,
            ),
            name="event.from",
        )
        watch = loop.create_task(self._watch(served, table, on_alive), name="event.from watch")
        try:
            await asyncio.wait({request, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not request.done():
                return watch.result()
            answer = request.result()
        finally:
            await _end(request, watch)
            self.served = frozenset()
        on_alive()
        if 0 < _generation(answer.token) < _generation(token):
            # The answer to a question of before, or a host whose count began anew: what it goes on
            # from is no longer what we know.
            raise EventsLost("EVENTS_LOST")
        await self._take(answer, table)
        if self._replaying and "message" in table.classes:
            self._release(frozenset({"message"}))
        return None

    async def _take(self, answer: EventAnswer, table: ListenerTable) -> None:
        """Tells an answer; a large one in slices, so that the loop breathes in between."""
        if answer.batches:
            self.last_event_at = self._clocks.monotonic()
        told = 0
        for cls, batch in answer.batches.items():
            kinds: tuple[tuple[Kind, Sequence[object]], ...] = (
                ("add", batch.add),
                ("mod", batch.mod),
                ("del", batch.deleted),
            )
            for kind, items in kinds:
                for start in range(0, len(items), _SLICE):
                    if told >= _SLICE:
                        told = 0
                        await asyncio.sleep(0)
                    piece = items[start : start + _SLICE]
                    told += len(piece)
                    table.call(cls, kind, piece)
        # Only now: whoever is cut off in between is told again, which does no harm.
        self.token = answer.token
        self.ref_counts = answer.ref_counts

    async def _watch(
        self, served: frozenset[str], table: ListenerTable, on_alive: Callable[[], None]
    ) -> None:
        """Returns when the poll asks for the wrong classes; raises when it cannot come to good."""
        timing, clocks = self._timing, self._clocks
        logins = self._session.logins
        beat_at = clocks.monotonic() + timing.heartbeat_s
        while True:
            before = clocks.read()
            step_s = min(timing.tick_s, max(beat_at - before[1], 0.001))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(step_s):
                    await table.changed.wait()
            if clocks.passed_s(before) - step_s > timing.wake_jump_s:
                raise WokeUp("the machine slept")
            if self._session.logins != logins:
                # A call found the session gone and got another; the host may still hold our poll.
                raise SessionInvalid("SESSION_INVALID")
            if table.changed.is_set():
                await self.settle(table)
                unseen = "message" in served and not (self._replaying or "message" in self._ready)
                if table.classes != served or unseen:
                    return
                # Left and came back within the moment: this poll serves the newcomer as well.
                self._release(served - {"message"})
            elif clocks.monotonic() >= beat_at:
                await self.probe()
                on_alive()
                beat_at = clocks.monotonic() + timing.heartbeat_s

    async def _call(
        self, method: str, *params: Any, timeout_s: float | None = None, replay: bool = True
    ) -> Any:
        return await self._session.call(
            method, params, timeout_s=timeout_s, read=decode_answer, replay=replay, queued=False
        )


def _generation(token: str) -> int:
    """How far the database had come; of a token that is not understood, 0."""
    first, _, _ = token.partition(",")
    return int(first) if first.isdecimal() and first.isascii() else 0


def _before_all_messages(token: str) -> str:
    generation, comma, _ = token.partition(",")
    return f"{generation},{_BEFORE_ALL_MESSAGES}" if comma else token


async def _end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            # Whatever it was: the other task's outcome came first.
            task.exception()
