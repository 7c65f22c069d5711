"""When a job runs: cron lines in words, and as times."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from xolite_qt.backup.errors import BackupError

_FIELDS = 5


class CronError(BackupError):
    """A schedule that cannot be used; the sentence says why."""


def explain(cron: str) -> str:
    """A cron line in plain English, such as "At 02:00 on Monday through Friday".

    Raises:
        CronError: it is none.
    """
    return str(_simulate(cron, datetime(2026, 1, 1)).explain())


def next_runs(cron: str, timezone: str, after_s: float, number: int) -> list[float]:
    """The next times of a schedule, seconds since 1970; fewer where it hardly ever runs.

    At the end of summer time an hour comes twice: it runs once. An hour that is left out in spring
    is made up for right after.

    Args:
        cron: five fields.
        timezone: IANA name.
        after_s: seconds since 1970; only later times are told.
        number: how many.

    Raises:
        CronError: no schedule, or no such time zone.
    """
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CronError(f"the time zone {timezone!r} is not known") from None
    found: list[float] = []
    for when in _times(_simulate(cron, datetime.fromtimestamp(after_s, zone))):
        at_s = when.timestamp()
        if at_s > after_s:
            found.append(at_s)
        if len(found) == number:
            break
    return found


def last_run(cron: str, timezone: str, now_s: float, since_s: float) -> float | None:
    """The latest time of a schedule after `since_s` and up to `now_s`; None if there is none.

    Raises:
        CronError: as `next_runs`.
    """
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CronError(f"the time zone {timezone!r} is not known") from None
    simulated = _simulate(cron, datetime.fromtimestamp(now_s + 1, zone), reverse=True)
    for when in _times(simulated):
        at_s = when.timestamp()
        if at_s <= now_s:
            return at_s if at_s > since_s else None
    return None


def _simulate(cron: str, when: datetime, *, reverse: bool = False) -> CronSim:
    line = " ".join(cron.split())
    if len(line.split(" ")) != _FIELDS:
        raise CronError("a schedule has five fields: minute, hour, day, month, weekday")
    try:
        return CronSim(line, when, reverse)
    except CronSimError as error:
        raise CronError(f"the schedule is not understood: {error}") from None


def _times(simulated: CronSim) -> Iterator[datetime]:
    # It ends by itself where a schedule matches no date in fifty years.
    yield from simulated
