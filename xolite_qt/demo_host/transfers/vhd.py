"""VHD as hosts write and read it on the wire: dynamic and differencing, blocks of 2 MiB.

All numbers are big-endian. A file is a footer (512), a header (1024), a table with the place of
every block (sectors), the blocks, each after a bitmap of its sectors, and the footer again.

Source: `xapi.md` 1.12; the VHD image format specification.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

SECTOR_BYTES = 512
VHD_BLOCK_BYTES = 2 * 1024 * 1024
BLOCK_SECTORS = VHD_BLOCK_BYTES // SECTOR_BYTES
BITMAP = b"\xff" * SECTOR_BYTES
"""Of a block that is whole there."""
HEADER_AT, TABLE_AT = 512, 1536
DYNAMIC, DIFFERENCING = 3, 4
UNUSED = 0xFFFFFFFF

_FOOTER = struct.Struct(">8sIIQI4sII QQ HBB II16sB427x")
_HEADER = struct.Struct(">8s8sQIIII16sI4x512s192s256x")
_FOOTER_CHECKSUM_AT, _HEADER_CHECKSUM_AT = 64, 36
_EPOCH_S = 946_684_800
"""Seconds since 1970 of 2000-01-01, from which VHD counts."""

Write = Callable[[int, memoryview], object]
"""`write(offset on the disk, bytes)`."""


class BadVhd(Exception):  # noqa: N818 - what it is, not what went wrong
    """A stream that is no VHD as hosts take it.

    Attributes:
        what: what is wrong with it, for a person.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def checksum(data: bytes, at: int) -> int:
    """One's complement of the sum of all bytes, with the checksum's own four taken as zeros."""
    return ~(sum(data) - sum(data[at : at + 4])) & 0xFFFFFFFF


def _sealed(data: bytes, at: int) -> bytes:
    return data[:at] + struct.pack(">I", checksum(data, at)) + data[at + 4 :]


