"""Which charts an object has, out of the data sources that its host sends. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from xolite_qt.ui.models.stats_sources import (
    BY_ID,
    KINDS,
    SECTIONS,
    ChartKind,
    ItemKind,
    Reading,
    other_kind,
    read_source,
    unit_of,
)

MANY_ITEMS = 16
"""A chart of more devices begins with their sum: so many lines tell nothing at a glance."""

NameOf = Callable[[ItemKind, str], str]
"""Words for a device."""

Term = tuple[str, float]
"""Data source, and what its values are multiplied by."""


@dataclass(frozen=True)
class LineSpec:
    """A line, and what it is made of.

    Attributes:
        key: lasting, within its chart.
        terms: data sources that it is made of.
        how: `sum` and `mean` of those that have a value; `all` is a sum that has a gap wherever
            one of them has.
        item_kind: what its device is; "" for none.
        item: which.
        words: of the line besides its device.
    """

    key: str
    terms: tuple[Term, ...]
    how: Literal["sum", "mean", "all"] = "sum"
    item_kind: ItemKind = ""
    item: str = ""
    words: str = ""


@dataclass(frozen=True)
class ChartSpec:
    """A chart of one object.

    Attributes:
        kind: what it shows.
        each: lines by device.
        total: lines over all devices; empty where they would be the same.
        full: its values are what the axis reaches at least.
        missing: a sentence about what is not measured.
    """

    kind: ChartKind
    each: tuple[LineSpec, ...]
    total: tuple[LineSpec, ...] = ()
    full: LineSpec | None = None
    missing: str = ""

    @property
    def id(self) -> str:
        """Of the chart."""
        return self.kind.id

    @property
    def items(self) -> int:
        """Number of devices."""
        return len({line.item for line in self.each})

    @property
    def begins_with_each(self) -> bool:
        """Whether devices are shown at first."""
        return not self.total or self.items <= MANY_ITEMS

    @property
    def sources(self) -> frozenset[str]:
        """Data sources that it is made of."""
        lines = (*self.each, *self.total, *((self.full,) if self.full else ()))
        return frozenset(name for line in lines for name, _factor in line.terms)


def plan(names: Iterable[str], units: Mapping[str, str] | None = None) -> tuple[ChartSpec, ...]:
    """The charts for these data sources, in the order of the page; none is left out.

    Args:
        names: of the data sources.
        units: as the host tells them, for sources that are not known.
    """
    told = units or {}
    known: dict[str, list[tuple[str, Reading]]] = {}
    others: dict[ChartKind, list[LineSpec]] = {}
    for name in sorted(set(names), key=natural):
        reading = read_source(name)
        if reading is None:
            unit, factor = unit_of(name, told.get(name, ""))
            line = LineSpec(name, ((name, factor),), words=name)
            others.setdefault(other_kind(unit), []).append(line)
        elif reading.chart:
            known.setdefault(reading.chart, []).append((name, reading))
    found = [spec for kind in KINDS if kind.id in known and (spec := _chart(kind, known[kind.id]))]
    found += [ChartSpec(kind, tuple(lines)) for kind, lines in others.items()]
    return tuple(sorted(found, key=lambda spec: SECTIONS.index(spec.kind.section)))


def unknown(names: Iterable[str]) -> frozenset[str]:
    """Data sources that are not known."""
    return frozenset(name for name in names if read_source(name) is None)


def _chart(kind: ChartKind, found: Sequence[tuple[str, Reading]]) -> ChartSpec | None:
    if kind.id == "memory":
        return _memory(kind, found)
    if any(reading.item_kind == "sr" for _name, reading in found):
        kind = replace(kind, section="Storage", title=kind.title.replace("Disk", "Storage"))
        kind = replace(kind, title=kind.title.replace("disks", "storage"))
    items = [(name, reading) for name, reading in found if reading.item_kind]
    if not items:
        return _whole(kind, found)
    detailed = {reading.item for _name, reading in items if reading.way in ("read", "write")}
    items = [
        (name, reading)
        for name, reading in items
        # The sum of what is there by itself.
        if not (reading.way == "total" and reading.item in detailed)
    ]
    order = {way: at for at, (way, _words) in enumerate(kind.ways)}
    items.sort(key=lambda item: (natural(item[1].item), order.get(item[1].way, 99), item[1].way))
    each = tuple(
        LineSpec(
            f"{reading.item}/{reading.way}",
            ((name, reading.factor),),
            item_kind=reading.item_kind,
            item=reading.item,
            words=_words(kind, reading.way),
        )
        for name, reading in items
    )
    return ChartSpec(kind, each, _total(kind, items))


def _total(kind: ChartKind, items: Sequence[tuple[str, Reading]]) -> tuple[LineSpec, ...]:
    if len({reading.item for _name, reading in items}) < 2:
        return ()
    ways: dict[str, list[Term]] = {}
    for name, reading in items:
        ways.setdefault(reading.way, []).append((name, reading.factor))
    order = {way: at for at, (way, _words) in enumerate(kind.ways)}
    made = []
    for way in sorted(ways, key=lambda way: (order.get(way, 99), way)):
        words = _words(kind, way)
        whole = "Mean" if kind.how == "mean" else "All"
        made.append(
            LineSpec(
                f"/{way}", tuple(ways[way]), kind.how, words=f"{whole} {words}" if words else whole
            )
        )
    return tuple(made)


def _whole(kind: ChartKind, found: Sequence[tuple[str, Reading]]) -> ChartSpec:
    """A chart of what is said of the object as a whole."""
    order = {way: at for at, (way, _words) in enumerate(kind.ways)}
    ordered = sorted(found, key=lambda item: (order.get(item[1].way, 99), item[1].way))
    lines = tuple(
        LineSpec(
            f"/{reading.way}",
            ((name, reading.factor),),
            words=dict(kind.ways).get(reading.way, "") or kind.title,
        )
        for name, reading in ordered
    )
    return ChartSpec(kind, lines)


def _memory(kind: ChartKind, found: Sequence[tuple[str, Reading]]) -> ChartSpec | None:
    by_way = {reading.way: (name, reading.factor) for name, reading in found}
    lines = []
    assigned, free = by_way.get("assigned"), by_way.get("free")
    missing = ""
    if assigned is not None and free is not None:
        less = (free[0], -free[1])
        lines.append(LineSpec("/used", (assigned, less), "all", words="Used"))
    elif free is not None:
        lines.append(LineSpec("/free", (free,), words="Free"))
    elif assigned is not None:
        missing = "The guest tools don't tell how much RAM is in use"
    is_host = assigned is not None and assigned[0] == "memory_total_kib"
    if assigned is not None:
        words = "Total" if is_host else "Assigned"
        lines.append(LineSpec("/assigned", (assigned,), words=words))
    if (target := by_way.get("target")) is not None:
        lines.append(LineSpec("/target", (target,), words="Target"))
    full = LineSpec("/assigned", (assigned,)) if assigned is not None else None
    return ChartSpec(kind, tuple(lines), full=full, missing=missing) if lines else None


def _words(kind: ChartKind, way: str) -> str:
    return dict(kind.ways).get(way, way)


def label_of(line: LineSpec, name_of: NameOf) -> str:
    """Words of a line: its device and what is told of it."""
    if not line.item_kind:
        return line.words
    device = name_of(line.item_kind, line.item)
    return f"{device} {line.words}" if line.words else device


_DIGITS = re.compile(r"(\d+)")


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts cpu2 before cpu10."""
    return tuple(
        (0, int(part), "") if part.isdecimal() and part.isascii() else (1, 0, part)
        for part in _DIGITS.split(text)
        if part
    )


__all__ = [
    "BY_ID",
    "MANY_ITEMS",
    "ChartSpec",
    "LineSpec",
    "NameOf",
    "label_of",
    "natural",
    "plan",
    "unknown",
]
