"""The bar with an object's icon, name and actions."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from xolite_qt.ui.widgets.badges import IconLabel
from xolite_qt.ui.widgets.text import TextLabel

__all__ = ["HeadBar"]


class HeadBar(QFrame):
    """Icon with state disc, name, small marks beside it, actions at the right.

    Args:
        icon: the object's icon.
        title: its name.
    """

    def __init__(self, icon: str, title: str = "") -> None:
        super().__init__()
        self.setProperty("panel", "headbar")
        self.setMinimumHeight(56)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 16, 8)
        row.setSpacing(8)
        self.icon = IconLabel(icon, 22)
        self.title = TextLabel(title, kind="h4", elide=True)
        self._marks = QHBoxLayout()
        self._marks.setSpacing(8)
        self._actions = QHBoxLayout()
        self._actions.setSpacing(8)
        row.addWidget(self.icon)
        row.addSpacing(4)
        row.addWidget(self.title)
        row.addLayout(self._marks)
        row.addStretch(1)
        row.addLayout(self._actions)
        self.setAccessibleName(title)

    def set_object(self, icon: str, title: str, state: str | None = None) -> None:
        """Show another object or state."""
        self.icon.set_icon(icon, state=state)
        self.icon.setAccessibleName(state or "")
        self.title.set_text(title)
        self.setAccessibleName(self.title.text())

    def add_mark(self, widget: QWidget) -> None:
        """Put something small right after the name."""
        self._marks.addWidget(widget)

    def add_action(self, widget: QWidget) -> None:
        """Append a button at the right."""
        self._actions.addWidget(widget)
