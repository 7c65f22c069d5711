"""Names of where reports go; the addresses behind them are secrets and live in the keyring."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from xolite_qt.ui.dialogs.backups.tick_list import TickList
from xolite_qt.ui.models.backup_checks import Tickable
from xolite_qt.ui.widgets.button import Button
from xolite_qt.ui.widgets.text import TextLabel


class ReportTargets(QWidget):
    """Ticks of the known targets, and two fields for a new one.

    Signals:
        changed: another choice.

    Args:
        chosen: names that the job has.
        known: all names that there are addresses for.
    """

    changed = Signal()

    def __init__(self, chosen: Sequence[str], known: Sequence[str]) -> None:
        super().__init__()
        self.addresses: dict[str, str] = {}
        """New ones, by name: to be stored in the keyring before the job is saved."""
        self._known = list(dict.fromkeys((*known, *chosen)))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.list = TickList(self.tr("Where reports go"), rows=2)
        column.addWidget(self.list)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.name = QLineEdit()
        self.name.setPlaceholderText(self.tr("Name, such as ops mail"))
        self.name.setAccessibleName(self.tr("Name of a new target"))
        self.name.setMaxLength(80)
        self.address = QLineEdit()
        self.address.setPlaceholderText("mailto://user:password@example.org")
        self.address.setAccessibleName(self.tr("Apprise address of a new target"))
        self.address.setEchoMode(QLineEdit.EchoMode.PasswordEchoOnEdit)
        self.add = Button(self.tr("Add"), icon="plus", small=True, on_click=self.take)
        row.addWidget(self.name, 2)
        row.addWidget(self.address, 3)
        row.addWidget(self.add)
        column.addLayout(row)
        self.trouble = TextLabel(kind="small", tone="danger", wrap=True)
        self.trouble.hide()
        column.addWidget(self.trouble)
        self.list.model.set_ticks(chosen)
        self._show()
        self.list.ticked.connect(self.changed)
        for field in (self.name, self.address):
            field.textChanged.connect(self._typed)
            field.returnPressed.connect(self.take)
        self._typed()

    def names(self) -> tuple[str, ...]:
        """Chosen targets."""
        return self.list.model.ticks()

    def problem(self) -> str:
        """A target that was typed but not added would be lost."""
        if self.address.text().strip():
            return self.tr("Add the report target that you typed, or empty its fields.")
        return ""

    def take(self) -> None:
        """Adds what was typed."""
        name, address = self.name.text().strip(), self.address.text().strip()
        trouble = ""
        if not name:
            trouble = self.tr("Give the target a name.")
        elif "://" not in address:
            trouble = self.tr("An address looks like mailto://… or https://….")
        self.trouble.set_text(trouble)
        self.trouble.setVisible(bool(trouble))
        if trouble:
            return
        self.addresses[name] = address
        if name not in self._known:
            self._known.append(name)
        self.name.clear()
        self.address.clear()
        self._show()
        self.list.model.set_ticks(dict.fromkeys((*self.list.model.ticks(), name)))
        self.changed.emit()

    def _typed(self) -> None:
        typed = self.name.text().strip() or self.address.text().strip()
        self.add.set_reason(None if typed else self.tr("Type a name and an address first."))
        self.trouble.hide()
        self.changed.emit()

    def _show(self) -> None:
        self.list.model.set_lines([Tickable(name, name, icon="send") for name in self._known])
        self.list.setVisible(bool(self._known))
