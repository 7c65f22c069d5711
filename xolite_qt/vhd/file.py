"""A dynamic or differencing VHD that is read and changed in place.

Changes are ordered so that a process which dies at any moment, and a machine that loses its power
between two `flush` calls, leave a file that opens: bytes reach the disk before the table names
them, and a footer is behind the last block before that block is written.
"""

from __future__ import annotations

import sys
import threading
from array import array
from dataclasses import replace
from typing import Protocol

from .places import (
    ENTRIES_PER_SECTOR,
    ENTRY_BYTES,
    STEP_BYTES,
    check_head,
    end_of_data,
    runs,
    table_bytes,
    whole_sectors,
)
from .stream import FULL_BITMAP, UNUSED
from .structs import (
    BAT_OFFSET_BYTES,
    BITMAP_BYTES,
    BLOCK_BYTES,
    FOOTER_BYTES,
    HEADER_BYTES,
    MAX_TABLE_ENTRIES,
    SECTOR_BYTES,
    DiskType,
    Footer,
    Header,
    VhdError,
    blocks_of,
    check_fit,
)
from .writing import pack_table

_PIECE_BYTES = 1024 * 1024

Buffer = bytes | bytearray | memoryview


class RandomFile(Protocol):
    """What the bytes of a VHD are in."""

    def read_at(self, offset_bytes: int, size_bytes: int) -> bytes:
        """Up to `size_bytes` from `offset_bytes`; fewer only at the end of the file."""
        ...

    def write_at(self, offset_bytes: int, data: Buffer) -> None:
        """Writes all of `data`."""
        ...

    def truncate(self, size_bytes: int) -> None:
        """Cuts or extends the file."""
        ...

    def size_bytes(self) -> int:
        """The length now."""
        ...

    def sync(self) -> None:
        """Returns when what was written would survive a power cut."""
        ...

    def close(self) -> None:
        """Closes without another sync."""
        ...


