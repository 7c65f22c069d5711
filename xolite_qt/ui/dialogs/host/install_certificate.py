"""A server certificate of one's own for a host: key, certificate and chain from PEM files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QFile, QIODevice
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QLineEdit, QWidget

from xolite_qt.ui.actions import Question
from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.dialogs.backups.form import Form, Row
from xolite_qt.ui.dialogs.pool.edit_dialog import EditDialog
from xolite_qt.ui.models import server_certificate
from xolite_qt.ui.models.server_certificate import CERTIFICATE, CHAIN, KEY, ServerCertificate
from xolite_qt.ui.widgets.banner import Banner
from xolite_qt.ui.widgets.button import Button
from xolite_qt.xen_api import Host

if TYPE_CHECKING:
    from xolite_qt.ui.context import PageContext

_LARGEST_BYTES = 256 * 1024
_HINTS = {
    KEY: "PEM, without a password. It is sent to this host only and kept nowhere else.",
    CERTIFICATE: "PEM. Of a file with the whole chain, the rest goes below.",
    CHAIN: "Certificates of the authorities in between; empty where there are none.",
}
_CAPTIONS = {KEY: "Private key", CERTIFICATE: "Certificate", CHAIN: "Chain"}


class PemField:
    """A text that comes from a file or from the clipboard; only its origin is on screen.

    Args:
        form: gets the row.
        what: `KEY`, `CERTIFICATE` or `CHAIN`.
        on_change: called after it holds another text.
    """

    def __init__(self, form: Form, what: str, on_change: Callable[[], object]) -> None:
        self.text = ""
        caption = _CAPTIONS[what]
        self._on_change = on_change
        self._filters = ["PEM files (*.pem *.crt *.cer *.key)", "All files (*)"]
        self.origin = QLineEdit()
        self.origin.setReadOnly(True)
        self.origin.setPlaceholderText("None yet")
        self.read = Button("Read file…", small=True, on_click=self.choose_file)
        self.read.setAccessibleName(f"Read file: {caption.lower()}")
        self.paste = Button("Paste", small=True, on_click=self.take_clipboard)
        self.paste.setAccessibleName(f"Paste {caption.lower()}")
        self.origin.setAccessibleName(caption)
        self.row: Row = form.add(caption, self.origin, self.read, self.paste, hint=_HINTS[what])

    def choose_file(self) -> QFileDialog:
        """Asks for a file and reads it."""
        dialog = QFileDialog(self.origin.window(), self.read.accessibleName())
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(self._filters)
        dialog.fileSelected.connect(self.read_file)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog

    def read_file(self, path: str) -> None:
        """Takes what a file holds."""
        file = QFile(path)
        if not file.open(QIODevice.OpenModeFlag.ReadOnly):
            self.row.set_problem(f"The file could not be read: {file.errorString()}")
            return
        data = bytes(file.read(_LARGEST_BYTES).data())
        file.close()
        try:
            text = data.decode("ascii")
        except UnicodeDecodeError:
            self.row.set_problem("This file is no PEM text. Convert it first.")
            return
        self.put(text, path.replace("\\", "/").rpartition("/")[2])

    def take_clipboard(self) -> None:
        """Takes what the clipboard holds."""
        text = QGuiApplication.clipboard().text()
        if text.strip():
            self.put(text, "from the clipboard")
        else:
            self.row.set_problem("The clipboard holds no text.")

    def put(self, text: str, origin: str) -> None:
        """Holds another text."""
        self.text = text
        self.origin.setText(origin)
        self.row.set_problem("")
        self._on_change()


class InstallCertificateDialog(EditDialog):
    """Reads the three, tells what they are, and checks them before they are sent.

    Args:
        host: that is to show the certificate.
        is_asked_here: whether this app's own connection goes to that host.
    """

    def __init__(
        self,
        context: PageContext,
        host: Host,
        *,
        is_asked_here: bool,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            context,
            f"Install a server certificate on {host.name_label}",
            "Install…",
            icon="certificate",
            parent=parent,
        )
        self._host, self._is_asked_here = host, is_asked_here
        self.warning = Banner()
        self.body.insertWidget(0, self.warning)
        if is_asked_here:
            self.warning.show_message(
                "This app has accepted the host's present certificate. Afterwards it is "
                "disconnected, and asks about the new one when you sign in again.",
                "warning",
            )
        self.fields = {
            what: PemField(self.form, what, partial(self._took, what)) for what in _CAPTIONS
        }

    def _took(self, what: str) -> None:
        if what == CERTIFICATE and not self.fields[CHAIN].text:
            first, rest = server_certificate.split(self.fields[CERTIFICATE].text)
            if rest:
                self.fields[CERTIFICATE].text = first
                self.fields[CHAIN].put(rest, f"of {self.fields[CERTIFICATE].origin.text()}")
        found, _problems = self._read()
        row = self.fields[CERTIFICATE].row
        if found is None:
            row.set_hint(_HINTS[CERTIFICATE])
            return
        warning = server_certificate.name_warning(found, self._host)
        about = f"For {found.subject}, valid until {found.ends:%Y-%m-%d}. "
        row.set_hint(f"{about}{warning}".strip(), "warning" if warning else "secondary")

    def _read(self) -> tuple[ServerCertificate | None, dict[str, str]]:
        texts = {what: field.text for what, field in self.fields.items()}
        return server_certificate.read(texts[KEY], texts[CERTIFICATE], texts[CHAIN])

    def check(self) -> dict[Row, str]:
        """Each problem at its field."""
        _found, problems = self._read()
        return {self.fields[what].row: problem for what, problem in problems.items()}

    def question(self) -> Question | None:
        """Shows the fingerprint that the app will ask about."""
        found, _problems = self._read()
        if found is None:
            return None
        return server_certificate.install_question(
            self._host, found, is_asked_here=self._is_asked_here
        )

    def deed(self) -> Deed | None:
        """Sends it."""
        found, _problems = self._read()
        return server_certificate.install_deed(self._host, found) if found is not None else None
