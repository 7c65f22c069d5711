"""Ticks are round, few and in order, for any data and in any time zone."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.ui.charts import scale

UNITS: tuple[scale.ChartUnit, ...] = get_args(scale.ChartUnit)


@pytest.fixture(params=["UTC", "Europe/Berlin", "Asia/Kathmandu"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@given(
    st.floats(1e9, 2e9),
    st.floats(60, 400 * 86_400),
    st.integers(1, 12),
)
def test_time_ticks_are_inside_in_order_and_not_too_many(
    start: float, span: float, most: int
) -> None:
    ticks, step = scale.time_ticks(start, start + span, most)
    assert step > 0
    assert ticks == sorted(set(ticks))
    assert all(start <= tick <= start + span for tick in ticks)
    assert len(ticks) <= most + 1
    assert all(scale.tick_time(tick, step) for tick in ticks)


@pytest.mark.usefixtures("zone")
def test_hours_are_local_and_round_across_summer_time() -> None:
    # Berlin turns its clocks on 2026-03-29; a week around it.
    start = datetime(2026, 3, 26, 7, 13).timestamp()
    ticks, step = scale.time_ticks(start, start + 7 * 86_400, 7)
    assert step == 86_400
    assert {datetime.fromtimestamp(tick).strftime("%H:%M") for tick in ticks} == {"00:00"}
    ticks, step = scale.time_ticks(start, start + 7_200, 8)
    assert all(datetime.fromtimestamp(tick).minute % 15 == 0 for tick in ticks)
    assert scale.tick_time(ticks[0], step) == datetime.fromtimestamp(ticks[0]).strftime("%H:%M")


def test_a_year_is_told_by_months() -> None:
    start = datetime(2025, 8, 21).timestamp()
    ticks, step = scale.time_ticks(start, start + 365 * 86_400, 8)
    days = [datetime.fromtimestamp(tick) for tick in ticks]
    assert all(day.day == 1 for day in days)
    assert (
        "2026" in [scale.tick_time(tick, step) for tick in ticks][days.index(datetime(2026, 1, 1))]
    )


@pytest.mark.parametrize("unit", UNITS)
@given(values=st.lists(st.floats(0, 1e15), max_size=20))
def test_the_axis_ends_above_every_value_on_a_tick(
    unit: scale.ChartUnit, values: list[float]
) -> None:
    top = scale.top_of([*values, math.nan], unit)
    assert top > 0
    assert all(value <= top for value in values)
    step = scale.value_step(top, unit)
    assert 1 <= top / step <= 9


@pytest.mark.parametrize("unit", UNITS)
def test_no_data_still_gives_an_axis(unit: scale.ChartUnit) -> None:
    assert scale.top_of([], unit) > 0
    assert scale.top_of([math.nan], unit) > 0
    assert scale.value_step(math.nan, unit) > 0


def test_the_least_top_holds() -> None:
    assert scale.top_of([0.2], "percent", 1.0) == 1.0
    assert scale.top_of([2.0], "percent", 1.0) > 2.0


def test_a_line_in_words() -> None:
    words = scale.read_values([0.1, math.nan, 0.3], "percent")
    assert words == "minimum 10%, mean 20%, maximum 30%, last 30%"
    assert scale.read_values([math.nan], "percent") == "no data"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (12.34, "per_second", "12.3/s"),
        (0.0123, "seconds", "12.3\u00a0ms"),
        (0.000042, "seconds", "42\u00a0µs"),
        (1.5, "seconds", "1.5\u00a0s"),
        (0.0, "seconds", "0\u00a0s"),
        (2.4e9, "hertz", "2.4\u00a0GHz"),
        (50.0, "hertz", "50\u00a0Hz"),
        (231.04, "watts", "231\u00a0W"),
        (45.55, "celsius", "45.5\u00a0°C"),
        (math.nan, "per_second", "–"),
        (math.nan, "seconds", "–"),
        (math.nan, "hertz", "–"),
    ],
)
def test_values_read_with_their_unit(value: float, unit: scale.ChartUnit, text: str) -> None:
    assert scale.read_value(value, unit) == text
