"""Files for `VhdFile`: one on disk, and one in memory that knows how it came to be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

Buffer = bytes | bytearray | memoryview


class DiskFile:
    """A file on disk; made where it is not there."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("r+b" if path.exists() else "w+b", buffering=0)

    def read_at(self, offset_bytes: int, size_bytes: int) -> bytes:
        self._file.seek(offset_bytes)
        return self._file.read(size_bytes) or b""

    def write_at(self, offset_bytes: int, data: Buffer) -> None:
        self._file.seek(offset_bytes)
        assert self._file.write(data) == len(data)

    def truncate(self, size_bytes: int) -> None:
        self._file.truncate(size_bytes)

    def size_bytes(self) -> int:
        return self._file.seek(0, 2)

    def sync(self) -> None:
        """The test reads it through the same cache."""

    def close(self) -> None:
        self._file.close()


class JournalFile:
    """A file in memory with a list of its changes.

    Attributes:
        body: what is in it.
        journal: (offset, bytes) of a write; (size, None) of a truncation; (-1, None) of a sync.
        closed: whether `close` was called.
    """

    def __init__(self, body: bytes = b"") -> None:
        self.body = bytearray(body)
        self.journal: list[tuple[int, bytes | None]] = []
        self.closed = False

    def read_at(self, offset_bytes: int, size_bytes: int) -> bytes:
        assert offset_bytes >= 0
        return bytes(self.body[offset_bytes : offset_bytes + size_bytes])

    def write_at(self, offset_bytes: int, data: Buffer) -> None:
        self.journal.append((offset_bytes, bytes(data)))
        self.apply(offset_bytes, data)

    def truncate(self, size_bytes: int) -> None:
        self.journal.append((size_bytes, None))
        self.apply(size_bytes, None)

    def size_bytes(self) -> int:
        return len(self.body)

    def sync(self) -> None:
        self.journal.append((-1, None))

    def close(self) -> None:
        self.closed = True

    def apply(self, offset: int, data: Buffer | None) -> None:
        """Does what a line of a journal says."""
        if offset < 0:
            return
        end = offset if data is None else offset + len(data)
        if len(self.body) < end:
            self.body.extend(bytes(end - len(self.body)))
        if data is None:
            del self.body[offset:]
        else:
            self.body[offset:end] = data


def crashes(before: bytes, journal: list[tuple[int, bytes | None]]) -> Iterator[JournalFile]:
    """The file as a killed process leaves it: after each change, and in the middle of each.

    Only a header is taken to be written whole: there is but one, in one page of memory.
    The file is the same each time; look at it before going on.
    """
    file = JournalFile(before)
    yield file
    for offset, data in journal:
        if data is not None and len(data) != 1024:
            # Of a footer the part before its checksum.
            file.apply(offset, data[: 32 if len(data) == 512 else len(data) // 2])
            yield file
        file.apply(offset, data)
        yield file


def power_cuts(before: bytes, journal: list[tuple[int, bytes | None]]) -> Iterator[JournalFile]:
    """The file after a power cut: all up to a sync, and a part of what came since.

    The part is one change, or all but one. The file is another each time.
    """
    syncs = [i for i, line in enumerate(journal) if line == (-1, None)]
    synced = JournalFile(before)
    for begin, end in zip([0, *syncs], [*syncs, len(journal)], strict=True):
        window = [line for line in journal[begin:end] if line != (-1, None)]
        for alone in range(len(window)):
            for kept in (window[:alone] + window[alone + 1 :], [window[alone]]):
                file = JournalFile(bytes(synced.body))
                for offset, data in kept:
                    file.apply(offset, data)
                yield file
        for offset, data in window:
            synced.apply(offset, data)
