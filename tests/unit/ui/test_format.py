"""Numbers and times read as people expect, for every value a host may send."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QLocale

from xolite_qt.ui import format as fmt

NBSP = "\u00a0"
numbers = st.one_of(st.none(), st.floats(), st.integers(-(10**24), 10**24))


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    before = QLocale()
    QLocale.setDefault(QLocale(QLocale.Language.English, QLocale.Country.UnitedStates))
    yield
    QLocale.setDefault(before)


def plain(text: str) -> str:
    return text.replace(NBSP, " ")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (512, "512 B"),
        (1023, "1,023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (1023.97 * 1024, "1 MiB"),
        (16 * 1024**3, "16 GiB"),
        (-1536, "-1.5 KiB"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_sizes_are_iec(value: float | None, text: str) -> None:
    assert plain(fmt.size(value)) == text


@given(st.floats(0, 1e18))
def test_a_size_never_shows_1024_of_a_unit(value: float) -> None:
    number = re.match(r"[\d.,]+", fmt.size(value))
    assert number
    assert float(number[0].replace(",", "")) < 1024


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0%"), (0.953, "95%"), (0.9996, "99%"), (1, "100%"), (1.2, "120%"), (None, "–")],
)
def test_almost_full_is_not_full(value: float | None, text: str) -> None:
    assert fmt.percent(value) == text


@given(st.floats(0, 1, exclude_max=True))
def test_a_hundred_percent_means_all(value: float) -> None:
    assert fmt.percent(value) != "100%"
    assert fmt.percent(value, 1) != "100%"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (45.9, "45 s"), (60, "1 min"), (725, "12 min 5 s"), (3600, "1 h"),
        (3605, "1 h"), (93_784, "1 d 2 h"), (-5, "0 s"), (None, "–"), (math.nan, "–"),
    ],
)  # fmt: skip
def test_durations_have_two_units(seconds: float | None, text: str) -> None:
    assert plain(fmt.duration(seconds)) == text


@pytest.mark.parametrize(
    ("ago_s", "text"),
    [
        (0, "just now"), (-3, "just now"), (30, "30 seconds ago"), (61, "1 minute ago"),
        (180, "3 minutes ago"), (7_200, "2 hours ago"), (86_400, "1 day ago"),
        (8 * 86_400, "1 week ago"), (70 * 86_400, "2 months ago"), (800 * 86_400, "2 years ago"),
        (-7_300, "in 2 hours"),
    ],
)  # fmt: skip
def test_ages(ago_s: float, text: str) -> None:
    now = 1_789_000_000.0
    assert fmt.relative(now - ago_s, now) == text


def test_a_moment_is_taken_as_seconds_or_as_datetime() -> None:
    moment = datetime(2026, 8, 21, 10, 0, 5, tzinfo=UTC)
    assert fmt.absolute(moment) == fmt.absolute(moment.timestamp())
    assert fmt.clock(moment, seconds=True).endswith(":00:05")
    assert fmt.day(moment) in fmt.absolute(moment)
    assert fmt.moment(moment) == fmt.absolute(moment)[:-3]


@pytest.mark.parametrize("never", [None, 0, 0.0, datetime(1970, 1, 1, tzinfo=UTC), math.nan, 1e30])
def test_never_reads_as_unknown(never: float | datetime | None) -> None:
    assert fmt.absolute(never) == "–"


@given(numbers)
def test_nothing_a_host_sends_breaks_a_format(value: float | None) -> None:
    for read in (fmt.size, fmt.rate, fmt.percent, fmt.duration, fmt.decimal):
        assert read(value)
    for when in (fmt.relative, fmt.absolute, fmt.moment, fmt.clock, fmt.day):
        assert when(value)
    for unit in ("FRACTION", "BYTES_PER_S", "KIB", "MIB_PER_S", "UNKNOWN"):
        assert fmt.quantity(value, unit)
        assert fmt.alarm("cpu_usage", value, unit, value)


def test_counts_follow_the_locale() -> None:
    assert fmt.count(1_234_567) == "1,234,567"
    assert plain(fmt.plural(1, "VM", "VMs")) == "1 VM"
    assert plain(fmt.plural(0, "VM", "VMs")) == "0 VMs"
    QLocale.setDefault(QLocale(QLocale.Language.German))
    assert fmt.count(1_234_567) == "1.234.567"
    assert plain(fmt.size(1536)) == "1,5 KiB"


def test_states_are_words_and_unknown_ones_are_shown_as_they_came() -> None:
    assert fmt.power_state("Running") == "Running"
    assert fmt.power_state("halted") == "Halted"
    assert fmt.power_state(None) == "Unknown"
    assert fmt.power_state("Hibernating") == "Hibernating"


@pytest.mark.parametrize(
    ("kind", "level", "unit", "period", "text"),
    [
        ("cpu_usage", 0.9, "FRACTION", 300, "CPU usage above 90% for 5 min"),
        ("network_usage", 12_500_000, "BYTES_PER_S", None, "Network traffic above 11.9 MiB/s"),
        ("memory_free_kib", 4096, "KIB", 60, "Free memory below 4 MiB for 1 min"),
        ("sr_io_throughput_total_per_host", 2, "MIB_PER_S", 0, "Storage traffic above 2 MiB/s"),
        ("fs_usage", 0.905, "FRACTION", None, "File system usage above 90.5%"),
        ("<b>odd</b>", None, "UNKNOWN", None, "<b>odd</b> out of bounds"),
        ("", math.nan, "UNKNOWN", None, "Unknown value out of bounds"),
    ],
)
def test_alarms_have_their_true_units(
    kind: str, level: float | None, unit: str, period: float | None, text: str
) -> None:
    assert plain(fmt.alarm(kind, level, unit, period)) == text