def geometry(size_bytes: int) -> tuple[int, int, int]:
    """Cylinders, heads and sectors per track as the format's specification has them."""
    sectors = min(size_bytes // SECTOR_BYTES, 65535 * 16 * 255)
    if sectors > 65535 * 16 * 63:
        per_track, heads = 255, 16
        return sectors // per_track // heads, heads, per_track
    per_track = 17
    tracks = sectors // per_track
    heads = max(4, (tracks + 1023) // 1024)
    if tracks >= heads * 1024 or heads > 16:
        per_track, heads = 31, 16
        tracks = sectors // per_track
    if tracks >= heads * 1024:
        per_track, heads = 63, 16
        tracks = sectors // per_track
    return tracks // heads, heads, per_track


def make_footer(size_bytes: int, uuid: bytes, kind: int, time_s: float) -> bytes:
    """The 512 bytes at both ends.

    Args:
        size_bytes: virtual size of the disk.
        uuid: of the disk, 16 bytes.
        kind: `DYNAMIC` or `DIFFERENCING`.
        time_s: when it was made, in seconds since 1970.
    """
    since = max(0, int(time_s) - _EPOCH_S)
    places = (b"conectix", 2, 0x00010000, HEADER_AT, since, b"tap\0", 0x00010003, 0)
    sizes = (size_bytes, size_bytes, *geometry(size_bytes))
    data = _FOOTER.pack(*places, *sizes, kind, 0, uuid, 0)
    return _sealed(data, _FOOTER_CHECKSUM_AT)


def make_header(
    entries: int, parent: bytes = bytes(16), name: str = "", time_s: float = 0
) -> bytes:
    """The 1024 bytes after the first footer.

    Args:
        entries: blocks of the disk.
        parent: uuid of what a differencing disk stands on, 16 bytes.
        name: of that disk.
        time_s: when that disk was changed last, in seconds since 1970.
    """
    since = max(0, int(time_s) - _EPOCH_S)
    label = name.encode("utf-16-be")[:510]
    fields = (b"cxsparse", b"\xff" * 8, TABLE_AT, 0x00010000, entries, VHD_BLOCK_BYTES, 0)
    return _sealed(_HEADER.pack(*fields, parent, since, label, b""), _HEADER_CHECKSUM_AT)


def make_table(entries: int, blocks: Sequence[int]) -> bytes:
    """The table of blocks, for those (ascending) that follow it one after the other."""
    size = -(-entries * 4 // SECTOR_BYTES) * SECTOR_BYTES
    table = bytearray(b"\xff" * size)
    first = (TABLE_AT + size) // SECTOR_BYTES
    for number, block in enumerate(blocks):
        struct.pack_into(">I", table, block * 4, first + number * (BLOCK_SECTORS + 1))
    return bytes(table)


class Shape(NamedTuple):
    """What footer and header tell.

    Attributes:
        kind: `DYNAMIC` or `DIFFERENCING`.
        table_at: where the table of blocks is, in bytes.
        entries: how many places it has.
    """

    size_bytes: int
    kind: int
    uuid: bytes
    table_at: int
    entries: int
    parent: bytes


def read_footer(data: bytes) -> tuple[int, int, int, bytes]:
    """Place of the header, virtual size, kind and uuid.

    Raises:
        BadVhd: no footer.
    """
    if data[:8] != b"conectix":
        raise BadVhd("there is no footer")
    fields = _FOOTER.unpack(data)
    if struct.unpack_from(">I", data, _FOOTER_CHECKSUM_AT)[0] != checksum(
        data, _FOOTER_CHECKSUM_AT
    ):
        raise BadVhd("the footer's checksum does not fit")
    header_at, size, kind, uuid = fields[3], fields[9], fields[13], fields[15]
    if kind not in (DYNAMIC, DIFFERENCING):
        raise BadVhd(f"disks of type {kind} are not taken")
    return header_at, size, kind, uuid


def read_shape(footer: bytes, header: bytes) -> Shape:
    """Footer and header together.

    Raises:
        BadVhd: they are none, or do not fit each other.
    """
    _, size, kind, uuid = read_footer(footer)
    if header[:8] != b"cxsparse":
        raise BadVhd("there is no header")
    if struct.unpack_from(">I", header, _HEADER_CHECKSUM_AT)[0] != checksum(
        header, _HEADER_CHECKSUM_AT
    ):
        raise BadVhd("the header's checksum does not fit")
    fields = _HEADER.unpack(header)
    table_at, entries, block, parent = fields[2], fields[4], fields[5], fields[7]
    if block != VHD_BLOCK_BYTES:
        raise BadVhd(f"blocks of {block} bytes are not taken")
    if entries * block < size:
        raise BadVhd("the table of blocks is too short for the disk")
    return Shape(size, kind, uuid, table_at, entries, parent)


class VhdReader:
    """Reads a VHD from a stream and writes what is in it; never holds more than a block.

    Attributes:
        shape: what footer and header told, once they came.
        done: whether the footer at the end came.
    """

    def __init__(self, size_bytes: int, write: Write) -> None:
        """Args:
        size_bytes: of the disk that is written; what a last block holds beyond it is dropped.
        write: where blocks go.
        """
        self.shape: Shape | None = None
        self.done = False
        self._size = size_bytes
        self._write = write
        self._at = 0
        self._buffer = bytearray()
        self._steps = self._read()
        self._wanted = next(self._steps)

    def feed(self, data: bytes | memoryview) -> None:
        """Take the next bytes of the stream. Blocks while it writes.

        Raises:
            BadVhd: no VHD, or one of a larger disk.
        """
        self._buffer += data
        while not self.done and len(self._buffer) >= self._wanted:
            piece = bytes(memoryview(self._buffer)[: self._wanted])
            del self._buffer[: self._wanted]
            self._at += len(piece)
            try:
                self._wanted = self._steps.send(piece)
            except StopIteration:
                self.done = True

    def finish(self) -> None:
        """Say that the stream is over.

        Raises:
            BadVhd: something is missing.
        """
        if not self.done:
            raise BadVhd(f"it ends after {self._at + len(self._buffer)} bytes")

    def _read(self) -> Generator[int, bytes, None]:
        footer = yield SECTOR_BYTES
        header_at, *_ = read_footer(footer)
        yield from self._skip(header_at)
        header = yield 1024
        shape = self.shape = read_shape(footer, header)
        if shape.size_bytes > self._size:
            raise BadVhd(f"it is of {shape.size_bytes} bytes, the disk has {self._size}")
        yield from self._skip(shape.table_at)
        table = yield -(-shape.entries * 4 // SECTOR_BYTES) * SECTOR_BYTES
        places = struct.unpack_from(f">{shape.entries}I", table)
        order = sorted((at, block) for block, at in enumerate(places) if at != UNUSED)
        for sector, block in order:
            yield from self._skip(sector * SECTOR_BYTES)
            bitmap = yield SECTOR_BYTES
            data = yield VHD_BLOCK_BYTES
            self._put(block, bitmap, data)
        read_footer((yield SECTOR_BYTES))

    def _skip(self, upto: int) -> Generator[int, bytes, None]:
        if upto < self._at:
            raise BadVhd(f"what is at {upto} comes after what is at {self._at}")
        while self._at < upto:
            yield min(upto - self._at, VHD_BLOCK_BYTES)

    def _put(self, block: int, bitmap: bytes, data: bytes) -> None:
        start = block * VHD_BLOCK_BYTES
        view = memoryview(data)[: max(0, self._size - start)]
        for first, end in set_runs(bitmap):
            piece = view[first * SECTOR_BYTES : end * SECTOR_BYTES]
            if piece:
                self._write(start + first * SECTOR_BYTES, piece)


def set_runs(bitmap: bytes) -> list[tuple[int, int]]:
    """Runs (first, one past the last) of bits that are set; the first in the highest bit."""
    if bitmap == BITMAP:
        return [(0, BLOCK_SECTORS)]
    runs: list[tuple[int, int]] = []
    for number in range(len(bitmap) * 8):
        if bitmap[number // 8] & 0x80 >> number % 8:
            if runs and runs[-1][1] == number:
                runs[-1] = (runs[-1][0], number + 1)
            else:
                runs.append((number, number + 1))
    return runs
