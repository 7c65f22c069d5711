"""One question at a time to one host about one archive, for everybody who watches anything there.

Source: xapi.md 1.8; xo-lite.md 3 ("Cadence", what to beat).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Literal

from xolite_qt.stores.stats_series import (
    LATEST_POINTS,
    ObjectSeries,
    Usage,
    latest,
    read_lines,
)
from xolite_qt.xen_api import Archive, MalformedAnswer, MetricsAnswer, XenApi, XenApiError

_log = logging.getLogger(__name__)

Kind = Literal["host", "vm"]
Key = tuple[Kind, str]

NO_VM = "00000000-0000-0000-0000-000000000000"
"""Asked for as the one VM where none is wanted: without a name the host sends all of them."""
SLOWEST_LOOK_S = 60.0
"""A weekly archive may have a new row at any minute, if not every minute."""
LONGEST_BACK_OFF_S = 60.0
_GATHER_S = 0.02

# The data sources that `Usage` is read from.
_USAGE = ("memory_total_kib", "memory_free_kib", "memory", "memory_internal_free", "cpu_avg")

Heard = Callable[["StatsPoll", XenApiError | None], None]


class StatsPoll:
    """Asks one host for what is new in one archive, as long as anything is wanted.

    Attributes:
        wanted: series that are filled, by object.
        recent: for polls of a whole pool, the last points of every object there.
        error: why the last question failed; None once one succeeded.
    """

    def __init__(
        self,
        api: XenApi,
        address: str | None,
        archive: Archive,
        slots: asyncio.Semaphore,
        heard: Heard,
        *,
        pace: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """A poll that asks nothing yet.

        Args:
            api: the connection.
            address: of the host; None for the one that the connection goes to.
            archive: which ring.
            slots: limits the questions under way at one time.
            heard: called after each round, with what went wrong or None.
            pace: real seconds per second between questions; tests hurry.
            clock: seconds since 1970.
        """
        self.archive = archive
        self.wanted: dict[Key, ObjectSeries] = {}
        self.recent: dict[Key, dict[str, deque[float]]] = {}
        self.error: XenApiError | None = None
        self.answered: set[Key] = set()
        self.address = address
        self._api = api
        self._slots = slots
        self._heard = heard
        self._pace = pace
        self._clock = clock
        self._everything = 0
        self._next_start_s: float | None = None
        self._newest_s = -math.inf
        self._due_in_s = 0.0
        self._failures = 0
        self._nudged = asyncio.Event()

    # ------------------------------------------------------------------ what is wanted

    @property
    def is_wanted(self) -> bool:
        """Whether there is anything to ask for."""
        return bool(self.wanted or self._everything)

    def want(self, key: Key, series: ObjectSeries) -> None:
        """Fills a series from now on; an empty one gets the whole archive."""
        self.wanted[key] = series
        if series.times:
            self.answered.add(key)
        else:
            self.answered.discard(key)
            self._nudged.set()

    def unwant(self, key: Key) -> None:
        """Fills it no more."""
        self.wanted.pop(key, None)
        self.answered.discard(key)

    def want_everything(self, by: int) -> None:
        """Counts those who want the last points of all objects there (+1, -1)."""
        self._everything += by
        if self._everything:
            self._nudged.set()
        else:
            self.recent.clear()

    def nudge(self) -> None:
        """Asks at once."""
        self._nudged.set()

    # ------------------------------------------------------------------ the loop

    async def run(self) -> None:
        """Asks for ever; a failure makes it wait longer, never end."""
        while True:
            self._nudged.clear()
            try:
                await self._round()
            except XenApiError as error:
                self._fail(error)
            except Exception as error:
                # The task's boundary: polling never dies of one odd answer.
                _log.exception("reading the measurements of a host failed")
                self._fail(MalformedAnswer(f"rrd_updates: {error}"))
            else:
                self._failures = 0
                self.error = None
            self._heard(self, self.error)
            await self._wait(self._due_in_s)

    def _fail(self, error: XenApiError) -> None:
        self.error = error
        self._failures += 1
        self._due_in_s = min(5.0 * 2.0 ** (self._failures - 1), LONGEST_BACK_OFF_S)

    async def _wait(self, due_in_s: float) -> None:
        until = time.time() + due_in_s * self._pace
        # In pieces: the loop's clock stands still while the machine sleeps.
        while (left_s := until - time.time()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left_s, SLOWEST_LOOK_S)):
                    await self._nudged.wait()
                # Several watchers of one page come one after the other.
                await asyncio.sleep(_GATHER_S)
                return

    async def _round(self) -> None:
        # The host that all calls go to need not queue behind others that may not even answer.
        async with self._slots if self.address is not None else contextlib.nullcontext():
            fresh = [key for key in self.wanted if key not in self.answered]
            if fresh:
                window_s = self.archive.span_s - self.archive.step_s
                answer = await self._ask(fresh, -window_s)
                if answer.step_s and answer.step_s != self.archive.step_s and answer.times:
                    raise MalformedAnswer(
                        f"rrd_updates: rows every {answer.step_s:g} s, "
                        f"not every {self.archive.step_s} s"
                    )
                self._take(answer, fresh)
                self.answered.update(key for key in fresh if key in self.wanted)
            others = [key for key in self.wanted if key in self.answered and key not in fresh]
            if others or self._everything:
                start_s = self._next_start_s
                if start_s is None or (not others and not self.recent):
                    start_s = -float((LATEST_POINTS + 1) * self.archive.step_s)
                answer = await self._ask(others, start_s, everything=bool(self._everything))
                if answer.step_s and answer.step_s != self.archive.step_s:
                    # Asleep for longer than the archive reaches: begin again.
                    self._next_start_s = None
                    self.answered.clear()
                    self._due_in_s = 0.0
                    self._nudged.set()
                    return
                self._take(answer, others)
        self._plan()

    async def _ask(
        self, keys: Iterable[Key], start_s: float, *, everything: bool = False
    ) -> MetricsAnswer:
        vms = [uuid for kind, uuid in keys if kind == "vm"]
        only = None if everything or len(vms) > 1 else vms[0] if vms else NO_VM
        answer = await self._api.metrics(
            host_address=self.address,
            start_s=start_s,
            interval_s=self.archive.step_s,
            host=everything or any(kind == "host" for kind, _ in keys),
            vm_uuid=only,
        )
        # A host that has nothing new may say 0.
        self._next_start_s = answer.end_s or self._next_start_s
        if answer.times:
            self._newest_s = answer.times[-1]
        return answer

    def _plan(self) -> None:
        step_s = float(self.archive.step_s)
        # Some hosts say in `end` what time it is, some only when the last row was; our clock may be
        # wrong. Whichever says sooner: a question too many costs less than an hour without a row.
        now_s = max(self._next_start_s or 0.0, self._clock())
        row_in_s = self._newest_s + step_s - now_s + 1.0
        self._due_in_s = min(max(row_in_s, min(step_s, SLOWEST_LOOK_S)), step_s)

    # ------------------------------------------------------------------ answers

    def _take(self, answer: MetricsAnswer, keys: Iterable[Key]) -> None:
        found: dict[Key, dict[str, list[float]]] = {key: {} for key in keys}
        for column, values in zip(answer.columns, answer.values, strict=True):
            if column.cf == "AVERAGE" and column.kind != "sr":
                of = found.get((column.kind, column.uuid))
                if of is not None:
                    of[column.name] = values
        for key, sources in found.items():
            if (series := self.wanted.get(key)) is not None:
                series.add(answer.times, sources)
        if self._everything and answer.times:
            self._take_recent(answer)

    def _take_recent(self, answer: MetricsAnswer) -> None:
        seen: set[Key] = set()
        for column, values in zip(answer.columns, answer.values, strict=True):
            if column.cf != "AVERAGE" or column.kind == "sr":
                continue
            name = column.name
            if name not in _USAGE and not (name.startswith("cpu") and name[3:].isdigit()):
                continue
            key: Key = (column.kind, column.uuid)
            seen.add(key)
            sources = self.recent.setdefault(key, {})
            if name not in sources:
                sources[name] = deque(maxlen=LATEST_POINTS)
            sources[name].extend(values[-LATEST_POINTS:])
        for gone in self.recent.keys() - seen:
            del self.recent[gone]

    def usage(self, key: Key) -> Usage | None:
        """What an object uses now; None where nothing is known of it here."""
        if (series := self.wanted.get(key)) is not None and series.times:
            return series.usage
        sources = self.recent.get(key)
        if sources is None:
            return None
        length = min(map(len, sources.values()), default=0)
        return _usage_of({name: tuple(points)[-length:] for name, points in sources.items()})


def _usage_of(series: dict[str, tuple[float, ...]]) -> Usage:
    lines = read_lines((), series)
    return Usage(latest(lines.cpu), latest(lines.memory_used), latest(lines.memory_total))
