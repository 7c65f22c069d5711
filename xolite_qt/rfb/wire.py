"""Bytes from the server, with a buffer that decoders may look into."""

from __future__ import annotations

import asyncio
import struct
import time

from .errors import RfbClosed

_READ_BYTES = 1 << 18
# What was consumed is cut off in pieces, not at each read.
_COMPACT_BYTES = 1 << 17
SLICE_S = 0.004


class Wire:
    """A buffered reader over a stream.

    Attributes:
        buffer: what has come; `buffer[at:]` is unread.
        at: where the unread begins.
        received_bytes: so far.
    """

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self.buffer = bytearray()
        self.at = 0
        self.received_bytes = 0
        self._slice_began = time.perf_counter()

    async def need(self, count: int) -> None:
        """Returns once `count` unread bytes are in the buffer.

        Raises:
            RfbClosed: they will never come.
        """
        while len(self.buffer) - self.at < count:
            if self.at >= _COMPACT_BYTES:
                del self.buffer[: self.at]
                self.at = 0
            try:
                got = await self._reader.read(_READ_BYTES)
            except OSError as error:
                what = error.strerror or type(error).__name__
                raise RfbClosed(f"the connection broke: {what}") from None
            if not got:
                raise RfbClosed
            self.received_bytes += len(got)
            self.buffer += got

    async def take(self, count: int) -> bytes:
        """Exactly `count` bytes.

        Raises:
            RfbClosed: they will never come.
        """
        await self.need(count)
        start = self.at
        self.at = end = start + count
        with memoryview(self.buffer) as view:
            got = bytes(view[start:end])
        if end == len(self.buffer):
            self.buffer.clear()
            self.at = 0
        elif end >= _COMPACT_BYTES:
            del self.buffer[:end]
            self.at = 0
        return got

    async def skip(self, count: int) -> None:
        """Drops `count` bytes without keeping them all at once."""
        while count:
            piece = min(count, _READ_BYTES)
            await self.take(piece)
            count -= piece

    async def u8(self) -> int:
        """One byte."""
        return (await self.take(1))[0]

    async def u32(self) -> int:
        """A big-endian number of four bytes."""
        return int.from_bytes(await self.take(4), "big")

    async def fields(self, layout: struct.Struct) -> tuple[int, ...]:
        """One structure of whole numbers."""
        return layout.unpack(await self.take(layout.size))

    async def breathe(self) -> None:
        """Lets others run if this task has held the loop for a while.

        Reads of what is buffered do not give way by themselves.
        """
        if time.perf_counter() - self._slice_began > SLICE_S:
            await asyncio.sleep(0)
            self._slice_began = time.perf_counter()

    def rested(self) -> None:
        """The loop has just run: begins a new slice of time."""
        self._slice_began = time.perf_counter()
