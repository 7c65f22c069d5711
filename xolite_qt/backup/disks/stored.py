"""One disk of a backup as it lies in a repository: a folder of blocks, or a VHD file."""

from __future__ import annotations

import sys
import threading
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Iterable
from enum import StrEnum

import msgspec

from xolite_qt.backup.errors import Damaged, NotFound, StorageError
from xolite_qt.backup.parallel import for_each
from xolite_qt.backup.storage.base import Storage
from xolite_qt.backup.storage.paths import parent_of, resolve
from xolite_qt.vhd import (
    BITMAP_BYTES,
    BLOCK_BYTES,
    FOOTER_BYTES,
    HEADER_BYTES,
    SECTOR_BYTES,
    DiskType,
    Footer,
    Header,
    VhdError,
    blocks_of,
)
from xolite_qt.vhd.stream import FULL_BITMAP, UNUSED
from xolite_qt.vhd.structs import check_fit

from .alias import is_alias, read_alias
from .coding import Compression, decode

Consume = Callable[[int, bytes], None]
STORED_BLOCK_BYTES = BITMAP_BYTES + BLOCK_BYTES
# A table of a 64 TiB disk: more is damage.
_MOST_TABLE_BYTES = 32 * 1024 * 1024
_FILTERS_MOST_BYTES = 4096


class Kind(StrEnum):
    """How a disk lies in a repository."""

    DIRECTORY = "directory"
    FILE = "file"


