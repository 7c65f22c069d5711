"""The picture, and which parts of it changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .errors import RfbMalformed

Pixels = npt.NDArray[np.uint32]
MOST_PIXELS = 7680 * 4320
LONGEST_SIDE = 16384
# The unused byte of each pixel is set, so that the picture can be shown as ARGB as well.
OPAQUE = np.uint32(0xFF000000)
_MOST_RECTS = 32


class Rect(NamedTuple):
    """A part of the picture, in pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def area(self) -> int:
        """Pixels in it."""
        return self.width * self.height

    def united(self, other: Rect) -> Rect:
        """The least rectangle that holds both."""
        left, top = min(self.x, other.x), min(self.y, other.y)
        right = max(self.x + self.width, other.x + other.width)
        bottom = max(self.y + self.height, other.y + other.height)
        return Rect(left, top, right - left, bottom - top)


class Framebuffer:
    """Pixels of the screen.

    Attributes:
        pixels: shape (height, width), 0xFFRRGGBB each, in memory B, G, R, 255; contiguous.
    """

    def __init__(self, width: int, height: int) -> None:
        """Makes a black picture.

        Raises:
            RfbMalformed: no screen has such a size.
        """
        if (
            not (0 <= width <= LONGEST_SIDE and 0 <= height <= LONGEST_SIDE)
            or width * height > MOST_PIXELS
        ):
            raise RfbMalformed(f"a screen of {width}x{height}")
        self.pixels: Pixels = np.full((height, width), OPAQUE, dtype="<u4")

    @property
    def width(self) -> int:
        """Pixels per row."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def bytes_per_line(self) -> int:
        """Distance of rows in memory."""
        return int(self.pixels.shape[1]) * 4

    def part(self, rect: Rect) -> Pixels:
        """A view of one rectangle; writing to it paints.

        Raises:
            RfbMalformed: it is not inside.
        """
        x, y, width, height = rect
        if x + width > self.width or y + height > self.height or min(rect) < 0:
            raise RfbMalformed(f"a rectangle {width}x{height} at {x},{y} outside of the screen")
        return self.pixels[y : y + height, x : x + width]

    def copy(self, source_x: int, source_y: int, rect: Rect) -> None:
        """Copies a part of the picture onto another one; they may overlap.

        Raises:
            RfbMalformed: one of them is not inside.
        """
        target = self.part(rect)
        source = self.part(Rect(source_x, source_y, rect.width, rect.height))
        # numpy makes a copy in between only where they overlap.
        np.copyto(target, source)

    def resized(self, width: int, height: int) -> Framebuffer:
        """Another picture with what fits of this one.

        Raises:
            RfbMalformed: no screen has such a size.
        """
        new = Framebuffer(width, height)
        rows, columns = min(height, self.height), min(width, self.width)
        new.pixels[:rows, :columns] = self.pixels[:rows, :columns]
        return new


def merged(rects: Iterable[Rect]) -> tuple[Rect, ...]:
    """Fewer rectangles that cover the same, and little more.

    Neighbours that make one rectangle become one; too many become their common bounds.
    """
    result: list[Rect] = []
    for rect in rects:
        if not rect.area:
            continue
        if result:
            last = result[-1]
            both = last.united(rect)
            if both.area <= last.area + rect.area:
                result[-1] = both
                continue
        result.append(rect)
        if len(result) > _MOST_RECTS * 8:
            result = [_bounds(result)]
    if len(result) < 2:
        return tuple(result)
    whole = _bounds(result)
    # One rectangle is cheaper to show than many, if little of it is unchanged.
    spared = whole.area - sum(rect.area for rect in result)
    if len(result) > _MOST_RECTS or spared * 8 < whole.area:
        return (whole,)
    return tuple(result)


def _bounds(rects: list[Rect]) -> Rect:
    whole = rects[0]
    for rect in rects[1:]:
        whole = whole.united(rect)
    return whole
