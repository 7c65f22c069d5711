"""How a VM is copied: quickly, sharing what the disks have in common, or in full."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from PySide6.QtWidgets import QButtonGroup, QLineEdit, QRadioButton, QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui.dialogs.backups.form import Form
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.dialogs.vm.surroundings import Surroundings
from xolite_qt.ui.models.sr_reasons import SrEntry
from xolite_qt.ui.widgets.sr_picker import SrPicker
from xolite_qt.ui.widgets.text import TextLabel
from xolite_qt.xen_api import NULL_REF, VM

_NAME_CHARACTERS = 255


class CopyVmDialog(Dialog):
    """Name, kind of the copy, and for a full one the storage.

    Args:
        around: the VMs and what is around them.
    """

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        vms = around.vms
        what = vms[0].name_label if len(vms) == 1 else f"{len(vms)} VMs"
        super().__init__(f"Copy {what}", icon="copy", parent=parent)
        self.around = around
        form = Form()
        self.name = QLineEdit(_name(vms[0]))
        self.name.setMaxLength(_NAME_CHARACTERS)
        self.name_row = form.add(self.tr("Name"), self.name)
        if len(vms) > 1:
            form.set_row_visible(self.name_row, visible=False)
            said = self.tr("Each copy is called like its VM, with “(copy)” after it.")
            form.add_wide(TextLabel(said, tone="secondary", wrap=True))
        self.fast = QRadioButton(self.tr("Fast clone"))
        self.full = QRadioButton(self.tr("Full copy"))
        self.fast.setAccessibleName(self.fast.text())
        self.full.setAccessibleName(self.full.text())
        # They stand in rows of their own, so they do not know of each other by themselves.
        kinds = QButtonGroup(self)
        kinds.addButton(self.fast)
        kinds.addButton(self.full)
        self.fast.setChecked(True)
        form.add(
            self.tr("Kind"),
            self.fast,
            hint=self.tr(
                "Ready in seconds; original and copy share what their disks have in common."
            ),
        )
        size = sum(vdi.virtual_size for vm in vms for vdi in around.disks(vm))
        form.add(
            "",
            self.full,
            hint=self.tr("Independent of the original; up to {0} are copied.").format(
                fmt.size(size)
            ),
        )
        self.sr = SrPicker(self.tr("Storage"))
        here = SrEntry(NULL_REF, self.tr("Where each disk is now"))
        self.sr.offer([here, *around.storages(size)], NULL_REF)
        self.sr_row = form.add(self.tr("Storage"), self.sr)
        self.sr.currentIndexChanged.connect(lambda _at: self._judge())
        self.body.addWidget(form)
        self.body.addStretch(1)
        self.cancel = self.add_button(self.tr("Cancel"))
        self.cancel.clicked.connect(self.reject)
        self.go = self.add_button(self.tr("Copy"), "primary", default=True)
        self.go.clicked.connect(self.accept)
        self.full.toggled.connect(lambda _on: self._judge())
        self.name.textChanged.connect(lambda _text: self._judge())
        self._judge()
        self.name.selectAll()
        self.name.setFocus()

    def _judge(self) -> None:
        # It stays visible, so that what a full copy could do is seen beforehand.
        self.sr.setEnabled(self.full.isChecked())
        said = self.tr("A fast clone stays where the original is.")
        if self.full.isChecked():
            self.sr_row.set_hint(self.sr.warning, "warning")
        else:
            self.sr_row.set_hint(said)
        problem = ""
        if len(self.around.vms) == 1 and not self.name.text().strip():
            problem = self.tr("Give it a name.")
        self.name_row.set_problem(problem)
        self.go.set_reason(problem or None)

    def work(self, vm: VM) -> Callable[[Any], Awaitable[None]]:
        """What copies a VM as the form says."""
        name = self.name.text().strip() if len(self.around.vms) == 1 else _name(vm)
        return partial(_copy, vm.ref, name, self.sr.current() if self.full.isChecked() else "")


def _name(vm: VM) -> str:
    return f"{vm.name_label[: _NAME_CHARACTERS - 7]} (copy)"


async def _copy(vm: str, name: str, sr: str, api: Any) -> None:
    if sr:
        await api.run("VM.copy", vm, name, sr)
    else:
        await api.run("VM.clone", vm, name)
