"""What does not fit: cut words, squeezed widgets, pages that scroll sideways."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QCheckBox,
    QLabel,
    QRadioButton,
    QScrollArea,
    QScrollBar,
    QWidget,
)

from tests.gui.manners.accessible import described, is_inner
from tests.gui.manners.rounds import seen
from tests.gui.shell.shell_bench import Shell
from xolite_qt.ui.views.page import Page
from xolite_qt.ui.widgets.text import TextLabel

LEAST = (1024, 700)

SLACK = 1
"""Rounding at fractional scales."""


def faults_of_page(bench: Shell, page: Page) -> list[str]:
    """Of the whole window, while it has the least size that it has to work at."""
    window = bench.window
    found = faults(window)
    if (window.width(), window.height()) != LEAST:
        found.append(f"the window is {window.width()} x {window.height()}")
    wanted = window.minimumSizeHint()
    if wanted.width() > LEAST[0] or wanted.height() > LEAST[1]:
        found.append(f"the window wants {wanted.width()} x {wanted.height()} at least")
    return found


def faults(root: QWidget) -> list[str]:
    """All that does not fit below a widget."""
    found = []
    for widget in seen(root):
        if is_inner(widget) or isinstance(widget, QScrollBar) or not _laid_out(widget):
            continue
        if wrong := _cut(widget) or _outside(widget):
            found.append(f"{described(widget)}: {wrong}")
    return found


def _laid_out(widget: QWidget) -> bool:
    """Not of those that are somewhere else than on screen: in a scrolled-away or closed part."""
    return widget.width() > 0 and widget.height() > 0


def _cut(widget: QWidget) -> str:
    """What of a widget's own words is not to be seen."""
    if isinstance(widget, QScrollArea):
        if widget.horizontalScrollBar().maximum() > 0:
            return f"it scrolls sideways by {widget.horizontalScrollBar().maximum()}"
        return ""
    if isinstance(widget, QLabel):
        return _cut_label(widget)
    if isinstance(widget, QAbstractButton):
        least = widget.minimumSizeHint()
        if isinstance(widget, QCheckBox | QRadioButton):
            least = widget.sizeHint()
        if widget.width() + SLACK < least.width() or widget.height() + SLACK < least.height():
            return f"it is {widget.width()} x {widget.height()} and wants {least.toTuple()}"
    return ""


def _cut_label(label: QLabel) -> str:
    text = label.text()
    if not text or label.pixmap().width():
        return ""
    if label.wordWrap():
        wanted = label.heightForWidth(label.width())
        if label.height() + SLACK < wanted:
            return f"its lines are cut: {label.height()} of {wanted} px"
        return ""
    wanted = label.fontMetrics().horizontalAdvance(max(text.splitlines(), key=len))
    if label.width() + SLACK >= wanted:
        return ""
    # An eliding label has its whole text as tooltip by itself.
    if label.toolTip() or (isinstance(label, TextLabel) and label.is_elided):
        return ""
    return f"its words are cut: {label.width()} of {wanted} px"


def _outside(widget: QWidget) -> str:
    """Whether it stands partly outside of what it stands in."""
    parent = widget.parentWidget()
    if widget.isWindow() or parent is None or parent.isWindow():
        return ""
    above = parent.parentWidget()
    # What scrolls is larger than what one sees of it; views place their own parts.
    if isinstance(above, QAbstractScrollArea) and above.viewport() is parent:
        return ""
    if isinstance(parent, QAbstractItemView):
        return ""
    room = parent.rect().adjusted(-SLACK, -SLACK, SLACK, SLACK)
    place = QRect(widget.mapTo(parent, QPoint(0, 0)), widget.size())
    if not room.contains(place):
        return f"it stands outside of {type(parent).__name__}: {place.getRect()}"
    return ""
