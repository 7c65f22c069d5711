"""The backup jobs: when they run, how they went, and everything one does with them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xolite_qt.stores import Change, StoreState, Subscription
from xolite_qt.stores.backup_rows import JobRow
from xolite_qt.ui.models.backup_columns import job_columns
from xolite_qt.ui.models.backup_inventory import VmChoice, matches
from xolite_qt.ui.models.backup_words import local_zone
from xolite_qt.ui.views.backups.deeds import BackupDeeds
from xolite_qt.ui.views.backups.part import Act, TablePart, one, some
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.widgets import Banner


class JobsPart(TablePart[JobRow]):
    """All jobs of this user, those of other pools too."""

    def __init__(self, context: PageContext, deeds: BackupDeeds) -> None:
        self.deeds = deeds
        self.store = deeds.stores.jobs
        self._vms: list[VmChoice] = []
        super().__init__(
            context,
            "jobs",
            job_columns(matching=self._matching, zone=local_zone()),
            one="job",
            many="jobs",
            acts=(
                Act(
                    "New job…",
                    "plus",
                    lambda _rows: deeds.new_job(),
                    lambda _rows: None,
                    "primary",
                    on_rows=False,
                ),
                Act(
                    "Run now",
                    "play",
                    deeds.run_jobs,
                    lambda rows: some(rows, "job") or deeds.run_reason(rows),
                ),
                Act("Edit…", "edit", deeds.edit_job, lambda rows: one(rows, "job")),
                Act("Duplicate…", "clone", deeds.copy_job, lambda rows: one(rows, "job")),
                Act("Delete…", "trash", deeds.delete_jobs, deeds.delete_reason),
            ),
            muted=lambda row: not row.job.schedule.enabled,
        )
        self.banner = Banner()
        self.column.insertWidget(0, self.banner)
        self.table.opened.connect(self._open)

    def _open(self, ref: str) -> None:
        row = self.model.get(ref)
        if row is not None:
            self.deeds.edit_job([row])

    def _matching(self, row: JobRow) -> int | None:
        """How many VMs a job means now; of another pool nobody here knows."""
        if not self._vms or not self.deeds.is_here(row.job):
            return None
        return sum(matches(row.job.selection, vm) for vm in self._vms)

    def wanted(self) -> Iterable[Subscription[Any]]:
        """Jobs, and the VMs that their selections mean."""
        return (
            self.store.subscribe(self._changed, self.on_state),
            self.context.stores.vm.subscribe(self._vms_changed, self._vms_changed),
        )

    def _changed(self, change: Change[JobRow]) -> None:
        self.model.apply(change)
        self._warn()

    def _vms_changed(self, _what: object) -> None:
        self._vms = [
            VmChoice(vm.uuid, vm.name_label, "", tuple(vm.tags), ())
            for vm in self.context.stores.vm.records.values()
        ]
        self.model.touch()

    def refresh(self) -> None:
        """Show what is there."""
        self._vms_changed(None)
        self.model.replace(self.store.records.values())
        self.tell()
        self._warn()

    def on_state(self, state: StoreState) -> None:
        """Another state; with it, what could not be read."""
        super().on_state(state)
        self._warn()

    def _warn(self) -> None:
        troubles = self.deeds.stores.troubles
        if troubles:
            more = f" And {len(troubles) - 1} more." if len(troubles) > 1 else ""
            self.banner.show_message(f"{troubles[0].rstrip('.')}.{more}", "warning")
        else:
            self.banner.clear()

    def show_state(self) -> None:
        """Rows, or what there is instead; without any job, how to begin."""
        if not self.model.total() and self.store.state in (StoreState.READY, StoreState.STALE):
            self.table.show_hero(
                "empty",
                self.tr("No backup job yet"),
                self.tr("A job says which VMs are backed up, when, where to, and what is kept."),
                action=self.tr("New job…"),
                on_action=self.deeds.new_job,
            )
            return
        self.say_state(self.store, "")
