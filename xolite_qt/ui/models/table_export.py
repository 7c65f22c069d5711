"""A table as CSV or JSON: the rows and columns that the user sees, with exact values.

CSV carries the texts as shown; JSON carries the values behind them (bytes as numbers, fractions as
fractions, times as ISO 8601), for programs.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from xolite_qt.ui.models.column import Column, HasRef, Kind

T = TypeVar("T", bound=HasRef)

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def to_csv(columns: Sequence[Column[T]], rows: Iterable[T]) -> str:
    """RFC 4180 text with a heading line.

    A cell that a spreadsheet would run as a formula gets an apostrophe before it: names come from
    whoever may name a VM.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([column.title for column in columns])
    for row in rows:
        writer.writerow([_cell(column, row) for column in columns])
    return out.getvalue()


def to_json(columns: Sequence[Column[T]], rows: Iterable[T]) -> str:
    """A JSON array with one object per row, keyed by column id."""
    return json.dumps(
        [{column.id: _value(column, row) for column in columns} for row in rows],
        ensure_ascii=False,
        indent=2,
    )


def _cell(column: Column[T], row: T) -> str:
    text = column.text(row) if column.text else column.read(row)
    is_number = isinstance(column.value(row), (int, float))
    return text if is_number else plain_cell(text)


def plain_cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _value(column: Column[T], row: T) -> Any:
    value = column.value(row)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if column.kind is Kind.TIME and isinstance(value, (int, float)):
        return datetime.fromtimestamp(value, UTC).isoformat()
    if isinstance(value, (tuple, list, set, frozenset)):
        return [str(item) for item in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)
