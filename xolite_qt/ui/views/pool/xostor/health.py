"""How the pool's LINSTOR is: figures, what to look at, nodes, and where each copy is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout

from xolite_qt.stores.xostor.answers import Health
from xolite_qt.stores.xostor.capacity import capacity
from xolite_qt.stores.xostor.findings import Finding, findings, matrix
from xolite_qt.ui import format as fmt
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.models.xostor_columns import (
    NodeRow,
    ReplicaRow,
    matrix_columns,
    node_columns,
    node_rows,
    resource_title,
)
from xolite_qt.ui.views.pool.xostor.part import LEVELS, Facts, Signs, XostorPart, fit_rows
from xolite_qt.ui.widgets import (
    Card,
    DataTable,
    KeyValues,
    ScrollPage,
    SearchField,
    TextLabel,
    Thresholds,
)

_NAMED = 8
"""So many disks are named in one line."""


class HealthPart(XostorPart):
    """The health of an XOSTOR.

    Args:
        open_host: goes to a host's page.
        open_vm: goes to a VM's page.
    """

    def __init__(self, open_host: Callable[[str], None], open_vm: Callable[[str], None]) -> None:
        super().__init__()
        self._open_host, self._open_vm = open_host, open_vm
        self._columns: tuple[str, ...] = ()
        self.figures = KeyValues(columns=4, min_column=230)
        self.signs = Signs(self.tr("What to look at"))
        self.nodes_model: RecordTableModel[NodeRow] = RecordTableModel(node_columns(), parent=self)
        self.nodes = DataTable(
            self.nodes_model, says=self.tr("Nodes"), thresholds=Thresholds(), multi=False
        )
        self.model: RecordTableModel[ReplicaRow] = RecordTableModel(matrix_columns(()), parent=self)
        self.matrix = DataTable(self.model, says=self.tr("Resources by hosts"))
        self.only_problems = QCheckBox(self.tr("Only problems"))
        self.only_used = QCheckBox(self.tr("Only open ones"))
        self.search = SearchField(self.tr("Find a disk or VM"))
        self.search.setMaximumWidth(260)
        self.summary = Card(self.tr("Storage"), dense=True)
        self.summary.add(self.figures)
        self.look = Card(self.tr("To look at"), dense=True)
        self.look.add(self.signs)
        nodes = Card(self.tr("Nodes"), dense=True)
        nodes.add(self.nodes)
        self.resources = Card(self.tr("Copies by host"), dense=True)
        bar = QHBoxLayout()
        bar.setSpacing(16)
        bar.addWidget(self.search, 1)
        bar.addWidget(self.only_problems)
        bar.addWidget(self.only_used)
        bar.addStretch(1)
        self.resources.add_layout(bar)
        self.resources.add(self.matrix)
        self.resources.add(
            TextLabel(
                self.tr(
                    "Copy: has the data. Diskless: reaches it over the network. Tie-breaker: has "
                    "a voice in the quorum only. Open: a VM uses it there."
                ),
                kind="small",
                tone="secondary",
                wrap=True,
            )
        )
        self.body = ScrollPage(margin=0)
        for card in (self.summary, self.look, nodes, self.resources):
            self.body.add(card)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.body)
        self.only_problems.toggled.connect(self._filter)
        self.only_used.toggled.connect(self._filter)
        self.search.searched.connect(self._search)
        self.nodes.opened.connect(self._node_opened)
        self.matrix.opened.connect(self._disk_opened)
        self.model.counted.connect(lambda shown, _all: fit_rows(self.matrix, shown))

    def show_facts(self, facts: Facts) -> None:
        """Show the last check."""
        row = facts.row
        health = row.health if row is not None else None
        cards = (self.summary, self.look, self.resources)
        if row is None or health is None:
            for card in cards:
                if row is not None and row.error is not None:
                    card.set_empty(self.tr("No answer from LINSTOR yet"))
                else:
                    card.set_loading()
            self.nodes_model.replace(())
            return
        for card in cards:
            card.set_ready()
        self._figures(facts, health)
        found = findings(health, row.redundancy)
        lines = grouped(found, names_of(facts, health))
        self.signs.show_lines(lines)
        self.look.set_count(len(lines))
        if not found:
            self.look.set_good(self.tr("Every copy is current, every node is online"))
        nodes = node_rows(health, facts.hosts, facts.addresses)
        self.nodes_model.replace(nodes)
        fit_rows(self.nodes, len(nodes))
        if not health.has_resources:
            self.resources.set_empty(self.tr("This plug-in does not tell of resources"))
            return
        if health.all_nodes != self._columns:
            self._columns = health.all_nodes
            self._new_matrix()
        rows = [
            ReplicaRow(line.ref, line, facts.use_of(line.resource.vdi_uuid))
            for line in matrix(health, row.redundancy)
        ]
        self.model.replace(rows)
        self._count()
        fit_rows(self.matrix, self.model.rowCount())

    def _figures(self, facts: Facts, health: Health) -> None:
        row = facts.row
        assert row is not None
        sizes: dict[str, int] = {}
        for pool in health.pools:
            sizes[pool.node] = sizes.get(pool.node, 0) + max(pool.capacity_bytes, 0)
        worth = capacity(sizes, row.redundancy or 0)
        put = self.figures.set
        put(self.tr("Storage repository"), row.name)
        put(self.tr("Copies of each disk"), str(row.redundancy) if row.redundancy else None)
        put(self.tr("Provisioning"), row.provisioning.capitalize() or None)
        put(self.tr("Controller"), health.controller_host or None)
        put(self.tr("On all disks"), fmt.size(worth.raw_bytes) if worth.raw_bytes else None)
        usable = worth.usable_bytes
        put(
            self.tr("For VMs"),
            fmt.size(usable) if usable else None,
            tip=self.tr("The smallest host's room, times hosts, by copies"),
        )
        put(
            self.tr("Largest VDI"),
            fmt.size(worth.largest_vdi_bytes) if worth.largest_vdi_bytes else None,
            tip=self.tr("A disk has whole copies: each must fit on one host"),
        )
        put(self.tr("Group"), row.group_name or None)

    def _new_matrix(self) -> None:
        self.model.deleteLater()
        self.model = RecordTableModel(matrix_columns(self._columns), parent=self)
        self.matrix.set_model(self.model)
        self.model.counted.connect(lambda shown, _all: fit_rows(self.matrix, shown))
        self._filter()
        self._search(self.search.text())

    def _search(self, text: str) -> None:
        self.model.set_filter(text)
        self._count()

    def _filter(self) -> None:
        problems, used = self.only_problems.isChecked(), self.only_used.isChecked()

        def passes(row: ReplicaRow) -> bool:
            line = row.row
            return (not problems or line.has_problem) and (not used or line.resource.is_in_use)

        self.model.set_row_filter(passes if problems or used else None)
        self._count()

    def _count(self) -> None:
        shown, total = self.model.rowCount(), self.model.total()
        text = fmt.plural(total, self.tr("resource"), self.tr("resources"))
        self.resources.set_info(text if shown == total else f"{fmt.count(shown)} of {text}")
        if total and not shown:
            self.matrix.show_hero("no-result", self.tr("Nothing matches the filter"))
        else:
            self.matrix.show_rows()

    def _node_opened(self, ref: str) -> None:
        row = self.nodes_model.get(ref)
        if row is not None and row.host_ref:
            self._open_host(row.host_ref)

    def _disk_opened(self, ref: str) -> None:
        row = self.model.get(ref)
        if row is not None and row.use.vm_ref:
            self._open_vm(row.use.vm_ref)


def names_of(facts: Facts, health: Health) -> dict[str, str]:
    """What people call each resource, by LINSTOR's name."""
    return {
        resource.name: resource_title(resource, facts.use_of(resource.vdi_uuid))
        for resource in health.resources
    }


def grouped(found: Iterable[Finding], names: Mapping[str, str]) -> list[tuple[str, str, str, str]]:
    """Findings as lines of (icon, colour, sentence, advice); those alike are one line.

    Args:
        names: what people call a resource, by LINSTOR's name.
    """
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for number, finding in enumerate(found):
        alike = (finding.level.value, finding.many, finding.advice)
        groups.setdefault(alike if finding.many else (str(number),), []).append(finding)
    lines = []
    for group in groups.values():
        first = group[0]
        titles = [names.get(one.resource, one.resource) for one in group]
        if len(group) > 1:
            shown = ", ".join(titles[:_NAMED])
            more = f" and {len(titles) - _NAMED} more" if len(titles) > _NAMED else ""
            text = f"{len(group)} disks {first.many}"
            advice = " ".join(filter(None, (f"{shown}{more}.", first.advice)))
        else:
            text = first.what
            if first.resource:
                text = text.replace(first.resource, titles[0])
            advice = first.advice
        lines.append((*LEVELS[first.level], text, advice))
    return lines
