"""Backups in words: outcomes, modes, ways of reading, selections, schedules, retention.

Plain text and pure functions, so that tables, cards and dialogs say the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from xolite_qt.backup.jobs.model import Job, Retention, Schedule, Selection
from xolite_qt.ui import format as fmt

OUTCOMES: dict[str | None, tuple[str, str, str]] = {
    None: ("At work", "refresh", "info-item"),
    "success": ("Done", "success", "success"),
    "warning": ("Done, with warnings", "warning", "warning"),
    "failure": ("Failed", "error", "danger"),
    "cancelled": ("Cancelled", "ban", "secondary"),
    "skipped": ("Skipped", "minus", "secondary"),
    "interrupted": ("Interrupted", "bolt", "danger"),
}
"""Outcome to (words, icon, its colour)."""

BADGES: dict[str | None, str] = {
    None: "pending",
    "success": "success",
    "warning": "warning",
    "failure": "danger",
    "cancelled": "disabled",
    "skipped": "disabled",
    "interrupted": "danger",
}
"""Outcome to the state of a badge."""

KINDS = {
    "backup": ("Backup", "backup"),
    "restore": ("Restore", "revert"),
    "merge": ("Merge", "disks"),
    "verify": ("Verification", "shield"),
    "check": ("Check", "search"),
    "forget": ("Removal", "trash"),
    "health": ("Health check", "shield"),
}
"""Kind of run to (words, icon)."""

MODES = {"incremental": "Incremental", "full": "Full", "delta": "Incremental"}

_WAYS = {
    "nbd+cbt": "NBD, changes only",
    "nbd": "NBD",
    "vhd-export": "Export",
    "nbd+bat": "NBD, block table",
    "nbd+table": "NBD, block table",
    "stream": "Export",
    "export": "Export",
    "vhd": "Export",
    "xva": "XVA export",
}


def outcome(which: str | None) -> tuple[str, str, str]:
    """(words, icon, its colour) of an outcome; None is one that goes on."""
    return OUTCOMES.get(which, (str(which), "question", "secondary"))


def kind(which: str) -> tuple[str, str]:
    """(words, icon) of a kind of run."""
    return KINDS.get(which, (which.capitalize(), "task"))


def way(which: str) -> str:
    """How a disk was read; unknown ways as they came."""
    return _WAYS.get(which.lower(), which)


def selection(chosen: Selection, matching: int | None = None) -> str:
    """Which VMs, in a few words.

    Args:
        matching: how many it matches now, where that is known.
    """
    now = "" if matching is None else f" ({fmt.count(matching)} now)"
    match chosen.how:
        case "chosen":
            return fmt.plural(len(chosen.vms), "VM", "VMs")
        case "tags":
            return f"Tagged {_list(chosen.tags)}{now}" if chosen.tags else f"No tag chosen{now}"
        case "all_but":
            left = []
            if chosen.vms:
                left.append(fmt.plural(len(chosen.vms), "VM", "VMs"))
            if chosen.tags:
                left.append(f"tagged {_list(chosen.tags)}")
            return f"All but {' and '.join(left)}{now}" if left else f"All VMs{now}"


def _list(names: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def schedule(when: Schedule, *, local_zone: str = "") -> str:
    """When a job runs, in plain words; the time zone is named where it is not this machine's."""
    if not when.enabled:
        return "Only by hand"
    from xolite_qt.backup.jobs.schedule import CronError, explain

    try:
        words = explain(when.cron)
    except CronError:
        return f"Not understood: {when.cron}"
    if when.timezone and when.timezone != local_zone:
        words = f"{words} ({when.timezone})"
    return words


def retention(keep: Retention) -> str:
    """What is kept: `the newest 7, 4 weekly, 12 monthly`."""
    parts = [f"the newest {fmt.count(keep.last)}"]
    for number, word in (
        (keep.daily, "daily"),
        (keep.weekly, "weekly"),
        (keep.monthly, "monthly"),
        (keep.yearly, "yearly"),
    ):
        if number:
            parts.append(f"{fmt.count(number)} {word}")
    return ", ".join(parts)


def mode(job: Job) -> str:
    """`Incremental`, with the interval of fulls where there is one."""
    words = MODES[job.mode]
    if job.mode == "incremental" and job.full_interval:
        words += f", full every {fmt.count(job.full_interval)}"
    return words


def local_zone() -> str:
    """IANA name of this machine's time zone; UTC where it is not known."""
    from PySide6.QtCore import QTimeZone

    name = bytes(QTimeZone.systemTimeZoneId().data()).decode("ascii", "replace")
    return name if name and name != "Etc/UTC" else "UTC"
