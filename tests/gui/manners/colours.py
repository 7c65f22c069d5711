"""Words that are hard to read: as they are painted, on the ground that is painted below them."""

from __future__ import annotations

from collections import Counter

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QAbstractButton, QLabel, QWidget

from tests.gui.manners.accessible import described, is_inner
from tests.gui.manners.rounds import seen
from tests.gui.shell.shell_bench import Shell
from tests.unit.ui.test_contrast import contrast
from xolite_qt.ui import theme
from xolite_qt.ui.views.page import Page

LEAST = 4.5
LEAST_LARGE = 3.0
LARGE_PX = 24
"""WCAG's large text: 24 px, or 18.7 px where it is bold."""
LARGE_BOLD_PX = 18.7


def faults_of_page(bench: Shell, _page: Page) -> list[str]:
    """Of all words on screen, in the theme that is in force."""
    return [f"{theme.current().name}: {fault}" for fault in faults(bench.window)]


def faults(root: QWidget) -> list[str]:
    """Of all enabled labels and buttons below a widget; greyed ones may be faint."""
    picture = root.grab().toImage()
    ratio = picture.devicePixelRatio()
    found = []
    for widget in seen(root):
        if not isinstance(widget, QLabel | QAbstractButton) or is_inner(widget):
            continue
        if not widget.text() or not widget.isEnabled() or widget.visibleRegion().isEmpty():
            continue
        # Its palette has the colour of the button as it is when nobody has pressed it; pressed ones
        # are in the table of pairs.
        if isinstance(widget, QAbstractButton) and widget.isChecked():
            continue
        shown = widget.visibleRegion().boundingRect()
        place = QRect(widget.mapTo(root, shown.topLeft()), shown.size())
        ground = _ground(picture, place, ratio)
        if ground is None:
            continue
        text = widget.palette().color(widget.foregroundRole()).name()
        ratio_of_both = contrast(text, ground)
        if ratio_of_both < _least(widget):
            found.append(f"{described(widget)}: {text} on {ground} is {ratio_of_both:.2f}")
    return found


def _least(widget: QWidget) -> float:
    size = widget.fontInfo().pixelSize()
    is_large = size >= LARGE_PX or (size >= LARGE_BOLD_PX and widget.font().bold())
    return LEAST_LARGE if is_large else LEAST


def _ground(picture: QImage, place: QRect, ratio: float) -> str | None:
    """The colour that most of a place has."""
    inside = place.adjusted(2, 2, -2, -2).intersected(
        QRect(QPoint(0, 0), picture.deviceIndependentSize().toSize())
    )
    if inside.width() < 4 or inside.height() < 4:
        return None
    counted: Counter[int] = Counter()
    for y in range(inside.top(), inside.bottom() + 1, 3):
        for x in range(inside.left(), inside.right() + 1, 5):
            counted[picture.pixel(int(x * ratio), int(y * ratio))] += 1
    return QColor(counted.most_common(1)[0][0]).name()
