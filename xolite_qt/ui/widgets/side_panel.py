"""The panel at the right with the details of what is selected."""

from __future__ import annotations

from PySide6.QtCore import QEasingCurve, QPropertyAnimation, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from xolite_qt.ui import theme
from xolite_qt.ui.widgets.button import IconButton
from xolite_qt.ui.widgets.card import Line
from xolite_qt.ui.widgets.text import TextLabel

__all__ = ["SidePanel"]


class SidePanel(QFrame):
    """A 400-px panel that slides in from the right; Esc closes it.

    `set_content(widget)` puts cards in, `open(title)` and `close_panel()` show and hide it.
    """

    closed = Signal()

    def __init__(self, *, width: int = 400) -> None:
        super().__init__()
        self._width = width
        self.setProperty("panel", "side")
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 0, 0, 0)
        column.setSpacing(0)
        head = QWidget()
        head.setProperty("panel", "bg")
        row = QHBoxLayout(head)
        row.setContentsMargins(16, 6, 8, 6)
        self.title = TextLabel(kind="body-bold", elide=True)
        row.addWidget(self.title, 1)
        self._actions = QHBoxLayout()
        row.addLayout(self._actions)
        self._close = IconButton("close", self.tr("Close panel"), self.close_panel, size=14)
        row.addWidget(self._close)
        column.addWidget(head)
        column.addWidget(Line())
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setAccessibleName(self.tr("Details"))
        column.addWidget(self._scroll, 1)
        self._slide = QPropertyAnimation(self, b"maximumWidth", self)
        self._slide.setDuration(200)
        self._slide.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._slide.finished.connect(self._arrived)
        self._open = False
        self.setMaximumWidth(width)
        self.hide()

    @property
    def is_open(self) -> bool:
        """True from `open` to `close_panel`."""
        return self._open

    def set_content(self, widget: QWidget) -> None:
        """Show a widget as body; the one before is deleted."""
        old = self.content()
        if old is not None and old is not widget:
            self._scroll.takeWidget()
            old.hide()
            old.deleteLater()
        widget.setProperty("panel", "page")
        self._scroll.setWidget(widget)

    def content(self) -> QWidget | None:
        """The body."""
        return self._scroll.widget()

    def add_action(self, widget: QWidget) -> None:
        """Put a button before the one that closes."""
        self._actions.addWidget(widget)

    def open(self, title: str = "") -> None:
        """Show the panel; the focus stays where it is."""
        if title:
            self.title.set_text(title)
            self.setAccessibleName(self.title.text())
        if self.is_open:
            return
        self._open = True
        self.show()
        self._move_to(self._width)

    def close_panel(self) -> None:
        """Hide the panel."""
        if self.is_open:
            self._open = False
            self.setMinimumWidth(0)
            self._move_to(0)
            self.closed.emit()

    def _move_to(self, width: int) -> None:
        self._slide.stop()
        self._slide.setStartValue(0 if width else self._width)
        self._slide.setEndValue(width)
        if theme.reduced_motion():
            self._arrived()
        else:
            self._slide.start()

    def _arrived(self) -> None:
        if not self._open:
            self.hide()
        else:
            self.setMinimumWidth(min(320, self._width))
        self.setMaximumWidth(self._width)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc closes."""
        if event.key() == Qt.Key.Key_Escape:
            self.close_panel()
            return
        super().keyPressEvent(event)
