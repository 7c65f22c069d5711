"""Charts draw gaps as gaps, share one cross-hair, and can be read without seeing."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from xolite_qt.ui import theme
from xolite_qt.ui.widgets import ChartGroup, ChartLine, StatsChart, Threshold

START = 1_789_000_000.0
TIMES = [START + 5 * at for at in range(10)]
GAP = [0.1, 0.2, 0.3, math.nan, math.nan, 0.4, 0.5, 0.6, 0.7, 0.8]


def chart_of(qtbot: QtBot, *lines: ChartLine, group: ChartGroup | None = None,
             stacked: bool = False) -> StatsChart:  # fmt: skip
    chart = StatsChart("percent", says="CPU usage", group=group, stacked=stacked, top=1.0)
    qtbot.addWidget(chart)
    chart.resize(600, 260)
    chart.set_data(TIMES, lines)
    chart.show()
    QApplication.processEvents()
    return chart


def test_the_kit_does_not_import_pyqtgraph() -> None:
    code = (
        "import sys, xolite_qt.ui.widgets as kit\n"
        "from PySide6.QtWidgets import QApplication\n"
        "app = QApplication([])\n"
        "chart = kit.StatsChart('percent')\n"
        "chart.set_loading()\n"
        "chart.set_data([], [])\n"
        "assert 'pyqtgraph' not in sys.modules and 'numpy' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_gap_is_drawn_as_a_gap(qtbot: QtBot) -> None:
    chart = chart_of(qtbot, ChartLine("web-1", GAP, "#ff0000"))
    _times, values = chart.line_values("web-1")
    assert [math.isnan(value) for value in values] == [math.isnan(value) for value in GAP]
    image = chart.grab().toImage()
    dpr = image.devicePixelRatio()
    reds = {
        x
        for x in range(image.width())
        for y in range(int(40 * dpr), image.height())
        if image.pixelColor(x, y).red() > 200 and image.pixelColor(x, y).green() < 120
    }
    # 2 of 9 steps are missing, between a fifth and the middle of the line.
    missing = [x for x in range(min(reds), max(reds)) if x not in reds]
    assert len(missing) > (max(reds) - min(reds)) / 6


def test_it_is_told_in_words(qtbot: QtBot) -> None:
    chart = chart_of(qtbot, ChartLine("web-1", GAP))
    assert chart.accessibleName() == "CPU usage"
    assert chart.summary == "web-1: minimum 10%, mean 45%, maximum 80%, last 80%"


def test_no_data_says_so_and_data_comes_back(qtbot: QtBot) -> None:
    chart = chart_of(qtbot, ChartLine("web-1", [math.nan] * 10))
    assert not chart.has_plot
    chart.set_data(TIMES, [ChartLine("web-1", GAP)])
    assert chart.has_plot
    chart.set_data([], [])
    assert not chart.has_plot
    chart.set_message("The host is halted")
    assert not chart.has_plot
    chart.set_data(TIMES, [ChartLine("web-1", GAP)])
    assert chart.has_plot


def test_a_line_of_another_length_is_refused(qtbot: QtBot) -> None:
    chart = chart_of(qtbot)
    with pytest.raises(ValueError, match="9 values at 10 times"):
        chart.set_data(TIMES, [ChartLine("x", [0.0] * 9)])


def test_stacked_lines_are_sums_and_a_gap_leaves_the_others(qtbot: QtBot) -> None:
    ones = [0.1] * 10
    chart = chart_of(qtbot, ChartLine("a", ones), ChartLine("b", GAP), ChartLine("c", ones),
                     stacked=True)  # fmt: skip
    _times, top = chart.line_values("c")
    assert top[0] == pytest.approx(0.3)
    assert top[3] == pytest.approx(0.2)
    assert math.isnan(chart.line_values("b")[1][3])


def test_updates_reuse_the_lines_and_drop_the_gone(qtbot: QtBot) -> None:
    chart = chart_of(qtbot, ChartLine("a", GAP), ChartLine("b", GAP))
    button = chart.legend("a")
    chart.set_data(TIMES, [ChartLine("a", [0.5] * 10), ChartLine("b", GAP)])
    assert chart.legend("a") is button
    assert chart.line_values("a")[1] == [0.5] * 10
    chart.set_data(TIMES, [ChartLine("b", GAP)])
    with pytest.raises(KeyError):
        chart.line_values("a")


def test_the_legend_hides_a_line_and_keeps_it_hidden(qtbot: QtBot) -> None:
    chart = chart_of(qtbot, ChartLine("a", GAP), ChartLine("b", GAP))
    QTest.keyClick(chart.legend("a"), Qt.Key.Key_Space)
    with pytest.raises(KeyError):
        chart.line_values("a")
    chart.set_data(TIMES, [ChartLine("a", GAP), ChartLine("b", GAP), ChartLine("c", GAP)])
    assert not chart.legend("a").isChecked()
    QTest.keyClick(chart.legend("a"), Qt.Key.Key_Space)
    assert len(chart.line_values("a")[1]) == 10


def test_the_cross_hair_is_shared_and_reads_out(qtbot: QtBot) -> None:
    group = ChartGroup()
    one = chart_of(qtbot, ChartLine("a", GAP), group=group)
    two = chart_of(qtbot, ChartLine("b", [0.25] * 10), group=group)
    assert one.legend("a").value == "80%"
    group.move(TIMES[1] + 1.2)
    assert one.cross_hair_s == two.cross_hair_s == TIMES[1]
    assert one.legend("a").value == "20%"
    assert two.legend("b").value == "25%"
    group.move(TIMES[3])
    assert one.legend("a").value == "–"
    group.move(None)
    assert one.cross_hair_s is None
    assert one.legend("a").value == "80%"


def test_the_pointer_moves_the_cross_hair(qtbot: QtBot) -> None:
    chart = chart_of(qtbot, ChartLine("a", GAP))
    view = chart._plot
    box = view.getPlotItem().getViewBox()
    place = view.mapFromScene(box.mapViewToScene(QPointF(TIMES[6], 0.5)))
    QTest.mouseMove(view.viewport(), place)
    qtbot.waitUntil(lambda: chart.cross_hair_s == TIMES[6])


def test_the_cross_hair_moves_by_key(qtbot: QtBot) -> None:
    chart = chart_of(qtbot, ChartLine("a", GAP))
    QTest.keyClick(chart, Qt.Key.Key_Left)
    assert chart.cross_hair_s == TIMES[9]
    QTest.keyClick(chart, Qt.Key.Key_Left)
    assert chart.cross_hair_s == TIMES[8]
    QTest.keyClick(chart, Qt.Key.Key_Home)
    QTest.keyClick(chart, Qt.Key.Key_Right)
    assert chart.cross_hair_s == TIMES[1]
    QTest.keyClick(chart, Qt.Key.Key_Escape)
    assert chart.cross_hair_s is None


def test_fewer_points_drop_a_cross_hair_that_is_out_of_reach(qtbot: QtBot) -> None:
    chart = chart_of(qtbot, ChartLine("a", GAP))
    QTest.keyClick(chart, Qt.Key.Key_End)
    chart.set_data(TIMES[:3], [ChartLine("a", GAP[:3])])
    assert chart.cross_hair_s is None


def test_thresholds_and_colours_follow_the_theme(qapp: QApplication, qtbot: QtBot) -> None:
    chart = chart_of(qtbot, ChartLine("a", GAP))
    chart.set_thresholds([Threshold(0.8, "warning"), Threshold(0.9, "danger")])
    light = chart.grab().toImage()
    theme.apply_theme(qapp, "dark")
    QApplication.processEvents()
    dark = chart.grab().toImage()
    middle = (light.width() // 2, light.height() - 60)
    assert light.pixelColor(*middle).name() == theme.LIGHT.bg
    assert dark.pixelColor(*middle).name() == theme.DARK.bg


def test_the_wheel_is_left_to_the_page(qtbot: QtBot) -> None:
    chart = chart_of(qtbot, ChartLine("a", GAP))
    target = chart._plot.viewport()
    place = QPointF(target.rect().center())
    turn = QWheelEvent(
        place, target.mapToGlobal(place), QPoint(0, 0), QPoint(0, -120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    before = chart._plot.viewRange()
    QApplication.sendEvent(target, turn)
    # Ignored, so that Qt goes on with the parent.
    assert not turn.isAccepted()
    assert chart._plot.viewRange() == before


def test_one_point_and_many_points_are_drawn(qtbot: QtBot) -> None:
    chart = chart_of(qtbot)
    chart.set_data([START], [ChartLine("a", [0.5])])
    chart.grab()
    many = [START + at for at in range(5_000)]
    chart.set_data(many, [ChartLine("a", [0.5] * 5_000)], span=(START, START + 6_000))
    chart.grab()
    assert chart.has_plot
