"""The snapshots of a VM as a tree, and what can be done with them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMenu, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui.deeds import Choice
from xolite_qt.ui.icons import icon
from xolite_qt.ui.models.health import utc_now
from xolite_qt.ui.models.snapshot_tree import Node, flat, sizes_of, tree_of, warnings_of
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.live_page import LivePage
from xolite_qt.ui.views.parts.states import show_card_state
from xolite_qt.ui.views.vm import snapshot_deeds as deeds
from xolite_qt.ui.widgets import Banner, Button, Card, FlowLayout
from xolite_qt.ui.widgets.text import plain_tooltip
from xolite_qt.xen_api import VM

_REF = Qt.ItemDataRole.UserRole
_WIDTHS = (360, 150, 110, 110, 220)


class VmSnapshots(LivePage):
    """A tree: each snapshot under the one that it was taken after; the VM where it stands now."""

    page_id = "vm.snapshots"
    title = "Snapshots"
    icon_name = "snapshot"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        stores = context.stores
        self.warning = Banner()
        self.body.add(self.warning)
        self.card = Card("Snapshots", dense=True)
        bar = QWidget()
        flow = FlowLayout(bar, spacing=6)
        self.buttons: dict[str, Button] = {}
        for ident, label, glyph, kind in (
            ("take", "Take snapshot…", "snapshot", "primary"),
            ("revert", "Revert…", "revert", "secondary"),
            ("new_vm", "New VM from it…", "vm", "secondary"),
            ("rename", "Rename…", "edit", "secondary"),
            ("delete", "Delete…", "trash", "tertiary-danger"),
        ):
            button = Button(label, kind, icon=glyph, small=True)  # type: ignore[arg-type]
            button.clicked.connect(lambda _on=False, which=ident: self._do(which))
            flow.addWidget(button)
            self.buttons[ident] = button
        self.card.add(bar)
        self.tree = QTreeWidget()
        self.tree.setAccessibleName("Snapshots")
        self.tree.setHeaderLabels(["Name", "Taken", "Memory", "On disk", "Description"])
        self.tree.setSelectionMode(QTreeWidget.SelectionMode.ExtendedSelection)
        self.tree.setUniformRowHeights(True)
        self.tree.setMinimumHeight(320)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        for column, width in enumerate(_WIDTHS):
            self.tree.setColumnWidth(column, width)
        self.card.add(self.tree, 1)
        holder = QWidget()
        column_layout = QVBoxLayout(holder)
        column_layout.setContentsMargins(0, 0, 0, 0)
        column_layout.addWidget(self.card, 1)
        self.body.add(holder, 1)
        self._nodes: dict[str, Node] = {}
        self._sizes: dict[str, int] = {}
        self.tree.itemSelectionChanged.connect(self._judge)
        self.tree.customContextMenuRequested.connect(self._menu)
        context.actions.blocked_changed.connect(self._judge)
        self.add_part(self.show_tree, stores.vm, stores.vm_snapshot, stores.vbd, stores.vdi)
        self._judge()

    # ------------------------------------------------------------------ rows

    def show_tree(self) -> None:
        """Build the tree; what is selected and folded stays so."""
        stores = self.context.stores
        if not show_card_state(self.card, stores.vm, stores.vm_snapshot):
            return
        vm = stores.vm.get(self.ref)
        if vm is None:
            self.card.set_empty("This VM is gone")
            return
        snapshots = [
            one for one in stores.vm_snapshot.records.values() if one.snapshot_of == vm.ref
        ]
        self._sizes = sizes_of(snapshots, stores.vbd.records, stores.vdi.records)
        roots = tree_of(vm, snapshots, self._sizes)
        self._nodes = {node.ref: node for node in flat(roots)}
        chosen = {item.data(0, _REF) for item in self.tree.selectedItems()}
        self.tree.blockSignals(True)
        self.tree.clear()
        for node in roots:
            self._add(self.tree.invisibleRootItem(), node, chosen)
        self.tree.expandAll()
        self.tree.blockSignals(False)
        self.card.set_info(fmt.plural(len(snapshots), "snapshot", "snapshots"))
        found = warnings_of(roots, utc_now())
        if found:
            accent, _words = found[0]
            self.warning.show_message(" ".join(words for _accent, words in found), accent)
        else:
            self.warning.clear()
        self._judge()

    def _add(self, parent: QTreeWidgetItem, node: Node, chosen: set[str]) -> None:
        vm = node.vm
        if node.is_now:
            texts = ["Now", "", "", "", ""]
        else:
            texts = [
                vm.name_label,
                fmt.relative(node.at) if node.at else "",
                "With memory" if node.has_memory else "Disks only",
                fmt.size(node.size_bytes),
                " ".join(vm.name_description.split()),
            ]
        item = QTreeWidgetItem(parent, texts)
        item.setData(0, _REF, node.ref)
        item.setIcon(0, icon("vm" if node.is_now else "snapshot"))
        if node.at is not None:
            item.setToolTip(1, plain_tooltip(fmt.absolute(node.at)))
        item.setToolTip(0, plain_tooltip(texts[0]))
        item.setToolTip(4, plain_tooltip(vm.name_description))
        item.setData(0, Qt.ItemDataRole.AccessibleTextRole, ", ".join(filter(None, texts)))
        for child in node.children:
            self._add(item, child, chosen)
        item.setSelected(node.ref in chosen)

    # ------------------------------------------------------------------ doing

    def chosen(self) -> list[VM]:
        """The selected snapshots, without the VM itself."""
        nodes = (self._nodes.get(item.data(0, _REF)) for item in self.tree.selectedItems())
        return [node.vm for node in nodes if node is not None and not node.is_now]

    def select(self, ref: str) -> None:
        """Select one snapshot."""
        self.tree.clearSelection()
        for item in self.tree.findItems(
            "*", Qt.MatchFlag.MatchWildcard | Qt.MatchFlag.MatchRecursive
        ):
            item.setSelected(item.data(0, _REF) == ref)

    def _judge(self) -> None:
        for choice in self.choices():
            self.buttons[choice.id.removeprefix("snapshot.")].set_reason(
                self.context.actions.blocked or choice.reason
            )

    def choices(self) -> Sequence[Choice]:
        """What may be done now."""
        vm, chosen = self.context.stores.vm.get(self.ref), self.chosen()
        none = "Select a snapshot first." if not chosen else None
        one = none or (None if len(chosen) == 1 else "Select one snapshot.")
        may_take = None
        if vm is None:
            may_take = "This VM is not known yet."
        elif "snapshot" not in vm.allowed_operations:
            may_take = f"{vm.name_label} cannot be snapshotted in its present state."
        may_revert = one
        if one is None and "revert" not in chosen[0].allowed_operations:
            may_revert = "The host does not allow to revert to it now."
        return [
            Choice("snapshot.take", "Take snapshot…", "snapshot", self._do_take, may_take),
            Choice("snapshot.revert", "Revert to it…", "revert", self._do_revert, may_revert),
            Choice("snapshot.new_vm", "New VM from it…", "vm", self._do_new_vm, one),
            Choice("snapshot.rename", "Rename…", "edit", self._do_rename, one),
            Choice("snapshot.delete", "Delete…", "trash", self._do_delete, none, 90),
        ]

    def _do(self, which: str) -> None:
        choice = next(one for one in self.choices() if one.id == f"snapshot.{which}")
        self.context.actions.choose(choice)

    def _menu(self, place: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setToolTipsVisible(True)
        self.context.actions.fill(menu, self.choices())
        menu.popup(self.tree.viewport().mapToGlobal(place))

    def _do_take(self) -> None:
        deeds.take(self.context, self.context.stores.vm.get(self.ref))

    def _do_revert(self) -> None:
        vm = self.context.stores.vm.get(self.ref)
        if vm is not None:
            deeds.revert(self.context, vm, self.chosen()[0])

    def _do_new_vm(self) -> None:
        vm = self.context.stores.vm.get(self.ref)
        if vm is not None:
            deeds.new_vm(self.context, vm, self.chosen()[0])

    def _do_rename(self) -> None:
        deeds.rename(self.context, self.chosen()[0])

    def _do_delete(self) -> None:
        deeds.delete(self.context, self.chosen(), self._sizes)
