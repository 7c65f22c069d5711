"""What can be restored: the points in time of one VM, and the VMs that have any."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QVBoxLayout

from xolite_qt.stores import StoreState, Subscription
from xolite_qt.stores.backup_rows import BackupRow
from xolite_qt.ui.models.backup_point_columns import (
    BackedUpVm,
    backed_up,
    backed_up_columns,
    point_columns,
)
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.views.backups.deeds import BackupDeeds
from xolite_qt.ui.views.backups.part import Act, Part, TablePart, one, some
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.live_page import Throttle
from xolite_qt.ui.widgets import Banner, Card, DataTable, SearchField


class PointsPart(TablePart[BackupRow]):
    """The points in time of one VM.

    Args:
        before: actions that come first.
    """

    def __init__(
        self,
        context: PageContext,
        deeds: BackupDeeds,
        vm_uuid: str = "",
        *,
        part_id: str = "points",
        before: Iterable[Act[BackupRow]] = (),
    ) -> None:
        self.deeds = deeds
        self.store = deeds.stores.points
        self.vm_uuid = vm_uuid
        super().__init__(
            context,
            part_id,
            point_columns(job_name=self._job_name),
            one="backup",
            many="backups",
            acts=(
                *before,
                Act("Restore…", "revert", self._restore, lambda rows: one(rows, "point in time")),
                Act(
                    "Delete…",
                    "trash",
                    deeds.delete_points,
                    lambda rows: some(rows, "point in time") or self._busy(rows),
                ),
            ),
            newest="when",
        )
        self.table.opened.connect(self._open)

    def _busy(self, rows: list[BackupRow]) -> str | None:
        places = {row.repository.id for row in rows}
        repositories = self.deeds.stores.repositories.records
        return self.deeds.busy_reason([repositories[ref] for ref in places if ref in repositories])

    def _job_name(self, row: BackupRow) -> str:
        saved = self.deeds.stores.saved_jobs.records.get(row.backup.job_id)
        return saved.value.name if saved is not None else ""

    def _restore(self, rows: list[BackupRow]) -> None:
        self.deeds.restore(rows[0])

    def _open(self, ref: str) -> None:
        row = self.model.get(ref)
        if row is not None:
            self.deeds.restore(row)

    def set_vm(self, uuid: str) -> None:
        """Show another VM."""
        if uuid != self.vm_uuid:
            self.vm_uuid = uuid
            self.refresh()

    def wanted(self) -> Iterable[Subscription[Any]]:
        """Points in time, and the jobs that made them."""
        stores = self.deeds.stores
        return (
            self.store.subscribe(lambda _change: self.refresh(), self.on_state),
            stores.saved_jobs.subscribe(lambda _change: self.model.touch()),
            stores.repositories.subscribe(self.judge, self.judge),
        )

    def refresh(self) -> None:
        """Show what is there."""
        self.model.replace(
            row for row in self.store.records.values() if row.backup.vm_uuid == self.vm_uuid
        )
        self.model.flush()
        if self.model.rowCount() and not self.table.selected_refs():
            # What one mostly wants is the newest.
            self.table.select_ref(self.model.row_at(0).ref)
        self.tell()

    def show_state(self) -> None:
        """Rows, or what there is instead."""
        if not self.model.total() and self.store.state in (StoreState.READY, StoreState.STALE):
            self.table.show_hero(
                "empty",
                self.tr("No backup of this VM") if self.vm_uuid else self.tr("No VM chosen"),
                self.tr("Its points in time are listed here, once a job has backed it up.")
                if self.vm_uuid
                else "",
            )
            return
        self.say_state(self.store, "")


def unread(deeds: BackupDeeds) -> str:
    """Which repositories could not be read, in a sentence; empty where all could."""
    points, known = deeds.stores.points, deeds.stores.saved_repositories.records
    failed = [
        f"{known[ref].value.name}: {contents.error.rstrip('.')}"
        for ref, contents in points.contents.items()
        if contents.error and ref in known
    ]
    if not failed:
        return ""
    return f"Backups may be missing here. {'; '.join(failed)}."


class ByVmPart(Part):
    """VMs that have backups at the left, their points in time at the right."""

    def __init__(self, context: PageContext, deeds: BackupDeeds) -> None:
        super().__init__(context)
        self.deeds = deeds
        self.store = deeds.stores.points
        self._throttle = Throttle(self)
        self.vm_model: RecordTableModel[BackedUpVm] = RecordTableModel(
            backed_up_columns(), muted=lambda vm: not vm.exists
        )
        self.vm_model.setParent(self)
        self.vms = DataTable(self.vm_model, says=self.tr("VMs with backups"), multi=False)
        self.search = SearchField(self.tr("Search VMs"))
        self.points = PointsPart(context, deeds)
        self.banner = Banner()
        card = Card(dense=True)
        card.add(self.search)
        card.add(self.vms, 1)
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setChildrenCollapsible(False)
        # Room between two cards, in place of the usual line.
        self.split.setHandleWidth(12)
        self.split.setStyleSheet("QSplitter::handle { background: transparent; width: 12px; }")
        self.split.addWidget(card)
        self.split.addWidget(self.points)
        self.split.setStretchFactor(0, 2)
        self.split.setStretchFactor(1, 5)
        card.setMinimumWidth(220)
        self.points.setMinimumWidth(320)
        self.split.setSizes([340, 720])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.banner)
        column.addWidget(self.split, 1)
        self.search.searched.connect(self.vm_model.set_filter)
        self.search.down_pressed.connect(self.vms.view.setFocus)
        self.vm_model.counted.connect(self._tell)
        self.vms.selection_changed.connect(self._chosen)
        self.vms.opened.connect(lambda uuid: deeds.restore(vm_uuid=uuid))

    @property
    def settled(self) -> bool:
        """Whether everything known is shown."""
        return not self._throttle.is_waiting and self.vm_model.is_settled and self.points.settled

    def wanted(self) -> Iterable[Subscription[Any]]:
        """Points in time, and the VMs that the host has."""
        again = self._again
        return (
            *self.points.wanted(),
            self.store.subscribe(again, self._state),
            self.context.stores.vm.subscribe(again, again),
        )

    def _again(self, _what: object) -> None:
        self._throttle.call(self.refresh)

    def _state(self, _state: StoreState) -> None:
        self._tell()
        self.told_busy()
        self._throttle.call(self.refresh)

    def refresh(self) -> None:
        """Show what is there."""
        vms = self.context.stores.vm
        rows = backed_up(
            self.store.records.values(),
            lambda uuid: not vms.is_ready or vms.by_uuid(uuid) is not None,
        )
        self.vm_model.replace(rows)
        self.vm_model.flush()
        if rows and not self.vms.selected_refs():
            self.vms.select_ref(self.vm_model.rows()[0].ref)
        self.points.refresh()
        self._tell()

    def _chosen(self, refs: list[str]) -> None:
        self.points.set_vm(refs[0] if refs else "")

    def _tell(self, *_what: object) -> None:
        trouble = unread(self.deeds)
        if trouble:
            self.banner.show_message(
                trouble,
                "warning",
                action=self.tr("Try again"),
                on_action=self.deeds.stores.points.retry,
            )
        else:
            self.banner.clear()
        total, ready = (
            self.vm_model.total(),
            self.store.state in (StoreState.READY, StoreState.STALE),
        )
        self.points.setVisible(bool(total))
        if not total and ready and not trouble:
            self.vms.show_hero(
                "empty",
                self.tr("No backup yet"),
                self.tr("What the repositories hold is listed here, VM by VM."),
                action=self.tr("New job…"),
                on_action=self.deeds.new_job,
            )
            return
        self.points.say_table(self.vms, self.store, total, self.vm_model.rowCount())
