"""How a VM is made of an XVA file: which file, onto which storage, as what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFormLayout, QRadioButton, QVBoxLayout, QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.dialogs.vm.file_place import PathField
from xolite_qt.ui.models.sr_reasons import SrEntry
from xolite_qt.ui.models.sr_roles import free_bytes
from xolite_qt.ui.widgets.sr_picker import SrPicker
from xolite_qt.ui.widgets.text import TextLabel
from xolite_qt.xen_api import SR
from xolite_qt.xen_api.xva_files import FileTrouble, known_sum, look_at

_PAUSE_MS = 150


@dataclass(frozen=True)
class Found:
    """What a look at a file brought.

    Attributes:
        size_bytes: of it.
        has_sum: whether there is a checksum beside it.
        trouble: why it cannot be imported, or None.
    """

    size_bytes: int = 0
    has_sum: bool = False
    trouble: str | None = None


def _look_at(path: Path) -> Found:
    try:
        return Found(look_at(path), known_sum(path) is not None)
    except (FileTrouble, ValueError) as error:
        return Found(trouble=str(error))


class ImportVmDialog(Dialog):
    """Args:
    storages: for the picker.
    srs: by reference.
    preferred: reference of the pool's default storage.
    folder: where the search for a file begins.
    spawn: starts what looks at the file, which may be on a slow disk.
    """

    def __init__(
        self,
        storages: list[SrEntry],
        srs: dict[str, SR],
        preferred: str,
        folder: Path,
        spawn: Callable[[Coroutine[Any, Any, None], str], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("Import a VM", icon="upload", width=600, parent=parent)
        self._srs, self._spawn = srs, spawn
        self.found: Found | None = None
        self.file = PathField("XVA file", "open")
        self.file.edit.setPlaceholderText(str(folder / "vm.xva"))
        self.sr = SrPicker("Storage")
        self.sr.offer(storages, preferred)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow("File", self.file)
        form.addRow("Storage", self.sr)
        self.body.addLayout(form)
        self.trouble = TextLabel("", tone="danger", wrap=True)
        self.about = TextLabel("", tone="secondary", wrap=True)
        self.body.addWidget(self.trouble)
        self.body.addWidget(self.about)
        self.as_copy = QRadioButton("As a new VM: new UUID, new MAC addresses")
        self.as_restore = QRadioButton("Restore the VM: the UUID and MAC addresses that it had")
        self.as_copy.setChecked(True)
        ways = QVBoxLayout()
        ways.setSpacing(6)
        ways.addWidget(self.as_copy)
        ways.addWidget(self.as_restore)
        self.body.addLayout(ways)
        self.note = TextLabel(
            "The host refuses to restore a VM that still exists.", kind="small", tone="secondary"
        )
        self.body.addWidget(self.note)
        self.body.addStretch(1)
        self.cancel = self.add_button("Cancel")
        self.cancel.clicked.connect(self.reject)
        self.go = self.add_button("Import", "primary", default=True)
        self.go.clicked.connect(self.accept)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._look)
        self.file.changed.connect(self._typed)
        self.sr.currentIndexChanged.connect(lambda _at: self._judge())
        self._judge()

    @property
    def restore(self) -> bool:
        """Whether the VM keeps its identity."""
        return self.as_restore.isChecked()

    def _typed(self) -> None:
        self.found = None
        self._judge()
        self._pause.start()

    def _look(self) -> None:
        if self.file.edit.text().strip():
            self._spawn(self._looked(self.file.path), "look at a file")

    async def _looked(self, path: Path) -> None:
        found = await asyncio.to_thread(_look_at, path)
        if path == self.file.path:
            self.found = found
            self._judge()

    def _judge(self) -> None:
        found, sr = self.found, self._srs.get(self.sr.current())
        trouble = found.trouble if found is not None else None
        typed = bool(self.file.edit.text().strip())
        if typed and not self.file.path.is_absolute():
            trouble = "Write the whole path, from the root."
        elif not trouble and found is not None and sr is not None and sr.physical_size > 0:
            free = free_bytes(sr)
            if found.size_bytes > free:
                trouble = (
                    f"The file has {fmt.size(found.size_bytes)}, and {sr.name_label} has "
                    f"{fmt.size(free)} free."
                )
        self.trouble.set_text(trouble or "")
        self.trouble.setVisible(bool(trouble))
        text = ""
        if found is not None and found.trouble is None:
            text = f"{fmt.size(found.size_bytes)}. "
            text += (
                "It is compared with the checksum beside it first."
                if found.has_sum
                else "There is no checksum beside it: it is imported as it is."
            )
        self.about.set_text(text)
        self.about.setVisible(bool(text))
        why: str | None = trouble
        if not typed:
            why = "Choose a file."
        elif why is None and found is None:
            why = "The file is being looked at."
        elif why is None and sr is None:
            why = "No storage can take the disks."
        self.go.set_reason(why)
