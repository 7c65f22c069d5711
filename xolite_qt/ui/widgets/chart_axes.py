"""Axes for pyqtgraph; imported only once a chart has something to draw."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import QRectF

from xolite_qt.ui.charts.scale import (
    ChartUnit,
    read_value,
    tick_time,
    time_ticks,
    value_step,
)

__all__ = ["TimeAxis", "ValueAxis"]

_LABEL_PX = 64


class TimeAxis(pg.AxisItem):  # type: ignore[misc]
    """Local time."""

    def __init__(self) -> None:
        super().__init__(orientation="bottom")
        self.enableAutoSIPrefix(False)
        self._step = 1.0

    def tickValues(
        self, minimum: float, maximum: float, size: float
    ) -> list[tuple[float, list[float]]]:
        """Round local times, as many as have room."""
        ticks, self._step = time_ticks(minimum, maximum, int(size // _LABEL_PX))
        return [(self._step, ticks)]

    def tickStrings(self, values: Sequence[float], _scale: float, _spacing: float) -> list[str]:
        """Time of day, day or month."""
        return [tick_time(value, self._step) for value in values]


class ValueAxis(pg.AxisItem):  # type: ignore[misc]
    """Percent, bytes, rates or plain numbers from 0 up."""

    def __init__(self, unit: ChartUnit) -> None:
        super().__init__(orientation="left")
        self.enableAutoSIPrefix(False)
        self._unit = unit

    def tickValues(
        self, minimum: float, maximum: float, size: float
    ) -> list[tuple[float, list[float]]]:
        """Round values."""
        step = value_step(maximum - minimum, self._unit, max(2, min(5, int(size // 36))))
        count = int((maximum - minimum) / step + 1e-6)
        return [(step, [minimum + at * step for at in range(count + 1)])]

    def boundingRect(self) -> QRectF:
        """Half a line more above and below, or the first and last label would be dropped."""
        box: QRectF = super().boundingRect()
        return box.adjusted(0, -12, 0, 12)

    def tickStrings(self, values: Sequence[float], _scale: float, _spacing: float) -> list[str]:
        """Values with their unit."""
        return [read_value(value, self._unit) for value in values]
