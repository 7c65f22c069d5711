"""A large number under a small caption."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from xolite_qt.ui.widgets.text import TextLabel, Tone

__all__ = ["Stat"]


class Stat(QWidget):
    """A figure that a card ends with, such as "Total used" and "86 GiB"."""

    def __init__(self, caption: str, value: str = "") -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        self._caption = TextLabel(caption, kind="caption-small", tone="secondary", elide=True)
        self._value = TextLabel(value, kind="h5", elide=True)
        column.addWidget(self._caption)
        column.addWidget(self._value)
        self.set_value(value)

    def set_value(self, value: str, tone: Tone = "txt") -> None:
        """Show another figure."""
        self._value.set_text(value)
        self._value.set_tone(tone)
        self.setAccessibleName(f"{self._caption.text()}: {value}")

    def value(self) -> str:
        """The figure."""
        return self._value.text()
