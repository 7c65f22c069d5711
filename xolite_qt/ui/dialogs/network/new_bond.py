"""The form for a bond: several interfaces of each host work as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from xolite_qt.ui.actions import Harm, Question
from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.dialogs.backups.form import Choice, Row
from xolite_qt.ui.dialogs.network.edit_network import narrow, nbd_problem, whole_number
from xolite_qt.ui.dialogs.pool.edit_dialog import EditDialog
from xolite_qt.ui.dialogs.pool.identity import LONGEST_NAME
from xolite_qt.ui.models import network_facts as facts
from xolite_qt.ui.models.backup_nbd import NBD, NbdNetwork
from xolite_qt.ui.models.network_bonds import BondPlan, BondWorld, plan_bond
from xolite_qt.ui.models.network_deeds import NewBond, bond_deed
from xolite_qt.ui.widgets.banner import Banner
from xolite_qt.ui.widgets.text import TextLabel

if TYPE_CHECKING:
    from xolite_qt.ui.context import PageContext

MODES = (
    ("balance-slb", "Balanced, on any switch (balance-slb)"),
    ("active-backup", "One works, others wait (active-backup)"),
    ("lacp", "LACP, on a switch set up for it (lacp)"),
)
_HINTS = {
    "balance-slb": "Virtual interfaces are spread over the links, and again every 30 minutes.",
    "active-backup": "When the working link fails, another one takes over.",
    "lacp": "All ports must be in one LACP group of the switch, or the link fails.",
}


@dataclass(frozen=True)
class Card:
    """A kind of interface that bonds may take.

    Attributes:
        device: "eth1"; the same on every host.
        words: what is said beside it.
        reason: why it can't be taken, or None.
    """

    device: str
    words: str
    reason: str | None = None


class NewBondDialog(EditDialog):
    """Makes a bonded network on every host; says first what becomes of the management link.

    Args:
        cards: interfaces of the master.
        world: interfaces of all hosts.
        nbd: the pool's networks as far as NBD is concerned.
    """

    def __init__(
        self,
        context: PageContext,
        cards: Sequence[Card],
        world: BondWorld,
        nbd: Sequence[NbdNetwork],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            context, "New bond", "Create bond", icon="network", width=660, parent=parent
        )
        self.made: list[str] = []
        self._world, self._nbd = world, nbd
        self.warning = Banner()
        self.body.insertWidget(0, self.warning)
        boxes = QWidget()
        column = QVBoxLayout(boxes)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(8)
        self.boxes: dict[str, QCheckBox] = {}
        for card in cards:
            box = QCheckBox(card.device)
            box.setAccessibleName(f"Interface {card.device}")
            words = f"{card.words} · {card.reason}" if card.reason else card.words
            box.setAccessibleDescription(words)
            box.setEnabled(card.reason is None)
            box.toggled.connect(self._judge)
            self.boxes[card.device] = box
            line = QHBoxLayout()
            line.setSpacing(12)
            line.addWidget(box)
            line.addWidget(TextLabel(words, kind="small", tone="secondary", elide=True), 1)
            column.addLayout(line)
        self.mode = narrow(Choice(MODES, "balance-slb"))
        self.name = QLineEdit()
        self.name.setMaxLength(LONGEST_NAME)
        self.mtu = QLineEdit(str(facts.USUAL_MTU))
        self.description = QPlainTextEdit()
        self.description.setTabChangesFocus(True)
        self.description.setFixedHeight(66)
        self.purpose = QCheckBox("Serve disks to backup programs")
        self.interfaces_row = self.form.add("Interfaces", boxes)
        self.mode_row = self.form.add("Mode", self.mode)
        self.name_row = self.form.add("Name", self.name)
        self.mtu_row = self.form.add("MTU", self.mtu, narrow=True)
        self.form.add("Description", self.description)
        self.purpose_row = self.form.add("NBD", self.purpose)
        self.mode.currentIndexChanged.connect(self._judge)
        for field in (self.name, self.mtu):
            field.textChanged.connect(self._judge)
        self.purpose.toggled.connect(self._judge)
        self._judge()
        self.name.setFocus()

    @property
    def devices(self) -> tuple[str, ...]:
        """The ticked interfaces."""
        return tuple(name for name, box in self.boxes.items() if box.isChecked())

    @property
    def plan(self) -> BondPlan:
        """What would be done on each host."""
        return plan_bond(self._world, self.devices)

    def _judge(self, *_what: object) -> None:
        for row in (self.interfaces_row, self.name_row, self.mtu_row, self.purpose_row):
            row.set_problem("")
        plan = self.plan
        self.interfaces_row.set_hint(
            plan.words or "Two or more; the same ones are taken on every host of the pool."
        )
        self.mode_row.set_hint(_HINTS[self.mode.current()])
        warning = facts.mtu_warning(whole_number(self.mtu.text()))
        self.mtu_row.set_hint(
            warning or f"{facts.USUAL_MTU} unless every switch on the way takes more.",
            "warning" if warning else "secondary",
        )
        self.purpose_row.set_hint("Works once hosts have an address on this network.")
        if plan.management:
            self.warning.show_message(plan.management, "warning")
        else:
            self.warning.clear()

    def check(self) -> dict[Row, str]:
        """At least two interfaces that every host lets go, a name, a possible MTU."""
        problems: dict[Row, str] = {}
        if problem := self.plan.problem:
            problems[self.interfaces_row] = problem
        if not self.name.text().strip():
            problems[self.name_row] = "A network needs a name."
        if problem := facts.mtu_problem(whole_number(self.mtu.text())):
            problems[self.mtu_row] = problem
        if self.purpose.isChecked() and (problem := nbd_problem(self._nbd, "", NBD)):
            problems[self.purpose_row] = problem
        return problems

    def question(self) -> Question | None:
        """The management link is not cut without a word."""
        plan = self.plan
        if not plan.management:
            return None
        return Question(
            title="Bond the management interface?",
            text=plan.management,
            verb="Create bond",
            harm=Harm.DISRUPTIVE,
            objects=plan.hosts,
        )

    def deed(self) -> Deed:
        """Makes it on every host; nothing stays where one fails."""
        return bond_deed(
            NewBond(
                name=self.name.text().strip(),
                members=self.plan.members,
                mode=self.mode.current(),
                description=self.description.toPlainText().strip(),
                mtu=whole_number(self.mtu.text()) or facts.USUAL_MTU,
                nbd=self.purpose.isChecked(),
            ),
            self.made,
        )
