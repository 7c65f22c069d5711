"""One finding on screen: what, why it matters, on which objects, and what can be done."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from PySide6.QtWidgets import QHBoxLayout

from xolite_qt.ui import format as fmt
from xolite_qt.ui.models.column import Column
from xolite_qt.ui.models.column import Kind as Cell
from xolite_qt.ui.models.health import Case, Finding
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.pool.health.remedies import Remedy
from xolite_qt.ui.widgets import Button, Card, DataTable, TextLabel

_ICONS = {"VDI": "vdi", "VM": "vm", "SR": "sr", "host": "host", "pool": "pool"}
_MOST_ROWS = 8
_ROW_PX, _HEAD_PX = 33, 40


class CaseRow(msgspec.Struct, frozen=True):
    """An object in a table."""

    ref: str
    case: Case


NAME = Column[CaseRow](
    id="name",
    title="Name",
    value=lambda row: row.case.name,
    icon=lambda row: _ICONS.get(row.case.cls, "info"),
    width=320,
)
NOTE = Column[CaseRow](id="note", title="What", value=lambda row: row.case.note, width=360)
SIZE = Column[CaseRow](
    id="size",
    title="Size",
    value=lambda row: row.case.size_bytes,
    text=lambda row: fmt.size(row.case.size_bytes),
    kind=Cell.BYTES,
    width=110,
)


class FindingCard(Card):
    """Shows one kind of finding; a selection in the table narrows what the buttons are about."""

    def __init__(self, context: PageContext, finding: Finding) -> None:
        super().__init__(finding.title)
        self._context = context
        self.finding = finding
        columns = (NAME, NOTE, SIZE) if finding.size_bytes else (NAME, NOTE)
        self.model = RecordTableModel(columns, parent=self)
        self.why = TextLabel(finding.why, tone="secondary", wrap=True)
        self.add(self.why)
        self.table = DataTable(self.model, says=finding.title)
        self.add(self.table)
        self._row = QHBoxLayout()
        self._row.setSpacing(8)
        self._row.addStretch(1)
        self.about = TextLabel(kind="small", tone="secondary")
        self._row.insertWidget(0, self.about)
        self.add_layout(self._row)
        self.buttons: dict[str, Button] = {}
        self._remedies: dict[str, Remedy] = {}
        self.table.selection_changed.connect(lambda _refs: self.judge())
        self.table.opened.connect(self._open)
        context.actions.blocked_changed.connect(self.judge)

    def show_finding(self, finding: Finding, remedies: Sequence[Remedy]) -> None:
        """Takes what was found now; what is selected stays so."""
        self.finding = finding
        self.set_info(fmt.count(len(finding.cases)), finding.grade.value)
        self.why.set_text(finding.why)
        self.model.replace([CaseRow(case.ref, case) for case in finding.cases])
        rows = min(len(finding.cases), _MOST_ROWS)
        self.table.setFixedHeight(_HEAD_PX + rows * _ROW_PX + 8)
        self._remedies = {remedy.label: remedy for remedy in remedies}
        for label, remedy in self._remedies.items():
            if label not in self.buttons:
                button = Button(label, "tertiary-danger" if remedy.destroys else "secondary")
                button.clicked.connect(lambda _on=False, which=label: self._run(which))
                self._row.addWidget(button)
                self.buttons[label] = button
        if any(case.open for case in finding.cases) and "Show" not in self.buttons:
            show = Button("Show", "tertiary")
            show.clicked.connect(lambda: self._open(self.chosen()[0].ref))
            self._row.insertWidget(self._row.count(), show)
            self.buttons["Show"] = show
        self.judge()

    def chosen(self) -> list[Case]:
        """The selected objects, or all where none is."""
        selected = set(self.table.selected_refs())
        cases = [case for case in self.finding.cases if case.ref in selected]
        return cases or list(self.finding.cases)

    def judge(self) -> None:
        """Says what the buttons are about, and why one cannot be used."""
        cases = self.chosen()
        selected = len(self.table.selected_refs())
        size = sum(case.size_bytes for case in cases)
        about = f"{fmt.count(selected)} selected" if selected else f"All {fmt.count(len(cases))}"
        self.about.set_text(f"{about}, {fmt.size(size)}" if size else about)
        for label, remedy in self._remedies.items():
            reason = self._context.actions.blocked or remedy.reason(cases)
            self.buttons[label].set_reason(reason)

    def _run(self, label: str) -> None:
        self._remedies[label].run(self.chosen())

    def _open(self, ref: str) -> None:
        case = next((case for case in self.finding.cases if case.ref == ref), None)
        if case is not None and case.open is not None:
            self._context.navigate(*case.open)
