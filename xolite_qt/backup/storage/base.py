"""What every storage can do: whole files by path, nothing about disks.

Paths are `/`-separated, relative to the storage's root; a leading `/` is allowed and ignored, `..`
and empty names are refused. Folders come and go with their files: nobody creates them.
All methods are synchronous and safe to call from many threads at once; each is retried inside by
its storage's policy (see `retry`), so that a caller never retries.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Stat:
    """What is known of a file.

    Attributes:
        size_bytes: its length.
        modified_s: seconds since 1970, as the storage's clock has it.
        tag: changes whenever the content does (an ETag; for a folder: inode, mtime and size);
            `write(…, if_tag=…)` takes it.
    """

    size_bytes: int
    modified_s: float
    tag: str


@dataclass(frozen=True)
class Entry:
    """One name in a folder.

    Attributes:
        name: its last part.
        is_folder: whether it holds others.
        size_bytes: length of a file; 0 for a folder.
        modified_s: seconds since 1970; 0 for a folder.
    """

    name: str
    is_folder: bool
    size_bytes: int = 0
    modified_s: float = 0.0


@dataclass(frozen=True)
class Abilities:
    """What a storage can do beyond whole files.

    Attributes:
        conditional_writes: `if_absent` and `if_tag` hold against other processes and machines.
        in_place: `open_update` works (VHD files can live here).
        rename_is_cheap: a rename does not copy (a folder; on S3 it is copy and delete).
        links: hard links (`link`) work.
        versioned_or_locked: deleting or overwriting may be refused (Object Lock).
        parallel: how many operations at once are worth while.
    """

    conditional_writes: bool
    in_place: bool
    rename_is_cheap: bool
    links: bool
    versioned_or_locked: bool
    parallel: int


class StreamWriter(Protocol):
    """A file that is being written and appears under its name only at the end."""

    def write(self, data: bytes | bytearray | memoryview, /) -> object:
        """Appends.

        Raises:
            StorageError: the file will not come into being.
        """
        ...


class StreamReader(Protocol):
    """A file read from begin to end; a cut connection goes on where it broke."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; empty at the end; everything left for -1.

        Raises:
            StorageError: it cannot be read on.
        """
        ...

    def close(self) -> None:
        """Stops reading."""
        ...


class UpdateFile(Protocol):
    """A file open for reading and writing in place (local folders only)."""

    def read_at(self, offset_bytes: int, size_bytes: int) -> bytes:
        """Up to `size_bytes` from `offset_bytes`; fewer only at the end of the file."""
        ...

    def write_at(self, offset_bytes: int, data: bytes | bytearray | memoryview) -> None:
        """Writes all of `data`."""
        ...

    def truncate(self, size_bytes: int) -> None:
        """Cuts or extends the file."""
        ...

    def size_bytes(self) -> int:
        """The length now."""
        ...

    def sync(self) -> None:
        """Returns when what was written would survive a power cut."""
        ...

    def close(self) -> None:
        """Closes without another sync."""
        ...


class Storage(Protocol):
    """A place for files: a folder, a bucket, or memory."""

    @property
    def name(self) -> str:
        """The URL without secrets, to be shown and logged."""
        ...

    @property
    def abilities(self) -> Abilities:
        """What it can do; may ask the storage the first time."""
        ...

    def read(self, path: str) -> bytes:
        """The whole file.

        Raises:
            NotFound: there is none.
            StorageError: it cannot be read.
        """
        ...

    def read_range(self, path: str, offset_bytes: int, size_bytes: int) -> bytes:
        """A part; shorter only where the file ends.

        Raises:
            NotFound, StorageError: as `read`.
        """
        ...

    def open_read(self, path: str) -> AbstractContextManager[StreamReader]:
        """The file as a stream, from its beginning.

        Raises:
            NotFound, StorageError: as `read`, on entry.
        """
        ...

    def write(
        self, path: str, data: bytes, *, if_absent: bool = False, if_tag: str | None = None
    ) -> str:
        """Writes a whole file: afterwards it is there durably, or it is as it was before.

        Args:
            path: where; folders are made.
            data: the content.
            if_absent: only where no file is there (atomic where `conditional_writes`).
            if_tag: only where the file still has this tag.

        Returns:
            The tag of what was written.

        Raises:
            AlreadyExists: `if_absent`, and another's file is there.
            Changed: `if_tag`, and the file is another now, or gone.
            StorageError: it was not written.
        """
        ...

    def open_write(
        self, path: str, *, size_hint_bytes: int | None = None
    ) -> AbstractContextManager[StreamWriter]:
        """A new file of any length, visible only after the block ended without an exception.

        Args:
            path: where; a file that was there is replaced.
            size_hint_bytes: an upper bound of the length, where known; chooses part sizes.
        """
        ...

    def open_update(self, path: str, *, create: bool = False) -> AbstractContextManager[UpdateFile]:
        """The file for changes in place.

        Raises:
            NotFound: it is not there and `create` is off.
            StorageError: this storage has no such thing (`abilities.in_place`).
        """
        ...

    def stat(self, path: str) -> Stat | None:
        """What is known of a file; None where no file is there (folders included)."""
        ...

    def list(self, path: str) -> list[Entry]:
        """The names in a folder, sorted; an empty list where there is no such folder."""
        ...

    def walk(self, path: str) -> Iterator[tuple[str, int]]:
        """Every file below a folder: (path relative to the root, size_bytes), in any order."""
        ...

    def rename(self, source: str, target: str) -> None:
        """Moves a file over whatever is at the target.

        Raises:
            NotFound: no source (and the target was not put there by this very call).
        """
        ...

    def rename_many(
        self, pairs: Iterable[tuple[str, str]], *, stop: threading.Event | None = None
    ) -> None:
        """Moves files in parallel; a source that is gone while its target exists counts as moved.

        Raises:
            NotFound: neither source nor target of a pair is there.
            Cancelled: `stop` was set; some pairs are moved, each whole.
        """
        ...

    def copy(self, source: str, target: str) -> None:
        """Copies a file inside the storage (on S3 without bytes passing through us)."""
        ...

    def link(self, source: str, target: str) -> None:
        """A second name for the same content, where `abilities.links`.

        Raises:
            AlreadyExists: the target is there.
            StorageError: no links here.
        """
        ...

    def delete(self, path: str) -> None:
        """Removes a file; that it is gone already is no error.

        Raises:
            Locked: it may not be removed yet.
        """
        ...

    def delete_many(self, paths: Iterable[str]) -> None:
        """Removes files, in bulk where the storage can."""
        ...

    def delete_tree(self, path: str) -> None:
        """Removes a folder with everything below; that it is gone already is no error."""
        ...

    def close(self) -> None:
        """Frees connections; nothing may be running."""
        ...
