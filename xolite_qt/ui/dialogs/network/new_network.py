"""The form for a new network: over an interface of every host, or internal to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QLineEdit, QPlainTextEdit, QWidget

from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.dialogs.backups.form import Choice, Row
from xolite_qt.ui.dialogs.network.edit_network import narrow, nbd_problem, whole_number
from xolite_qt.ui.dialogs.pool.edit_dialog import EditDialog
from xolite_qt.ui.dialogs.pool.identity import LONGEST_NAME
from xolite_qt.ui.models import network_facts as facts
from xolite_qt.ui.models.backup_nbd import NBD, NbdNetwork
from xolite_qt.ui.models.network_deeds import NewNetwork, create_deed

if TYPE_CHECKING:
    from xolite_qt.ui.context import PageContext

INTERNAL = "internal"


@dataclass(frozen=True)
class Interface:
    """An interface of the master that a network can go over.

    Attributes:
        pif: its reference.
        words: "eth0 · Management · connected".
        taken: tags of VLANs that it carries, to the names of their networks.
        missing: hosts without an interface of that name.
    """

    pif: str
    words: str
    taken: dict[int, str]
    missing: tuple[str, ...] = ()


class NewNetworkDialog(EditDialog):
    """Makes a network; what is wrong is said at its field, and a refusal loses nothing.

    Args:
        interfaces: of the master.
        nbd: the pool's networks as far as NBD is concerned.
        names: of networks that there are.
    """

    def __init__(
        self,
        context: PageContext,
        interfaces: Sequence[Interface],
        nbd: Sequence[NbdNetwork],
        names: Sequence[str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(context, "New network", "Create network", icon="network", parent=parent)
        self.made: list[str] = []
        self._interfaces = {one.pif: one for one in interfaces}
        self._nbd, self._names = nbd, frozenset(name.casefold() for name in names)
        entries = [(one.pif, one.words) for one in interfaces]
        entries.append((INTERNAL, "None: internal to each host"))
        self.interface = narrow(Choice(entries, entries[0][0]))
        self.name = QLineEdit()
        self.name.setMaxLength(LONGEST_NAME)
        self.vlan = QLineEdit()
        self.vlan.setPlaceholderText("0 to 4094")
        self.mtu = QLineEdit(str(facts.USUAL_MTU))
        self.description = QPlainTextEdit()
        self.description.setTabChangesFocus(True)
        self.description.setFixedHeight(66)
        self.purpose = QCheckBox("Serve disks to backup programs")
        self.interface_row = self.form.add("Interface", self.interface)
        self.name_row = self.form.add("Name", self.name)
        self.vlan_row = self.form.add("VLAN", self.vlan, narrow=True)
        self.mtu_row = self.form.add("MTU", self.mtu, narrow=True)
        self.form.add("Description", self.description)
        self.purpose_row = self.form.add("NBD", self.purpose)
        self.interface.currentIndexChanged.connect(self._judge)
        for field in (self.name, self.vlan, self.mtu):
            field.textChanged.connect(self._judge)
        self.purpose.toggled.connect(self._judge)
        self._judge()
        self.name.setFocus()

    @property
    def is_internal(self) -> bool:
        """Whether it has no interface."""
        return self.interface.current() == INTERNAL

    def _judge(self, *_what: object) -> None:
        for row in (self.name_row, self.vlan_row, self.mtu_row, self.purpose_row):
            row.set_problem("")
        chosen = self._interfaces.get(self.interface.current())
        internal = self.is_internal
        if internal:
            self.interface_row.set_hint(
                "It never leaves a host: VMs on one host talk among themselves, VMs on another "
                "do not hear them."
            )
        elif chosen is not None and chosen.missing:
            self.interface_row.set_hint(
                f"Without such an interface: {', '.join(chosen.missing[:4])}. VMs that use the "
                "network can't run there.",
                "warning",
            )
        else:
            self.interface_row.set_hint("The network goes over it on every host of the pool.")
        self.vlan.setEnabled(not internal)
        self.vlan_row.set_hint(
            "An internal network has none."
            if internal
            else "Its number on the switch; 0 where the frames carry no other."
        )
        self.purpose.setEnabled(not internal)
        self.purpose_row.set_hint(
            "Hosts have no address on an internal network."
            if internal
            else "Works once hosts have an address on this network."
        )
        warning = facts.mtu_warning(whole_number(self.mtu.text()))
        self.mtu_row.set_hint(
            warning or f"{facts.USUAL_MTU} unless every switch on the way takes more.",
            "warning" if warning else "secondary",
        )
        doubled = self.name.text().strip().casefold() in self._names
        self.name_row.set_hint(
            "There is a network of this name already." if doubled else "", "warning"
        )

    def check(self) -> dict[Row, str]:
        """A name, a free VLAN, a possible MTU, and one kind of NBD in a pool."""
        problems: dict[Row, str] = {}
        if not self.name.text().strip():
            problems[self.name_row] = "A network needs a name."
        if not self.is_internal and (problem := self._vlan_problem()):
            problems[self.vlan_row] = problem
        if problem := facts.mtu_problem(whole_number(self.mtu.text())):
            problems[self.mtu_row] = problem
        serves = self.purpose.isEnabled() and self.purpose.isChecked()
        if serves and (problem := nbd_problem(self._nbd, "", NBD)):
            problems[self.purpose_row] = problem
        return problems

    def _vlan_problem(self) -> str:
        text = self.vlan.text().strip()
        vlan = whole_number(text)
        if text and vlan is None:
            return f"A VLAN has a number from 0 to {facts.MOST_VLAN}."
        if problem := facts.vlan_problem(vlan, needed=True):
            return problem
        chosen = self._interfaces[self.interface.current()]
        if vlan in chosen.taken:
            return f"This interface carries VLAN {vlan} already: {chosen.taken[vlan]}."
        return ""

    def deed(self) -> Deed:
        """Makes it; nothing stays where a step fails."""
        internal = self.is_internal
        return create_deed(
            NewNetwork(
                name=self.name.text().strip(),
                description=self.description.toPlainText().strip(),
                mtu=whole_number(self.mtu.text()) or facts.USUAL_MTU,
                pif="" if internal else self.interface.current(),
                vlan=0 if internal else whole_number(self.vlan.text()) or 0,
                nbd=not internal and self.purpose.isChecked(),
            ),
            self.made,
        )
