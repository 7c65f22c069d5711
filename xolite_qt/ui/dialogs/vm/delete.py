"""The question before VMs are deleted: what goes with them, and what stays."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from xolite_qt.ui import format as fmt
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.dialogs.vm.doomed import Doomed, DoomedDisk
from xolite_qt.ui.icons import icon
from xolite_qt.ui.models.column import one_line
from xolite_qt.ui.widgets.text import TextLabel, plain_tooltip
from xolite_qt.xen_api import VM

_REF = Qt.ItemDataRole.UserRole
_ROW_PX = 30


class DeleteVmsDialog(Dialog):
    """Disks and snapshots with ticks; the name of the VM has to be typed.

    Args:
        going: the VMs with what is theirs.
    """

    def __init__(self, going: Sequence[Doomed], parent: QWidget | None = None) -> None:
        many = len(going) > 1
        names = [one.vm.name_label for one in going]
        what = f"{len(going)} VMs" if many else names[0]
        super().__init__(
            self.tr("Delete {0}?").format(what),
            icon="danger",
            accent="danger",
            width=640,
            parent=parent,
        )
        self.going = tuple(going)
        self.type_this = f"delete {len(going)} VMs" if many else " ".join(names[0].split())
        self.body.addWidget(
            TextLabel(
                self.tr("What is ticked is deleted with it. This cannot be undone.")
                if not many
                else self.tr("What is ticked is deleted with them. This cannot be undone."),
                wrap=True,
            )
        )
        self.tree = QTreeWidget()
        self.tree.setAccessibleName(self.tr("What is deleted"))
        self.tree.setColumnCount(3)
        self.tree.setHeaderLabels([self.tr("Name"), self.tr("On disk"), self.tr("Note")])
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header = self.tree.header()
        header.setStretchLastSection(True)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        header.resizeSection(0, 290)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        for one in going:
            self._add_vm(one)
        self.tree.expandAll()
        rows = sum(
            1 + len(one.disks) + sum(1 + len(disks) for _s, disks in one.snapshots) for one in going
        )
        self.tree.setMinimumHeight(min(9, rows + 1) * _ROW_PX + 8)
        self.tree.itemChanged.connect(self._changed)
        self.body.addWidget(self.tree, 1)
        self.sum = TextLabel("", tone="secondary", wrap=True)
        self.body.addWidget(self.sum)
        label = TextLabel(
            self.tr("To go on, type: {0}").format(self.type_this), wrap=True, selectable=True
        )
        self.typed = QLineEdit()
        self.typed.setAccessibleName(self.tr("Type the name to go on"))
        self.typed.textChanged.connect(self._typed)
        self.body.addWidget(label)
        self.body.addWidget(self.typed)
        self.cancel = self.add_button(self.tr("Cancel"))
        self.cancel.clicked.connect(self.reject)
        self.go = self.add_button(self.tr("Delete"), "danger")
        self.go.clicked.connect(self.accept)
        self._typed()
        self._sum()
        self.typed.setFocus()

    # ------------------------------------------------------------------ rows

    def _add_vm(self, one: Doomed) -> None:
        top = QTreeWidgetItem([one_line(one.vm.name_label)])
        top.setIcon(0, icon("vm"))
        top.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
        self.tree.addTopLevelItem(top)
        if not one.disks and not one.snapshots:
            top.setText(2, self.tr("no disks, no snapshots"))
        for disk in one.disks:
            top.addChild(self._disk(disk))
        for snapshot, disks in one.snapshots:
            top.addChild(self._snapshot(snapshot, disks))

    def _disk(self, disk: DoomedDisk) -> QTreeWidgetItem:
        size = fmt.size(max(0, disk.vdi.physical_utilisation))
        note, tick = "", True
        if disk.reason is not None:
            note, tick = self.tr("stays: {0}").format(disk.reason), False
        elif disk.others:
            note, tick = self.tr("also used by {0}").format(", ".join(disk.others)), False
        item = QTreeWidgetItem([one_line(disk.name), size, one_line(note)])
        item.setIcon(0, icon("vdi"))
        item.setData(0, _REF, disk.vdi.ref)
        item.setCheckState(0, Qt.CheckState.Checked if tick else Qt.CheckState.Unchecked)
        item.setToolTip(2, plain_tooltip(note))
        if disk.reason is not None:
            item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
        return item

    def _snapshot(self, snapshot: VM, disks: Sequence[DoomedDisk]) -> QTreeWidgetItem:
        protected = "destroy" in snapshot.blocked_operations
        note = self.tr("stays: protected from deletion") if protected else self.tr("snapshot")
        item = QTreeWidgetItem([one_line(snapshot.name_label), "", note])
        item.setIcon(0, icon("snapshot"))
        item.setData(0, _REF, snapshot.ref)
        item.setCheckState(0, Qt.CheckState.Unchecked if protected else Qt.CheckState.Checked)
        for disk in disks:
            item.addChild(self._disk(disk))
        if protected:
            item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
            for child in _children(item):
                child.setCheckState(0, Qt.CheckState.Unchecked)
        return item

    def _changed(self, item: QTreeWidgetItem, column: int) -> None:
        # A snapshot that stays keeps its disks; one that goes takes those that only it has.
        self.tree.blockSignals(True)
        on = item.checkState(0) is Qt.CheckState.Checked
        for child in _children(item):
            if child.flags() & Qt.ItemFlag.ItemIsEnabled:
                child.setCheckState(0, item.checkState(0))
        parent = item.parent()
        if on and parent is not None and parent.data(0, _REF):
            parent.setCheckState(0, Qt.CheckState.Checked)
        self.tree.blockSignals(False)
        self._sum()

    # ------------------------------------------------------------------ answer

    def items(self) -> dict[str, QTreeWidgetItem]:
        """The lines with a tick, by the reference of what they stand for."""
        found = {}
        stack = [self.tree.invisibleRootItem()]
        while stack:
            item = stack.pop()
            if item.data(0, _REF):
                found[str(item.data(0, _REF))] = item
            stack += _children(item)
        return found

    def ticked(self) -> set[str]:
        """References of the disks and snapshots that go too."""
        on = Qt.CheckState.Checked
        return {ref for ref, item in self.items().items() if item.checkState(0) is on}

    def _sum(self) -> None:
        ticked = self.ticked()
        disks = [
            disk.vdi
            for one in self.going
            for disk in (*one.disks, *(disk for _s, own in one.snapshots for disk in own))
            if disk.vdi.ref in ticked
        ]
        size = sum(max(0, vdi.physical_utilisation) for vdi in disks)
        taken = len(ticked) - len(disks)
        parts = [fmt.plural(len(disks), "disk", "disks")]
        if taken:
            parts.append(fmt.plural(taken, "snapshot", "snapshots"))
        self.sum.set_text(
            self.tr("{0} deleted too; {1} on disk.").format(" and ".join(parts), fmt.size(size))
        )

    def _typed(self) -> None:
        ready = " ".join(self.typed.text().split()) == self.type_this
        self.go.set_reason(None if ready else self.tr("Type the name first."))


def _children(item: QTreeWidgetItem) -> list[QTreeWidgetItem]:
    found = (item.child(at) for at in range(item.childCount()))
    return [child for child in found if child is not None]
