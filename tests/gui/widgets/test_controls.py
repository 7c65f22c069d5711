"""Buttons, fields, tabs, ranges and notices work by mouse and by key."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from xolite_qt.ui.widgets import (
    Button,
    Counter,
    Donut,
    HeadBar,
    IconButton,
    LinkLabel,
    Part,
    ProgressBar,
    RangeChoice,
    Ring,
    RingStat,
    SearchField,
    Sparkline,
    Stat,
    Tabs,
    Thresholds,
    Toasts,
    Usage,
    UsageBars,
)


def test_a_disabled_button_says_why(qtbot: QtBot) -> None:
    pressed: list[bool] = []
    button = Button("Start", icon="play", on_click=lambda: pressed.append(True))
    qtbot.addWidget(button)
    button.set_tip("Start the VM")
    button.set_reason("<b>web-1</b> is running")
    button.click()
    assert not pressed
    assert "&lt;b&gt;web-1" in button.toolTip()
    assert button.accessibleDescription() == "<b>web-1</b> is running"
    button.set_reason(None)
    button.click()
    assert pressed == [True]
    assert "Start the VM" in button.toolTip()


def test_a_busy_button_waits_but_a_reason_outlasts_it(qtbot: QtBot) -> None:
    button = Button("Connect")
    qtbot.addWidget(button)
    button.set_busy(True, "Connecting…")
    assert not button.isEnabled()
    assert button.text() == "Connecting…"
    button.set_busy(False)
    assert button.isEnabled()
    assert button.text() == "Connect"
    button.set_reason("No address")
    button.set_busy(False)
    assert not button.isEnabled()


def test_small_buttons_are_smaller(qtbot: QtBot) -> None:
    small, medium = Button("x", small=True), Button("x")
    for button in (small, medium):
        qtbot.addWidget(button)
        button.ensurePolished()
    assert small.sizeHint().height() < medium.sizeHint().height()


def test_an_icon_button_says_what_it_does_and_why_not(qtbot: QtBot) -> None:
    button = IconButton("trash", "Delete")
    qtbot.addWidget(button)
    assert button.accessibleName() == "Delete"
    assert button.focusPolicy() == Qt.FocusPolicy.StrongFocus
    button.set_reason("Halt it first")
    assert not button.isEnabled()
    assert "Halt it first" in button.toolTip()


def test_a_search_tells_once_typing_pauses(qtbot: QtBot) -> None:
    field = SearchField("Search VMs", delay_ms=20)
    qtbot.addWidget(field)
    told: list[str] = []
    field.searched.connect(told.append)
    QTest.keyClicks(field, "web")
    assert told == []
    qtbot.waitUntil(lambda: told == ["web"])
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert told == ["web", ""]
    assert field.accessibleName() == "Search VMs"
    QTest.keyClicks(field, "x")
    with qtbot.waitSignal(field.down_pressed):
        QTest.keyClick(field, Qt.Key.Key_Down)
    assert told[-1] == "x"


@pytest.fixture
def tabs(qtbot: QtBot) -> Tabs:
    tabs = Tabs()
    qtbot.addWidget(tabs)
    for name in ("Dashboard", "Console", "VMs"):
        tabs.add(name.lower(), name)
    tabs.show()
    return tabs


def test_tabs_move_by_arrow_keys_over_disabled_ones(tabs: Tabs, qtbot: QtBot) -> None:
    told: list[str] = []
    tabs.selected.connect(told.append)
    tabs.set_enabled("console", enabled=False, reason="The host is halted")
    assert tabs.current() == "dashboard"
    QTest.keyClick(tabs, Qt.Key.Key_Right)
    assert tabs.current() == "vms"
    QTest.keyClick(tabs, Qt.Key.Key_Left)
    assert told == ["vms", "dashboard"]
    assert "The host is halted" in tabs.tabToolTip(1)


def test_adding_tabs_tells_nothing(qtbot: QtBot) -> None:
    tabs = Tabs()
    qtbot.addWidget(tabs)
    told: list[str] = []
    tabs.selected.connect(told.append)
    tabs.add("a", "A")
    assert told == []
    assert not tabs.set_current("nowhere")
    tabs.add("b", "B")
    assert tabs.set_current("b")
    assert told == ["b"]


def test_captions_are_upper_case_only_to_the_eye(tabs: Tabs) -> None:
    assert tabs.tabText(2) == "VMs"
    tabs.set_title("vms", "VMs", 16)
    assert tabs.tabText(2) == "VMs 16"
    assert tabs.tabRect(2).width() > tabs.fontMetrics().horizontalAdvance("VMS 16")


def test_a_range_is_told_only_when_it_changes(qtbot: QtBot) -> None:
    choice = RangeChoice()
    qtbot.addWidget(choice)
    told: list[str] = []
    choice.chosen.connect(told.append)
    choice.button("10min").click()
    choice.button("1week").click()
    choice.button("1week").click()
    assert told == ["1week"]
    assert choice.seconds() == 7 * 86_400
    with pytest.raises(KeyError):
        choice.set_current("century")


@pytest.mark.parametrize(
    ("fraction", "accent"),
    [(0.0, "info"), (0.79, "info"), (0.8, "warning"), (0.9, "danger"), (1.4, "danger")],
)
def test_bars_warn_from_their_thresholds(qtbot: QtBot, fraction: float, accent: str) -> None:
    bar = ProgressBar(fraction, thresholds=Thresholds(), says="Storage")
    work = ProgressBar(fraction)
    for widget in (bar, work):
        qtbot.addWidget(widget)
    assert bar.accent == accent
    assert work.accent == "info"
    assert bar.value() == min(1000, round(fraction * 1000))


def test_the_largest_usages_are_shown_largest_first(qtbot: QtBot) -> None:
    bars = UsageBars(top=3)
    qtbot.addWidget(bars)
    bars.set_usages(
        [Usage(name, part) for name, part in zip("abcd", (0.1, 0.95, 0.85, 0.3), strict=True)]
    )
    assert bars.accents == ["danger", "warning", "info"]
    bars.set_usages([Usage("a", 0.2)])
    assert bars.accents == ["info"]


def test_a_usage_leads_to_its_object(qtbot: QtBot) -> None:
    bars = UsageBars()
    qtbot.addWidget(bars)
    bars.set_usages([Usage("Local", 0.5, ref="OpaqueRef:1"), Usage("no link", 0.1)])
    bars.show()
    shown = [link for link in bars.findChildren(LinkLabel) if link.isVisible()]
    assert [link.text() for link in shown] == ["Local"]
    with qtbot.waitSignal(bars.opened) as told:
        QTest.keyClick(shown[0], Qt.Key.Key_Return)
    assert told.args == ["OpaqueRef:1"]


def test_rings_and_numbers_are_told_in_words(qtbot: QtBot) -> None:
    status, donut, ring, counter, stat = (
        RingStat("Hosts", icon="host"), Donut(), Ring(), Counter(7, says="alarms"),
        Stat("Total used"),
    )  # fmt: skip
    for widget in (status, donut, ring, counter, stat):
        qtbot.addWidget(widget)
    status.set_counts(2, 1)
    assert status.accessibleName() == "Hosts: Active: 2, Inactive: 1"
    donut.set_parts([Part("Running", 0), Part("Halted", 0)])
    assert donut.accessibleName() == "Running: 0, Halted: 0"
    donut.grab()
    ring.set_fraction(0.38)
    assert ring.accessibleName() == "38%"
    assert counter.accessibleName() == "7 alarms"
    stat.set_value("86 GiB")
    assert stat.accessibleName() == "Total used: 86 GiB"


def test_a_sparkline_tells_its_line(qtbot: QtBot) -> None:
    line = Sparkline("percent", says="CPU")
    qtbot.addWidget(line)
    line.set_values([0.1, float("nan"), 0.3])
    assert "maximum 30%" in line.accessibleDescription()
    line.set_values([])
    line.grab()
    assert line.accessibleDescription() == "no data"


def test_a_head_bar_shows_its_object(qtbot: QtBot) -> None:
    bar = HeadBar("vm", "")
    qtbot.addWidget(bar)
    bar.set_object("vm", "<b>web</b>", "running")
    assert bar.title.text() == "<b>web</b>"
    assert bar.accessibleName() == "<b>web</b>"


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    window = QWidget()
    qtbot.addWidget(window)
    QVBoxLayout(window).addWidget(QLineEdit())
    window.resize(800, 600)
    window.show()
    window.activateWindow()
    return window


def test_a_notice_leaves_the_focus_and_goes_by_itself(window: QWidget, qtbot: QtBot) -> None:
    field = window.findChild(QLineEdit)
    assert isinstance(field, QLineEdit)
    field.setFocus()
    toasts = Toasts(window)
    # A pointer on the notice would hold it.
    QCursor.setPos(window.mapToGlobal(QPoint(2, 2)))
    toasts.show_toast("Snapshot taken", "success", seconds=0.05)
    assert toasts.texts() == ["Snapshot taken"]
    assert toasts.isVisible()
    assert window.focusWidget() is field
    qtbot.waitUntil(lambda: toasts.texts() == [])
    assert toasts.isHidden()


def test_the_same_notice_counts_up_and_a_storm_is_limited(window: QWidget) -> None:
    toasts = Toasts(window, visible=3, per_minute=5)
    for _ in range(10):
        toasts.show_toast("Connection lost", "warning")
    assert toasts.texts() == ["Connection lost"]
    assert toasts.dropped == 0
    for at in range(20):
        toasts.show_toast(f"notice {at}")
    assert len(toasts.texts()) == 3
    assert toasts.dropped == 16
    toasts.clear()
    assert toasts.texts() == []


def test_a_notice_is_reached_and_acted_on_by_key(window: QWidget, qtbot: QtBot) -> None:
    acted: list[bool] = []
    toasts = Toasts(window)
    assert not toasts.focus_latest()
    toasts.show_toast("Done", action="Show", on_action=lambda: acted.append(True), seconds=0)
    assert toasts.focus_latest()
    button = next(b for b in toasts.findChildren(Button) if b.text() == "Show")
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert acted == [True]
    assert toasts.texts() == []


def test_notices_stay_in_the_corner(window: QWidget, qtbot: QtBot) -> None:
    toasts = Toasts(window)
    toasts.show_toast("A rather long notice " * 8, details="<b>plain</b> details", seconds=0)
    window.resize(1000, 700)
    corner = toasts.geometry().bottomRight()
    assert (window.width() - corner.x(), window.height() - corner.y()) == (17, 17)
    assert toasts.y() > 0
