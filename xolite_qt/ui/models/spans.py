"""Small pure steps of the table model."""

from __future__ import annotations

import html
from collections.abc import Sequence


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
