"""Writing one disk of a backup: blocks in any order from any thread, its name at the very end."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid as uuids
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

from xolite_qt.backup.errors import Damaged, StorageError
from xolite_qt.backup.storage.base import Storage
from xolite_qt.backup.storage.paths import name_of, parent_of, relative_to
from xolite_qt.vhd import BLOCK_BYTES, DiskType, Footer, Header, blocks_of
from xolite_qt.vhd.file import VhdFile
from xolite_qt.vhd.stream import FULL_BITMAP

from .alias import ALIAS_SUFFIX, is_alias, write_alias
from .coding import Compression, encode
from .stored import Kind, StoredDisk, block_path

SPARE_LEAST = 4096
SPARE_MOST = 1024 * 1024
"""Blocks of a 2 TiB disk."""


@dataclass
class Written:
    """What a disk cost.

    Attributes:
        blocks: how many.
        stored_bytes: what they take in the storage, before encryption.
        digests: SHA-256 of the 2 MiB of each block, by index.
    """

    blocks: int = 0
    stored_bytes: int = 0
    digests: dict[int, bytes] = field(default_factory=dict)


def spare_entries(size_bytes: int) -> int:
    """Room in a table so that the disk may grow.

    Xen Orchestra never makes the table of a folder of blocks larger, and loses the whole chain when
    a disk has grown beyond it.
    """
    needed = max(1, blocks_of(size_bytes))
    return max(needed, min(max(SPARE_LEAST, 2 * needed), SPARE_MOST))


class DiskWriter(ABC):
    """One disk that is being written.

    Attributes:
        path: the name it gets.
        written: what was stored so far; read it after `finish`.
    """

    def __init__(self, storage: Storage, path: str, *, parallel: int) -> None:
        self.path = path
        self.written = Written()
        self._storage = storage
        self._lock = threading.Lock()
        self._error: BaseException | None = None
        # Bounds memory: so many blocks are under way, whoever brings more waits.
        self._slots = threading.BoundedSemaphore(parallel)
        self._pool = ThreadPoolExecutor(parallel, "blocks_")

    def put(self, index: int, data: bytes) -> None:
        """Takes a block; returns before it is stored. Each index once, from any thread.

        Args:
            index: of the block.
            data: 2 MiB, or less at the end of the disk.

        Raises:
            StorageError: an earlier block could not be stored.
        """
        self._slots.acquire()
        if self._error is not None:
            self._slots.release()
            raise self._error
        try:
            self._pool.submit(self._one, index, data).add_done_callback(self._free)
        except RuntimeError:
            self._slots.release()
            raise StorageError(self.path, "is no longer being written") from None

    def _free(self, done: Future[None]) -> None:
        self._slots.release()
        error = done.exception()
        if error is not None and self._error is None:
            self._error = error

    def _one(self, index: int, data: bytes) -> None:
        if self._error is not None:
            return
        if len(data) != BLOCK_BYTES:
            data = data.ljust(BLOCK_BYTES, b"\0")
        digest = hashlib.sha256(data).digest()
        stored = self._store(index, data)
        with self._lock:
            self.written.blocks += 1
            self.written.stored_bytes += stored
            self.written.digests[index] = digest

    @abstractmethod
    def _store(self, index: int, data: bytes) -> int:
        """Stores a block durably; returns the bytes it takes."""

    @abstractmethod
    def _complete(self) -> None:
        """Gives the disk its name."""

    @abstractmethod
    def _remove(self) -> None:
        """Removes what was stored."""

    def finish(self) -> Written:
        """Waits for all blocks, then the disk is there.

        Raises:
            StorageError: a block could not be stored; the disk is not there. Call `abort`.
        """
        self._pool.shutdown(wait=True)
        if self._error is not None:
            raise self._error
        self._complete()
        return self.written

    def abort(self) -> None:
        """Gives up and removes what was stored; safe at any time, and twice.

        Raises:
            StorageError: something is left; the next clean-up removes it.
        """
        if self._error is None:
            self._error = StorageError(self.path, "was given up")
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._remove()


class _DirectoryWriter(DiskWriter):
    def __init__(
        self,
        storage: Storage,
        path: str,
        footer: Footer,
        header: Header,
        compression: Compression,
        parallel: int,
    ) -> None:
        super().__init__(storage, path, parallel=parallel)
        self._footer, self._header, self._compression = footer, header, compression
        # A merge gives an old folder a new name: a free one is taken, never derived.
        self.data_path = f"{parent_of(path)}/data/{uuids.uuid4()}.vhd"
        self._done = False

    def _store(self, index: int, data: bytes) -> int:
        body = encode(FULL_BITMAP + data, self._compression)
        self._storage.write(block_path(self.data_path, index), body)
        return len(body)

    def _complete(self) -> None:
        write_table(
            self._storage,
            self.data_path,
            self.written.digests,
            self._header.max_table_entries,
            self._compression,
        )
        for name, body in (("header", self._header.pack()), ("footer", self._footer.pack())):
            self._storage.write(f"{self.data_path}/{name}", encode(body, self._compression))
        if self._compression:
            filters = f'["{self._compression}"]'.encode()
            self._storage.write(f"{self.data_path}/chunk-filters.json", filters)
        write_alias(self._storage, self.path, self.data_path)
        self._done = True

    def _remove(self) -> None:
        if not self._done:
            self._storage.delete_tree(self.data_path)


class _FileWriter(DiskWriter):
    def __init__(self, storage: Storage, path: str, footer: Footer, header: Header) -> None:
        super().__init__(storage, path, parallel=2)
        stamp = time.time_ns() // 1_000_000
        self._hidden = f"{parent_of(path)}/.{stamp}.{name_of(path)}"
        self._open = ExitStack()
        update = self._open.enter_context(storage.open_update(self._hidden, create=True))
        self._file = VhdFile.create(update, footer, header)
        self._done = False

    def _store(self, index: int, data: bytes) -> int:
        with self._lock:
            self._file.write_block(index, data)
        return len(data) + len(FULL_BITMAP)

    def _complete(self) -> None:
        self._file.flush()
        self._open.close()
        self._storage.rename(self._hidden, self.path)
        self._done = True

    def _remove(self) -> None:
        self._open.close()
        if not self._done:
            self._storage.delete(self._hidden)


def write_table(
    storage: Storage,
    data_path: str,
    indices: dict[int, bytes] | list[int] | set[int],
    entries: int,
    compression: Compression,
) -> None:
    """Writes the table of a folder of blocks: a bit per block, in as many bytes as entries."""
    bits = bytearray(entries)
    for index in indices:
        bits[index // 8] |= 0x80 >> index % 8
    storage.write(f"{data_path}/bat", encode(bytes(bits), compression))


def create_disk(
    storage: Storage,
    path: str,
    *,
    size_bytes: int,
    uuid: str,
    parent: StoredDisk | None = None,
    timestamp_s: int | None = None,
    compression: Compression = "brotli",
    parallel: int | None = None,
    clock: Callable[[], float] = time.time,
) -> DiskWriter:
    """A new disk; an alias' path makes a folder of blocks, another one a VHD file.

    Args:
        storage: where.
        path: `….alias.vhd` or `….vhd`; it sorts after its parent's.
        size_bytes: the virtual size.
        uuid: of the VDI it is made from.
        parent: what it is the difference to; None for a full disk.
        timestamp_s: for the footer, seconds since 1970; now where None.
        compression: of a folder's chunks; the parent's where there is one.
        parallel: blocks stored at once; what suits the storage where None.

    Raises:
        Damaged: the parent is of another kind, or larger.
        StorageError: this storage cannot hold VHD files.
    """
    kind = Kind.DIRECTORY if is_alias(path) else Kind.FILE
    if parent is not None:
        if parent.kind is not kind:
            raise Damaged(parent.path, f"no {kind} can go on from it: it is a {parent.kind}")
        if parent.size_bytes > size_bytes:
            raise Damaged(parent.path, "is larger than the disk that would go on from it")
        compression = parent.compression
    entries = spare_entries(size_bytes) if kind is Kind.DIRECTORY else max(1, blocks_of(size_bytes))
    header = Header(
        max_table_entries=entries,
        parent_uuid=parent.uuid if parent else None,
        parent_name=relative_to(parent_of(path), parent.path) if parent else "",
    )
    disk_type = DiskType.DIFFERENCING if parent else DiskType.DYNAMIC
    stamp = int(clock()) if timestamp_s is None else timestamp_s
    footer = Footer.make(size_bytes, disk_type, uuid, stamp)
    if kind is Kind.FILE:
        return _FileWriter(storage, path, footer, header)
    many = parallel or max(2, storage.abilities.parallel)
    return _DirectoryWriter(storage, path, footer, header, compression, many)


def disk_name(stamp: str, kind: Kind) -> str:
    """The file name of a disk of a backup of that moment (`YYYYMMDDTHHMMSSZ`)."""
    return stamp + (ALIAS_SUFFIX if kind is Kind.DIRECTORY else ".vhd")
