"""A short message over a picture that is not live."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from xolite_qt.ui import theme
from xolite_qt.ui.widgets import Spinner, TextLabel


class Veil(QWidget):
    """A box in the middle of another widget: a turning arc and one sentence."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self._over = over
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 12, 16, 12)
        row.setSpacing(12)
        row.addWidget(Spinner(20), 0, Qt.AlignmentFlag.AlignVCenter)
        self.label = TextLabel(kind="body-bold")
        row.addWidget(self.label)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        over.installEventFilter(self)
        self.hide()

    def say(self, text: str) -> None:
        """Shows a sentence; "" hides the box."""
        self.label.set_text(text)
        self.setAccessibleName(text)
        self.setVisible(bool(text))
        if text:
            self._place()
            self.raise_()

    def text(self) -> str:
        """The sentence; "" while hidden."""
        return self.label.text() if not self.isHidden() else ""

    def _place(self) -> None:
        self.adjustSize()
        room = self._over.rect()
        self.move((room.width() - self.width()) // 2, (room.height() - self.height()) // 2)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Override QObject::eventFilter: stays in the middle."""
        if watched is self._over and event.type() is QEvent.Type.Resize and not self.isHidden():
            self._place()
        return False

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Override QWidget::paintEvent."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.color("border"))
        painter.setBrush(theme.color("bg"))
        painter.drawRoundedRect(self.rect().toRectF().adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
