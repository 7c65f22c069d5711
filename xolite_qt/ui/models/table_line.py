"""One row of the table model as its event made it, and the small steps around it."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from xolite_qt.ui.models.column import Column, HasRef

T = TypeVar("T", bound=HasRef)


class TableLine(Generic[T]):
    """One row: its needle made when its event came, its texts when they are first looked at.

    Attributes:
        row: the row itself.
        needle: all words that a search looks through, in lower case. Columns of numbers and times
            are no words: they have filters of their own.
    """

    __slots__ = ("_texts", "needle", "row")

    def __init__(self, row: T, width: int, searched: Sequence[Callable[[T], str]]) -> None:
        self.row = row
        self._texts: list[str | None] = [None] * width
        self.needle = "\n".join([words(row) for words in searched]).casefold()

    def text(self, at: int, columns: Sequence[Column[T]]) -> str:
        """The text of a cell."""
        text = self._texts[at]
        if text is None:
            self._texts[at] = text = columns[at].read(self.row)
        return text


def searched_columns(columns: Sequence[Column[T]]) -> list[Callable[[T], str]]:
    """How to get the words of a row that a search looks through."""
    return [column.search or column.read for column in columns if column.search or column.is_words]


def said_of(column: Column[T], row: T, text: str) -> str:
    """What a screen reader says of a cell; some show a picture instead of words."""
    return f"{column.title}: {text or (column.search(row) if column.search else '') or '–'}"


def as_markup(text: str) -> str:
    """A tooltip of plain text."""
    # So that a name which looks like markup is shown, not rendered.
    shown = html.escape(text[:2000]).replace("\n", "<br>")
    return f"<qt>{shown}</qt>"


def runs_of(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending numbers as (first, last) runs without gaps."""
    runs: list[tuple[int, int]] = []
    for row in rows:
        if runs and row == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], row)
        else:
            runs.append((row, row))
    return runs
