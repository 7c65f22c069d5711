"""What Xen Orchestra wrote is merged; what it left half merged is finished."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.backup.merge.backups import Chains, assert_clean, four, settle
from tests.xo_repositories import unpack
from xolite_qt.backup.disks import Kind, open_chain, open_disk, read_alias, write_alias
from xolite_qt.backup.disks.merge_state import merge_state_path
from xolite_qt.backup.merge import merge_chain, merge_repository
from xolite_qt.backup.repository import Repository, check, forget, forget_locked, verify
from xolite_qt.backup.storage import Storage
from xolite_qt.backup.storage.local import LocalStorage
from xolite_qt.backup.storage.memory import MemoryStorage
from xolite_qt.backup.storage.paths import name_of
from xolite_qt.vhd import BLOCK_BYTES


def sha256_of(storage: Storage, path: str, size_bytes: int) -> str:
    """The hash of a whole disk."""
    chain, digest, zeros = open_chain(storage, path), hashlib.sha256(), bytes(BLOCK_BYTES)
    for at in range(0, size_bytes, BLOCK_BYTES):
        block = chain.read_block(at // BLOCK_BYTES)
        digest.update((zeros if block is None else block)[: size_bytes - at])
    return digest.hexdigest()


@pytest.mark.parametrize(
    "name", ["blocks-after-merge", "blocks-brotli", "blocks-encrypted", "vhd-files"]
)
def test_merging_what_it_wrote(tmp_path: Path, name: str) -> None:
    there = unpack(name, tmp_path)
    storage = LocalStorage(there.path)
    repository = Repository.open(storage, there.key)
    ids = [f"/xo-vm-backups/{backup_id}.json" for backup_id, _ in there.backups]
    keep = {ids[-1], ids[len(ids) // 2]} if len(ids) > 2 else {ids[-1]}
    forget(repository, [one for one in ids if one not in keep])

    outcomes = merge_repository(storage.root.as_uri(), there.key, concurrency=1)

    assert [outcome.errors for outcome in outcomes] == [[]]
    assert outcomes[0].merged
    left = repository.backups()
    assert {f"/{backup.path}" for backup in left} == keep
    expected = dict(zip(ids, (disks for _, disks in there.backups), strict=True))
    for backup in left:
        paths = {disk.snapshot_uuid: disk.path for disk in backup.disks}
        for disk, size_bytes, digest in expected[f"/{backup.path}"]:
            assert sha256_of(repository.storage, paths[disk], size_bytes) == digest
    for report in (check(repository), verify(repository)):
        assert report.problems == []
        assert [note for note in report.notes if "has no manifest" not in note.what] == []


# What it left half merged


def half_merged(storage: Storage, kind: Kind, **state: object) -> Chains:
    """Two of four backups forgotten, and a state file that says a merge began."""
    chains = four(Repository.create(storage), kind)
    forget_locked(chains.repository, chains.vm, chains.ids[:2])
    note(chains, **state)
    return chains


def note(chains: Chains, **state: object) -> None:
    """Writes the state as Xen Orchestra does; None leaves something out."""
    storage = chains.repository.storage
    body: dict[str, object] = {
        "child": {"uuid": open_disk(storage, chains.paths[2]).uuid},
        "parent": {"uuid": open_disk(storage, chains.paths[0]).uuid},
        "chain": [name_of(path) for path in chains.paths[:3]],
        "currentBlock": 0,
        "mergedDataSize": 0,
        "step": "mergeBlocks",
        "diskSize": 0,
    }
    body = {name: value for name, value in (body | state).items() if value is not None}
    storage.write(merge_state_path(chains.paths[0]), json.dumps(body).encode())


def assert_finished(chains: Chains) -> None:
    """A merge goes on and ends well."""
    settle(chains.repository)
    chains.assert_reads(2)
    chains.assert_reads(3)
    assert_clean(chains.repository)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_merge_it_only_began(kind: Kind) -> None:
    chains = half_merged(MemoryStorage(), kind)
    chains.assert_reads(2)
    assert_finished(chains)


def test_its_current_block_is_believed() -> None:
    """Blocks below it are in the parent; so are some above, of renames under way."""
    chains = half_merged(MemoryStorage(), Kind.DIRECTORY, currentBlock=2)
    storage = chains.repository.storage
    folders = [read_alias(storage, path) for path in chains.paths[:3]]
    for owner, index in ((1, 1), (2, 2), (2, 6)):
        storage.rename(f"{folders[owner]}/blocks/0/{index}", f"{folders[0]}/blocks/0/{index}")
    chains.assert_reads(2)
    chains.assert_reads(3)
    assert_finished(chains)


def test_an_old_state_has_no_chain_and_finds_the_child_by_its_uuid() -> None:
    chains = Chains(Repository.create(MemoryStorage()), Kind.DIRECTORY)
    for indices in ([0, 1], [1, 2]):
        chains.add(indices)
    forget_locked(chains.repository, chains.vm, chains.ids[:1])
    storage = chains.repository.storage
    old = {
        "child": {"uuid": open_disk(storage, chains.paths[1]).uuid},
        "parent": {"uuid": open_disk(storage, chains.paths[0]).uuid},
        "currentBlock": 1,
        "mergedDataSize": 0,
    }
    storage.write(merge_state_path(chains.paths[0]), json.dumps(old).encode())
    into, child = (read_alias(storage, path) for path in chains.paths)
    storage.rename(f"{child}/blocks/0/1", f"{into}/blocks/0/1")
    chains.assert_reads(1)
    assert settle(chains.repository) == 1
    chains.assert_reads(1)
    assert_clean(chains.repository)


def moved(storage: Storage, kind: Kind, step: str) -> Chains:
    """All blocks are merged, and nothing of the clean-up is done."""
    chains = four(Repository.create(storage), kind)
    forget_locked(chains.repository, chains.vm, chains.ids[:2])

    class Stopped(Exception):
        pass

    class UpToTheNames(MemoryStorage):
        def write(self, path: str, data: bytes, **how: bool | str | None) -> str:
            tag = super().write(path, data, **how)  # type: ignore[arg-type]
            if b'"cleanup"' in data:
                raise Stopped
            return tag

    half = UpToTheNames()
    assert isinstance(storage, MemoryStorage)
    half._files = storage._files
    with pytest.raises(Stopped):
        merge_chain(half, chains.paths[:3])
    path = merge_state_path(chains.paths[0])
    state = json.loads(storage.read(path))
    storage.write(path, json.dumps({**state, "step": step}).encode())
    return chains


def intermediate(chains: Chains) -> None:
    """It unlinks what lies between: the alias and its folder."""
    storage = chains.repository.storage
    data = read_alias(storage, chains.paths[1])
    storage.delete(chains.paths[1])
    storage.delete_tree(data)


def intermediate_alias(chains: Chains) -> None:
    """Of what lies between only the alias."""
    chains.repository.storage.delete(chains.paths[1])


def target(chains: Chains) -> None:
    """Then the target's alias and folder."""
    intermediate(chains)
    storage = chains.repository.storage
    data = read_alias(storage, chains.paths[2])
    storage.delete(chains.paths[2])
    storage.delete_tree(data)


