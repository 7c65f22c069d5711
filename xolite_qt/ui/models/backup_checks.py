"""A list to tick from: VMs, tags, repositories; filtered without forgetting what was ticked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtCore import Signal as QtSignal

from xolite_qt.ui import icons, theme
from xolite_qt.ui.models import roles
from xolite_qt.ui.models.column import one_line
from xolite_qt.ui.models.table_line import as_markup

Index = QModelIndex | QPersistentModelIndex

NOTE_ROLE = int(Qt.ItemDataRole.UserRole) + 41
"""What stands in grey at the right of a line."""
_CHECK = int(Qt.ItemDataRole.CheckStateRole)


@dataclass(frozen=True, slots=True)
class Tickable:
    """A line.

    Attributes:
        ref: what is ticked.
        text: its name, plain.
        note: in grey at the right.
        icon: "vm:running" (name:state), or "".
        words: what else the filter looks at.
        missing: it is ticked, but is not there any more.
    """

    ref: str
    text: str
    note: str = ""
    icon: str = ""
    words: str = ""
    missing: bool = False


class TickModel(QAbstractListModel):
    """Lines with a tick each.

    Signals:
        ticked: the set of ticked lines has changed.
    """

    ticked = QtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: list[Tickable] = []
        self._shown: list[Tickable] = []
        self._ticked: dict[str, None] = {}
        self._filter = ""

    # ------------------------------------------------------------------ content

    def set_lines(self, lines: Sequence[Tickable]) -> None:
        """Show these lines; ticks stay, also of those that are not among them."""
        known = {line.ref for line in lines}
        gone = [
            Tickable(ref, ref, "no longer there", "question", missing=True)
            for ref in self._ticked
            if ref not in known
        ]
        fresh = [*gone, *lines]
        if fresh != self._all:
            self._all = fresh
            self._narrow()

    def set_filter(self, text: str) -> None:
        """Show only lines that have this in their name or words."""
        wanted = text.strip().casefold()
        if wanted != self._filter:
            self._filter = wanted
            self._narrow()

    def _narrow(self) -> None:
        wanted = self._filter
        shown = [
            line
            for line in self._all
            if not wanted or wanted in f"{line.text}\n{line.words}".casefold()
        ]
        if shown == self._shown:
            return
        if [line.ref for line in shown] == [line.ref for line in self._shown]:
            self._shown = shown
            self.dataChanged.emit(self.index(0), self.index(len(shown) - 1))
            return
        self.beginResetModel()
        self._shown = shown
        self.endResetModel()

    @property
    def total(self) -> int:
        """Lines there are, shown or not."""
        return len(self._all)

    # ------------------------------------------------------------------ ticks

    def ticks(self) -> tuple[str, ...]:
        """What is ticked, in the order in which it was."""
        return tuple(self._ticked)

    def set_ticks(self, refs: Iterable[str]) -> None:
        """Tick these and no others."""
        wanted = dict.fromkeys(refs)
        if wanted.keys() == self._ticked.keys():
            return
        self._ticked = wanted
        if self._shown:
            self.dataChanged.emit(self.index(0), self.index(len(self._shown) - 1), [_CHECK])
        self.ticked.emit()

    def tick_shown(self, *, on: bool) -> None:
        """Tick or clear every line that passes the filter."""
        refs = dict(self._ticked)
        for line in self._shown:
            if on:
                refs[line.ref] = None
            else:
                refs.pop(line.ref, None)
        self.set_ticks(refs)

    # ------------------------------------------------------------------ Qt

    def rowCount(self, parent: Index | None = None) -> int:
        """Override QAbstractListModel::rowCount."""
        return 0 if parent is not None and parent.isValid() else len(self._shown)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Override QAbstractListModel::flags."""
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        return (
            Qt.ItemFlag.ItemIsEnabled
            | Qt.ItemFlag.ItemIsSelectable
            | Qt.ItemFlag.ItemIsUserCheckable
            | Qt.ItemFlag.ItemNeverHasChildren
        )

    def data(self, index: Index, role: int = roles.DISPLAY_ROLE) -> Any:
        """Override QAbstractListModel::data."""
        if not index.isValid() or not 0 <= index.row() < len(self._shown):
            return None
        line = self._shown[index.row()]
        if role == roles.DISPLAY_ROLE:
            return one_line(line.text)
        if role == _CHECK:
            on = line.ref in self._ticked
            return Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
        if role == roles.DECORATION_ROLE and line.icon:
            name, _, state = line.icon.partition(":")
            return icons.icon(name, "warning" if line.missing else None, state or None)
        if role == int(Qt.ItemDataRole.ForegroundRole) and line.missing:
            return theme.color("warning")
        if role == NOTE_ROLE:
            return one_line(line.note)
        if role == roles.REF_ROLE:
            return line.ref
        if role == roles.TOOLTIP_ROLE:
            return as_markup("\n".join(filter(None, (line.text, line.note))))
        if role == roles.ACCESSIBLE_ROLE:
            said = "chosen" if line.ref in self._ticked else "not chosen"
            return ", ".join(filter(None, (one_line(line.text), line.note, said)))
        return None

    def setData(self, index: Index, value: Any, role: int = int(Qt.ItemDataRole.EditRole)) -> bool:
        """Override QAbstractListModel::setData: a click or Space ticks."""
        if role != _CHECK or not index.isValid():
            return False
        ref = self._shown[index.row()].ref
        if Qt.CheckState(value) == Qt.CheckState.Checked:
            self._ticked[ref] = None
        else:
            self._ticked.pop(ref, None)
        self.dataChanged.emit(index, index, [_CHECK])
        self.ticked.emit()
        return True
