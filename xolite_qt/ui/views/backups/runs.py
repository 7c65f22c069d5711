"""The runs: those at work with their disks, and the log of those that ended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xolite_qt.stores import Change, StoreState, Subscription
from xolite_qt.stores.backup_rows import RunRow
from xolite_qt.ui.models.backup_columns import run_columns
from xolite_qt.ui.views.backups.deeds import BackupDeeds
from xolite_qt.ui.views.backups.live_runs import LiveRuns
from xolite_qt.ui.views.backups.part import Act, TablePart, one, some
from xolite_qt.ui.views.page import PageContext


class RunsPart(TablePart[RunRow]):
    """Backups, restores, merges and checks, the newest first."""

    def __init__(self, context: PageContext, deeds: BackupDeeds) -> None:
        self.deeds = deeds
        self.store = deeds.stores.runs
        super().__init__(
            context,
            "runs",
            run_columns(job_name=self._job_name),
            one="run",
            many="runs",
            acts=(
                Act("Open…", "eye", deeds.open_run, lambda rows: one(rows, "run")),
                Act("Cancel run…", "cancel", deeds.cancel_runs, _cancel_reason),
            ),
            newest="started",
        )
        self.live = LiveRuns(deeds)
        self.column.insertWidget(0, self.live)
        self.table.opened.connect(self._open)

    def _job_name(self, row: RunRow) -> str:
        saved = self.deeds.stores.saved_jobs.records.get(row.spec.job_id or "")
        return saved.value.name if saved is not None else ""

    def _open(self, ref: str) -> None:
        row = self.model.get(ref)
        if row is not None:
            self.deeds.open_run([row])

    def wanted(self) -> Iterable[Subscription[Any]]:
        """Runs, and the jobs that they belong to."""
        return (
            self.store.subscribe(self._changed, self.on_state),
            self.deeds.stores.saved_jobs.subscribe(lambda _change: self.model.touch()),
        )

    def _changed(self, change: Change[RunRow]) -> None:
        self.model.apply(change)
        self.live.set_runs(self.deeds.stores.active_runs())

    def refresh(self) -> None:
        """Show what is there."""
        self.model.replace(self.store.records.values())
        self.live.set_runs(self.deeds.stores.active_runs())
        self.tell()

    def show_state(self) -> None:
        """Rows, or what there is instead."""
        if not self.model.total() and self.store.state in (StoreState.READY, StoreState.STALE):
            self.table.show_hero(
                "empty",
                self.tr("Nothing has run yet"),
                self.tr("Backups, restores, merges and checks are listed here, with their logs."),
            )
            return
        self.say_state(self.store, "")


def _cancel_reason(rows: list[RunRow]) -> str | None:
    if rows and not any(row.is_active for row in rows):
        return "It has ended already." if len(rows) == 1 else "They have ended already."
    return some(rows, "run")
