"""A few questions instead of YAML: what cloud-init is told most often."""

from __future__ import annotations

from PySide6.QtWidgets import QCheckBox, QLineEdit, QPlainTextEdit, QWidget

from xolite_qt.ui.dialogs.backups.form import Form
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.models.new_vm_cloud import Answers
from xolite_qt.ui.theme import mono_font
from xolite_qt.ui.widgets import TextLabel


class CloudInitDialog(Dialog):
    """Host name, SSH keys, password, updates, network; what is left empty is left alone.

    Args:
        host_name: what is proposed.
    """

    def __init__(self, host_name: str = "", parent: QWidget | None = None) -> None:
        super().__init__("Fill in cloud-init", icon="edit", width=620, parent=parent)
        self.body.addWidget(
            TextLabel(
                "What you leave empty stays as it is in the text. Whatever else is in the text "
                "stays too.",
                tone="secondary",
                wrap=True,
            )
        )
        self.host_name = QLineEdit(host_name)
        self.keys = QPlainTextEdit()
        self.keys.setFont(mono_font())
        self.keys.setTabChangesFocus(True)
        self.keys.setFixedHeight(72)
        self.keys.setPlaceholderText("ssh-ed25519 AAAA… you@desk")
        self.password = QLineEdit()
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.show_password = QCheckBox("Show")
        self.update_packages = QCheckBox("Update all packages at first start")
        self.address = QLineEdit()
        self.address.setPlaceholderText("DHCP")
        self.gateway = QLineEdit()
        self.servers = QLineEdit()
        form = Form()
        self.rows = {
            "host_name": form.add("Host name", self.host_name),
            "keys": form.add("SSH keys", self.keys, hint="Public keys, one a line."),
        }
        form.add(
            "Password",
            self.password,
            self.show_password,
            hint="Of the distribution's first user. It is on the disk as you type it: anybody who "
            "reads the disk can read it.",
        )
        form.add("Packages", self.update_packages)
        self.network = QCheckBox("Write the network's configuration too")
        form.add("Network", self.network)
        self.rows |= {
            "address": form.add("Address", self.address, hint="Empty asks DHCP."),
            "gateway": form.add("Gateway", self.gateway),
            "servers": form.add("Name servers", self.servers, hint="Commas between them."),
        }
        self.password.setAccessibleName("Password")
        self.show_password.setAccessibleName("Show the password")
        self.form = form
        self.body.addWidget(form)
        self.body.addStretch(1)
        self.cancel = self.add_button("Cancel")
        self.go = self.add_button("Fill in", "primary", default=True)
        self.cancel.clicked.connect(self.reject)
        self.go.clicked.connect(self.accept)
        self.show_password.toggled.connect(self._show)
        self.network.toggled.connect(self._judge)
        self.keys.textChanged.connect(self._judge)
        for field in (self.host_name, self.password, self.address, self.gateway, self.servers):
            field.textChanged.connect(self._judge)
        self._judge()

    def answers(self) -> Answers:
        """What was answered."""
        with_network = self.network.isChecked()
        return Answers(
            host_name=self.host_name.text().strip(),
            keys=self.keys.toPlainText(),
            password=self.password.text(),
            update=self.update_packages.isChecked(),
            address=self.address.text().strip() if with_network else "",
            gateway=self.gateway.text().strip() if with_network else "",
            servers=self.servers.text().strip() if with_network else "",
        )

    def _show(self, on: bool) -> None:
        mode = QLineEdit.EchoMode.Normal if on else QLineEdit.EchoMode.Password
        self.password.setEchoMode(mode)

    def _judge(self, *_news: object) -> None:
        problems = self.answers().problems()
        for name, row in self.rows.items():
            row.set_problem(problems.get(name, ""))
        for name in ("address", "gateway", "servers"):
            self.form.set_row_visible(self.rows[name], visible=self.network.isChecked())
        self.go.set_reason(next(iter(problems.values()), None))
