"""ZRLE: tiles of 64x64 pixels, as runs or palettes, in one stream of zlib."""

from __future__ import annotations

import asyncio
import re

import numpy as np
import numpy.typing as npt

from .errors import RfbMalformed
from .framebuffer import OPAQUE, Framebuffer, Pixels, Rect
from .inflate import Inflater, longest_deflated
from .plain import from_bgr
from .wire import Wire

_SIDE = 64
_PIXEL_BYTES = 3
# Up to so many pixels a hop to a thread costs more than the work.
_SMALL_PIXELS = 64 * 64
_OPAQUE = int(OPAQUE)
# A run of palette pixels: one index alone, or an index and how often.
_PALETTE_RUN = re.compile(rb"[\x00-\x7f]|[\x80-\xff]\xff*[\x00-\xfe]", re.DOTALL)
_RUN = re.compile(rb"(...)(\xff*)([\x00-\xfe])", re.DOTALL)


class ZrleDecoder:
    """Holds the stream that goes on from rectangle to rectangle."""

    def __init__(self) -> None:
        self._inflater = Inflater()

    async def paint(self, wire: Wire, screen: Framebuffer, rect: Rect) -> None:
        """Reads and paints one rectangle, big ones in a thread.

        Raises:
            RfbError: it is damaged, not inside, or never comes.
        """
        part = screen.part(rect)
        tiles = -(-rect.width // _SIDE) * -(-rect.height // _SIDE)
        # A tile is longest as runs of one pixel, or as a palette that is hardly used.
        most = rect.area * (_PIXEL_BYTES + 1) + tiles * (1 + 127 * _PIXEL_BYTES)
        length = await wire.u32()
        if length > longest_deflated(most):
            raise RfbMalformed("a rectangle without end")
        data = await wire.take(length)
        if rect.area <= _SMALL_PIXELS:
            self._paint(data, most, part)
        else:
            await asyncio.to_thread(self._paint, data, most, part)
            wire.rested()
        await wire.breathe()

    def _paint(self, data: bytes, most: int, part: Pixels) -> None:
        plain = self._inflater.inflate(data, most)
        at = 0
        height, width = part.shape
        try:
            for top in range(0, height, _SIDE):
                for left in range(0, width, _SIDE):
                    at = _tile(plain, at, part[top : top + _SIDE, left : left + _SIDE])
        except IndexError:
            raise RfbMalformed("a tile that is cut off") from None


def _pixels(plain: bytes, at: int, count: int) -> Pixels:
    end = at + count * _PIXEL_BYTES
    if end > len(plain):
        raise RfbMalformed("a tile that is cut off")
    data = np.frombuffer(plain, np.uint8, count * _PIXEL_BYTES, at)
    return from_bgr(data.reshape(count, _PIXEL_BYTES))


def _tile(plain: bytes, at: int, tile: Pixels) -> int:
    """Paints one tile; where the next one begins."""
    kind = plain[at]
    at += 1
    height, width = tile.shape
    if kind == 0:
        tile[:] = _pixels(plain, at, tile.size).reshape(height, width)
        return at + _PIXEL_BYTES * int(tile.size)
    if kind == 1:
        tile[:] = int.from_bytes(plain[at : at + _PIXEL_BYTES], "little") | _OPAQUE
        if at + _PIXEL_BYTES > len(plain):
            raise RfbMalformed("a tile that is cut off")
        return at + _PIXEL_BYTES
    if kind <= 16:
        palette = _pixels(plain, at, kind)
        return _packed(plain, at + kind * _PIXEL_BYTES, palette, tile)
    if kind == 128:
        return _runs(plain, at, tile)
    if kind >= 130:
        palette = _pixels(plain, at, kind - 128)
        return _palette_runs(plain, at + (kind - 128) * _PIXEL_BYTES, palette, tile)
    raise RfbMalformed(f"a tile of kind {kind}")


def _packed(plain: bytes, at: int, palette: Pixels, tile: Pixels) -> int:
    """Indices of 1, 2 or 4 bits; each row begins in a new byte."""
    height, width = tile.shape
    bits = 1 if len(palette) == 2 else 2 if len(palette) <= 4 else 4
    row_bytes = (width * bits + 7) // 8
    end = int(at + row_bytes * height)
    if end > len(plain):
        raise RfbMalformed("a tile that is cut off")
    rows = np.frombuffer(plain, np.uint8, row_bytes * height, at).reshape(height, row_bytes)
    indices = unpacked(rows, bits)[:, :width]
    _look_up(palette, indices, tile)
    return end


def unpacked(rows: npt.NDArray[np.uint8], bits: int) -> npt.NDArray[np.uint8]:
    """Numbers of 1, 2 or 4 bits, highest first, one per byte."""
    if bits == 1:
        return np.unpackbits(rows, axis=1)
    per_byte = 8 // bits
    shifts = np.arange(8 - bits, -1, -bits, dtype=np.uint8)
    spread = (rows[:, :, None] >> shifts) & np.uint8((1 << bits) - 1)
    return spread.reshape(rows.shape[0], rows.shape[1] * per_byte)


def _look_up(palette: Pixels, indices: npt.NDArray[np.uint8], tile: Pixels) -> None:
    if indices.size and int(indices.max()) >= len(palette):
        raise RfbMalformed("a colour that is not in the palette")
    tile[:] = palette[indices]


def _runs(plain: bytes, at: int, tile: Pixels) -> int:
    """Pixels, each with how often it comes: 255 means that a further byte follows."""
    area = tile.size
    # Mostly no run is longer than 255, and then all runs are four bytes.
    most = min(area, (len(plain) - at) // 4)
    quads = np.frombuffer(plain, np.uint8, most * 4, at).reshape(most, 4)
    lengths = quads[:, 3].astype(np.int64) + 1
    ends = np.cumsum(lengths)
    count = int(np.searchsorted(ends, area)) + 1
    if count <= most and int(ends[count - 1]) == area and int(lengths[:count].max()) < 256:
        colours = from_bgr(quads[:count, :3])
        tile[:] = np.repeat(colours, lengths[:count]).reshape(tile.shape)
        return at + count * 4
    flat = np.empty(area, "<u4")
    done = 0
    match = _RUN.match
    while done < area:
        found = match(plain, at)
        if found is None:
            raise RfbMalformed("a tile that is cut off")
        pixel, full, rest = found.groups()
        end = done + 255 * len(full) + rest[0] + 1
        if end > area:
            raise RfbMalformed("a run longer than its tile")
        flat[done:end] = int.from_bytes(pixel, "little") | _OPAQUE
        done, at = end, found.end()
    tile[:] = flat.reshape(tile.shape)
    return at


def _palette_runs(plain: bytes, at: int, palette: Pixels, tile: Pixels) -> int:
    area = tile.size
    indices: list[int] = []
    lengths: list[int] = []
    done = 0
    match = _PALETTE_RUN.match
    while done < area:
        index = plain[at]
        if index < 128:
            at, length = at + 1, 1
        else:
            found = match(plain, at)
            if found is None:
                raise RfbMalformed("a tile that is cut off")
            end = found.end()
            # The index, then full bytes of 255, then the rest of the run.
            length = (end - at - 2) * 255 + plain[end - 1] + 1
            index, at = index - 128, end
        done += length
        indices.append(index)
        lengths.append(length)
    if done > area:
        raise RfbMalformed("a run longer than its tile")
    if max(indices) >= len(palette):
        raise RfbMalformed("a colour that is not in the palette")
    tile[:] = np.repeat(palette[indices], lengths).reshape(tile.shape)
    return at
