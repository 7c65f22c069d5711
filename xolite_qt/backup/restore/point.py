"""A disk at one point in time, every block compared with its hash as it is read."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from xolite_qt.backup.disks import open_chain
from xolite_qt.backup.disks.stored import Consume
from xolite_qt.backup.errors import Cancelled, Damaged
from xolite_qt.backup.parallel import for_each
from xolite_qt.backup.repository import Backup, BackupDisk, Repository
from xolite_qt.backup.repository.manifest import ZERO_DIGEST
from xolite_qt.vhd import BLOCK_BYTES


class DiskPoint:
    """One disk of one backup. Reading is safe from many threads.

    Attributes:
        disk: which.
        chain: its links.
        proven: blocks read so far whose hash is known and right.
        read: blocks read so far.
    """

    def __init__(self, repository: Repository, backup: Backup, disk: BackupDisk) -> None:
        """Opens the chain.

        Raises:
            BrokenChain, Damaged: it cannot be restored; names the file.
            StorageError: it cannot be read.
        """
        self.disk = disk
        self.chain = open_chain(repository.storage, disk.path)
        self._expected = repository.manifests(backup.vm_uuid).expected(self.chain.tip.uuid)
        self._lock = threading.Lock()
        self.proven = self.read = 0
        self._parallel = max(2, repository.storage.abilities.parallel)
        lost = self._lost()
        if lost:
            what = f"block {lost[0]} was backed up and is not in it any more"
            raise Damaged(disk.path, what)

    def _lost(self) -> list[int]:
        if self._expected is None:
            return []
        return [
            index
            for index, digest in self._expected.digests.items()
            if digest != ZERO_DIGEST and self.chain.owner(index) is None
        ]

    @property
    def size_bytes(self) -> int:
        """The virtual size."""
        return self.chain.size_bytes

    @property
    def provable(self) -> bool:
        """Whether hashes of this disk are known."""
        return self._expected is not None

    def indices(self) -> list[int]:
        """Blocks that hold something, ascending."""
        return self.chain.allocated()

    def block(self, index: int) -> bytes:
        """The 2 MiB of a block; zeros where it holds nothing.

        Raises:
            Damaged: it is not what was backed up.
            StorageError: it cannot be read.
        """
        data = self.chain.read_block(index)
        if data is None:
            return bytes(BLOCK_BYTES)
        right = None if self._expected is None else self._expected.check(index, data)
        if right is False:
            owner = self.chain.owner(index)
            path = self.disk.path if owner is None else owner.path
            raise Damaged(path, f"block {index} is not what was backed up (its hash differs)")
        with self._lock:
            self.read += 1
            self.proven += right is True
        return data

    def in_order(
        self, indices: Iterable[int], *, stop: threading.Event | None = None
    ) -> Iterator[tuple[int, bytes]]:
        """Blocks one after the other, a few read ahead.

        Raises:
            Cancelled: `stop` was set.
            Damaged, StorageError: as `block`.
        """
        ahead: deque[tuple[int, Future[bytes]]] = deque()
        rest = iter(indices)
        with ThreadPoolExecutor(self._parallel, "blocks_") as pool:
            try:
                while True:
                    while len(ahead) < 2 * self._parallel:
                        index = next(rest, None)
                        if index is None:
                            break
                        ahead.append((index, pool.submit(self.block, index)))
                    if not ahead:
                        return
                    if stop is not None and stop.is_set():
                        raise Cancelled
                    index, waiting = ahead.popleft()
                    yield index, waiting.result()
            finally:
                for _, waiting in ahead:
                    waiting.cancel()

    def each(
        self,
        work: Consume,
        *,
        stop: threading.Event | None = None,
    ) -> None:
        """Every block that holds something, in any order, several at once.

        Raises:
            Cancelled: `stop` was set.
            Damaged, StorageError: as `block`; and whatever `work` raised.
        """
        for_each(
            self.indices(),
            lambda index: work(index, self.block(index)),
            stop=stop,
            parallel=self._parallel,
        )
