"""Where a job writes, in which mode and format."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from xolite_qt.backup.jobs.model import Job, SavedRepository
from xolite_qt.ui.dialogs.backups.form import Choice, Form
from xolite_qt.ui.dialogs.backups.tick_list import TickList
from xolite_qt.ui.models.backup_checks import Tickable
from xolite_qt.ui.models.backup_columns import where
from xolite_qt.ui.widgets.button import Button

_MODES = (
    ("incremental", "Incremental: only what changed, disk by disk"),
    ("full", "Full: the whole VM each time (XVA)"),
)
_FORMATS = (
    ("blocks", "Folders of blocks, compressed"),
    ("vhd", "VHD files"),
)
_COMPRESSIONS = (
    ("zstd", "Zstandard (fast, small)"),
    ("gzip", "gzip"),
    ("none", "None"),
)


class WhereSection(QWidget):
    """Mode, repositories, format.

    Signals:
        changed: another choice.
        add_wanted: the user wants to add a repository.
    """

    changed = Signal()
    add_wanted = Signal()

    def __init__(self, job: Job, repositories: Sequence[SavedRepository], *, can_add: bool) -> None:
        super().__init__()
        self._known: dict[str, SavedRepository] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.form = Form()
        column.addWidget(self.form)
        self.mode = Choice([(ident, self.tr(text)) for ident, text in _MODES], job.mode)
        self.form.add(self.tr("Mode"), self.mode)
        self.repositories = TickList(
            self.tr("Repositories"),
            empty=self.tr("There is no repository yet: add a folder or an S3 bucket."),
            rows=4,
        )
        self.list_row = self.form.add(
            self.tr("Repositories"),
            self.repositories,
            hint=self.tr("Each gets every backup"),
        )
        self.add = Button(self.tr("Add a repository…"), icon="plus", small=True)
        self.add.setVisible(can_add)
        self.add.clicked.connect(self.add_wanted)
        self.form.add("", self.add, narrow=True)
        self.format = Choice([(i, self.tr(text)) for i, text in _FORMATS], job.disk_format)
        self.format_row = self.form.add(self.tr("Disks are stored as"), self.format, narrow=True)
        self.compression = Choice(
            [(i, self.tr(text)) for i, text in _COMPRESSIONS], job.xva_compression
        )
        self.compression_row = self.form.add(
            self.tr("Compression"),
            self.compression,
            hint=self.tr("Done by the host while it exports"),
            narrow=True,
        )
        column.addStretch(1)
        self.repositories.model.set_ticks(job.repositories)
        self.set_repositories(repositories)
        for field in (self.mode, self.format, self.compression):
            field.currentIndexChanged.connect(self._told)
        self.repositories.ticked.connect(self._told)
        self._show_rows()

    def set_repositories(self, repositories: Sequence[SavedRepository]) -> None:
        """The repositories that there are now."""
        self._known = {saved.id: saved for saved in repositories}
        self.repositories.model.set_lines(
            [
                Tickable(
                    saved.id,
                    saved.name or where(saved.url),
                    where(saved.url) + (", encrypted" if saved.encrypted else ""),
                    "folder" if saved.url.startswith("file:") else "sr",
                )
                for saved in repositories
            ]
        )
        self._show_rows()

    def add_repository(self, saved: SavedRepository) -> None:
        """A new one: shown, and chosen at once."""
        self.set_repositories([*self._known.values(), saved])
        self.repositories.model.set_ticks((*self.repositories.model.ticks(), saved.id))

    def put(self, job: Job) -> Job:
        """`job` with what is set here."""
        return msgspec.structs.replace(
            job,
            mode=self.mode.current(),
            repositories=self.repositories.model.ticks(),
            disk_format=self.format.current(),
            xva_compression=self.compression.current(),
        )

    def problem(self) -> str:
        """Why it cannot be saved; empty where it can."""
        if not self.repositories.model.ticks():
            return self.tr("Choose at least one repository.")
        return ""

    def _told(self) -> None:
        self._show_rows()
        self.changed.emit()

    def _show_rows(self) -> None:
        incremental = self.mode.current() == "incremental"
        self.form.set_row_visible(self.format_row, visible=incremental)
        self.form.set_row_visible(self.compression_row, visible=not incremental)
        forced = [
            saved.name
            for ref in self.repositories.model.ticks()
            if (saved := self._known.get(ref)) is not None
            and (saved.encrypted or not saved.url.startswith("file:"))
        ]
        hint = self.tr("Xen Orchestra reads both")
        if self.format.current() == "vhd" and forced:
            hint = f"{', '.join(forced)}: folders of blocks all the same (S3, or encrypted)"
        self.format_row.set_hint(hint)
