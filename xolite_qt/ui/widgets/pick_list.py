"""A short list that is searched and picked from: templates, discs, disks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from xolite_qt.ui.icons import icon
from xolite_qt.ui.models.column import one_line
from xolite_qt.ui.widgets import SearchField, TextLabel, plain_tooltip
from xolite_qt.ui.widgets.text import text_width

_REF = Qt.ItemDataRole.UserRole
_ROW_PX = 34
_NOTE_PX = 260


@dataclass(frozen=True)
class Item:
    """Something to pick.

    Attributes:
        ref: its identity.
        name: its name.
        note: what is said at the right: where it is, how large.
        icon: name of its icon.
    """

    ref: str
    name: str
    note: str = ""
    icon: str = ""


class PickList(QWidget):
    """A search field over a list of two columns.

    Signals:
        picked: another one was picked by the user.
            arg: its reference.
    """

    picked = Signal(str)

    def __init__(self, says: str, placeholder: str, *, rows: int = 5) -> None:
        super().__init__()
        self._items: tuple[Item, ...] | None = None
        self._current = ""
        self.search = SearchField(placeholder)
        self.list = QTreeWidget()
        self.list.setAccessibleName(says)
        self.list.setColumnCount(2)
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.list.setTabKeyNavigation(False)
        self.list.setFixedHeight(rows * _ROW_PX + 8)
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)
        self.empty = TextLabel("", kind="small", tone="secondary", wrap=True)
        self.empty.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.search)
        frame = QFrame()
        frame.setProperty("panel", "card")
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(4, 4, 4, 4)
        inside.addWidget(self.list)
        column.addWidget(frame)
        column.addWidget(self.empty)
        self.setFocusProxy(self.search)
        self.search.searched.connect(self._filter)
        self.search.down_pressed.connect(self.list.setFocus)
        self.list.currentItemChanged.connect(self._moved)

    @property
    def current(self) -> str:
        """Reference of what is picked; "" while nothing is."""
        return self._current

    def set_items(self, items: Sequence[Item], empty: str) -> None:
        """Offer these.

        Args:
            items: in their order.
            empty: what is said where there are none.
        """
        wanted = tuple(items)
        self.empty.set_text(empty)
        self.empty.setVisible(not wanted)
        if wanted == self._items:
            return
        self._items = wanted
        self.list.blockSignals(True)
        self.list.clear()
        for item in wanted:
            entry = QTreeWidgetItem([one_line(item.name), one_line(item.note)])
            entry.setData(0, _REF, item.ref)
            if item.icon:
                entry.setIcon(0, icon(item.icon, "secondary"))
            entry.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            entry.setToolTip(0, plain_tooltip(item.name))
            self.list.addTopLevelItem(entry)
        self.list.blockSignals(False)
        widths = (text_width(self.list.font(), item.note) for item in wanted)
        self.list.header().resizeSection(1, min(_NOTE_PX, max(widths, default=0) + 24))
        self._filter(self.search.text().strip())
        self._select()

    def set_current(self, ref: str) -> None:
        """Pick without a word."""
        if ref != self._current:
            self._current = ref
            self._select()

    def pick(self, ref: str) -> None:
        """As if the user had clicked it."""
        if (entry := self._entry(ref)) is not None:
            self.list.setCurrentItem(entry)

    def _entry(self, ref: str) -> QTreeWidgetItem | None:
        for at in range(self.list.topLevelItemCount()):
            entry = self.list.topLevelItem(at)
            if entry is not None and entry.data(0, _REF) == ref:
                return entry
        return None

    def _select(self) -> None:
        entry = self._entry(self._current) if self._current else None
        self.list.blockSignals(True)
        if entry is None:
            self.list.setCurrentIndex(QModelIndex())
            self.list.clearSelection()
        else:
            self.list.setCurrentItem(entry)
            self.list.scrollToItem(entry)
        self.list.blockSignals(False)

    def _filter(self, text: str) -> None:
        words = text.casefold().split()
        for at in range(self.list.topLevelItemCount()):
            entry = self.list.topLevelItem(at)
            if entry is not None:
                said = f"{entry.text(0)} {entry.text(1)}".casefold()
                entry.setHidden(not all(word in said for word in words))

    def _moved(self, entry: QTreeWidgetItem | None) -> None:
        ref = entry.data(0, _REF) if entry is not None else ""
        if isinstance(ref, str) and ref and ref != self._current:
            self._current = ref
            self.picked.emit(ref)
