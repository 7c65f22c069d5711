"""Files that hold blocks of disks: images that are only read, and one for what is written.

A place of a block is one number: the file's number in the high bits, the block's place in that file
in the low ones; 0 is a block of zeros, which is kept nowhere.
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import threading
from bisect import bisect_right
from pathlib import Path
from typing import IO

BLOCK_BYTES = 64 * 1024
ZERO = 0
_SHIFT = 40
_PLACE = (1 << _SHIFT) - 1

Runs = list[tuple[int, int]]


class DiskFileError(Exception):
    """A file that cannot be behind a disk.

    Attributes:
        path: the file.
        what: what is wrong with it, for a person.
    """

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.path = path
        self.what = what


class BlockFile:
    """An open file that is read at random places, from any thread.

    Attributes:
        number: its number among the files of one host, from 1.
        size_bytes: its length when it was opened.
    """

    def __init__(self, number: int, file: IO[bytes]) -> None:
        self.number = number
        self._file = file
        self.fd = file.fileno()
        # Where the system has no reads at an offset, one reader after the other.
        self._turn = threading.Lock()
        self.size_bytes = os.fstat(self.fd).st_size

    def read(self, offset: int, length: int) -> bytes:
        """Bytes from an offset; zeros beyond the end."""
        if sys.platform == "win32":
            with self._turn:
                self._file.seek(offset)
                data = self._file.read(length)
        else:
            data = os.pread(self.fd, length, offset)
            while 0 < len(data) < length:
                more = os.pread(self.fd, length - len(data), offset + len(data))
                if not more:
                    break
                data += more
        return data if len(data) == length else data + bytes(length - len(data))

    def write(self, offset: int, data: bytes | memoryview) -> None:
        """Put bytes at an offset."""
        if sys.platform == "win32":
            with self._turn:
                self._file.seek(offset)
                self._file.write(data)
            return
        view = memoryview(data)
        while view:
            done = os.pwrite(self.fd, view, offset)
            view, offset = view[done:], offset + done

    def data_runs(self) -> Runs:
        """Runs of blocks (first, one past the last) in which the file is no hole. Blocks."""
        runs: Runs = []
        at = 0
        while at < self.size_bytes:
            start, end = self._next_data(at)
            if start >= self.size_bytes:
                break
            first, last = start // BLOCK_BYTES, -(-end // BLOCK_BYTES)
            if runs and runs[-1][1] >= first:
                runs[-1] = (runs[-1][0], max(last, runs[-1][1]))
            else:
                runs.append((first, last))
            at = max(end, at + 1)
        return runs

    def _next_data(self, at: int) -> tuple[int, int]:
        if not hasattr(os, "SEEK_DATA"):
            return at, self.size_bytes
        try:
            start = os.lseek(self.fd, at, os.SEEK_DATA)
            return start, os.lseek(self.fd, start, os.SEEK_HOLE)
        except OSError as error:
            # Either no data from here on, or a file system that knows no holes.
            return (self.size_bytes if error.errno == errno.ENXIO else at), self.size_bytes

    def size_now(self) -> int:
        """Its length now, in bytes."""
        return os.fstat(self.fd).st_size

    def identity(self) -> tuple[int, int]:
        """Device and number of the file: the same for the same file."""
        found = os.fstat(self.fd)
        return found.st_dev, found.st_ino

    def close(self) -> None:
        self._file.close()


class Image:
    """What is under a disk's own blocks: a file with its runs of data, in block numbers.

    Attributes:
        file: where it is.
        runs: sorted, without touching one another.
    """

    def __init__(self, file: BlockFile, runs: Runs) -> None:
        self.file = file
        self.runs = runs
        self._firsts = [first for first, _ in runs]

    def place(self, block: int) -> int:
        """Where a block is; ZERO in holes and beyond the end."""
        at = bisect_right(self._firsts, block) - 1
        if at < 0 or block >= self.runs[at][1]:
            return ZERO
        return self.file.number << _SHIFT | block


def split(place: int) -> tuple[int, int]:
    """File number and byte offset in that file, of a place that is not ZERO."""
    return place >> _SHIFT, (place & _PLACE) * BLOCK_BYTES


class Files:
    """All files of one host. Opened when first needed, closed together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: list[BlockFile] = []
        self._own: BlockFile | None = None
        self._next = 0
        self._free: list[int] = []
        self._freed: list[int] = []
        self._readers = 0

    def __getitem__(self, number: int) -> BlockFile:
        return self._files[number - 1]

    def _add(self, file: IO[bytes]) -> BlockFile:
        made = BlockFile(len(self._files) + 1, file)
        self._files.append(made)
        return made

    def image(self, path: Path) -> Image:
        """Open a raw image. Blocks.

        Raises:
            DiskFileError: not there, not a file, or open already behind a disk: what is behind
                snapshots must not change, so a later image is another file.
        """
        try:
            if not path.is_file():
                raise DiskFileError(path, "is no file")
            file = path.open("rb", buffering=0)
        except OSError as error:
            raise DiskFileError(path, f"cannot be read: {error.strerror}") from error
        with self._lock:
            known = {one.identity() for one in self._files}
            status = os.fstat(file.fileno())
            if (status.st_dev, status.st_ino) in known:
                file.close()
                raise DiskFileError(path, "is behind a disk already; give another file")
            made = self._add(file)
        return Image(made, made.data_runs())

    def image_of(self, file: IO[bytes]) -> Image:
        """An image in a file that is open already and now belongs here. Blocks."""
        with self._lock:
            made = self._add(file)
        return Image(made, made.data_runs())

    # What is written

    def take(self, count: int) -> list[int]:
        """Places for so many blocks, in ascending order, side by side as far as possible."""
        with self._lock:
            if self._own is None:
                file = tempfile.TemporaryFile(prefix="xolite-demo-", buffering=0)  # noqa: SIM115
                self._own = self._add(file)
            number = self._own.number << _SHIFT
            if len(self._free) >= count:
                self._free.sort()
                taken = self._free[-count:]
                del self._free[-count:]
                return taken
            first, self._next = self._next, self._next + count
            return [number | place for place in range(first, first + count)]

    def write(self, places: list[int], pieces: list[bytes]) -> None:
        """Fill places that `take` gave with one block each."""
        start = 0
        for at in range(1, len(places) + 1):
            if at == len(places) or places[at] != places[at - 1] + 1:
                number, offset = split(places[start])
                self[number].write(offset, b"".join(pieces[start:at]))
                start = at

    def is_own(self, place: int) -> bool:
        """Whether a place is one that `take` gave."""
        return self._own is not None and place >> _SHIFT == self._own.number

    def give_back(self, places: list[int]) -> None:
        """Places that nothing points at any more; taken again when nobody reads."""
        with self._lock:
            self._freed += [place for place in places if place and self.is_own(place)]
            if not self._readers:
                self._free += self._freed
                self._freed.clear()

    def __enter__(self) -> Files:
        """While the block runs, no place is used anew: what was looked up can be read."""
        with self._lock:
            self._readers += 1
        return self

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._readers -= 1
            if not self._readers:
                self._free += self._freed
                self._freed.clear()

    @property
    def written_bytes(self) -> int:
        """What the host's own file takes at most."""
        return self._next * BLOCK_BYTES

    def close(self) -> None:
        """Close all; what is in the own file is gone."""
        with self._lock:
            for file in self._files:
                file.close()
            self._files.clear()
            self._own = None
