"""Which rows of a table are shown: a page's scope, words, and a filter per column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from xolite_qt.ui.models.column import CellFilter, Column, HasRef, cell_filter
from xolite_qt.ui.models.table_line import TableLine

T = TypeVar("T", bound=HasRef)


class RowFilters(Generic[T]):
    """All filters of one table; a row is shown if it passes every one.

    Attributes:
        scope: the page's own limit, not the user's.
        words: in lower case; each has to occur somewhere in the row.
        column_texts: what the user wrote, by place of the column; only those that filter.
    """

    def __init__(self, columns: Sequence[Column[T]]) -> None:
        self._columns = columns
        self.scope: Callable[[T], bool] | None = None
        self.words: tuple[str, ...] = ()
        self.column_texts: dict[int, str] = {}
        self._tests: dict[int, CellFilter[T]] = {}

    def set_column(self, at: int, text: str) -> None:
        """Filter a column; see `cell_filter` for what may be written."""
        self.column_texts.pop(at, None)
        self._tests.pop(at, None)
        test = cell_filter(self._columns[at], text)
        if test is not None:
            self.column_texts[at] = text
            self._tests[at] = test

    def clear(self) -> None:
        """Drop what the user wrote; the page's scope stays."""
        self.words = ()
        self.column_texts.clear()
        self._tests.clear()

    @property
    def hides(self) -> bool:
        """Whether the user's filters may hide rows."""
        return bool(self.words or self._tests)

    def passes(self, line: TableLine[T]) -> bool:
        """Whether a row is shown."""
        row = line.row
        if self.scope is not None and not self.scope(row):
            return False
        for word in self.words:
            if word not in line.needle:
                return False
        for at, test in self._tests.items():
            if test.number is not None:
                if not test.number(row):
                    return False
            elif test.text is not None:
                search = self._columns[at].search
                if not test.text(search(row) if search else line.text(at, self._columns)):
                    return False
        return True
