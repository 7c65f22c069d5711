"""A storage in memory: for tests, and the measure of what every other one has to do."""

from __future__ import annotations

import io
import itertools
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from xolite_qt.backup.errors import AlreadyExists, Cancelled, Changed, NotFound, StorageError

from .base import Abilities, Entry, Stat
from .paths import clean, file_path

_ABILITIES = Abilities(
    conditional_writes=True,
    in_place=True,
    rename_is_cheap=True,
    links=True,
    versioned_or_locked=False,
    parallel=4,
)


@dataclass
class _File:
    data: bytes
    tag: str
    modified_s: float


class _Update:
    def __init__(self, storage: MemoryStorage, path: str, data: bytes) -> None:
        self._storage, self._path, self._data = storage, path, bytearray(data)

    def read_at(self, offset_bytes: int, size_bytes: int) -> bytes:
        return bytes(self._data[offset_bytes : offset_bytes + size_bytes])

    def write_at(self, offset_bytes: int, data: bytes | bytearray | memoryview) -> None:
        if len(self._data) < offset_bytes:
            self._data.extend(bytes(offset_bytes - len(self._data)))
        self._data[offset_bytes : offset_bytes + len(data)] = data

    def truncate(self, size_bytes: int) -> None:
        if size_bytes < len(self._data):
            del self._data[size_bytes:]
        else:
            self._data.extend(bytes(size_bytes - len(self._data)))

    def size_bytes(self) -> int:
        return len(self._data)

    def sync(self) -> None:
        self._storage.write(self._path, bytes(self._data))

    def close(self) -> None:
        self.sync()


class MemoryStorage:
    """Files in a dictionary; see `Storage` for what each method does."""

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.abilities = _ABILITIES
        self._files: dict[str, _File] = {}
        self._lock = threading.RLock()
        self._count = itertools.count(1)

    def _get(self, path: str) -> _File:
        try:
            return self._files[file_path(path)]
        except KeyError:
            raise NotFound(path) from None

    def read(self, path: str) -> bytes:
        with self._lock:
            return self._get(path).data

    def read_range(self, path: str, offset_bytes: int, size_bytes: int) -> bytes:
        return self.read(path)[offset_bytes : offset_bytes + size_bytes]

    @contextmanager
    def open_read(self, path: str) -> Iterator[io.BytesIO]:
        yield io.BytesIO(self.read(path))

    def write(
        self, path: str, data: bytes, *, if_absent: bool = False, if_tag: str | None = None
    ) -> str:
        name = file_path(path)
        with self._lock:
            there = self._files.get(name)
            if if_absent and there is not None:
                raise AlreadyExists(path)
            if if_tag is not None and (there is None or there.tag != if_tag):
                raise Changed(path)
            if any(other.startswith(f"{name}/") for other in self._files):
                raise StorageError(path, "is a folder")
            tag = str(next(self._count))
            self._files[name] = _File(bytes(data), tag, time.time())
            return tag

    @contextmanager
    def open_write(self, path: str, *, size_hint_bytes: int | None = None) -> Iterator[io.BytesIO]:
        body = io.BytesIO()
        yield body
        self.write(path, body.getvalue())

    @contextmanager
    def open_update(self, path: str, *, create: bool = False) -> Iterator[_Update]:
        if create and self.stat(path) is None:
            self.write(path, b"")
        update = _Update(self, path, self.read(path))
        try:
            yield update
        finally:
            update.sync()

    def stat(self, path: str) -> Stat | None:
        with self._lock:
            file = self._files.get(file_path(path))
        return None if file is None else Stat(len(file.data), file.modified_s, file.tag)

    def list(self, path: str) -> list[Entry]:
        folder = clean(path)
        found: dict[str, Entry] = {}
        with self._lock:
            for name, file in self._files.items():
                if folder and not name.startswith(f"{folder}/"):
                    continue
                rest = name[len(folder) + 1 :] if folder else name
                first, slash, _ = rest.partition("/")
                if slash:
                    found[first] = Entry(first, True)
                else:
                    found[first] = Entry(first, False, len(file.data), file.modified_s)
        return [found[name] for name in sorted(found)]

    def walk(self, path: str) -> Iterator[tuple[str, int]]:
        folder = clean(path)
        with self._lock:
            all_ = [(name, len(file.data)) for name, file in self._files.items()]
        return ((n, s) for n, s in all_ if not folder or n.startswith(f"{folder}/"))

    def rename(self, source: str, target: str) -> None:
        with self._lock:
            self._files[file_path(target)] = self._get(source)
            if file_path(source) != file_path(target):
                del self._files[file_path(source)]

    def rename_many(
        self, pairs: Iterable[tuple[str, str]], *, stop: threading.Event | None = None
    ) -> None:
        for source, target in pairs:
            if stop is not None and stop.is_set():
                raise Cancelled
            with self._lock:
                if self.stat(source) is None and self.stat(target) is not None:
                    continue
                self.rename(source, target)

    def copy(self, source: str, target: str) -> None:
        self.write(target, self.read(source))

    def link(self, source: str, target: str) -> None:
        self.write(target, self.read(source), if_absent=True)

    def delete(self, path: str) -> None:
        with self._lock:
            self._files.pop(file_path(path), None)

    def delete_many(self, paths: Iterable[str]) -> None:
        for path in paths:
            self.delete(path)

    def delete_tree(self, path: str) -> None:
        folder = clean(path)
        with self._lock:
            for name in [n for n in self._files if not folder or n.startswith(f"{folder}/")]:
                del self._files[name]

    def close(self) -> None:
        """Nothing to free; what was written stays."""
