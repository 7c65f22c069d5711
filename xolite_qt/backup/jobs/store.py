"""Jobs and repositories in files: one each, written whole, shared by window, agent and commands."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import tempfile
from pathlib import Path
from typing import Generic, TypeVar

import filelock
import msgspec
import platformdirs

from xolite_qt.backup.errors import BackupError

from .model import Job, SavedRepository

T = TypeVar("T", Job, SavedRepository)

_LOCK_S = 10.0
_IDENT = re.compile(r"[A-Za-z0-9_-]{1,64}")


class StoreError(BackupError):
    """A file of jobs or repositories cannot be used; the sentence says which and why."""


class _FileStore(Generic[T]):
    def __init__(self, path: Path, kind: type[T]) -> None:
        self.path = path
        self._kind: type[T] = kind

    def all(self) -> list[T]:
        """All of them, by name. Files that cannot be understood are left out, see `troubles`."""
        found = [one for path in self._files() if isinstance(one := self._read(path), self._kind)]
        return sorted(found, key=lambda one: (one.name.casefold(), one.id))

    def troubles(self) -> list[str]:
        """A sentence per file that cannot be understood; they are kept as they are."""
        return [one for path in self._files() if isinstance(one := self._read(path), str)]

    def get(self, ident: str) -> T | None:
        """The one with this id, or None.

        Raises:
            StoreError: its file cannot be understood.
        """
        found = self._read(self._file(ident))
        if isinstance(found, str):
            raise StoreError(found)
        return found

    def save(self, one: T) -> None:
        """Writes one, in place of what had its id; what cannot be understood is kept beside it.

        Raises:
            StoreError: it cannot be written; what was there stays.
        """
        path = self._file(one.id)
        body = msgspec.json.format(msgspec.json.encode(one), indent=1)
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._lock():
                handle, hidden = tempfile.mkstemp(dir=self.path, prefix=".new.")
                try:
                    with os.fdopen(handle, "wb") as file:
                        file.write(body)
                        file.flush()
                        os.fsync(file.fileno())
                    self._keep_aside(path)
                    Path(hidden).replace(path)
                except BaseException:
                    Path(hidden).unlink(missing_ok=True)
                    raise
        except (OSError, filelock.Timeout) as error:
            raise StoreError(f"{one.name} could not be saved: {error}") from error

    def delete(self, ident: str) -> None:
        """Removes one; that it is gone already is no error. See `save` for what is spoilt.

        Raises:
            StoreError: it cannot be removed.
        """
        try:
            if self.path.exists():
                with self._lock():
                    path = self._file(ident)
                    self._keep_aside(path)
                    path.unlink(missing_ok=True)
        except (OSError, filelock.Timeout) as error:
            raise StoreError(f"it could not be removed: {error}") from error

    def saved_s(self, ident: str) -> float:
        """When it was saved last, seconds since 1970; 0 where it is not there."""
        try:
            return self._file(ident).stat().st_mtime
        except OSError:
            return 0.0

    def changed_tag(self) -> str:
        """Another one after every change by anybody; cheap."""
        parts = []
        for path in self._files():
            try:
                stat = path.stat()
            except OSError:
                continue
            parts.append(f"{path.name}:{stat.st_mtime_ns}:{stat.st_size}:{stat.st_ino}")
        return "|".join(parts)

    def _files(self) -> list[Path]:
        try:
            return sorted(p for p in self.path.iterdir() if p.suffix == ".json")
        except OSError:
            return []

    def _file(self, ident: str) -> Path:
        if not _IDENT.fullmatch(ident):
            raise StoreError(f"{ident!r} is no id")
        return self.path / f"{ident}.json"

    def _read(self, path: Path) -> T | str | None:
        try:
            found: T = msgspec.json.decode(path.read_bytes(), type=self._kind)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            return f"{path} cannot be used: {error}"
        if found.id != path.stem:
            # A copy made by hand: two of one id would run twice, and delete each other's points.
            return f"{path} cannot be used: it is of another id, {found.id!r}"
        return found

    def _keep_aside(self, path: Path) -> None:
        """Moves a file that cannot be understood out of the way, under a name that is free."""
        if not isinstance(self._read(path), str):
            return
        names = (path.with_suffix(f".spoilt{number}") for number in itertools.count(1))
        path.replace(next(name for name in names if not name.exists()))

    def _lock(self) -> filelock.BaseFileLock:
        return filelock.FileLock(self.path / ".lock", timeout=_LOCK_S)


def default_folder() -> Path:
    """Where this user's jobs and repositories are."""
    return Path(platformdirs.user_config_dir("xolite-qt", appauthor=False)) / "backups"


class JobStore(_FileStore[Job]):
    """All jobs of this user."""

    def __init__(self, path: Path | None = None) -> None:
        """Args:
        path: their folder; the user's own where None.
        """
        super().__init__(path or default_folder() / "jobs", Job)


class RepositoryStore(_FileStore[SavedRepository]):
    """All repositories that this user knows; without their secrets."""

    def __init__(self, path: Path | None = None) -> None:
        """Args:
        path: their folder; the user's own where None.
        """
        super().__init__(path or default_folder() / "repositories", SavedRepository)

    def identity(self, ident: str) -> str:
        """Id of the repository that was found there last; "" where none was."""
        try:
            return self._identity_file(ident).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def remember_identity(self, ident: str, repository_id: str) -> None:
        """Notes which repository is there; a failure to note it is no trouble."""
        if self.identity(ident) != repository_id:
            with contextlib.suppress(OSError):
                self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._identity_file(ident).write_text(repository_id, encoding="ascii")

    def _identity_file(self, ident: str) -> Path:
        return self._file(ident).with_suffix(".identity")

    def named(self, name: str) -> SavedRepository | None:
        """The one with this name or id, or None."""
        return next((one for one in self.all() if name in (one.name, one.id)), None)
