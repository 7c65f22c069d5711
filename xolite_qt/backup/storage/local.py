"""A folder as a storage: a local disk, or whatever is mounted there (NFS, SMB).

A file is written under a hidden name, synced, and renamed: a crash at any moment leaves the old
file or the new one, and at worst a hidden left-over that nobody reads.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
import stat as stat_bits
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

from xolite_qt.backup.errors import (
    AccessDenied,
    AlreadyExists,
    Cancelled,
    Changed,
    Locked,
    NoSpace,
    NotFound,
    StorageError,
)

from .base import Abilities, Entry, Stat, StreamWriter
from .local_files import FolderUpdate, flush_folder, locked_folder
from .paths import clean, file_path, folders_of, parent_of
from .retry import RetryPolicy

T = TypeVar("T")

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EROFS}
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS}
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600


class LocalStorage:
    """Files below a folder; see `Storage` for what each method does.

    Whatever the system may say of a mount that comes and goes (EIO, ESTALE, ETIMEDOUT …) is retried
    as the policy says; a full disk and missing rights are told at once.
    """

    def __init__(self, root: Path, *, policy: RetryPolicy | None = None) -> None:
        """Args:
        root: the folder; it is made with the first file.
        policy: how long an operation is tried again.
        """
        self.root = Path(os.path.abspath(root))
        self.name = self.root.as_uri()
        self.abilities = Abilities(
            conditional_writes=True,
            in_place=True,
            rename_is_cheap=True,
            links=os.name == "posix",
            versioned_or_locked=False,
            parallel=8,
        )
        self._policy = policy or RetryPolicy()
        self._count = itertools.count()
        self._made: set[Path] = set()

    # How an operation runs

    def _run(self, what: str, path: str, work: Callable[[], T]) -> T:
        return self._policy.run(what, path, lambda: self._answered(path, work))

    def _answered(self, path: str, work: Callable[[], T]) -> T:
        """Runs once; definite answers become errors of ours, others go on as they are."""
        try:
            return work()
        except OSError as error:
            definite = _definite(path, error)
            if definite is None:
                raise
            raise definite from error

    def _real(self, path: str) -> Path:
        cleaned = clean(path)
        return self.root / cleaned if cleaned else self.root

    def _make_folder(self, folder: Path) -> None:
        if folder in self._made:
            return
        missing = []
        at = folder
        while not at.exists():
            missing.append(at)
            at = at.parent
        for one in reversed(missing):
            one.mkdir(mode=_FOLDER_MODE, exist_ok=True)
            flush_folder(one.parent)
        if len(self._made) > 4096:
            self._made.clear()
        self._made.add(folder)

    def _hidden(self, target: Path) -> Path:
        stamp = f".{time.time_ns() // 1_000_000}.{os.getpid()}-{next(self._count)}"
        return target.parent / f"{stamp}.{target.name[-180:]}"

    @contextmanager
    def _new_file(self, target: Path) -> Iterator[tuple[IO[bytes], Path]]:
        """A hidden file beside the target; removed if the block fails, synced if not."""
        hidden = self._hidden(target)
        try:
            file = self._create(hidden)
        except FileNotFoundError:
            self._made.discard(target.parent)
            self._make_folder(target.parent)
            file = self._create(hidden)
        try:
            with file:
                yield file, hidden
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            with contextlib.suppress(OSError):
                hidden.unlink()
            raise

    @staticmethod
    def _create(path: Path) -> IO[bytes]:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
        return os.fdopen(os.open(path, flags, _FILE_MODE), "wb", buffering=0)

    # Reading

    def read(self, path: str) -> bytes:
        real = self._real(file_path(path))
        return self._run("read", path, real.read_bytes)

    def read_range(self, path: str, offset_bytes: int, size_bytes: int) -> bytes:
        real = self._real(file_path(path))

        def work() -> bytes:
            with real.open("rb", buffering=0) as file:
                file.seek(offset_bytes)
                parts, left = [], size_bytes
                while left and (piece := file.read(left)):
                    parts.append(piece)
                    left -= len(piece)
                return b"".join(parts)

        return self._run("read", path, work)

    @contextmanager
    def open_read(self, path: str) -> Iterator[IO[bytes]]:
        real = self._real(file_path(path))
        file = self._run("open", path, lambda: real.open("rb"))
        with file:
            yield file

    def stat(self, path: str) -> Stat | None:
        real = self._real(file_path(path))

        def work() -> Stat | None:
            try:
                found = real.stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
            return None if stat_bits.S_ISDIR(found.st_mode) else _stat(found)

        return self._run("look at", path, work)

    def list(self, path: str) -> list[Entry]:
        real = self._real(path)

        def work() -> list[Entry]:
            try:
                with os.scandir(real) as found:
                    return sorted(
                        (e for one in found if (e := _entry(one)) is not None),
                        key=lambda entry: entry.name,
                    )
            except (FileNotFoundError, NotADirectoryError):
                return []

        return self._run("list", path, work)

    def walk(self, path: str) -> Iterator[tuple[str, int]]:
        folders = [clean(path)]
        while folders:
            folder = folders.pop()
            for entry in self.list(folder):
                name = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_folder:
                    folders.append(name)
                else:
                    yield name, entry.size_bytes

    # Writing

    def write(
        self, path: str, data: bytes, *, if_absent: bool = False, if_tag: str | None = None
    ) -> str:
        target = self._real(file_path(path))

        def work() -> str:
            with self._new_file(target) as (file, hidden):
                _Whole(file, path).write(data)
                made = os.fstat(file.fileno())
            self._put(path, hidden, target, if_absent=if_absent, if_tag=if_tag)
            return _stat(made).tag

        return self._run("write", path, work)

    def _put(
        self, path: str, hidden: Path, target: Path, *, if_absent: bool, if_tag: str | None
    ) -> None:
        try:
            if if_absent:
                _place_new(path, hidden, target)
            elif if_tag is not None:
                with locked_folder(target.parent):
                    there = self.stat(path)
                    if there is None or there.tag != if_tag:
                        raise Changed(path)
                    hidden.replace(target)
            else:
                hidden.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                hidden.unlink()
            raise
        flush_folder(target.parent)

    @contextmanager
    def open_write(
        self, path: str, *, size_hint_bytes: int | None = None
    ) -> Iterator[StreamWriter]:
        target = self._real(file_path(path))
        try:
            with self._new_file(target) as (file, hidden):
                yield _Whole(file, path)
            self._put(path, hidden, target, if_absent=False, if_tag=None)
        except OSError as error:
            raise _definite(path, error) or StorageError(path, _said(error)) from error

    @contextmanager
    def open_update(self, path: str, *, create: bool = False) -> Iterator[FolderUpdate]:
        real = self._real(file_path(path))

        def work() -> IO[bytes]:
            if create and not real.exists():
                self._make_folder(real.parent)
                self._create(real).close()
                flush_folder(real.parent)
            return real.open("r+b", buffering=0)

        update = FolderUpdate(self._run("open", path, work), path, _definite)
        try:
            yield update
        finally:
            update.close()

    def rename(self, source: str, target: str) -> None:
        self._move(source, target, missing_is_done=False)
        for folder in folders_of((clean(source), clean(target))):
            self._flush(folder)

    def _move(self, source: str, target: str, *, missing_is_done: bool) -> None:
        here, there = self._real(file_path(source)), self._real(file_path(target))

        def work() -> None:
            try:
                here.replace(there)
            except FileNotFoundError:
                if here.exists():
                    self._made.discard(there.parent)
                    self._make_folder(there.parent)
                    here.replace(there)
                elif not (missing_is_done and there.exists()):
                    raise
            else:
                # Two names of one file: the system does nothing and keeps both.
                if here != there and self.abilities.links and here.exists():
                    _unlink_twin(here, there)

        self._run("rename", source, work)

    def _flush(self, folder: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            flush_folder(self._real(folder))

    def rename_many(
        self, pairs: Iterable[tuple[str, str]], *, stop: threading.Event | None = None
    ) -> None:
        """One after the other: systems let one move between two folders happen at a time."""
        touched: set[str] = set()
        try:
            for source, target in pairs:
                if stop is not None and stop.is_set():
                    raise Cancelled
                here, there = clean(file_path(source)), clean(file_path(target))
                if here == there or not self._move_at_once(here, there):
                    self._move(source, target, missing_is_done=True)
                touched.update((parent_of(here), parent_of(there)))
        finally:
            for folder in touched:
                self._flush(folder)

    def _move_at_once(self, source: str, target: str) -> bool:
        """The usual case, without all that unusual ones need; False where it did not work."""
        here, there = f"{self.root}/{source}", f"{self.root}/{target}"
        try:
            os.replace(here, there)
        except OSError:
            return False
        # Two names of one file: the system does nothing and keeps both.
        return not os.path.lexists(here)

    def copy(self, source: str, target: str) -> None:
        here, there = self._real(file_path(source)), self._real(file_path(target))

        def work() -> None:
            with here.open("rb") as old:
                with self._new_file(there) as (file, hidden):
                    shutil.copyfileobj(old, file, 1 << 20)
                self._put(target, hidden, there, if_absent=False, if_tag=None)

        self._run("copy", source, work)

    def link(self, source: str, target: str) -> None:
        here, there = self._real(file_path(source)), self._real(file_path(target))

        def work() -> None:
            self._make_folder(there.parent)
            try:
                os.link(here, there)
            except FileExistsError:
                raise AlreadyExists(target) from None
            flush_folder(there.parent)

        self._run("link", source, work)

    # Removing

    def delete(self, path: str) -> None:
        real = self._real(file_path(path))

        def work() -> None:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                real.unlink()
            self._drop_empty(real.parent)

        self._run("delete", path, work)

    def delete_many(self, paths: Iterable[str]) -> None:
        for path in paths:
            self.delete(path)

    def delete_tree(self, path: str) -> None:
        real = self._real(path)

        def work() -> None:
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(real)
            self._made.clear()
            self._drop_empty(real.parent)

        self._run("delete", path, work)

    def _drop_empty(self, folder: Path) -> None:
        """Folders go with their last file, up to the root, which stays."""
        while folder != self.root and self.root in folder.parents:
            try:
                folder.rmdir()
            except OSError:
                return
            self._made.discard(folder)
            folder = folder.parent

    def close(self) -> None:
        """Nothing stays open between calls."""


class _Whole:
    """Writes all of what it is given, and says which file failed."""

    def __init__(self, file: IO[bytes], path: str) -> None:
        self._file, self._path = file, path

    def write(self, data: bytes | bytearray | memoryview) -> None:
        view = memoryview(data)
        try:
            while len(view):
                view = view[self._file.write(view) :]
        except OSError as error:
            raise _definite(self._path, error) or StorageError(self._path, _said(error)) from error


def _place_new(path: str, hidden: Path, target: Path) -> None:
    """Gives a hidden file its name, only where that is free."""
    try:
        os.link(hidden, target)
    except FileExistsError:
        raise AlreadyExists(path) from None
    except OSError as error:
        if error.errno not in _NO_LINKS and os.name == "posix":
            raise
    else:
        hidden.unlink()
        return
    # No links here: an empty file takes the name first, which only one can do.
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _FILE_MODE))
    except FileExistsError:
        raise AlreadyExists(path) from None
    hidden.replace(target)


def _unlink_twin(here: Path, there: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if here.samefile(there):
            here.unlink()


def _stat(found: os.stat_result) -> Stat:
    tag = f"{found.st_ino}-{found.st_mtime_ns}-{found.st_size}"
    return Stat(found.st_size, found.st_mtime, tag)


def _entry(one: os.DirEntry[str]) -> Entry | None:
    try:
        if one.is_dir():
            return Entry(one.name, True)
        found = one.stat()
    except FileNotFoundError:
        return None
    return Entry(one.name, False, found.st_size, found.st_mtime)


def _said(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _definite(path: str, error: OSError) -> StorageError | None:
    """The error that an answer of the system is; None where it is worth another try."""
    if isinstance(error, FileNotFoundError):
        return NotFound(path)
    if isinstance(error, IsADirectoryError):
        return StorageError(path, "is a folder")
    if isinstance(error, NotADirectoryError):
        return StorageError(path, "a part of its path is a file")
    if error.errno in _FULL:
        return NoSpace(path, f"the storage is full ({_said(error)})")
    if error.errno == errno.EPERM:
        return Locked(path, "may not be changed: it is immutable, or belongs to another user")
    if error.errno in _DENIED:
        return AccessDenied(path, f"this user may not do that ({_said(error)})")
    if error.errno == errno.ENAMETOOLONG:
        return StorageError(path, "the name is too long")
    return None
