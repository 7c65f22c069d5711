"""The calls that an action makes, before it makes them: as `xe`, as Python, to copy and to keep."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from xolite_qt.ui import theme
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.rehearsal import PlannedCall
from xolite_qt.ui.scripts import Names, as_python, as_xe
from xolite_qt.ui.widgets.tabs import Tabs
from xolite_qt.ui.widgets.text import TextLabel


class CallsDialog(Dialog):
    """Shows calls as scripts; nothing has been done when it opens.

    Args:
        title: what the calls are for: "Force shut down web-1".
        calls: of a rehearsal.
        names: what their references are.
        verb: the word on the button that goes on; "" where there is nothing to go on with.
        about: what the calls are, where they are not planned ones.
    """

    def __init__(
        self,
        title: str,
        calls: Sequence[PlannedCall],
        names: Names,
        *,
        verb: str = "",
        about: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(title, icon="console", width=760, parent=parent)
        self.scripts = {"xe": as_xe(calls, names), "python": as_python(calls, names)}
        if not about:
            about = self.tr("Nothing has been done yet. These calls would be made, in this order.")
        self.body.addWidget(TextLabel(about, tone="secondary", wrap=True))
        self.tabs = Tabs(says=self.tr("Script language"))
        self.tabs.add("xe", "xe")
        self.tabs.add("python", "Python")
        self.body.addWidget(self.tabs)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setFont(theme.mono_font(12))
        self.text.setAccessibleName(self.tr("Script"))
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        lines = max(script.count("\n") for script in self.scripts.values()) + 2
        self.text.setMinimumHeight(self.text.fontMetrics().lineSpacing() * min(lines, 20) + 28)
        self.body.addWidget(self.text, 1)
        self.tabs.selected.connect(self._show)
        self.copy = self.add_button(self.tr("Copy script"))
        self.copy.clicked.connect(self._copy)
        if verb:
            self.cancel = self.add_button(self.tr("Cancel"))
            self.cancel.clicked.connect(self.reject)
            self.go = self.add_button(verb, "primary")
            self.go.clicked.connect(self.accept)
        else:
            self.cancel = self.add_button(self.tr("Close"), "primary", default=True)
            self.cancel.clicked.connect(self.reject)
        self._show("xe")

    def _show(self, which: str) -> None:
        self.text.setPlainText(self.scripts[which])

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.scripts[self.tabs.current()])
        self.copy.setText(self.tr("Copied"))
