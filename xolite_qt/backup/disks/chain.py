"""A disk at a point in time: a full one and the differences over it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from xolite_qt.backup.errors import BrokenChain, Cancelled, Damaged, NotFound
from xolite_qt.backup.parallel import for_each
from xolite_qt.backup.storage.base import Storage
from xolite_qt.backup.storage.paths import parent_of
from xolite_qt.vhd import blocks_of

from .merge_state import MergeState, states_in
from .stored import Consume, DirectoryDisk, FileDisk, StoredDisk, open_disk

# Longer chains are loops, or nobody's wish.
_LONGEST = 10_000
TORN = "its two footers differ: it was cut off"


class DiskChain:
    """The blocks of a disk, each from the newest link that holds it.

    Attributes:
        links: oldest (full) first.
    """

    def __init__(
        self, links: list[StoredDisk], moving: Mapping[str, StoredDisk] | None = None
    ) -> None:
        """Args:
        links: oldest first.
        moving: disks whose blocks a merge moves away, and where to.
        """
        self.links = links
        self._moving = dict(moving or {})
        self._owners: dict[int, StoredDisk] = {}
        most = blocks_of(self.size_bytes)
        for link in links:
            for index in link.allocated():
                if index < most:
                    self._owners[index] = link

    @property
    def tip(self) -> StoredDisk:
        """The newest link."""
        return self.links[-1]

    @property
    def size_bytes(self) -> int:
        """The virtual size."""
        return self.tip.size_bytes

    def allocated(self) -> list[int]:
        """Indices of all blocks that hold something, ascending."""
        return sorted(self._owners)

    def owner(self, index: int) -> StoredDisk | None:
        """The link that a block comes from; None where the disk holds zeros."""
        return self._owners.get(index)

    def read_block(self, index: int) -> bytes | None:
        """The 2 MiB of a block; None where the disk holds zeros.

        Raises:
            Damaged, StorageError: as `StoredDisk.read_block`.
        """
        owner = self._owners.get(index)
        return None if owner is None else self._read(owner, index)

    def _read(self, owner: StoredDisk, index: int) -> bytes:
        target = self._moving.get(owner.path)
        if (
            isinstance(owner, DirectoryDisk)
            and isinstance(target, DirectoryDisk)
            # An interrupted merge has moved some blocks already: its table is behind.
            and owner.storage.stat(owner.block_path(index)) is None
        ):
            return target.read_block(index)
        return owner.read_block(index)

    def read_blocks(
        self,
        consume: Consume,
        *,
        stop: threading.Event | None = None,
        parallel: int = 1,
        indices: Iterable[int] | None = None,
    ) -> None:
        """Reads every block that holds something, several at a time, in any order.

        Raises:
            Cancelled: `stop` was set.
            Damaged, StorageError: the first that a block met.
        """

        def one(index: int) -> None:
            owner = self._owners.get(index)
            if owner is not None:
                consume(index, self._read(owner, index))

        wanted = self.allocated() if indices is None else indices
        for_each(wanted, one, stop=stop, parallel=parallel, name="blocks")


def open_chain(storage: Storage, path: str, *, stop: threading.Event | None = None) -> DiskChain:
    """The disk whose newest link has this path.

    Raises:
        BrokenChain: a parent is missing, or is another one; names the child.
        Damaged, NotFound, StorageError: a link cannot be opened.
    """
    states = _states(storage, path)
    merging = _merging(states)
    links = [open_disk(storage, path)]
    while (parent_path := links[-1].parent_path) is not None:
        child = links[-1]
        if stop is not None and stop.is_set():
            raise Cancelled
        if len(links) > _LONGEST or any(link.path == parent_path for link in links):
            raise BrokenChain(child.path, "the chain of its parents never ends")
        try:
            parent = open_disk(storage, parent_path)
        except NotFound:
            raise BrokenChain(child.path, f"its parent {parent_path} is missing") from None
        if parent.path not in merging:
            check_parent(child, parent)
        links.append(parent)
    for link in links:
        if isinstance(link, FileDisk) and link.torn and link.path not in merging:
            raise Damaged(link.path, TORN)
    for link in links:
        for into, state in states.items():
            # As older versions of Xen Orchestra wrote it: the child is known by its uuid.
            if state.chain is None and link.uuid == state.child.uuid:
                merging.setdefault(link.path, into)
    targets = {link.path: link for link in links}
    moving = {
        path: targets[into] for path, into in merging.items() if path != into and into in targets
    }
    return DiskChain(links[::-1], moving)


def _states(storage: Storage, path: str) -> dict[str, MergeState]:
    """Merges that were not finished, of the chain that a disk is in."""
    folder = parent_of(path)
    names = [entry.name for entry in storage.list(folder) if not entry.is_folder]
    return states_in(storage, folder, names)


def _merging(states: Mapping[str, MergeState]) -> dict[str, str]:
    """Disks that take part in a merge that was not finished, and the one they are merged into."""
    found: dict[str, str] = {}
    for into, state in states.items():
        found[into] = into
        for name in state.chain or ():
            found[f"{parent_of(into)}/{name}"] = into
    return found


def check_parent(child: StoredDisk, parent: StoredDisk) -> None:
    """Raises:
    BrokenChain: the parent is not the one that the child was made over.
    Damaged: the parent is larger than the child, which no disk that only grows can be.
    """
    if child.parent_uuid != parent.uuid:
        what = f"its parent {parent.path} is {parent.uuid}, it wants {child.parent_uuid}"
        raise BrokenChain(child.path, what)
    if parent.size_bytes > child.size_bytes:
        raise Damaged(child.path, f"is smaller than its parent {parent.path}")
