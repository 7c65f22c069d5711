"""Lines of a chart painted into an image, away from the Qt thread.

64 lines of a week take 30 to 100 ms to paint: two to six frames. A `QImage` may be painted in any
thread, so the widget only ever copies one. numpy comes with the first picture.

Source: specs/performance.md 5.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, QDataStream, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF

from xolite_qt.ui.charts.scale import ChartUnit, top_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Numbers = Sequence[float] | Floats

__all__ = ["Curve", "Painting", "Rendered", "Way", "measure", "paint", "stacked"]

SHARP_POINTS = 1_200
"""Points in all up to which lines are antialiased."""
FILL = 0.35
"""How much of a line's colour is in the fill below it."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One line; the same only as itself, so that pictures are told apart without comparing values.

    Attributes:
        key: lasting, within its chart.
        label: its words.
        starts: begins of the rows, seconds since 1970.
        times: ends of the rows, ascending.
        values: one per row; NaN is a gap.
        color: `#rrggbb`.
        dashed: drawn with dashes and without a fill: the other object of a comparison.
    """

    key: str
    label: str
    starts: Numbers
    times: Numbers
    values: Numbers
    color: str
    dashed: bool = False


@dataclass(frozen=True)
class Painting:
    """What is to be painted.

    Attributes:
        curves: the lines that are shown, the lowest of a stack first.
        span: first and last moment.
        width: of the image, in logical pixels.
        height: likewise.
        unit: of the values.
        ratio: device pixels per logical one.
        stacked: whether lines are summed up on each other; those with dashes make a stack of
            their own.
        least_top: the axis ends no lower.
        ground: colour below fills.
    """

    curves: tuple[Curve, ...]
    span: tuple[float, float]
    width: int
    height: int
    unit: ChartUnit
    ratio: float = 1.0
    stacked: bool = False
    least_top: float = 0.0
    ground: str = "#ffffff"


@dataclass(frozen=True, eq=False)
class Way:
    """A line as it was painted: where its points are.

    Attributes:
        key: of the curve.
        times: of the points.
        values: of the points; sums where lines are stacked.
    """

    key: str
    times: Floats
    values: Floats


@dataclass(frozen=True, eq=False)
class Rendered:
    """A picture of lines.

    Attributes:
        painting: what was asked for.
        image: transparent where there is no line.
        top: value at its upper edge; 0 is at the lower.
        ways: the lines, for exports and tests.
    """

    painting: Painting
    image: QImage
    top: float
    ways: tuple[Way, ...] = field(default=(), repr=False)


def stacked(curves: Sequence[Curve]) -> list[Way]:
    """Lines summed up on each other, on the union of their times.

    A row stands for all moments between its begin and its end, so lines that were sampled at
    different moments add up right. A gap in one line leaves the others.
    """
    import numpy as np

    if not curves:
        return []
    times = np.unique(np.concatenate([np.asarray(c.times, dtype=float) for c in curves]))
    below = np.zeros(len(times))
    made = []
    for curve in curves:
        values = _at(curve, times)
        there = np.isfinite(values)
        below = np.where(there, below + np.where(there, values, 0.0), below)
        made.append(Way(curve.key, times, np.where(there, below, np.nan)))
    return made


def _at(curve: Curve, moments: Floats) -> Floats:
    """Values of the rows that the moments fall into; NaN where there is none."""
    import numpy as np

    times = np.asarray(curve.times, dtype=float)
    values = np.asarray(curve.values, dtype=float)
    if not len(times):
        return np.full(len(moments), np.nan)
    starts = np.asarray(curve.starts, dtype=float)
    place = np.minimum(np.searchsorted(times, moments, "left"), len(times) - 1)
    inside = (starts[place] < moments) & (moments <= times[place])
    return np.where(inside, values[place], np.nan)


def measure(painting: Painting) -> tuple[list[Way], float]:
    """The points of all lines inside of the span, and the top of the axis."""
    import numpy as np

    if painting.stacked:
        ways = [
            *stacked([curve for curve in painting.curves if not curve.dashed]),
            *stacked([curve for curve in painting.curves if curve.dashed]),
        ]
    else:
        ways = [
            Way(c.key, np.asarray(c.times, dtype=float), np.asarray(c.values, dtype=float))
            for c in painting.curves
        ]
    ways = [_inside(way, painting.span) for way in ways]
    heights = [float(np.nanmax(way.values)) for way in ways if np.isfinite(way.values).any()]
    return ways, top_of(heights, painting.unit, painting.least_top)


def _inside(way: Way, span: tuple[float, float]) -> Way:
    """The points of a span, and one more at each side."""
    import numpy as np

    first = max(int(np.searchsorted(way.times, span[0], "left")) - 1, 0)
    end = int(np.searchsorted(way.times, span[1], "right")) + 1
    return Way(way.key, way.times[first:end], way.values[first:end])


def paint(painting: Painting) -> Rendered:
    """Paint the lines; may be called in any thread."""
    import numpy as np

    ratio = painting.ratio
    width, height = max(round(painting.width * ratio), 1), max(round(painting.height * ratio), 1)
    image = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    image.setDevicePixelRatio(ratio)
    ways, top = measure(painting)
    length = max(painting.span[1] - painting.span[0], 1e-6)
    painter = QPainter(image)
    # In device pixels, so that a thin line is one of them wide.
    painter.scale(1 / ratio, 1 / ratio)
    points = sum(len(way.times) for way in ways)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, points <= SHARP_POINTS)
    by_key = {curve.key: curve for curve in painting.curves}
    drawn = []
    for way in ways:
        x = (way.times - painting.span[0]) / length * width
        y = height - way.values / top * (height - 1) - 0.5
        drawn.append((by_key[way.key], *_thinned(x, y, width)))
    if painting.stacked:
        _fill(painter, [item for item in drawn if not item[0].dashed], height, painting.ground)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for curve, x, y in drawn:
        pen = QPen(QColor(curve.color), max(1.0, math.floor(ratio)))
        pen.setCosmetic(True)
        if curve.dashed:
            pen.setDashPattern([5.0, 4.0])
        painter.setPen(pen)
        for run in _runs(np.isfinite(y)):
            if run.stop - run.start == 1:
                # A single value between gaps would be no line at all.
                painter.drawEllipse(polygon(x[run], y[run]).first(), ratio, ratio)
            else:
                painter.drawPolyline(polygon(x[run], y[run]))
    painter.end()
    return Rendered(painting, image, top, tuple(ways))


def _fill(painter: QPainter, drawn: Sequence[Any], height: int, ground: str) -> None:
    """Areas under stacked lines, the highest first: each covers the one before."""
    painter.setPen(Qt.PenStyle.NoPen)
    import numpy as np

    for curve, x, y in reversed(drawn):
        painter.setBrush(_mixed(QColor(curve.color), QColor(ground)))
        for run in _runs(np.isfinite(y)):
            if run.stop - run.start > 1:
                around_x = np.concatenate((x[run], x[run][[-1, 0]]))
                around_y = np.concatenate((y[run], [height, height]))
                painter.drawPolygon(polygon(around_x, around_y))


def _thinned(x: Floats, y: Floats, width: int) -> tuple[Floats, Floats]:
    """At most four points per pixel column: first, lowest, highest and last."""
    import numpy as np

    if len(x) <= 4 * width:
        return x, y
    columns = np.floor(x).astype(np.int64)
    begins = np.flatnonzero(np.diff(columns, prepend=columns[0] - 1))
    keep = np.zeros(len(x), dtype=bool)
    low, high = np.where(np.isfinite(y), y, np.inf), np.where(np.isfinite(y), y, -np.inf)
    ends = np.append(begins[1:], len(x))
    keep[begins] = keep[ends - 1] = True
    for begin, end in zip(begins, ends, strict=True):
        keep[begin + int(np.argmin(low[begin:end]))] = True
        keep[begin + int(np.argmax(high[begin:end]))] = True
    # Gaps stay gaps.
    keep |= ~np.isfinite(y)
    return x[keep], y[keep]


def _runs(there: NDArray[np.bool_]) -> list[slice]:
    """Places without a gap."""
    import numpy as np

    edges = np.flatnonzero(np.diff(np.concatenate(([False], there, [False])).astype(np.int8)))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def polygon(x: Floats, y: Floats) -> QPolygonF:
    """Points out of arrays without a loop: as Qt streams them."""
    import numpy as np

    body = np.empty((len(x), 2), dtype=">f8")
    body[:, 0], body[:, 1] = x, y
    stream = QDataStream(QByteArray(struct.pack(">I", len(x)) + body.tobytes()))
    made = QPolygonF()
    stream >> made
    return made


def _mixed(color: QColor, ground: QColor) -> QColor:
    """`color` on `ground` as an opaque colour, so that overlapping fills do not add up."""
    rest = 1.0 - FILL
    return QColor(
        round(color.red() * FILL + ground.red() * rest),
        round(color.green() * FILL + ground.green() * rest),
        round(color.blue() * FILL + ground.blue() * rest),
    )