def target_alias(chains: Chains) -> None:
    """Of the target only the alias."""
    intermediate(chains)
    chains.repository.storage.delete(chains.paths[2])


def new_alias(chains: Chains) -> None:
    """Then the target's alias leads to what it was merged into."""
    storage = chains.repository.storage
    data = read_alias(storage, chains.paths[0])
    target(chains)
    write_alias(storage, chains.paths[2], data)


def old_alias(chains: Chains) -> None:
    """Then the old alias goes; only the state is left."""
    new_alias(chains)
    chains.repository.storage.delete(chains.paths[0])


def nothing(_: Chains) -> None:
    """It wrote the step, and died."""


@pytest.mark.parametrize("step", ["cleanup", "cleanupVhds"])
@pytest.mark.parametrize(
    "done",
    [nothing, intermediate_alias, intermediate, target_alias, target, new_alias, old_alias],
)
def test_its_clean_up_half_done(done: Callable[[Chains], None], step: str) -> None:
    chains = moved(MemoryStorage(), Kind.DIRECTORY, step)
    done(chains)
    assert_finished(chains)


def no_intermediate_file(chains: Chains) -> None:
    chains.repository.storage.delete(chains.paths[1])


def file_renamed(chains: Chains) -> None:
    no_intermediate_file(chains)
    chains.repository.storage.rename(chains.paths[0], chains.paths[2])


@pytest.mark.parametrize("done", [nothing, no_intermediate_file, file_renamed])
def test_its_clean_up_of_files_half_done(done: Callable[[Chains], None]) -> None:
    chains = moved(MemoryStorage(), Kind.FILE, "cleanup")
    done(chains)
    assert_finished(chains)
