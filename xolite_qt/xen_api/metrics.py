"""The host's measurements: `rrd_updates`, in every form that hosts have sent them.

Source: xapi.md 1.8.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

import msgspec

from .errors import MalformedAnswer
from .safe_xml import XmlRefused, parse_xml

Kind = Literal["host", "vm", "sr"]


@dataclass(frozen=True)
class Archive:
    """One of the rings that a host keeps: `points` measurements, one every `step_s` seconds."""

    name: str
    step_s: int
    points: int

    @property
    def span_s(self) -> int:
        """How far back it reaches, in seconds."""
        return self.step_s * self.points


TEN_MINUTES = Archive("10 minutes", 5, 120)
TWO_HOURS = Archive("2 hours", 60, 120)
ONE_WEEK = Archive("1 week", 3600, 168)
ONE_YEAR = Archive("1 year", 86400, 366)
ARCHIVES = (TEN_MINUTES, TWO_HOURS, ONE_WEEK, ONE_YEAR)


class Column(NamedTuple):
    """What is measured: consolidation (`AVERAGE`, …), kind of object, its uuid, data source."""

    cf: str
    kind: Kind
    uuid: str
    name: str


@dataclass
class MetricsAnswer:
    """Rows of measurements.

    Attributes:
        start_s: begin of what the answer covers, the host's clock, seconds since 1970.
        end_s: end of it: the `start_s` of the next question.
        step_s: seconds between rows.
        columns: what is measured.
        times: when, seconds since 1970, oldest first.
        values: per column one number per time, in the host's units; NaN where nothing is known.
    """

    start_s: float
    end_s: float
    step_s: float
    columns: list[Column]
    times: list[float]
    values: list[list[float]]


class _Row(msgspec.Struct):
    t: float = 0.0
    values: list[float | str] = []


class _Meta(msgspec.Struct):
    legend: list[str]
    start: float = 0.0
    step: float = 0.0
    end: float = 0.0
    data: list[_Row] = []


class _Updates(msgspec.Struct):
    meta: _Meta
    data: list[_Row] = []


_decoder = msgspec.json.Decoder(_Updates, strict=False)


def parse_rrd_updates(body: bytes | bytearray) -> MetricsAnswer:
    """Reads an answer of `rrd_updates`, JSON or XML.

    Numbers may be numbers, texts, or bare NaN; the rows may stand beside `meta` or in it. Columns
    whose name makes no sense are left out; short rows are filled with NaN.

    Raises:
        MalformedAnswer: neither form.
    """
    updates = _read_xml(body) if body.lstrip()[:1] == b"<" else _read_json(body)
    rows = sorted(updates.data or updates.meta.data, key=lambda row: row.t)
    kept = [
        (i, column) for i, entry in enumerate(updates.meta.legend) if (column := _column(entry))
    ]
    table = [[_number(v) for v in row.values] for row in rows]
    return MetricsAnswer(
        start_s=updates.meta.start,
        end_s=updates.meta.end,
        step_s=updates.meta.step,
        columns=[column for _, column in kept],
        times=[row.t for row in rows],
        values=[[row[i] if i < len(row) else math.nan for row in table] for i, _ in kept],
    )


def _read_json(body: bytes | bytearray) -> _Updates:
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        # Older hosts send bare NaN, which is no JSON.
        return msgspec.convert(json.loads(body), _Updates, strict=False)
    except (ValueError, RecursionError) as error:
        raise MalformedAnswer(f"rrd_updates: {str(error)[:200]}") from None


def _read_xml(body: bytes | bytearray) -> _Updates:
    try:
        root = parse_xml(body)
    except XmlRefused as error:
        raise MalformedAnswer(f"rrd_updates: {error}") from None
    rows = [
        _Row(_number(row.findtext("t")), [v.text or "" for v in row.iter("v")])
        for row in root.iter("row")
    ]
    start, step, end = (_number(root.findtext(f"meta/{n}")) for n in ("start", "step", "end"))
    legend = [entry.text or "" for entry in root.iterfind("meta/legend/entry")]
    if root.tag != "xport" or math.isnan(start + step + end):
        raise MalformedAnswer("rrd_updates: not an export of measurements")
    return _Updates(_Meta(legend, start, step, end), [row for row in rows if not math.isnan(row.t)])


def _column(entry: str) -> Column | None:
    # At most three cuts: names hold all sorts of marks.
    parts = entry.split(":", 3)
    if len(parts) != 4 or parts[1] not in ("host", "vm", "sr"):
        return None
    return Column(parts[0], cast("Kind", parts[1]), parts[2], parts[3])


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return math.nan
    return number if math.isfinite(number) else math.nan
