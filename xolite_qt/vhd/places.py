"""Where the parts of a VHD lie in a file, and whether they leave each other alone."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from .stream import UNUSED
from .structs import (
    BITMAP_BYTES,
    BLOCK_BYTES,
    FOOTER_BYTES,
    HEADER_BYTES,
    SECTOR_BYTES,
    Footer,
    Header,
    VhdError,
)

STEP_BYTES = BITMAP_BYTES + BLOCK_BYTES
ENTRY_BYTES = 4
ENTRIES_PER_SECTOR = SECTOR_BYTES // ENTRY_BYTES


def whole_sectors(size_bytes: int) -> int:
    """A length in bytes, rounded up to sectors."""
    return -(-size_bytes // SECTOR_BYTES) * SECTOR_BYTES


def table_bytes(entries: int) -> int:
    """Room that a table takes."""
    return whole_sectors(entries * ENTRY_BYTES)


def check_head(footer: Footer, header: Header) -> None:
    """Whether footer, header and table are beside each other.

    Raises:
        VhdError: they overlap, or the table does not begin with a sector.
    """
    head, table = footer.data_offset_bytes, header.table_offset_bytes
    if head < FOOTER_BYTES or table < FOOTER_BYTES or table % SECTOR_BYTES:
        raise VhdError(f"header and table of a VHD cannot be at {head} and {table}")
    if table < head + HEADER_BYTES and head < table + table_bytes(header.max_table_entries):
        raise VhdError("header and table of the VHD overlap")


def end_of_data(footer: Footer, header: Header, table: array[int], size_bytes: int) -> int:
    """Where the next block of a file goes.

    Args:
        footer: of the disk.
        header: of the disk; fits the footer, see `check_head`.
        table: a sector for each block, or `UNUSED`.
        size_bytes: of the file, without the footer at the end.

    Raises:
        VhdError: blocks overlap each other or the rest, or are not in the file.
    """
    head, begin = footer.data_offset_bytes, header.table_offset_bytes
    taken = [
        (0, FOOTER_BYTES),
        (head, head + HEADER_BYTES),
        (begin, begin + table_bytes(len(table))),
    ]
    sectors = array("I", sorted(sector for sector in table if sector != UNUSED))
    if sectors and sectors[-1] * SECTOR_BYTES + STEP_BYTES > size_bytes:
        raise VhdError("the VHD ends before its last block")
    step = STEP_BYTES // SECTOR_BYTES
    if any(sectors[i] - sectors[i - 1] < step for i in range(1, len(sectors))):
        raise VhdError("blocks of the VHD overlap")
    for start, end in taken:
        for sector in sectors:
            if sector * SECTOR_BYTES >= end:
                break
            if sector * SECTOR_BYTES + STEP_BYTES > start:
                raise VhdError("blocks of the VHD overlap with its header or table")
    ends = [end for _, end in taken]
    if sectors:
        ends.append(sectors[-1] * SECTOR_BYTES + STEP_BYTES)
    for locator in header.locators:
        # One that points out of the file is somebody's mistake, and nobody reads it.
        if locator.code and locator.offset_bytes + locator.length_bytes <= size_bytes:
            ends.append(locator.offset_bytes + locator.length_bytes)
    return whole_sectors(max(ends))


def runs(places: list[int]) -> Iterator[tuple[int, int]]:
    """Neighbours among ascending numbers, as (first, one after the last)."""
    start = previous = -2
    for place in places:
        if place != previous + 1:
            if start >= 0:
                yield start, previous + 1
            start = place
        previous = place
    if start >= 0:
        yield start, previous + 1
