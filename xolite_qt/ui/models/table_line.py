"""One row of the table model as its event made it, and the small steps around it."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Generic, TypeVar

from xolite_qt.ui.models.column import Column, HasRef

T = TypeVar("T", bound=HasRef)


class TableLine(Generic[T]):
    """One row with the strings that were made when its event came."""

    __slots__ = ("needle", "row", "texts")

    def __init__(self, row: T, columns: Sequence[Column[T]]) -> None:
        self.row = row
        self.texts = tuple([column.read(row) for column in columns])
        found = [
            column.search(row) if column.search else text
            for column, text in zip(columns, self.texts, strict=True)
        ]
        self.needle = "\n".join(found).casefold()


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
