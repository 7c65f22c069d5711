"""A VHD that comes from begin to end, such as a host's export."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator

from .structs import (
    BAT_OFFSET_BYTES,
    BITMAP_BYTES,
    BLOCK_BYTES,
    FOOTER_BYTES,
    HEADER_BYTES,
    SECTOR_BYTES,
    Footer,
    Header,
    VhdError,
    blocks_of,
    check_fit,
)

UNUSED = 0xFFFFFFFF
FULL_BITMAP = b"\xff" * BITMAP_BYTES

Read = Callable[[int], bytes]
"""Gives exactly so many bytes; fewer only where the stream ends."""


class VhdStream:
    """Reads a dynamic or differencing VHD without ever going back.

    After construction only the footer, the header and the table of blocks are consumed, so that
    whoever wants to know just the blocks may hang up then.

    Attributes:
        footer: the copy at the beginning.
        header: the header.
        allocated: indices of the blocks that will come, in order of the index.
        consumed_bytes: of the stream, so far.
    """

    def __init__(self, read: Read) -> None:
        """Reads the beginning.

        Raises:
            VhdError: the stream is no VHD, or ends too early.
        """
        self._read = read
        self.consumed_bytes = 0
        self.footer = Footer.parse(self._exactly(FOOTER_BYTES, "footer"))
        if self.footer.data_offset_bytes != FOOTER_BYTES:
            raise VhdError("the VHD header is not where a stream has it")
        self.header = Header.parse(self._exactly(HEADER_BYTES, "header"))
        check_fit(self.footer, self.header)
        self._skip_to(self.header.table_offset_bytes)
        self._sectors = self._table()
        self.allocated = [i for i, sector in enumerate(self._sectors) if sector != UNUSED]

    def blocks(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Each block as (index, bitmap of 512 bytes, 2 MiB), in the order of the stream.

        Raises:
            VhdError: the stream ends in the middle, or blocks overlap.
        """
        order = sorted(self.allocated, key=self._sectors.__getitem__)
        for index in order:
            self._skip_to(self._sectors[index] * SECTOR_BYTES)
            bitmap = self._exactly(BITMAP_BYTES, f"bitmap of block {index}")
            yield index, bitmap, self._exactly(BLOCK_BYTES, f"block {index}")

    def finish(self) -> None:
        """Reads the footer at the end, after the last block.

        Raises:
            VhdError: it is missing, or is another one: the stream was cut or is damaged.
        """
        end = Footer.parse(self._exactly(FOOTER_BYTES, "footer at the end"))
        if end.uuid != self.footer.uuid:
            raise VhdError("the footers at the beginning and at the end differ")

    def _table(self) -> array[int]:
        entries = blocks_of(self.footer.current_size_bytes)
        length = -(-self.header.max_table_entries * 4 // SECTOR_BYTES) * SECTOR_BYTES
        sectors = array("I")
        # In pieces: the length is a claim until the bytes are there.
        left = length
        while left:
            piece = self._exactly(min(left, 1 << 20), "table of blocks")
            part = array("I", piece)
            part.byteswap()
            sectors.extend(part)
            left -= len(piece)
        return sectors[:entries]

    def _exactly(self, size: int, what: str) -> bytes:
        piece = self._read(size)
        self.consumed_bytes += len(piece)
        if len(piece) != size:
            raise VhdError(f"the VHD ends in its {what}, after {self.consumed_bytes} bytes")
        return piece

    def _skip_to(self, offset: int) -> None:
        if offset < self.consumed_bytes or self.consumed_bytes < BAT_OFFSET_BYTES:
            raise VhdError("parts of the VHD overlap")
        while self.consumed_bytes < offset:
            self._exactly(min(offset - self.consumed_bytes, 1 << 20), "padding")
