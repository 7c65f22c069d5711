"""A field for a place on this computer, and what is known of that place."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QWidget

from xolite_qt.ui.widgets.button import Button
from xolite_qt.xen_api.xva_files import free_bytes

XVA_FILES = ["XVA files (*.xva *.xva.gz *.xva.zst)", "All files (*)"]
_UNUSABLE = re.compile(r"[^\w.() -]+")
_LONGEST = 120


def file_name(vm_name: str) -> str:
    """A file name for a VM that every file system takes: 'web-1.xva'."""
    plain = " ".join(_UNUSABLE.sub("_", vm_name).split()).strip(". ")[:_LONGEST]
    return f"{plain or 'vm'}.xva"


@dataclass(frozen=True)
class Place:
    """What a look at a path brought.

    Attributes:
        trouble: why nothing can be written there, or None.
        there: names of files that are there already.
        free_bytes: what can still be written.
    """

    trouble: str | None
    there: tuple[str, ...] = ()
    free_bytes: int = 0


def look_at_place(folder: Path, names: list[str]) -> Place:
    """Looks whether files can be written into a folder. Blocks."""
    if not str(folder) or not folder.is_absolute():
        return Place("Choose a folder.")
    try:
        if not folder.is_dir():
            return Place(f"There is no folder {folder}.")
        if not os.access(folder, os.W_OK | os.X_OK):
            return Place(f"You may not write into {folder}.")
        if any((folder / name).is_dir() for name in names):
            return Place("A folder has this name.")
        there = tuple(name for name in names if (folder / name).exists())
        return Place(None, there, free_bytes(folder))
    except (OSError, ValueError) as error:
        return Place(f"This place cannot be used: {error}.")


class PathField(QWidget):
    """A path that is typed or chosen.

    Signals:
        changed: another path.
    """

    changed = Signal()

    def __init__(self, says: str, mode: str) -> None:
        """Args:
        says: what it is, for assistive technology.
        mode: "save", "open" or "folder".
        """
        super().__init__()
        self._says, self._mode = says, mode
        self.edit = QLineEdit()
        self.edit.setAccessibleName(says)
        self.edit.textChanged.connect(lambda: self.changed.emit())
        self.browse = Button("Browse…", "secondary", small=True, on_click=self.choose)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.edit, 1)
        row.addWidget(self.browse)
        self.setFocusProxy(self.edit)

    @property
    def path(self) -> Path:
        """What is typed; `~` is the user's own folder."""
        text = self.edit.text().strip()
        try:
            return Path(text).expanduser() if text else Path()
        except RuntimeError:
            # There is no such user.
            return Path(text)

    def choose(self) -> QFileDialog:
        """Opens the system's dialog."""
        dialog = QFileDialog(self, self._says)
        if self._mode == "folder":
            dialog.setFileMode(QFileDialog.FileMode.Directory)
            dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        elif self._mode == "save":
            dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            # The form asks for itself before a file is replaced.
            dialog.setOption(QFileDialog.Option.DontConfirmOverwrite)
            dialog.setDefaultSuffix("xva")
            dialog.setNameFilters(XVA_FILES)
        else:
            dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
            dialog.setNameFilters(XVA_FILES)
        path = self.path
        if path.is_absolute():
            dialog.setDirectory(str(path if self._mode == "folder" else path.parent))
            if self._mode == "save":
                dialog.selectFile(path.name)
        dialog.fileSelected.connect(self.edit.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog
