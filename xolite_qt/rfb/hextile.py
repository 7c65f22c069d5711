"""Hextile: tiles of 16x16 pixels, each plain or of a few boxes."""

from __future__ import annotations

import numpy as np

from .errors import RfbMalformed
from .framebuffer import OPAQUE, Framebuffer, Pixels, Rect
from .wire import Wire

_SIDE = 16
_RAW, _BACKGROUND, _FOREGROUND, _BOXES, _COLOURED = 1, 2, 4, 8, 16
_OPAQUE = int(OPAQUE)
_TILES_PER_BREATH = 4


class _Colours:
    """What lives on from tile to tile."""

    def __init__(self) -> None:
        self.background = self.foreground = _OPAQUE


async def paint_hextile(wire: Wire, screen: Framebuffer, rect: Rect) -> None:
    """Reads and paints one rectangle.

    Raises:
        RfbError: it is damaged, not inside, or never comes.
    """
    part = screen.part(rect)
    colours = _Colours()
    count = 0
    for top in range(0, rect.height, _SIDE):
        height = min(_SIDE, rect.height - top)
        for left in range(0, rect.width, _SIDE):
            width = min(_SIDE, rect.width - left)
            kind = await _whole_tile(wire, width * height)
            _paint(wire, kind, part[top : top + height, left : left + width], colours)
            count += 1
            if count % _TILES_PER_BREATH == 0:
                await wire.breathe()


async def _whole_tile(wire: Wire, pixels: int) -> int:
    """Has the whole tile in the buffer; its first byte."""
    if wire.at == len(wire.buffer):
        await wire.need(1)
    kind = wire.buffer[wire.at]
    if kind & _RAW:
        length = 1 + pixels * 4
    else:
        length = 1 + 4 * bool(kind & _BACKGROUND) + 4 * bool(kind & _FOREGROUND)
        if kind & _BOXES:
            if len(wire.buffer) - wire.at <= length:
                await wire.need(length + 1)
            boxes = wire.buffer[wire.at + length]
            length += 1 + boxes * (6 if kind & _COLOURED else 2)
    if len(wire.buffer) - wire.at < length:
        await wire.need(length)
    return kind


def _paint(wire: Wire, kind: int, tile: Pixels, colours: _Colours) -> None:
    buffer, at = wire.buffer, wire.at + 1
    height, width = tile.shape
    if kind & _RAW:
        data = bytes(buffer[at : at + width * height * 4])
        source = np.frombuffer(data, "<u4").reshape(height, width)
        np.bitwise_or(source, OPAQUE, out=tile)
        wire.at = at + len(data)
        return
    if kind & _BACKGROUND:
        colours.background = int.from_bytes(buffer[at : at + 4], "little") | _OPAQUE
        at += 4
    if kind & _FOREGROUND:
        colours.foreground = int.from_bytes(buffer[at : at + 4], "little") | _OPAQUE
        at += 4
    tile[:] = colours.background
    if kind & _BOXES:
        count = buffer[at]
        at += 1
        colour = colours.foreground
        for _ in range(count):
            if kind & _COLOURED:
                colour = int.from_bytes(buffer[at : at + 4], "little") | _OPAQUE
                at += 4
            place, size = buffer[at], buffer[at + 1]
            at += 2
            x, y = place >> 4, place & 15
            right, bottom = x + (size >> 4) + 1, y + (size & 15) + 1
            if right > width or bottom > height:
                raise RfbMalformed("a box outside of its tile")
            tile[y:bottom, x:right] = colour
    wire.at = at
