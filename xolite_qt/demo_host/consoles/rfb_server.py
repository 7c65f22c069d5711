"""One viewer of a demo screen, over RFB. Shares nothing with the client that it is to test."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from collections.abc import Callable

import numpy as np

from .encoders import HEXTILE, RAW, ZRLE, Encoder
from .screen import Picture, Screen

_TICK_S = 0.04
_CELL = 64
_DESKTOP_SIZE, _CURSOR, _EXTENDED_KEYS = -223, -239, -258
_TEXT_LIMIT_BYTES = 1 << 20
_FORMAT = struct.pack(">4B3H3B3x", 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)
_ARROW = (
    "#.......", "##......", "#o#.....", "#oo#....", "#ooo#...", "#oooo#..", "#ooooo#.",
    "#oooooo#", "#oo#####", "#o##o#..", "##.#oo#.", "...#oo#.", "....##..",
)  # fmt: skip


class Hostile(Exception):  # noqa: N818 - what the viewer is
    """The viewer does not speak RFB, or asks for what there is not."""


class Viewer:
    """Serves one viewer until it hangs up, or `alive` says no."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        screen: Screen,
        name: str,
        alive: Callable[[], bool],
    ) -> None:
        self._reader, self._writer = reader, writer
        self._screen, self._name, self._alive = screen, name, alive
        self._encoder = Encoder()
        self._pseudo: set[int] = set()
        self._told: set[int] = set()
        self._wanted = self._whole = False
        self._shown: Picture | None = None
        self._size = (0, 0)

    async def serve(self) -> None:
        """Returns when either side has had enough."""
        painter: asyncio.Task[None] | None = None
        try:
            await self._greet()
            painter = asyncio.create_task(self._paint(), name="demo screen")
            await self._listen()
        except (Hostile, asyncio.IncompleteReadError, OSError):
            # A viewer that went, or was none: the host goes on.
            return
        finally:
            if painter is not None:
                painter.cancel()
                with contextlib.suppress(asyncio.CancelledError, OSError):
                    await painter

    async def _greet(self) -> None:
        read, write = self._reader.readexactly, self._writer.write
        write(b"RFB 003.008\n")
        version = await read(12)
        if version not in (b"RFB 003.003\n", b"RFB 003.007\n", b"RFB 003.008\n"):
            raise Hostile
        if version == b"RFB 003.003\n":
            write(struct.pack(">I", 1))
        else:
            write(b"\x01\x01")
            if await read(1) != b"\x01":
                raise Hostile
            if version == b"RFB 003.008\n":
                write(struct.pack(">I", 0))
        await read(1)
        picture = self._screen.picture()
        self._size = (picture.shape[1], picture.shape[0])
        name = self._name.encode()
        write(struct.pack(">HH", *self._size) + _FORMAT + struct.pack(">I", len(name)) + name)

    async def _listen(self) -> None:
        read = self._reader.readexactly
        while True:
            kind = (await read(1))[0]
            if kind == 0:
                if (await read(19))[3:16] != _FORMAT[:13]:
                    raise Hostile
            elif kind == 2:
                (count,) = struct.unpack(">xH", await read(3))
                self._choose(struct.unpack(f">{count}i", await read(4 * count)))
            elif kind == 3:
                incremental = (await read(9))[0]
                self._wanted = True
                self._whole = self._whole or not incremental
            elif kind == 4:
                down, keysym = struct.unpack(">BxxI", await read(7))
                self._screen.key(keysym, bool(down))
            elif kind == 5:
                buttons, x, y = struct.unpack(">BHH", await read(5))
                self._screen.pointer = (x, y, buttons)
            elif kind == 6:
                (length,) = struct.unpack(">3xI", await read(7))
                if length > _TEXT_LIMIT_BYTES:
                    raise Hostile
                self._screen.clipboard = (await read(length)).decode("latin-1")
            elif kind == 255:
                _, down, keysym, _ = struct.unpack(">BHII", await read(11))
                self._screen.key(keysym, bool(down))
            else:
                raise Hostile

    def _choose(self, encodings: tuple[int, ...]) -> None:
        self._encoder.kind = next((e for e in encodings if e in (ZRLE, HEXTILE, RAW)), RAW)
        self._pseudo = {e for e in encodings if e < 0}

    async def _paint(self) -> None:
        while self._alive():
            began = time.monotonic()
            if self._wanted:
                # Whoever asks meanwhile asks for the one after it.
                whole, self._wanted, self._whole = self._whole, False, False
                update = await asyncio.to_thread(self._update, whole)
                if update:
                    self._writer.write(update)
                    await self._writer.drain()
                else:
                    self._wanted = True
            await asyncio.sleep(max(_TICK_S - (time.monotonic() - began), 0.005))
        # The tunnel ends with the VM.
        self._writer.close()

    def _update(self, whole: bool) -> bytes:
        """The next update; empty when nothing changed."""
        rects = [*self._once(_CURSOR, _cursor), *self._once(_EXTENDED_KEYS, _extended_keys)]
        picture = self._screen.picture()
        size = (picture.shape[1], picture.shape[0])
        if size != self._size:
            if _DESKTOP_SIZE not in self._pseudo:
                # Who cannot follow sees what fits.
                picture = _fitted(picture, self._size)
            else:
                self._size = size
                rects.append(struct.pack(">HHHHi", 0, 0, *size, _DESKTOP_SIZE))
                self._shown = None
        if whole or self._shown is None or self._shown.shape != picture.shape:
            rects.append(self._encoder.rectangle(0, 0, picture))
        else:
            rects += [
                self._encoder.rectangle(x, y, picture[y : y + height, x : x + width])
                for x, y, width, height in _changed(self._shown, picture)
            ]
        if not rects:
            return b""
        self._shown = picture
        return struct.pack(">BxH", 0, len(rects)) + b"".join(rects)

    def _once(self, kind: int, make: Callable[[], bytes]) -> list[bytes]:
        if kind not in self._pseudo or kind in self._told:
            return []
        self._told.add(kind)
        return [make()]


def _changed(old: Picture, new: Picture) -> list[tuple[int, int, int, int]]:
    """Rows of cells that differ, as x, y, width, height."""
    height = new.shape[0]
    rects = []
    for y in range(0, height, _CELL):
        differs = (old[y : y + _CELL] != new[y : y + _CELL]).any(axis=0)
        columns = np.flatnonzero(differs)
        if columns.size:
            left = int(columns[0])
            rects.append((left, y, int(columns[-1]) + 1 - left, min(_CELL, height - y)))
    return rects


def _fitted(picture: Picture, size: tuple[int, int]) -> Picture:
    width, height = size
    fitted = np.full((height, width), 0xFF000000, np.uint32)
    part = picture[:height, :width]
    fitted[: part.shape[0], : part.shape[1]] = part
    return fitted


def _cursor() -> bytes:
    width, height = len(_ARROW[0]), len(_ARROW)
    pixels = b"".join(
        (0xFFFFFF if letter == "o" else 0).to_bytes(4, "little") for row in _ARROW for letter in row
    )
    mask = bytes(sum(128 >> at for at, letter in enumerate(row) if letter != ".") for row in _ARROW)
    return struct.pack(">HHHHi", 0, 0, width, height, _CURSOR) + pixels + mask


def _extended_keys() -> bytes:
    return struct.pack(">HHHHi", 0, 0, 0, 0, _EXTENDED_KEYS)
