"""The strip of tabs under an object's title."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QEnterEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QTabBar

from xolite_qt.ui import format as fmt
from xolite_qt.ui import theme
from xolite_qt.ui.widgets.text import plain_tooltip, text_width

__all__ = ["Tabs"]


class Tabs(QTabBar):
    """Upper-case captions with a line under the chosen one; arrows move, Home and End jump.

    Tabs are known by an id: `add("vms", "VMs")`, `set_current("vms")`, signal `selected("vms")`.
    """

    selected = Signal(str)
    """The id of the tab that was chosen, by the user or by `set_current`."""

    def __init__(self, *, says: str = "") -> None:
        super().__init__()
        self._hover = -1
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setUsesScrollButtons(True)
        self.setElideMode(Qt.TextElideMode.ElideNone)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setFont(theme.font("caption"))
        self.setAccessibleName(says or self.tr("Views"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setProperty("panel", "bg")
        self.setAutoFillBackground(False)
        self.currentChanged.connect(self._changed)
        theme.changed().connect(self._dress)

    def _dress(self, _theme: object) -> None:
        self.update()

    def _changed(self, at: int) -> None:
        tab = self.tabData(at)
        if isinstance(tab, str):
            self.selected.emit(tab)

    def add(self, tab: str, title: str, *, enabled: bool = True, reason: str = "") -> None:
        """Append a tab; a disabled one says why in its tooltip."""
        before = self.blockSignals(True)
        at = self.addTab(title)
        self.setTabData(at, tab)
        self.blockSignals(before)
        if not enabled:
            self.set_enabled(tab, enabled=False, reason=reason)

    def ids(self) -> list[str]:
        """All tabs in order."""
        return [str(self.tabData(at)) for at in range(self.count())]

    def current(self) -> str:
        """Id of the chosen tab, "" without tabs."""
        data = self.tabData(self.currentIndex())
        return data if isinstance(data, str) else ""

    def set_current(self, tab: str) -> bool:
        """Choose a tab; False where there is no such tab."""
        ids = self.ids()
        if tab not in ids:
            return False
        self.setCurrentIndex(ids.index(tab))
        return True

    def set_enabled(self, tab: str, *, enabled: bool, reason: str = "") -> None:
        """Enable a tab, or disable it with the reason in its tooltip.

        Raises:
            ValueError: no such tab.
        """
        at = self.ids().index(tab)
        self.setTabEnabled(at, enabled)
        self.setTabToolTip(at, "" if enabled else plain_tooltip(reason))

    def set_title(self, tab: str, title: str, number: int | None = None) -> None:
        """Change a caption, with a number behind it where one is given.

        Raises:
            ValueError: no such tab.
        """
        text = title if number is None else f"{title} {fmt.count(number)}"
        self.setTabText(self.ids().index(tab), text)

    def tabSizeHint(self, index: int) -> QSize:
        """Caption and 16 px on each side."""
        return QSize(text_width(self.font(), self.tabText(index)) + 32, 46)

    def minimumTabSizeHint(self, index: int) -> QSize:
        """Captions are never cut: the strip scrolls instead."""
        return self.tabSizeHint(index)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Light the tab under the pointer."""
        at = self.tabAt(event.position().toPoint())
        if at != self._hover:
            self._hover = at
            self.update()
        super().mouseMoveEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """The pointer came."""
        super().enterEvent(event)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """The pointer left."""
        self._hover = -1
        super().leaveEvent(event)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw captions, the chosen one's ground and line, the focus ring."""
        now = theme.current()
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.fillRect(self.rect(), QColor(now.bg))
        painter.fillRect(0, self.height() - 1, self.width(), 1, QColor(now.border))
        for at in range(self.count()):
            self._paint_tab(painter, at, self.tabRect(at))

    def _paint_tab(self, painter: QPainter, at: int, box: QRect) -> None:
        now = theme.current()
        chosen = at == self.currentIndex()
        enabled = self.isTabEnabled(at)
        if chosen:
            painter.fillRect(box, QColor(now.brand.bg))
            painter.fillRect(box.left(), self.height() - 2, box.width(), 2, QColor(now.brand.item))
        elif at == self._hover and enabled:
            painter.fillRect(box, QColor(now.brand.bg_hover))
        painter.setPen(QColor(now.txt if enabled else now.muted))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self.tabText(at))
        if chosen and self.hasFocus():
            painter.setPen(QPen(QColor(now.brand.txt), 2))
            painter.drawRect(box.adjusted(3, 4, -3, -5))
