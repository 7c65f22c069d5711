"""Live events: one `event.from` in flight, for exactly the classes that somebody listens to.

A supervisor keeps it alive through whatever happens. After every gap (connection lost, events lost,
session expired, machine slept) the hub starts from a new token and tells the listeners of every
class to `reset`, so that nothing stale stays.

Source: xapi.md 1.6; xo-lite.md 2.3 for what the original gets wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from .errors import (
    AuthenticationFailed,
    EventsLost,
    HandleInvalid,
    HostIsSlave,
    SessionInvalid,
    XapiError,
    XenApiError,
)
from .follower import Clocks, Follower, WokeUp
from .link import Backoff, EventTiming, LinkPhase, LinkState, Listener
from .listeners import Callback, Kind, ListenerTable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .session import Session

_log = logging.getLogger(__name__)

# New sessions in a row that the host refuses before we stop asking for more.
_MAX_RENEWALS = 3


class EventHub:
    """Listeners per class and kind, fed by a supervised `event.from` loop."""

    def __init__(
        self,
        session: Session,
        timing: EventTiming | None = None,
        *,
        wall_clock: Callable[[], float] = time.time,
        monotonic_clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._timing = timing or EventTiming()
        self._clocks = Clocks(wall_clock, monotonic_clock)
        self._follower = Follower(session, self._timing, self._clocks)
        self._table = ListenerTable(self._follower.drop)
        self._backoff = Backoff(self._timing)
        self._state = LinkState(LinkPhase.CONNECTING, since=monotonic_clock())
        self._state_listeners: dict[Listener, Callable[[LinkState], object]] = {}
        self._task: asyncio.Task[None] | None = None
        self._gap = False
        self._renewals = 0
        self._nudged = asyncio.Event()
        session.on_login = self._nudged.set

    # -- listening

    def on(self, cls: str, kind: Kind, callback: Callback) -> Listener:
        """Registers a callback; the class is followed as long as it has a listener of any kind.

        Callbacks are plain functions, called once per answer (a large one comes in
        slices of a few hundred): `add` and `mod` with a list of
        records, `del` with a list of references, `reset` with nothing. One that raises is logged,
        and called again the next time.

        Raises:
            ValueError: an unknown kind.
        """
        return self._table.add(cls, kind, callback)

    @property
    def classes(self) -> frozenset[str]:
        """Classes with at least one listener, in lower case."""
        return self._table.classes

    @property
    def served_classes(self) -> frozenset[str]:
        """Classes of the `event.from` in flight; empty while there is none."""
        return self._follower.served

    @property
    def ref_counts(self) -> Mapping[str, int]:
        """How many objects the host has by class, as the last answer told; messages not counted."""
        return self._follower.ref_counts

    @property
    def last_event_at(self) -> float:
        """When the last event came (or the link came up), as `time.monotonic` tells it, in s."""
        return self._follower.last_event_at

    async def ready(self, cls: str) -> None:
        """Waits until every change to a class from now on is certain to be delivered.

        Load after this: what changes meanwhile comes as an event. For `message` it waits until the
        replay of all stored messages, which the host sends to whoever newly follows them, was
        dispatched as `add`. Returns at once when nobody listens to the class (any more).

        Raises:
            ConnectionLost: the hub is stopped.
        """
        await self._follower.ready(cls.lower(), self._table)

    # -- state

    @property
    def state(self) -> LinkState:
        """How the connection is doing."""
        return self._state

    def on_state(self, callback: Callable[[LinkState], object]) -> Listener:
        """Registers a callback for every later state."""

        def remove() -> None:
            del self._state_listeners[listener]

        listener = Listener(remove)
        self._state_listeners[listener] = callback
        return listener

    def retry_now(self) -> None:
        """Does not wait for the next attempt to reconnect. Elsewhere it does nothing."""
        if self._state.phase in (LinkPhase.RECONNECTING, LinkPhase.EXPIRED):
            self._nudged.set()

    def start(self) -> None:
        """Starts the loop, which waits for a login by itself. Does nothing when it runs."""
        if self._task is None or self._task.done():
            self._follower.open()
            self._set_state(LinkPhase.CONNECTING)
            self._task = asyncio.get_running_loop().create_task(
                self._supervise(), name="xen_api event hub"
            )

    async def stop(self) -> None:
        """Ends the loop. Listeners stay registered; `ready` raises until the next `start`."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        self._follower.close()
        self._set_state(LinkPhase.CLOSED)

    def _set_state(
        self,
        phase: LinkPhase,
        *,
        retry_in_s: float | None = None,
        error: Exception | None = None,
    ) -> None:
        old = self._state
        if (old.phase, old.retry_in_s, old.error) == (phase, retry_in_s, error):
            return
        self._state = LinkState(phase, retry_in_s, error, self._clocks.monotonic())
        for listener, callback in list(self._state_listeners.items()):
            if not listener.is_active:
                continue
            try:
                callback(self._state)
            except Exception:
                # Foreign code: its fault must not end the loop that would recover the link.
                _log.exception("a listener to the link's state failed")

    # -- the supervisor

    async def _supervise(self) -> None:
        await self._session.signed_in.wait()
        while True:
            logins = self._session.logins
            problem: Exception | None
            try:
                await self._follow()
            except (SessionInvalid, HostIsSlave) as error:
                self._lose(error)
                problem = await self._renew(logins, error)
            except XenApiError as error:
                self._lose(error)
                problem = error
            except Exception as error:
                # The task's boundary: whatever is wrong with us, the window must not go stale.
                _log.exception("the event loop failed")
                self._lose(error)
                problem = error
            if problem is not None:
                await self._recover(problem)

    async def _follow(self) -> None:
        """Follows events until something fails."""
        follower, table = self._follower, self._table
        while True:
            if not table.classes and self._state.phase is not LinkPhase.RECONNECTING:
                # Nobody listens: nothing can get stale, and a later token is as good.
                self._set_state(LinkPhase.CONNECTED)
                follower.lose()
                self._gap = False
                await table.changed.wait()
            await follower.settle(table)
            if follower.token is None:
                if not table.classes and self._state.phase is not LinkPhase.RECONNECTING:
                    continue
                await follower.connect()
                self._set_state(LinkPhase.CONNECTED)
                if self._gap:
                    self._gap = False
                    for cls in table.classes:
                        table.call(cls, "reset")
            elif table.classes:
                await follower.poll(table, self._alive)

    def _alive(self) -> None:
        self._backoff.reset()
        self._renewals = 0

    def _lose(self, error: Exception) -> None:
        _log.debug("the event loop stopped: %s", error)
        self._gap = True
        self._follower.lose()

    async def _renew(self, logins: int, error: XapiError) -> Exception | None:
        """Signs in again. Returns what still stands in the way."""
        self._renewals += 1
        if self._renewals > _MAX_RENEWALS:
            return error
        if self._renewals > 1:
            # The last new session did not even live until an answer.
            await self._pause(error)
        self._set_state(LinkPhase.RECONNECTING, error=error)
        try:
            await self._session.renew(logins, error)
        except XenApiError as problem:
            return problem
        return None

    async def _recover(self, problem: Exception) -> None:
        """Waits as long as fits the problem: for a login, for a moment, or not at all."""
        if isinstance(problem, SessionInvalid | AuthenticationFailed):
            logins = self._session.logins
            self._nudged.clear()
            self._set_state(LinkPhase.EXPIRED, error=problem)
            await self._wait_for_login(logins)
            self._renewals = 0
            self._set_state(LinkPhase.RECONNECTING, error=problem)
            return
        if isinstance(problem, WokeUp):
            self._backoff.reset()
        if self._backoff.attempts == 0 and isinstance(problem, WokeUp | EventsLost | HandleInvalid):
            # A new token is all that it takes, the first time.
            self._backoff.next_s()
        else:
            await self._pause(problem)
        self._set_state(LinkPhase.RECONNECTING, error=problem)

    async def _pause(self, problem: Exception) -> None:
        delay_s = self._backoff.next_s()
        # Before the state is told: whoever hears it may say `retry_now` at once.
        self._nudged.clear()
        self._set_state(LinkPhase.RECONNECTING, retry_in_s=delay_s, error=problem)
        await self._nap(delay_s)

    async def _wait_for_login(self, logins_before: int) -> None:
        while self._session.logins == logins_before:
            await self._nudged.wait()
            self._nudged.clear()
            if self._session.signed_in.is_set():
                # Credentials are held: somebody wants them tried once more.
                return

    async def _nap(self, delay_s: float) -> None:
        """Sleeps, unless nudged; a machine that slept meanwhile has waited long enough."""
        until = self._clocks.monotonic() + delay_s
        while (left_s := until - self._clocks.monotonic()) > 0:
            before = self._clocks.read()
            step_s = min(left_s, self._timing.tick_s)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(step_s):
                    await self._nudged.wait()
                return
            if self._clocks.passed_s(before) - step_s > self._timing.wake_jump_s:
                return
