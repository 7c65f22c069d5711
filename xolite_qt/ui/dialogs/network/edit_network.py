"""Everything about a network that can be changed after it was made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QLineEdit, QPlainTextEdit, QWidget

from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.dialogs.backups.form import Choice, Row
from xolite_qt.ui.dialogs.pool.edit_dialog import EditDialog
from xolite_qt.ui.dialogs.pool.identity import LONGEST_NAME, tags_of
from xolite_qt.ui.models import network_facts as facts
from xolite_qt.ui.models.backup_nbd import INSECURE, NBD, NbdNetwork, conflict
from xolite_qt.ui.models.network_deeds import NetworkEdit, edit_deed
from xolite_qt.ui.models.network_facts import NetworkFacts
from xolite_qt.xen_api import Network

if TYPE_CHECKING:
    from xolite_qt.ui.context import PageContext

NBD_CHOICES = (
    ("", "Off"),
    (NBD, "On, encrypted (TLS)"),
    (INSECURE, "On, not encrypted"),
)
_MTU_HINT = "Counts for virtual interfaces and physical ones that are plugged in from now on."
_NBD_HINT = "Hosts serve their disks to backup programs at their address on this network."


def whole_number(text: str) -> int | None:
    """A number as typed into a field, or None."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


def narrow(choice: Choice) -> Choice:
    """A field that a long entry does not make wider than its form."""
    choice.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    choice.setMinimumContentsLength(16)
    return choice


class EditNetworkDialog(EditDialog):
    """Edits a network; only what differs is written.

    Args:
        network: as it is now.
        found: what is on it.
        nbd: the pool's networks as far as NBD is concerned: kinds exclude each other.
    """

    def __init__(
        self,
        context: PageContext,
        network: Network,
        found: NetworkFacts,
        nbd: Sequence[NbdNetwork],
        parent: QWidget | None = None,
    ) -> None:
        name = facts.name_of(network)
        super().__init__(context, f"Edit network {name}", icon="network", parent=parent)
        self.network, self._nbd = network, nbd
        self.name = QLineEdit(network.name_label)
        self.name.setMaxLength(LONGEST_NAME)
        self.description = QPlainTextEdit(network.name_description)
        self.description.setTabChangesFocus(True)
        self.description.setFixedHeight(66)
        self.tags = QLineEdit(", ".join(network.tags))
        self.mtu = QLineEdit(str(network.mtu))
        self.locking = Choice(
            [
                ("unlocked", "Unlocked: all traffic passes"),
                ("disabled", "Disabled: no traffic passes"),
            ],
            network.default_locking_mode,
        )
        self.purpose = Choice(NBD_CHOICES, facts.purpose_of(network))
        self.automatic = QCheckBox("Add to new VMs")
        self.automatic.setChecked(facts.is_automatic(network))
        self.name_row = self.form.add("Name", self.name)
        self.form.add("Description", self.description)
        self.form.add("Tags", self.tags, hint="Separate them with commas.")
        self.mtu_row = self.form.add("MTU", self.mtu, hint=_MTU_HINT, narrow=True)
        hint = "For virtual interfaces that go by their network."
        if found.attached:
            hint += " Hosts change it only while no virtual interface is connected."
        self.locking_row = self.form.add("Default locking mode", self.locking, hint=hint)
        self.purpose_row = self.form.add("NBD", self.purpose, hint=_NBD_HINT)
        self.form.add(
            "Automatic",
            self.automatic,
            hint="Programs that create VMs give them a network card on this network.",
        )
        if found.is_internal and not self.purpose.current():
            self.purpose.setEnabled(False)
            self.purpose_row.set_hint("Hosts have no address on an internal network.")
        self.purpose.currentIndexChanged.connect(self._judge)
        self.mtu.textChanged.connect(self._judge)
        self.name.textChanged.connect(lambda _text: self.name_row.set_problem(""))
        self._judge()
        self.name.selectAll()
        self.name.setFocus()

    def _judge(self, *_what: object) -> None:
        for row in (self.mtu_row, self.purpose_row):
            row.set_problem("")
        warning = facts.mtu_warning(whole_number(self.mtu.text()))
        self.mtu_row.set_hint(warning or _MTU_HINT, "warning" if warning else "secondary")
        if self.purpose.isEnabled():
            plain = self.purpose.current() == INSECURE
            self.purpose_row.set_hint(
                "Whoever can reach this network can listen in on the disks' content."
                if plain
                else _NBD_HINT,
                "warning" if plain else "secondary",
            )

    def check(self) -> dict[Row, str]:
        """A name, a possible MTU, and one kind of NBD in a pool."""
        problems: dict[Row, str] = {}
        if not self.name.text().strip():
            problems[self.name_row] = "A network needs a name."
        if problem := facts.mtu_problem(whole_number(self.mtu.text())):
            problems[self.mtu_row] = problem
        if problem := nbd_problem(self._nbd, self.network.ref, self.purpose.current()):
            problems[self.purpose_row] = problem
        return problems

    def deed(self) -> Deed | None:
        """One call for each thing that differs."""
        mtu = whole_number(self.mtu.text())
        return edit_deed(
            self.network,
            NetworkEdit(
                name=self.name.text().strip(),
                description=self.description.toPlainText().strip(),
                tags=tags_of(self.tags.text()),
                mtu=self.network.mtu if mtu is None else mtu,
                locking=self.locking.current() or self.network.default_locking_mode,
                purpose=self.purpose.current(),
                automatic=self.automatic.isChecked(),
            ),
        )


def nbd_problem(networks: Sequence[NbdNetwork], ref: str, purpose: str) -> str:
    """What forbids a network this NBD purpose; "" where nothing does."""
    against = conflict(networks, ref, purpose)
    if not against:
        return ""
    names = ", ".join(net.name or net.ref for net in against)
    kind = "not encrypted" if against[0].purpose == INSECURE else "encrypted"
    verb = "is" if len(against) == 1 else "are"
    return f"A pool serves NBD either encrypted or not, never both. {names} {verb} {kind}."
