"""What a time line shows: lanes, marks, marks that stand too close, and steps of its axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xolite_qt.journal import Entry, Kind
from xolite_qt.ui import format as fmt
from xolite_qt.ui.models.message_words import message_words
from xolite_qt.xen_api import Message, parse_alarm

LANES = (Kind.ALARM, Kind.EVENT, Kind.TASK, Kind.SNAPSHOT, Kind.BACKUP, Kind.EDIT)
LANE_WORDS = {
    Kind.ALARM: "Alarms",
    Kind.EVENT: "Events",
    Kind.TASK: "Tasks",
    Kind.SNAPSHOT: "Snapshots",
    Kind.BACKUP: "Backups",
    Kind.EDIT: "Edits",
}
ACCENTS = ("brand", "info", "warning", "danger")
"""By severity."""

_STEPS_S = (
    1, 5, 15, 30, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400,
    7 * 86400, 14 * 86400, 30 * 86400, 91 * 86400, 365 * 86400,
)  # fmt: skip
LEAST_SPAN_S = 30.0
MOST_SPAN_S = 20 * 365 * 86400.0


@dataclass(frozen=True)
class Mark:
    """Entries of one lane that stand at one place.

    Attributes:
        x: place in px from the left end of the span.
        entries: oldest first; never empty.
    """

    x: float
    entries: tuple[Entry, ...]

    @property
    def severity(self) -> int:
        """Of the worst."""
        return max(entry.severity for entry in self.entries)


def marks_of(
    entries: Sequence[Entry], span: tuple[float, float], width: float, gap: float = 10.0
) -> dict[Kind, list[Mark]]:
    """The marks of each lane; what would overlap is one mark.

    Args:
        entries: by time, oldest first.
        span: first and last second shown.
        width: of the span in px.
        gap: marks of a lane are at least so many px apart.
    """
    first, last = span
    scale = width / max(1e-6, last - first)
    lanes: dict[Kind, list[Mark]] = {}
    groups: dict[Kind, tuple[float, list[Entry]]] = {}

    def close(kind: Kind) -> None:
        x, group = groups.pop(kind)
        lanes.setdefault(kind, []).append(Mark(x, tuple(group)))

    for entry in entries:
        if not first <= entry.at_s <= last:
            continue
        x = (entry.at_s - first) * scale
        known = groups.get(entry.kind)
        if known is not None and x - known[0] < gap:
            known[1].append(entry)
            continue
        if known is not None:
            close(entry.kind)
        groups[entry.kind] = (x, [entry])
    for kind in tuple(groups):
        close(kind)
    return lanes


def zoomed(
    span: tuple[float, float], factor: float, around: float | None = None
) -> tuple[float, float]:
    """A span that is `factor` times as long, with one moment kept in its place."""
    first, last = span
    length = last - first
    wanted = min(max(length * factor, LEAST_SPAN_S), MOST_SPAN_S)
    middle = (first + last) / 2 if around is None else around
    part = (middle - first) / length if length else 0.5
    begin = middle - part * wanted
    return begin, begin + wanted


def ticks(span: tuple[float, float], width: float, offset_s: float = 0.0) -> list[float]:
    """Moments for the axis, at round local times, at least 90 px apart.

    Args:
        span: first and last second.
        width: in px.
        offset_s: of local time from UTC.
    """
    first, last = span
    least = (last - first) * 90.0 / max(width, 1.0)
    step = next((step for step in _STEPS_S if step >= least), _STEPS_S[-1])
    at = (int((first + offset_s) // step) + 1) * step - offset_s
    found: list[float] = []
    while at <= last and len(found) < 200:
        found.append(at)
        at += step
    return found


def tick_words(moment: float, step_s: float) -> str:
    """A moment as the axis writes it."""
    if step_s >= 86400:
        return fmt.day(moment)
    return fmt.clock(moment, seconds=step_s < 60)


def title_of(entry: Entry) -> str:
    """What an entry says: the names of messages are read out."""
    if entry.kind is Kind.ALARM:
        return f"Alarm: {fmt.alarm_subject(entry.title)}"
    if entry.key.startswith("message/"):
        return message_words(entry.title)
    return entry.title


def detail_of(entry: Entry) -> str:
    """More words: an alarm's body is XML, which is read out."""
    if entry.kind is not Kind.ALARM:
        return entry.detail
    read = parse_alarm(Message(ref="", name="ALARM", body=entry.detail))
    if read.value is None:
        return entry.detail
    measured = fmt.quantity(read.value, read.unit)
    return f"{fmt.alarm(read.kind, read.level, read.unit, read.period_s)}; it was {measured}"


def words_of(mark: Mark) -> str:
    """A mark in words, for tooltips and screen readers."""
    lines = [f"{fmt.moment(entry.at_s)}  {title_of(entry)}" for entry in mark.entries[:8]]
    if len(mark.entries) > len(lines):
        lines.append(f"… and {len(mark.entries) - len(lines)} more")
    return "\n".join(lines)
