"""Rectangles of plain pixels, and the pixel forms that all encodings share."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from .framebuffer import OPAQUE, Framebuffer, Pixels, Rect
from .wire import Wire

_STRIP_BYTES = 512 * 1024
_SOURCE = struct.Struct(">HH")


def from_bgr(data: npt.NDArray[np.uint8]) -> Pixels:
    """Pixels of three bytes B, G, R, shape (n, 3), as n whole ones."""
    whole = np.empty((data.shape[0], 4), np.uint8)
    whole[:, :3] = data
    whole[:, 3] = 255
    return whole.view("<u4")[:, 0]


def from_rgb(data: npt.NDArray[np.uint8]) -> Pixels:
    """Pixels of three bytes R, G, B, shape (n, 3), as n whole ones."""
    whole = np.empty((data.shape[0], 4), np.uint8)
    whole[:, 0] = data[:, 2]
    whole[:, 1] = data[:, 1]
    whole[:, 2] = data[:, 0]
    whole[:, 3] = 255
    return whole.view("<u4")[:, 0]


async def paint_raw(wire: Wire, screen: Framebuffer, rect: Rect) -> None:
    """Four bytes per pixel, row by row.

    Raises:
        RfbError: the rectangle is not inside, or never comes.
    """
    part = screen.part(rect)
    row_bytes = rect.width * 4
    if not rect.area:
        return
    step = max(1, _STRIP_BYTES // row_bytes)
    for top in range(0, rect.height, step):
        rows = min(step, rect.height - top)
        data = await wire.take(rows * row_bytes)
        source = np.frombuffer(data, "<u4").reshape(rows, rect.width)
        np.bitwise_or(source, OPAQUE, out=part[top : top + rows])
        await wire.breathe()


async def paint_copy(wire: Wire, screen: Framebuffer, rect: Rect) -> None:
    """A part of the picture that is there already.

    Raises:
        RfbError: one of both is not inside.
    """
    source_x, source_y = await wire.fields(_SOURCE)
    screen.copy(source_x, source_y, rect)
