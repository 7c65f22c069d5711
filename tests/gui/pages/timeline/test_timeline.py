"""The time line of an object: what happened is on it, whoever keeps it, and stays when it goes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from tests.gui.pages.conftest import Bench
from tests.gui.pages.test_pages import a_vm
from xolite_qt.demo_host.worlds.alarms import add_alarm
from xolite_qt.journal import Entry, Kind
from xolite_qt.ui.models.timeline import LANES, marks_of, ticks, zoomed
from xolite_qt.ui.views.parts.timeline.page import HostTimeLine, TimeLinePage, VmTimeLine
from xolite_qt.ui.widgets.time_line import _LABEL_PX, _LANE_PX

K = Qt.Key


def titles(page: TimeLinePage) -> list[str]:
    return [row.entry.title for row in page.model.rows()]


def kinds(page: VmTimeLine) -> set[Kind]:
    return {row.entry.kind for row in page.model.rows()}


async def ready(bench: Bench, vm: str) -> VmTimeLine:
    bench.context.services["journal"].start()
    await bench.until(lambda: bench.stores.vm.is_ready and bench.stores.pool.is_ready)
    return await bench.show(VmTimeLine, vm)


async def test_messages_snapshots_edits_and_tasks_are_on_one_line(bench: Bench) -> None:
    hold = bench.stores.pool.subscribe()
    vm = a_vm(bench)
    add_alarm(bench.running.host, "VM", vm, "cpu_usage", 0.97, 0.9, age_s=60)
    page = await ready(bench, vm)
    await bench.until(lambda: Kind.ALARM in kinds(page))
    await bench.api.call("VM.set_name_label", vm, "another name")
    await bench.until(lambda: "Name changed" in titles(page))
    (edit,) = [row.entry for row in page.model.rows() if row.entry.title == "Name changed"]
    assert edit.detail.endswith("→ another name")
    await bench.api.run("VM.snapshot", vm, "before the update")
    await bench.until(lambda: "Snapshot before the update" in titles(page))
    assert kinds(page) >= {Kind.ALARM, Kind.EDIT, Kind.SNAPSHOT}
    hold.close()


async def test_what_the_host_forgets_the_journal_keeps(bench: Bench) -> None:
    hold = bench.stores.pool.subscribe()
    vm = a_vm(bench)
    add_alarm(bench.running.host, "VM", vm, "cpu_usage", 0.97, 0.9, age_s=60)
    page = await ready(bench, vm)
    await bench.until(lambda: Kind.ALARM in kinds(page))
    feed = bench.context.services["journal"]
    await bench.until(lambda: feed.journal.count() > 0)
    for ref in tuple(bench.db.refs("message")):
        bench.db.destroy("message", ref)
    page.hide()
    again = await bench.show(VmTimeLine, vm)
    await bench.until(lambda: Kind.ALARM in kinds(again))
    hold.close()


async def test_the_wheel_zooms_keys_walk_and_charts_follow(bench: Bench) -> None:
    hold = bench.stores.pool.subscribe()
    vm = a_vm(bench)
    for age in (600, 1200, 86400.0 * 2):
        add_alarm(bench.running.host, "VM", vm, "cpu_usage", 0.97, 0.9, age_s=age)
    page = await ready(bench, vm)
    line = page.line
    await bench.until(lambda: len(page.model.rows()) >= 3)
    first, last = line.span
    line.setFocus()
    QTest.keyClick(line, K.Key_Plus)
    assert line.span[1] - line.span[0] == pytest.approx((last - first) / 2)
    await bench.until(lambda: page.charts._zoom == line.span)
    QTest.keyClick(line, K.Key_Minus)
    chosen: list[tuple[Entry, ...]] = []
    line.chosen.connect(chosen.append)
    QTest.keyClick(line, K.Key_Right)
    QTest.keyClick(line, K.Key_Right)
    assert len(chosen) == 2
    assert chosen[0][-1].at_s < chosen[1][-1].at_s
    assert page.table.selected_refs() == [chosen[1][-1].key]
    mark = line.marks()[0]
    lane = next(kind for kind, marks in line._marks.items() if mark in marks)
    spot = QPointF(_LABEL_PX + mark.x, LANES.index(lane) * _LANE_PX + _LANE_PX / 2)
    assert line.mark_at(spot) is mark
    assert "entries from" in line.accessibleName()
    hold.close()


async def test_a_host_has_one_and_classes_go_with_the_page(bench: Bench) -> None:
    host = str(next(iter(bench.db.refs("host"))))
    hold = bench.stores.pool.subscribe()
    bench.context.services["journal"].start()
    await bench.until(lambda: bench.stores.host.is_ready and bench.stores.pool.is_ready)
    page = await bench.show(HostTimeLine, host)
    await bench.api.call("host.set_name_description", host, "in the cellar")
    await bench.until(lambda: "Description changed" in titles(page))
    assert "message" not in bench.api.events.classes
    page.hide()
    bench.context.services["journal"].stop()
    hold.close()
    await bench.until(lambda: not bench.context.stores.classes_in_use)


moments = st.floats(0, 1e6)


@given(st.lists(moments, max_size=60), moments, st.floats(1, 1e6), st.floats(10, 2000))
def test_marks_hold_every_entry_once(
    at: list[float], first: float, length: float, width: float
) -> None:
    entries = [
        Entry(str(n), moment, "p", "VM", "v", Kind.EVENT, "t")
        for n, moment in enumerate(sorted(at))
    ]
    span = (first, first + length)
    lanes = marks_of(entries, span, width)
    marks = lanes.get(Kind.EVENT, [])
    held = [entry for mark in marks for entry in mark.entries]
    assert held == [entry for entry in entries if span[0] <= entry.at_s <= span[1]]
    assert all(b.x - a.x >= 10.0 for a, b in itertools.pairwise(marks))


@given(moments, st.floats(1, 1e9), st.floats(0.01, 100))
def test_a_zoom_keeps_its_place(first: float, length: float, factor: float) -> None:
    span = (first, first + length)
    middle = first + length / 4
    begin, end = zoomed(span, factor, middle)
    assert end > begin
    assert (middle - begin) / (end - begin) == pytest.approx(0.25, abs=1e-3)


@given(moments, st.floats(1, 1e9), st.floats(50, 4000))
def test_ticks_are_few_and_inside(first: float, length: float, width: float) -> None:
    found = ticks((first, first + length), width)
    assert len(found) <= max(width / 90, length / (365 * 86400)) + 1
    assert all(first <= moment <= first + length for moment in found)
