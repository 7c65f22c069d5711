"""Merging one chain: newer disks into the oldest, which then takes the newest one's name.

Before anything is changed a state file says so, in Xen Orchestra's form: a merge that was broken
off, by it or by us, goes on where it stopped. At every moment what the newest disk held can be
read, in the chain or in what it is merged into.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from xolite_qt.backup.disks import (
    DirectoryDisk,
    FileDisk,
    Kind,
    StoredDisk,
    delete_disk,
    is_alias,
    open_disk,
    read_alias,
    spare_entries,
    write_alias,
    write_table,
)
from xolite_qt.backup.disks.chain import check_parent
from xolite_qt.backup.disks.coding import encode
from xolite_qt.backup.disks.merge_state import (
    CLEAN_UP,
    MERGE_BLOCKS,
    MergeState,
    UuidOf,
    merge_state_path,
    read_state,
    write_state,
)
from xolite_qt.backup.disks.stored import STORED_BLOCK_BYTES
from xolite_qt.backup.errors import BrokenChain, Cancelled, Damaged, NotFound
from xolite_qt.backup.parallel import for_each
from xolite_qt.backup.storage import Storage
from xolite_qt.backup.storage.paths import name_of
from xolite_qt.vhd import Footer, VhdError, blocks_of
from xolite_qt.vhd.file import VhdFile
from xolite_qt.vhd.stream import FULL_BITMAP

Progress = Callable[[int, int], None]
"""Takes (blocks done, blocks in all)."""

STATE_EVERY_S = 10.0
_BATCH = 1000
# Blocks that are read and written between two flushes: what a broken-off merge does again at most.
_FILE_BATCH = 64


@dataclass(frozen=True)
class Merged:
    """What a merge did.

    Attributes:
        path: the disk that is left.
        blocks: that were moved.
        removed: disks that are no more.
    """

    path: str
    blocks: int
    removed: tuple[str, ...]


def merge_chain(
    storage: Storage,
    paths: Sequence[str],
    *,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    parallel: int | None = None,
) -> Merged:
    """Merges disks, or goes on with a merge that was broken off.

    Args:
        storage: where they lie.
        paths: oldest first; all but the last are named by no backup.
        progress: told after every batch.
        stop: ends it; the next call goes on.
        parallel: blocks at once; what suits the storage where None.

    Raises:
        Cancelled: `stop` was set.
        BrokenChain, Damaged: a disk is not as it must be; nothing was changed then.
        StorageError: the storage does not answer; the next call goes on.
    """
    return _Merge(storage, paths, progress, stop, parallel).run()


class _Merge:
    def __init__(
        self,
        storage: Storage,
        paths: Sequence[str],
        progress: Progress | None,
        stop: threading.Event | None,
        parallel: int | None,
    ) -> None:
        self._storage, self._paths = storage, list(paths)
        self._into, self._target = paths[0], paths[-1]
        self._progress, self._stop = progress, stop
        self._parallel = parallel or storage.abilities.parallel
        self._state: MergeState | None = None
        self._blocks = 0
        self._written_s = 0.0

    def run(self) -> Merged:
        self._state = read_state(self._storage, self._into)
        if self._state is None or self._state.step == MERGE_BLOCKS:
            self._move_blocks()
        self._clean_up()
        return Merged(self._target, self._blocks, tuple(self._paths[:-1]))

    # Blocks

    def _move_blocks(self) -> None:
        disks = [open_disk(self._storage, path) for path in self._paths]
        into, children = disks[0], disks[1:]
        resumed = self._state is not None
        if not resumed:
            _check_links(disks)
            for child in children:
                _check_files(self._storage, child, self._stop, self._parallel)
        sources = _newest(children)
        first = self._state.current_block if self._state is not None else 0
        indices = sorted(index for index in sources if index >= first)
        if self._state is None:
            self._state = MergeState(
                child=UuidOf(children[-1].uuid),
                parent=UuidOf(into.uuid),
                chain=[name_of(path) for path in self._paths],
                current_block=indices[0] if indices else 0,
            )
            self._save()
        if isinstance(into, FileDisk):
            self._into_file(into, children[-1], sources, indices)
        else:
            assert isinstance(into, DirectoryDisk)
            self._into_folder(into, children[-1], sources, indices)
        self._state.step = CLEAN_UP
        self._save()

    def _into_folder(
        self,
        into: DirectoryDisk,
        newest: StoredDisk,
        sources: dict[int, StoredDisk],
        indices: list[int],
    ) -> None:
        into = self._with_room(into, newest)
        # One after the other in both ways: the state says that all below a block are done.
        all_move = all(_can_move(sources[i], into) for i in indices)

        def work(batch: list[int]) -> None:
            moved = [i for i in batch if _can_move(sources[i], into)]
            self._storage.rename_many(
                [(_file(sources[i], i), into.block_path(i)) for i in moved], stop=self._stop
            )
            for_each(
                [i for i in batch if not _can_move(sources[i], into)],
                lambda i: self._rewrite(into, i, sources[i].read_block(i)),
                stop=self._stop,
                parallel=self._parallel,
            )

        self._batches(indices, _BATCH if all_move else _FILE_BATCH, len(sources), work)
        bits = set(into.allocated()) | set(sources)
        entries = into.header.max_table_entries
        write_table(self._storage, into.data_path, bits, entries, into.compression)
        footer = _footer_of(into, newest)
        body = encode(footer.pack(), into.compression)
        self._storage.write(f"{into.data_path}/footer", body)

    def _with_room(self, into: DirectoryDisk, newest: StoredDisk) -> DirectoryDisk:
        """The table grows with the disk: Xen Orchestra forgets that, and loses the chain."""
        if into.header.max_table_entries >= blocks_of(newest.size_bytes):
            return into
        entries = spare_entries(newest.size_bytes)
        header = replace(into.header, max_table_entries=entries)
        write_table(self._storage, into.data_path, into.allocated(), entries, into.compression)
        body = encode(header.pack(), into.compression)
        self._storage.write(f"{into.data_path}/header", body)
        grown = open_disk(self._storage, into.path)
        assert isinstance(grown, DirectoryDisk)
        return grown

    def _rewrite(self, into: DirectoryDisk, index: int, data: bytes) -> None:
        body = encode(FULL_BITMAP + data, into.compression)
        self._storage.write(into.block_path(index), body)

    def _into_file(
        self,
        into: FileDisk,
        newest: StoredDisk,
        sources: dict[int, StoredDisk],
        indices: list[int],
    ) -> None:
        with self._storage.open_update(into.path) as update:
            try:
                file = VhdFile(update, strict=False)
                file.grow_table(blocks_of(newest.size_bytes))

                def write(batch: list[int]) -> None:
                    for index in batch:
                        # Without a flush: what was not yet flushed is merged again.
                        self._check_stop()
                        file.write_block(index, sources[index].read_block(index))
                    file.flush()

                self._batches(indices, _FILE_BATCH, len(sources), write)
                file.set_footer(_footer_of(into, newest))
                file.flush()
            except VhdError as error:
                raise Damaged(into.path, error.what) from None

    def _batches(
        self, indices: list[int], size: int, total: int, work: Callable[[list[int]], None]
    ) -> None:
        assert self._state is not None
        self._written_s = time.monotonic()
        before = total - len(indices)
        for at in range(0, len(indices), size):
            self._check_stop()
            batch = indices[at : at + size]
            work(batch)
            self._blocks += len(batch)
            self._state.merged_data_size += len(batch) * (STORED_BLOCK_BYTES - 512)
            self._state.current_block = batch[-1] + 1
            if time.monotonic() - self._written_s > STATE_EVERY_S:
                self._save()
            if self._progress is not None:
                self._progress(before + self._blocks, total)

    def _check_stop(self) -> None:
        if self._stop is not None and self._stop.is_set():
            self._save()
            raise Cancelled

    def _save(self) -> None:
        assert self._state is not None
        write_state(self._storage, self._into, self._state)
        self._written_s = time.monotonic()

    # Names

    def _clean_up(self) -> None:
        """Each step may have been done already, by us or by Xen Orchestra."""
        if is_alias(self._target):
            self._rename_alias()
        elif self._storage.stat(self._into) is not None:
            self._storage.rename(self._into, self._target)
        for path in self._paths[1:-1]:
            if self._stop is not None and self._stop.is_set():
                raise Cancelled
            delete_disk(self._storage, path)
        self._storage.delete(merge_state_path(self._into))

    def _rename_alias(self) -> None:
        data = _behind(self._storage, self._into)
        if data is None:
            return
        old = _behind(self._storage, self._target)
        if old != data:
            write_alias(self._storage, self._target, data)
        self._storage.delete(self._into)
        if old is not None and old != data:
            self._storage.delete_tree(old)


def _behind(storage: Storage, path: str) -> str | None:
    try:
        return read_alias(storage, path)
    except NotFound:
        return None


def _newest(children: list[StoredDisk]) -> dict[int, StoredDisk]:
    """For each block the newest disk that holds it."""
    most = blocks_of(children[-1].size_bytes)
    return {index: child for child in children for index in child.allocated() if index < most}


def _check_links(disks: list[StoredDisk]) -> None:
    for parent, child in itertools.pairwise(disks):
        if child.parent_path != parent.path:
            raise BrokenChain(child.path, f"does not lie over {parent.path}")
        if child.kind is not parent.kind:
            what = f"is a {child.kind}, and its parent {parent.path} a {parent.kind}"
            raise Damaged(child.path, what)
        check_parent(child, parent)
        if isinstance(parent, FileDisk) and parent.torn:
            raise Damaged(parent.path, "its two footers differ: it was cut off")


def _check_files(
    storage: Storage, disk: StoredDisk, stop: threading.Event | None, parallel: int
) -> None:
    """Before the first move: once a merge runs, a missing block is one that was moved already."""
    if not isinstance(disk, DirectoryDisk):
        return
    wanted: dict[int, list[int]] = {}
    for index in disk.allocated():
        wanted.setdefault(index // 1000, []).append(index)

    def check_group(group: int) -> None:
        there = {entry.name for entry in storage.list(f"{disk.data_path}/blocks/{group}")}
        for index in wanted[group]:
            if str(index % 1000) not in there:
                raise Damaged(disk.block_path(index), "is missing: this block of the disk is lost")

    for_each(wanted, check_group, stop=stop, parallel=min(parallel, len(wanted)), name="check")


def _can_move(source: StoredDisk, into: DirectoryDisk) -> bool:
    return source.kind is Kind.DIRECTORY and source.compression == into.compression


def _file(disk: StoredDisk, index: int) -> str:
    assert isinstance(disk, DirectoryDisk)
    return disk.block_path(index)


def _footer_of(into: StoredDisk, newest: StoredDisk) -> Footer:
    """The footer after the merge: that of the newest, but of the kind that the oldest is."""
    return replace(newest.footer, disk_type=into.footer.disk_type)
