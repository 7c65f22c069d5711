"""A certificate's fingerprint, laid out to be compared by eye."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import (
    QAccessible,
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from xolite_qt.ui import theme
from xolite_qt.ui.widgets.text import set_tooltip

_COLUMNS = 8
_MARGIN = 10


class FingerprintView(QWidget):
    """Eight bytes a line, each in a cell of the same width whatever the font; Ctrl+C copies all."""

    accessible_role = QAccessible.Role.StaticText

    def __init__(self, fingerprint: str, says: str, *, accent: str = "") -> None:
        """Shows a fingerprint.

        Args:
            fingerprint: "AA:BB:…".
            says: what it is, for screen readers: "Shown now".
            accent: of the ground; empty for the plain one.
        """
        super().__init__()
        self.fingerprint = fingerprint.upper()
        self._parts = self.fingerprint.split(":")
        self._accent = accent
        self.setAccessibleName(says)
        self.setAccessibleDescription(self.fingerprint)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        set_tooltip(self, self.tr("Ctrl+C copies it"))

    def _cell(self) -> QSize:
        metrics = QFontMetrics(theme.mono_font(14))
        return QSize(metrics.horizontalAdvance("DD") + 8, metrics.height() + 6)

    def sizeHint(self) -> QSize:
        """Override QWidget::sizeHint."""
        cell = self._cell()
        rows = -(-len(self._parts) // _COLUMNS)
        return QSize(cell.width() * _COLUMNS + 2 * _MARGIN, cell.height() * rows + 2 * _MARGIN - 6)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Override QWidget::paintEvent."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.color("brand" if self.hasFocus() else self._accent or "border"))
        painter.setBrush(theme.color(f"{self._accent}-bg" if self._accent else "page"))
        painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), 6, 6)
        painter.setPen(theme.color("txt"))
        painter.setFont(theme.mono_font(14))
        cell = self._cell()
        for at, part in enumerate(self._parts):
            row, column = divmod(at, _COLUMNS)
            box = QRect(
                _MARGIN + column * cell.width(),
                _MARGIN - 3 + row * cell.height(),
                cell.width(),
                cell.height(),
            )
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, part)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Override QWidget::keyPressEvent."""
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self.fingerprint)
            return
        super().keyPressEvent(event)
