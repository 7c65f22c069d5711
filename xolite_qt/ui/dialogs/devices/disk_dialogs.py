"""A VM's disks: a new one, another size, another storage, another name, an existing one, a disc."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QCheckBox, QLineEdit, QSpinBox, QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui.dialogs.backups.form import Form
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.models.sr_reasons import SrEntry
from xolite_qt.ui.widgets.number_field import NumberField
from xolite_qt.ui.widgets.pick_list import Item, PickList
from xolite_qt.ui.widgets.sr_picker import SrPicker
from xolite_qt.ui.widgets.text import TextLabel

GIB = 1 << 30
MOST_GIB = 64 * 1024


def _size_field(least: int, value: int, says: str) -> QSpinBox:
    field = NumberField()
    field.setRange(least, MOST_GIB)
    field.setSuffix(" GiB")
    field.setValue(value)
    field.setAccessibleName(says)
    field.setGroupSeparatorShown(True)
    return field


class AddDiskDialog(Dialog):
    """A new disk.

    Args:
        vm: name of the VM.
        name: to begin with.
        entries: the storages for a disk of so many bytes.
        preferred: the storage to begin with.
    """

    def __init__(
        self,
        vm: str,
        name: str,
        entries: Callable[[int], Sequence[SrEntry]],
        preferred: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(self.tr("Add a disk to {0}").format(vm), icon="vdi", parent=parent)
        self._entries = entries
        form = Form()
        self.name = QLineEdit(name)
        self.name.setMaxLength(255)
        self.name_row = form.add(self.tr("Name"), self.name)
        self.description = QLineEdit()
        form.add(self.tr("Description"), self.description)
        self.gib = _size_field(1, 20, self.tr("Size in GiB"))
        form.add(self.tr("Size"), self.gib)
        self.sr = SrPicker(self.tr("Storage"))
        self.sr_row = form.add(self.tr("Storage"), self.sr)
        self.read_only = QCheckBox(self.tr("The guest may only read it"))
        form.add(self.tr("Access"), self.read_only)
        self.body.addWidget(form)
        self.body.addStretch(1)
        self.cancel = self.add_button(self.tr("Cancel"))
        self.cancel.clicked.connect(self.reject)
        self.go = self.add_button(self.tr("Add disk"), "primary", default=True)
        self.go.clicked.connect(self.accept)
        self.sr.offer(entries(self.size_bytes), preferred)
        self.gib.valueChanged.connect(lambda _value: self.sr.offer(self._entries(self.size_bytes)))
        self.sr.currentIndexChanged.connect(lambda _at: self._judge())
        self.name.textChanged.connect(lambda _text: self._judge())
        self._judge()
        self.name.selectAll()

    @property
    def size_bytes(self) -> int:
        """What was entered."""
        return self.gib.value() * GIB

    def _judge(self) -> None:
        self.sr_row.set_hint(self.sr.warning, "warning")
        reason = None
        if not self.name.text().strip():
            reason = self.tr("Give it a name.")
        elif not self.sr.current():
            reason = self.tr("No storage can take it.")
        self.name_row.set_problem("" if self.name.text().strip() else self.tr("Give it a name."))
        self.go.set_reason(reason)


class ResizeDialog(Dialog):
    """A larger size; disks never shrink."""

    def __init__(self, name: str, size_bytes: int, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Resize {0}").format(name), icon="vdi", width=480, parent=parent)
        least = -(-size_bytes // GIB)
        says = self.tr(
            "It has {0} now. Disks only grow: the guest's own partitions have to be enlarged in it."
        )
        self.body.addWidget(TextLabel(says.format(fmt.size(size_bytes)), wrap=True))
        form = Form()
        self.gib = _size_field(least, least, self.tr("New size in GiB"))
        form.add(self.tr("New size"), self.gib)
        self.body.addWidget(form)
        self.body.addStretch(1)
        self._now_bytes = size_bytes
        self.cancel = self.add_button(self.tr("Cancel"))
        self.cancel.clicked.connect(self.reject)
        self.go = self.add_button(self.tr("Resize"), "primary", default=True)
        self.go.clicked.connect(self.accept)
        self.gib.valueChanged.connect(lambda _value: self._judge())
        self._judge()

    @property
    def size_bytes(self) -> int:
        """What was entered."""
        return self.gib.value() * GIB

    def _judge(self) -> None:
        larger = self.size_bytes > self._now_bytes
        self.go.set_reason(None if larger else self.tr("Enter a larger size."))


class MoveDialog(Dialog):
    """Another storage for a disk."""

    def __init__(
        self,
        name: str,
        entries: Sequence[SrEntry],
        about: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            self.tr("Move {0} to another storage").format(name), icon="migrate", parent=parent
        )
        self.body.addWidget(TextLabel(about, tone="secondary", wrap=True))
        form = Form()
        self.sr = SrPicker(self.tr("Storage"))
        self.sr_row = form.add(self.tr("Storage"), self.sr)
        self.body.addWidget(form)
        self.body.addStretch(1)
        self.cancel = self.add_button(self.tr("Cancel"))
        self.cancel.clicked.connect(self.reject)
        self.go = self.add_button(self.tr("Move disk"), "primary", default=True)
        self.go.clicked.connect(self.accept)
        self.sr.currentIndexChanged.connect(lambda _at: self._judge())
        self.sr.offer(entries)
        self._judge()

    def _judge(self) -> None:
        self.sr_row.set_hint(self.sr.warning, "warning")
        reason = None if self.sr.current() else self.tr("No other storage can take it.")
        self.go.set_reason(reason)


class PickDialog(Dialog):
    """One of many: a disc to insert, a disk to attach.

    Args:
        title: of the window.
        verb: the word on the button.
        items: to choose from.
        empty: what is said where there are none.
    """

    def __init__(
        self,
        title: str,
        verb: str,
        items: Sequence[Item],
        empty: str,
        *,
        icon: str = "cd",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(title, icon=icon, parent=parent)
        self.list = PickList(title, self.tr("Search"), rows=8)
        self.list.set_items(items, empty)
        self.body.addWidget(self.list)
        self.body.addStretch(1)
        self.cancel = self.add_button(self.tr("Cancel"))
        self.cancel.clicked.connect(self.reject)
        self.go = self.add_button(verb, "primary", default=True)
        self.go.clicked.connect(self.accept)
        self._empty = empty if not items else ""
        self.list.picked.connect(lambda _ref: self._judge())
        self.list.list.itemDoubleClicked.connect(lambda *_item: self._double_clicked())
        self._judge()

    def _double_clicked(self) -> None:
        if self.list.current:
            self.accept()

    def _judge(self) -> None:
        reason = None if self.list.current else self._empty or self.tr("Choose one first.")
        self.go.set_reason(reason)


class EditDiskDialog(Dialog):
    """Name, description, and whether the VM boots from it."""

    def __init__(
        self, name: str, description: str, bootable: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(self.tr("Change {0}").format(name), icon="edit", parent=parent)
        form = Form()
        self.name = QLineEdit(name)
        self.name.setMaxLength(255)
        self.name_row = form.add(self.tr("Name"), self.name)
        self.description = QLineEdit(description)
        form.add(self.tr("Description"), self.description)
        self.bootable = QCheckBox(self.tr("The VM may boot from it"))
        self.bootable.setChecked(bootable)
        form.add(self.tr("Boot"), self.bootable)
        self.body.addWidget(form)
        self.body.addStretch(1)
        self.cancel = self.add_button(self.tr("Cancel"))
        self.cancel.clicked.connect(self.reject)
        self.go = self.add_button(self.tr("Save changes"), "primary", default=True)
        self.go.clicked.connect(self.accept)
        self.name.textChanged.connect(lambda _text: self._judge())
        self._judge()

    def _judge(self) -> None:
        problem = "" if self.name.text().strip() else self.tr("Give it a name.")
        self.name_row.set_problem(problem)
        self.go.set_reason(problem or None)
