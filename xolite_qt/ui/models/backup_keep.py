"""What a retention would keep after so many runs of a schedule."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from xolite_qt.backup.jobs.model import Retention, Schedule

_STRENGTH = ("last", "daily", "weekly", "monthly", "yearly")
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class KeptDay:
    """A day on which backups were made.

    Attributes:
        made, kept: how many.
        why: the rule that keeps the longest-lived of them.
    """

    day: date
    made: int
    kept: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What is there after the last run.

    Attributes:
        days: those with backups, made or kept.
        today: of the last run.
        kept: backups kept in all.
        oldest: day of the oldest that is kept.
        reasons: the rules that keep something, the shortest-lived first.
        trouble: why there is no preview.
    """

    days: Sequence[KeptDay]
    today: date
    kept: int = 0
    oldest: date | None = None
    reasons: tuple[str, ...] = ()
    trouble: str = ""


def simulate(schedule: Schedule, keep: Retention, runs: int, now_s: float | None = None) -> Preview:
    """Runs a schedule `runs` times, up to now, and sees what the retention leaves.

    Without a schedule that can be used, one run a day is assumed. Takes up to a second: for a
    thread.
    """
    end_s = time.time() if now_s is None else now_s
    times, zone, trouble = _times(schedule, runs, end_s)
    today = datetime.fromtimestamp(end_s, zone).date()
    kept = _kept(times, keep, zone)
    days: dict[date, list[float]] = {}
    for at_s in times:
        days.setdefault(datetime.fromtimestamp(at_s, zone).date(), []).append(at_s)
    told = []
    for day, made in days.items():
        whys = [kept[at_s] for at_s in made if at_s in kept]
        why = max(whys, key=_STRENGTH.index, default="")
        told.append(KeptDay(day, len(made), len(whys), why))
    oldest = datetime.fromtimestamp(min(kept), zone).date() if kept else None
    used = set(kept.values())
    reasons = tuple(why for why in _STRENGTH if why in used)
    return Preview(told, today, len(kept), oldest, reasons, trouble)


def _times(schedule: Schedule, runs: int, end_s: float) -> tuple[list[float], ZoneInfo, str]:
    """Times of the last `runs` runs before `end_s`, seconds since 1970, oldest first."""
    from xolite_qt.backup.jobs.schedule import CronError, next_runs

    try:
        zone = ZoneInfo(schedule.timezone)
    except (KeyError, ValueError, OSError):
        return _daily(runs, end_s), ZoneInfo("UTC"), "The time zone is not known."
    if not schedule.enabled:
        return _daily(runs, end_s), zone, "It runs only by hand: shown as if it ran once a day."
    try:
        # How far back so many runs reach is found by looking at how close the next ones are.
        ahead = [_seconds(when) for when in next_runs(schedule.cron, schedule.timezone, end_s, 60)]
        if len(ahead) < 2:
            return _daily(runs, end_s), zone, "It hardly ever runs: shown as if it ran once a day."
        pace_s = (ahead[-1] - ahead[0]) / (len(ahead) - 1)
        begin_s = end_s - pace_s * runs * 1.1 - 40 * _DAY_S
        coming = next_runs(schedule.cron, schedule.timezone, begin_s, int(runs * 1.4) + 80)
        times = [at_s for when in coming if (at_s := _seconds(when)) <= end_s]
    except CronError:
        return _daily(runs, end_s), zone, "The schedule is not understood."
    return times[-runs:], zone, ""


def _daily(runs: int, end_s: float) -> list[float]:
    return [end_s - _DAY_S * back for back in reversed(range(runs))]


def _seconds(when: object) -> float:
    return float(when.timestamp()) if isinstance(when, datetime) else float(when)  # type: ignore[arg-type]


def _kept(times: Sequence[float], keep: Retention, zone: ZoneInfo) -> dict[float, str]:
    """Time of each kept backup to the rule that keeps it longest."""
    from xolite_qt.backup.retention import preview

    return preview(times, keep, zone)