class VhdFile:
    """Blocks of a VHD by index; changes of the table and of the footer wait for `flush`.

    Safe to call from many threads, as far as the file below is. Blocks that are overwritten keep
    their place at once; new ones are lost by whoever dies before `flush`.

    Attributes:
        footer: of the disk, as `set_footer` left it.
        header: of the disk, as `set_header` left it.
        torn: the two footers were not the same when the file was opened; `flush` mends that.
    """

    def __init__(self, file: RandomFile, *, strict: bool = True) -> None:
        """Reads footers, header and table; writes nothing.

        Args:
            file: the bytes; `close` closes it.
            strict: refuses a file whose two footers differ, or that lacks one.

        Raises:
            VhdError: it is no VHD, or is damaged; the file stays open then.
        """
        self._file = file
        self._lock = threading.RLock()
        self._changed = False
        self._stored_footer, self.torn = self._read_footers(strict)
        self.footer = Footer.parse(self._stored_footer)
        if self.footer.disk_type is DiskType.FIXED:
            raise VhdError("the VHD is a fixed one: it has no table of blocks")
        at = self.footer.data_offset_bytes
        self.header = self._stored_header = Header.parse(self._exactly(at, HEADER_BYTES, "header"))
        check_fit(self.footer, self.header)
        check_head(self.footer, self.header)
        self._table = self._read_table()
        self._dirty: set[int] = set()
        size = file.size_bytes() - (0 if self.torn else FOOTER_BYTES)
        self._end = end_of_data(self.footer, self.header, self._table, size)

    @classmethod
    def create(cls, file: RandomFile, footer: Footer, header: Header) -> VhdFile:
        """Makes a VHD without blocks of whatever the file held.

        Raises:
            VhdError: footer and header do not fit, or are not those of such a disk.
        """
        check_fit(footer, header)
        check_head(footer, header)
        if footer.disk_type is DiskType.FIXED or header.table_offset_bytes < BAT_OFFSET_BYTES:
            raise VhdError("such a VHD has no table, or not behind its header")
        file.truncate(0)
        end = header.table_offset_bytes + table_bytes(header.max_table_entries)
        _fill(file, header.table_offset_bytes, end)
        file.write_at(footer.data_offset_bytes, header.pack())
        file.write_at(end, footer.pack())
        # Last: a file that was cut off before this is no VHD, rather than a spoilt one.
        file.write_at(0, footer.pack())
        file.sync()
        return cls(file)

    # Reading

    def allocated(self) -> list[int]:
        """Indices of the blocks that are here, ascending."""
        with self._lock:
            entries = self._table[: blocks_of(self.footer.current_size_bytes)]
        return [index for index, sector in enumerate(entries) if sector != UNUSED]

    def has(self, index: int) -> bool:
        """Whether the block is here, and not in a parent or nowhere."""
        return 0 <= index < len(self._table) and self._table[index] != UNUSED

    def read_block(self, index: int) -> bytes:
        """The 2 MiB of a block; its bitmap is not looked at: blocks are always full.

        Raises:
            VhdError: it is not here, or the file was cut.
        """
        at = self._place(index) + BITMAP_BYTES
        return self._exactly(at, BLOCK_BYTES, f"block {index}")

    def read_bitmap(self, index: int) -> bytes:
        """The 512 bytes that say which sectors of a block are written, a bit for each.

        Raises:
            VhdError: as `read_block`.
        """
        return self._exactly(self._place(index), BITMAP_BYTES, f"bitmap of block {index}")

    # Writing

    def write_block(self, index: int, data: Buffer) -> None:
        """Overwrites a block where it is, or puts it behind the last one.

        Args:
            index: within the table.
            data: 2 MiB; a shorter last block is padded with zeros.

        Raises:
            VhdError: the block has no place in this disk.
        """
        if not 0 <= index < len(self._table):
            raise VhdError(f"block {index} is beyond the table of {len(self._table)} blocks")
        if len(data) > BLOCK_BYTES:
            raise VhdError(f"block {index} has {len(data)} bytes, more than a block can hold")
        if len(data) < BLOCK_BYTES:
            data = bytes(data).ljust(BLOCK_BYTES, b"\0")
        with self._lock:
            self._changed = True
            if self.has(index):
                at = self._place(index)
                self._file.write_at(at + BITMAP_BYTES, data)
                self._file.write_at(at, FULL_BITMAP)
            else:
                self._set_entry(index, self._append(FULL_BITMAP, data))

    def set_footer(self, footer: Footer) -> None:
        """Changes the footer, with the next `flush`.

        Raises:
            VhdError: the table is too small for it (see `grow_table`), or the header would move.
        """
        with self._lock:
            check_fit(footer, self.header)
            if footer.data_offset_bytes != self.footer.data_offset_bytes:
                raise VhdError("the header of a VHD stays where it is")
            self.footer, self._changed = footer, True

    def set_header(self, header: Header) -> None:
        """Changes the header, with the next `flush`; the table must stay as it is.

        Raises:
            VhdError: the table would be another one, or the parent's name is too long.
        """
        with self._lock:
            if (header.table_offset_bytes, header.max_table_entries) != (
                self.header.table_offset_bytes,
                self.header.max_table_entries,
            ):
                raise VhdError("the table of a VHD does not change with its header")
            header.pack()
            self.header, self._changed = header, True

    def grow_table(self, entries: int) -> None:
        """Gives the table room for more blocks, and flushes; nobody may read meanwhile.

        What lies behind the table is copied to the end first, then named there by the old table,
        and only then overwritten by the new one.

        Raises:
            VhdError: a VHD cannot have so many.
        """
        with self._lock:
            if entries <= self.header.max_table_entries:
                return
            if entries > MAX_TABLE_ENTRIES:
                raise VhdError(f"a VHD cannot have {entries} blocks")
            self._changed = True
            self.flush()
            begin = self.header.table_offset_bytes
            old_end = begin + self.header.max_table_entries * ENTRY_BYTES
            new_end = begin + table_bytes(entries)
            if old_end <= self.footer.data_offset_bytes < new_end:
                raise VhdError("the table of this VHD cannot grow: the header is behind it")
            self._reserve(max(self._end, new_end))
            for index, sector in enumerate(self._table):
                if sector != UNUSED and begin <= sector * SECTOR_BYTES < new_end:
                    self._move_block(index)
            self._move_locators(new_end)
            self.flush()
            _fill(self._file, old_end, new_end)
            self._table.extend(array("I", [UNUSED]) * (entries - len(self._table)))
            self.header = replace(self.header, max_table_entries=entries)
            self.flush()

    def flush(self) -> None:
        """Returns when everything that was written would survive a power cut.

        The order is: blocks; table and header; footers.
        """
        with self._lock:
            self._file.sync()
            if self._dirty or self.header != self._stored_header:
                for first, last in runs(sorted(self._dirty)):
                    part = self._table[first * ENTRIES_PER_SECTOR : last * ENTRIES_PER_SECTOR]
                    at = self.header.table_offset_bytes + first * SECTOR_BYTES
                    self._file.write_at(at, pack_table(part))
                if self.header != self._stored_header:
                    self._file.write_at(self.footer.data_offset_bytes, self.header.pack())
                self._file.sync()
                self._dirty.clear()
                self._stored_header = self.header
            footer, length = self.footer.pack(), self._end + FOOTER_BYTES
            if footer != self._stored_footer or self.torn or self._file.size_bytes() != length:
                # One of the two is whole at any moment; at first the one at the end.
                if self.torn:
                    self._file.write_at(0, self._stored_footer)
                    self._file.sync()
                self._file.write_at(self._end, footer)
                self._file.truncate(length)
                self._file.write_at(0, footer)
                self._file.sync()
                self._stored_footer, self.torn = footer, False
            self._changed = False

    def close(self) -> None:
        """Flushes what was changed, and closes the file."""
        try:
            if self._changed:
                self.flush()
        finally:
            self._file.close()

    # Places

    def _place(self, index: int) -> int:
        if not self.has(index):
            raise VhdError(f"block {index} is not in this VHD")
        return self._table[index] * SECTOR_BYTES

    def _set_entry(self, index: int, offset: int) -> None:
        self._table[index] = offset // SECTOR_BYTES
        self._dirty.add(index // ENTRIES_PER_SECTOR)

    def _append(self, *parts: Buffer) -> int:
        """Writes behind the last block; returns where."""
        at = self._end
        if at // SECTOR_BYTES >= UNUSED:
            raise VhdError("the VHD is full: its table cannot name what is beyond 2 TiB")
        end = at + whole_sectors(sum(map(len, parts)))
        self._reserve(end)
        try:
            offset = at
            for part in parts:
                self._file.write_at(offset, part)
                offset += len(part)
        except BaseException:
            # The room is free for the next block; what was half written there nobody names.
            self._end = at
            raise
        return at

    def _reserve(self, end: int) -> None:
        """Moves the end, and puts a footer there first: the file is never without one."""
        if end > self._end:
            if end + FOOTER_BYTES >= self._file.size_bytes():
                self._file.write_at(end, self._stored_footer)
            self._end = end

    def _move_block(self, index: int) -> None:
        at = self._place(index)
        body = self._exactly(at, STEP_BYTES, f"block {index}")
        self._set_entry(index, self._append(body))

    def _move_locators(self, new_end: int) -> None:
        """Copies other spellings of the parent's path that are in the way of a table."""
        moved = list(self.header.locators)
        for place, locator in enumerate(moved):
            if locator.code and self.header.table_offset_bytes <= locator.offset_bytes < new_end:
                size = min(locator.length_bytes, _PIECE_BYTES)
                body = self._file.read_at(locator.offset_bytes, size)
                moved[place] = replace(locator, offset_bytes=self._append(body))
        self.header = replace(self.header, locators=tuple(moved))

    # Opening

    def _read_footers(self, strict: bool) -> tuple[bytes, bool]:
        """The footer that counts, and whether the other one is missing or differs."""
        size = self._file.size_bytes()
        first = self._exactly(0, FOOTER_BYTES, "footer")
        last = self._file.read_at(size - FOOTER_BYTES, FOOTER_BYTES)
        if first == last and size >= 2 * FOOTER_BYTES:
            return first, False
        if strict:
            Footer.parse(first)
            raise VhdError("the footers at the beginning and at the end differ")
        try:
            Footer.parse(first)
        except VhdError:
            Footer.parse(last)
            return last, True
        return first, True

    def _read_table(self) -> array[int]:
        begin, left = self.header.table_offset_bytes, self.header.max_table_entries * ENTRY_BYTES
        # The length is a claim until the file is known to be so long.
        if begin + left > self._file.size_bytes():
            raise VhdError("the VHD ends in its table of blocks")
        table = array("I")
        while left:
            piece = self._exactly(begin, min(left, _PIECE_BYTES), "table of blocks")
            table.frombytes(piece)
            begin += len(piece)
            left -= len(piece)
        if sys.byteorder == "little":
            table.byteswap()
        return table

    def _exactly(self, offset: int, size: int, what: str) -> bytes:
        piece = self._file.read_at(offset, size)
        if len(piece) != size:
            raise VhdError(f"the VHD ends in its {what}, after {offset + len(piece)} bytes")
        return piece


def _fill(file: RandomFile, begin: int, end: int) -> None:
    """Marks entries of a table as unused."""
    for at in range(begin, end, _PIECE_BYTES):
        file.write_at(at, b"\xff" * min(_PIECE_BYTES, end - at))
