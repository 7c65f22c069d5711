"""When jobs run: cron lines, summer time, and looking back."""

from __future__ import annotations

import itertools
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.backup.jobs.agent import due
from xolite_qt.backup.jobs.model import HostRef, Job, Schedule
from xolite_qt.backup.jobs.schedule import CronError, explain, last_run, next_runs

HERE = "Europe/Amsterdam"
CRONS = ["0 2 * * *", "30 2 * * *", "*/15 * * * *", "0 0 1 * *", "5 4 * * SUN", "0 12 29 2 *"]


def at(text: str, zone: str = HERE) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def shown(times: list[float], zone: str = HERE) -> list[str]:
    return [f"{datetime.fromtimestamp(t, ZoneInfo(zone)):%m-%d %H:%M}" for t in times]


def test_an_hour_that_comes_twice_runs_once() -> None:
    found = next_runs("30 2 * * *", HERE, at("2026-10-24 12:00"), 3)
    assert shown(found) == ["10-25 02:30", "10-26 02:30", "10-27 02:30"]
    assert [round(b - a) // 3600 for a, b in itertools.pairwise(found)] == [25, 24]


def test_an_hour_that_is_left_out_is_made_up_for() -> None:
    found = next_runs("30 2 * * *", HERE, at("2026-03-28 12:00"), 2)
    assert shown(found) == ["03-29 03:00", "03-30 02:30"] or shown(found) == [
        "03-29 03:30",
        "03-30 02:30",
    ]
    # Looking back finds that time too.
    assert last_run("30 2 * * *", HERE, at("2026-03-29 12:00"), 0.0) == found[0]


@pytest.mark.parametrize("cron", CRONS)
@given(after_s=st.integers(1_600_000_000, 1_900_000_000), zone=st.sampled_from([HERE, "UTC"]))
def test_looking_back_finds_what_looking_ahead_told(cron: str, after_s: int, zone: str) -> None:
    found = next_runs(cron, zone, after_s, 2)
    assert found == sorted(found)
    assert found[0] > after_s
    assert last_run(cron, zone, found[0], after_s) == found[0]
    assert last_run(cron, zone, found[0] + 30, after_s) == found[0]
    assert last_run(cron, zone, found[0] - 1, after_s) is None
    if len(found) > 1:
        assert last_run(cron, zone, found[1] - 1, after_s) == found[0]


@pytest.mark.parametrize(
    "cron", ["", "* * * *", "* * * * * *", "61 * * * *", "@daily", "a b c d e", "0 0 31 2 *"]
)
def test_lines_that_are_none(cron: str) -> None:
    if cron == "0 0 31 2 *":
        # Some libraries find that at once, others only in fifty years.
        try:
            assert next_runs(cron, "UTC", 1_700_000_000.0, 2) == []
        except CronError:
            return
        assert last_run(cron, "UTC", 1_700_000_000.0, 0.0) is None
        return
    for ask in (explain, lambda line: next_runs(line, "UTC", 0.0, 1)):
        with pytest.raises(CronError):
            ask(cron)
    with pytest.raises(CronError):
        last_run(cron, "UTC", 1e9, 0.0)


def test_time_zones_that_are_none() -> None:
    for zone in ("", "Nowhere", "../etc/passwd", "\0"):
        with pytest.raises(CronError, match="time zone"):
            next_runs("0 2 * * *", zone, 0.0, 1)


def test_in_words() -> None:
    assert explain("0 2 * * 1-5").startswith("At 02:00")


def a_job(cron: str = "0 2 * * *", **more: object) -> Job:
    schedule = Schedule(cron=cron, timezone=HERE, **more)  # type: ignore[arg-type]
    return Job(
        id="j", schedule_id="s", name="Nightly", host=HostRef("https://h"), schedule=schedule
    )


def test_due_once_after_its_time() -> None:
    job, two = a_job(), at("2026-05-05 02:00")
    known_s = two - 86_400 * 30
    assert not due(job, two - 86_400, known_s, two - 1)
    assert due(job, two - 86_400, known_s, two)
    assert due(job, two - 86_400, known_s, two + 29)
    assert not due(job, two + 1, known_s, two + 30)
    assert not due(a_job(enabled=False), None, known_s, two)


def test_what_was_missed_in_sleep_is_made_up_for_once_and_only_if_wanted() -> None:
    two = at("2026-05-05 02:00")
    known_s, woke_s = two - 86_400 * 30, two + 5 * 86_400 + 6 * 3600
    assert due(a_job(), two + 2, known_s, woke_s)
    assert not due(a_job(), woke_s, known_s, woke_s + 30)
    assert not due(a_job(catch_up=False), two + 2, known_s, woke_s)
    assert due(a_job(catch_up=False), two + 2, known_s, at("2026-05-06 02:04"))


def test_a_new_job_missed_nothing() -> None:
    two = at("2026-05-05 02:00")
    assert not due(a_job(), None, two + 3600, two + 7200)
    assert due(a_job(), None, two + 3600, two + 86_400)


def test_a_clock_that_was_wrong_starts_nothing_twice() -> None:
    two = at("2026-05-05 02:00")
    # It ran "tomorrow"; now the clock is right again.
    assert not due(a_job(), two + 86_400, two - 86_400 * 3, two + 60)
