"""A wire that loses, repeats, delays and overtakes, before a demo host, in a time of its own.

No sockets and no waiting: the loop's clock jumps to whatever comes next, so an hour of trouble
takes a moment, and the same steps lead to the same end. Everything above the socket is the real
client's; everything behind it is the demo host, which shares no code with the client.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, cast

from xolite_qt.demo_host import CallRecord, DemoHost
from xolite_qt.demo_host.minimal_world import build_minimal_world
from xolite_qt.demo_host.wire_json import answer_json
from xolite_qt.xen_api import (
    CallTimeout,
    ConnectionLost,
    EventTiming,
    MalformedAnswer,
    MemoryPins,
    NotReachable,
    XenApi,
)
from xolite_qt.xen_api.events import EventHub


class Fate(StrEnum):
    """What befalls one exchange."""

    LOSE_REQUEST = "the request is lost"
    LOSE_ANSWER = "the answer is lost"
    HALF_ANSWER = "half of the answer arrives"
    SLOW_REQUEST = "the request takes its time"
    SLOW_ANSWER = "the answer takes its time"
    REPEAT = "an answer of before arrives once more"


class _JumpingSelector(selectors.SelectSelector):
    """Waits for nothing: the time that one would have waited has passed."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Override SelectSelector.select."""
        if timeout is None:
            raise AssertionError("everything waits, and nothing will ever happen")
        self.now_s += max(timeout, 0.0)
        return super().select(0)


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop in which nothing takes real time but work."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Override BaseEventLoop.time."""
        return self._jumping.now_s


class RoughWire:
    """Stands in for the client's transport; every exchange meets its fate.

    Attributes:
        host: who answers.
        down: whether the host is away: nothing is sent.
        polls: `event.from` calls that are under way, as the client sees it.
        fates: of the next calls, `event.from` and logins left out.
        poll_fates: of the next `event.from` calls.
        delay_s: how long what is slow takes.
        methods: what was called, oldest first.
    """

    def __init__(self, host: DemoHost) -> None:
        self.host = host
        self.down = False
        self.polls = 0
        self.fates: deque[Fate] = deque()
        self.poll_fates: deque[Fate] = deque()
        self.delay_s = 1.0
        self.methods: list[str] = []
        self._under_way: set[asyncio.Task[bytearray]] = set()
        # Answers to polls since the connection was last cut, oldest first.
        self._answers: list[bytearray] = []

    def cut(self) -> None:
        """Every exchange under way ends without an answer."""
        self._answers.clear()
        for task in self._under_way:
            task.cancel()

    def calm(self) -> None:
        """From now on everything arrives, once, at once, in order."""
        self.fates.clear()
        self.poll_fates.clear()
        self.down = False

    async def post(
        self, _address: object, _path: str, body: bytes, *, what: str, timeout_s: float
    ) -> bytearray:
        """As Transport.post."""
        if self.down:
            raise NotReachable("the host is away")
        self.methods.append(what)
        is_poll = what == "event.from"
        fates = self.poll_fates if is_poll else self.fates
        known = what.startswith("session.") or not fates
        fate = None if known else fates.popleft()
        task = asyncio.ensure_future(self._exchange(body, fate, is_poll))
        self._under_way.add(task)
        self.polls += is_poll
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.wait({task})
        except TimeoutError:
            raise CallTimeout(what, timeout_s) from None
        finally:
            self.polls -= is_poll
            self._under_way.discard(task)
            task.cancel()
        if task.cancelled():
            raise ConnectionLost("cut")
        return task.result()

    async def get(self, *_: object, **__: object) -> bytearray:
        """As Transport.get: measurements are nobody's business here."""
        raise NotReachable("no measurements")

    def pinned(self, _address: object) -> str | None:
        """As Transport.pinned."""
        return None

    async def close(self) -> None:
        """As Transport.close."""
        self.cut()

    async def _exchange(self, body: bytes, fate: Fate | None, is_poll: bool) -> bytearray:
        if fate is Fate.LOSE_REQUEST:
            raise ConnectionLost("the request was lost")
        if fate is Fate.SLOW_REQUEST:
            await asyncio.sleep(self.delay_s)
        if fate is Fate.REPEAT and self._answers:
            return bytearray(self._answers[0])
        reply = await answer_json(self.host, body, CallRecord("POST /jsonrpc"))
        if fate is Fate.LOSE_ANSWER:
            raise ConnectionLost("the answer was lost")
        if fate is Fate.SLOW_ANSWER:
            await asyncio.sleep(self.delay_s)
        if reply.status != 200:
            raise MalformedAnswer(f"status {reply.status}")
        answer = bytearray(reply.body)
        if fate is Fate.HALF_ANSWER:
            return answer[: len(answer) // 2]
        if is_poll:
            self._answers = [*self._answers[-2:], answer]
        return answer


def small_host() -> DemoHost:
    """A host with three VMs, in no hurry and without a server."""
    host = DemoHost(speed=0.01)
    build_minimal_world(host)
    return host


def client_over(wire: RoughWire, loop: asyncio.AbstractEventLoop) -> XenApi:
    """A real client over a rough wire, with clocks of the loop's time."""
    api = XenApi("http://127.0.0.1:1", pins=MemoryPins(), call_timeout_s=20.0)
    session: Any = api._session
    session._transport = wire
    timing = EventTiming(jitter_s=0.0)
    api.events = EventHub(session, timing, wall_clock=loop.time, monotonic_clock=loop.time)
    return api


def restart_toolstack(wire: RoughWire, away_s: float, *, cut: bool = True) -> None:
    """As xapi's own restart: sessions and tasks are gone without a word, and its database counts
    its generations from an older state of itself.

    Args:
        wire: before the host.
        away_s: how long nothing reaches it.
        cut: whether answers under way are lost; else they were out of the door already.
    """
    host = wire.host
    host.tasks.cancel_all()
    host.sessions.end_all()
    if cut:
        wire.cut()
        wire.down = True
        asyncio.get_running_loop().call_later(away_s, _back, wire)
    db: Any = host.db
    for ref in list(db.table("task").rows):
        uuid = db.get("task", ref).get("uuid", "")
        del db.table("task").rows[ref]
        db.table("task").by_uuid.pop(uuid, None)
    for table in db.tables.values():
        table.deleted.clear()
        for row in table.rows.values():
            row.created = row.modified = 1
    db.generation = 2


def _back(wire: RoughWire) -> None:
    wire.down = False


def truth(host: DemoHost, cls: str) -> Mapping[str, Mapping[str, Any]]:
    """What the host has of a class, in its own words."""
    return cast("Mapping[str, Mapping[str, Any]]", host.db.records(cls))
