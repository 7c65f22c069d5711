"""Step of a restore: storage per disk, network per card, name; or the file."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QCheckBox, QFileDialog, QLineEdit, QVBoxLayout, QWidget

from xolite_qt.stores.backup_rows import BackupRow
from xolite_qt.ui import format as fmt
from xolite_qt.ui.dialogs.backups.form import Choice, Form, Row
from xolite_qt.ui.models.backup_restore import (
    Around,
    BackupFacts,
    RestoreWish,
    SrChoice,
    What,
    sizes,
    too_small,
)
from xolite_qt.ui.widgets.button import Button
from xolite_qt.ui.widgets.card import SectionTitle

_FORMATS = (("raw", "Raw"), ("vhd", "VHD"), ("qcow2", "qcow2"))


class SrField(Choice):
    """Storages; those that cannot be used stay to be seen, greyed, with the reason."""

    def __init__(self) -> None:
        super().__init__(())

    def set_srs(self, srs: tuple[SrChoice, ...], needed_bytes: int) -> None:
        """Show these; the choice stays where it can."""
        before = self.current()
        self.blockSignals(True)
        self.clear()
        model = self.model()
        assert isinstance(model, QStandardItemModel)
        able = ""
        for sr in srs:
            reason = sr.reason
            if not reason and needed_bytes > sr.free_bytes:
                reason = (
                    f"{fmt.size(needed_bytes)} required when only "
                    f"{fmt.size(sr.free_bytes)} available"
                )
            default = ", default" if sr.is_default else ""
            said = reason or f"{fmt.size(sr.free_bytes)} free{default}"
            item = QStandardItem(f"{sr.name} ({said})")
            item.setData(sr.uuid, Qt.ItemDataRole.UserRole)
            item.setEnabled(not reason)
            model.appendRow(item)
            if not reason:
                able = able or sr.uuid
        self.set_current(before if before and self._is_able(before) else able)
        if not able:
            self.setCurrentIndex(-1)
        self.blockSignals(False)

    def _is_able(self, uuid: str) -> bool:
        at = self.findData(uuid)
        model = self.model()
        assert isinstance(model, QStandardItemModel)
        return at >= 0 and model.item(at).isEnabled()


class WherePage(QWidget):
    """Where the restored things go.

    Signals:
        changed: another choice.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.offered = Around()
        self._row: BackupRow | None = None
        self._what: What = "vm"
        self._disk = ""
        self._facts: BackupFacts | None = None
        self._named = ""
        self._shape: object = None
        self._sizes: dict[str, int] = {}
        self.srs: dict[str, SrField] = {}
        self._sr_rows: dict[str, Row] = {}
        self.networks: dict[str, Choice] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(12)
        self.top = Form()
        self.name = QLineEdit()
        self.name.setMaxLength(400)
        self.name_row = self.top.add(self.tr("Name"), self.name)
        self.path = QLineEdit()
        self.path.setPlaceholderText("/home/me/disk.raw")
        self.browse = Button(self.tr("Browse…"), icon="folder", small=True)
        self.browse.clicked.connect(self._browse)
        self.path_row = self.top.add(self.tr("File"), self.path, self.browse)
        self.format = Choice([(ident, self.tr(text)) for ident, text in _FORMATS], "raw")
        self.format_row = self.top.add(self.tr("Format"), self.format, narrow=True)
        self._column.addWidget(self.top)
        self._parts = QWidget()
        self._column.addWidget(self._parts)
        self.start = QCheckBox(self.tr("Start the VM afterwards"))
        self.keep_macs = QCheckBox(self.tr("Keep the MAC addresses"))
        self._column.addWidget(self.start)
        self._column.addWidget(self.keep_macs)
        self._column.addStretch(1)
        self.name.textChanged.connect(lambda _t: self.changed.emit())
        self.path.textChanged.connect(lambda _t: self.changed.emit())
        self.format.currentIndexChanged.connect(self._format_changed)
        self.start.toggled.connect(lambda _on: self.changed.emit())
        self.keep_macs.toggled.connect(lambda _on: self.changed.emit())

    # ------------------------------------------------------------------ content

    def set_around(self, offered: Around) -> None:
        """What the host offers now."""
        self.offered = offered
        for disk, field in self.srs.items():
            field.set_srs(offered.srs, self._sizes.get(disk, 0))

    def set_backup(self, row: BackupRow, what: What, disk: str, found: BackupFacts | None) -> None:
        """Another backup, or another way to restore it."""
        self._row, self._what, self._disk, self._facts = row, what, disk, found
        self._sizes = sizes(row)
        if what == "disk":
            self._sizes = {disk: self._sizes.get(disk, 0)}
        wanted = self._suggested()
        if self.name.text() in ("", self._named):
            self.name.setText(wanted)
        self._named = wanted
        shape = (row.ref, what, disk if what == "disk" else "", found)
        if shape != self._shape:
            self._shape = shape
            self._build()
        file = what == "file"
        self.top.set_row_visible(self.name_row, visible=not file)
        self.top.set_row_visible(self.path_row, visible=file)
        self.top.set_row_visible(self.format_row, visible=file)
        self.format_row.set_hint(
            ""
            if shutil.which("qemu-img")
            else self.tr("qcow2 needs qemu-img, which is not installed here")
        )
        self.start.setVisible(what in ("vm", "revert"))
        self.keep_macs.setVisible(what in ("vm", "revert"))
        self.judge()

    def _suggested(self) -> str:
        assert self._row is not None
        backup = self._row.backup
        if self._what == "disk":
            return next((d.name for d in backup.disks if d.uuid == self._disk), "") or "disk"
        when = fmt.moment(backup.timestamp_ms / 1000)
        return f"{backup.vm_name} ({when})"

    def _build(self) -> None:
        """A field for each disk and card."""
        assert self._row is not None
        chosen = {disk: field.current() for disk, field in self.srs.items()}
        wired = {nic: field.current() for nic, field in self.networks.items()}
        old, self._parts = self._parts, QWidget()
        self._column.replaceWidget(old, self._parts)
        old.hide()
        old.deleteLater()
        self.srs, self._sr_rows, self.networks = {}, {}, {}
        column = QVBoxLayout(self._parts)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        # A differential restore keeps the disks where the snapshot has them.
        if self._what in ("vm", "disk"):
            column.addWidget(SectionTitle(self.tr("Storage")))
            form = Form()
            column.addWidget(form)
            names = {disk.uuid: disk.name or disk.uuid for disk in self._row.backup.disks}
            for disk, size in self._sizes.items():
                field = SrField()
                field.set_srs(self.offered.srs, size)
                if disk in chosen:
                    field.set_current(chosen[disk])
                field.currentIndexChanged.connect(lambda _at: self.changed.emit())
                caption = f"{names.get(disk, 'All disks')}"
                field.setAccessibleName(f"Storage for {caption}")
                self._sr_rows[disk] = form.add(caption[:60], field, hint=fmt.size(size))
                self.srs[disk] = field
        if self._what in ("vm", "revert") and self._facts is not None and self._facts.nics:
            column.addWidget(SectionTitle(self.tr("Network")))
            form = Form()
            column.addWidget(form)
            for nic in self._facts.nics:
                values = [("", self.tr("Leave this card out")), *self.offered.networks]
                same = next(
                    (
                        uuid
                        for uuid, name in self.offered.networks
                        if uuid == nic.network_uuid or (name == nic.network and nic.network)
                    ),
                    "",
                )
                choice = Choice(values, wired.get(nic.uuid, same))
                choice.currentIndexChanged.connect(lambda _at: self.changed.emit())
                choice.setAccessibleName(f"Network of card {nic.device}")
                was = f"was on {nic.network}" if nic.network else ""
                form.add(f"Card {nic.device}", choice, hint=", ".join(filter(None, (nic.mac, was))))
                self.networks[nic.uuid] = choice
        self._parts.setVisible(column.count() > 0)

    # ------------------------------------------------------------------ value

    def put(self, wish: RestoreWish) -> RestoreWish:
        """`wish` with what is chosen here."""
        return replace(
            wish,
            srs={disk: field.current() for disk, field in self.srs.items()},
            networks={nic: field.current() for nic, field in self.networks.items()},
            name=self.name.text().strip(),
            start=self.start.isChecked(),
            keep_macs=self.keep_macs.isChecked(),
            path=self.path.text().strip(),
            format=self.format.current() or "raw",  # type: ignore[arg-type]  # one of _FORMATS
        )

    def problem(self) -> str:
        """Why one cannot go on; empty where one can."""
        if self._what == "file":
            return self._path_problem()
        if not self.name.text().strip():
            return self.tr("Give it a name.")
        if any(not field.current() for field in self.srs.values()):
            return self.tr("No storage has room for one of the disks.")
        return next(iter(self._too_small().values()), "")

    def _too_small(self) -> dict[str, str]:
        chosen = {disk: field.current() for disk, field in self.srs.items()}
        return too_small(self.offered.srs, chosen, self._sizes)

    def _path_problem(self) -> str:
        path = self.path.text().strip()
        if not path:
            return self.tr("Choose a file.")
        if not Path(path).is_absolute():
            return self.tr("Give the whole path of the file, from the root.")
        if self.format.current() == "qcow2" and shutil.which("qemu-img") is None:
            return self.tr("qcow2 needs qemu-img, which is not installed here.")
        return ""

    def judge(self) -> None:
        """Says what is wrong beside the fields."""
        small = self._too_small()
        for disk, row in self._sr_rows.items():
            problem = small.get(self.srs[disk].current(), "")
            if not self.srs[disk].current():
                problem = self.tr("No storage has room for this disk.")
            row.set_problem(problem)
        same = self.name.text().strip() in self.offered.vm_names
        self.name_row.set_hint(
            self.tr("Another VM has this name already; that is allowed")
            if same and self._what in ("vm", "revert")
            else ""
        )
        if self._what == "file" and self.path.text().strip():
            self.path_row.set_problem(self._path_problem())
        else:
            self.path_row.set_problem("")

    # ------------------------------------------------------------------ file

    def _format_changed(self) -> None:
        path = Path(self.path.text().strip())
        if path.suffix in (".raw", ".vhd", ".qcow2"):
            self.path.setText(str(path.with_suffix(f".{self.format.current()}")))
        self.changed.emit()

    def _browse(self) -> None:
        dialog = QFileDialog(self, self.tr("Restore the disk into a file"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(self.format.current())
        dialog.selectFile(f"{_file_name(self._suggested_file())}.{self.format.current()}")
        dialog.fileSelected.connect(self.path.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _suggested_file(self) -> str:
        if self._row is None:
            return "disk"
        disk = next((d.name for d in self._row.backup.disks if d.uuid == self._disk), "disk")
        return f"{self._row.backup.vm_name}-{disk}"


def _file_name(text: str) -> str:
    """A name for a file: whatever a host calls its disks."""
    safe = "".join(sign if sign.isalnum() or sign in "-_." else "-" for sign in text)
    return safe.strip("-.")[:80] or "disk"
