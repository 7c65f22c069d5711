"""What is sent for keys and the wheel, seen by whoever takes it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from xolite_qt.rfb import Framebuffer, keysyms
from xolite_qt.ui.widgets.console.keys import Pressed, pressed, release_key, scancode_of
from xolite_qt.ui.widgets.console.screen import ConsoleScreen

K = Qt.Key
M = Qt.KeyboardModifier


class Taker:
    """A guest that keeps what it was sent."""

    extended_keys = False

    def __init__(self) -> None:
        self.framebuffer = Framebuffer(640, 480)
        self.keys: list[tuple[int, bool, int]] = []
        self.pointer: list[tuple[int, int, int]] = []

    def send_key(self, keysym: int, down: bool, scancode: int = 0) -> None:
        self.keys.append((keysym, down, scancode))

    def send_pointer(self, x: int, y: int, mask: int) -> None:
        self.pointer.append((x, y, mask))


@pytest.fixture
def taker(qtbot: QtBot) -> Taker:
    return Taker()


@pytest.fixture
def screen(qtbot: QtBot, taker: Taker) -> ConsoleScreen:
    screen = ConsoleScreen("taker")
    qtbot.addWidget(screen)
    screen.resize(640, 480)
    screen.set_guest(taker)
    screen.show()
    screen.activateWindow()
    screen.setFocus()
    return screen


def turn(screen: ConsoleScreen, x: int, y: int) -> None:
    at = QPointF(100, 50)
    event = QWheelEvent(
        at, at, QPoint(), QPoint(x, y), Qt.MouseButton.NoButton, M.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(screen, event)


def test_the_wheel_is_sent_in_whole_notches(screen: ConsoleScreen, taker: Taker) -> None:
    turn(screen, 0, -60)
    assert taker.pointer == []
    turn(screen, 0, -60)
    assert taker.pointer == [(100, 50, 16), (100, 50, 0)]
    taker.pointer.clear()
    turn(screen, 120, 240)
    assert [mask for _, _, mask in taker.pointer] == [8, 0, 8, 0, 32, 0]
    taker.pointer.clear()
    turn(screen, 0, 120 * 1000)
    assert len(taker.pointer) == 20


def test_the_pointer_never_leaves_the_picture(screen: ConsoleScreen, taker: Taker) -> None:
    screen.resize(1000, 480)
    for x in (0, 999):
        at = QPointF(x, 10)
        QApplication.sendEvent(
            screen,
            QMouseEvent(
                QEvent.Type.MouseMove, at, at, Qt.MouseButton.NoButton, Qt.MouseButton.NoButton,
                M.NoModifier,
            ),
        )  # fmt: skip
    assert [x for x, _, _ in taker.pointer] == [0, 639]


PLACES = [
    ("xcb", 38, 0x1E),
    ("wayland", 94, 0x56),
    ("xcb", 105, 0x9D),
    ("xcb", 111, 0xC8),
    ("xcb", 133, 0xDB),
    ("xcb", 250, 0),
    ("xcb", 0, 0),
    ("windows", 0x1E, 0x1E),
    ("windows", 0x11D, 0x9D),
    ("windows", 0x148, 0xC8),
    ("cocoa", 12, 0),
    ("offscreen", 38, 0),
]


def test_places_of_keys() -> None:
    assert [scancode_of(native, platform) for platform, native, _ in PLACES] == [
        scancode for _, _, scancode in PLACES
    ]


def test_a_guest_that_takes_places_gets_the_american_key(
    screen: ConsoleScreen, taker: Taker
) -> None:
    # Z on a German keyboard is where an American one has Y.
    assert Pressed(ord("z"), 0x15, False).for_places() == (ord("y"), 0x15)
    assert Pressed(ord("Z"), 0x15, True).for_places() == (ord("Y"), 0x15)
    assert Pressed(0xE4, 0, False).for_places() == (0xE4, 0)
    assert Pressed(keysyms.LEFT, 0xCB, False).for_places() == (keysyms.LEFT, 0xCB)


MEANINGS = [
    (K.Key_A, M.NoModifier, "a", ord("a")),
    (K.Key_A, M.ShiftModifier, "A", ord("A")),
    (K.Key_C, M.ControlModifier, "\x03", ord("c")),
    (K.Key_Adiaeresis, M.NoModifier, "ä", 0xE4),
    (K.Key_E, M.NoModifier, "€", 0x20AC),
    (K.Key_7, M.KeypadModifier, "7", keysyms.KP_0 + 7),
    (K.Key_Left, M.KeypadModifier, "", keysyms.LEFT),
    (K.Key_Enter, M.KeypadModifier, "\r", keysyms.KP_ENTER),
    (K.Key_F12, M.NoModifier, "", keysyms.F12),
    (K.Key_Backtab, M.ShiftModifier, "", keysyms.TAB),
    (K.Key_Space, M.NoModifier, " ", 0x20),
    (K.Key_unknown, M.NoModifier, "", 0),
]


def test_meanings_of_keys(screen: ConsoleScreen) -> None:
    for key, held, text, keysym in MEANINGS:
        event = QKeyEvent(QEvent.Type.KeyPress, key, held, text)
        assert pressed(event).keysym == keysym, (key, held)


def test_a_key_comes_up_as_it_went_down(screen: ConsoleScreen, taker: Taker) -> None:
    # "%" goes down with Shift; when it comes up Shift is up already, and Qt calls it "5".
    press, release = QEvent.Type.KeyPress, QEvent.Type.KeyRelease
    down = QKeyEvent(press, K.Key_Percent, M.ShiftModifier, 14, 0x25, 0, "%")
    up = QKeyEvent(release, K.Key_5, M.NoModifier, 14, 0x35, 0, "5")
    QApplication.sendEvent(screen, down)
    QApplication.sendEvent(screen, up)
    assert taker.keys == [(ord("%"), True, 0), (ord("%"), False, 0)]


def test_a_wrong_setting_is_the_default_key() -> None:
    assert release_key("no such key") == "right-ctrl"
    assert release_key("pause") == "pause"
