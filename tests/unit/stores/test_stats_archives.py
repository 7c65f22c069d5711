"""Archives joined: every moment told of once, by the finest archive that knows it."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.stores.stats_archives import Ring, join, needed
from xolite_qt.xen_api import ARCHIVES, ONE_WEEK, ONE_YEAR, TEN_MINUTES, TWO_HOURS, Archive

NOW_S = 1_790_000_000.0
DAY_S = 86_400.0


def ring_of(archive: Archive, now_s: float, rows: int, behind: int = 0) -> Ring:
    end_s = now_s // archive.step_s * archive.step_s - behind * archive.step_s
    times = [end_s - archive.step_s * at for at in reversed(range(rows))]
    # The value says where it is from.
    return Ring(archive.step_s, times, {"cpu0": [float(archive.step_s)] * rows})


@st.composite
def worlds(draw: st.DrawFn) -> list[Ring]:
    now_s = NOW_S + draw(st.integers(0, 400_000))
    rings = []
    for archive in ARCHIVES:
        rows = draw(st.integers(0, archive.points))
        rings.append(ring_of(archive, now_s, rows, draw(st.integers(0, 20))))
    return draw(st.permutations(rings))


@given(worlds())
def test_rows_follow_each_other_and_tell_every_moment_once(rings: list[Ring]) -> None:
    joined = join(rings)
    there = [ring for ring in rings if ring.times]
    assert list(joined.times) == sorted(set(joined.times))
    for before, start, end in zip(
        (-math.inf, *joined.times), joined.starts, joined.times, strict=False
    ):
        assert before <= start < end
    if not there:
        assert joined.times == ()
        return
    assert joined.times[-1] == max(ring.times[-1] for ring in there)
    assert joined.starts[0] == min(ring.start_s for ring in there)
    # No hole that any archive could fill.
    for at in range(1, len(joined.times)):
        hole = (joined.times[at - 1], joined.starts[at])
        if hole[1] > hole[0]:
            for ring in there:
                assert ring.times[-1] <= hole[0] or ring.start_s >= hole[1]


@given(worlds())
def test_the_finest_archive_that_knows_a_moment_tells_of_it(rings: list[Ring]) -> None:
    joined = join(rings)
    there = sorted((ring for ring in rings if ring.times), key=lambda ring: ring.step_s)
    for start, end, value in zip(
        joined.starts, joined.times, joined.series.get("cpu0", ()), strict=True
    ):
        middle = (start + end) / 2
        knows = [ring for ring in there if ring.start_s < middle <= ring.times[-1]]
        assert value == knows[0].step_s


def test_a_source_that_one_archive_lacks_is_a_gap_there() -> None:
    fine = Ring(5, [100.0, 105.0], {"cpu0": [0.1, 0.2]})
    coarse = Ring(60, [60.0, 120.0], {"cpu0": [0.5, 0.6], "old": [1.0, 2.0]})
    joined = join([fine, coarse])
    assert joined.times == (60.0, 95.0, 100.0, 105.0, 120.0)
    assert joined.starts == (0.0, 60.0, 95.0, 100.0, 105.0)
    assert joined.series["cpu0"] == [0.5, 0.6, 0.1, 0.2, 0.6]
    assert [math.isnan(value) for value in joined.series["old"]] == [
        False, False, True, True, False,
    ]  # fmt: skip
    assert set(join([fine, coarse], ["old"]).series) == {"old"}


def test_ranges_ask_for_no_more_archives_than_they_show() -> None:
    now = NOW_S
    assert needed((now - 600, now), now) == (TEN_MINUTES,)
    assert needed((now - 7200, now), now) == (TEN_MINUTES, TWO_HOURS)
    assert needed((now - 7 * DAY_S, now), now) == (TWO_HOURS, ONE_WEEK)
    assert needed((now - 365 * DAY_S, now), now) == (ONE_WEEK, ONE_YEAR)
    # Zoomed in on the past: the finest that reaches back there, and nothing that does not.
    assert needed((now - 5000, now - 4000), now) == (TWO_HOURS,)
    assert needed((now - 3 * DAY_S, now - 2 * DAY_S), now) == (ONE_WEEK,)
    assert needed((now - 900 * DAY_S, now - 800 * DAY_S), now) == (ONE_YEAR,)


@given(
    st.floats(0, 400 * DAY_S),
    st.floats(1, 400 * DAY_S),
)
def test_what_is_asked_for_covers_the_span_as_fine_as_it_can_be(ago: float, length: float) -> None:
    span = (NOW_S - ago - length, NOW_S - ago)
    asked = needed(span, NOW_S)
    assert asked
    assert list(asked) == sorted(asked, key=lambda archive: archive.step_s)
    coarsest = asked[-1]
    reaches_s = NOW_S - coarsest.span_s - coarsest.step_s
    assert coarsest is ONE_YEAR or reaches_s <= span[0]
    # The one before would not have reached.
    for finer in ARCHIVES[: ARCHIVES.index(coarsest)]:
        assert NOW_S - finer.span_s - finer.step_s > span[0]
