"""Steps of a restore: which backup, what of it, and the summary."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QRadioButton, QSplitter, QVBoxLayout, QWidget

from xolite_qt.stores.backup_rows import BackupRow
from xolite_qt.ui import format as fmt
from xolite_qt.ui.dialogs.backups.form import Choice, Form
from xolite_qt.ui.models.backup_columns import where
from xolite_qt.ui.models.backup_point_columns import (
    BackedUpVm,
    backed_up,
    backed_up_columns,
    point_columns,
    point_mode,
)
from xolite_qt.ui.models.backup_restore import (
    Around,
    BackupFacts,
    RestoreWish,
    SnapshotChoice,
    What,
)
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.widgets.key_values import KeyValues
from xolite_qt.ui.widgets.search_field import SearchField
from xolite_qt.ui.widgets.table import DataTable
from xolite_qt.ui.widgets.text import TextLabel


class WhichPage(QWidget):
    """A VM at the left, its points in time at the right.

    Signals:
        changed: another point in time is chosen.
        confirmed: one was opened by double click or Enter.
    """

    changed = Signal()
    confirmed = Signal()

    def __init__(self, rows: Sequence[BackupRow], chosen: BackupRow | None) -> None:
        super().__init__()
        self._rows = {row.ref: row for row in rows}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.search = SearchField(self.tr("Search VMs"))
        column.addWidget(self.search)
        self._vms: RecordTableModel[BackedUpVm] = RecordTableModel(backed_up_columns()[:1])
        self._vms.setParent(self)
        self._points: RecordTableModel[BackupRow] = RecordTableModel(
            [
                column
                for column in point_columns(job_name=lambda _row: "")
                if column.id in ("when", "mode", "size", "repository")
            ]
        )
        self._points.setParent(self)
        self._points.sort_by("when", descending=True)
        self.vms = DataTable(self._vms, says=self.tr("VMs with backups"), multi=False)
        self.points = DataTable(self._points, says=self.tr("Points in time"), multi=False)
        split = QSplitter()
        split.setChildrenCollapsible(False)
        split.addWidget(self.vms)
        split.addWidget(self.points)
        split.setStretchFactor(0, 2)
        split.setStretchFactor(1, 5)
        split.setSizes([200, 500])
        column.addWidget(split, 1)
        self._vms.replace(backed_up(rows, lambda _uuid: True))
        self.search.searched.connect(self._vms.set_filter)
        self.search.down_pressed.connect(self.vms.view.setFocus)
        self.vms.selection_changed.connect(self._vm_chosen)
        self.points.selection_changed.connect(lambda _refs: self.changed.emit())
        self.points.opened.connect(lambda _ref: self.confirmed.emit())
        if not rows:
            self.vms.show_hero("empty", self.tr("No backup is known yet."))
            self.points.hide()
        elif chosen is not None:
            self.vms.select_ref(chosen.backup.vm_uuid)
            self.points.select_ref(chosen.ref)
        else:
            first = next(iter(self._vms.rows()), None)
            if first is not None:
                self.vms.select_ref(first.ref)

    def chosen(self) -> BackupRow | None:
        """The chosen point in time."""
        refs = self.points.selected_refs()
        return self._rows.get(refs[0]) if refs else None

    def _vm_chosen(self, refs: list[str]) -> None:
        vm = refs[0] if refs else ""
        rows = [row for row in self._rows.values() if row.backup.vm_uuid == vm]
        self._points.replace(rows)
        newest = next(iter(self._points.rows()), None)
        if newest is not None:
            self.points.select_ref(newest.ref)
        self.changed.emit()


class WhatPage(QWidget):
    """The whole VM, one disk, a file, or the difference onto a snapshot.

    Signals:
        changed: another choice.
    """

    changed = Signal()

    def __init__(self, offline: str) -> None:
        super().__init__()
        self._offline = offline
        self._row: BackupRow | None = None
        self._snapshots: tuple[SnapshotChoice, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.about = TextLabel(kind="body-bold", wrap=True)
        column.addWidget(self.about)
        self._group = QButtonGroup(self)
        self.kinds: dict[What, QRadioButton] = {}
        self._hints: dict[What, TextLabel] = {}
        for ident, text in (
            ("vm", self.tr("The whole VM, as a new VM")),
            ("disk", self.tr("One disk, as a new disk on the host")),
            ("file", self.tr("One disk, into a file on this machine")),
            ("revert", self.tr("Only what differs from a snapshot on the host")),
        ):
            button = QRadioButton(text)
            hint = TextLabel(kind="small", tone="secondary", wrap=True)
            hint.setContentsMargins(26, 0, 0, 4)
            button.toggled.connect(self._told)
            self._group.addButton(button)
            self.kinds[ident] = button  # type: ignore[index]  # the four of What
            self._hints[ident] = hint  # type: ignore[index]
            column.addWidget(button)
            column.addWidget(hint)
        self.form = Form()
        column.addWidget(self.form)
        self.disks = Choice(())
        self.disk_row = self.form.add(self.tr("Disk"), self.disks)
        self.snapshots = Choice(())
        self.snapshot_row = self.form.add(self.tr("Snapshot"), self.snapshots)
        column.addStretch(1)
        self.kinds["file" if offline else "vm"].setChecked(True)
        self.disks.currentIndexChanged.connect(self.changed)
        self.snapshots.currentIndexChanged.connect(self.changed)

    def set_backup(self, row: BackupRow, snapshots: tuple[SnapshotChoice, ...]) -> None:
        """Another backup, or other snapshots on the host."""
        backup = row.backup
        if self._row is None or self._row.ref != row.ref:
            self.about.set_text(
                f"{backup.vm_name}, {fmt.absolute(backup.timestamp_ms / 1000)}, "
                f"{point_mode(row).lower()}, {fmt.size(backup.size_bytes)}"
            )
            before = self.disks.current()
            self.disks.blockSignals(True)
            self.disks.clear()
            for disk in backup.disks:
                self.disks.addItem(
                    f"{disk.name or disk.uuid} ({fmt.size(disk.size_bytes)})", disk.uuid
                )
            self.disks.set_current(before)
            self.disks.blockSignals(False)
        self._row = row
        if snapshots != self._snapshots:
            self._snapshots = snapshots
            before = self.snapshots.current()
            self.snapshots.blockSignals(True)
            self.snapshots.clear()
            for one in snapshots:
                when = fmt.moment(one.taken_s)
                self.snapshots.addItem(f"{one.name} ({when})", one.uuid)
            self.snapshots.set_current(before)
            self.snapshots.blockSignals(False)
        self._judge()

    def what(self) -> What:
        """The choice."""
        return next(ident for ident, button in self.kinds.items() if button.isChecked())

    def disk(self) -> str:
        """Uuid of the disk, for those kinds that are about one."""
        return self.disks.current() if self.what() in ("disk", "file") else ""

    def snapshot(self) -> str:
        """Uuid of the snapshot to build on."""
        return self.snapshots.current() if self.what() == "revert" else ""

    def problem(self) -> str:
        """Why one cannot go on; empty where one can."""
        return self._reasons().get(self.what(), "")

    def _reasons(self) -> dict[What, str]:
        full = self._row is not None and self._row.backup.mode == "full"
        no_disks = self._row is not None and not full and not self._row.backup.disks
        whole = self.tr("A full backup is one file of the whole VM")
        none = self.tr("This backup has no disk")
        no_snapshot = self.tr("The host has no snapshot that one of these backups was made of")
        return {
            "vm": self._offline,
            "disk": self._offline or (whole if full else none if no_disks else ""),
            "file": whole if full else none if no_disks else "",
            "revert": self._offline or (whole if full else "" if self._snapshots else no_snapshot),
        }

    def _judge(self) -> None:
        hints: dict[What, str] = {
            "vm": self.tr("Nothing that exists is touched"),
            "disk": self.tr("To be attached to any VM afterwards"),
            "file": self.tr("Raw, VHD or qcow2; needs no host"),
            "revert": self.tr(
                "A new VM from the snapshot's disks; only blocks that differ travel: fast"
            ),
        }
        reasons = self._reasons()
        for ident, button in self.kinds.items():
            button.setEnabled(not reasons[ident])
            self._hints[ident].set_text(reasons[ident] or hints[ident])
            button.setAccessibleDescription(reasons[ident] or hints[ident])
        if reasons[self.what()]:
            able = next((ident for ident in self.kinds if not reasons[ident]), None)
            if able is not None:
                self.kinds[able].setChecked(True)
        what = self.what()
        self.form.set_row_visible(self.disk_row, visible=what in ("disk", "file"))
        self.form.set_row_visible(self.snapshot_row, visible=what == "revert")

    def _told(self, on: bool) -> None:
        if on and hasattr(self, "snapshot_row"):
            self._judge()
            self.changed.emit()


class SummaryPage(QWidget):
    """Everything that was chosen, in words."""

    def __init__(self) -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(12)
        self.facts = KeyValues()
        self._column.addWidget(self.facts)
        self.note = TextLabel(tone="secondary", wrap=True)
        self._column.addWidget(self.note)
        self._column.addStretch(1)

    def set_wish(self, wish: RestoreWish, offered: Around, found: BackupFacts | None) -> None:
        """Say what will be done."""
        old = self.facts
        self.facts = KeyValues()
        self._column.replaceWidget(old, self.facts)
        old.hide()
        old.deleteLater()
        backup = wish.row.backup
        srs = {sr.uuid: sr.name for sr in offered.srs}
        networks = dict(offered.networks)
        put = self.facts.set
        put(self.tr("Backup"), f"{backup.vm_name}, {fmt.absolute(backup.timestamp_ms / 1000)}")
        put(self.tr("From"), f"{wish.row.repository.name} ({where(wish.row.repository.url)})")
        disk = next((d for d in backup.disks if d.uuid == wish.disk), None)
        if wish.what == "file":
            put(self.tr("Disk"), f"{disk.name} ({fmt.size(disk.size_bytes)})" if disk else "")
            put(self.tr("File"), wish.path)
            put(self.tr("Format"), wish.format)
            self.note.set_text(
                self.tr("Every block is checked against the backup's manifest as it is written.")
            )
            return
        put(self.tr("New VM") if wish.what != "disk" else self.tr("New disk"), wish.name)
        if wish.what == "revert":
            name = next((s.name for s in offered.snapshots if s.uuid == wish.snapshot), "")
            put(self.tr("Builds on"), name)
        names = {d.uuid: d.name or d.uuid for d in backup.disks}
        for uuid, sr in wish.srs.items():
            label = f"Disk {names[uuid]}" if uuid in names else self.tr("Disks")
            put(label, f"to {srs.get(sr, sr)}")
        for nic in found.nics if found and wish.what != "disk" else ():
            target = wish.networks.get(nic.uuid, "")
            put(
                f"Network card {nic.device}",
                networks.get(target, target) if target else self.tr("left out"),
            )
        if wish.what != "disk":
            put(
                self.tr("MAC addresses"),
                self.tr("kept") if wish.keep_macs else self.tr("new ones"),
            )
            put(self.tr("Started afterwards"), fmt.yes_no(wish.start))
        self.note.set_text(
            self.tr(
                "The restore runs on its own: this window can be closed. Every block is checked "
                "against the backup's manifest as it is written."
            )
        )
