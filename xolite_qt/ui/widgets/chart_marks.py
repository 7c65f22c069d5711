"""Marks of what happened, on charts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from xolite_qt.ui import format as fmt

__all__ = ["Accent", "ChartMark", "Cluster", "clusters", "words_of"]

NEAR_PX = 10.0
"""Marks that stand nearer than this are drawn as one."""
MOST_WORDS = 8

Accent = Literal["info", "success", "warning", "danger"]
_ORDER: tuple[Accent, ...] = ("info", "success", "warning", "danger")


@dataclass(frozen=True)
class ChartMark:
    """Something that happened.

    Attributes:
        key: lasting.
        at_s: when, seconds since 1970.
        words: what.
        accent: how bad it is.
    """

    key: str
    at_s: float
    words: str
    accent: Accent = "info"


@dataclass(frozen=True)
class Cluster:
    """Marks that are drawn as one.

    Attributes:
        x: pixels from the left of the plot.
        marks: oldest first; never empty.
    """

    x: float
    marks: tuple[ChartMark, ...]

    @property
    def accent(self) -> Accent:
        """Of the worst."""
        return max((mark.accent for mark in self.marks), key=_ORDER.index)


def clusters(
    marks: Sequence[ChartMark], span: tuple[float, float], width_px: float
) -> list[Cluster]:
    """The marks of a span, oldest first, neighbours together.

    Args:
        marks: oldest first.
        span: first and last moment.
        width_px: of the plot.
    """
    first, last = span
    found: list[Cluster] = []
    for mark in marks:
        if not first <= mark.at_s <= last:
            continue
        x = (mark.at_s - first) / max(last - first, 1e-6) * width_px
        if found and x - found[-1].x < NEAR_PX:
            found[-1] = Cluster(found[-1].x, (*found[-1].marks, mark))
        else:
            found.append(Cluster(x, (mark,)))
    return found


def words_of(cluster: Cluster) -> str:
    """A line for each mark, the newest first; of many only the newest."""
    marks = list(reversed(cluster.marks))
    lines = [f"{fmt.absolute(mark.at_s)}: {mark.words}" for mark in marks[:MOST_WORDS]]
    if len(marks) > MOST_WORDS:
        lines.append(f"and {fmt.count(len(marks) - MOST_WORDS)} more")
    return "\n".join(lines)
