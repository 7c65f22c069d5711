"""A screen in its frame: scrolled or scaled, and framed in green while it has the keyboard."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from xolite_qt.ui import theme
from xolite_qt.ui.widgets.console.screen import ConsoleScreen

EDGE_PX = 3
GRAB_COLOUR = "#2ecc71"
"""Seen on dark guests and on light pages alike."""


class GrabFrame(QFrame):
    """A frame of `EDGE_PX` around what takes keys; green while it has them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grabbed = False
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(EDGE_PX, EDGE_PX, EDGE_PX, EDGE_PX)
        self.column.setSpacing(0)

    @property
    def is_grabbed(self) -> bool:
        """Whether the frame is green."""
        return self._grabbed

    def set_grabbed(self, grabbed: bool) -> None:
        """Frames in green, or plainly."""
        self._grabbed = grabbed
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Override QWidget::paintEvent."""
        painter = QPainter(self)
        if self._grabbed:
            pen = QPen(theme.color(GRAB_COLOUR), EDGE_PX)
            half = EDGE_PX / 2
        else:
            pen = QPen(theme.color("border"), 1)
            half = 0.5
        pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
        painter.setPen(pen)
        painter.drawRect(self.rect().toRectF().adjusted(half, half, -half, -half))


class ConsoleView(GrabFrame):
    """One screen, to look at and to type to.

    Attributes:
        screen_widget: the guest's.
    """

    def __init__(self, name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.screen_widget = ConsoleScreen(name)
        self.area = QScrollArea()
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.area.setWidgetResizable(True)
        self.area.setWidget(self.screen_widget)
        self.column.addWidget(self.area)
        self.screen_widget.grab_changed.connect(self._show_grab)

    def _show_grab(self, on: bool) -> None:
        # What Qt says of the focus lags behind while it moves.
        self.set_grabbed(on and self.screen_widget.guest is not None)

    def set_fits(self, fits: bool) -> None:
        """Scales the picture to the room, or shows it pixel by pixel with scroll bars."""
        policy = Qt.ScrollBarPolicy
        bars = policy.ScrollBarAlwaysOff if fits else policy.ScrollBarAsNeeded
        self.area.setHorizontalScrollBarPolicy(bars)
        self.area.setVerticalScrollBarPolicy(bars)
        self.area.setWidgetResizable(fits)
        self.screen_widget.set_fits(fits)

    def refresh_grab(self) -> None:
        """The guest came or went: whether keys reach it may be another answer now."""
        self.set_grabbed(self.screen_widget.has_grab)
