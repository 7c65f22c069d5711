"""A merge that is broken off between any two changes loses nothing, and can be finished."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.backup.merge.backups import KEY, Chains, assert_clean, four, settle
from xolite_qt.backup.disks import Kind
from xolite_qt.backup.disks.merge_state import merge_state_path
from xolite_qt.backup.merge import merge_chain
from xolite_qt.backup.repository import Repository, forget_locked, scan_vm
from xolite_qt.backup.storage.base import Storage, UpdateFile
from xolite_qt.backup.storage.memory import MemoryStorage
from xolite_qt.backup.storage.paths import name_of, parent_of


class Died(Exception):
    """The process is no more."""


class Dying:
    """A storage whose user dies before a change of it; reading goes on."""

    def __init__(self, inner: Storage, changes: int) -> None:
        self._inner, self._left = inner, changes
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _change(self) -> None:
        with self._lock:
            if self._left <= 0:
                raise Died
            self._left -= 1

    def write(self, path: str, data: bytes, **how: Any) -> str:
        self._change()
        return self._inner.write(path, data, **how)

    def rename(self, source: str, target: str) -> None:
        self._change()
        self._inner.rename(source, target)

    def rename_many(self, pairs: Iterable[tuple[str, str]], **_: Any) -> None:
        for pair in pairs:
            self._change()
            self._inner.rename_many([pair])

    def delete(self, path: str) -> None:
        self._change()
        self._inner.delete(path)

    def delete_tree(self, path: str) -> None:
        for name, _ in sorted(self._inner.walk(path)):
            self.delete(name)

    @contextmanager
    def open_update(self, path: str, *, create: bool = False) -> Iterator[Any]:
        with self._inner.open_update(path, create=create) as update:
            yield DyingUpdate(self, update)


class DyingUpdate:
    """A file whose user dies before a change of it, or in the middle."""

    def __init__(self, storage: Dying, update: UpdateFile) -> None:
        self._storage, self._update = storage, update

    def __getattr__(self, name: str) -> Any:
        return getattr(self._update, name)

    def write_at(self, offset_bytes: int, data: bytes) -> None:
        self._storage._change()
        half = len(data) // 2
        self._update.write_at(offset_bytes, data[:half])
        self._storage._change()
        self._update.write_at(offset_bytes + half, data[half:])

    def truncate(self, size_bytes: int) -> None:
        self._storage._change()
        self._update.truncate(size_bytes)

    def sync(self) -> None:
        """The memory needs none; it is written when the file is closed."""


def forgotten(
    storage: MemoryStorage, kind: Kind, *, key: str | None = None, grows: bool = False
) -> Chains:
    """Four backups, of which the two oldest are forgotten."""
    chains = four(Repository.create(storage, key), kind, grows=grows)
    forget_locked(chains.repository, chains.vm, chains.ids[:2])
    return chains


def copy_of(storage: MemoryStorage) -> MemoryStorage:
    made = MemoryStorage()
    made._files = dict(storage._files)
    return made


@pytest.mark.parametrize(
    ("kind", "key", "grows"),
    [
        (Kind.DIRECTORY, None, False),
        (Kind.DIRECTORY, KEY, True),
        (Kind.FILE, None, True),
    ],
    ids=["directory", "encrypted directory grown", "file grown"],
)
def test_dying_before_any_change_loses_nothing(kind: Kind, key: str | None, grows: bool) -> None:
    origin = MemoryStorage()
    chains = forgotten(origin, kind, key=key, grows=grows)
    for changes in itertools.count():
        storage = copy_of(origin)
        chains.repository = Repository.open(Dying(storage, changes), key)
        try:
            merge_chain(chains.repository.storage, chains.paths[:3], parallel=1)
        except Died:
            finished = False
        else:
            finished = True
        chains.repository = Repository.open(storage, key)
        # The one that is merged into, and the one above.
        chains.assert_reads(2)
        if changes % 4 == 0:
            chains.assert_reads(3)
        scan = scan_vm(chains.repository.storage, chains.vm)
        assert not [path for path in scan.broken if path in scan.used]
        settle(chains.repository)
        chains.assert_reads(3)
        if changes % 8 == 0 or finished:
            chains.assert_reads(2)
            assert_clean(chains.repository)
            assert len(scan_vm(chains.repository.storage, chains.vm).disks) == 2
        if finished:
            break
    assert changes > 10


@pytest.mark.parametrize("kind", list(Kind))
def test_dying_twice_loses_nothing(kind: Kind) -> None:
    origin = MemoryStorage()
    chains = forgotten(origin, kind)
    for first, second in itertools.product(range(1, 18, 4), range(1, 16, 5)):
        storage = copy_of(origin)
        with pytest.raises(Died):
            merge_chain(Dying(storage, first), chains.paths[:3])
        with contextlib.suppress(Died):
            merge_chain(Dying(storage, second), chains.paths[:3])
        chains.repository = Repository.open(storage)
        chains.assert_reads(2)
        settle(chains.repository)
        chains.assert_reads(3)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("hidden", [".1767319200000.12-3.", ".1767319200000."])
def test_a_state_that_was_being_written_is_no_state(kind: Kind, hidden: str) -> None:
    """Ours and Xen Orchestra's hidden names, left by whoever died in the middle of it."""
    chains = forgotten(MemoryStorage(), kind)
    storage = chains.repository.storage
    with pytest.raises(Died):
        merge_chain(Dying(storage, 3), chains.paths[:3])
    state = merge_state_path(chains.paths[0])
    half = f"{parent_of(state)}/{hidden}{name_of(state)}"
    storage.write(half, storage.read(state))
    chains.assert_reads(2)
    assert len(scan_vm(storage, chains.vm).due_merges()) == 1
    assert settle(chains.repository) == 1
    assert storage.stat(half) is None
    assert_clean(chains.repository)
