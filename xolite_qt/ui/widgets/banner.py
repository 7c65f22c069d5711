"""A message bar that stands where its cause is."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QAccessible, QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from xolite_qt.ui import theme
from xolite_qt.ui.widgets.badges import IconLabel
from xolite_qt.ui.widgets.button import Button, IconButton
from xolite_qt.ui.widgets.hero import Spinner
from xolite_qt.ui.widgets.text import TextLabel

__all__ = ["Banner"]

_ICONS = {"info": "info", "success": "success", "warning": "warning", "danger": "danger"}


class Banner(QWidget):
    """One line in the colours of its meaning, with an action where there is one.

    Hidden until `show_message`. `closed` tells that the user sent it away.
    """

    accessible_role = QAccessible.Role.AlertMessage

    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.accent = "info"
        self._on_action: Callable[[], object] | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 6, 8, 6)
        row.setSpacing(12)
        self._spinner = Spinner(18)
        self._icon = IconLabel("info", 18, color="info")
        self._text = TextLabel(wrap=True, selectable=True)
        self._button = Button("", "tertiary", small=True)
        self._button.clicked.connect(self._act)
        self._close = IconButton("close", self.tr("Dismiss"), self._dismiss, color="txt", size=14)
        row.addWidget(self._spinner)
        row.addWidget(self._icon)
        row.addWidget(self._text, 1)
        row.addWidget(self._button)
        row.addWidget(self._close)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        theme.changed().connect(self._dress)
        self.hide()

    def _dress(self, _theme: object) -> None:
        self.update()

    def show_message(
        self,
        text: str,
        accent: str = "info",
        *,
        action: str = "",
        on_action: Callable[[], object] | None = None,
        busy: bool = False,
        closable: bool = False,
    ) -> None:
        """Say something; calling again replaces what was said.

        Args:
            accent: info, success, warning or danger.
            busy: a turning arc instead of the icon, for what goes on by itself.
            closable: the user may send it away.
        """
        self.accent = accent
        self._text.set_text(text)
        self._icon.set_icon(_ICONS[accent], color=accent)
        self._icon.setVisible(not busy)
        self._spinner.setVisible(busy)
        self._button.setText(action)
        self._button.setVisible(bool(action))
        self._on_action = on_action
        self._close.setVisible(closable)
        self.setAccessibleName(text)
        self.update()
        self.show()

    def clear(self) -> None:
        """Say nothing."""
        self.hide()

    def text(self) -> str:
        """What is said."""
        return self._text.text()

    def _act(self) -> None:
        if self._on_action is not None:
            self._on_action()

    def _dismiss(self) -> None:
        self.hide()
        self.closed.emit()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw ground and lower line."""
        accent = theme.current().accent(self.accent)
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(accent.bg))
        painter.fillRect(QRectF(0, self.height() - 1, self.width(), 1), QColor(accent.txt))
