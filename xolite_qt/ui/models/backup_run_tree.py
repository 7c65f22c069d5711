"""A run as a tree: its parts (VM, disk, step), and under each what was told of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from xolite_qt.backup.runs.events import Event, Finished, Item, ItemDone, Note, Progress
from xolite_qt.backup.runs.state import ItemState, RunState
from xolite_qt.stores.backup_rows import done_of
from xolite_qt.ui import format as fmt
from xolite_qt.ui import icons
from xolite_qt.ui.models import backup_words as words
from xolite_qt.ui.models import roles
from xolite_qt.ui.models.column import Kind, one_line
from xolite_qt.ui.models.table_line import as_markup

Index = QModelIndex | QPersistentModelIndex

COLUMNS = ("What", "Progress", "Speed", "Way", "Read", "Transferred", "Written")
NAME, PROGRESS, SPEED, WAY, READ, TRANSFERRED, WRITTEN = range(len(COLUMNS))
_KINDS = {PROGRESS: Kind.PROGRESS}
_RIGHT = (SPEED, READ, TRANSFERRED, WRITTEN)

TONE_ROLE = int(Qt.ItemDataRole.UserRole) + 40
"""Colour token of a row that is a note: "warning", "danger" or "secondary"; None for parts."""

_ICONS = {
    "vm": "vm",
    "disk": "vdi",
    "repository": "sr",
    "merge": "disks",
    "step": "task",
    "health": "shield",
}
_TONES = {"info": "secondary", "warning": "warning", "error": "danger"}
_SIGNS = {"info": "info", "warning": "warning", "error": "error"}


@dataclass(eq=False)
class Node:
    """A row: a part of the run, or a note.

    Attributes:
        item: the part's state; None for notes.
        text, level: of a note.
        details: for the curious; copied along.
    """

    parent: Node | None = None
    item: ItemState | None = None
    text: str = ""
    level: str = "info"
    details: str = ""
    children: list[Node] = field(default_factory=list)

    @property
    def row(self) -> int:
        """Place among its siblings."""
        return self.parent.children.index(self) if self.parent is not None else 0


@dataclass(frozen=True)
class Sums:
    """The numbers of a part, with those of the parts below it."""

    done: int
    total: int
    read_bytes: int
    transferred_bytes: int
    written_bytes: int
    speed_bytes_per_s: float | None


def sums(item: ItemState) -> Sums:
    """A part's numbers: its own, or those of its children where it has some that count."""
    below = [sums(child) for child in item.children]
    if not any(part.total or part.transferred_bytes or part.written_bytes for part in below):
        return Sums(
            done_of(item),
            item.total or 0,
            item.read_bytes,
            item.transferred_bytes,
            item.written_bytes,
            item.speed_bytes_per_s,
        )
    speeds = [part.speed_bytes_per_s for part in below if part.speed_bytes_per_s is not None]
    return Sums(
        sum(part.done for part in below),
        sum(part.total for part in below),
        sum(part.read_bytes for part in below),
        sum(part.transferred_bytes for part in below),
        sum(part.written_bytes for part in below),
        (item.speed_bytes_per_s if item.outcome is not None else sum(speeds)) if speeds else None,
    )


