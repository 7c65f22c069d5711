"""The dumps of a host's own kernel: how many, when, how large; fetched, sent and deleted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from xolite_qt.ui import format as fmt
from xolite_qt.ui.deeds import Choice
from xolite_qt.ui.dialogs.host_edit.download_window import DownloadWindow
from xolite_qt.ui.dialogs.host_edit.send_dump import SendDumpDialog
from xolite_qt.ui.errors import explain
from xolite_qt.ui.models import crash_dumps
from xolite_qt.ui.models.crash_dumps import DUMP_COLUMNS, DumpRow
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.states import show_card_state
from xolite_qt.ui.widgets import Button, Card, DataTable, FlowLayout, TextLabel
from xolite_qt.xen_api import Host, XenApiError
from xolite_qt.xen_api.door import Door

_NONE_CHOSEN = "Choose one or more dumps first."
_ROW_PX, _HEAD_PX, _MOST_ROWS = 37, 46, 6


class CrashDumpsCard(Card):
    """Lists the dumps of one host.

    Args:
        context: of the page.
        host: reference of the host.
    """

    def __init__(self, context: PageContext, host: str) -> None:
        super().__init__("Crash dumps of this host")
        self._context = context
        self._host = host
        self._rows: list[DumpRow] = []
        self.model = RecordTableModel(DUMP_COLUMNS, parent=self)
        self.table = DataTable(self.model, says="Crash dumps of this host")
        self.table.sort(0, Qt.SortOrder.DescendingOrder)
        self.table.selection_changed.connect(lambda _refs: self._tell())
        self.add(
            TextLabel(
                "Hosts hand out dumps only as a part of their status report: the download is a tar "
                "with all of them. To get one alone, let the host send it.",
                kind="small",
                tone="secondary",
                wrap=True,
            )
        )
        self.add(self.table, 1)
        self.download = Button("Download all…", icon="download", small=True)
        self.send = Button("Send…", icon="send", small=True)
        self.delete = Button("Delete…", "tertiary-danger", icon="trash", small=True)
        self.delete_all = Button("Delete all…", "tertiary-danger", small=True)
        # Side by side where there is room.
        line = FlowLayout()
        for button, run in (
            (self.download, self.choose_file),
            (self.send, self.begin_send),
            (self.delete, self.begin_delete),
            (self.delete_all, self.begin_delete_all),
        ):
            button.clicked.connect(run)
            line.addWidget(button)
        self.add_layout(line)

    def show_dumps(self) -> None:
        """Show what the stores hold."""
        stores = self._context.stores
        if not show_card_state(self, stores.host_crashdump):
            return
        self._rows = crash_dumps.dump_rows(stores.host_crashdump.records.values(), self._host)
        self.model.replace(self._rows)
        self.set_info(crash_dumps.total_words(self._rows))
        if not self._rows:
            self.set_good("No crash dumps")
            return
        rows = min(len(self._rows), _MOST_ROWS)
        self.table.setFixedHeight(_HEAD_PX + rows * _ROW_PX)
        self._tell()

    def choices(self) -> list[Choice]:
        """What the buttons do, for the palette."""
        none = None if self._rows else "This host has no crash dumps."
        return [
            Choice(
                "host.download_dumps", "Download crash dumps…", "download", self.choose_file, none
            ),
            Choice(
                "host.delete_dumps",
                "Delete all crash dumps…",
                "trash",
                self.begin_delete_all,
                none,
                90,
            ),
        ]

    # ------------------------------------------------------------------ doing

    def begin_delete(self) -> None:
        """Asks, then deletes the selected ones."""
        self._delete(self._selected())

    def begin_delete_all(self) -> None:
        """Asks, then deletes all of them."""
        self._delete(self._rows)

    def begin_send(self) -> None:
        """Asks where to, then lets the host send the selected one."""
        chosen = self._selected()
        if len(chosen) == 1:
            dialog = SendDumpDialog(self._context, chosen[0], self._context.actions.window)
            self._context.tasks.spawn(ask(dialog), "send crash dump")

    def choose_file(self) -> QFileDialog:
        """Asks where to, then downloads."""
        dialog = QFileDialog(self._context.actions.window, "Save crash dumps")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("tar")
        name = self._name()
        dialog.selectFile(f"crash-dumps-{_plain(name)}.tar")
        dialog.fileSelected.connect(
            lambda path: self._context.tasks.spawn(
                self._download(Path(path)), f"download crash dumps of {name}"
            )
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog

    async def _download(self, target: Path) -> None:
        api, host = self._context.stores.api, self._context.stores.host.get(self._host)
        if host is None:
            self._context.notify("This host is no longer part of the pool.", level="warning")
            return
        try:
            door = await door_of(self._context, host)
        except XenApiError as error:
            explained = explain(error)
            self._context.notify(
                f"{host.name_label}: {explained.summary}",
                level="danger",
                details=explained.details,
            )
            return
        window = DownloadWindow(
            f"Crash dumps of {host.name_label}",
            target,
            self._context.notify,
            expected_bytes=sum(max(row.dump.size, 0) for row in self._rows),
            parent=self._context.actions.window,
        )
        query = {"entries": crash_dumps.DUMP_ENTRIES, "output": "tar"}
        await window.work(api, door, crash_dumps.REPORT_PATH, query)

    def _delete(self, rows: Sequence[DumpRow]) -> None:
        if rows:
            self._context.actions.begin(
                crash_dumps.delete_deeds(rows), crash_dumps.delete_question(rows, self._name())
            )

    # ------------------------------------------------------------------ parts

    def _name(self) -> str:
        host = self._context.stores.host.get(self._host)
        return host.name_label if host is not None else "this host"

    def _selected(self) -> list[DumpRow]:
        chosen = set(self.table.selected_refs())
        return [row for row in self._rows if row.ref in chosen]

    def _tell(self) -> None:
        blocked = self._context.actions.blocked
        count = len(self._selected())
        one = None if count == 1 else "Choose one dump first."
        self.download.set_reason(blocked)
        self.send.set_reason(blocked or one)
        self.delete.set_reason(blocked or (None if count else _NONE_CHOSEN))
        self.delete_all.set_reason(blocked)
        self.delete.setText("Delete…" if count < 2 else f"Delete {fmt.count(count)}…")


def _plain(name: str) -> str:
    """A name that any file system takes."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)[:80]


async def door_of(context: PageContext, host: Host) -> Door:
    """The way into the very host that has what is wanted: reports are made by each one itself.

    Raises:
        XenApiError: nobody is signed in, or the certificate of that host was never accepted.
    """
    api = context.stores.api
    door = await api.door()
    pool = context.stores.the_pool()
    # Calls go to the master, so that is whom the connection's own door leads to.
    if pool is None or pool.master == host.ref or not host.address:
        return door
    address = f"[{host.address}]" if ":" in host.address else host.address
    return door.to(f"{'https' if door.tls else 'http'}://{address}")
