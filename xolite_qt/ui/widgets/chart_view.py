"""What the charts of a page have in common: the span of time and the cross-hair."""

from __future__ import annotations

import math

from PySide6.QtCore import QObject, Signal

__all__ = ["ChartView", "Span"]

Span = tuple[float, float]


class ChartView(QObject):
    """What the charts of a page have in common: the span of time and the cross-hair.

    Signals:
        moved: the cross-hair stands elsewhere.
            arg: seconds since 1970, or None when it left.
        spanned: another span is shown.
            args: first and last second since 1970, and whether the user asked for it.
    """

    moved = Signal(object)
    spanned = Signal(float, float, bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.span: Span = (0.0, 1.0)
        self.limits: Span = (-math.inf, math.inf)
        self.shortest_s = 30.0
        self.moment_s: float | None = None

    def move(self, moment_s: float | None) -> None:
        """Put the cross-hair of all charts at a time; None takes it away."""
        if moment_s != self.moment_s:
            self.moment_s = moment_s
            self.moved.emit(moment_s)

    def show_span(self, first: float, last: float, *, by_user: bool = False) -> None:
        """Show a span in all charts, inside of the limits."""
        low, high = self.limits
        length = min(max(last - first, self.shortest_s), high - low)
        first = min(max(first, low), high - length)
        if (first, first + length) != self.span:
            self.span = (first, first + length)
            self.spanned.emit(first, first + length, by_user)

    def zoom(self, factor: float, around_s: float | None = None) -> None:
        """Show `factor` times as much time; what is at `around_s` stays where it is."""
        first, last = self.span
        around = (first + last) / 2 if around_s is None else around_s
        self.show_span(
            around - (around - first) * factor, around + (last - around) * factor, by_user=True
        )

    def pan(self, part: float) -> None:
        """Move by a part of the span; negative goes back in time."""
        first, last = self.span
        by = (last - first) * part
        self.show_span(first + by, last + by, by_user=True)
