"""Several archives of one object read as one: which are needed for a span of time, and how their
rows follow each other. Pure.

A row stands for the time that ends with it: `(t - step, t]`. Where two archives tell of the same
moment, the finer one is believed; so every moment is told of once.

Source: xapi.md 1.8 (archives); peers.md 2.5 (which archive for which zoom).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from xolite_qt.xen_api import ARCHIVES, Archive

NAN = math.nan

WORTH = 0.01
"""A finer archive is asked for where it fills at least this part of what is shown."""

Span = tuple[float, float]


@dataclass(frozen=True)
class Ring:
    """What is known of one archive.

    Attributes:
        step_s: seconds that a row stands for.
        times: ends of the rows, seconds since 1970, ascending.
        series: per data source one number per time; NaN is a gap.
    """

    step_s: float
    times: Sequence[float]
    series: Mapping[str, Sequence[float]]

    @property
    def start_s(self) -> float:
        """Begin of the first row."""
        return self.times[0] - self.step_s


@dataclass(frozen=True)
class Joined:
    """Rows of several archives, one after the other.

    Attributes:
        times: ends of the rows, strictly ascending.
        starts: begins of the rows; a row never begins before the one before it ends.
        series: per data source one number per row; NaN where its archive knows nothing.
    """

    times: tuple[float, ...] = ()
    starts: tuple[float, ...] = ()
    series: Mapping[str, Sequence[float]] = field(default_factory=dict)


def needed(span: Span, now_s: float, archives: Sequence[Archive] = ARCHIVES) -> tuple[Archive, ...]:
    """The archives to ask for a span of time, finest first; never none.

    Args:
        span: first and last moment that is shown.
        now_s: the host's time, where all archives end.
        archives: that there are, finest first.
    """
    first, last = span
    length = max(last - first, 1.0)
    found: list[Archive] = []
    for archive in archives:
        # A row more than it holds: the newest is still being written.
        reaches_s = now_s - archive.span_s - archive.step_s
        covered_s = min(last, now_s) - max(first, reaches_s)
        if covered_s >= WORTH * length:
            found.append(archive)
        if first >= reaches_s:
            if not found or found[-1] is not archive:
                found.append(archive)
            return tuple(found)
    # Before the oldest row of the coarsest: that one has at least the end.
    if not found or found[-1] is not archives[-1]:
        found.append(archives[-1])
    return tuple(found)


def join(rings: Sequence[Ring], names: Iterable[str] | None = None) -> Joined:
    """All rows of several archives as one series.

    A coarse row that reaches into what a finer archive knows is kept for its other part.

    Args:
        rings: of one object, in any order; empty ones count as not there.
        names: data sources that are wanted; None for all.
    """
    rings = sorted((ring for ring in rings if ring.times), key=lambda ring: ring.step_s)
    rows: list[_Row] = []
    for at, ring in enumerate(rings):
        rows = _add(rows, at, ring)
    runs = list(_runs(rows))
    if names is None:
        names = {name: None for ring in rings for name in ring.series}
    series: dict[str, Sequence[float]] = {}
    for name in names:
        values: list[float] = []
        for at, first, end in runs:
            found = rings[at].series.get(name)
            values.extend([NAN] * (end - first) if found is None else found[first:end])
        series[name] = values
    return Joined(tuple(row[1] for row in rows), tuple(row[0] for row in rows), series)


_Row = tuple[float, float, int, int]
"""Begin and end, place of the ring, number in it."""


def _add(rows: list[_Row], at: int, ring: Ring) -> list[_Row]:
    """What a coarser ring knows besides the rows that are there."""
    added: list[_Row] = []
    ends = [row[1] for row in rows]
    for number, end in enumerate(ring.times):
        begin = end - ring.step_s
        place = bisect_right(ends, begin)
        # Around each finer row that falls into this one.
        while place < len(rows) and rows[place][0] < end:
            if begin < rows[place][0]:
                added.append((begin, rows[place][0], at, number))
            begin = rows[place][1]
            place += 1
        if begin < end:
            added.append((begin, end, at, number))
    return sorted((*rows, *added))


def _runs(rows: Sequence[_Row]) -> Iterator[tuple[int, int, int]]:
    """Place of the ring, first row and end, for rows that are neighbours there too."""
    place = first = end = -1
    for _begin, _end, at, number in rows:
        if at == place and number == end:
            end += 1
            continue
        if place >= 0:
            yield place, first, end
        place, first, end = at, number, number + 1
    if place >= 0:
        yield place, first, end
