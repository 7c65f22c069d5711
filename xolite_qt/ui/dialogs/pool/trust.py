"""A certificate that the pool is to trust."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QFile, QIODevice
from PySide6.QtWidgets import QFileDialog, QLineEdit, QPlainTextEdit, QWidget

from xolite_qt.ui import theme
from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.dialogs.backups.form import Row
from xolite_qt.ui.dialogs.pool.edit_dialog import EditDialog
from xolite_qt.ui.models import certificates
from xolite_qt.ui.widgets.button import Button

if TYPE_CHECKING:
    from xolite_qt.ui.context import PageContext

_LARGEST_BYTES = 256 * 1024


class TrustDialog(EditDialog):
    """Asks for a name and the certificate's text; a file can be read into it.

    Args:
        pool_name: for messages.
        taken: names that are in use.
    """

    def __init__(
        self,
        context: PageContext,
        pool_name: str,
        taken: Iterable[str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(context, "Trust a certificate", "Trust", icon="certificate", parent=parent)
        self._pool_name = pool_name
        self._taken = tuple(taken)
        self.name = QLineEdit()
        self.name.setPlaceholderText("company-ca.pem")
        self.name.setMaxLength(100)
        self.pem = QPlainTextEdit()
        self.pem.setFont(theme.mono_font())
        self.pem.setPlaceholderText("-----BEGIN CERTIFICATE-----")
        self.pem.setTabChangesFocus(True)
        self.pem.setMinimumHeight(180)
        self.from_file = Button("Read file…", small=True, on_click=self.choose_file)
        self.name_row = self.form.add("Name", self.name)
        self.pem_row = self.form.add(
            "Certificate", self.pem, hint="PEM text of an authority. It goes to all hosts."
        )
        self.form.add("", self.from_file, narrow=True)
        self.name.setFocus()

    def choose_file(self) -> QFileDialog:
        """Asks for a file and reads it into the field."""
        dialog = QFileDialog(self, "Read certificate")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(["Certificates (*.pem *.crt *.cer)", "All files (*)"])
        dialog.fileSelected.connect(self._read)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog

    def _read(self, path: str) -> None:
        file = QFile(path)
        if not file.open(QIODevice.OpenModeFlag.ReadOnly):
            self.pem_row.set_problem(f"The file could not be read: {file.errorString()}")
            return
        data = bytes(file.read(_LARGEST_BYTES).data())
        file.close()
        try:
            text = data.decode("ascii")
        except UnicodeDecodeError:
            self.pem_row.set_problem("This file is no PEM text. Convert it first.")
            return
        self.pem.setPlainText(text)
        self.pem_row.set_problem("")
        if not self.name.text():
            self.name.setText(path.replace("\\", "/").rpartition("/")[2])

    def check(self) -> dict[Row, str]:
        """Each problem at its field; the host itself judges the certificate."""
        found = {
            self.name_row: certificates.name_problem(self.name.text().strip(), self._taken),
            self.pem_row: certificates.pem_problem(self.pem.toPlainText()),
        }
        return {row: problem for row, problem in found.items() if problem}

    def deed(self) -> Deed | None:
        """Lets all hosts trust it."""
        pem = self.pem.toPlainText().strip() + "\n"
        return certificates.install_ca_deed(self._pool_name, self.name.text().strip(), pem)
