"""The bar over a console."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from xolite_qt.ui.widgets import Button, IconButton, TextLabel


class ConsoleBar(QWidget):
    """Buttons at the left, a note at the right.

    Attributes:
        note: which key gives the keyboard back.
        buttons: all that were added, by name.
    """

    def __init__(self) -> None:
        super().__init__()
        self.buttons: dict[str, Button | IconButton] = {}
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(8, 6, 8, 6)
        self._row.setSpacing(6)
        self._row.addStretch(1)
        self.note = TextLabel(kind="small", tone="secondary", elide=True)
        self._row.addWidget(self.note)

    def add(self, name: str, button: Button | IconButton) -> None:
        """Appends a button; `name` is how tests and others find it."""
        button.setObjectName(f"console.{name}")
        self.buttons[name] = button
        self._row.insertWidget(self._row.count() - 2, button)

    def add_menu(self, name: str, text: str, menu: QMenu) -> Button:
        """Appends a button that opens a menu."""
        button = Button(text, "secondary", small=True, menu=menu)
        self.add(name, button)
        return button

    def set_reason(self, names: tuple[str, ...], reason: str | None) -> None:
        """Disables some buttons with the reason, or enables them again."""
        for name in names:
            self.buttons[name].set_reason(reason)
