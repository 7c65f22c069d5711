"""A restore, step by step: which backup, what of it, where to; a summary before anything starts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from PySide6.QtWidgets import QVBoxLayout, QWidget

from xolite_qt.stores.backup_rows import BackupRow
from xolite_qt.ui import format as fmt
from xolite_qt.ui.dialogs.backups.form import PageStack
from xolite_qt.ui.dialogs.backups.restore_pages import SummaryPage, WhatPage, WhichPage
from xolite_qt.ui.dialogs.backups.restore_where import WherePage
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.models.backup_restore import Around, BackupFacts, RestoreWish
from xolite_qt.ui.tasks import TaskOwner
from xolite_qt.ui.widgets.banner import Banner
from xolite_qt.ui.widgets.tabs import Tabs

Look = Callable[[BackupRow], Awaitable[tuple[BackupFacts, str]]]
"""Reads a backup's facts; with them why they could not be read, or nothing."""
Start = Callable[[RestoreWish], Awaitable[str]]
"""Starts the restore; returns why it could not, or nothing."""

STEPS = (
    ("which", "1 Backup"),
    ("what", "2 What"),
    ("where", "3 Where"),
    ("summary", "4 Summary"),
)


class RestoreWizard(Dialog):
    """The steps of a restore. Each can be gone back to, and nothing chosen is lost by that.

    Args:
        rows: the backups to choose from.
        chosen: the one to begin with; with it the first step is passed over.
        look: reads what is particular to a backup.
        around: what the host offers for a backup now.
        start: starts it.
        offline: why nothing can be restored to the host now; "" where it can. Files can always be
            written.
    """

    def __init__(
        self,
        rows: Sequence[BackupRow],
        chosen: BackupRow | None,
        *,
        look: Look,
        around: Callable[[BackupRow], Around],
        start: Start,
        tasks: TaskOwner,
        offline: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("Restore", icon="revert", width=760, parent=parent)
        self._look = look
        self._around = around
        self._start_it = start
        self._tasks = tasks
        self._facts: dict[str, BackupFacts] = {}
        self._tried = False
        self.steps = Tabs(says=self.tr("Steps of the restore"))
        for ident, text in STEPS:
            self.steps.add(ident, self.tr(text))
        self.body.addWidget(self.steps)
        self.which = WhichPage(rows, chosen)
        self.what = WhatPage(offline)
        self.where = WherePage()
        self.summary = SummaryPage()
        self.pages = PageStack()
        for page in (self.which, self.what, self.where, self.summary):
            holder = QWidget()
            column = QVBoxLayout(holder)
            column.setContentsMargins(0, 8, 0, 4)
            column.addWidget(page)
            self.pages.add(holder)
        self.pages.setMinimumHeight(360)
        self.body.addWidget(self.pages, 1)
        self.banner = Banner()
        self.layout().insertWidget(2, self.banner)  # type: ignore[union-attr]
        cancel = self.add_button(self.tr("Cancel"))
        cancel.clicked.connect(self.reject)
        self.back = self.add_button(self.tr("Back"))
        self.back.clicked.connect(lambda: self._go(-1))
        self.next = self.add_button(self.tr("Next"), "primary", default=True)
        self.next.clicked.connect(self._forward)
        self.steps.selected.connect(self._show)
        self.which.changed.connect(self._backup_changed)
        self.which.confirmed.connect(self._forward)
        self.what.changed.connect(self._what_changed)
        self.where.changed.connect(self._judge)
        self._backup_changed()
        if chosen is not None:
            self.steps.set_current("what")
        else:
            self._judge()
        self.next.setFocus()

    # ------------------------------------------------------------------ what is chosen

    @property
    def row(self) -> BackupRow | None:
        """The chosen backup."""
        return self.which.chosen()

    def wish(self) -> RestoreWish | None:
        """Everything chosen so far; None without a backup."""
        row = self.row
        if row is None:
            return None
        begun = RestoreWish(row, self.what.what(), self.what.disk(), snapshot=self.what.snapshot())
        return self.where.put(begun)

    def refresh(self) -> None:
        """The host has changed: what it offers is looked at anew, what was chosen stays."""
        row = self.row
        if row is not None:
            offered = self._around(row)
            self.what.set_backup(row, offered.snapshots)
            self.where.set_around(offered)
        self._judge()

    def _backup_changed(self) -> None:
        row = self.row
        if row is not None:
            offered = self._around(row)
            self.what.set_backup(row, offered.snapshots)
            self.where.set_around(offered)
            self.where.set_backup(row, self.what.what(), self.what.disk(), self._facts.get(row.ref))
            if row.ref not in self._facts:
                self._tasks.spawn(self._read(row), "facts of a backup")
        self._judge()

    def _what_changed(self) -> None:
        row = self.row
        if row is not None:
            self.where.set_backup(row, self.what.what(), self.what.disk(), self._facts.get(row.ref))
        self._judge()

    async def _read(self, row: BackupRow) -> None:
        found, trouble = await self._look(row)
        self._facts[row.ref] = found
        if trouble:
            self.banner.show_message(trouble, "warning", closable=True)
        now = self.row
        if now is not None and now.ref == row.ref:
            self.where.set_backup(row, self.what.what(), self.what.disk(), found)
            self._judge()

    # ------------------------------------------------------------------ steps

    def _problem(self, step: str) -> str:
        match step:
            case "which":
                return "" if self.row is not None else self.tr("Choose a point in time.")
            case "what":
                return self.what.problem()
            case "where":
                return self.where.problem()
            case _:
                return ""

    def _judge(self) -> None:
        """Steps are open as far as those before them are complete."""
        blocked = ""
        for ident, _text in STEPS:
            self.steps.set_enabled(ident, enabled=not blocked, reason=blocked)
            blocked = blocked or self._problem(ident)
        here = self.steps.current()
        reason = self._problem(here)
        self.next.set_reason(reason or None)
        self.next.setText(self._verb() if here == "summary" else self.tr("Next"))
        self.back.setVisible(here != STEPS[0][0])
        self.where.judge()
        if here == "summary" and (wish := self.wish()) is not None:
            self.summary.set_wish(wish, self.where.offered, self._facts.get(wish.row.ref))

    def _verb(self) -> str:
        match self.what.what():
            case "file":
                return self.tr("Write the file")
            case "disk":
                return self.tr("Restore the disk")
            case _:
                return self.tr("Restore the VM")

    def _show(self, step: str) -> None:
        self.pages.show_page([ident for ident, _ in STEPS].index(step))
        self._judge()

    def _go(self, by: int) -> None:
        ids = [ident for ident, _ in STEPS]
        at = ids.index(self.steps.current()) + by
        if 0 <= at < len(ids):
            self.steps.set_current(ids[at])

    def _forward(self) -> None:
        here = self.steps.current()
        if self._problem(here):
            return
        if here != "summary":
            self._go(1)
            return
        wish = self.wish()
        if wish is not None:
            self.next.set_busy(True, self.tr("Starting…"))
            self._tasks.spawn(self._start(wish), "start a restore")

    async def _start(self, wish: RestoreWish) -> None:
        try:
            trouble = await self._start_it(wish)
        finally:
            self.next.set_busy(False)
            self._judge()
        if trouble:
            self.banner.show_message(trouble, "danger")
        else:
            self.accept()


def title_of(wish: RestoreWish) -> str:
    """What the run is called: `Restore of web01 (2026-11-20 02:00)`."""
    backup = wish.row.backup
    when = fmt.moment(backup.timestamp_ms / 1000)
    if wish.what in ("disk", "file"):
        disk = next((d.name for d in backup.disks if d.uuid == wish.disk), "a disk")
        return f"Restore of {disk or 'a disk'} of {backup.vm_name} ({when})"
    return f"Restore of {backup.vm_name} ({when})"