class RunTreeModel(QAbstractItemModel):
    """Grows with the run's log; rows are only ever added, and change in place."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._root = Node()
        self._nodes: dict[str, Node] = {}

    def clear(self) -> None:
        """Forget the run."""
        self.beginResetModel()
        self._root = Node()
        self._nodes = {}
        self.endResetModel()

    # ------------------------------------------------------------------ news

    def apply(self, state: RunState, events: Iterable[Event]) -> None:
        """Take in what the log said next.

        Args:
            state: already folded with `events`.
        """
        touched: dict[int, Node] = {}
        for event in events:
            match event:
                case Item():
                    item = state.items.get(event.id)
                    if item is not None and event.id not in self._nodes:
                        above = self._nodes.get(event.parent or "", self._root)
                        self._nodes[event.id] = self._add(above, Node(item=item))
                        _touch(touched, above)
                case Note():
                    above = self._nodes.get(event.id or "", self._root)
                    self._add(above, Node(text=event.text, level=event.level))
                case Progress() | ItemDone():
                    node = self._nodes.get(event.id)
                    if node is not None:
                        _touch(touched, node)
                        if isinstance(event, ItemDone) and event.error:
                            self._add(node, _failure(event.error, event.details, event.outcome))
                case Finished() if event.error and not _said(self._root, event.error):
                    self._add(self._root, _failure(event.error, "", event.outcome))
                case _:
                    continue
        last = len(COLUMNS) - 1
        for node in touched.values():
            left = self._index(node)
            self.dataChanged.emit(left, left.siblingAtColumn(last))

    def end(self) -> None:
        """The run is over, perhaps without a word: parts at work are drawn anew."""
        last = len(COLUMNS) - 1
        for node in self._nodes.values():
            left = self._index(node)
            self.dataChanged.emit(left, left.siblingAtColumn(last))

    def _add(self, above: Node, node: Node) -> Node:
        node.parent = above
        # Notes on a part stand before the parts below it: they are about the whole of it.
        at = len(above.children)
        if node.item is None and above is not self._root:
            at = sum(child.item is None for child in above.children)
        self.beginInsertRows(self._index(above), at, at)
        above.children.insert(at, node)
        self.endInsertRows()
        return node

    def _index(self, node: Node) -> QModelIndex:
        if node is self._root:
            return QModelIndex()
        return self.createIndex(node.row, 0, node)

    # ------------------------------------------------------------------ reading

    def node_at(self, index: Index) -> Node | None:
        """The node of an index; None for the root."""
        if not index.isValid():
            return None
        node = index.internalPointer()
        return node if isinstance(node, Node) else None

    def is_note(self, index: Index) -> bool:
        """Whether a row is a note, which spans all columns."""
        node = self.node_at(index)
        return node is not None and node.item is None

    def text(self) -> str:
        """The whole tree as text, to be copied into a report."""
        return "\n".join(_lines(self._root, 0))

    def problems(self) -> list[str]:
        """Everything that was more than information, with what it is about."""
        return [line for node in self._walk(self._root) if (line := _problem(node))]

    def _walk(self, node: Node) -> Iterable[Node]:
        for child in node.children:
            yield child
            yield from self._walk(child)

    # ------------------------------------------------------------------ Qt

    def index(self, row: int, column: int, parent: Index | None = None) -> QModelIndex:
        """Override QAbstractItemModel::index."""
        above = self._root
        if parent is not None and parent.isValid():
            if parent.column() != 0:
                return QModelIndex()
            above = self.node_at(parent) or self._root
        if not (0 <= row < len(above.children) and 0 <= column < len(COLUMNS)):
            return QModelIndex()
        return self.createIndex(row, column, above.children[row])

    def parent(self, index: Any = None) -> Any:
        """Override QAbstractItemModel::parent."""
        if index is None:
            return super().parent()
        node = self.node_at(index)
        if node is None or node.parent is None:
            return QModelIndex()
        return self._index(node.parent)

    def rowCount(self, parent: Index | None = None) -> int:
        """Override QAbstractItemModel::rowCount."""
        if parent is None or not parent.isValid():
            return len(self._root.children)
        node = self.node_at(parent)
        return len(node.children) if node is not None and parent.column() == 0 else 0

    def columnCount(self, parent: Index | None = None) -> int:
        """Override QAbstractItemModel::columnCount."""
        return len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = roles.DISPLAY_ROLE
    ) -> Any:
        """Titles."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(COLUMNS):
            return None
        if role in (roles.DISPLAY_ROLE, roles.ACCESSIBLE_ROLE):
            return COLUMNS[section]
        if role == roles.ALIGNMENT_ROLE:
            return _alignment(section)
        return None

    def data(self, index: Index, role: int = roles.DISPLAY_ROLE) -> Any:
        """Cell data."""
        node = self.node_at(index)
        if node is None:
            return None
        column = index.column()
        if node.item is None:
            return _note_data(node, column, role)
        if role == roles.DISPLAY_ROLE:
            return _text(node.item, column)
        if role == roles.VALUE_ROLE:
            return _fraction(node.item) if column == PROGRESS else _text(node.item, column)
        if role == roles.KIND_ROLE:
            return _KINDS.get(column, Kind.TEXT)
        if role == roles.ALIGNMENT_ROLE:
            return _alignment(column)
        if role == roles.DECORATION_ROLE:
            return _icon(node.item) if column == NAME else None
        if role == roles.TOOLTIP_ROLE:
            text = node.item.error or _text(node.item, column)
            return as_markup(text) if text else None
        if role == roles.ACCESSIBLE_ROLE:
            return f"{COLUMNS[column]}: {_text(node.item, column) or fmt.NONE}"
        return None


