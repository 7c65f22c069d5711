"""How VMs are exported: where to, how packed, and whether there is room."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.dialogs.vm.file_place import PathField, Place, file_name, look_at_place
from xolite_qt.ui.widgets.text import TextLabel
from xolite_qt.xen_api import VM, PowerState
from xolite_qt.xen_api.vm_transfers import Compression

_PAUSE_MS = 150

PACKED = {
    Compression.ZSTD: "zstd (small and fast)",
    Compression.GZIP: "gzip (also for old hosts and tools)",
    Compression.NONE: "None (largest, least work for the host)",
}


@dataclass(frozen=True)
class Exportable:
    """A VM that is to be exported.

    Attributes:
        vm: the VM.
        used_bytes: what its disks take on their storages: about the length of the file.
    """

    vm: VM
    used_bytes: int

    @property
    def by_snapshot(self) -> bool:
        """Whether it runs, so that only a snapshot of it can be exported."""
        return self.vm.power_state not in (PowerState.HALTED, PowerState.SUSPENDED)


class ExportVmsDialog(Dialog):
    """For one VM a file, for several a folder.

    Args:
        wanted: the VMs.
        folder: what is offered.
        spawn: starts what looks at the folder, which may be on a slow disk.
    """

    def __init__(
        self,
        wanted: Sequence[Exportable],
        folder: Path,
        spawn: Callable[[Coroutine[Any, Any, None], str], object],
        parent: QWidget | None = None,
    ) -> None:
        one = wanted[0].vm.name_label if len(wanted) == 1 else ""
        super().__init__(
            f"Export {one or f'{len(wanted)} VMs'}", icon="download", width=600, parent=parent
        )
        self._wanted, self._spawn = tuple(wanted), spawn
        self.place: Place | None = None
        names = unique([file_name(each.vm.name_label) for each in wanted])
        self._names = names
        self.where = PathField("File" if one else "Folder", "save" if one else "folder")
        self.where.edit.setText(str(folder / names[0]) if one else str(folder))
        self.packed = QComboBox()
        self.packed.setAccessibleName("Compression")
        for compression, words in PACKED.items():
            self.packed.addItem(words, compression)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow("File" if one else "Folder", self.where)
        form.addRow("Compression", self.packed)
        self.body.addLayout(form)
        self.trouble = TextLabel("", tone="danger", wrap=True)
        self.trouble.hide()
        self.room = TextLabel("", tone="secondary", wrap=True)
        self.despite_room = QCheckBox("Export although it may not fit")
        self.replace = QCheckBox("")
        for box in (self.despite_room, self.replace):
            box.hide()
            box.toggled.connect(self._judge)
        self.body.addWidget(self.trouble)
        self.body.addWidget(self.room)
        self.body.addWidget(self.despite_room)
        self.body.addWidget(self.replace)
        running = [each.vm.name_label for each in wanted if each.by_snapshot]
        if running:
            names_text = ", ".join(running[:5]) + (" and others" if len(running) > 5 else "")
            verb = "is not shut down" if len(running) == 1 else "are not shut down"
            text = f"{names_text} {verb}: a snapshot is exported, and removed again afterwards."
            self.body.addWidget(TextLabel(text, wrap=True))
        self.body.addWidget(
            TextLabel(
                "A file with the SHA-256 checksum is written beside it. Hosts cannot resume an "
                "export: one that breaks off begins again from its start.",
                kind="small",
                tone="secondary",
                wrap=True,
            )
        )
        self.body.addStretch(1)
        self.cancel = self.add_button("Cancel")
        self.cancel.clicked.connect(self.reject)
        self.go = self.add_button("Export", "primary", default=True)
        self.go.clicked.connect(self.accept)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._look)
        self.where.changed.connect(self._typed)
        self.packed.currentIndexChanged.connect(lambda _at: self._judge())
        self._typed()

    # ------------------------------------------------------------------ answer

    @property
    def compression(self) -> Compression:
        """What was chosen."""
        return Compression(self.packed.currentData())

    def targets(self) -> list[Path]:
        """A file for each VM, in their order."""
        path = self.where.path
        return [path] if len(self._wanted) == 1 else [path / name for name in self._names]

    # ------------------------------------------------------------------ checks

    def _typed(self) -> None:
        self.place = None
        self.replace.setChecked(False)
        self._judge()
        self._pause.start()

    def _look(self) -> None:
        self._spawn(self._looked(self.targets()), "look at a folder")

    async def _looked(self, targets: list[Path]) -> None:
        names = [target.name for target in targets]
        place = await asyncio.to_thread(look_at_place, targets[0].parent, names)
        if targets == self.targets():
            self.place = place
            self._judge()

    def _judge(self) -> None:
        place = self.place
        trouble = place.trouble if place is not None else None
        if not self.where.edit.text().strip():
            trouble = "Say where to."
        elif not self.where.path.is_absolute():
            trouble = "Write the whole path, from the root."
        used = sum(each.used_bytes for each in self._wanted)
        self.trouble.set_text(trouble or "")
        self.trouble.setVisible(bool(trouble))
        tight = place is not None and not trouble and used > place.free_bytes
        text = f"The disks take {fmt.size(used)} on their storages; the file is about as large"
        text += "." if self.compression is Compression.NONE else ", or smaller when compressed."
        if place is not None and not trouble:
            text += f" {fmt.size(place.free_bytes)} are free there."
        self.room.set_text(text)
        self.room.set_tone("warning" if tight else "secondary")
        self.despite_room.setVisible(tight)
        there = place.there if place is not None else ()
        self.replace.setText(
            f"Replace {there[0]}" if len(there) == 1 else f"Replace {len(there)} files"
        )
        self.replace.setVisible(bool(there) and not trouble)
        why: str | None = trouble
        if why is None and place is None:
            why = "The folder is being looked at."
        elif why is None and there and not self.replace.isChecked():
            why = f"{there[0]} is there already."
        elif why is None and tight and not self.despite_room.isChecked():
            why = "It may not fit there."
        self.go.set_reason(why)


def unique(names: Sequence[str]) -> list[str]:
    """The names, with numbers where two are the same to a file system."""
    seen: set[str] = set()
    found = []
    for name in names:
        base, number, wanted = name.removesuffix(".xva"), 2, name
        while wanted.casefold() in seen:
            wanted = f"{base} ({number}).xva"
            number += 1
        seen.add(wanted.casefold())
        found.append(wanted)
    return found
