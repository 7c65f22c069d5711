"""A field that searches while one types."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit

from xolite_qt.ui.icons import icon

__all__ = ["SearchField"]


class SearchField(QLineEdit):
    """A line with a magnifying glass and a button to empty it; Esc empties it too.

    Args:
        placeholder: also its accessible name.
        delay_ms: pause in typing after which `searched` is emitted.
    """

    searched = Signal(str)
    """The text, once typing paused; at once when it was emptied or Enter was pressed."""
    down_pressed = Signal()
    """The Down key: whoever shows the results may take the focus."""

    def __init__(self, placeholder: str = "", *, delay_ms: int = 120, dense: bool = False) -> None:
        super().__init__()
        self._told = ""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(delay_ms)
        self._timer.timeout.connect(self._tell)
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(placeholder)
        self.setClearButtonEnabled(True)
        self.setMaxLength(500)
        if dense:
            self.setProperty("dense", True)
        self.addAction(icon("search", "secondary"), QLineEdit.ActionPosition.LeadingPosition)
        self.textChanged.connect(self._typed)
        self.returnPressed.connect(self._tell)

    def _typed(self, text: str) -> None:
        if text:
            self._timer.start()
        else:
            self._tell()

    def _tell(self) -> None:
        self._timer.stop()
        text = self.text().strip()
        if text != self._told:
            self._told = text
            self.searched.emit(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc empties, Down goes to the results."""
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
            return
        if event.key() == Qt.Key.Key_Down:
            self._tell()
            self.down_pressed.emit()
            return
        super().keyPressEvent(event)
