"""What a form says about itself: that it works on it, or what went wrong, with all the words."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from xolite_qt.ui.widgets.badges import IconLabel
from xolite_qt.ui.widgets.button import Button
from xolite_qt.ui.widgets.hero import Spinner
from xolite_qt.ui.widgets.text import TextLabel


class Notice(QFrame):
    """A box with a summary, an advice, the system's own words, and one thing to do.

    Hidden until something is said.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("panel", "card")
        self._on_action: Callable[[], object] | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 12, 14, 12)
        row.setSpacing(10)
        self._spinner = Spinner(18)
        self._icon = IconLabel("danger", 18, color="danger")
        for sign in (self._spinner, self._icon):
            row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(4)
        self._summary = TextLabel(kind="body-bold", wrap=True, selectable=True)
        self._advice = TextLabel(wrap=True, selectable=True)
        self._details = TextLabel(kind="small", tone="secondary", wrap=True, selectable=True)
        self.button = Button("", "secondary", small=True)
        self.button.clicked.connect(self._act)
        for label in (self._summary, self._advice, self._details):
            column.addWidget(label)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        row.addLayout(column, 1)
        self.hide()

    def show_busy(self, text: str) -> None:
        """Something is being tried."""
        self._show(text, "", "", "", None, busy=True)

    def show_error(
        self,
        summary: str,
        advice: str = "",
        details: str = "",
        *,
        action: str = "",
        on_action: Callable[[], object] | None = None,
    ) -> None:
        """Something went wrong; `action` is the caption of a button that may help."""
        self._show(summary, advice, details, action, on_action, busy=False)

    def clear(self) -> None:
        """Says nothing."""
        self._summary.set_text("")
        self.hide()

    def text(self) -> str:
        """What is said, without the details."""
        return f"{self._summary.text()} {self._advice.text()}".strip()

    def _show(
        self,
        summary: str,
        advice: str,
        details: str,
        action: str,
        on_action: Callable[[], object] | None,
        *,
        busy: bool,
    ) -> None:
        self._on_action = on_action
        self.setProperty("accent", "" if busy else "danger")
        self.style().unpolish(self)
        self.style().polish(self)
        self._spinner.setVisible(busy)
        self._icon.setVisible(not busy)
        for label, text in (
            (self._summary, summary),
            (self._advice, advice),
            (self._details, details[:400]),
        ):
            label.set_text(text)
            label.setVisible(bool(text))
        self.button.setText(action)
        self.button.setVisible(bool(action))
        self.setAccessibleName(f"{summary} {advice}".strip())
        self.show()

    def _act(self) -> None:
        if self._on_action is not None:
            self._on_action()
