"""The plot of a chart that can be zoomed: axes, lines, thresholds, marks and the cross-hair.

Lines are painted elsewhere (`chart_render`) and copied here; while a picture is on its way the one
before is stretched to where it belongs.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from xolite_qt.ui import theme
from xolite_qt.ui.charts.render import Curve, Painting, Rendered, paint
from xolite_qt.ui.charts.scale import ChartUnit
from xolite_qt.ui.widgets.chart_marks import ChartMark, Cluster, clusters, words_of
from xolite_qt.ui.widgets.chart_paint import BOTTOM_PX, LEFT_PX, RIGHT_PX, TOP_PX, Level, Sheet
from xolite_qt.ui.widgets.chart_view import ChartView
from xolite_qt.ui.widgets.text import paint_focus, plain_tooltip

__all__ = ["ChartCanvas", "Painter", "direct"]

Painter = Callable[[object, Painting, Callable[[Rendered], None]], None]
"""Has a picture painted: for whom, what, and whom to give it to. A newer wish of the same owner
takes the place of an older one that was not begun."""


def direct(_owner: object, painting: Painting, done: Callable[[Rendered], None]) -> None:
    """Paints at once, in this thread."""
    done(paint(painting))


class ChartCanvas(QWidget):
    """Lines over local time.

    The wheel zooms with Ctrl, or once the chart was clicked and until the pointer leaves; so a page
    full of charts still scrolls. Dragging moves, a double click zooms in; plus, minus, Page Up and
    Page Down do the same by key, Left and Right move the cross-hair, with Ctrl from mark to mark.

    Signals:
        repainted: a new picture is shown.
    """

    accessible_role = QAccessible.Role.Chart

    repainted = Signal()

    def __init__(
        self,
        unit: ChartUnit,
        *,
        says: str,
        view: ChartView,
        painter: Painter = direct,
        height: int = 190,
    ) -> None:
        super().__init__()
        self.unit = unit
        self.view = view
        self._painter = painter
        self._curves: tuple[Curve, ...] = ()
        self._stacked = False
        self._least_top = 0.0
        self._levels: tuple[Level, ...] = ()
        self._marks: tuple[ChartMark, ...] = ()
        self._rendered: Rendered | None = None
        self._wanted: Painting | None = None
        self._drag: tuple[float, tuple[float, float]] | None = None
        self._held = False
        self.setAccessibleName(says)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumHeight(height)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        view.moved.connect(lambda _at: self.update())
        view.spanned.connect(lambda _a, _b, _c: self.update())
        theme.changed().connect(self._dress)

    def _dress(self) -> None:
        # A method, not a lambda: the signal would keep what a lambda holds for ever.
        self.update()

    def sizeHint(self) -> QSize:
        """Override QWidget::sizeHint."""
        return QSize(480, self.minimumHeight())

    # ------------------------------------------------------------------ what is shown

    def set_curves(
        self, curves: Sequence[Curve], *, stacked: bool = False, least_top: float = 0.0
    ) -> None:
        """Show these lines; painted once the chart is in sight."""
        self._curves = tuple(curves)
        self._stacked = stacked
        self._least_top = least_top
        self.update()

    def set_levels(self, levels: Sequence[Level]) -> None:
        """Draw lines at these values; one above all lines is not shown until they come near."""
        self._levels = tuple(levels)
        self.update()

    def set_marks(self, marks: Sequence[ChartMark]) -> None:
        """Mark these moments."""
        self._marks = tuple(sorted(marks, key=lambda mark: mark.at_s))
        self.update()

    @property
    def rendered(self) -> Rendered | None:
        """The picture that is shown."""
        return self._rendered

    @property
    def is_current(self) -> bool:
        """Whether the picture shows what it should."""
        return self._rendered is not None and self._rendered.painting == self._painting()

    @property
    def top(self) -> float:
        """Upper end of the axis."""
        return self._rendered.top if self._rendered is not None else max(self._least_top, 1.0)

    def clusters(self) -> list[Cluster]:
        """Marks in sight, those that stand too near to each other together."""
        return clusters(self._marks, self.view.span, self._plot().width())

    @property
    def levels(self) -> tuple[Level, ...]:
        """The thresholds."""
        return self._levels

    def _plot(self) -> QRectF:
        return QRectF(
            LEFT_PX,
            TOP_PX,
            max(self.width() - LEFT_PX - RIGHT_PX, 1),
            max(self.height() - TOP_PX - BOTTOM_PX, 1),
        )

    def _painting(self) -> Painting:
        plot = self._plot()
        return Painting(
            self._curves,
            self.view.span,
            int(plot.width()),
            int(plot.height()),
            self.unit,
            self.devicePixelRatioF(),
            self._stacked,
            self._least_top,
            theme.current().bg,
        )

    def _order(self) -> None:
        painting = self._painting()
        if self._rendered is not None and self._rendered.painting == painting:
            self._wanted = None
        elif self._wanted != painting:
            self._wanted = painting
            self._painter(self, painting, self._take)

    def _take(self, rendered: Rendered) -> None:
        self._rendered = rendered
        if self._wanted == rendered.painting:
            self._wanted = None
        self.update()
        self.repainted.emit()

    # ------------------------------------------------------------------ drawing

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Override QWidget::paintEvent."""
        self._order()
        with QPainter(self) as painter:
            self.paint_all(painter, self._plot())
            if self.hasFocus():
                paint_focus(painter, self)

    def paint_all(self, painter: QPainter, plot: QRectF, *, hair: bool = True) -> None:
        """Everything, with the lines in `plot`; for the screen and for exported pictures."""
        sheet = Sheet(painter, plot, self.view.span, self.unit, self.top)
        painter.setFont(theme.font("small"))
        sheet.axes()
        if self._rendered is not None:
            sheet.lines(self._rendered)
        sheet.levels(self._levels)
        sheet.marks(self._marks)
        if hair and self.view.moment_s is not None:
            sheet.hair(self.view.moment_s)

    def _moment(self, x: float) -> float:
        first, last = self.view.span
        plot = self._plot()
        return first + (x - plot.left()) / plot.width() * (last - first)

    # ------------------------------------------------------------------ pointer

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Override QWidget::wheelEvent."""
        delta = event.angleDelta()
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if not (self._held or control) or delta.isNull():
            # The page scrolls.
            event.ignore()
            return
        if abs(delta.x()) > abs(delta.y()):
            self.view.pan(-delta.x() / 1200)
        else:
            self.view.zoom(0.8 ** (delta.y() / 120), self._moment(event.position().x()))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Override QWidget::mousePressEvent."""
        if event.button() is Qt.MouseButton.LeftButton:
            self._held = True
            self._drag = (event.position().x(), self.view.span)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Override QWidget::mouseMoveEvent."""
        x = event.position().x()
        if self._drag is not None and event.buttons() & Qt.MouseButton.LeftButton:
            begun, (first, last) = self._drag
            by = (begun - x) / self._plot().width() * (last - first)
            if abs(begun - x) >= 3 or self.view.span != (first, last):
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
                self.view.show_span(first + by, last + by, by_user=True)
        inside = self._plot().adjusted(0, -TOP_PX, 0, 0).contains(event.position())
        self.view.move(self._moment(x) if inside else None)

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Override QWidget::mouseReleaseEvent."""
        self._drag = None
        self.unsetCursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Override QWidget::mouseDoubleClickEvent."""
        self.view.zoom(0.5, self._moment(event.position().x()))

    def leaveEvent(self, event: QEvent) -> None:
        """Override QWidget::leaveEvent."""
        super().leaveEvent(event)
        self._held = False
        self.view.move(None)

    def event(self, event: QEvent) -> bool:
        """Override QWidget::event: what happened at a mark."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            found = self.cluster_at(QPointF(event.pos()))
            if found is not None:
                QToolTip.showText(event.globalPos(), plain_tooltip(words_of(found)), self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def cluster_at(self, place: QPointF) -> Cluster | None:
        """The marks under a point of the widget, or None."""
        plot = self._plot()
        if place.y() > plot.top() + 4:
            return None
        near = [c for c in self.clusters() if abs(plot.left() + c.x - place.x()) <= 8]
        return min(near, key=lambda c: abs(plot.left() + c.x - place.x()), default=None)

    # ------------------------------------------------------------------ keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Override QWidget::keyPressEvent."""
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        match event.key():
            case Qt.Key.Key_Left if control:
                self._to_mark(-1)
            case Qt.Key.Key_Right if control:
                self._to_mark(1)
            case Qt.Key.Key_Left:
                self._step(-1)
            case Qt.Key.Key_Right:
                self._step(1)
            case Qt.Key.Key_Home:
                self.view.move(self.view.span[0])
            case Qt.Key.Key_End:
                self.view.move(self.view.span[1])
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self.view.zoom(0.5, self.view.moment_s)
            case Qt.Key.Key_Minus:
                self.view.zoom(2.0, self.view.moment_s)
            case Qt.Key.Key_PageUp:
                self.view.pan(-0.5)
            case Qt.Key.Key_PageDown:
                self.view.pan(0.5)
            case Qt.Key.Key_Escape if self.view.moment_s is not None:
                self.view.move(None)
            case _:
                super().keyPressEvent(event)

    def _step(self, by: int) -> None:
        times = self._curves[0].times if self._curves else ()
        if not len(times):
            return
        at = self.view.moment_s
        first, last = self.view.span
        if at is None:
            at = last + 1.0 if by < 0 else first - 1.0
        place = bisect_left(times, at) - 1 if by < 0 else bisect_left(times, at + 1e-6)
        if 0 <= place < len(times) and first <= times[place] <= last:
            self.view.move(float(times[place]))

    def _to_mark(self, by: int) -> None:
        first, last = self.view.span
        times = [mark.at_s for mark in self._marks if first <= mark.at_s <= last]
        at = self.view.moment_s
        if at is None:
            at = last + 1.0 if by < 0 else first - 1.0
        found = [time for time in times if (time < at if by < 0 else time > at)]
        if found:
            self.view.move(max(found) if by < 0 else min(found))

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring away."""
        super().focusOutEvent(event)
        self.update()
