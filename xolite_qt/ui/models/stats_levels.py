"""Alarm thresholds of an object as lines in its charts. Pure.

Source: xapi.md 1.9 (what perfmon watches, in which unit).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xolite_qt.xen_api import Watch

__all__ = ["Limit", "limits_of"]

_CHARTS = {
    "cpu_usage": ("cpu", 1.0),
    "network_usage": ("network", 1.0),
    "disk_usage": ("disk", 1.0),
    "memory_free_kib": ("memory", 1024.0),
}
"""By perfmon's name: chart, and factor of the chart's unit in perfmon's."""


@dataclass(frozen=True)
class Limit:
    """A threshold in a chart.

    Attributes:
        chart: id of the chart.
        value: in the chart's unit.
        free: whether it is about what is left; `value` is to be taken from what there is.
    """

    chart: str
    value: float
    free: bool = False


def limits_of(watches: Sequence[Watch]) -> list[Limit]:
    """What can be drawn of the watches of an object; the others have no chart."""
    found = []
    for watch in watches:
        known = _CHARTS.get(watch.name)
        if known is not None:
            chart, factor = known
            found.append(Limit(chart, watch.level * factor, watch.name == "memory_free_kib"))
    return found
