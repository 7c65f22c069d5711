"""A calendar of backups: one square a day, filled where what was made that day is still kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QAccessible, QColor, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui import theme
from xolite_qt.ui.models.backup_keep import KeptDay
from xolite_qt.ui.widgets.text import plain_tooltip

__all__ = ["KeptStrip", "Legend"]

_CELL_PX = 11
_GAP_PX = 2
_TOP_PX = 18
_SIDE_PX = 30
_REST_PX = 4


_COLOURS = {
    "last": "brand-item",
    "daily": "info-item",
    "weekly": "success-item",
    "monthly": "warning-item",
    "yearly": "danger-item",
}
WHY_WORDS = {
    "last": "newest",
    "daily": "daily",
    "weekly": "weekly",
    "monthly": "monthly",
    "yearly": "yearly",
}


class KeptStrip(QWidget):
    """Weeks from left to right, Monday on top, today at the right end."""

    accessible_role = QAccessible.Role.Chart

    def __init__(self) -> None:
        super().__init__()
        self._days: dict[date, KeptDay] = {}
        self._first = date(2000, 1, 3)
        self._weeks = 1
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("What would be kept"))
        theme.changed().connect(self._dress)

    def _dress(self, _theme: object) -> None:
        self.update()

    def set_days(self, days: Sequence[KeptDay], today: date) -> None:
        """Show these days; the last column is the week of `today`."""
        self._days = {day.day: day for day in days}
        oldest = min((day.day for day in days), default=today)
        weeks = (today - oldest).days // 7 + 2
        self._weeks = max(8, min(54, weeks))
        monday = today - timedelta(days=today.weekday())
        self._first = monday - timedelta(weeks=self._weeks - 1)
        kept = sum(day.kept for day in days)
        self.setAccessibleDescription(fmt.plural(kept, "backup kept", "backups kept"))
        self.updateGeometry()
        self.update()

    # ------------------------------------------------------------------ place

    def sizeHint(self) -> QSize:
        """Seven rows, and the names of months above."""
        step = _CELL_PX + _GAP_PX
        return QSize(_SIDE_PX + self._weeks * step, _TOP_PX + 7 * step + _REST_PX)

    def minimumSizeHint(self) -> QSize:
        """The newest weeks, where there is no room for all."""
        return QSize(240, self.sizeHint().height())

    def _step(self) -> int:
        room = (self.width() - _SIDE_PX) // self._weeks
        return max(_CELL_PX + _GAP_PX, min(room, 18))

    def _shown(self) -> tuple[int, int]:
        """(number of the first week shown, weeks shown)."""
        weeks = min(self._weeks, max(1, (self.width() - _SIDE_PX) // self._step()))
        return self._weeks - weeks, weeks

    def _box(self, week: int, weekday: int) -> QRect:
        first, _weeks = self._shown()
        step = self._step()
        height = _CELL_PX + _GAP_PX
        return QRect(
            _SIDE_PX + (week - first) * step, _TOP_PX + weekday * height, step - _GAP_PX, _CELL_PX
        )

    def _day_at(self, place: QPoint) -> KeptDay | None:
        for day in self._days.values():
            delta = (day.day - self._first).days
            if delta >= 0 and self._box(delta // 7, delta % 7).contains(place):
                return day
        return None

    # ------------------------------------------------------------------ Qt

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Override QWidget::paintEvent."""
        now = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("small"))
        painter.setPen(QColor(now.secondary))
        height = _CELL_PX + _GAP_PX
        for weekday, word in ((0, "Mon"), (3, "Thu"), (6, "Sun")):
            box = QRect(0, _TOP_PX + weekday * height - 2, _SIDE_PX - 4, height + 2)
            painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter), word)
        first, weeks = self._shown()
        month_end = -40
        for week in range(first, first + weeks):
            monday = self._first + timedelta(weeks=week)
            box = self._box(week, 0)
            # The month is named over the week in which it begins.
            if monday.day <= 7 and box.left() - month_end > 34:
                painter.setPen(QColor(now.secondary))
                painter.drawText(
                    QRect(box.left(), 0, 60, _TOP_PX - 3),
                    int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft),
                    f"{monday:%b}",
                )
                month_end = box.left()
            for weekday in range(7):
                self._paint_day(painter, week, weekday)

    def _paint_day(self, painter: QPainter, week: int, weekday: int) -> None:
        now = theme.current()
        day = self._days.get(self._first + timedelta(days=week * 7 + weekday))
        box = self._box(week, weekday)
        painter.setPen(Qt.PenStyle.NoPen)
        if day is not None and day.kept:
            painter.setBrush(theme.color(_COLOURS.get(day.why, "brand-item")))
            painter.drawRoundedRect(box, 2, 2)
            return
        painter.setBrush(QColor(now.track))
        if day is None:
            # Nothing was made: a dot keeps the grid readable.
            side = 3
            painter.drawEllipse(box.center().x() - 1, box.center().y() - 1, side, side)
        else:
            painter.drawRoundedRect(box, 2, 2)

    def event(self, event: QEvent) -> bool:
        """Override QWidget::event: what happened on a day."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            day = self._day_at(event.pos())
            if day is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), plain_tooltip(_told(day)), self)
            return True
        return super().event(event)


def _told(day: KeptDay) -> str:
    made = fmt.plural(day.made, "backup", "backups")
    if not day.kept:
        return f"{day.day:%a %Y-%m-%d}\n{made} made, none kept"
    return f"{day.day:%a %Y-%m-%d}\n{made} made, {day.kept} kept ({WHY_WORDS.get(day.why, '')})"


class Legend(QWidget):
    """What the colours of the strip mean; only those that occur."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[str, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFont(theme.font("small"))
        theme.changed().connect(self._dress)

    def _dress(self, _theme: object) -> None:
        self.update()

    def set_reasons(self, reasons: Sequence[str]) -> None:
        """Show these, in this order."""
        self._shown = tuple(reasons)
        words = [WHY_WORDS[why] for why in self._shown]
        self.setAccessibleName(", ".join((*words, "gone")))
        self.update()

    def sizeHint(self) -> QSize:
        """One line."""
        return QSize(320, 20)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Override QWidget::paintEvent."""
        now = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left = _SIDE_PX
        entries = [(WHY_WORDS[why], theme.color(_COLOURS[why])) for why in self._shown]
        entries.append(("gone", QColor(now.track)))
        for text, colour in entries:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawRoundedRect(left, 5, _CELL_PX, _CELL_PX, 2, 2)
            painter.setPen(QColor(now.secondary))
            width = painter.fontMetrics().horizontalAdvance(text)
            painter.drawText(
                QRect(left + 17, 0, width + 4, 20), int(Qt.AlignmentFlag.AlignVCenter), text
            )
            left += 17 + width + 18
