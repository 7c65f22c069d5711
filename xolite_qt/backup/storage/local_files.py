"""Files of a folder: synced folders, a lock among processes, and changes in place."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from xolite_qt.backup.errors import StorageError

# What mounts without such a thing say to a sync of a folder.
_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EISDIR}


def flush_folder(folder: Path) -> None:
    """Returns when the names in a folder would survive a power cut, where the system can say so."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(handle)


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """One process at a time; leaves no file behind. Nothing where the system has no such lock."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class FolderUpdate:
    """A file of a folder, changed in place. For one thread at a time."""

    def __init__(
        self,
        file: IO[bytes],
        path: str,
        judge: Callable[[str, OSError], StorageError | None],
    ) -> None:
        self._file, self._path, self._judge = file, path, judge

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            said = (error.strerror or str(error)).lower()
            raise self._judge(self._path, error) or StorageError(self._path, said) from error

    def read_at(self, offset_bytes: int, size_bytes: int) -> bytes:
        """Up to so many bytes from there; fewer only at the end of the file."""
        with self._told():
            self._file.seek(offset_bytes)
            parts, left = [], size_bytes
            while left and (piece := self._file.read(left)):
                parts.append(piece)
                left -= len(piece)
            return parts[0] if len(parts) == 1 else b"".join(parts)

    def write_at(self, offset_bytes: int, data: bytes | bytearray | memoryview) -> None:
        """Writes all of it."""
        with self._told():
            self._file.seek(offset_bytes)
            view = memoryview(data)
            while len(view):
                view = view[self._file.write(view) :]

    def truncate(self, size_bytes: int) -> None:
        """Cuts or extends the file."""
        with self._told():
            self._file.truncate(size_bytes)

    def size_bytes(self) -> int:
        """The length now."""
        with self._told():
            return os.fstat(self._file.fileno()).st_size

    def sync(self) -> None:
        """Returns when what was written would survive a power cut."""
        with self._told():
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Closes without another sync."""
        self._file.close()