class StoredDisk(ABC):
    """One link of a chain. Reading is safe from many threads.

    Attributes:
        storage: where it lies.
        path: the alias, or the file; what metadata and children name.
        data_path: the folder behind the alias; the file itself for files.
        kind: which of the two.
        compression: of its chunks.
        footer, header: as they are stored.
        parent_path: the parent's path; None for a full disk.
    """

    kind: Kind
    compression: Compression = None

    def __init__(
        self, storage: Storage, path: str, data_path: str, footer: Footer, header: Header
    ) -> None:
        self.storage, self.path, self.data_path = storage, path, data_path
        self.footer, self.header = footer, header
        self.parent_path: str | None = None
        if footer.disk_type is DiskType.DIFFERENCING:
            try:
                self.parent_path = resolve(parent_of(path), header.parent_name)
            except StorageError as error:
                raise Damaged(path, f"its parent's name {error.what}") from None

    @property
    def uuid(self) -> str:
        """That of the VDI it was made from."""
        return self.footer.uuid

    @property
    def parent_uuid(self) -> str | None:
        """The uuid that its parent must have; None for a full disk."""
        return self.header.parent_uuid if self.parent_path is not None else None

    @property
    def size_bytes(self) -> int:
        """The virtual size."""
        return self.footer.current_size_bytes

    @property
    def is_differencing(self) -> bool:
        """Whether it needs a parent."""
        return self.parent_path is not None

    @property
    def stream_bytes(self) -> int:
        """Length of the VHD that it is, which is what Xen Orchestra calls the size of a backup."""
        table = -(-self.header.max_table_entries * 4 // SECTOR_BYTES) * SECTOR_BYTES
        blocks = len(self.allocated()) * STORED_BLOCK_BYTES
        return 2 * FOOTER_BYTES + HEADER_BYTES + table + blocks

    @abstractmethod
    def allocated(self) -> list[int]:
        """Indices of the blocks it holds itself, ascending."""

    @abstractmethod
    def has(self, index: int) -> bool:
        """Whether it holds a block itself."""

    @abstractmethod
    def read_block(self, index: int) -> bytes:
        """The 2 MiB of a block that it holds.

        Raises:
            Damaged: they cannot be right; names the file.
            StorageError: they cannot be read.
        """

    @abstractmethod
    def stored_bytes(self) -> int:
        """What it takes in the storage."""

    def read_blocks(
        self,
        indices: Iterable[int],
        consume: Consume,
        *,
        stop: threading.Event | None = None,
        parallel: int = 1,
    ) -> None:
        """Reads blocks, several at a time, and hands each on, in any order.

        Raises:
            Cancelled: `stop` was set.
            Damaged, StorageError: the first that a block met.
        """
        for_each(indices, lambda i: consume(i, self.read_block(i)), stop=stop, parallel=parallel)


class DirectoryDisk(StoredDisk):
    """A folder of blocks behind an alias."""

    kind = Kind.DIRECTORY

    def __init__(self, storage: Storage, path: str) -> None:
        """Reads everything but the blocks.

        Raises:
            Damaged, NotFound, StorageError: see `open_disk`.
        """
        data_path = read_alias(storage, path) if is_alias(path) else path
        self.compression = _filters(storage, f"{data_path}/chunk-filters.json")
        footer = _footer(self._chunk(storage, f"{data_path}/footer"), f"{data_path}/footer")
        header_path = f"{data_path}/header"
        header = _header(self._chunk(storage, header_path), header_path, footer)
        super().__init__(storage, path, data_path, footer, header)
        bat_path = f"{data_path}/bat"
        bits = self._chunk(storage, bat_path, _MOST_TABLE_BYTES)
        self._bits = bytearray(bits)
        if len(bits) * 8 < blocks_of(self.size_bytes):
            # Xen Orchestra forgets to make it larger when a disk grew.
            self._bits.extend(bytes(-(-blocks_of(self.size_bytes) // 8) - len(bits)))

    def _chunk(self, storage: Storage, path: str, most: int = HEADER_BYTES) -> bytes:
        try:
            stored = storage.read(path)
        except NotFound:
            raise Damaged(path, "is missing") from None
        return decode(stored, self.compression, path, most)

    def allocated(self) -> list[int]:
        return [
            at * 8 + bit
            for at, byte in enumerate(self._bits)
            if byte
            for bit in range(8)
            if byte & (0x80 >> bit)
        ]

    def has(self, index: int) -> bool:
        at, bit = divmod(index, 8)
        return at < len(self._bits) and bool(self._bits[at] & (0x80 >> bit))

    def block_path(self, index: int) -> str:
        """The file of a block, whether it is there or not."""
        return block_path(self.data_path, index)

    def read_block(self, index: int) -> bytes:
        path = self.block_path(index)
        try:
            stored = self.storage.read(path)
        except NotFound:
            raise Damaged(path, "is missing: this block of the disk is lost") from None
        body = decode(stored, self.compression, path, STORED_BLOCK_BYTES)
        if len(body) != STORED_BLOCK_BYTES:
            raise Damaged(path, f"holds {len(body)} bytes in place of {STORED_BLOCK_BYTES}")
        return body[BITMAP_BYTES:]

    def stored_bytes(self) -> int:
        return sum(size for _, size in self.storage.walk(self.data_path))


class FileDisk(StoredDisk):
    """A VHD file.

    Attributes:
        torn: its two footers differ: it was cut off, or a merge is under way.
    """

    kind = Kind.FILE

    def __init__(self, storage: Storage, path: str) -> None:
        """Reads footer, header and table.

        Raises:
            Damaged, NotFound, StorageError: see `open_disk`.
        """
        head = storage.read_range(path, 0, FOOTER_BYTES + HEADER_BYTES)
        footer = _footer(head[:FOOTER_BYTES], path)
        header = _header(head[FOOTER_BYTES:], path, footer)
        super().__init__(storage, path, path, footer, header)
        stat = storage.stat(path)
        if stat is None:
            raise NotFound(path)
        self._file_bytes = stat.size_bytes
        end = storage.read_range(path, self._file_bytes - FOOTER_BYTES, FOOTER_BYTES)
        # So it is in the middle of a merge, and when it was cut off: whoever opens it judges.
        self.torn = end != head[:FOOTER_BYTES]
        length = blocks_of(self.size_bytes) * 4
        raw = b""
        # No storage is asked for what lies behind any file's end.
        if header.table_offset_bytes + length <= self._file_bytes:
            raw = storage.read_range(path, header.table_offset_bytes, length)
        if len(raw) != length:
            raise Damaged(path, "ends in its table of blocks")
        self._sectors = array("I", raw)
        if sys.byteorder == "little":
            self._sectors.byteswap()

    def allocated(self) -> list[int]:
        return [index for index, sector in enumerate(self._sectors) if sector != UNUSED]

    def has(self, index: int) -> bool:
        return index < len(self._sectors) and self._sectors[index] != UNUSED

    def read_block(self, index: int) -> bytes:
        at = self._sectors[index] * SECTOR_BYTES
        body = self.storage.read_range(self.path, at, STORED_BLOCK_BYTES)
        if len(body) != STORED_BLOCK_BYTES or at < FOOTER_BYTES + HEADER_BYTES:
            raise Damaged(self.path, f"ends in block {index}")
        if body[:BITMAP_BYTES] != FULL_BITMAP:
            return self._partly(index, body)
        return body[BITMAP_BYTES:]

    def _partly(self, index: int, body: bytes) -> bytes:
        """A block of which only some sectors were written, as other programs leave them."""
        if self.is_differencing:
            what = f"block {index} is filled only in part, so that no backup can be read from it"
            raise Damaged(self.path, what)
        data = bytearray(body[BITMAP_BYTES:])
        for sector in range(BLOCK_BYTES // SECTOR_BYTES):
            if not body[sector // 8] & (0x80 >> sector % 8):
                data[sector * SECTOR_BYTES : (sector + 1) * SECTOR_BYTES] = bytes(SECTOR_BYTES)
        return bytes(data)

    def stored_bytes(self) -> int:
        return self._file_bytes


def open_disk(storage: Storage, path: str) -> StoredDisk:
    """One disk of a repository, by its alias or file.

    Raises:
        NotFound: there is none.
        Damaged: it is none; names the file that is spoilt.
        StorageError: it cannot be read.
    """
    return DirectoryDisk(storage, path) if is_alias(path) else FileDisk(storage, path)


def block_path(data_path: str, index: int) -> str:
    """The file of a block in a folder of blocks."""
    return f"{data_path}/blocks/{index // 1000}/{index % 1000}"


def _footer(raw: bytes, path: str) -> Footer:
    try:
        footer = Footer.parse(raw)
        if footer.disk_type is DiskType.FIXED:
            raise VhdError("a disk of fixed size is no backup")
    except VhdError as error:
        raise Damaged(path, error.what) from None
    return footer


def _header(raw: bytes, path: str, footer: Footer) -> Header:
    try:
        header = Header.parse(raw)
        check_fit(footer, header)
        if header.block_bytes != BLOCK_BYTES:
            raise VhdError(f"its blocks have {header.block_bytes} bytes in place of {BLOCK_BYTES}")
    except VhdError as error:
        raise Damaged(path, error.what) from None
    return header


def _filters(storage: Storage, path: str) -> Compression:
    try:
        raw = storage.read(path)
    except NotFound:
        return None
    try:
        found = msgspec.json.decode(raw[:_FILTERS_MOST_BYTES], type=list[str])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Damaged(path, "is no list of compressions") from None
    match found:
        case [] | ["none"]:
            return None
        case ["brotli"]:
            return "brotli"
        case ["gzip"]:
            return "gzip"
        case _:
            pass
    raise Damaged(path, f"names compressions that are unknown here: {', '.join(found)[:80]}")
