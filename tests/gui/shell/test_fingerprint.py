"""Fingerprints are for eyes: eight bytes a line, all of them, in the same places."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from xolite_qt.ui import theme
from xolite_qt.ui.dialogs.fingerprint import FingerprintView

ONE = ":".join(f"{number:02x}" for number in range(32))


def ink(view: FingerprintView, column: int, row: int) -> int:
    """How many pixels of a cell differ from the ground."""
    image = view.grab().toImage()
    metrics = QFontMetrics(theme.mono_font(14))
    width, height = metrics.horizontalAdvance("DD") + 8, metrics.height() + 6
    left, top = 10 + column * width, 7 + row * height
    ground = image.pixelColor(left, top)
    return sum(
        image.pixelColor(x, y) != ground
        for x in range(left, left + width)
        for y in range(top, top + height)
    )


def test_thirty_two_bytes_stand_in_four_lines_of_eight(qtbot: QtBot) -> None:
    view = FingerprintView(ONE, "Shown now")
    qtbot.addWidget(view)
    view.resize(view.sizeHint())
    assert all(ink(view, column, row) for column in range(8) for row in range(4))


def test_a_byte_that_differs_shows_in_its_own_place_alone(qtbot: QtBot) -> None:
    parts = ONE.split(":")
    parts[19] = "ff"
    views = [FingerprintView(text, "x") for text in (ONE, ":".join(parts))]
    for view in views:
        qtbot.addWidget(view)
        view.resize(view.sizeHint())
    one, other = (view.grab().toImage() for view in views)
    metrics = QFontMetrics(theme.mono_font(14))
    width, height = metrics.horizontalAdvance("DD") + 8, metrics.height() + 6
    places = {
        ((x - 10) // width, (y - 7) // height)
        for x in range(one.width())
        for y in range(one.height())
        if one.pixelColor(x, y) != other.pixelColor(x, y)
    }
    assert places == {(3, 2)}


@pytest.mark.parametrize("text", [ONE, "aa", ""])
def test_it_is_copied_and_read_out_whole(qtbot: QtBot, text: str) -> None:
    view = FingerprintView(text, "Trusted until now")
    qtbot.addWidget(view)
    assert view.accessibleName() == "Trusted until now"
    assert view.accessibleDescription() == text.upper()
    QTest.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == text.upper()
