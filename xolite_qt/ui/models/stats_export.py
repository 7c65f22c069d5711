"""Charts as a table for spreadsheets: a line per value, as exact as it was measured. Pure."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from datetime import UTC, datetime

from xolite_qt.ui.models.stats_lines import Plot, within
from xolite_qt.ui.models.table_export import plain_cell

__all__ = ["plots_to_csv"]


def plots_to_csv(plots: Sequence[Plot], span: tuple[float, float]) -> str:
    """RFC 4180 text with the columns Time (ISO 8601, UTC), Chart, Line, Value, Unit.

    Gaps have no line. Percentages are fractions of 1, sizes bytes, times seconds.

    Args:
        plots: what is shown.
        span: first and last moment.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["Time", "Chart", "Line", "Value", "Unit"])
    for plot in plots:
        for curve in plot.curves:
            times, values = within(curve, span)
            for moment, value in zip(times, values, strict=True):
                if math.isfinite(value):
                    stamp = datetime.fromtimestamp(float(moment), UTC).isoformat()
                    words = (plain_cell(plot.kind.title), plain_cell(curve.label))
                    writer.writerow([stamp, *words, repr(float(value)), plot.kind.unit])
    return out.getvalue()
