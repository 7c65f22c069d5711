"""Where a host should send a crash dump to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLineEdit, QWidget

from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.dialogs.backups.form import Row
from xolite_qt.ui.dialogs.pool.edit_dialog import EditDialog
from xolite_qt.ui.models import crash_dumps
from xolite_qt.ui.models.crash_dumps import DumpRow
from xolite_qt.ui.widgets.text import TextLabel

if TYPE_CHECKING:
    from xolite_qt.ui.context import PageContext


class SendDumpDialog(EditDialog):
    """Asks for an address that the host, not this computer, can reach."""

    def __init__(self, context: PageContext, row: DumpRow, parent: QWidget | None = None) -> None:
        super().__init__(context, "Send crash dump", "Send", icon="send", parent=parent)
        self.row = row
        self.url = QLineEdit()
        self.url.setPlaceholderText("ftp://files.example.org/incoming/")
        self.form.add("Dump", TextLabel(crash_dumps.words(row)))
        self.url_row = self.form.add(
            "Address",
            self.url,
            hint="The host sends it itself, so it must reach this address. The dump holds parts of "
            "the host's memory: send it only to whom you trust.",
        )
        self.url.setFocus()

    def check(self) -> dict[Row, str]:
        """The address must be one that hosts send to."""
        problem = crash_dumps.upload_problem(self.url.text())
        return {self.url_row: problem} if problem else {}

    def deed(self) -> Deed | None:
        """Lets the host send it."""
        return crash_dumps.upload_deed(self.row, self.url.text().strip())
