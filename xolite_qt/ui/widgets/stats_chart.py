"""Charts of metrics over time, with one cross-hair for all charts of a page.

pyqtgraph is imported with the first data, so that the window shows before it (1.7 s, cold).
Lines are 1 px wide and cosmetic: 2-px antialiased pens measured 80 times slower.

Source: specs/performance.md 5, specs/xo-lite.md 3.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from PySide6.QtCore import QEvent, QObject, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QAccessible, QColor, QFocusEvent, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui import theme
from xolite_qt.ui.charts.scale import ChartUnit, read_value, read_values, top_of
from xolite_qt.ui.widgets.chart_legend import LegendButton
from xolite_qt.ui.widgets.flow import FlowLayout
from xolite_qt.ui.widgets.hero import Hero
from xolite_qt.ui.widgets.text import TextLabel, paint_focus

__all__ = ["ChartGroup", "Line", "StatsChart", "Threshold"]

SHARP_POINTS = 600
"""Up to here lines are antialiased; beyond they would cost frames."""


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
        name: shown in the legend; lines are known by it from one update to the next.
        values: as many as there are times, oldest first, NaN for a gap.
        color: token or `#rrggbb`; by default the theme's next series colour.
    """

    name: str
    values: Sequence[float]
    color: str = ""


@dataclass(frozen=True)
class Threshold:
    """A horizontal line at a value, in the chart's unit."""

    value: float
    accent: Literal["info", "warning", "danger"] = "warning"
    name: str = ""


class ChartGroup(QObject):
    """Charts that share one cross-hair: pass it to each `StatsChart`."""

    moved = Signal(object)
    """Time under the cross-hair in seconds since 1970, or None when it left."""

    def move(self, moment_s: float | None) -> None:
        """Put the cross-hair of all charts at a time."""
        self.moved.emit(moment_s)


