"""A host in a hundred lines, without a wire: what it knows, what it is asked, what it tells.

It keeps the promises that the event hub makes (coalesced events once per answer, a replay of all
messages for whoever begins to follow them, a reset after every gap) and none that it does not.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

from xolite_qt.xen_api import (
    RECORDS,
    ConnectionLost,
    HandleInvalid,
    LinkPhase,
    LinkState,
    Listener,
    MetricsAnswer,
    Record,
    XenApi,
)

_FIELD = re.compile(r'\(field "(\w+)" = "(\w+)"\)')


class FakeHost:
    """The truth, by class and reference."""

    def __init__(self) -> None:
        self.truth: dict[str, dict[str, Record]] = {cls: {} for cls in RECORDS}
        self.events = FakeHub(self)
        self.api = FakeApi(self)
        # What happened since the last answer: (class, reference) -> existed at the token.
        self.touched: dict[tuple[str, str], bool] = {}

    def put(self, *records: Record) -> None:
        """Creates or changes objects."""
        for record in records:
            objects = self.truth[record.wire_class.lower()]
            self.touched.setdefault((record.wire_class.lower(), record.ref), record.ref in objects)
            objects[record.ref] = record

    def remove(self, cls: str, ref: str) -> None:
        """Deletes an object."""
        self.touched.setdefault((cls, ref), ref in self.truth[cls])
        del self.truth[cls][ref]

    def client(self) -> XenApi:
        """Its client, as the stores want it."""
        return cast("XenApi", self.api)


class FakeHub:
    """Listeners, and the answers of `event.from`."""

    def __init__(self, host: FakeHost) -> None:
        self._host = host
        self._listeners: dict[Listener, tuple[str, str, Callable[..., object]]] = {}
        self._state_listeners: dict[Listener, Callable[[LinkState], object]] = {}
        self._ready: set[str] = set()
        self._waiters: list[asyncio.Future[None]] = []
        self.state = LinkState(LinkPhase.CONNECTED)
        self.last_event_at = time.monotonic()
        self.ref_counts: dict[str, int] = {}
        self.holds_ready = False
        self.closed = False

    @property
    def classes(self) -> frozenset[str]:
        return frozenset(cls for cls, _, _ in self._listeners.values())

    def on(self, cls: str, kind: str, callback: Callable[..., object]) -> Listener:
        def remove() -> None:
            del self._listeners[listener]
            if cls not in self.classes:
                self._ready.discard(cls)

        listener = Listener(remove)
        self._listeners[listener] = (cls, kind, callback)
        return listener

    def on_state(self, callback: Callable[[LinkState], object]) -> Listener:
        def remove() -> None:
            del self._state_listeners[listener]

        listener = Listener(remove)
        self._state_listeners[listener] = callback
        return listener

    async def ready(self, cls: str) -> None:
        while cls not in self._ready and cls in self.classes:
            await asyncio.sleep(0)
            if self.closed:
                raise ConnectionLost("the event hub is closed")
            if self.state.phase is LinkPhase.CONNECTED and not self.holds_ready:
                self._make_ready(cls)
            else:
                waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiters.append(waiter)
                await waiter

    def _make_ready(self, cls: str) -> None:
        if cls in self._ready or cls not in self.classes:
            return
        self._ready.add(cls)
        for key in [key for key in self._host.touched if key[0] == cls]:
            del self._host.touched[key]
        if cls == "message" and (found := self._host.truth[cls]):
            self._tell(cls, "add", list(found.values()))

    def release(self) -> None:
        """Lets those through that wait for `ready`."""
        self.holds_ready = False
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def answer(self) -> None:
        """One answer of `event.from`: everything since the last one, coalesced."""
        told: dict[tuple[str, str], list[Any]] = {}
        touched, self._host.touched = self._host.touched, {}
        for (cls, ref), existed in touched.items():
            if cls not in self._ready:
                continue
            record = self._host.truth[cls].get(ref)
            if record is not None:
                told.setdefault((cls, "mod" if existed else "add"), []).append(record)
            elif existed:
                told.setdefault((cls, "del"), []).append(ref)
        self.ref_counts = {cls: len(objects) for cls, objects in self._host.truth.items()}
        self.last_event_at = time.monotonic()
        order = ("add", "mod", "del")
        for (cls, kind), what in sorted(told.items(), key=lambda item: order.index(item[0][1])):
            self._tell(cls, kind, what)

    def _tell(self, cls: str, kind: str, *what: object) -> None:
        for listener, (of, wanted, callback) in tuple(self._listeners.items()):
            if of == cls and wanted == kind and listener.is_active:
                callback(*what)

    def _go(self, phase: LinkPhase, error: Exception | None = None) -> None:
        self.state = LinkState(phase, error=error)
        for callback in tuple(self._state_listeners.values()):
            callback(self.state)

    def lose_link(
        self, error: Exception | None = None, phase: LinkPhase = LinkPhase.RECONNECTING
    ) -> None:
        """From now on nothing is told; what happens meanwhile is lost."""
        self._ready.clear()
        self._go(phase, error)

    def reconnect(self) -> None:
        """A new token, and a reset for everybody."""
        self._host.touched.clear()
        self._ready.clear()
        self._go(LinkPhase.CONNECTED)
        for cls in self.classes:
            self._tell(cls, "reset")
        self.release()


class FakeApi:
    """The calls that stores make."""

    def __init__(self, host: FakeHost) -> None:
        self._host = host
        self.events = host.events
        self.calls: Counter[str] = Counter()
        self.wheres: list[str | None] = []
        self.errors: dict[str, list[Exception]] = {}
        self.answers: dict[str, Callable[..., Any]] = {}
        self.turns = 1
        self.metrics_asked: list[dict[str, Any]] = []
        self.measure: Callable[..., MetricsAnswer] | None = None

    async def get_all_records(self, cls: str, where: str | None = None) -> dict[str, Record]:
        self.calls[cls] += 1
        self.wheres.append(where)
        # The answer is of now, and arrives later: events may overtake it.
        wanted = _FIELD.findall(where or "")
        found = {
            ref: record
            for ref, record in self._host.truth[cls].items()
            if all(str(getattr(record, name)).lower() == value for name, value in wanted)
        }
        for _ in range(self.turns):
            await asyncio.sleep(0)
        self._raise(cls if where is None else f"{cls} where")
        return found

    async def get_record(self, cls: str, ref: str) -> Record:
        await asyncio.sleep(0)
        try:
            return self._host.truth[cls][ref]
        except KeyError:
            raise HandleInvalid("HANDLE_INVALID", (cls, ref)) from None

    async def call(self, method: str, *params: Any, timeout_s: float | None = None) -> Any:
        self.calls[method] += 1
        await asyncio.sleep(0)
        self._raise(method)
        return self.answers[method](*params)

    async def metrics(self, **asked: Any) -> MetricsAnswer:
        self.metrics_asked.append(asked)
        await asyncio.sleep(0)
        self._raise("metrics")
        assert self.measure is not None
        return self.measure(**asked)

    def _raise(self, name: str) -> None:
        if errors := self.errors.get(name):
            raise errors.pop(0)


async def turns(count: int = 12) -> None:
    """Lets the loop turn until what is under way has come to rest."""
    for _ in range(count):
        await asyncio.sleep(0)
