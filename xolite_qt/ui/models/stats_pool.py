"""Charts of a pool: a line per host, out of what each host measures of itself. Pure.

For a thread, never for the Qt one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from xolite_qt.stores.stats_archives import join
from xolite_qt.ui.charts.render import Curve
from xolite_qt.ui.models.stats_lines import (
    Plot,
    Subject,
    Wish,
    colors_for,
    evaluate,
    largest,
    summary_of,
)
from xolite_qt.ui.models.stats_plan import ChartSpec, LineSpec, plan
from xolite_qt.ui.models.stats_sources import KINDS

__all__ = ["SHOWN", "pool_plots"]

SHOWN = ("cpu", "load", "memory", "network", "disk", "iops", "io_throughput", "power", "domains")
"""Ids of the charts that a pool has; what is of one host alone is on its page."""

_WAYS = {"memory": ("used", "free"), "domains": ("domains",), "toolstack": ("tasks",)}
"""Of charts that tell several things of a host: the first of these that there is."""


def pool_plots(
    hosts: Sequence[Subject],
    wishes: Mapping[str, Wish],
    palette: Sequence[str],
    span: tuple[float, float],
) -> list[Plot]:
    """The charts of a pool.

    Args:
        hosts: one subject each, in the order of the lines.
        wishes: by chart; `each` tells received from sent, read from written.
        palette: of the theme.
        span: first and last moment, for the summary.
    """
    rows = [join(host.rings) for host in hosts]
    specs = [{spec.id: spec for spec in plan(one.series)} for one in rows]
    made = []
    for kind in KINDS:
        if kind.id not in SHOWN or not any(kind.id in by_id for by_id in specs):
            continue
        wish = wishes.get(kind.id, Wish())
        lines = [
            _lines(by_id[kind.id], bool(wish.each)) if kind.id in by_id else () for by_id in specs
        ]
        wide = colors_for(sum(len(own) for own in lines), palette)
        curves: list[Curve] = []
        top = kind.top
        stacked = bool(wish.stacked)
        for place, host in enumerate(hosts):
            for line, words in lines[place]:
                values = evaluate(line, rows[place])
                if not np.isfinite(values).any():
                    continue
                label = f"{host.name} {words}".strip()
                color = wide[len(curves) % len(wide)]
                starts = np.asarray(rows[place].starts)
                times = np.asarray(rows[place].times)
                key = f"{place}/{line.key}"
                curves.append(Curve(key, label, starts, times, values, color))
            full = specs[place][kind.id].full if kind.id in specs[place] else None
            if full is not None:
                most = largest(evaluate(full, rows[place]))
                top = top + most if stacked else max(top, most)
        if not curves:
            continue
        if stacked and kind.id == "cpu":
            top = float(len(hosts))
        several = any(len(_lines(by_id[kind.id], True)) > 1 for by_id in specs if kind.id in by_id)
        made.append(
            Plot(
                replace(kind, section="Hosts"),
                tuple(curves),
                each=bool(wish.each) if several and kind.id not in _WAYS else None,
                stacked=stacked if len(hosts) > 1 else None,
                least_top=top,
                items=len(hosts),
                note=kind.about,
                summary=summary_of(curves, kind, span),
                each_words="By direction",
            )
        )
    return made


def _lines(spec: ChartSpec, each: bool) -> Sequence[tuple[LineSpec, str]]:
    """What of a host is drawn, with words besides the host's name."""
    whole = spec.total or spec.each
    if spec.id in _WAYS:
        for way in _WAYS[spec.id]:
            for line in whole:
                if line.key == f"/{way}":
                    return ((line, ""),)
        return ()
    if each:
        ways = dict(spec.kind.ways)
        return tuple((line, ways.get(line.key.rsplit("/", 1)[-1], "")) for line in whole)
    detail = [line for line in whole if not line.key.endswith("/total")] or list(whole)
    if len(detail) == 1:
        return ((detail[0], ""),)
    terms = tuple(term for line in detail for term in line.terms)
    return ((LineSpec("/sum", terms, detail[0].how), ""),)
