"""Which backups stay, as Xen Orchestra counts them.

The newest `last` stay. Then days, weeks, months and years: from new to old, of each of the newest n
that have a backup at all the *oldest* backup stays (others would keep the newest: this way the one
of the first of January is also that of its week, month and year).

Source: backup-repository.md 1.7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .jobs.model import Retention

# 1970 to 9999: what a calendar can place in any time zone.
_PLACED_MS = range(253_370_764_800_000)


@dataclass(frozen=True)
class Kept:
    """What a retention says of backups.

    Attributes:
        stay: times of those that stay, milliseconds since 1970.
        go: times of the others, newest first.
        tags: per time why it stays beyond the newest few, such as "daily=2026-01-02".
    """

    stay: frozenset[int]
    go: tuple[int, ...]
    tags: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


def plan(timestamps_ms: Sequence[int], retention: Retention, timezone: str) -> Kept:
    """What stays of backups of one VM and job.

    Args:
        timestamps_ms: of all of them, in any order. What no calendar can place stays, and counts
            for nothing: one odd file must neither end a backup nor push others out.
        retention: what to keep.
        timezone: IANA name, which bounds days and weeks; an unknown one counts as UTC.
    """
    zone = zone_of(timezone)
    every = set(timestamps_ms)
    newest_first = sorted((at for at in every if at in _PLACED_MS), reverse=True)
    stay = every.difference(newest_first[retention.last :])
    tags: dict[int, list[str]] = {}
    for rule, number in _numbers(retention):
        for bucket, at in _oldest_of_each(newest_first, _BUCKETS[rule], zone, number).items():
            stay.add(at)
            tags.setdefault(at, []).append(f"{rule}={bucket}")
    go = tuple(at for at in newest_first if at not in stay)
    return Kept(frozenset(stay), go, {at: tuple(names) for at, names in tags.items()})


def preview(times_s: Sequence[float], retention: Retention, zone: tzinfo) -> dict[float, str]:
    """Of backups at these times those that stay, with the longest-lived rule that keeps them.

    Args:
        times_s: seconds since 1970.
        retention: what to keep.
        zone: bounds days and weeks.

    Returns:
        Time to "last", "daily", "weekly", "monthly" or "yearly".
    """
    by_ms = {int(at * 1000): at for at in times_s}
    newest_first = sorted(by_ms, reverse=True)
    found = {by_ms[at]: "last" for at in newest_first[: retention.last]}
    for rule, number in _numbers(retention):
        for at in _oldest_of_each(newest_first, _BUCKETS[rule], zone, number).values():
            found[by_ms[at]] = rule
    return found


def zone_of(name: str) -> tzinfo:
    """The time zone of this name; UTC where it is not known."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def week_of(when: datetime) -> str:
    """`gggg-ww` as Xen Orchestra writes it: weeks begin on Sunday, the first holds 1 January."""
    sunday = when.date() - timedelta(days=(when.weekday() + 1) % 7)
    year = (sunday + timedelta(days=6)).year
    first = datetime(year, 1, 1, tzinfo=UTC).date()
    first -= timedelta(days=(first.weekday() + 1) % 7)
    return f"{year}-{(sunday - first).days // 7 + 1:02}"


_BUCKETS: dict[str, Callable[[datetime], str]] = {
    "daily": lambda when: when.strftime("%Y-%m-%d"),
    "weekly": week_of,
    "monthly": lambda when: when.strftime("%Y-%m"),
    "yearly": lambda when: when.strftime("%Y"),
}


def _numbers(retention: Retention) -> tuple[tuple[str, int], ...]:
    return (
        ("daily", retention.daily),
        ("weekly", retention.weekly),
        ("monthly", retention.monthly),
        ("yearly", retention.yearly),
    )


def _oldest_of_each(
    newest_first: Sequence[int], bucket_of: Callable[[datetime], str], zone: tzinfo, number: int
) -> dict[str, int]:
    found: dict[str, int] = {}
    for at in newest_first if number else ():
        bucket = bucket_of(datetime.fromtimestamp(at / 1000, zone))
        if bucket not in found and len(found) == number:
            break
        found[bucket] = at
    return found
