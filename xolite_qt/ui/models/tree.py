"""The infrastructure tree as Qt wants it: pool, hosts, VMs, filtered as one types."""

from __future__ import annotations

import html
from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from xolite_qt.stores import Change, NodeKind, TreeNode, TreeStore
from xolite_qt.ui.icons import icon

Index = QModelIndex | QPersistentModelIndex

REF_ROLE = int(Qt.ItemDataRole.UserRole)
NODE_ROLE = REF_ROLE + 1

# More changes than this at once are cheaper as one new layout than one by one.
_MANY = 400
_KIND_ORDER = {NodeKind.POOL: 0, NodeKind.HOST: 1, NodeKind.VM: 2}
_KIND_WORDS = {NodeKind.POOL: "pool", NodeKind.HOST: "host", NodeKind.VM: "VM"}


class _Item:
    """A place in the model; `children` is sorted by `key`."""

    __slots__ = ("children", "key", "node", "parent")

    def __init__(self, node: TreeNode | None, parent: _Item | None) -> None:
        self.node = node
        self.parent = parent
        self.children: list[_Item] = []
        self.key = sort_key(node) if node is not None else (0, "", "")

    def __lt__(self, other: _Item) -> bool:
        return self.key < other.key


def sort_key(node: TreeNode) -> tuple[int, str, str]:
    """Hosts before VMs, then by name; the reference decides between equal names."""
    return (_KIND_ORDER[node.kind], node.name.casefold(), node.ref)


