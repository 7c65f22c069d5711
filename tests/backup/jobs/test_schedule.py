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
    assert shown(found) == ["03-29 03:00", "03-30 02:30"]
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
    ("zone", "day"),
    [
        (HERE, "2026-03-29"),
        (HERE, "2026-10-25"),
        ("America/New_York", "2026-03-08"),
        ("America/New_York", "2026-11-01"),
        # At midnight; half an hour; a day that was left out.
        ("Asia/Beirut", "2026-03-29"),
        ("America/Havana", "2026-11-01"),
        ("Australia/Lord_Howe", "2026-04-05"),
        ("Pacific/Apia", "2011-12-30"),
    ],
)
@pytest.mark.parametrize(
    "cron", ["30 2 * * *", "0 2 * * *", "30 1 * * *", "0 0 * * *", "30 0 * * *", "0 2,3 * * *"]
)
def test_the_agent_starts_what_was_told_when_clocks_change(zone: str, day: str, cron: str) -> None:
    """Neither twice nor never, though it looks back and the editor looks ahead."""
    begin_s = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).timestamp() - 86_400
    end_s = begin_s + 3 * 86_400
    told = [one for one in next_runs(cron, zone, begin_s, 20) if one <= end_s]
    started: list[float] = []
    for now_s in range(int(begin_s), int(end_s) + 1, 900):
        planned_s = last_run(cron, zone, now_s, started[-1] if started else begin_s)
        if planned_s is not None:
            started.append(planned_s)
    assert started == told


@given(st.text("0123456789*/-,LW#? JANMOSU", max_size=20), st.sampled_from(["%s", "%s * * * *"]))
def test_any_line_is_a_schedule_or_says_why_not(text: str, form: str) -> None:
    cron = form % text
    try:
        explain(cron)
        found = next_runs(cron, HERE, 1.7e9, 2)
        assert last_run(cron, HERE, 1.7e9, 0.0) is not None
        assert found == sorted(found)
    except CronError:
        return


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
    assert not due(a_job(), two + 86_399, two - 86_400 * 3, two + 60)


def test_a_clock_that_was_a_year_ahead_holds_nothing_back_for_a_year() -> None:
    two = at("2026-05-05 02:00")
    year_s = 365 * 86_400
    for last_s, known_s in ((two + year_s, two - 7 * 86_400), (None, two + year_s)):
        assert due(a_job(), last_s, known_s, two + 60)
    assert not due(a_job(), two + 61, two + year_s, two + 90)
