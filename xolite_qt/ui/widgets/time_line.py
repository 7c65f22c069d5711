"""A line of time with lanes of marks; the wheel zooms, dragging moves, keys do both."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QColor,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from xolite_qt.journal import Entry, Kind
from xolite_qt.ui import format as fmt
from xolite_qt.ui import theme
from xolite_qt.ui.models.timeline import (
    ACCENTS,
    LANE_WORDS,
    LANES,
    Mark,
    marks_of,
    tick_words,
    ticks,
    words_of,
    zoomed,
)
from xolite_qt.ui.widgets.text import paint_focus, plain_tooltip

_LANE_PX, _AXIS_PX, _LABEL_PX, _RADIUS = 30, 26, 92, 5.0


class TimeLine(QWidget):
    """Entries of a journal over a span of time.

    Signals:
        span_changed: another span is shown.
            args: first and last second since 1970.
        chosen: a mark was clicked, or reached by key.
            arg: its entries, a tuple.
        pointed: the pointer is over a moment.
            arg: seconds since 1970, or None when it left.
    """

    accessible_role = QAccessible.Role.Chart

    span_changed = Signal(float, float)
    chosen = Signal(object)
    pointed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        now = time.time()
        self._span = (now - 86400.0, now)
        self._entries: tuple[Entry, ...] = ()
        self._marks: dict[Kind, list[Mark]] = {}
        self._chosen: Mark | None = None
        self._drag: tuple[float, tuple[float, float]] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(len(LANES) * _LANE_PX + _AXIS_PX)
        self._tell()
        theme.changed().connect(self._dress)

    def _dress(self) -> None:
        # A method, not a lambda: the signal would keep what a lambda holds for ever.
        self.update()

    def sizeHint(self) -> QSize:
        """Override QWidget::sizeHint."""
        return QSize(600, self.height())

    # ------------------------------------------------------------------ what is shown

    @property
    def span(self) -> tuple[float, float]:
        """First and last second since 1970."""
        return self._span

    def set_span(self, first: float, last: float) -> None:
        """Show another span."""
        if (first, last) != self._span and last > first:
            self._span = (first, last)
            self._place()
            self.span_changed.emit(first, last)

    def set_entries(self, entries: Sequence[Entry]) -> None:
        """Show entries, oldest first; the chosen mark stays chosen while it is there."""
        self._entries = tuple(entries)
        self._place()

    def marks(self) -> list[Mark]:
        """All marks in sight, by time."""
        found = [mark for lane in self._marks.values() for mark in lane]
        return sorted(found, key=lambda mark: mark.x)

    @property
    def _width(self) -> float:
        return max(1.0, float(self.width() - _LABEL_PX - 8))

    def _place(self) -> None:
        self._marks = marks_of(self._entries, self._span, self._width)
        if self._chosen is not None:
            keys = {entry.key for entry in self._chosen.entries}
            self._chosen = next(
                (m for m in self.marks() if keys & {entry.key for entry in m.entries}), None
            )
        self._tell()
        self.update()

    def _tell(self) -> None:
        first, last = self._span
        seen = sum(1 for entry in self._entries if first <= entry.at_s <= last)
        entries = fmt.plural(seen, "entry", "entries")
        name = f"Time line, {entries} from {fmt.moment(first)} to {fmt.moment(last)}"
        self.setAccessibleName(name)
        self.setAccessibleDescription(words_of(self._chosen) if self._chosen else "")

    # ------------------------------------------------------------------ drawing

    def resizeEvent(self, event: object) -> None:
        """Override QWidget::resizeEvent."""
        self._place()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Override QWidget::paintEvent."""
        now = theme.current()
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setFont(theme.font("small"))
            self._paint_axis(painter, now)
            for number, kind in enumerate(LANES):
                self._paint_lane(painter, number, kind)
            if self.hasFocus():
                paint_focus(painter, self)

    def _paint_axis(self, painter: QPainter, now: theme.Theme) -> None:
        first, last = self._span
        top = len(LANES) * _LANE_PX
        offset_s = float(-time.altzone if time.localtime(last).tm_isdst > 0 else -time.timezone)
        moments = ticks(self._span, self._width, offset_s)
        step = moments[1] - moments[0] if len(moments) > 1 else last - first
        for moment in moments:
            x = self._x(moment)
            painter.setPen(QPen(QColor(now.border), 1))
            painter.drawLine(QPointF(x, 0), QPointF(x, top))
            painter.setPen(theme.color("secondary"))
            box = QRectF(x - 60, top, 120, _AXIS_PX)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, tick_words(moment, step))

    def _paint_lane(self, painter: QPainter, number: int, kind: Kind) -> None:
        middle = number * _LANE_PX + _LANE_PX / 2
        painter.setPen(QPen(QColor(theme.current().border), 1))
        painter.drawLine(QPointF(_LABEL_PX, middle), QPointF(self.width() - 8, middle))
        painter.setPen(theme.color("secondary"))
        label = QRectF(8, number * _LANE_PX, _LABEL_PX - 12, _LANE_PX)
        painter.drawText(label, Qt.AlignmentFlag.AlignVCenter, LANE_WORDS[kind])
        for mark in self._marks.get(kind, ()):
            self._paint_mark(painter, mark, middle)

    def _paint_mark(self, painter: QPainter, mark: Mark, middle: float) -> None:
        colour = theme.color(f"{ACCENTS[min(mark.severity, 3)]}-item")
        spot = QPointF(_LABEL_PX + mark.x, middle)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        radius = _RADIUS if len(mark.entries) == 1 else _RADIUS + 2
        if mark.severity >= 2:
            # Colour is never alone: what is bad has another shape.
            painter.drawPolygon(
                [
                    QPointF(spot.x(), spot.y() - radius - 1),
                    QPointF(spot.x() + radius + 1, spot.y() + radius),
                    QPointF(spot.x() - radius - 1, spot.y() + radius),
                ]
            )
        else:
            painter.drawEllipse(spot, radius, radius)
        if mark is self._chosen:
            painter.setPen(QPen(theme.color("brand"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(spot, radius + 4, radius + 4)

    def _x(self, moment: float) -> float:
        first, last = self._span
        return _LABEL_PX + (moment - first) * self._width / (last - first)

    def _moment(self, x: float) -> float:
        first, last = self._span
        return first + (x - _LABEL_PX) * (last - first) / self._width

    def mark_at(self, place: QPointF) -> Mark | None:
        """The mark under a point, or None."""
        lane = int(place.y() // _LANE_PX)
        if not 0 <= lane < len(LANES):
            return None
        near = [
            mark
            for mark in self._marks.get(LANES[lane], ())
            if abs(_LABEL_PX + mark.x - place.x()) <= _RADIUS + 4
        ]
        return min(near, key=lambda mark: abs(_LABEL_PX + mark.x - place.x()), default=None)

    # ------------------------------------------------------------------ pointer and keys

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Override QWidget::wheelEvent: zooms around the pointer; sideways moves."""
        delta = event.angleDelta()
        if abs(delta.x()) > abs(delta.y()):
            self._move(-delta.x() / 120 * 0.1)
        elif delta.y():
            around = self._moment(event.position().x())
            self.set_span(*zoomed(self._span, 0.8 ** (delta.y() / 120), around))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Override QWidget::mousePressEvent."""
        if event.button() is Qt.MouseButton.LeftButton:
            mark = self.mark_at(event.position())
            if mark is not None:
                self._choose(mark)
            else:
                self._drag = (event.position().x(), self._span)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Override QWidget::mouseMoveEvent."""
        if self._drag is not None:
            begun, (first, last) = self._drag
            moved = (begun - event.position().x()) * (last - first) / self._width
            self.set_span(first + moved, last + moved)
        self.pointed.emit(self._moment(event.position().x()))

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Override QWidget::mouseReleaseEvent."""
        self._drag = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Override QWidget::mouseDoubleClickEvent: zooms in."""
        self.set_span(*zoomed(self._span, 0.5, self._moment(event.position().x())))

    def leaveEvent(self, event: QEvent) -> None:
        """Override QWidget::leaveEvent."""
        super().leaveEvent(event)
        self.pointed.emit(None)

    def event(self, event: QEvent) -> bool:
        """Override QWidget::event: tooltips of marks."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            mark = self.mark_at(QPointF(event.pos()))
            if mark is not None:
                QToolTip.showText(event.globalPos(), plain_tooltip(words_of(mark)), self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Override QWidget::keyPressEvent."""
        match event.key():
            case Qt.Key.Key_Left:
                self._step(-1)
            case Qt.Key.Key_Right:
                self._step(1)
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self.set_span(*zoomed(self._span, 0.5))
            case Qt.Key.Key_Minus:
                self.set_span(*zoomed(self._span, 2.0))
            case Qt.Key.Key_PageUp:
                self._move(-0.5)
            case Qt.Key.Key_PageDown:
                self._move(0.5)
            case _:
                super().keyPressEvent(event)

    def _move(self, part: float) -> None:
        first, last = self._span
        moved = (last - first) * part
        self.set_span(first + moved, last + moved)

    def _step(self, by: int) -> None:
        marks = self.marks()
        if not marks:
            return
        at = marks.index(self._chosen) + by if self._chosen in marks else (0 if by > 0 else -1)
        self._choose(marks[max(-1, min(at, len(marks) - 1)) if at >= 0 or by > 0 else -1])

    def _choose(self, mark: Mark) -> None:
        self._chosen = mark
        self._tell()
        self.update()
        self.chosen.emit(mark.entries)
