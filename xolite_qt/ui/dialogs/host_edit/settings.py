"""A host's settings: where logs go, its iSCSI name, and how it is switched on from afar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLineEdit, QWidget

from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.dialogs.backups.form import Choice, Row
from xolite_qt.ui.dialogs.pool.edit_dialog import EditDialog
from xolite_qt.ui.models import host_settings
from xolite_qt.ui.models.host_settings import IPMI, WAKE_ON_LAN, Settings
from xolite_qt.xen_api import Host

if TYPE_CHECKING:
    from xolite_qt.ui.context import PageContext


class HostSettingsDialog(EditDialog):
    """Only what differs is written."""

    def __init__(self, context: PageContext, host: Host, parent: QWidget | None = None) -> None:
        super().__init__(context, f"Settings of {host.name_label}", icon="host", parent=parent)
        self.host = host
        now = host_settings.settings_of(host)
        self.syslog = QLineEdit(now.syslog)
        self.syslog.setPlaceholderText("logs.example.org")
        self.iqn = QLineEdit(now.iqn)
        modes = [
            ("", "Not configured"),
            (WAKE_ON_LAN, host_settings.power_on_words(WAKE_ON_LAN)),
            (IPMI, host_settings.power_on_words(IPMI)),
        ]
        if all(mode != now.power_on for mode, _words in modes):
            modes.append((now.power_on, f"Plug-in {now.power_on}"))
        self.power_on = Choice(modes, now.power_on)
        self.bmc_address = QLineEdit(now.bmc_address)
        self.bmc_user = QLineEdit(now.bmc_user)
        self.bmc_password = QLineEdit()
        self.bmc_password.setEchoMode(QLineEdit.EchoMode.Password)
        self.bmc_password.setAccessibleName("Controller's password")
        if host_settings.has_password(host):
            self.bmc_password.setPlaceholderText("unchanged")
        form = self.form
        self.rows: dict[str, Row] = {
            "syslog": form.add(
                "Remote syslog",
                self.syslog,
                hint="Logs are sent there over UDP as well. Empty: they stay on the host.",
            ),
            "iqn": form.add(
                "iSCSI name",
                self.iqn,
                hint="Targets that only let the old name in refuse the host once it reconnects.",
            ),
            "power_on": form.add(
                "Power on",
                self.power_on,
                hint="How the master switches this machine on when it is off.",
                narrow=True,
            ),
            "bmc_address": form.add("Controller", self.bmc_address),
            "bmc_user": form.add("Controller's user", self.bmc_user, narrow=True),
            "bmc_password": form.add(
                "Controller's password",
                self.bmc_password,
                hint="Kept by the pool as a secret; it is never shown again.",
                narrow=True,
            ),
        }
        self.power_on.currentIndexChanged.connect(lambda _at: self._show_power())
        self._show_power()
        self.syslog.setFocus()

    def _show_power(self) -> None:
        for name in ("bmc_address", "bmc_user", "bmc_password"):
            self.form.set_row_visible(self.rows[name], visible=self.power_on.current() == IPMI)

    def settings(self) -> Settings:
        """What the form says."""
        return Settings(
            syslog=self.syslog.text().strip(),
            iqn=self.iqn.text().strip(),
            power_on=self.power_on.current(),
            bmc_address=self.bmc_address.text().strip(),
            bmc_user=self.bmc_user.text().strip(),
            bmc_password=self.bmc_password.text(),
        )

    def check(self) -> dict[Row, str]:
        """Each problem at its field."""
        found = host_settings.problems(self.settings(), self.host)
        return {self.rows[name]: problem for name, problem in found.items()}

    def deed(self) -> Deed | None:
        """Writes what differs."""
        return host_settings.settings_deed(self.host, self.settings())
