"""Pixels as a server sends them: Raw, Hextile and ZRLE."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from .screen import Picture

RAW, HEXTILE, ZRLE = 0, 5, 16
_HEXTILE_SIDE, _ZRLE_SIDE = 16, 64
_MOST_PALETTE = 16


class Encoder:
    """Of one viewer: its stream of zlib goes on from rectangle to rectangle."""

    def __init__(self) -> None:
        self.kind = RAW
        self._stream = zlib.compressobj(1)

    def rectangle(self, x: int, y: int, part: Picture) -> bytes:
        """One rectangle of an update, with its head."""
        height, width = part.shape
        head = struct.pack(">HHHHi", x, y, width, height, self.kind)
        if self.kind == ZRLE:
            plain = b"".join(_zrle_tile(tile) for tile in _tiles(part, _ZRLE_SIDE))
            data = self._stream.compress(plain) + self._stream.flush(zlib.Z_SYNC_FLUSH)
            return head + struct.pack(">I", len(data)) + data
        if self.kind == HEXTILE:
            return head + b"".join(_hextile_tile(tile) for tile in _tiles(part, _HEXTILE_SIDE))
        return head + part.astype("<u4").tobytes()


def _tiles(part: Picture, side: int) -> Iterator[Picture]:
    height, width = part.shape
    for top in range(0, height, side):
        for left in range(0, width, side):
            yield part[top : top + side, left : left + side]


def _three(colours: Picture) -> bytes:
    flat = np.ascontiguousarray(colours.reshape(-1).astype("<u4"))
    return flat.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def _zrle_tile(tile: Picture) -> bytes:
    if (tile == tile[0, 0]).all():
        return b"\x01" + _three(tile[:1, :1])
    palette, places = np.unique(tile, return_inverse=True)
    if len(palette) > _MOST_PALETTE:
        return b"\x00" + _three(tile)
    bits = 1 if len(palette) == 2 else 2 if len(palette) <= 4 else 4
    rows = places.reshape(tile.shape).astype(np.uint8)
    spread = np.unpackbits(rows[:, :, None], axis=2)[:, :, 8 - bits :]
    packed = np.packbits(spread.reshape(tile.shape[0], -1), axis=1)
    return bytes([len(palette)]) + _three(palette) + packed.tobytes()


def _hextile_tile(tile: Picture) -> bytes:
    height = tile.shape[0]
    background = int(tile[0, 0])
    if (tile == background).all():
        return b"\x02" + background.to_bytes(4, "little")
    # One box per run of a row, in two colours; many of them are no better than plain pixels.
    colours = np.unique(tile)
    if len(colours) == 2:
        foreground = int(colours[0]) if int(colours[0]) != background else int(colours[1])
        boxes = bytearray()
        count = 0
        for y in range(height):
            edges = np.flatnonzero(np.diff(np.pad(tile[y] == foreground, 1).astype(np.int8)))
            for left, right in edges.reshape(-1, 2).tolist():
                boxes += bytes([left << 4 | y, (right - left - 1) << 4])
                count += 1
        if count < 256:
            ends = background.to_bytes(4, "little") + foreground.to_bytes(4, "little")
            return b"\x0e" + ends + bytes([count]) + bytes(boxes)
    return b"\x01" + tile.astype("<u4").tobytes()
