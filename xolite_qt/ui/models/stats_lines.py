"""Charts computed out of archives: for a thread, never for the Qt one. Pure; brings numpy along."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from xolite_qt.stores.stats_archives import Joined, Ring, join
from xolite_qt.ui import format as fmt
from xolite_qt.ui.charts.render import Curve
from xolite_qt.ui.charts.scale import read_values
from xolite_qt.ui.models.stats_plan import ChartSpec, LineSpec, label_of, plan
from xolite_qt.ui.models.stats_sources import ChartKind, ItemKind

Floats = NDArray[np.float64]
Names = Mapping[tuple[ItemKind, str], str]
"""Words for devices, where there are better ones than the host's."""

OTHER_KEY = "~"
"""End of the keys of lines of the object that is compared with."""


@dataclass(frozen=True)
class Subject:
    """An object whose measurements are drawn.

    Attributes:
        name: of it.
        rings: its archives.
        names: words for its devices.
        units: of its sources that are not known, as its host tells them.
        weight: number of its processors.
    """

    name: str
    rings: tuple[Ring, ...]
    names: Names = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    weight: int = 1


@dataclass(frozen=True)
class Wish:
    """How somebody wants to see a chart; None is as it begins.

    Attributes:
        each: every device by itself instead of their sum.
        stacked: lines on top of each other.
    """

    each: bool | None = None
    stacked: bool | None = None


@dataclass(frozen=True)
class Plot:
    """One chart, ready to be painted.

    Attributes:
        kind: what it shows.
        curves: its lines, the lowest of a stack first.
        each: whether devices are shown by themselves; None where there is only one.
        stacked: whether lines stand on each other; None where that makes no sense.
        least_top: the axis ends no lower.
        items: number of devices.
        note: a sentence about it.
        summary: it in words.
        each_words: on the switch for `each`.
    """

    kind: ChartKind
    curves: tuple[Curve, ...]
    each: bool | None = None
    stacked: bool | None = None
    least_top: float = 0.0
    items: int = 1
    note: str = ""
    summary: str = ""
    each_words: str = "By device"

    @property
    def id(self) -> str:
        """Of the chart."""
        return self.kind.id


def plots_of(
    own: Subject,
    other: Subject | None,
    wishes: Mapping[str, Wish],
    palette: Sequence[str],
    span: tuple[float, float],
) -> list[Plot]:
    """All charts of an object, with the lines of another one to compare with."""
    subjects = [own] if other is None else [own, other]
    joined = [join(subject.rings) for subject in subjects]
    specs = [
        {spec.id: spec for spec in plan(rows.series, subject.units)}
        for subject, rows in zip(subjects, joined, strict=True)
    ]
    order = [spec.id for spec in plan({n for rows in joined for n in rows.series}, own.units)]
    made = []
    for chart in order:
        found = [by_id.get(chart) for by_id in specs]
        first = next((spec for spec in found if spec is not None), None)
        if first is None:
            continue
        wish = wishes.get(chart, Wish())
        each = first.begins_with_each if wish.each is None else wish.each
        curves: list[Curve] = []
        tops = [first.kind.top]
        colors: dict[str, str] = {}
        lines_of = [
            () if spec is None else (spec.each if each or not spec.total else spec.total)
            for spec in found
        ]
        wide = colors_for(len({line.key for lines in lines_of for line in lines}), palette)
        stacked = first.kind.stacked if wish.stacked is None else wish.stacked
        for place, (spec, lines) in enumerate(zip(found, lines_of, strict=True)):
            if spec is None:
                continue
            subject, rows = subjects[place], joined[place]
            curves += _curves(subject, rows, lines, colors, wide, compared=place > 0)
            tops.append(_top(spec, rows, lines, bool(stacked)))
        if not curves:
            continue
        total = any(spec is not None and spec.total for spec in found)
        made.append(
            Plot(
                first.kind,
                tuple(curves),
                each=each if total else None,
                stacked=None if first.kind.stacked is None else bool(stacked),
                least_top=max(tops),
                items=max(spec.items for spec in found if spec is not None),
                note=first.missing or first.kind.about,
                summary=summary_of(curves, first.kind, span),
            )
        )
    return made


