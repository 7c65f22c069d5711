"""Certificates: shown before they are trusted, refused when they change."""

from __future__ import annotations

from PySide6.QtWidgets import QFormLayout, QGridLayout, QLineEdit, QWidget

from xolite_qt.ui import format as words
from xolite_qt.ui import theme
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.dialogs.fingerprint import FingerprintView
from xolite_qt.ui.widgets.text import TextLabel
from xolite_qt.xen_api import Certificate, CertificateChanged, CertificateUnknown

VERIFY = "openssl x509 -noout -fingerprint -sha256 -in /etc/xensource/xapi-ssl.pem"


def _facts(certificate: Certificate) -> QFormLayout:
    form = QFormLayout()
    form.setHorizontalSpacing(16)
    form.setVerticalSpacing(8)
    for caption, value in (
        ("Issued to", certificate.subject),
        ("Issued by", certificate.issuer),
        (
            "Valid",
            f"{words.day(certificate.not_before)} to {words.day(certificate.not_after)}",
        ),
    ):
        form.addRow(
            TextLabel(caption, tone="secondary"),
            TextLabel(value[:300], wrap=True, selectable=True),
        )
    return form


class _CertificateDialog(Dialog):
    """What both questions show."""

    def add_command(self) -> None:
        """How to see the fingerprint on the host itself."""
        self.body.addWidget(
            TextLabel(
                self.tr("On the host's console, this shows its fingerprint:"),
                tone="secondary",
                wrap=True,
            )
        )
        command = QLineEdit(VERIFY)
        command.setReadOnly(True)
        command.setFont(theme.mono_font(12))
        command.setCursorPosition(0)
        command.setAccessibleName(self.tr("Command that shows the fingerprint on the host"))
        self.body.addWidget(command)


class TrustDialog(_CertificateDialog):
    """A certificate seen for the first time. Enter never trusts it."""

    def __init__(self, error: CertificateUnknown, parent: QWidget | None = None) -> None:
        super().__init__(
            f"Trust the certificate of {error.host}?", icon="certificate", parent=parent, width=640
        )
        self.body.addWidget(
            TextLabel(
                self.tr(
                    "This is the first connection to {0}, port {1}. Nothing was sent to it yet. "
                    "Compare the fingerprint with the one that the host itself shows."
                ).format(error.host, error.port),
                wrap=True,
            )
        )
        self.body.addWidget(
            TextLabel(self.tr("SHA-256 fingerprint"), kind="caption-small", tone="secondary")
        )
        self.body.addWidget(
            FingerprintView(error.certificate.fingerprint, self.tr("SHA-256 fingerprint"))
        )
        self.body.addLayout(_facts(error.certificate))
        self.add_command()
        self.body.addStretch(1)
        self.cancel = self.add_button(self.tr("Cancel"))
        self.cancel.clicked.connect(self.reject)
        self.trust = self.add_button(self.tr("Trust this certificate"), "primary")
        self.trust.clicked.connect(self.accept)
        self.cancel.setFocus()


class ChangedDialog(_CertificateDialog):
    """A certificate that is another one than before: refused, unless the host's name is typed."""

    def __init__(self, error: CertificateChanged, parent: QWidget | None = None) -> None:
        super().__init__(
            f"The certificate of {error.host} has changed",
            icon="danger",
            accent="danger",
            parent=parent,
            width=680,
        )
        self._host = error.host
        self.body.addWidget(
            TextLabel(
                self.tr(
                    "It is not the one that you trusted, so nothing was sent. Certificates change "
                    "when a host is installed anew or gets a new one. If nobody did that, somebody "
                    "may be listening in: do not go on."
                ),
                wrap=True,
            )
        )
        pair = QGridLayout()
        pair.setHorizontalSpacing(24)
        pair.setVerticalSpacing(6)
        before, now = self.tr("Trusted until now"), self.tr("Shown now")
        pair.addWidget(TextLabel(before, kind="body-bold"), 0, 0)
        pair.addWidget(TextLabel(now, kind="body-bold", tone="danger"), 0, 1)
        pair.addWidget(FingerprintView(error.pinned, before), 1, 0)
        pair.addWidget(FingerprintView(error.certificate.fingerprint, now, accent="danger"), 1, 1)
        pair.setColumnStretch(2, 1)
        self.body.addLayout(pair)
        self.body.addLayout(_facts(error.certificate))
        self.add_command()
        self.body.addWidget(
            TextLabel(
                self.tr("To trust the new one instead, type the host's address: {0}").format(
                    error.host
                ),
                wrap=True,
            )
        )
        self.typed = QLineEdit()
        self.typed.setAccessibleName(self.tr("Type the host's address to trust the new one"))
        self.typed.textChanged.connect(self._typed)
        self.body.addWidget(self.typed)
        self.body.addStretch(1)
        self.accept_new = self.add_button(self.tr("Trust the new one"), "tertiary-danger")
        self.accept_new.clicked.connect(self.accept)
        self.refuse = self.add_button(self.tr("Do not connect"), "primary")
        self.refuse.clicked.connect(self.reject)
        self._typed()
        self.refuse.setFocus()

    def _typed(self) -> None:
        ready = self.typed.text().strip().lower() == self._host.lower()
        self.accept_new.set_reason(None if ready else self.tr("Type the host's address first."))
