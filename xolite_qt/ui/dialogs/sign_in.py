"""The password once more, after the host has ended the session."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit, QWidget

from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.widgets.text import TextLabel


class SignInDialog(Dialog):
    """Asks for the password of a user that is known already."""

    def __init__(
        self, address: str, user: str, error: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__("Sign in again", icon="key", width=440, parent=parent)
        self.body.addWidget(TextLabel(f"{user} at {address}", tone="secondary", wrap=True))
        if error:
            self.body.addWidget(TextLabel(error, tone="danger", wrap=True))
        self.password = QLineEdit()
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.password.setPlaceholderText(self.tr("Password"))
        self.password.setAccessibleName(self.tr("Password"))
        self.body.addWidget(self.password)
        self.body.addStretch(1)
        cancel = self.add_button(self.tr("Cancel"))
        cancel.clicked.connect(self.reject)
        go = self.add_button(self.tr("Sign in"), "primary", default=True)
        go.clicked.connect(self.accept)
        self.password.setFocus()
