"""Which backups stay: as Xen Orchestra counts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xolite_qt.backup.jobs.model import Retention
from xolite_qt.backup.retention import plan, preview, week_of, zone_of

ZONES = ["UTC", "Europe/Amsterdam", "America/New_York", "Asia/Kolkata", "Pacific/Apia"]
DAY_MS = 86_400_000
# From 2010 to 2040.
TIMES = st.integers(1_262_304_000_000, 2_208_988_800_000)
COUNTS = st.integers(0, 5)
RETENTIONS = st.builds(
    Retention, last=st.integers(1, 5), daily=COUNTS, weekly=COUNTS, monthly=COUNTS, yearly=COUNTS
)


def at(text: str, zone: str = "UTC") -> int:
    when = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return int(when.timestamp() * 1000)


@pytest.mark.parametrize(
    ("day", "week"),
    [
        # `moment(day).locale("en").format("gggg-ww")`
        ("2026-01-01", "2026-01"),
        ("2025-12-28", "2026-01"),
        ("2025-12-27", "2025-52"),
        ("2026-01-03", "2026-01"),
        ("2026-01-04", "2026-02"),
        ("2026-12-27", "2027-01"),
        ("2027-01-01", "2027-01"),
        ("2024-12-29", "2025-01"),
        ("2024-12-28", "2024-52"),
        ("2023-01-01", "2023-01"),
        ("2022-12-31", "2022-53"),
        ("2022-12-25", "2022-53"),
        ("2016-12-31", "2016-53"),
        ("2017-01-01", "2017-01"),
        ("2024-02-29", "2024-09"),
    ],
)
def test_weeks_begin_on_sunday_and_the_first_holds_the_first_of_january(
    day: str, week: str
) -> None:
    assert week_of(datetime.fromisoformat(day).replace(tzinfo=UTC)) == week


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_weeks_are_seven_days_in_order(day: date) -> None:
    first = datetime(day.year, day.month, day.day, tzinfo=UTC)
    days = [first + timedelta(days=n) for n in range(8)]
    weeks = [week_of(one) for one in days]
    assert weeks == sorted(weeks)
    changes = [n for n in range(1, 8) if weeks[n] != weeks[n - 1]]
    assert changes == [n for n in range(1, 8) if days[n].weekday() == 6]


def reference(times: list[int], retention: Retention, zone: str) -> set[int]:
    """The rule, said another way: group by bucket, take the newest buckets, keep each's oldest."""
    newest = sorted(times, reverse=True)
    keep = set(newest[: retention.last])
    here = ZoneInfo(zone)
    for number, form in (
        (retention.daily, "%Y-%m-%d"),
        (retention.weekly, "week"),
        (retention.monthly, "%Y-%m"),
        (retention.yearly, "%Y"),
    ):
        buckets: dict[str, list[int]] = {}
        for one in times:
            when = datetime.fromtimestamp(one / 1000, here)
            name = week_of(when) if form == "week" else when.strftime(form)
            buckets.setdefault(name, []).append(one)
        for name in sorted(buckets, reverse=True)[:number]:
            keep.add(min(buckets[name]))
    return keep


@given(
    st.lists(TIMES, max_size=40),
    st.lists(st.integers(0, 40), max_size=40),
    RETENTIONS,
    st.sampled_from(ZONES),
)
def test_what_stays(far: list[int], days: list[int], retention: Retention, zone: str) -> None:
    near = [1_767_225_600_000 + n * DAY_MS // 3 for n in days]
    times = sorted({*far, *near}, key=hash)
    kept = plan(times, retention, zone)
    assert kept.stay == reference(times, retention, zone)
    assert kept.stay.isdisjoint(kept.go)
    assert set(kept.go) | kept.stay == set(times)
    assert list(kept.go) == sorted(kept.go, reverse=True)
    assert set(kept.tags) <= kept.stay
    # What is told in the editor is what is done.
    shown = preview([one / 1000 for one in set(times)], retention, zone_of(zone))
    assert {round(one * 1000) for one in shown} == set(kept.stay)


@given(st.lists(TIMES, min_size=1, max_size=30), RETENTIONS)
def test_a_point_that_goes_never_comes_back(times: list[int], retention: Retention) -> None:
    """Forgetting and planning again forgets nothing more, and the newest always stays."""
    kept = plan(times, retention, "UTC")
    assert max(times) in kept.stay
    again = plan(sorted(kept.stay), retention, "UTC")
    assert again.stay == kept.stay
    assert again.tags == kept.tags


@given(st.lists(TIMES, max_size=30), RETENTIONS)
def test_the_newest_few_always_stay(times: list[int], retention: Retention) -> None:
    newest = sorted(set(times), reverse=True)[: retention.last]
    assert plan(times, retention, "UTC").stay.issuperset(newest)


@given(
    st.lists(st.integers(1, 5 * 24), min_size=1, max_size=120),
    RETENTIONS,
    st.sampled_from(ZONES),
)
@settings(max_examples=50)
def test_forgetting_after_every_run_loses_nothing(
    gaps_h: list[int], retention: Retention, zone: str
) -> None:
    """Who forgets after each run has the same in the end as who forgets once, at the end."""
    at_ms, left, every = 1_767_225_600_000, set[int](), []
    for gap_h in gaps_h:
        at_ms += gap_h * 3_600_000
        every.append(at_ms)
        left = set(plan([*left, at_ms], retention, zone).stay)
    assert left == plan(every, retention, zone).stay


def test_times_that_no_calendar_knows_stay_and_push_nothing_out() -> None:
    odd = [-1, -(10**15), 10**15, 10**18, 2**70]
    times = [at(f"2026-01-{day:02} 02:00") for day in range(1, 10)]
    for retention in (Retention(last=2), Retention(1, 2, 2, 2, 2)):
        plain, kept = (plan(some, retention, "Pacific/Apia") for some in (times, times + odd))
        assert kept.stay == plain.stay | set(odd)
        assert (kept.go, kept.tags) == (plain.go, plain.tags)


def test_the_oldest_of_each_bucket_stays_and_says_why() -> None:
    times = [at(f"2026-01-{day:02} {hour:02}:00") for day in range(1, 15) for hour in (2, 14)]
    kept = plan(times, Retention(last=1, daily=2, weekly=2, monthly=1, yearly=1), "UTC")
    assert sorted(kept.tags.values()) == [
        ("daily=2026-01-13",),
        ("daily=2026-01-14",),
        ("monthly=2026-01", "yearly=2026"),
        ("weekly=2026-02",),
        ("weekly=2026-03",),
    ]
    assert kept.stay == {
        at("2026-01-14 14:00"),
        at("2026-01-14 02:00"),
        at("2026-01-13 02:00"),
        at("2026-01-11 02:00"),
        at("2026-01-04 02:00"),
        at("2026-01-01 02:00"),
    }


def test_days_are_those_of_the_time_zone() -> None:
    # Half past eleven in the evening in Amsterdam is the next day nowhere but there.
    times = [at("2026-03-01 23:30", "Europe/Amsterdam"), at("2026-03-02 00:30", "Europe/Amsterdam")]
    days = Retention(last=1, daily=5)
    assert plan(times, days, "Europe/Amsterdam").stay == set(times)
    assert plan(times, days, "UTC").tags.keys() == {min(times)}
    assert plan(times, days, "Nowhere/AtAll").tags == plan(times, days, "UTC").tags
