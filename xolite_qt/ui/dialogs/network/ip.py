"""The form for the IPv4 configuration of an interface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLineEdit, QWidget

from xolite_qt.ui.actions import Question
from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.dialogs.backups.form import Choice, Row
from xolite_qt.ui.dialogs.pool.edit_dialog import EditDialog
from xolite_qt.ui.models import pif_ip
from xolite_qt.ui.models.pif_deeds import ip_deed, ip_question
from xolite_qt.ui.models.pif_ip import IpSettings
from xolite_qt.ui.models.pif_rules import Link
from xolite_qt.ui.widgets.banner import Banner
from xolite_qt.xen_api import PIF

if TYPE_CHECKING:
    from xolite_qt.ui.context import PageContext

_MODES = (
    ("None", "None: the host has no address on it"),
    ("DHCP", "DHCP: a server gives it one"),
    ("Static", "Static"),
)
_WARNINGS = {
    Link.OURS: "The connection to this pool goes over this interface: it moves with the address. "
    "You will be asked to type the new address first.",
    Link.BEHIND: "The host is managed over this interface. You will be asked to type the new "
    "address first.",
    Link.OTHER: "The host is managed over this interface: with a wrong address the pool loses it. "
    "You will be asked to type the new address first.",
}


class IpDialog(EditDialog):
    """Edits mode, address, mask, gateway and name servers.

    Args:
        pif: as it is now.
        host: name of its host.
        link: what it is to the connection of this program.
        taken: addresses that other interfaces of the pool have, to whose they are.
    """

    def __init__(
        self,
        context: PageContext,
        pif: PIF,
        host: str,
        link: Link,
        taken: dict[str, str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            context,
            f"IP configuration of {pif.device} on {host}",
            "Apply",
            icon="pif",
            parent=parent,
        )
        self.pif, self._host, self.link, self._taken = pif, host, link, taken
        self.applied: IpSettings | None = None
        self.warning = Banner()
        self.body.insertWidget(0, self.warning)
        if link in _WARNINGS:
            self.warning.show_message(_WARNINGS[link], "warning")
        self.mode = Choice(_MODES, pif.ip_configuration_mode or "None")
        self.address = QLineEdit(pif.ip)
        self.netmask = QLineEdit(pif.netmask)
        self.gateway = QLineEdit(pif.gateway)
        self.dns = QLineEdit(pif.dns)
        self.mode_row = self.form.add("Mode", self.mode)
        self.rows: dict[str, Row] = {
            pif_ip.ADDRESS: self.form.add("IP address", self.address, narrow=True),
            pif_ip.NETMASK: self.form.add(
                "Netmask", self.netmask, hint="Such as 255.255.255.0, or /24.", narrow=True
            ),
            pif_ip.GATEWAY: self.form.add(
                "Gateway",
                self.gateway,
                hint="Empty where nothing beyond this network is reached over it.",
                narrow=True,
            ),
            pif_ip.DNS: self.form.add("DNS", self.dns, hint="Several with commas between them."),
        }
        self.mode.currentIndexChanged.connect(self._judge)
        for field in (self.address, self.netmask, self.gateway, self.dns):
            field.textChanged.connect(self._judge)
        self._judge()

    @property
    def is_static(self) -> bool:
        """Whether the address is given here."""
        return self.mode.current() == "Static"

    def _judge(self, *_what: object) -> None:
        self.mode_row.set_problem("")
        for row in self.rows.values():
            row.set_problem("")
            self.form.set_row_visible(row, visible=self.is_static)
        cut_off = self.is_static and self.pif.management and not self.gateway.text().strip()
        self.rows[pif_ip.GATEWAY].set_hint(
            "Without one the host is reached from its own network only."
            if cut_off
            else "Empty where nothing beyond this network is reached over it.",
            "warning" if cut_off else "secondary",
        )

    def settings(self) -> IpSettings:
        """What the fields say."""
        return pif_ip.read_settings(
            self.mode.current(),
            self.address.text(),
            self.netmask.text(),
            self.gateway.text(),
            self.dns.text(),
        )

    def check(self) -> dict[Row, str]:
        """Addresses that fit together, and a management interface that has one."""
        if self.mode.current() == "None" and self.pif.management:
            return {
                self.mode_row: "The host is managed over this interface: without an address "
                "nobody would reach it. Make another one the management interface first."
            }
        if not self.is_static:
            return {}
        found = pif_ip.check_static(
            self.address.text(), self.netmask.text(), self.gateway.text(), self.dns.text()
        )
        address = self.settings().address
        if pif_ip.ADDRESS not in found and address in self._taken:
            found[pif_ip.ADDRESS] = f"{self._taken[address]} has this address already."
        return {self.rows[name]: problem for name, problem in found.items()}

    def question(self) -> Question | None:
        """The management link does not move without its new address typed."""
        return ip_question(self.pif, self._host, self.settings(), self.link)

    def deed(self) -> Deed | None:
        """Writes it; None where nothing differs."""
        to, pif = self.settings(), self.pif
        now = IpSettings(
            pif.ip_configuration_mode or "None", pif.ip, pif.netmask, pif.gateway, pif.dns
        )
        if to.params == now.params:
            return None
        self.applied = to
        return ip_deed(pif, to, self.link)


def taken_addresses(
    pifs: Sequence[PIF], but: PIF, host_name: Callable[[str], str]
) -> dict[str, str]:
    """IPv4 addresses of the pool's other interfaces, to whose they are.

    Args:
        but: the interface that is left out.
        host_name: name of a host by reference.
    """
    return {
        pif.ip: f"{pif.device} of {host_name(pif.host)}"
        for pif in pifs
        if pif.ip and pif.ref != but.ref
    }
