"""What is written when a table is exported."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.ui.models.column import Column, Kind, natural_key, one_line
from xolite_qt.ui.models.table_export import to_csv, to_json


@dataclass(frozen=True)
class Thing:
    ref: str
    name: str
    size: float | None = None
    seen: float | None = None
    tags: tuple[str, ...] = ()


COLUMNS = (
    Column[Thing](id="name", title="Name", value=lambda t: t.name),
    Column[Thing](
        id="size",
        title="RAM",
        value=lambda t: t.size,
        text=lambda t: "" if t.size is None else f"{t.size / 2**30:g} GiB",
        kind=Kind.BYTES,
    ),
    Column[Thing](id="seen", title="Seen", value=lambda t: t.seen, kind=Kind.TIME),
    Column[Thing](id="tags", title="Tags", value=lambda t: t.tags, kind=Kind.TAGS),
)


def test_csv_reads_back_with_commas_quotes_and_lines() -> None:
    text = to_csv(COLUMNS, [Thing("1", 'a, "b"\nc', 2.0**31), Thing("2", "ä")])
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["Name", "RAM", "Seen", "Tags"]
    assert rows[1][1] == "2 GiB"
    assert rows[2][0] == "ä"


def test_a_name_is_never_a_formula_in_a_spreadsheet() -> None:
    text = to_csv(COLUMNS[:1], [Thing("1", "=cmd|' /C calc'!A0"), Thing("2", "@x")])
    rows = list(csv.reader(io.StringIO(text)))
    assert [row[0][0] for row in rows[1:]] == ["'", "'"]


def test_json_carries_exact_values() -> None:
    read = json.loads(
        to_json(COLUMNS, [Thing("1", "a", 12345.0, 0.0, ("x", "y")), Thing("2", "b", float("nan"))])
    )
    assert read[0] == {
        "name": "a",
        "size": 12345.0,
        "seen": "1970-01-01T00:00:00+00:00",
        "tags": ["x", "y"],
    }
    assert read[1]["size"] is None


@given(st.text())
def test_any_name_becomes_one_bounded_line_with_a_key(text: str) -> None:
    line = one_line(text)
    assert len(line) <= 300
    assert "\n" not in line
    assert "\x00" not in line
    assert natural_key(text) == natural_key(text)