class StatsChart(QWidget):
    """Lines over local time with a legend that also reads out values.

    `set_data(times, lines)` again and again is cheap; `set_message(...)` puts a sentence in place.
    Left and Right move the cross-hair by key, Esc takes it away.

    Args:
        unit: percent (values are fractions of 1), bytes, rate (bytes per second) or count.
        says: accessible name, such as "CPU usage of web-1".
        stacked: lines are summed up on each other and filled.
        group: shares the cross-hair.
        top: the axis ends no lower (1.0 for 100 %, total RAM in bytes).
    """

    accessible_role = QAccessible.Role.Chart

    def __init__(
        self,
        unit: ChartUnit = "percent",
        *,
        says: str = "",
        stacked: bool = False,
        group: ChartGroup | None = None,
        top: float = 0.0,
        height: int = 180,
    ) -> None:
        super().__init__()
        self.unit: ChartUnit = unit
        self.stacked = stacked
        self._least_top = top
        self._group = group or ChartGroup(self)
        self._times: list[float] = []
        self._lines: tuple[Line, ...] = ()
        self._span: tuple[float, float] | None = None
        self._thresholds: tuple[Threshold, ...] = ()
        self._buttons: dict[str, LegendButton] = {}
        self._at: int | None = None
        self._plot: Any = None
        self._curves: dict[str, Any] = {}
        self._marks: list[Any] = []
        self._cross: Any = None
        self.setAccessibleName(says)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

        column = QVBoxLayout(self)
        column.setContentsMargins(2, 2, 2, 2)
        column.setSpacing(4)
        top_row = QHBoxLayout()
        self._legend = QWidget()
        self._flow = FlowLayout(self._legend, spacing=4)
        legend_policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        legend_policy.setHeightForWidth(True)
        self._legend.setSizePolicy(legend_policy)
        self._moment = TextLabel(kind="small", tone="secondary")
        self._moment.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        self._moment.setMinimumHeight(24)
        top_row.addWidget(self._legend, 1)
        top_row.addWidget(self._moment, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(top_row)
        self._stage = QWidget()
        self._stage.setMinimumHeight(height)
        self._stage_column = QVBoxLayout(self._stage)
        self._stage_column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._stage, 1)
        self._hero = Hero("loading", self.tr("Loading…"), compact=False)
        self._hero.layout().setContentsMargins(0, 0, 0, 0)  # type: ignore[union-attr]
        self._stage_column.addWidget(self._hero)
        self._group.moved.connect(self._cross_moved)
        theme.changed().connect(self._dress)

    # ------------------------------------------------------------ data

    def set_data(
        self,
        times: Sequence[float],
        lines: Sequence[Line],
        *,
        span: tuple[float, float] | None = None,
        top: float | None = None,
    ) -> None:
        """Show these lines; a line is a gap wherever its value is NaN.

        Args:
            times: seconds since 1970, ascending.
            lines: each with as many values as there are times.
            span: first and last time of the axis; by default those of the data.
            top: the axis ends no lower; by default as before.

        Raises:
            ValueError: a line has more or fewer values than there are times.
        """
        for line in lines:
            if len(line.values) != len(times):
                raise ValueError(f"{line.name}: {len(line.values)} values at {len(times)} times")
        self._times = list(times)
        self._lines = tuple(lines)
        self._span = span
        if top is not None:
            self._least_top = top
        if self._at is not None and self._at >= len(self._times):
            self._at = None
        self._describe()
        if not any(math.isfinite(value) for line in lines for value in line.values):
            self._say("empty", self.tr("No data"))
            return
        if self._plot is None:
            self._build()
        self._hero.hide()
        self._plot.show()
        self._legend.show()
        self._draw()

    def set_loading(self) -> None:
        """Say that data is on its way; what was drawn stays if there is any."""
        if not self._lines:
            self._say("loading", self.tr("Loading…"))

    def set_message(self, text: str, *, error: bool = False) -> None:
        """Put a sentence in place of the lines."""
        self._say("error" if error else "empty", text)

    def set_thresholds(self, thresholds: Sequence[Threshold]) -> None:
        """Draw lines at these values."""
        self._thresholds = tuple(thresholds)
        if self._plot is not None:
            self._draw_thresholds()

    @property
    def summary(self) -> str:
        """Minimum, mean, maximum and last of every line in words."""
        return self.accessibleDescription()

    @property
    def has_plot(self) -> bool:
        """True once lines were drawn."""
        return self._plot is not None and not self._plot.isHidden()

    def line_values(self, name: str) -> tuple[list[float], list[float]]:
        """(times, values) as drawn: stacked lines are sums. For tests and exports.

        Raises:
            KeyError: no such line.
        """
        x, y = self._curves[name].getData()
        return list(x), list(y)

    def legend(self, name: str) -> LegendButton:
        """The button of a line.

        Raises:
            KeyError: no such line.
        """
        return self._buttons[name]

    def _say(self, kind: Literal["loading", "empty", "error"], text: str) -> None:
        self._hero.set_state(kind, text)
        self._hero.show()
        self._legend.setVisible(False)
        self._moment.set_text("")
        if self._plot is not None:
            self._plot.hide()

    def _describe(self) -> None:
        self.setAccessibleDescription(
            "; ".join(f"{line.name}: {read_values(line.values, self.unit)}" for line in self._lines)
        )

    # ------------------------------------------------------------ drawing

    def _build(self) -> None:
        import pyqtgraph as pg

        from xolite_qt.ui.widgets.chart_axes import TimeAxis, ValueAxis

        plot = pg.PlotWidget(
            axisItems={"bottom": TimeAxis(), "left": ValueAxis(self.unit)}, background=None
        )
        plot.setFrameShape(QFrame.Shape.NoFrame)
        plot.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        plot.setMouseEnabled(False, False)
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        plot.viewport().setFocusPolicy(Qt.FocusPolicy.NoFocus)
        plot.getPlotItem().getViewBox().setDefaultPadding(0.0)
        plot.getPlotItem().showGrid(x=False, y=True, alpha=0.35)
        plot.getAxis("left").setWidth(72)
        plot.getAxis("bottom").setHeight(26)
        plot.getPlotItem().layout.setContentsMargins(0, 10, 8, 0)
        plot.scene().sigMouseMoved.connect(self._mouse_moved)
        plot.viewport().installEventFilter(self)
        self._cross = pg.InfiniteLine(angle=90, movable=False)
        self._cross.hide()
        plot.addItem(self._cross, ignoreBounds=True)
        self._plot = plot
        self._stage_column.addWidget(plot)
        self._dress(theme.current())

    def _dress(self, _theme: object) -> None:
        if self._plot is None:
            return
        import pyqtgraph as pg

        now = theme.current()
        for side in ("left", "bottom"):
            axis = self._plot.getAxis(side)
            axis.setPen(pg.mkPen(QColor(now.border), width=1))
            axis.setTextPen(pg.mkPen(QColor(now.secondary)))
            axis.setStyle(
                tickFont=theme.font("small"),
                tickLength=0,
                tickTextOffset=6,
                hideOverlappingLabels=True,
            )
        self._plot.setBackground(now.bg)
        self._cross.setPen(pg.mkPen(QColor(now.secondary), width=1, style=Qt.PenStyle.DashLine))
        if self._lines:
            self._draw()
        self._draw_thresholds()

    def _color(self, at: int, line: Line) -> QColor:
        if line.color:
            return theme.color(line.color)
        series = theme.current().series
        return QColor(series[at % len(series)])

    def _draw(self) -> None:
        import numpy as np
        import pyqtgraph as pg

        self._make_legend()
        x = np.asarray(self._times, dtype=float)
        shown = [(at, line) for at, line in enumerate(self._lines) if self._is_on(line.name)]
        sharp = len(x) <= SHARP_POINTS
        heights: list[float] = []
        below = np.zeros(len(x))
        for gone in set(self._curves) - {line.name for _at, line in shown}:
            self._plot.removeItem(self._curves.pop(gone))
        for place, (at, line) in enumerate(shown):
            y = np.asarray(line.values, dtype=float)
            color = self._color(at, line)
            curve = self._curves.get(line.name)
            if curve is None:
                curve = pg.PlotDataItem(connect="finite")
                self._curves[line.name] = curve
                self._plot.addItem(curve)
            if self.stacked:
                y = below + y
                below = np.where(np.isfinite(y), y, below)
                fill = QColor(color)
                curve.setFillLevel(0.0)
                curve.setFillBrush(_mixed(fill, QColor(theme.current().bg), 0.35))
                # The lowest line is drawn last, over the fills of those above it.
                curve.setZValue(len(shown) - place)
            curve.setPen(pg.mkPen(color, width=1, cosmetic=True))
            curve.setData(x, y, connect="finite", antialias=sharp)
            if np.isfinite(y).any():
                heights.append(float(np.nanmax(y)))
        top = top_of(heights, self.unit, self._least_top)
        span = self._span or (self._times[0], self._times[-1])
        right = span[1] if span[1] > span[0] else span[0] + 1
        self._plot.setXRange(span[0], right, padding=0)
        self._plot.setYRange(0, top * 1.001, padding=0)
        self._read()

    def _draw_thresholds(self) -> None:
        import pyqtgraph as pg

        for mark in self._marks:
            self._plot.removeItem(mark)
        self._marks = []
        for threshold in self._thresholds:
            pen = pg.mkPen(theme.color(threshold.accent), width=1, style=Qt.PenStyle.DashLine)
            mark = pg.InfiniteLine(threshold.value, angle=0, pen=pen, movable=False)
            mark.setZValue(50)
            self._plot.addItem(mark, ignoreBounds=True)
            self._marks.append(mark)

    # ------------------------------------------------------------ legend

    def _is_on(self, name: str) -> bool:
        button = self._buttons.get(name)
        return button is None or button.isChecked()

    def _make_legend(self) -> None:
        names = [line.name for line in self._lines]
        if list(self._buttons) != names:
            off = {name for name, button in self._buttons.items() if not button.isChecked()}
            self._flow.clear()
            self._buttons = {}
            for at, line in enumerate(self._lines):
                button = LegendButton(line.name, self._color(at, line).name())
                button.setChecked(line.name not in off)
                button.toggled.connect(self._toggled)
                self._flow.addWidget(button)
                self._buttons[line.name] = button
        for at, line in enumerate(self._lines):
            self._buttons[line.name].set_color(self._color(at, line).name())

    def _toggled(self, _on: bool) -> None:
        self._draw()

    def _read(self) -> None:
        """Put the values under the cross-hair, or the last ones, into the legend."""
        for line in self._lines:
            if self._at is not None:
                value = line.values[self._at]
            else:
                value = next((v for v in reversed(line.values) if math.isfinite(v)), math.nan)
            self._buttons[line.name].set_value(read_value(value, self.unit))
        self._moment.set_text("" if self._at is None else fmt.absolute(self._times[self._at]))

    # ------------------------------------------------------------ cross-hair

    @property
    def cross_hair_s(self) -> float | None:
        """Time under the cross-hair, None while there is none."""
        return None if self._at is None else self._times[self._at]

    def _mouse_moved(self, place: QPointF) -> None:
        box = self._plot.getPlotItem().getViewBox()
        if box.sceneBoundingRect().contains(place):
            self._group.move(float(box.mapSceneToView(place).x()))
        else:
            self._group.move(None)

    def _cross_moved(self, moment_s: float | None) -> None:
        if self._plot is None or not self._times:
            return
        if moment_s is None:
            self._at = None
            self._cross.hide()
        else:
            at = bisect_left(self._times, moment_s)
            if at == len(self._times) or (
                at > 0 and moment_s - self._times[at - 1] < self._times[at] - moment_s
            ):
                at -= 1
            self._at = at
            self._cross.setPos(self._times[at])
            self._cross.show()
        if self.has_plot:
            self._read()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The cross-hair leaves with the pointer; the wheel is the page's."""
        if event.type() == QEvent.Type.Leave:
            self._group.move(None)
        elif event.type() == QEvent.Type.Wheel:
            # The page scrolls, not the chart: ignored, the event goes on to the parent.
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left, Right, Home and End move the cross-hair, Esc takes it away."""
        last = len(self._times) - 1
        at = last + 1 if self._at is None else self._at
        match event.key():
            case Qt.Key.Key_Left if last >= 0:
                self._group.move(self._times[max(0, at - 1)])
            case Qt.Key.Key_Right if last >= 0:
                self._group.move(self._times[min(last, at + 1)])
            case Qt.Key.Key_Home if last >= 0:
                self._group.move(self._times[0])
            case Qt.Key.Key_End if last >= 0:
                self._group.move(self._times[last])
            case Qt.Key.Key_Escape if self._at is not None:
                self._group.move(None)
            case _:
                super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring away."""
        super().focusOutEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The focus ring."""
        super().paintEvent(event)
        if self.hasFocus():
            paint_focus(QPainter(self), self)

    def minimumSizeHint(self) -> QSize:
        """Narrow cards may hold it."""
        return QSize(200, super().minimumSizeHint().height())


def _mixed(color: QColor, ground: QColor, part: float) -> QColor:
    """`color` on `ground` as an opaque colour, so that overlapping fills do not add up."""
    rest = 1.0 - part
    return QColor(
        round(color.red() * part + ground.red() * rest),
        round(color.green() * part + ground.green() * rest),
        round(color.blue() * part + ground.blue() * rest),
    )
