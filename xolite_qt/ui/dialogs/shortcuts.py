"""What the keys do."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QWidget

from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.widgets.text import TextLabel

SHORTCUTS = (
    ("Ctrl+K", "Find any object and any action"),
    ("Ctrl+F", "Filter the tree"),
    ("Ctrl+1 … Ctrl+9", "Go to a tab"),
    ("Ctrl+J", "Open or close the task drawer"),
    ("Ctrl+C", "Copy the selected rows or cells"),
    ("F5", "Try to reconnect now"),
    ("F11", "A console in full screen, and back"),
    ("Right Ctrl", "Take the keyboard back from a console"),
    ("Ctrl+,", "Settings"),
    ("F1 or ?", "This list"),
    ("Ctrl+Q", "Quit"),
    ("Delete", "Forget the chosen host on the start page"),
    ("Arrows, Enter", "Move and open in the tree and in tables"),
    ("Esc", "Close a dialog; cancel a connection attempt"),
)


class ShortcutsDialog(Dialog):
    """The list of shortcuts."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Keyboard shortcuts", icon="keyboard", width=480, parent=parent)
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(10)
        for row, (keys, what) in enumerate(SHORTCUTS):
            grid.addWidget(TextLabel(keys, kind="body-bold"), row, 0)
            grid.addWidget(TextLabel(what, tone="secondary"), row, 1)
        grid.setColumnStretch(1, 1)
        self.body.addLayout(grid)
        self.body.addStretch(1)
        close = self.add_button(self.tr("Close"), "primary", default=True)
        close.clicked.connect(self.accept)
        close.setFocus()
