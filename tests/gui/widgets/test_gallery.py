"""Every widget can be painted in both themes and at every scale, and reached with a name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QImage
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from xolite_qt.ui.widgets import gallery

STRONG = (Qt.FocusPolicy.TabFocus, Qt.FocusPolicy.StrongFocus, Qt.FocusPolicy.WheelFocus)


def test_all_sheets_are_painted(qapp: QApplication, tmp_path: Path) -> None:
    written = gallery.render(qapp, tmp_path)
    assert len(written) == 2 * len(gallery.SHEETS)
    for path in written:
        image = QImage(str(path))
        step = range(0, image.width(), 7)
        seen = {image.pixel(x, y) for x in step for y in range(0, image.height(), 7)}
        assert len(seen) > 20, f"{path.name} is blank"


@pytest.mark.parametrize("scale", ["1.25", "2"])
def test_a_sheet_has_the_pixels_of_its_scale(tmp_path: Path, scale: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "xolite_qt.ui.widgets.gallery", str(tmp_path), scale, "heroes"],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    width = gallery.SHEETS["heroes"][1]
    assert QImage(str(tmp_path / "heroes-light.png")).width() == round(width * float(scale))


@pytest.mark.parametrize("name", sorted(gallery.SHEETS))
def test_whatever_takes_the_focus_has_a_name_and_a_role(qtbot: QtBot, name: str) -> None:
    make, width, height = gallery.SHEETS[name]
    sheet = make()
    qtbot.addWidget(sheet)
    sheet.resize(width, height)
    sheet.show()
    QApplication.processEvents()
    reached = [
        widget
        for widget in sheet.findChildren(QWidget)
        if widget.isVisible() and widget.focusPolicy() in STRONG
    ]
    for widget in reached:
        face = QAccessible.queryAccessibleInterface(widget)
        said = face.text(QAccessible.Text.Name) or face.text(QAccessible.Text.Value)
        assert said, f"{widget} in {name} has no name"
        assert face.role() != QAccessible.Role.NoRole
