"""What if these hosts were lost? Worked out here, from the last check."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from xolite_qt.stores.xostor.loss import Fate, Loss, explore
from xolite_qt.ui import format as fmt
from xolite_qt.ui.dialogs.backups.tick_list import TickList
from xolite_qt.ui.models.backup_checks import Tickable
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.models.xostor_columns import OutcomeRow, node_rows, outcome_columns
from xolite_qt.ui.views.pool.xostor.part import Facts, Signs, XostorPart
from xolite_qt.ui.widgets import Card, DataTable, TextLabel


class LossPart(XostorPart):
    """Hosts to tick at the left, what is left of each disk at the right."""

    def __init__(self) -> None:
        super().__init__()
        self._facts = Facts()
        self.hosts = TickList(self.tr("Hosts to lose"), rows=4)
        self.model: RecordTableModel[OutcomeRow] = RecordTableModel(outcome_columns(), parent=self)
        self.table = DataTable(self.model, says=self.tr("What becomes of each disk"))
        self.table.sort(self.model.column_at("fate"), Qt.SortOrder.DescendingOrder)
        self.signs = Signs(self.tr("What the loss means"))
        choose = Card(self.tr("Lose these hosts"), dense=True)
        choose.setFixedWidth(330)
        choose.add(self.hosts)
        choose.add(
            TextLabel(
                self.tr(
                    "As in a power cut: all at once, and the others still see one another. "
                    "Nothing is sent to a host."
                ),
                kind="small",
                tone="secondary",
                wrap=True,
            )
        )
        choose.add_stretch()
        self.result = Card(self.tr("What becomes of the disks"), dense=True)
        self.result.add(self.signs)
        self.result.add(self.table, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        left = QVBoxLayout()
        left.addWidget(choose)
        left.addStretch(1)
        row.addLayout(left)
        row.addWidget(self.result, 1)
        self.hosts.ticked.connect(self._explore)

    def show_facts(self, facts: Facts) -> None:
        """Work it out anew from the last check."""
        self._facts = facts
        health = facts.row.health if facts.row is not None else None
        if health is None:
            self.hosts.model.set_lines(())
            self.result.set_empty(self.tr("No answer from LINSTOR yet"))
            return
        lines = []
        for node in node_rows(health, facts.hosts, facts.addresses):
            note = f"{fmt.plural(node.copies, 'copy', 'copies')}"
            if node.online is False:
                note = self.tr("away already")
            elif node.is_controller:
                note = self.tr("controller, %1").replace("%1", note)
            lines.append(Tickable(node.ref, node.host, note, "host"))
        self.hosts.model.set_lines(lines)
        self._explore()

    def _explore(self) -> None:
        row = self._facts.row
        if row is None or row.health is None:
            return
        if not row.health.has_resources:
            self.result.set_empty(self.tr("This plug-in does not tell of resources"))
            return
        self.result.set_ready()
        loss = explore(row.health, self.hosts.model.ticks())
        rows = []
        for outcome in loss.outcomes:
            use = self._facts.use_of(outcome.resource.vdi_uuid)
            rows.append(OutcomeRow(outcome.resource.name, outcome, use))
        self.model.replace(rows)
        self.signs.show_lines(sentences(loss))


def sentences(loss: Loss) -> list[tuple[str, str, str, str]]:
    """What a loss means, as lines of (icon, colour, sentence, advice)."""
    lines = []
    total = len(loss.outcomes)
    stopped = loss.count(Fate.NO_DATA) + loss.count(Fate.NO_QUORUM)
    gone = fmt.plural(len(loss.lost), "host", "hosts")
    before = f"Without {gone}: " if loss.lost else "As it is: "
    if stopped:
        text = f"{before}{stopped} of {fmt.plural(total, 'disk stops', 'disks stop')}"
        lines.append(("error", "danger", text, ""))
    else:
        text = f"{before}all {fmt.plural(total, 'disk', 'disks')} can be read and written"
        lines.append(("success", "success", text, ""))
    fewer = loss.count(Fate.FEWER_COPIES)
    if fewer:
        advice = "LINSTOR copies them anew only when a lost host is away for an hour."
        text = f"{fmt.plural(fewer, 'disk goes', 'disks go')} on with fewer copies"
        lines.append(("warning", "warning", text, advice))
    split = sum(outcome.may_split for outcome in loss.outcomes)
    if split:
        text = f"{fmt.plural(split, 'disk has', 'disks have')} no quorum to protect it"
        advice = "If the other side still runs, both may write, and one of them loses its changes."
        lines.append(("warning", "warning", text, advice))
    used = sum(outcome.used_on_lost for outcome in loss.outcomes if outcome.resource.vdi_uuid)
    if used:
        text = f"What uses {fmt.plural(used, 'disk', 'disks')} on a lost host ends with it"
        lines.append(("info", "info", text, "It can be started on a host that is left."))
    if loss.controller_ends:
        text = "LINSTOR's controller can't start: its database is not available"
        lines.append(("error", "danger", text, "Disks can't be created, resized or deleted."))
    elif loss.controller_moves:
        lines.append(("info", "info", "LINSTOR's controller starts on another host", ""))
    return lines
