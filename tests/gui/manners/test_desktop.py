"""Messages on the desktop: only to who looks elsewhere, seldom, and none where none are wanted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QSystemTrayIcon
from pytestqt.qtbot import QtBot

from xolite_qt.settings import Settings
from xolite_qt.ui import notifier
from xolite_qt.ui.notifier import REST_S, Notifier
from xolite_qt.ui.views.main_window import MainWindow


class Tray(QSystemTrayIcon):
    """The desktop's tray, which off screen there is none of."""

    shown: ClassVar[list[tuple[str, str]]] = []

    @staticmethod
    def isSystemTrayAvailable() -> bool:
        return True

    @staticmethod
    def supportsMessages() -> bool:
        return True

    def showMessage(self, title: str, text: str, *_more: Any) -> None:
        self.shown.append((title, text))

    def show(self) -> None:
        """Off screen nothing is shown."""


@pytest.fixture
def tray(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What the desktop shows."""
    monkeypatch.setattr(notifier, "QSystemTrayIcon", Tray)
    Tray.shown.clear()
    return Tray.shown


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be moved."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def window(qapp: QApplication) -> Iterator[MainWindow]:
    made = MainWindow(Settings())
    yield made
    made.close()
    made.deleteLater()


def test_many_at_once_are_one_message_and_a_count(
    tray: list[tuple[str, str]], clock: list[float], qapp: QApplication
) -> None:
    teller = Notifier(QIcon())
    told = [teller.tell("pool", f"alarm {number}") for number in range(50)]
    assert told == [True] + [False] * 49
    assert tray == [("pool", "alarm 0")]
    clock[0] += REST_S
    assert teller.tell("pool", "one more")
    assert tray[1][1] == "one more\n(and 49 more)"
    teller.close()


def test_markup_of_a_host_is_not_sent_to_the_desktop(
    tray: list[tuple[str, str]], clock: list[float], qapp: QApplication
) -> None:
    teller = Notifier(QIcon())
    teller.tell("pool", "<img src=x> is full")
    assert "<" not in tray[0][1]
    teller.close()


def test_without_a_tray_nothing_is_told_and_nothing_fails(window: MainWindow) -> None:
    assert not window.notifier.is_possible
    window.notify("The backup failed.", level="danger")
    assert window.toasts.texts() == ["The backup failed."]


def test_only_who_looks_elsewhere_is_told(
    tray: list[tuple[str, str]], clock: list[float], window: MainWindow, qtbot: QtBot
) -> None:
    window.notify("web-1 started.", level="success")
    assert [text for _title, text in tray] == ["web-1 started."]
    clock[0] += REST_S
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.notify("web-2 started.", level="success")
    assert len(tray) == 1


def test_small_news_and_a_switched_off_desktop_stay_in_the_window(
    tray: list[tuple[str, str]], clock: list[float], window: MainWindow
) -> None:
    window.notify("Copied.")
    window.settings.desktop_notifications = False
    window.notify("The backup failed.", level="danger")
    assert tray == []
    assert window.toasts.texts() == ["Copied.", "The backup failed."]


def test_a_click_brings_the_window_back(
    tray: list[tuple[str, str]], clock: list[float], window: MainWindow
) -> None:
    window.showMinimized()
    window.notify("The backup failed.", level="danger")
    (shown,) = window.notifier.findChildren(QSystemTrayIcon)
    shown.messageClicked.emit()
    assert not window.isMinimized()
