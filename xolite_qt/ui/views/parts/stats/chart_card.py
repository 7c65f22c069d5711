"""The card of one chart: its lines, their names, and how they are shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui.charts.render import Curve
from xolite_qt.ui.charts.scale import read_value
from xolite_qt.ui.widgets import Button, Card, FlowLayout, TextLabel
from xolite_qt.ui.widgets.chart_canvas import ChartCanvas, Painter
from xolite_qt.ui.widgets.chart_legend import LegendButton
from xolite_qt.ui.widgets.chart_marks import ChartMark, words_of
from xolite_qt.ui.widgets.chart_paint import Level
from xolite_qt.ui.widgets.chart_view import ChartView

if TYPE_CHECKING:
    from xolite_qt.ui.models.stats_lines import Plot

__all__ = ["ChartCard"]

LEGEND_ROWS = 3
_ROW_PX = 28
_AT_ONCE = 8
"""Names that are made in one go; 64 at once would take longer than a frame."""


class ChartCard(Card):
    """A chart with its legend and switches.

    Signals:
        wished: the user wants to see it in another way.
            args: id of the chart, "each" or "stacked", and whether.
        copy_wanted: the values under the cross-hair should be copied.
    """

    wished = Signal(str, str, bool)
    copy_wanted = Signal()

    def __init__(self, plot: Plot, view: ChartView, painter: Painter, *, of: str = "") -> None:
        super().__init__(plot.kind.title, dense=True)
        self.plot = plot
        self.view = view
        self._curves: dict[str, Curve] = {}
        self._off: set[str] = set()
        self._buttons: dict[str, LegendButton] = {}
        self._levels: Callable[[Plot], Sequence[Level]] = lambda _plot: ()
        self.each = self._switch(self.tr("By device"), "each")
        self.stacked = self._switch(self.tr("Stacked"), "stacked")
        self.note = TextLabel("", kind="small", tone="secondary", wrap=True)
        says = f"{plot.kind.title} of {of}" if of else plot.kind.title
        self.canvas = ChartCanvas(plot.kind.unit, says=says, view=view, painter=painter)
        self.canvas.installEventFilter(self)
        self.moment = TextLabel("", kind="small", tone="secondary")
        self.moment.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.legend = QScrollArea()
        self.legend.setFrameShape(QFrame.Shape.NoFrame)
        self.legend.setWidgetResizable(True)
        self.legend.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.legend.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.legend.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        inner = QWidget()
        inner.setProperty("panel", "bg")
        self._flow = FlowLayout(inner, spacing=4)
        self.legend.setWidget(inner)
        self.legend.setFixedHeight(_ROW_PX)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.note, 1)
        row.addWidget(self.moment)
        self.body.setSpacing(4)
        self.add(self.legend)
        self.add(self.canvas, 1)
        self.add_layout(row)
        self._growing = QTimer(self)
        self._growing.setSingleShot(True)
        self._growing.setInterval(0)
        self._growing.timeout.connect(self._grow)
        view.moved.connect(lambda _at: self.read())
        self.show_plot(plot)

    def _switch(self, text: str, which: str) -> Button:
        button = Button(text, "tertiary", small=True)
        button.setCheckable(True)
        button.setProperty("segment", True)
        button.clicked.connect(lambda on: self.wished.emit(self.plot.id, which, on))
        self.add_action(button)
        return button

    # ------------------------------------------------------------------ what is shown

    def show_plot(self, plot: Plot) -> None:
        """Show other values of the same chart."""
        self.plot = plot
        self._curves = {curve.key: curve for curve in plot.curves}
        self.set_title(plot.kind.title)
        self.each.setVisible(plot.each is not None)
        self.each.setChecked(bool(plot.each))
        self.each.setText(plot.each_words)
        self.each.setAccessibleName(f"{plot.kind.title} {plot.each_words.lower()}")
        many = len(plot.curves) > 1
        self.stacked.setVisible(plot.stacked is not None and (many or bool(plot.each)))
        self.stacked.setChecked(bool(plot.stacked))
        self.stacked.setAccessibleName(f"{plot.kind.title} stacked")
        self.note.set_text(plot.note)
        self.note.setVisible(bool(plot.note))
        keys = [curve.key for curve in plot.curves]
        if list(self._buttons) != keys[: len(self._buttons)] or len(self._buttons) > len(keys):
            self._flow.clear()
            self._buttons = {}
        self._grow()
        self._draw()

    def set_levels(self, levels: Callable[[Plot], Sequence[Level]]) -> None:
        """Which thresholds belong to the chart as it is shown."""
        self._levels = levels
        self.canvas.set_levels(levels(self.plot))

    def set_marks(self, marks: Sequence[ChartMark]) -> None:
        """What happened meanwhile."""
        self.canvas.set_marks(marks)
        self._describe()

    def button(self, key: str) -> LegendButton:
        """The name of a line.

        Raises:
            KeyError: no such line, or its name was not made yet.
        """
        return self._buttons[key]

    @property
    def is_complete(self) -> bool:
        """Whether all names are there."""
        return len(self._buttons) == len(self.plot.curves)

    @property
    def shown_curves(self) -> list[Curve]:
        """The lines that were not switched off."""
        return [curve for curve in self.plot.curves if curve.key not in self._off]

    def _draw(self) -> None:
        plot = self.plot
        self.canvas.set_curves(
            self.shown_curves, stacked=bool(plot.stacked), least_top=plot.least_top
        )
        self.canvas.set_levels(self._levels(plot))
        self._describe()
        self.read()

    def _grow(self) -> None:
        curves = self.plot.curves
        for curve in curves[len(self._buttons) : len(self._buttons) + _AT_ONCE]:
            button = LegendButton(curve.label, curve.color)
            button.set_dashed(curve.dashed)
            button.setChecked(curve.key not in self._off)
            button.toggled.connect(lambda on, key=curve.key: self._toggled(key, on))
            self._flow.addWidget(button)
            self._buttons[curve.key] = button
        for curve in curves:
            button_of = self._buttons.get(curve.key)
            if button_of is not None:
                button_of.set_color(curve.color)
                if button_of.text() != curve.label:
                    button_of.set_name(curve.label)
        if len(self._buttons) < len(curves):
            self._growing.start()
        else:
            self.read()
        self._fit()

    def _fit(self) -> None:
        width = max(self.legend.viewport().width(), 100)
        rows = self._flow.heightForWidth(width)
        self.legend.setFixedHeight(min(max(rows, _ROW_PX - 4), LEGEND_ROWS * _ROW_PX) + 2)

    def _toggled(self, key: str, on: bool) -> None:
        if on:
            self._off.discard(key)
        else:
            self._off.add(key)
        self._draw()

    # ------------------------------------------------------------------ values

    def read(self) -> None:
        """Put the values under the cross-hair, or the last ones, into the legend."""
        moment = self.view.moment_s
        for curve in self.plot.curves:
            button = self._buttons.get(curve.key)
            if button is not None:
                value = self.value(curve.key, moment)
                button.set_value(read_value(value, self.plot.kind.unit))
        self.moment.set_text("" if moment is None else fmt.absolute(moment))

    def value(self, key: str, moment: float | None) -> float:
        """What a line says at a moment; None is the end of the span."""
        from xolite_qt.ui.models.stats_lines import last_of, value_at

        curve = self._curves.get(key)
        if curve is None:
            return math.nan
        if moment is None:
            return last_of(curve, self.view.span[1])
        return value_at(curve, moment)

    def _describe(self) -> None:
        told = [self.plot.summary]
        found = [
            word for cluster in self.canvas.clusters() for word in words_of(cluster).split("\n")
        ]
        if found:
            told.append("Marks: " + "; ".join(found[-10:]))
        told += [level.words for level in self.canvas.levels if level.words]
        self.canvas.setAccessibleDescription(". ".join(part for part in told if part))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Ctrl+C on a chart copies its values."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.matches(QKeySequence.StandardKey.Copy):
                self.copy_wanted.emit()
                return True
        elif event.type() == QEvent.Type.Resize:
            self._fit()
        return super().eventFilter(watched, event)
