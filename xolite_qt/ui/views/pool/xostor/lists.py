"""Two plain lists: the interfaces of nodes, and whether the pool may have an XOSTOR."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QVBoxLayout, QWidget

from xolite_qt.stores.xostor.eligibility import Rule, Verdict, as_text, is_eligible, report
from xolite_qt.ui import format as fmt
from xolite_qt.ui.deeds import Choice
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.models.xostor_columns import InterfaceRow, interface_columns, rule_columns
from xolite_qt.ui.views.pool.xostor.part import Facts, Signs, XostorPart
from xolite_qt.ui.widgets import Button, Card, DataTable, FlowLayout, IconButton


class InterfacesPart(XostorPart):
    """Which addresses LINSTOR knows of each node; asked for by a click, a call per node.

    Args:
        ask: asks the nodes.
    """

    def __init__(self, ask: Callable[[], None]) -> None:
        super().__init__()
        self._ask = ask
        self.model: RecordTableModel[InterfaceRow] = RecordTableModel(
            interface_columns(), parent=self
        )
        self.table = DataTable(self.model, says=self.tr("Interfaces"))
        self.signs = Signs(self.tr("Nodes that did not tell"))
        self.card = Card(self.tr("Interfaces"), dense=True)
        self.again = IconButton("refresh", self.tr("Ask again"), ask, size=14)
        self.card.add_action(self.again)
        self.card.add(self.signs)
        self.card.add(self.table, 1)
        self._choices: Callable[[], Sequence[Choice]] = tuple
        self.buttons: dict[str, Button] = {}
        tools = QWidget()
        self._tools = FlowLayout(tools, spacing=6)
        self.card.add(tools)
        self.table.selection_changed.connect(lambda _refs: self.judge())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.card)

    def offer(self, choices: Callable[[], Sequence[Choice]], choose: Callable[..., object]) -> None:
        """Puts a button for each choice below the table.

        Args:
            choices: asked again whenever something changed.
            choose: begins one, or says why not.
        """
        self._choices = choices
        for choice in choices():
            button = Button(choice.label, icon=choice.icon, small=True)
            button.clicked.connect(
                lambda _on=False, ident=choice.id: choose(
                    next(one for one in self._choices() if one.id == ident)
                )
            )
            self.buttons[choice.id] = button
            self._tools.addWidget(button)

    def judge(self) -> None:
        """Opens and closes the buttons."""
        for choice in self._choices():
            self.buttons[choice.id].set_reason(choice.reason)

    def chosen(self) -> list[InterfaceRow]:
        """The selected rows."""
        rows = (self.model.get(ref) for ref in self.table.selected_refs())
        return [row for row in rows if row is not None]

    def show_facts(self, facts: Facts) -> None:
        """Show what was told."""
        self._show(facts)
        self.judge()

    def _show(self, facts: Facts) -> None:
        row = facts.row
        told = row.interfaces if row is not None else None
        self.again.setVisible(told is not None and not facts.is_listing)
        if facts.is_listing and told is None:
            self.card.set_loading(self.tr("Asking LINSTOR for each node…"))
            return
        if row is None or row.health is None:
            self.card.set_empty(self.tr("No answer from LINSTOR yet"))
            return
        if told is None:
            nodes = len(row.health.all_nodes)
            self.card.set_deferred(
                self.tr("LINSTOR is asked for each node by itself"),
                f"Ask for {fmt.plural(nodes, 'node', 'nodes')}",
                self._ask,
                icon="network",
            )
            return
        self.card.set_ready()
        self.model.replace([InterfaceRow(f"{one.node}/{one.name}", one) for one in told])
        self.signs.show_lines(
            [
                ("error", "danger", f"{node} did not tell its interfaces", str(error))
                for node, error in sorted(row.interface_errors.items())
            ]
        )
        self.signs.setVisible(bool(row.interface_errors))


class EligibilityPart(XostorPart):
    """A line per rule, with what was found.

    Args:
        notify: says that something was copied.
        check: asks the hosts again.
    """

    wants_probes = True

    def __init__(self, notify: Callable[[str], None], check: Callable[[], None]) -> None:
        super().__init__()
        self._notify = notify
        self.rules: tuple[Rule, ...] = ()
        self.model: RecordTableModel[Rule] = RecordTableModel(rule_columns(), parent=self)
        self.table = DataTable(self.model, says=self.tr("Rules"))
        self.table.sort(self.model.column_at("verdict"))
        self.signs = Signs(self.tr("Verdict"))
        self.card = Card(self.tr("May this pool have an XOSTOR?"), dense=True)
        self.copy = Button(self.tr("Copy report"), "tertiary", icon="copy", small=True)
        self.copy.clicked.connect(self._copy)
        self.card.add_action(self.copy)
        self.again = IconButton("refresh", self.tr("Ask the hosts again"), check, size=14)
        self.card.add_action(self.again)
        self.card.add(self.signs)
        self.card.add(self.table, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.card)

    def show_facts(self, facts: Facts) -> None:
        """Judge what is known."""
        self.again.setEnabled(not facts.is_probing)
        if not facts.probes:
            self.card.set_loading()
            return
        self.card.set_ready()
        self.rules = report(facts.probes, facts.row is not None)
        self.model.replace(self.rules)
        self.signs.show_lines([self._verdict(facts)])

    def _verdict(self, facts: Facts) -> tuple[str, str, str, str]:
        eligible = is_eligible(self.rules)
        broken = [rule for rule in self.rules if rule.verdict is Verdict.NO]
        if facts.row is not None:
            return ("info", "info", self.tr("This pool has an XOSTOR already"), "")
        if eligible is False:
            text = self.tr("Not as it is: %1").replace(
                "%1", fmt.plural(len(broken), "rule is broken", "rules are broken")
            )
            few = any(rule.ident == "hosts" for rule in broken)
            advice = self.tr("XOSTOR keeps copies on several hosts: it needs three or more.")
            return ("error", "danger", text, advice if few else "")
        if facts.is_probing:
            return ("refresh", "info", self.tr("Asking the hosts…"), "")
        if eligible is None:
            return ("question", "warning", self.tr("Not known: some hosts can't tell"), "")
        return ("success", "success", self.tr("Yes: every rule is kept"), "")

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(as_text(self.rules))
        self._notify(self.tr("Report copied"))
