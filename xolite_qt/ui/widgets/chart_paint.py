"""What a `QPainter` draws of a chart: axes, the picture of the lines, and what lies over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from xolite_qt.ui import theme
from xolite_qt.ui.charts.render import Rendered
from xolite_qt.ui.charts.scale import (
    ChartUnit,
    read_value,
    tick_time,
    time_ticks,
    value_step,
)
from xolite_qt.ui.widgets.chart_marks import ChartMark, clusters

__all__ = ["BOTTOM_PX", "LEFT_PX", "RIGHT_PX", "TOP_PX", "Level", "Sheet"]

LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 76, 8, 18, 24
"""Room around the lines."""
_TICK_PX = 68


@dataclass(frozen=True)
class Level:
    """A threshold: a dashed horizontal line with its words.

    Attributes:
        value: in the chart's unit.
        words: what happens there.
        accent: `info`, `warning` or `danger`.
    """

    value: float
    words: str = ""
    accent: str = "warning"


@dataclass(frozen=True)
class Sheet:
    """A plot that is being drawn.

    Attributes:
        painter: with the font of the labels.
        plot: where the lines go.
        span: first and last moment.
        unit: of the values.
        top: value at the upper edge.
    """

    painter: QPainter
    plot: QRectF
    span: tuple[float, float]
    unit: ChartUnit
    top: float

    def x(self, moment: float) -> float:
        """Where a moment is."""
        first, last = self.span
        return self.plot.left() + (moment - first) / (last - first) * self.plot.width()

    def y(self, value: float) -> float:
        """Where a value is."""
        return self.plot.bottom() - value / self.top * self.plot.height()

    def axes(self) -> None:
        """Grid and labels."""
        now = theme.current()
        painter, plot = self.painter, self.plot
        ticks = max(2, min(5, int(plot.height() // 36)))
        step = value_step(self.top, self.unit, ticks)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for number in range(int(self.top / step + 1e-6) + 1):
            y = self.y(number * step)
            painter.setPen(QPen(QColor(now.border), 1))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(QColor(now.secondary))
            box = QRectF(plot.left() - LEFT_PX, y - 9, LEFT_PX - 8, 18)
            painter.drawText(box, int(right), read_value(number * step, self.unit))
        moments, step_s = time_ticks(*self.span, int(plot.width() // _TICK_PX))
        for moment in moments:
            x = self.x(moment)
            painter.setPen(QPen(QColor(now.border), 1))
            painter.drawLine(QPointF(x, plot.bottom()), QPointF(x, plot.bottom() + 4))
            text = tick_time(moment, step_s)
            width = painter.fontMetrics().horizontalAdvance(text) + 8
            left = min(max(x - width / 2, 0), plot.right() + RIGHT_PX - width)
            painter.setPen(QColor(now.secondary))
            box = QRectF(left, plot.bottom() + 5, width, 18)
            painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), text)

    def lines(self, rendered: Rendered) -> None:
        """The picture of the lines, stretched to where it belongs by now."""
        had = rendered.painting.span
        begin, end = self.x(had[0]), self.x(had[1])
        target = QRectF(begin, self.plot.top(), end - begin, self.plot.height())
        self.painter.save()
        self.painter.setClipRect(self.plot.adjusted(0, -1, 1, 1))
        self.painter.drawImage(target, rendered.image, QRectF(rendered.image.rect()))
        self.painter.restore()

    def levels(self, levels: Sequence[Level]) -> None:
        """Thresholds with their words, those that the axis reaches."""
        painter, plot = self.painter, self.plot
        for level in levels:
            if not 0 <= level.value <= self.top:
                continue
            y = self.y(level.value)
            painter.setPen(QPen(theme.color(level.accent), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            if level.words:
                top = y - 17 if y > plot.top() + 17 else y + 1
                box = QRectF(plot.left() + 4, top, plot.width() - 8, 16)
                painter.setPen(QColor(theme.current().secondary))
                painter.drawText(box, int(Qt.AlignmentFlag.AlignLeft), level.words)

    def marks(self, marks: Sequence[ChartMark]) -> None:
        """What happened, above the plot, with a line down through it."""
        painter, plot = self.painter, self.plot
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for cluster in clusters(marks, self.span, plot.width()):
            x, y = plot.left() + cluster.x, plot.top() - 8
            color = theme.color(f"{cluster.accent}-item")
            line = QColor(color)
            line.setAlpha(110)
            painter.setPen(QPen(line, 1, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            size = 5.0 if len(cluster.marks) == 1 else 6.5
            if cluster.accent in ("danger", "warning"):
                # Colour is never alone: what is bad has another shape.
                painter.drawPolygon(
                    [QPointF(x, y - size), QPointF(x + size, y + size), QPointF(x - size, y + size)]
                )
            else:
                painter.drawEllipse(QPointF(x, y), size - 1, size - 1)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def hair(self, moment: float) -> None:
        """The cross-hair."""
        if self.span[0] <= moment <= self.span[1]:
            x = self.x(moment)
            self.painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            self.painter.setPen(QPen(QColor(theme.current().secondary), 1, Qt.PenStyle.DashLine))
            self.painter.drawLine(QPointF(x, self.plot.top()), QPointF(x, self.plot.bottom()))