def _curves(
    subject: Subject,
    rows: Joined,
    lines: Sequence[LineSpec],
    colors: dict[str, str],
    palette: Sequence[str],
    *,
    compared: bool,
) -> list[Curve]:
    def name_of(kind: ItemKind, item: str) -> str:
        return subject.names.get((kind, item)) or _plain_name(kind, item)

    times, starts = np.asarray(rows.times), np.asarray(rows.starts)
    made = []
    for line in lines:
        values = evaluate(line, rows)
        if not np.isfinite(values).any():
            continue
        color = colors.setdefault(line.key, palette[len(colors) % len(palette)])
        label = label_of(line, name_of)
        made.append(
            Curve(
                line.key + (OTHER_KEY if compared else ""),
                f"{label} · {subject.name}" if compared else label,
                starts,
                times,
                values,
                color,
                dashed=compared,
            )
        )
    return made


def _plain_name(kind: ItemKind, item: str) -> str:
    words = {"core": "CPU", "vif": "Interface", "sr": "SR"}.get(kind, "")
    return f"{words} {item}" if words else item


def evaluate(line: LineSpec, rows: Joined) -> Floats:
    """Values of a line, one per row; NaN is a gap, and nothing known is never 0."""
    missing = np.full(len(rows.times), np.nan)
    parts = [
        np.asarray(rows.series[name], dtype=float) * factor if name in rows.series else missing
        for name, factor in line.terms
    ]
    if not parts:
        return missing
    if len(parts) == 1:
        return parts[0]
    table = np.vstack(parts)
    if line.how == "all":
        # Used is what is there less what is free, and never less than nothing.
        whole: Floats = np.maximum(table.sum(axis=0), 0.0)
        return whole
    there = np.isfinite(table)
    count = there.sum(axis=0)
    total = np.where(there, table, 0.0).sum(axis=0)
    if line.how == "mean":
        total = total / np.maximum(count, 1)
    return np.where(count > 0, total, np.nan)


def _top(spec: ChartSpec, rows: Joined, lines: Sequence[LineSpec], stacked: bool) -> float:
    top = spec.kind.top
    if stacked and spec.kind.how == "mean" and top:
        top *= max(len({line.item for line in lines}), 1)
    if spec.full is not None:
        top = max(top, largest(evaluate(spec.full, rows)))
    return top


def largest(values: Floats) -> float:
    """The largest value; 0 where there is none."""
    known = values[np.isfinite(values)]
    return float(known.max()) if len(known) else 0.0


def colors_for(count: int, palette: Sequence[str]) -> Sequence[str]:
    """As many colours as there are lines: the theme's own, then shades of them."""
    if count <= len(palette):
        return palette
    made = list(palette)
    while len(made) < count:
        turn = len(made) // len(palette)
        red, green, blue = (
            int(palette[len(made) % len(palette)][at : at + 2], 16) / 255 for at in (1, 3, 5)
        )
        hue, light, rich = colorsys.rgb_to_hls(red, green, blue)
        shade = min(max(light + (0.12 if turn % 2 else -0.12), 0.25), 0.75)
        mixed = colorsys.hls_to_rgb((hue + 0.07 * turn) % 1.0, shade, rich)
        made.append("#" + "".join(f"{round(part * 255):02x}" for part in mixed))
    return made


def summary_of(curves: Sequence[Curve], kind: ChartKind, span: tuple[float, float]) -> str:
    """Least, mean, most and last of the lines inside of the span."""
    told = [
        f"{curve.label}: {read_values(list(within(curve, span)[1]), kind.unit)}"
        for curve in curves[:8]
    ]
    if len(curves) > 8:
        told.append(f"and {fmt.plural(len(curves) - 8, 'line', 'lines')} more")
    return "; ".join(told)


def within(curve: Curve, span: tuple[float, float]) -> tuple[Floats, Floats]:
    """Times and values of the rows of a span."""
    times, values = np.asarray(curve.times), np.asarray(curve.values)
    first, end = np.searchsorted(times, span[0], "left"), np.searchsorted(times, span[1], "right")
    return times[first:end], values[first:end]


def value_at(curve: Curve, moment_s: float) -> float:
    """The value of the row that a moment falls into; NaN where nothing is known."""
    times = curve.times
    place = int(np.searchsorted(np.asarray(times), moment_s, "left"))
    if place >= len(times) or curve.starts[place] >= moment_s:
        return math.nan
    return float(curve.values[place])


def last_of(curve: Curve, until_s: float) -> float:
    """The last known value up to a moment."""
    times, values = np.asarray(curve.times), np.asarray(curve.values)
    values = values[: int(np.searchsorted(times, until_s, "right"))]
    known = values[np.isfinite(values)]
    return float(known[-1]) if len(known) else math.nan


def with_curves(plot: Plot, curves: Sequence[Curve]) -> Plot:
    """A plot with other lines."""
    return replace(plot, curves=tuple(curves))
