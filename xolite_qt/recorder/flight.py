"""What came over a connection, and what of it is kept.

Answers are kept as they came, compressed; they are looked into only when the oldest are dropped or
when somebody takes the recording. So a quiet hour costs next to nothing. What takes longer than a
moment is done in a thread where a loop runs: large answers come to whoever draws the window, too.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import zstandard

from xolite_qt.xen_api import Exchange

HORIZON_S = 3600.0
BUDGET_BYTES = 64 << 20
"""Of compressed answers; the oldest go first."""

_EVENTS = "event.from"
_LOAD = ".get_all_records"
_AT_ONCE_BYTES = 64 << 10
"""Smaller answers are compressed and read at once: a thread would take longer."""
# Read again and again by our own polls: they would fill the recording and tell nothing.
_QUIET = ("host.get_servertime", "message.get_since", "event.inject")


@dataclass(frozen=True)
class SetItem:
    """An object came, or changed.

    Attributes:
        at_s: seconds since 1970, by this computer.
        cls: its class, in any case.
        ref: of it.
        record: as the host sent it.
    """

    at_s: float
    cls: str
    ref: str
    record: dict[str, Any]


@dataclass(frozen=True)
class GoneItem:
    """An object went."""

    at_s: float
    cls: str
    ref: str


@dataclass(frozen=True)
class CallItem:
    """A call that was made.

    Attributes:
        at_s: when it was sent.
        method: without the session.
        params: as they were given.
        took_s: until its answer.
        error: the host's code, or the kind of failure; "" where it went well.
    """

    at_s: float
    method: str
    params: tuple[Any, ...]
    took_s: float
    error: str = ""


Item = SetItem | GoneItem | CallItem
World = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class Flight:
    """A recording.

    Attributes:
        begun_s, ended_s: seconds since 1970.
        world: records by class and reference at the beginning, as far as they were known then or
            came whole later.
        items: what happened after it, oldest first.
    """

    begun_s: float
    ended_s: float
    world: World
    items: list[Item]


@dataclass
class _Frame:
    at_s: float
    method: str
    params: tuple[Any, ...]
    took_s: float
    error: str
    # The answer as it came, until it is compressed.
    raw: bytes | bytearray = b""
    body: bytes = b""

    @property
    def is_load(self) -> bool:
        return _LOAD in self.method

    @property
    def is_events(self) -> bool:
        return self.method == _EVENTS


class _Event(msgspec.Struct):
    cls: str = msgspec.field(name="class", default="")
    operation: str = ""
    ref: str = ""
    snapshot: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Events(msgspec.Struct):
    events: list[_Event] = []


class _Envelope(msgspec.Struct):
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def _packed(raw: bytes | bytearray) -> bytes:
    # A copy: what zstandard returns goes on holding room for the worst case, more than `raw` had.
    return bytes(memoryview(zstandard.ZstdCompressor(level=1).compress(raw)))


@dataclass
class FlightRecorder:
    """Keeps the last while of a connection.

    Attributes:
        horizon_s: how long.
        budget_bytes: most memory for answers, compressed.
    """

    horizon_s: float = HORIZON_S
    budget_bytes: int = BUDGET_BYTES
    _frames: deque[_Frame] = field(default_factory=deque)
    _world: dict[str, dict[str, bytes]] = field(default_factory=dict)
    _size_bytes: int = 0
    _begun_s: float = field(default_factory=time.time)
    # Of the world and the oldest end of the frames; new ones are put to the other end without it.
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _count_lock: threading.Lock = field(default_factory=threading.Lock)
    _working: asyncio.Future[None] | None = None

    # ------------------------------------------------------------------ what comes

    def heard(self, exchange: Exchange) -> None:
        """Takes one exchange with the host; cheap, called for each."""
        method = exchange.method
        if method in _QUIET or (".get_" in method and _LOAD not in method and not exchange.error):
            return
        frame = _Frame(
            exchange.at_s, method, tuple(exchange.params), exchange.took_s, exchange.error
        )
        if frame.is_events or frame.is_load:
            if exchange.error:
                return
            frame.params = ()
            frame.raw = exchange.body
            if len(frame.raw) < _AT_ONCE_BYTES:
                self._pack(frame)
        self._frames.append(frame)
        self._tidy(exchange.at_s, at_once=not frame.raw)

    def _pack(self, frame: _Frame) -> None:
        frame.body = _packed(frame.raw)
        frame.raw = b""
        self._count(len(frame.body))

    def _count(self, change_bytes: int) -> None:
        with self._count_lock:
            self._size_bytes += change_bytes

    def _tidy(self, now_s: float, *, at_once: bool) -> None:
        if self._working is not None:
            return
        if at_once:
            if not self._is_over(now_s):
                return
            oldest = self._frames[0]
            at_once = not oldest.is_load and len(oldest.body) < _AT_ONCE_BYTES
        try:
            loop = None if at_once else asyncio.get_running_loop()
            work = None if loop is None else loop.run_in_executor(None, self._work, now_s, False)
        except RuntimeError:
            # No loop, or one that ends.
            work, at_once = None, False
        if work is None:
            self._work(now_s, at_once)
            return
        self._working = work
        work.add_done_callback(self._worked)

    def _worked(self, work: asyncio.Future[None]) -> None:
        self._working = None
        if not work.cancelled():
            work.result()

    def _is_over(self, now_s: float) -> bool:
        return bool(self._frames) and (
            now_s - self._frames[0].at_s > self.horizon_s or self._size_bytes > self.budget_bytes
        )

    def _work(self, now_s: float, only_small: bool) -> None:
        with self._lock:
            for frame in tuple(self._frames):
                if frame.raw:
                    self._pack(frame)
            while self._is_over(now_s):
                oldest = self._frames[0]
                if only_small and (oldest.is_load or len(oldest.body) >= _AT_ONCE_BYTES):
                    return
                self._frames.popleft()
                self._count(-len(oldest.body))
                self._begun_s = oldest.at_s
                self._fold(oldest)

    def _fold(self, frame: _Frame) -> None:
        """What a dropped answer said is part of how the world was when the recording begins."""
        for cls, ref, raw in _told(frame):
            table = self._world.setdefault(cls.lower(), {})
            if raw is None:
                table.pop(ref, None)
            else:
                table[ref] = _packed(bytes(raw))

    # ------------------------------------------------------------------ what is told

    @property
    def span_s(self) -> float:
        """How far back it goes."""
        return max(0.0, time.time() - self._begun_s)

    @property
    def size_bytes(self) -> int:
        """Of the answers in memory."""
        return self._size_bytes

    def calls(self) -> list[CallItem]:
        """The calls that are kept, oldest first; loads and polls are not among them."""
        return [
            CallItem(frame.at_s, frame.method, frame.params, frame.took_s, frame.error)
            for frame in tuple(self._frames)
            if not frame.is_load and not frame.is_events
        ]

    def take(self) -> Flight:
        """The recording as it is now. Blocks: call it in a thread; the recorder goes on."""
        with self._lock:
            frames = tuple(self._frames)
            begun_s = self._begun_s
            packed = {cls: dict(table) for cls, table in self._world.items()}
        world: World = {}
        for cls, table in packed.items():
            found = ((ref, _unpacked(record)) for ref, record in table.items())
            world[cls] = {ref: record for ref, record in found if record is not None}
        items: list[Item] = []
        seen = set(world)
        for frame in frames:
            if frame.is_load:
                cls = frame.method.partition(".")[0].lower()
                first = cls not in seen
                for item in _items(frame):
                    if not isinstance(item, SetItem):
                        continue
                    if first or item.ref not in world.setdefault(cls, {}):
                        # Read for the first time: it was there before, only nobody looked.
                        world.setdefault(cls, {})[item.ref] = item.record
                    else:
                        items.append(item)
                seen.add(cls)
            else:
                items.extend(_items(frame))
        ended_s = frames[-1].at_s if frames else time.time()
        return Flight(begun_s, ended_s, world, items)


def _items(frame: _Frame) -> Iterator[Item]:
    if not (frame.is_load or frame.is_events):
        yield CallItem(frame.at_s, frame.method, frame.params, frame.took_s, frame.error)
        return
    for cls, ref, raw in _told(frame):
        if raw is None:
            yield GoneItem(frame.at_s, cls, ref)
        elif (record := _record(raw)) is not None:
            yield SetItem(frame.at_s, cls, ref, record)


def _told(frame: _Frame) -> Iterator[tuple[str, str, msgspec.Raw | None]]:
    """Class, reference and record as it came of each object in an answer; None where it went."""
    if frame.is_load:
        cls = frame.method.partition(".")[0]
        for ref, raw in _result(frame, dict[str, msgspec.Raw], {}).items():
            yield cls, ref, raw
    elif frame.is_events:
        for event in _result(frame, _Events, _Events()).events:
            if event.operation == "del":
                yield event.cls, event.ref, None
            elif event.snapshot is not msgspec.UNSET:
                yield event.cls, event.ref, event.snapshot


def _result(frame: _Frame, kind: Any, default: Any) -> Any:
    # A host may answer anything: what cannot be read is left out of the recording.
    try:
        raw = frame.raw
        body = bytes(raw) if raw else zstandard.ZstdDecompressor().decompress(frame.body)
        envelope = msgspec.json.decode(body, type=_Envelope)
        if envelope.result is msgspec.UNSET:
            return default
        return msgspec.json.decode(envelope.result, type=kind, strict=False)
    except (msgspec.DecodeError, zstandard.ZstdError, RecursionError, UnicodeDecodeError):
        return default


def _record(raw: msgspec.Raw | bytes) -> dict[str, Any] | None:
    try:
        record = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return record if isinstance(record, dict) else None


def _unpacked(packed: bytes) -> dict[str, Any] | None:
    return _record(zstandard.ZstdDecompressor().decompress(packed))
