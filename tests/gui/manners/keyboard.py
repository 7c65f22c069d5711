"""What the Tab key does not reach, and where one does not see that it did."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QButtonGroup,
    QComboBox,
    QWidget,
)

from tests.gui.manners.accessible import described, is_inner
from tests.gui.manners.rounds import seen
from tests.gui.shell.shell_bench import Shell, until
from xolite_qt.ui.views.page import Page
from xolite_qt.ui.widgets.console.screen import ConsoleScreen
from xolite_qt.ui.widgets.console.terminal_view import TerminalView

K = Qt.Key

MOST_STEPS = 400

RING = 4
"""A ring may be painted so far outside of its widget."""


def reachable(page: QWidget) -> list[QWidget]:
    """What has to be reached: all on screen that takes the focus by Tab and is not greyed."""
    return [
        widget
        for widget in seen(page)
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.focusProxy() is None
        and widget.isEnabled()
        and widget.width() > 0
        and widget.height() > 0
        and not is_inner(widget)
        and not _is_other_choice(widget)
    ]


def _is_other_choice(widget: QWidget) -> bool:
    """Of buttons of which one is chosen, Tab reaches that one, and the arrows the others."""
    if not isinstance(widget, QAbstractButton) or widget.isChecked():
        return False
    group: QButtonGroup | None = widget.group()
    if group is None or not group.exclusive():
        return False
    return any(one.isChecked() for one in group.buttons())


async def faults_of_page(bench: Shell, page: Page) -> list[str]:
    """Goes once around the window with Tab."""
    window = bench.window
    window.activateWindow()
    await until(window.isActiveWindow)
    wanted = reachable(page)
    start = bench.workspace.tree.view
    start.setFocus()
    met: list[QWidget] = []
    found: list[str] = []
    for _ in range(MOST_STEPS):
        before: QWidget | None = window.focusWidget()
        if isinstance(before, ConsoleScreen | TerminalView):
            # It keeps Tab to itself while it has the keyboard; its own tests show the way out.
            window.focusNextChild()
        else:
            QTest.keyClick(before or window, K.Key_Tab)
        now: QWidget | None = window.focusWidget()
        if now is None or now is start:
            break
        if now is before and not isinstance(now, ConsoleScreen | TerminalView):
            found.append(f"{described(now)}: Tab does not leave it")
            break
        met.append(now)
    else:
        found.append("Tab never comes back to where it began")
    met_or_inside = {id(widget) for widget in met}
    met_or_inside |= {id(widget.parentWidget()) for widget in met if is_inner(widget)}
    found += [
        f"{described(widget)}: Tab does not reach it"
        for widget in wanted
        if id(widget) not in met_or_inside
    ]
    return found + _without_ring(window, wanted)


def _picture(window: QWidget, widget: QWidget) -> QImage:
    place = QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())
    return window.grab(place.adjusted(-RING, -RING, RING, RING)).toImage()


_LOOKED_AT: set[tuple[str, ...]] = set()


def _without_ring(window: QWidget, widgets: list[QWidget]) -> list[str]:
    """Of each kind of widget one: it has to look another way with the focus."""
    found = []
    for widget in widgets:
        look = (type(widget).__name__, str(widget.property("kind")), str(widget.property("fit")))
        if look in _LOOKED_AT or isinstance(widget, ConsoleScreen | TerminalView):
            continue
        # Off screen of a scrolled page nothing is painted.
        if widget.visibleRegion().isEmpty():
            continue
        if isinstance(widget, QAbstractItemView) and not widget.model().rowCount():
            continue
        _LOOKED_AT.add(look)
        other = next(one for one in [*widgets, window] if one is not widget)
        if isinstance(widget, QAbstractItemView) and not widget.currentIndex().isValid():
            widget.setCurrentIndex(widget.model().index(0, 0))
        other.setFocus()
        without = _picture(window, widget)
        widget.setFocus(Qt.FocusReason.TabFocusReason)
        if isinstance(widget, QComboBox | QAbstractSpinBox) and not widget.hasFocus():
            continue
        if _picture(window, widget) == without:
            found.append(f"{described(widget)}: one does not see that it has the focus")
    return found
