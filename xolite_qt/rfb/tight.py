"""Tight: plain, palette or gradient pixels in four streams of zlib. JPEG is never asked for."""

from __future__ import annotations

import asyncio

import numpy as np

from .errors import RfbMalformed
from .framebuffer import OPAQUE, Framebuffer, Pixels, Rect
from .inflate import Inflater, longest_deflated
from .plain import from_rgb
from .wire import Wire
from .zrle import unpacked

_PIXEL_BYTES = 3
_FILL, _HIGHEST_BASIC = 8, 7
_FILTER_GIVEN = 4
_COPY, _PALETTE, _GRADIENT = 0, 1, 2
# Less is sent as it is, without its length.
_LEAST_DEFLATED_BYTES = 12
# Up to so many bytes a hop to a thread costs more than the work: about a millisecond.
_SMALL_BYTES = 128 * 1024
_OPAQUE = int(OPAQUE)


class TightDecoder:
    """Holds the streams that go on from rectangle to rectangle."""

    def __init__(self) -> None:
        self._inflaters = [Inflater() for _ in range(4)]

    async def paint(self, wire: Wire, screen: Framebuffer, rect: Rect) -> None:
        """Reads and paints one rectangle, big ones in a thread.

        Raises:
            RfbError: it is damaged, not inside, or never comes.
        """
        part = screen.part(rect)
        control = await wire.u8()
        for stream in range(4):
            if control >> stream & 1:
                self._inflaters[stream] = Inflater()
        kind = control >> 4
        if kind == _FILL:
            red, green, blue = await wire.take(_PIXEL_BYTES)
            part[:] = _OPAQUE | red << 16 | green << 8 | blue
        elif kind <= _HIGHEST_BASIC:
            await self._paint_basic(wire, kind, part)
        else:
            raise RfbMalformed("a compression that was not asked for")
        await wire.breathe()

    async def _paint_basic(self, wire: Wire, kind: int, part: Pixels) -> None:
        height, width = part.shape
        wanted = await wire.u8() if kind & _FILTER_GIVEN else _COPY
        palette: Pixels | None = None
        plain_bytes = height * width * _PIXEL_BYTES
        if wanted == _PALETTE:
            count = await wire.u8() + 1
            colours = np.frombuffer(await wire.take(count * _PIXEL_BYTES), np.uint8)
            palette = from_rgb(colours.reshape(count, _PIXEL_BYTES))
            plain_bytes = height * ((width + 7) // 8 if count <= 2 else width)
        elif wanted not in (_COPY, _GRADIENT):
            raise RfbMalformed(f"a filter of kind {wanted}")
        if plain_bytes < _LEAST_DEFLATED_BYTES:
            _paint(await wire.take(plain_bytes), palette, wanted, part)
            return
        length = await _compact_length(wire)
        if length > longest_deflated(plain_bytes):
            raise RfbMalformed("a rectangle without end")
        data = await wire.take(length)
        inflater = self._inflaters[kind & 3]
        if plain_bytes <= _SMALL_BYTES and wanted != _GRADIENT:
            _inflate_and_paint(inflater, data, plain_bytes, palette, wanted, part)
        else:
            await asyncio.to_thread(
                _inflate_and_paint, inflater, data, plain_bytes, palette, wanted, part
            )
            wire.rested()


async def _compact_length(wire: Wire) -> int:
    """Seven bits, seven bits, eight bits, lowest first."""
    length = 0
    for shift in (0, 7, 14):
        piece = await wire.u8()
        if shift == 14:
            return length | piece << shift
        length |= (piece & 0x7F) << shift
        if piece < 0x80:
            break
    return length


def _inflate_and_paint(
    inflater: Inflater,
    data: bytes,
    plain_bytes: int,
    palette: Pixels | None,
    wanted: int,
    part: Pixels,
) -> None:
    plain = inflater.inflate(data, plain_bytes)
    if len(plain) != plain_bytes:
        raise RfbMalformed("too few pixels")
    _paint(plain, palette, wanted, part)


def _paint(plain: bytes, palette: Pixels | None, wanted: int, part: Pixels) -> None:
    height, width = part.shape
    if not part.size:
        return
    if palette is not None:
        rows = np.frombuffer(plain, np.uint8).reshape(height, -1)
        indices = unpacked(rows, 1)[:, :width] if len(palette) <= 2 else rows
        if int(indices.max()) >= len(palette):
            raise RfbMalformed("a colour that is not in the palette")
        part[:] = palette[indices]
        return
    colours = np.frombuffer(plain, np.uint8).reshape(height, width, _PIXEL_BYTES)
    if wanted == _GRADIENT:
        colours = _from_gradient(colours)
    part[:] = from_rgb(colours.reshape(-1, _PIXEL_BYTES)).reshape(height, width)


def _from_gradient(errors: np.typing.NDArray[np.uint8]) -> np.typing.NDArray[np.uint8]:
    """Each pixel is told as its distance from left + above - left above, cut to 0..255.

    The cut makes each pixel depend on its left neighbour, so it goes along diagonals: those depend
    on the two diagonals before them only.
    """
    height, width, _ = errors.shape
    # One more row and column of zeros, at the top and at the left.
    result = np.zeros((height + 1, width + 1, _PIXEL_BYTES), np.int16)
    for diagonal in range(height + width - 1):
        rows = np.arange(max(0, diagonal - width + 1), min(height, diagonal + 1))
        columns = diagonal - rows
        guess = result[rows + 1, columns] + result[rows, columns + 1] - result[rows, columns]
        np.clip(guess, 0, 255, out=guess)
        result[rows + 1, columns + 1] = (guess + errors[rows, columns]) & 255
    return result[1:, 1:].astype(np.uint8)
