"""A VHD as it is written from begin to end, with its length known before the first block."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from .stream import FULL_BITMAP, UNUSED
from .structs import (
    BAT_OFFSET_BYTES,
    BITMAP_BYTES,
    BLOCK_BYTES,
    FOOTER_BYTES,
    SECTOR_BYTES,
    Footer,
    Header,
    blocks_of,
)


def pack_table(sectors: array[int]) -> bytes:
    """A table of blocks as it is in a file, padded with FF to whole sectors."""
    copy = array("I", sectors)
    if sys.byteorder == "little":
        copy.byteswap()
    raw = copy.tobytes()
    return raw.ljust(-(-len(raw) // SECTOR_BYTES) * SECTOR_BYTES, b"\xff")


@dataclass(frozen=True)
class VhdLayout:
    """Where everything of a VHD goes: `head()`, then `block(data)` in order, then `tail()`.

    Attributes:
        footer: of the disk.
        header: of the disk; its table is as large as the size needs.
        allocated: indices of the blocks that will be written, ascending.
    """

    footer: Footer
    header: Header
    allocated: Sequence[int]

    @classmethod
    def plan(
        cls,
        footer: Footer,
        allocated: Sequence[int],
        *,
        parent_uuid: str | None = None,
        parent_name: str = "",
    ) -> VhdLayout:
        """A layout with the smallest header that fits."""
        header = Header(
            max_table_entries=max(1, blocks_of(footer.current_size_bytes)),
            parent_uuid=parent_uuid,
            parent_name=parent_name,
        )
        return cls(footer, header, allocated)

    @property
    def head_bytes(self) -> int:
        """Length of what comes before the first block."""
        table = -(-self.header.max_table_entries * 4 // SECTOR_BYTES) * SECTOR_BYTES
        return BAT_OFFSET_BYTES + table

    @property
    def total_bytes(self) -> int:
        """Length of the whole."""
        blocks = len(self.allocated) * (BITMAP_BYTES + BLOCK_BYTES)
        return self.head_bytes + blocks + FOOTER_BYTES

    def head(self) -> bytes:
        """Footer, header and table."""
        sectors = array("I", [UNUSED]) * self.header.max_table_entries
        at, step = self.head_bytes // SECTOR_BYTES, (BITMAP_BYTES + BLOCK_BYTES) // SECTOR_BYTES
        for place, index in enumerate(self.allocated):
            sectors[index] = at + place * step
        return self.footer.pack() + self.header.pack() + pack_table(sectors)

    def tail(self) -> bytes:
        """The footer again."""
        return self.footer.pack()


def block_parts(data: bytes) -> tuple[bytes, bytes]:
    """Bitmap and bytes of a block; the last of a disk is padded with zeros."""
    return FULL_BITMAP, data if len(data) == BLOCK_BYTES else data.ljust(BLOCK_BYTES, b"\0")