class TreeModel(QAbstractItemModel):
    """Mirrors a `TreeStore`; one row an object, one column."""

    def __init__(self, store: TreeStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._filter = ""
        self._root = _Item(None, None)
        self._items: dict[str, _Item] = {}
        self.rebuild()

    # ------------------------------------------------------------------ from the store

    def apply(self, change: Change[TreeNode]) -> None:
        """Takes a change of the store over, with exact signals."""
        fresh = (*change.added, *change.changed)
        many = len(fresh) + len(change.removed) > _MANY
        if self._filter or (many and self._changes_layout(change)):
            self.rebuild()
            return
        for ref in change.removed:
            self._remove(ref)
        # Parents first: a VM that comes with its host must find it.
        for node in sorted(fresh, key=lambda node: _KIND_ORDER[node.kind]):
            self._put(node)

    def _changes_layout(self, change: Change[TreeNode]) -> bool:
        if change.added or change.removed:
            return True
        for node in change.changed:
            item = self._items.get(node.ref)
            if (
                item is None
                or item.key != sort_key(node)
                or self._parent_of(node) is not item.parent
            ):
                return True
        return False

    def rebuild(self) -> None:
        """Reads everything anew: at the start, and when what is looked for changes."""
        self.beginResetModel()
        self._root = _Item(None, None)
        self._items = {}
        nodes = self._wanted_nodes()
        for node in sorted(nodes, key=lambda node: _KIND_ORDER[node.kind]):
            parent = self._parent_of(node)
            item = _Item(node, parent)
            parent.children.append(item)
            self._items[node.ref] = item
        for item in (self._root, *self._items.values()):
            item.children.sort()
        self.endResetModel()

    def _wanted_nodes(self) -> Iterable[TreeNode]:
        records = self._store.records
        if not self._filter:
            return tuple(records.values())
        hits = {ref for ref, node in records.items() if self._matches(node)}
        # Below a host that fits everything is shown; below a pool only what fits itself.
        wide = {ref for ref in hits if records[ref].kind is NodeKind.HOST}
        kept: dict[str, TreeNode] = {}
        for ref, node in records.items():
            if ref in hits or node.parent in wide:
                above: TreeNode | None = node
                while above is not None and above.ref not in kept:
                    kept[above.ref] = above
                    above = records.get(above.parent or "")
        return kept.values()

    def _matches(self, node: TreeNode) -> bool:
        if self._filter in node.name.casefold() or self._filter == node.uuid:
            return True
        tags = getattr(node.record, "tags", ())
        return any(self._filter in tag.casefold() for tag in tags)

    def _parent_of(self, node: TreeNode) -> _Item:
        return self._items.get(node.parent or "", self._root)

    def _remove(self, ref: str) -> None:
        item = self._items.get(ref)
        if item is None or item.parent is None:
            return
        # What stood below finds a new place first; the store tells where with the same change.
        for child in tuple(item.children):
            self._move(child, self._root)
        self._take_out(item)
        del self._items[ref]

    def _put(self, node: TreeNode) -> None:
        item = self._items.get(node.ref)
        if item is None:
            item = _Item(node, None)
            self._put_in(item, self._parent_of(node))
            self._items[node.ref] = item
            self._adopt(node.ref)
            return
        self._move(item, self._parent_of(node), node)
        index = self._index_of(item)
        self.dataChanged.emit(index, index)

    def _adopt(self, ref: str) -> None:
        """Brings home those that waited at the top for their parent."""
        mine = self._store.below.get(ref, {})
        for item in tuple(self._root.children):
            if item.node is not None and item.node.ref in mine:
                self._move(item, self._items[ref])

    def _move(self, item: _Item, parent: _Item, node: TreeNode | None = None) -> None:
        """Puts an item where it belongs now, with all below it: views keep it open and selected."""
        old = item.parent
        assert old is not None
        row = bisect_left(old.children, item)
        node = node or item.node
        probe = _Item(node, None)
        to = bisect_left(parent.children, probe)
        if parent is old and to in (row, row + 1):
            item.node, item.key = node, probe.key
            return
        moves = self.beginMoveRows(self._index_of(old), row, row, self._index_of(parent), to)
        assert moves
        del old.children[row]
        item.node, item.key, item.parent = node, probe.key, parent
        insort(parent.children, item)
        self.endMoveRows()

    def _take_out(self, item: _Item) -> None:
        parent = item.parent
        assert parent is not None
        row = bisect_left(parent.children, item)
        self.beginRemoveRows(self._index_of(parent), row, row)
        del parent.children[row]
        item.parent = None
        self.endRemoveRows()

    def _put_in(self, item: _Item, parent: _Item) -> None:
        row = bisect_left(parent.children, item)
        self.beginInsertRows(self._index_of(parent), row, row)
        item.parent = parent
        insort(parent.children, item)
        self.endInsertRows()

    # ------------------------------------------------------------------ filter

    def set_filter(self, text: str) -> None:
        """Shows only what has `text` in its name or tags, with what stands above it."""
        wanted = text.strip().casefold()
        if wanted != self._filter:
            self._filter = wanted
            self.rebuild()

    @property
    def is_filtered(self) -> bool:
        """Whether something is looked for."""
        return bool(self._filter)

    # ------------------------------------------------------------------ for views

    def index_of(self, ref: str) -> QModelIndex:
        """Where an object stands; an invalid index where it is not shown."""
        item = self._items.get(ref)
        return QModelIndex() if item is None else self._index_of(item)

    def node_at(self, index: Index) -> TreeNode | None:
        """What stands at an index."""
        return self._item(index).node if index.isValid() else None

    def _index_of(self, item: _Item) -> QModelIndex:
        if item.parent is None:
            return QModelIndex()
        return self.createIndex(bisect_left(item.parent.children, item), 0, item)

    def _item(self, index: Index) -> _Item:
        if not index.isValid():
            return self._root
        item = index.internalPointer()
        assert isinstance(item, _Item)
        return item

    def index(self, row: int, column: int, parent: Index | None = None) -> QModelIndex:
        """Override QAbstractItemModel::index."""
        above = self._root if parent is None else self._item(parent)
        if column != 0 or not 0 <= row < len(above.children):
            return QModelIndex()
        return self.createIndex(row, 0, above.children[row])

    def parent(self, index: Index | None = None) -> Any:
        """Override QAbstractItemModel::parent."""
        if index is None:
            return super().parent()
        item = self._item(index)
        if item.parent is None or item.parent is self._root:
            return QModelIndex()
        return self._index_of(item.parent)

    def rowCount(self, parent: Index | None = None) -> int:
        """Override QAbstractItemModel::rowCount."""
        if parent is not None and parent.isValid() and parent.column() > 0:
            return 0
        return len((self._root if parent is None else self._item(parent)).children)

    def columnCount(self, parent: Index | None = None) -> int:
        """Override QAbstractItemModel::columnCount."""
        return 1

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Override QAbstractItemModel::flags."""
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Override QAbstractItemModel::data."""
        node = self.node_at(index)
        if node is None:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return shown_name(node)
            case Qt.ItemDataRole.DecorationRole:
                return icon(node.kind.value, None, node.state or None)
            case Qt.ItemDataRole.ToolTipRole:
                return f"<qt>{html.escape(describe(node))}</qt>"
            case Qt.ItemDataRole.AccessibleTextRole:
                return describe(node)
            case _ if role == REF_ROLE:
                return node.ref
            case _ if role == NODE_ROLE:
                return node
        return None


def shown_name(node: TreeNode) -> str:
    """The name, on one line and never empty; what a host sends may be megabytes long."""
    return " ".join(node.name[:200].split()) or f"({_KIND_WORDS[node.kind]} without a name)"


def describe(node: TreeNode) -> str:
    """Name, kind and state in words, for tooltips and screen readers."""
    parts = [shown_name(node), _KIND_WORDS[node.kind]]
    if node.is_master:
        parts.append("pool master")
    if node.state:
        parts.append(node.state)
    if node.kind is not NodeKind.VM:
        parts.append(f"{node.running} running VMs")
    return ", ".join(parts)
