"""The columns of a table of tasks."""

from __future__ import annotations

import time

from xolite_qt.stores import TaskRow
from xolite_qt.ui import format as fmt
from xolite_qt.ui import icons
from xolite_qt.ui.models.column import Column, Kind
from xolite_qt.xen_api import TaskStatus
from xolite_qt.xen_api.times import to_datetime

NOISE = ("SR.scan", "host.call_plugin")
"""Tasks that hosts start by themselves all the time; a list of them would hide what matters.

Source: specs/xo-lite.md 1.2 (Tasks tab).
"""

_STATUS = {
    TaskStatus.PENDING: ("At work", "task", "info"),
    TaskStatus.CANCELLING: ("Being cancelled", "task", "warning"),
    TaskStatus.SUCCESS: ("Done", "success", "success"),
    TaskStatus.FAILURE: ("Failed", "error", "danger"),
    TaskStatus.CANCELLED: ("Cancelled", "ban", "secondary"),
}
SOON_S = 2.0
"""Before this age a task's speed says too little to foretell its end."""


def task_columns(*, compact: bool = False) -> tuple[Column[TaskRow], ...]:
    """Columns for `TaskRow`s.

    Args:
        compact: only what a card has room for.
    """
    columns = (
        Column[TaskRow](
            id="name",
            title="Task",
            value=title_of,
            tooltip=_explain,
            icon=lambda row: icons.icon(*status(row)[1:]),
            width=220,
        ),
        Column[TaskRow](
            id="host",
            title="Host",
            value=lambda row: row.host.name_label if row.host else None,
            width=120,
        ),
        Column[TaskRow](
            id="progress",
            title="Progress",
            value=lambda row: progress(row),
            text=lambda row: fmt.percent(progress(row)) if row.is_pending else status(row)[0],
            kind=Kind.PROGRESS,
            align_right=False,
            width=124,
        ),
        Column[TaskRow](
            id="left",
            title="Time left",
            value=left_s,
            text=lambda row: "" if left_s(row) is None else f"about {fmt.duration(left_s(row))}",
            kind=Kind.NUMBER,
            width=100,
        ),
        Column[TaskRow](
            id="started",
            title="Started",
            value=created_s,
            text=lambda row: fmt.relative(created_s(row)),
            tooltip=lambda row: fmt.absolute(created_s(row)),
            kind=Kind.TIME,
            width=120,
        ),
        Column[TaskRow](
            id="finished",
            title="Finished",
            value=finished_s,
            text=lambda row: "" if finished_s(row) is None else fmt.relative(finished_s(row)),
            tooltip=lambda row: fmt.absolute(finished_s(row)),
            kind=Kind.TIME,
            width=120,
        ),
        Column[TaskRow](
            id="took",
            title="Took",
            value=_took_s,
            text=lambda row: "" if _took_s(row) is None else fmt.duration(_took_s(row)),
            kind=Kind.NUMBER,
            default_visible=False,
            width=90,
        ),
        Column[TaskRow](
            id="order",
            title="Order",
            value=order,
            text=lambda row: "at work" if row.is_pending else "finished",
            default_visible=False,
            width=90,
        ),
        Column[TaskRow](
            id="uuid",
            title="UUID",
            value=lambda row: row.task.uuid,
            default_visible=False,
            width=290,
        ),
    )
    return columns[:5] if compact else columns


def title_of(row: TaskRow) -> str:
    """What the task does; XAPI starts `Async.` calls under that name."""
    return (row.task.name_label or "(no name)").removeprefix("Async.")


def is_noise(row: TaskRow) -> bool:
    """Whether the host started it by itself, as part of its housekeeping."""
    return title_of(row) in NOISE


def status(row: TaskRow) -> tuple[str, str, str]:
    """(words, icon, its colour)."""
    return _STATUS.get(row.task.status, ("Ended", "question", "secondary"))  # type: ignore[call-overload, no-any-return]


def progress(row: TaskRow) -> float | None:
    """0 to 1 while it works, None afterwards."""
    return min(max(row.task.progress, 0.0), 1.0) if row.is_pending else None


def created_s(row: TaskRow) -> float | None:
    """When it was started, seconds since 1970, by the host's clock."""
    created = to_datetime(row.task.created)
    return created.timestamp() if created else None


def finished_s(row: TaskRow) -> float | None:
    """When it ended, seconds since 1970, by the host's clock; None while it works."""
    finished = None if row.is_pending else to_datetime(row.task.finished)
    return finished.timestamp() if finished else None


def left_s(row: TaskRow, now_s: float | None = None) -> float | None:
    """Seconds that it will still take if it goes on as so far, or None where nobody can know."""
    done, start = progress(row), created_s(row)
    if done is None or start is None or done <= 0.01:
        return None
    age = (time.time() if now_s is None else now_s) - start
    return None if age < SOON_S else age / done * (1.0 - done)


def order(row: TaskRow) -> tuple[int, float]:
    """Sorts pending tasks before finished ones, the newest first in each."""
    newest = finished_s(row) or created_s(row) or 0.0
    return (0 if row.is_pending else 1, -newest)


def _took_s(row: TaskRow) -> float | None:
    start, end = created_s(row), finished_s(row)
    return None if start is None or end is None else max(end - start, 0.0)


def _explain(row: TaskRow) -> str:
    parts = [title_of(row), row.task.name_description]
    if row.task.error_info:
        parts.append(": ".join(row.task.error_info[:3]))
    return "\n".join(part for part in parts if part)
