"""What a merge does with chains that are not all of one piece."""

from __future__ import annotations

import json
import threading
import zlib

import pytest

from tests.backup.merge.backups import Chains, assert_clean, block, files_of, four, settle
from xolite_qt.backup.disks import Kind, read_alias
from xolite_qt.backup.disks.merge_state import merge_state_path
from xolite_qt.backup.errors import BrokenChain, Cancelled, Damaged
from xolite_qt.backup.merge import chain as chain_module
from xolite_qt.backup.merge import merge_chain
from xolite_qt.backup.repository import Repository, forget_locked
from xolite_qt.backup.storage import Storage
from xolite_qt.backup.storage.memory import MemoryStorage
from xolite_qt.vhd.stream import FULL_BITMAP


def chains_of(kind: Kind = Kind.DIRECTORY) -> Chains:
    return four(Repository.create(MemoryStorage()), kind)


def into_gzip(storage: Storage, data_path: str) -> None:
    """Makes all of a folder of blocks gzip in place of brotli."""
    import brotli

    for path, _ in list(storage.walk(data_path)):
        if path.endswith("chunk-filters.json"):
            storage.write(path, b'["gzip"]')
            continue
        packer = zlib.compressobj(1, wbits=31)
        body = packer.compress(brotli.decompress(storage.read(path))) + packer.flush()
        storage.write(path, body)


def test_blocks_of_another_compression_are_encoded_anew() -> None:
    chains = chains_of()
    storage = chains.repository.storage
    into_gzip(storage, read_alias(storage, chains.paths[1]))
    forget_locked(chains.repository, chains.vm, chains.ids[:2])
    chains.assert_reads(2)
    settle(chains.repository)
    chains.assert_reads(2)
    chains.assert_reads(3)
    assert_clean(chains.repository)


@pytest.mark.parametrize("batches", range(1, 5))
def test_a_mixed_chain_is_stopped_at_any_batch(
    monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    """The state never says that a block is done which is still to be encoded."""
    monkeypatch.setattr(chain_module, "_FILE_BATCH", 1)
    chains = chains_of()
    storage = chains.repository.storage
    into_gzip(storage, read_alias(storage, chains.paths[1]))
    forget_locked(chains.repository, chains.vm, chains.ids[:2])
    stop, seen = threading.Event(), 0

    def progress(*_: int) -> None:
        nonlocal seen
        seen += 1
        if seen == batches:
            stop.set()

    with pytest.raises(Cancelled):
        merge_chain(storage, chains.paths[:3], stop=stop, progress=progress)
    state = json.loads(storage.read(merge_state_path(chains.paths[0])))
    assert state["step"] == "mergeBlocks"
    assert state["currentBlock"] > 0
    chains.assert_reads(2)
    settle(chains.repository)
    chains.assert_reads(3)
    assert_clean(chains.repository)


@pytest.mark.parametrize("number", [1, 2])
def test_a_missing_block_is_found_before_anything_changes(number: int) -> None:
    chains = chains_of()
    storage = chains.repository.storage
    forget_locked(chains.repository, chains.vm, chains.ids[:2])
    lost = f"{read_alias(storage, chains.paths[number])}/blocks/0/2"
    storage.delete(lost)
    before = files_of(storage)
    with pytest.raises(Damaged) as caught:
        merge_chain(storage, chains.paths[:3])
    assert caught.value.path == lost
    assert files_of(storage) == before


@pytest.mark.parametrize("kind", list(Kind))
def test_disks_that_do_not_lie_over_each_other_are_left_alone(kind: Kind) -> None:
    chains = chains_of(kind)
    storage = chains.repository.storage
    before = files_of(storage)
    with pytest.raises(BrokenChain) as caught:
        merge_chain(storage, [chains.paths[0], chains.paths[2]])
    assert caught.value.path == chains.paths[2]
    assert files_of(storage) == before


@pytest.mark.parametrize("kind", list(Kind))
def test_progress_ends_with_all_blocks(kind: Kind) -> None:
    chains = chains_of(kind)
    forget_locked(chains.repository, chains.vm, chains.ids[:2])
    told: list[tuple[int, int]] = []
    merged = merge_chain(
        chains.repository.storage,
        chains.paths[:3],
        progress=lambda done, total: told.append((done, total)),
    )
    # Blocks 1, 2, 5 of the second and 2, 6, 11 of the third: the newer 2 counts.
    assert told[-1] == (5, 5)
    assert merged.blocks == 5
    assert merged.path == chains.paths[2]
    assert merged.removed == tuple(chains.paths[:2])


def test_a_block_that_was_never_compressed() -> None:
    """Blocks of a folder without compression go into one with brotli."""
    import brotli

    chains = chains_of()
    storage = chains.repository.storage
    data = read_alias(storage, chains.paths[2])
    for path, _ in list(storage.walk(data)):
        if not path.endswith("chunk-filters.json"):
            storage.write(path, brotli.decompress(storage.read(path)))
    storage.delete(f"{data}/chunk-filters.json")
    forget_locked(chains.repository, chains.vm, chains.ids[:2])
    settle(chains.repository)
    chains.assert_reads(2)
    into = read_alias(storage, chains.paths[2])
    stored = storage.read(f"{into}/blocks/0/11")
    assert brotli.decompress(stored) == FULL_BITMAP + block(chains.contents[2][11])
