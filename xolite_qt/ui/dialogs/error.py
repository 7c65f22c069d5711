"""An error with its details, to read and to copy."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from xolite_qt.ui import theme
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.errors import Explained
from xolite_qt.ui.widgets.text import TextLabel


class ErrorDialog(Dialog):
    """Summary, advice, and the host's own words below."""

    def __init__(self, title: str, explained: Explained, parent: QWidget | None = None) -> None:
        super().__init__(title, icon="danger", accent="danger", parent=parent)
        self.body.addWidget(TextLabel(explained.summary, kind="body-bold", wrap=True))
        if explained.advice:
            self.body.addWidget(TextLabel(explained.advice, wrap=True))
        text = QPlainTextEdit(explained.details)
        text.setReadOnly(True)
        text.setFont(theme.mono_font(12))
        text.setAccessibleName(self.tr("Details"))
        lines = min(14, max(3, explained.details.count("\n") + 1))
        text.setFixedHeight(text.fontMetrics().lineSpacing() * lines + 28)
        if explained.details:
            self.body.addWidget(TextLabel(self.tr("Details"), tone="secondary"))
            self.body.addWidget(text)
        self.body.addStretch(1)
        copy = self.add_button(self.tr("Copy"))
        copy.clicked.connect(
            lambda: QGuiApplication.clipboard().setText(f"{explained.summary}\n{explained.details}")
        )
        close = self.add_button(self.tr("Close"), "primary", default=True)
        close.clicked.connect(self.accept)
        close.setFocus()