def _touch(touched: dict[int, Node], node: Node) -> None:
    """Notes a node and what stands above it: their sums change with it."""
    above: Node | None = node
    while above is not None and above.item is not None:
        touched[id(above)] = above
        above = above.parent


def _failure(error: str, details: str, outcome: str) -> Node:
    level = "error" if outcome in ("failure", "interrupted") else "warning"
    return Node(text=error, level=level, details=details)


def _said(node: Node, text: str) -> bool:
    return any(child.text == text or _said(child, text) for child in node.children)


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in _RIGHT else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


def _note_data(node: Node, column: int, role: int) -> Any:
    if column != NAME:
        return None
    if role == roles.DISPLAY_ROLE:
        return one_line(node.text)
    if role == roles.DECORATION_ROLE:
        return icons.icon(_SIGNS[node.level], _TONES[node.level])
    if role == TONE_ROLE:
        return _TONES[node.level]
    if role == roles.KIND_ROLE:
        return Kind.TEXT
    if role == roles.TOOLTIP_ROLE:
        return as_markup("\n".join(filter(None, (node.text, node.details))))
    if role == roles.ACCESSIBLE_ROLE:
        return f"{node.level}: {one_line(node.text)}"
    return None


def _fraction(item: ItemState) -> float | None:
    if item.outcome is not None:
        return None
    told = sums(item)
    return told.done / told.total if told.total else None


def _text(item: ItemState, column: int) -> str:
    if column == NAME:
        return one_line(item.item.name or item.item.kind)
    if column == WAY:
        return words.way(item.facts["way"]) if "way" in item.facts else ""
    told = sums(item)
    if column == PROGRESS:
        if item.outcome is not None:
            return words.outcome(item.outcome)[0]
        if not told.total:
            return "At work"
        return fmt.percent(told.done / told.total)
    if column == SPEED:
        return fmt.rate(told.speed_bytes_per_s) if told.speed_bytes_per_s else ""
    number = {
        READ: told.read_bytes,
        TRANSFERRED: told.transferred_bytes,
        WRITTEN: told.written_bytes,
    }[column]
    return fmt.size(number) if number else ""


def _icon(item: ItemState) -> Any:
    name = _ICONS.get(item.item.kind, "task")
    return icons.icon(name, state=words.BADGES.get(item.outcome))


def _problem(node: Node) -> str:
    if node.item is not None or node.level == "info":
        return ""
    names = []
    above = node.parent
    while above is not None and above.item is not None:
        names.append(above.item.item.name)
        above = above.parent
    place = " > ".join(reversed(names))
    text = f"{place}: {node.text}" if place else node.text
    return f"{text}\n{node.details}" if node.details else text


def _lines(node: Node, depth: int) -> Iterable[str]:
    for child in node.children:
        room = "  " * depth
        if child.item is None:
            sign = {"info": "-", "warning": "!", "error": "!!"}[child.level]
            yield f"{room}{sign} {child.text}"
            for line in child.details.splitlines():
                yield f"{room}    {line}"
        else:
            cells = [_text(child.item, column) for column in range(1, len(COLUMNS))]
            told = [f"{COLUMNS[at + 1].lower()} {cell}" for at, cell in enumerate(cells) if cell]
            yield f"{room}{_text(child.item, NAME)}: {', '.join(told)}"
        yield from _lines(child, depth + 1)
