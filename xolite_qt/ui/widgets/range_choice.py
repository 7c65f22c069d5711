"""The choice of how far back charts look."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QWidget

from xolite_qt.ui.widgets.button import Button

__all__ = ["RANGES", "RangeChoice"]

RANGES: dict[str, tuple[str, int]] = {
    "10min": ("10 min", 600),
    "2h": ("2 h", 7_200),
    "1week": ("1 week", 7 * 86_400),
    "1year": ("1 year", 365 * 86_400),
}
"""Per id: its words and its length in seconds; the archives that a host keeps."""


class RangeChoice(QWidget):
    """Four buttons of which one is pressed; arrow keys move between them."""

    chosen = Signal(str)
    """Id of the new range, only when it changed."""

    def __init__(self, current: str = "10min") -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, Button] = {}
        for name, (words, _seconds) in RANGES.items():
            button = Button(self.tr(words), "tertiary", small=True)
            button.setCheckable(True)
            button.setProperty("segment", True)
            self._group.addButton(button)
            self._buttons[name] = button
            row.addWidget(button)
            button.clicked.connect(lambda _on=False, name=name: self.set_current(name))
        self.setAccessibleName(self.tr("Time range"))
        self._current = ""
        self.set_current(current)

    def current(self) -> str:
        """Id of the chosen range."""
        return self._current

    def seconds(self) -> int:
        """Length of the chosen range."""
        return RANGES[self._current][1]

    def set_current(self, name: str) -> None:
        """Choose a range.

        Raises:
            KeyError: no such range.
        """
        self._buttons[name].setChecked(True)
        # Tab comes to the chosen one, wherever the focus was before.
        for ident, button in self._buttons.items():
            chosen = ident == name
            button.setFocusPolicy(
                Qt.FocusPolicy.StrongFocus if chosen else Qt.FocusPolicy.ClickFocus
            )
        if name != self._current:
            first, self._current = not self._current, name
            if not first:
                self.chosen.emit(name)

    def button(self, name: str) -> Button:
        """The button of a range.

        Raises:
            KeyError: no such range.
        """
        return self._buttons[name]
