"""A table over plain Python lists that sorts and filters by itself.

A QSortFilterProxyModel over a Python model costs 1.6 s for one sort of 10,000 rows, a list 17 ms
(see the measurements behind CONTRIBUTING.md), so this model keeps the order itself and tells the
views exactly what came, went, moved or changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)

from xolite_qt.ui.models import roles
from xolite_qt.ui.models.column import Column, HasRef, RowChange
from xolite_qt.ui.models.row_filters import RowFilters
from xolite_qt.ui.models.table_line import (
    TableLine,
    as_markup,
    runs_of,
    searched_columns,
)

T = TypeVar("T", bound=HasRef)
Index = QModelIndex | QPersistentModelIndex

_ROOT = QModelIndex()
FRAME_S = 0.05
"""Changes are told at most this often: a storm costs one repaint a frame."""
SLICE = 400
"""Of a flood of changes so many are told at a time, and the rest at the next frames."""
SINGLE_SIGNALS = 300
"""Above this many changed rows one range is told instead of one row at a time."""
SINGLE_MOVES = 48
"""Above this many separate insertions or removals they are gathered at the end in one move."""


class RecordTableModel(QAbstractTableModel, Generic[T]):
    """Rows of one type with their columns, sorted and filtered here.

    Rows are told by `apply` (a store's change) or `replace` (the whole truth). Rows that go on
    existing keep their persistent index, so that selection, current row and scroll position
    survive every refresh, sort and filter.

    Args:
        columns: what is shown; their order is the order of the model's columns.
        muted: tells the rows that are drawn greyed.
    """

    counted = Signal(int, int)
    """Emitted with (rows shown, rows known) after every change of either."""

    def __init__(
        self,
        columns: Sequence[Column[T]],
        *,
        muted: Callable[[T], bool] | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.columns: tuple[Column[T], ...] = tuple(columns)
        self._muted = muted
        self._searched = searched_columns(self.columns)
        self._at = {column.id: at for at, column in enumerate(self.columns)}
        self._lines: dict[str, TableLine[T]] = {}
        self._order: list[str] = []
        self._row_of: dict[str, int] | None = {}
        self._sort_column = 0
        self._descending = False
        self._keys: dict[str, Any] = {}
        self._filters: RowFilters[T] = RowFilters(self.columns)
        self._waiting: dict[str, T | None] = {}
        self._told_at = 0.0
        self._telling = False
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.timeout.connect(self._tell_some)

    def apply(self, change: RowChange[T]) -> None:
        """Take in a store's change; views hear of it at once, or at the next frame in a storm."""
        waiting = self._waiting
        for ref in change.removed:
            waiting[ref] = None
        for row in change.added:
            waiting[row.ref] = row
        for row in change.changed:
            waiting[row.ref] = row
        self._tell_soon()

    def replace(self, rows: Iterable[T]) -> None:
        """Make `rows` the whole content, telling only the differences."""
        fresh = {row.ref: row for row in rows}
        self._waiting = {ref: None for ref in self._lines if ref not in fresh}
        self._waiting.update(
            {
                ref: row
                for ref, row in fresh.items()
                if (line := self._lines.get(ref)) is None or line.row is not row
            }
        )
        self.flush()

    def flush(self) -> None:
        """Tell the views everything that is waiting.

        Asked for by somebody who is just being told, it happens right after.
        """
        if self._telling:
            self._frame.start(0)
            return
        self._frame.stop()
        self._told_at = time.monotonic()
        waiting, self._waiting = self._waiting, {}
        if waiting:
            self._telling = True
            try:
                self._take(waiting)
            finally:
                self._telling = False

    @property
    def is_settled(self) -> bool:
        """Whether the views know all that the model knows."""
        return not self._waiting

    def _tell_soon(self) -> None:
        if self._frame.isActive():
            return
        left = self._told_at + FRAME_S - time.monotonic()
        if left <= 0:
            self._tell_some()
        else:
            self._frame.start(int(left * 1000) + 1)

    def _tell_some(self) -> None:
        """Tells what waits; of a flood only a part, and the rest at the next frames."""
        rest: dict[str, T | None] = {}
        if len(self._waiting) > SLICE and len(self._waiting) < len(self._lines):
            waiting = list(self._waiting.items())
            self._waiting, rest = dict(waiting[:SLICE]), dict(waiting[SLICE:])
        self.flush()
        if rest:
            # News of the same rows, come while the first part was told, are newer.
            self._waiting = {**rest, **self._waiting}
            self._frame.start(1)

    def _take(self, waiting: dict[str, T | None]) -> None:
        position = self._positions()
        key_of = self.columns[self._sort_column].sort_key
        width, searched = len(self.columns), self._searched
        dead: list[str] = []
        gone: list[str] = []
        come: list[str] = []
        moved: list[tuple[str, Any]] = []
        stayed: list[str] = []
        for ref, row in waiting.items():
            if row is None:
                dead.append(ref)
                if ref in position:
                    gone.append(ref)
                continue
            line = TableLine(row, width, searched)
            self._lines[ref] = line
            shown = self._filters.passes(line)
            key = key_of(row)
            if ref not in position:
                self._keys[ref] = key
                if shown:
                    come.append(ref)
                continue
            if not shown:
                self._keys[ref] = key
                gone.append(ref)
                continue
            if key != self._keys[ref]:
                moved.append((ref, key))
            stayed.append(ref)
        self._remove(gone)
        # Not before the views let go of them: until then a view may ask for their data.
        for ref in dead:
            self._lines.pop(ref, None)
            self._keys.pop(ref, None)
        if moved:
            self._keys.update(moved)
            self._move([ref for ref, _ in moved])
        self._insert(come)
        self._tell_changed(stayed)
        if gone or come or len(waiting) != len(stayed):
            self.counted.emit(len(self._order), len(self._lines))

    def _sorted(self, refs: Iterable[str]) -> list[str]:
        keys = self._keys
        order = sorted(refs)
        # Rows without a value stand last whichever way the column is sorted.
        empty = [ref for ref in order if keys[ref] is None]
        if empty:
            order = [ref for ref in order if keys[ref] is not None]
        order.sort(key=keys.__getitem__, reverse=self._descending)
        return order + empty

    def _before(self, one: str, two: str) -> bool:
        first, second = self._keys[one], self._keys[two]
        if first == second:
            return one < two
        if first is None or second is None:
            return second is None
        return bool(first > second) if self._descending else bool(first < second)

    def _place(self, ref: str) -> int:
        low, high = 0, len(self._order)
        while low < high:
            middle = (low + high) // 2
            if self._before(self._order[middle], ref):
                low = middle + 1
            else:
                high = middle
        return low

    def _positions(self) -> dict[str, int]:
        if self._row_of is None:
            self._row_of = {ref: at for at, ref in enumerate(self._order)}
        return self._row_of

    def _remove(self, gone: list[str]) -> None:
        if not gone:
            return
        position = self._positions()
        runs = runs_of(sorted(position[ref] for ref in gone))
        if len(runs) > SINGLE_MOVES:
            dying = set(gone)
            self._reorder([r for r in self._order if r not in dying] + gone)
            runs = [(len(self._order) - len(gone), len(self._order) - 1)]
        for first, last in reversed(runs):
            self.beginRemoveRows(_ROOT, first, last)
            del self._order[first : last + 1]
            self._row_of = None
            self.endRemoveRows()

    def _insert(self, come: list[str]) -> None:
        if not come:
            return
        if not self._order or len(come) > SINGLE_MOVES:
            start = len(self._order)
            if not start:
                come = self._sorted(come)
            self.beginInsertRows(_ROOT, start, start + len(come) - 1)
            self._order.extend(come)
            self._row_of = None
            self.endInsertRows()
            if start:
                self._reorder(self._sorted(self._order))
            return
        come = self._sorted(come)
        while come:
            # Rows that land in one gap are told together; the last first, so places stay right.
            place = self._place(come[-1])
            run = [come.pop()]
            while come and self._place(come[-1]) == place:
                run.append(come.pop())
            run.reverse()
            self.beginInsertRows(_ROOT, place, place + len(run) - 1)
            self._order[place:place] = run
            self._row_of = None
            self.endInsertRows()

    def _move(self, moved: list[str]) -> None:
        if len(moved) > SINGLE_MOVES:
            self._reorder(self._sorted(self._order))
            return
        going = set(moved)
        before = self._order
        self._order = [ref for ref in before if ref not in going]
        for ref in moved:
            self._order.insert(self._place(ref), ref)
        after, self._order = self._order, before
        self._reorder(after)

    def _reorder(self, order: list[str]) -> None:
        if order == self._order:
            return
        self.layoutAboutToBeChanged.emit()
        old = self.persistentIndexList()
        refs = [self._order[index.row()] for index in old]
        self._order = order
        self._row_of = None
        if old:
            position = self._positions()
            self.changePersistentIndexList(
                old,
                [
                    self.index(position[ref], index.column())
                    for ref, index in zip(refs, old, strict=True)
                ],
            )
        self.layoutChanged.emit()

    def _tell_changed(self, refs: list[str]) -> None:
        if not refs:
            return
        position = self._positions()
        last_column = len(self.columns) - 1
        rows = sorted(position[ref] for ref in refs)
        spans = [(rows[0], rows[-1])] if len(rows) >= SINGLE_SIGNALS else runs_of(rows)
        for first, last in spans:
            self.dataChanged.emit(self.index(first, 0), self.index(last, last_column))

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Order by a column; rows of equal value stand in the order of their references."""
        if not 0 <= column < len(self.columns):
            return
        self.flush()
        self._sort_column = column
        self._descending = order == Qt.SortOrder.DescendingOrder
        key_of = self.columns[column].sort_key
        self._keys = {ref: key_of(line.row) for ref, line in self._lines.items()}
        self._reorder(self._sorted(self._order))

    @property
    def sorted_by(self) -> tuple[str, bool]:
        """(column id, descending)."""
        return self.columns[self._sort_column].id, self._descending

    def sort_by(self, column_id: str, *, descending: bool = False) -> None:
        """`sort` by the column's name; an unknown name changes nothing."""
        at = self._at.get(column_id)
        if at is not None:
            down = Qt.SortOrder.DescendingOrder
            self.sort(at, down if descending else Qt.SortOrder.AscendingOrder)

    def set_filter(self, text: str) -> None:
        """Show only rows in which every word of `text` occurs, in whatever column."""
        self._filters.words = tuple(text.casefold().split())
        self._refilter()

    def set_column_filter(self, column_id: str, text: str) -> None:
        """Filter one column; see `cell_filter` for what may be written.

        Raises:
            KeyError: no such column.
        """
        self._filters.set_column(self._at[column_id], text)
        self._refilter()

    def set_row_filter(self, passes: Callable[[T], bool] | None) -> None:
        """Limit the table to the rows of which `passes` is true (a page's own scope)."""
        self._filters.scope = passes
        self._refilter()

    def clear_filters(self) -> None:
        """Drop the text and column filters; a page's own scope stays."""
        self._filters.clear()
        self._refilter()

    @property
    def column_filters(self) -> Mapping[str, str]:
        """Filter text by column id, only those that filter."""
        return {self.columns[at].id: text for at, text in self._filters.column_texts.items()}

    @property
    def is_filtered(self) -> bool:
        """True while a text or column filter hides rows."""
        return self._filters.hides

    def _refilter(self) -> None:
        self.flush()
        wanted = {ref for ref, line in self._lines.items() if self._filters.passes(line)}
        shown = set(self._order)
        self._remove([ref for ref in self._order if ref not in wanted])
        self._insert([ref for ref in wanted if ref not in shown])
        self.counted.emit(len(self._order), len(self._lines))

    def row_at(self, row: int) -> T:
        """The row object at a place.

        Raises:
            IndexError: no such place.
        """
        return self._lines[self._order[row]].row

    def rows(self) -> list[T]:
        """The shown rows, in the shown order."""
        return [self._lines[ref].row for ref in self._order]

    def get(self, ref: str) -> T | None:
        """The row of a reference, shown or filtered away."""
        line = self._lines.get(ref)
        return line.row if line else None

    def find(self, ref: str) -> QModelIndex:
        """The first cell of a row; an invalid index where it isn't shown."""
        row = self._positions().get(ref)
        return QModelIndex() if row is None else self.index(row, 0)

    def total(self) -> int:
        """How many rows are known, shown or not."""
        return len(self._lines)

    def texts(self, row: int) -> tuple[str, ...]:
        """All cells of a shown row as they read."""
        line = self._lines[self._order[row]]
        return tuple(line.text(at, self.columns) for at in range(len(self.columns)))

    def column_at(self, column_id: str) -> int:
        """Place of a column.

        Raises:
            KeyError: no such column.
        """
        return self._at[column_id]

    def touch(self, refs: Iterable[str] | None = None) -> None:
        """Read rows anew (default: all): ages grow and live numbers come without any event."""
        for ref in list(self._lines) if refs is None else refs:
            if ref not in self._waiting and (line := self._lines.get(ref)) is not None:
                self._waiting[ref] = line.row
        self._tell_soon()

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Rows shown."""
        return 0 if parent.isValid() else len(self._order)

    def columnCount(self, parent: Index = _ROOT) -> int:
        """All columns; views hide what the user didn't choose."""
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = roles.DISPLAY_ROLE) -> Any:
        """Cell data; nothing is computed here that an event could have computed."""
        row, at = index.row(), index.column()
        if not 0 <= row < len(self._order):
            return None
        line = self._lines[self._order[row]]
        if role == roles.DISPLAY_ROLE:
            return line.text(at, self.columns)
        column = self.columns[at]
        if role == roles.ALIGNMENT_ROLE:
            return column.alignment
        if role == roles.DECORATION_ROLE:
            return column.icon(line.row) if column.icon else None
        if role == roles.REF_ROLE:
            return line.row.ref
        if role == roles.VALUE_ROLE:
            return column.value(line.row)
        if role == roles.KIND_ROLE:
            return column.kind
        if role == roles.MUTED_ROLE:
            return self._muted is not None and self._muted(line.row)
        if role == roles.TOOLTIP_ROLE:
            text = column.tooltip(line.row) if column.tooltip else line.text(at, self.columns)
            return as_markup(text) if text else None
        if role == roles.ACCESSIBLE_ROLE:
            said = (
                line.text(at, self.columns)
                or (column.search(line.row) if column.search else "")
                or "–"
            )
            return f"{column.title}: {said}"
        if role == roles.ROW_ROLE:
            return line.row
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = roles.DISPLAY_ROLE
    ) -> Any:
        """Column titles, aligned as their cells."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        column = self.columns[section]
        if role in (roles.DISPLAY_ROLE, roles.ACCESSIBLE_ROLE):
            return column.title
        if role == roles.ALIGNMENT_ROLE:
            return column.alignment
        if role == roles.KIND_ROLE:
            return column.kind
        return None
