"""The form for the IP configuration of an interface, IPv4 and IPv6."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLineEdit, QWidget

from xolite_qt.ui.actions import Question
from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.dialogs.backups.form import Choice, Row
from xolite_qt.ui.dialogs.pool.edit_dialog import EditDialog
from xolite_qt.ui.models import pif_ip, pif_ip6
from xolite_qt.ui.models.network_facts import addresses_of
from xolite_qt.ui.models.pif_deeds import ip6_question, ip_deed, ip_question
from xolite_qt.ui.models.pif_ip import IpSettings
from xolite_qt.ui.models.pif_ip6 import Ip6Settings
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
_MODES6 = (
    ("None", "None: the host has no IPv6 address on it"),
    ("DHCP", "DHCPv6: a server gives it one"),
    ("Autoconf", "Automatic: made from what routers announce"),
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
    """Edits mode, address, mask, gateway and name servers, of both families.

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
        self.applied6: Ip6Settings | None = None
        now6 = pif_ip6.settings_of(pif)
        self.warning = Banner()
        self.body.insertWidget(0, self.warning)
        if link in _WARNINGS:
            self.warning.show_message(_WARNINGS[link], "warning")
        self.mode = Choice(_MODES, pif.ip_configuration_mode or "None")
        self.address = QLineEdit(pif.ip)
        self.netmask = QLineEdit(pif.netmask)
        self.gateway = QLineEdit(pif.gateway)
        self.dns = QLineEdit(pif.dns)
        self.mode6 = Choice(_MODES6, now6.mode)
        self.address6 = QLineEdit(now6.address)
        self.gateway6 = QLineEdit(now6.gateway)
        self.mode_row = self.form.add("IPv4", self.mode)
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
        }
        self.mode6_row = self.form.add("IPv6", self.mode6)
        self.rows6: dict[str, Row] = {
            pif_ip6.ADDRESS: self.form.add(
                "IPv6 address",
                self.address6,
                hint="With the length of its prefix, such as 2001:db8::20/64.",
                narrow=True,
            ),
            pif_ip6.GATEWAY: self.form.add(
                "IPv6 gateway",
                self.gateway6,
                hint="Empty where nothing beyond this network is reached over it.",
                narrow=True,
            ),
        }
        self.rows[pif_ip.DNS] = self.form.add(
            "DNS", self.dns, hint="Several with commas between them."
        )
        for choice in (self.mode, self.mode6):
            choice.currentIndexChanged.connect(self._judge)
            # Rows come and go with the mode: the window takes the height that they want.
            choice.activated.connect(lambda _at: QTimer.singleShot(0, self, self.fit))
        fields = (self.address, self.netmask, self.gateway, self.dns, self.address6, self.gateway6)
        for field in fields:
            field.textChanged.connect(self._judge)
        self._judge()

    @property
    def is_static(self) -> bool:
        """Whether the IPv4 address is given here."""
        return self.mode.current() == "Static"

    @property
    def is_static6(self) -> bool:
        """Whether the IPv6 address is given here."""
        return self.mode6.current() == "Static"

    def _judge(self, *_what: object) -> None:
        self.mode_row.set_problem("")
        self.mode6_row.set_problem("")
        for name, row in self.rows.items():
            row.set_problem("")
            visible = self.is_static or (name == pif_ip.DNS and self.is_static6)
            self.form.set_row_visible(row, visible=visible)
        for row in self.rows6.values():
            row.set_problem("")
            self.form.set_row_visible(row, visible=self.is_static6)
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

    def settings6(self) -> Ip6Settings:
        """What the fields of IPv6 say."""
        return pif_ip6.read_settings(
            self.mode6.current(),
            self.address6.text(),
            self.gateway6.text(),
            pif_ip.read_dns(self.dns.text()) or "",
        )

    def check(self) -> dict[Row, str]:
        """Addresses that fit together, and a management interface that has one."""
        if self.pif.management and (row := self._bare()) is not None:
            return {
                row: "The host is managed over this interface: without an address "
                "nobody would reach it. Make another one the management interface first."
            }
        found: dict[Row, str] = {}
        # What stays as it is was taken by the host before.
        if self.is_static and not (self._as_is() and self._changes6):
            problems = pif_ip.check_static(
                self.address.text(), self.netmask.text(), self.gateway.text(), self.dns.text()
            )
            address = self.settings().address
            if pif_ip.ADDRESS not in problems and address in self._taken:
                problems[pif_ip.ADDRESS] = f"{self._taken[address]} has this address already."
            found |= {self.rows[name]: problem for name, problem in problems.items()}
        if self.is_static6:
            problems = pif_ip6.check_static(self.address6.text(), self.gateway6.text())
            address = self.settings6().plain
            if pif_ip6.ADDRESS not in problems and address in self._taken:
                problems[pif_ip6.ADDRESS] = f"{self._taken[address]} has this address already."
            found |= {self.rows6[name]: problem for name, problem in problems.items()}
            if pif_ip.read_dns(self.dns.text()) is None:
                found[self.rows[pif_ip.DNS]] = (
                    "Name servers are IP addresses with commas between them."
                )
        return found

    def _bare(self) -> Row | None:
        # The family that the host is managed at must keep an address.
        is_six = self.pif.primary_address_type == "IPv6"
        mode, row = (self.mode6, self.mode6_row) if is_six else (self.mode, self.mode_row)
        return row if mode.current() == "None" else None

    def question(self) -> Question | None:
        """The management link does not move without its new address typed."""
        if self._changes:
            return ip_question(self.pif, self._host, self.settings(), self.link)
        return ip6_question(self.pif, self._host, self.settings6(), self.link)

    @property
    def _changes(self) -> bool:
        pif = self.pif
        if self.mode.current() == pif.ip_configuration_mode and self._as_is():
            return False
        now = IpSettings(
            pif.ip_configuration_mode or "None", pif.ip, pif.netmask, pif.gateway, pif.dns
        )
        return self.settings().params != now.params

    def _as_is(self) -> bool:
        pif = self.pif
        texts = (self.address, self.netmask, self.gateway, self.dns)
        was = (pif.ip, pif.netmask, pif.gateway, pif.dns)
        return tuple(field.text() for field in texts) == was

    @property
    def _changes6(self) -> bool:
        return self.settings6().params != pif_ip6.settings_of(self.pif).params

    def deed(self) -> Deed | None:
        """Writes what differs; None where nothing does."""
        to = self.settings() if self._changes else None
        to6 = self.settings6() if self._changes6 else None
        if to is None and to6 is None:
            return None
        self.applied, self.applied6 = to, to6
        return ip_deed(self.pif, to, self.link, to6, six_last=self._comes_over_six)

    @property
    def _comes_over_six(self) -> bool:
        return ":" in self.context.stores.api.address[0]


def taken_addresses(
    pifs: Sequence[PIF], but: PIF, host_name: Callable[[str], str]
) -> dict[str, str]:
    """Addresses of the pool's other interfaces, to whose they are.

    Args:
        but: the interface that is left out.
        host_name: name of a host by reference.
    """
    return {
        address: f"{pif.device} of {host_name(pif.host)}"
        for pif in pifs
        if pif.ref != but.ref
        for address in addresses_of(pif)
    }
