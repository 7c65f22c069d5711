"""Dumps of crashed VMs, each in a disk of its own; recent versions of XAPI deprecate them."""

from __future__ import annotations

from collections.abc import Sequence

import shiboken6
from PySide6.QtWidgets import QHBoxLayout

from xolite_qt.ui import format as fmt
from xolite_qt.ui.models import crash_dumps
from xolite_qt.ui.models.crash_dumps import VM_DUMP_COLUMNS, VmDumpRow
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.states import show_card_state
from xolite_qt.ui.widgets import Button, Card, DataTable, TextLabel
from xolite_qt.xen_api import VDI, VM, Crashdump, XapiError, XenApiError

_ROW_PX, _HEAD_PX, _MOST_ROWS = 37, 46, 6


class VmDumpsCard(Card):
    """Lists them, and deletes them with their disks.

    Names and sizes are read for these few VMs and disks alone: nobody listens to all disks of a
    pool for a list that is nearly always empty.
    """

    def __init__(self, context: PageContext) -> None:
        super().__init__("Crash dumps of VMs")
        self._context = context
        self._rows: list[VmDumpRow] = []
        self._vms: dict[str, VM] = {}
        self._disks: dict[str, VDI] = {}
        self._asked: set[str] = set()
        self.model = RecordTableModel(VM_DUMP_COLUMNS, parent=self)
        self.table = DataTable(self.model, says="Crash dumps of VMs")
        self.table.selection_changed.connect(lambda _refs: self._tell())
        self.add(
            TextLabel(
                "Recent versions of XAPI deprecate these and make none. What older ones left takes "
                "room on its SR.",
                kind="small",
                tone="secondary",
                wrap=True,
            )
        )
        self.add(self.table, 1)
        self.delete = Button(
            "Delete…", "tertiary-danger", icon="trash", small=True, on_click=self.begin_delete
        )
        line = QHBoxLayout()
        line.addStretch(1)
        line.addWidget(self.delete)
        self.add_layout(line)

    def show_dumps(self) -> None:
        """Show what the store holds."""
        store = self._context.stores.crashdump
        if not show_card_state(self, store):
            return
        dumps = list(store.records.values())
        self._read(dumps)
        self._fill()

    def _fill(self) -> None:
        dumps = self._context.stores.crashdump.records.values()
        self._rows = crash_dumps.vm_dump_rows(dumps, self._vms, self._disks)
        self.model.replace(self._rows)
        if not self._rows:
            self.set_good("No crash dumps", "Recent versions of XAPI deprecate them and make none.")
            return
        self.table.setFixedHeight(_HEAD_PX + min(len(self._rows), _MOST_ROWS) * _ROW_PX)
        self._tell()

    def _read(self, dumps: Sequence[Crashdump]) -> None:
        new = [dump for dump in dumps if dump.ref not in self._asked]
        if new:
            self._asked |= {dump.ref for dump in new}
            self._context.tasks.spawn(self._names(new), "names of crash dumps")

    async def _names(self, dumps: Sequence[Crashdump]) -> None:
        api = self._context.stores.api
        for dump in dumps:
            try:
                self._vms[dump.vm] = await api.get_record(VM, dump.vm)
            except XapiError:
                # The VM was deleted since: its row says so.
                pass
            except XenApiError:
                # Cut off: asked again with the next news.
                self._asked.discard(dump.ref)
            try:
                self._disks[dump.vdi] = await api.get_record(VDI, dump.vdi)
            except XapiError:
                pass
            except XenApiError:
                self._asked.discard(dump.ref)
        if shiboken6.isValid(self):
            self._fill()

    def begin_delete(self) -> None:
        """Asks, then deletes the selected ones."""
        rows = self._selected()
        if rows:
            self._context.actions.begin(
                crash_dumps.delete_vm_deeds(rows), crash_dumps.delete_vm_question(rows)
            )

    def _selected(self) -> list[VmDumpRow]:
        chosen = set(self.table.selected_refs())
        return [row for row in self._rows if row.ref in chosen]

    def _tell(self) -> None:
        count = len(self._selected())
        none = None if count else "Choose one or more dumps first."
        self.delete.set_reason(self._context.actions.blocked or none)
        self.delete.setText("Delete…" if count < 2 else f"Delete {fmt.count(count)}…")
