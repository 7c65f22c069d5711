"""The names of a chart's lines with their values; a click hides or shows a line."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy

from xolite_qt.ui import theme
from xolite_qt.ui.models.column import one_line
from xolite_qt.ui.widgets.text import paint_focus, set_tooltip, text_width

__all__ = ["LegendButton"]


class LegendButton(QAbstractButton):
    """A coloured dash, a name and a value; checked while its line is shown."""

    def __init__(self, name: str, color: str) -> None:
        super().__init__()
        self.setCheckable(True)
        self.setChecked(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFont(theme.font("small"))
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self._color = color
        self._dashed = False
        self._value = ""
        self._widest = 0
        self.set_name(name)
        theme.changed().connect(self._dress)

    def _dress(self, _theme: object) -> None:
        self.update()

    def set_name(self, name: str) -> None:
        """Change the line's name."""
        self.setText(one_line(name)[:60])
        self.setAccessibleName(self.text())
        set_tooltip(self, self.tr("Show or hide %1").replace("%1", self.text()))

    def set_color(self, color: str) -> None:
        """Change the line's colour."""
        self._color = color
        self.update()

    def set_dashed(self, dashed: bool) -> None:
        """Whether the line is drawn with dashes."""
        self._dashed = dashed
        self.update()

    def set_value(self, value: str) -> None:
        """Show the value under the cross-hair, or the last."""
        if value == self._value:
            return
        self._value = value
        self.setAccessibleDescription(value)
        width = text_width(self.font(), value)
        if width > self._widest:
            # Only ever grows, so that nothing jumps while the cross-hair moves.
            self._widest = width
            self.updateGeometry()
        self.update()

    @property
    def value(self) -> str:
        """The value shown."""
        return self._value

    def sizeHint(self) -> QSize:
        """Dash, name and the widest value so far."""
        words = text_width(self.font(), self.text())
        return QSize(22 + words + (8 + self._widest if self._widest else 0) + 8, 24)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it; hollow and grey while the line is hidden."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        now = theme.current()
        on = self.isChecked()
        dash = QRectF(4, self.height() / 2 - 4, 8, 8)
        painter.setPen(QColor(self._color))
        painter.setBrush(QColor(self._color) if on else Qt.BrushStyle.NoBrush)
        if self._dashed:
            for left in (3, 9):
                painter.drawRect(QRectF(left, self.height() / 2 - 1, 4, 2))
        else:
            painter.drawEllipse(dash)
        painter.setPen(QColor(now.txt if on else now.secondary))
        words = text_width(self.font(), self.text())
        side = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        painter.drawText(QRectF(18, 0, words + 4, self.height()), side, self.text())
        painter.setPen(QColor(now.secondary))
        if on:
            painter.drawText(
                QRectF(26 + words, 0, self._widest + 4, self.height()), side, self._value
            )
        if self.hasFocus():
            paint_focus(painter, self)
