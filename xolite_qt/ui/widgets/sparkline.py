"""A line so small that it needs no axes: for thumbnails in cards and rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize
from PySide6.QtGui import QAccessible, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from xolite_qt.ui import theme
from xolite_qt.ui.charts.scale import ChartUnit, read_values

__all__ = ["Sparkline", "paint_sparkline"]


def paint_sparkline(
    painter: QPainter,
    box: QRectF,
    values: Sequence[float],
    *,
    top: float = 0.0,
    color: str = "brand",
) -> None:
    """Draw values from left to right, oldest first; gaps at NaN."""
    known = [value for value in values if math.isfinite(value)]
    if len(values) < 2 or not known:
        return
    most = max(top, max(known)) or 1.0
    step = box.width() / (len(values) - 1)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.color(color), 1))
    run: list[QPointF] = []
    for at, value in enumerate([*values, math.nan]):
        if math.isfinite(value):
            part = min(1.0, max(0.0, value / most))
            run.append(QPointF(box.left() + at * step, box.bottom() - part * box.height()))
        elif run:
            painter.drawPolyline(QPolygonF(run))
            run = []


class Sparkline(QWidget):
    """A thumbnail of one line.

    Args:
        unit: how values are told to assistive technology.
        top: value at the upper edge; by default the largest.
    """

    accessible_role = QAccessible.Role.Chart

    def __init__(
        self, unit: ChartUnit = "percent", *, top: float = 0.0, color: str = "brand", says: str = ""
    ) -> None:
        super().__init__()
        self._unit: ChartUnit = unit
        self._top = top
        self._color = color
        self._values: tuple[float, ...] = ()
        self.setAccessibleName(says)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed().connect(self._dress)

    def _dress(self, _theme: object) -> None:
        self.update()

    def set_values(self, values: Sequence[float]) -> None:
        """Show these, oldest first."""
        self._values = tuple(values)
        self.setAccessibleDescription(read_values(self._values, self._unit))
        self.update()

    def sizeHint(self) -> QSize:
        """One line of text high."""
        return QSize(120, 28)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the line."""
        box = QRectF(self.rect()).adjusted(1, 2, -1, -2)
        paint_sparkline(QPainter(self), box, self._values, top=self._top, color=self._color)
