"""How the connection to a host is doing, and how patient we are with it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tenacity import AsyncRetrying, RetryCallState
from tenacity.wait import wait_exponential, wait_random

if TYPE_CHECKING:
    from collections.abc import Callable


class LinkPhase(StrEnum):
    """What the event hub is doing."""

    CONNECTING = "connecting"  # not signed in yet
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"  # tries by itself, for ever
    EXPIRED = "expired"  # somebody must log in
    CLOSED = "closed"


@dataclass(frozen=True)
class LinkState:
    """One state of the connection.

    Attributes:
        phase: what the hub is doing.
        retry_in_s: seconds from `since` to the next attempt; None where one is under way, or none
            is planned.
        error: why the connection is not up; None while it is.
        since: when this state began, as `time.monotonic` tells it, in seconds.
    """

    phase: LinkPhase
    retry_in_s: float | None = None
    error: Exception | None = None
    since: float = 0.0


@dataclass(frozen=True)
class EventTiming:
    """Times of the event hub, all in seconds.

    Attributes:
        poll_s: how long the host may hold an `event.from`. Not a whole number: as an integer it
            would arrive with the wrong type.
        poll_grace_s: how much longer than that we wait before the poll counts as stuck.
        replay_poll_s: the same as `poll_s` for the poll that fetches the stored messages; short,
            for there may be none.
        debounce_s: how long changes to the set of classes are gathered.
        heartbeat_s: how long a poll may be silent before we ask whether the host is there.
        heartbeat_timeout_s: how long it has to say so.
        tick_s: how often we look at the clocks.
        wake_jump_s: a jump of the clocks by this much means that the machine slept.
        first_wait_s: pause before the second attempt to reconnect; it doubles each time.
        longest_wait_s: and never exceeds this.
        jitter_s: at random, so that many clients do not come at once.
    """

    poll_s: float = 60.1
    poll_grace_s: float = 15.0
    replay_poll_s: float = 0.5
    debounce_s: float = 0.03
    heartbeat_s: float = 10.0
    heartbeat_timeout_s: float = 5.0
    tick_s: float = 1.0
    wake_jump_s: float = 5.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    jitter_s: float = 0.5


class Backoff:
    """How long to wait before the next attempt: exponential, with jitter, capped, for ever."""

    def __init__(self, timing: EventTiming) -> None:
        self._wait = wait_exponential(
            multiplier=timing.first_wait_s, max=timing.longest_wait_s - timing.jitter_s
        ) + wait_random(0, timing.jitter_s)
        # tenacity's strategies ask a call's state for the number of the attempt.
        self._state = RetryCallState(AsyncRetrying(), None, (), {})
        self._state.attempt_number = 0

    @property
    def attempts(self) -> int:
        """Failures since the last success."""
        return self._state.attempt_number

    def next_s(self) -> float:
        """Seconds to wait after one more failure."""
        self._state.attempt_number += 1
        return self._wait(self._state)

    def reset(self) -> None:
        """The connection works again."""
        self._state.attempt_number = 0


class Listener:
    """A registration; `remove` ends it. Safe to call more than once."""

    def __init__(self, on_remove: Callable[[], None]) -> None:
        self._on_remove: Callable[[], None] | None = on_remove

    def __repr__(self) -> str:
        return f"<Listener {'active' if self.is_active else 'removed'}>"

    @property
    def is_active(self) -> bool:
        """Whether it is still called."""
        return self._on_remove is not None

    def remove(self) -> None:
        """Ends the registration; it is not called again, not even for an answer under way."""
        on_remove, self._on_remove = self._on_remove, None
        if on_remove is not None:
            on_remove()
