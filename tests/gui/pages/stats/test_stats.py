"""The charts of VMs, hosts and pools: every source, archives as one, marks, limits, comparing."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from tests.gui.pages.conftest import Bench
from tests.gui.pages.test_pages import a_vm
from xolite_qt.demo_host.worlds.alarms import add_alarm
from xolite_qt.ui.dialogs.compare import CompareDialog
from xolite_qt.ui.models.stats_levels import limits_of
from xolite_qt.ui.models.stats_plan import unknown
from xolite_qt.ui.views.host.stats import HostStats
from xolite_qt.ui.views.parts.stats.page import StatsPage
from xolite_qt.ui.views.pool.stats import PoolStats
from xolite_qt.ui.views.vm.stats import VmStats
from xolite_qt.xen_api import ONE_WEEK, TEN_MINUTES, Watch, write_perfmon

K = Qt.Key


def ids(page: StatsPage) -> list[str]:
    return [plot.id for plot in page.plots]


async def shown(bench: Bench, page: StatsPage, *charts: str) -> None:
    await bench.until(lambda: set(charts) <= set(ids(page)) and not page.busy)


async def test_a_vm_shows_all_that_its_host_measures(bench: Bench) -> None:
    page = await bench.show(VmStats, a_vm(bench))
    await shown(bench, page, "cpu", "memory", "network", "disk")
    (feed,) = page.feeds
    assert unknown(feed.names) == frozenset() or any(i.startswith("other") for i in ids(page))
    cpu = page.board.cards["cpu"]
    many = len(cpu.plot.curves)
    if many > 1:
        assert cpu.plot.stacked
        cpu.stacked.click()
        await bench.until(lambda: page.board.cards["cpu"].plot.stacked is False)
        cpu.each.click()
        await bench.until(lambda: len(page.board.cards["cpu"].plot.curves) == 1)
    assert "maximum" in page.board.cards["cpu"].canvas.accessibleDescription()


async def test_ranges_read_other_archives_and_the_wheel_leads_back(bench: Bench) -> None:
    page = await bench.show(VmStats, a_vm(bench))
    await shown(bench, page, "cpu")
    (feed,) = page.feeds
    assert feed.archives == {TEN_MINUTES}
    page.range.button("1week").click()
    await bench.until(lambda: ONE_WEEK in feed.archives and not page.busy)
    first, last = page.view.span
    assert last - first == pytest.approx(7 * 86_400, abs=2)
    page.zoom_in.click()
    await bench.until(lambda: not page.busy)
    assert page.view.span[1] - page.view.span[0] == pytest.approx(3.5 * 86_400, abs=2)
    assert page.now.isVisible()
    canvas = page.board.cards["cpu"].canvas
    canvas.setFocus()
    before = page.view.span
    QTest.keyClick(canvas, K.Key_Minus)
    assert page.view.span[1] - page.view.span[0] > before[1] - before[0]
    page.now.click()
    assert page.follows
    assert not page.now.isVisible()


async def test_what_happened_is_marked_and_can_be_hidden(bench: Bench) -> None:
    hold = bench.stores.pool.subscribe()
    bench.context.services["journal"].start()
    vm = a_vm(bench)
    await bench.until(lambda: bench.stores.vm.is_ready and bench.stores.pool.is_ready)
    page = await bench.show(VmStats, vm)
    await shown(bench, page, "cpu")
    add_alarm(bench.running.host, "VM", vm, "cpu_usage", 0.97, 0.9, age_s=60)
    await bench.api.run("VM.snapshot", vm, "before the update")
    await bench.until(lambda: any("before the update" in mark.words for mark in page.marks))
    canvas = page.board.cards["cpu"].canvas
    await bench.until(lambda: "before the update" in canvas.accessibleDescription())
    page.marked.click()
    assert "before the update" not in canvas.accessibleDescription()
    page.marked.click()
    assert "before the update" in canvas.accessibleDescription()
    bench.context.services["journal"].stop()
    hold.close()


async def test_thresholds_are_lines_in_the_charts(bench: Bench) -> None:
    vm = a_vm(bench)
    text = write_perfmon([Watch("cpu_usage", 0.9), Watch("disk_usage", 50 * 2**20)])
    bench.db.get("VM", vm)["other_config"].pop("perfmon", None)
    await bench.api.call("VM.add_to_other_config", vm, "perfmon", text)
    page = await bench.show(VmStats, vm)
    await shown(bench, page, "cpu", "disk")
    card = page.board.cards["cpu"]
    await bench.until(lambda: card.canvas.levels)
    cores = card.plot.items if card.plot.stacked else 1
    assert card.canvas.levels[0].value == pytest.approx(0.9 * cores)
    assert "Alarm above" in card.canvas.accessibleDescription()
    await bench.api.call("VM.remove_from_other_config", vm, "perfmon")
    await bench.until(lambda: not card.canvas.levels)


async def test_two_vms_are_compared(bench: Bench) -> None:
    vm = a_vm(bench)
    page = await bench.show(VmStats, vm)
    await shown(bench, page, "cpu")
    page.compare.click()
    dialog = await bench.dialog(CompareDialog)
    assert not dialog.go.isEnabled()
    assert dialog.go.accessibleDescription() == "Choose one first."
    items = page.others()
    assert vm not in {item.ref for item in items}
    other = next(i for i in items if bench.db.get("VM", i.ref)["power_state"] == "Running")
    dialog.list.pick(other.ref)
    dialog.go.click()
    await bench.until(lambda: any(c.dashed for plot in page.plots for c in plot.curves))
    assert other.name in page.beside.text()
    assert len(page.feeds) == 2
    page.alone.click()
    await bench.until(lambda: not any(c.dashed for plot in page.plots for c in plot.curves))
    assert len(page.feeds) == 1
    assert not page.alone.isVisible()


async def test_values_and_pictures_are_saved(bench: Bench, tmp_path: Path) -> None:
    page = await bench.show(HostStats, str(bench.db.refs("host")[0]))
    await shown(bench, page, "cpu", "load", "memory")
    values, picture = tmp_path / "values.csv", tmp_path / "charts.png"
    for place, path in enumerate((values, picture)):
        page.export.menu().actions()[place].trigger()
        (asked,) = page.findChildren(QFileDialog)
        asked.fileSelected.emit(str(path))
        asked.reject()
        await bench.until(path.exists)
        await bench.until(lambda: not page.findChildren(QFileDialog))
    await bench.until(lambda: len(bench.told) == 2)
    rows = list(csv.reader(io.StringIO(values.read_text())))
    assert rows[0] == ["Time", "Chart", "Line", "Value", "Unit"]
    assert {row[1] for row in rows[1:]} >= {"CPU usage", "Load average", "RAM usage"}
    assert all(row[0].endswith("+00:00") and float(row[3]) >= 0 for row in rows[1:])
    assert not QImage(str(picture)).isNull()
    page.save_values()
    (asked,) = page.findChildren(QFileDialog)
    asked.fileSelected.emit(str(tmp_path / "no" / "such" / "folder.csv"))
    asked.reject()
    await bench.until(lambda: "could not be written" in bench.told[-1])


async def test_a_halted_vm_says_why_there_is_nothing(bench: Bench) -> None:
    ref = next(
        str(ref)
        for ref, vm in bench.db.records("VM").items()
        if vm["power_state"] == "Halted" and not vm["is_a_template"] and not vm["is_a_snapshot"]
    )
    page = await bench.show(VmStats, ref)
    await bench.until(lambda: page.idle.isVisible())
    assert not page.feeds
    assert not page.board.isVisible()


@pytest.mark.skipif(sys.platform != "linux", reason="needs more than one loopback address")
@pytest.mark.parametrize("bench", [{"generate": (3, 12), "members": True}], indirect=True)
async def test_a_pool_has_a_line_per_host(bench: Bench) -> None:
    page = await bench.show(PoolStats)
    await shown(bench, page, "cpu", "memory", "network")
    live = [row for row in bench.stores.host_rows.records.values() if row.is_live]
    await bench.until(lambda: len(page.board.cards["cpu"].plot.curves) == len(live))
    assert len(live) > 1
    names = {curve.label for curve in page.board.cards["cpu"].plot.curves}
    assert names == {row.host.name_label for row in live}
    card = page.board.cards["network"]
    card.each.click()
    await bench.until(lambda: len(page.board.cards["network"].plot.curves) == 2 * len(live))
    card = page.board.cards["memory"]
    card.stacked.click()
    await bench.until(lambda: page.board.cards["memory"].plot.stacked)


async def test_measuring_ends_with_the_page(bench: Bench) -> None:
    page = await bench.show(HostStats, str(bench.db.refs("host")[0]))
    await shown(bench, page, "cpu")
    page.hide()
    assert page.feeds == []
    await bench.until(lambda: not bench.stores.classes_in_use)


@given(st.lists(st.tuples(st.text(max_size=12), st.floats(0, 1e9)), max_size=12))
def test_watches_without_a_chart_are_left_out(told: list[tuple[str, float]]) -> None:
    known = [("cpu_usage", 0.5), ("memory_free_kib", 2.0)]
    limits = limits_of([Watch(name, level) for name, level in [*told, *known]])
    assert ("cpu", 0.5, False) in {(one.chart, one.value, one.free) for one in limits}
    assert ("memory", 2048.0, True) in {(one.chart, one.value, one.free) for one in limits}
    assert all(one.chart in ("cpu", "network", "disk", "memory") for one in limits)
