"""The disks of one host with all their bytes: `host.disks`.

    host.disks.write(vdi, offset, b"…")        # as the guest would; a snapshot keeps the old bytes
    host.disks.read(vdi, offset, length)
    host.disks.back(vdi, Path("disk.raw"))     # a real image behind it; never written
    host.disks.swap(vdi, Path("later.raw"))    # a later image of it, while the VM runs

All take a VDI's reference, may be called from any thread, and block.
"""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from .changes import ChangeLogs
from .files import BLOCK_BYTES, DiskFileError, Files, Image
from .generated import make_disk
from .holding import Holds
from .layers import Contents

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xolite_qt.demo_host.host import DemoHost

SECTOR_BYTES = 512
PIECE_BYTES = 2 * 1024 * 1024
# What has a file system in it; others (saved memory, discs) are read as zeros.
_WITH_FILES = frozenset({"system", "user"})


class Disks:
    """What is on the disks of one host.

    Attributes:
        files: where blocks are.
        changes: the logs of changed-block tracking.
        holds: which disks the host itself has in use.
    """

    def __init__(self, host: DemoHost) -> None:
        self._host = host
        self._lock = threading.RLock()
        self._contents: dict[str, Contents] = {}
        self.files = Files()
        self.changes = ChangeLogs()
        self.holds = Holds(host)
        host.db.on_change(self._changed)

    def close(self) -> None:
        """Forget all bytes."""
        self.files.close()

    # Which contents

    def contents(self, vdi: str) -> Contents:
        """What is on a disk; nothing is generated before somebody looks into it.

        Raises:
            Failure: HANDLE_INVALID.
        """
        record = self._host.db.get("VDI", vdi)
        with self._lock:
            found = self._contents.get(vdi)
            if found is None:
                found = self._contents[vdi] = self._first(record)
                self._keep_snapshots(vdi, found)
            if record["cbt_enabled"]:
                # A disk that was tracked before anybody looked.
                self.changes.start(vdi)
            return found

    def _first(self, record: dict[str, object]) -> Contents:
        db, origin = self._host.db, str(record["snapshot_of"])
        if record["is_a_snapshot"] and db.exists("VDI", origin):
            # Taken before this host was started: nothing has changed since.
            return self.contents(origin).branch()
        sr = str(record["SR"])
        disc = db.exists("SR", sr) and db.get("SR", sr)["content_type"] == "iso"
        if record["type"] not in _WITH_FILES or disc:
            return self._empty()
        uuid, name = str(record["uuid"]), str(record["name_label"])
        seed, size = self._host.seed, int(str(record["virtual_size"]))
        return Contents(
            self.files,
            lock=self._lock,
            image=lambda: self.files.image_of(make_disk(uuid, name, seed, size)),
        )

    def _keep_snapshots(self, vdi: str, contents: Contents) -> None:
        """Snapshots that nobody looked at yet are not to see what is written from now on."""
        for ref in self._host.db.get("VDI", vdi)["snapshots"]:
            if self._host.db.exists("VDI", ref) and ref not in self._contents:
                self._contents[ref] = contents.branch()

    def _empty(self) -> Contents:
        return Contents(self.files, lock=self._lock)

    def size(self, vdi: str) -> int:
        """The virtual size of a disk, in bytes."""
        return int(self._host.db.get("VDI", vdi)["virtual_size"])

    # Bytes

    def read(self, vdi: str, offset: int, length: int) -> bytes:
        """Bytes of a disk, cut at its end."""
        length = max(0, min(length, self.size(vdi) - offset))
        return self.contents(vdi).read(offset, length) if length else b""

    def write(self, vdi: str, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Write as the guest would: tracked, and not seen by snapshots.

        Raises:
            ValueError: beyond the end of the disk.
        """
        if offset < 0 or offset + len(data) > self.size(vdi):
            raise ValueError(f"{len(data)} bytes at {offset} are beyond the end of the disk")
        if len(data):
            blocks = self.contents(vdi).write(offset, data)
            self.changes.note(vdi, blocks)

    def pieces(self, vdi: str) -> Iterator[tuple[int, bytes]]:
        """Every part of a disk that holds data, with its offset, 2 MiB at most each."""
        size, contents = self.size(vdi), self.contents(vdi)
        for first, end in contents.data_runs():
            stop = min(end * BLOCK_BYTES, size)
            for offset in range(first * BLOCK_BYTES, stop, PIECE_BYTES):
                yield offset, contents.read(offset, min(PIECE_BYTES, stop - offset))

    def checksum(self, vdi: str) -> str:
        """SHA-256 of all bytes of a disk, in hexadecimal."""
        digest, at, zeros = hashlib.sha256(), 0, bytes(PIECE_BYTES)

        def fill(upto: int) -> None:
            for start in range(at, upto, PIECE_BYTES):
                digest.update(zeros[: min(PIECE_BYTES, upto - start)])

        for offset, piece in self.pieces(vdi):
            fill(offset)
            digest.update(piece)
            at = offset + len(piece)
        fill(self.size(vdi))
        return digest.hexdigest()

    # Images

    def find(self, name: str) -> str:
        """The disk of a uuid, or of a name that no other has (snapshots apart).

        Raises:
            LookupError: none, or several.
        """
        records = self._host.db.records("VDI")
        for ref, record in records.items():
            if record["uuid"] == name:
                return ref
        named = [
            ref
            for ref, record in records.items()
            if record["name_label"] == name and not record["is_a_snapshot"]
        ]
        if len(named) != 1:
            raise LookupError("no disk has" if not named else "several disks have", name)
        return named[0]

    def back(self, vdi: str, path: Path) -> None:
        """Put a raw image behind a disk, which gets its size (whole sectors). For new hosts.

        Raises:
            DiskFileError: the file cannot be used.
        """
        image = self._image(path)
        with self._lock:
            old = self._contents.pop(vdi, None)
            made = Contents(self.files, lock=self._lock, image=lambda: image)
            self._contents[vdi] = made
            self._keep_snapshots(vdi, made)
        if old is not None:
            old.release()
        used = sum(end - first for first, end in image.runs) * BLOCK_BYTES
        size = _whole_sectors(image.file.size_bytes)
        self._host.db.set("VDI", vdi, virtual_size=size, physical_utilisation=used)

    def back_all(self, disks: Mapping[str, Path]) -> None:
        """Put images behind the disks of these uuids or names.

        Raises:
            DiskFileError: a file cannot be used, or no disk is called so.
        """
        for name, path in disks.items():
            try:
                vdi = self.find(name)
            except LookupError as error:
                what, _ = error.args
                raise DiskFileError(path, f"{what} the uuid or name {name!r}") from None
            self.back(vdi, path)

    def _image(self, path: Path) -> Image:
        image = self.files.image(path)
        if not image.file.size_bytes:
            raise DiskFileError(path, "is empty")
        return image

    def swap(self, vdi: str, path: Path) -> int:
        """Put a later image behind a disk, as if the guest had written what differs.

        Compared are 64 KiB each; only those that differ count as changed. What was taken of the
        disk before stays as it was. A longer image makes the disk larger.

        Returns:
            How many blocks differ.

        Raises:
            DiskFileError: the file cannot be used, or is shorter than the disk.
        """
        contents, size = self.contents(vdi), self.size(vdi)
        image = self._image(path)
        new_size = _whole_sectors(image.file.size_bytes)
        if new_size < size:
            raise DiskFileError(path, f"is shorter than the disk ({new_size} < {size} bytes)")
        runs = sorted([*contents.data_runs(), *image.runs])
        different, at = [], 0
        for first, end in runs:
            for block in range(max(first, at), end):
                offset = block * BLOCK_BYTES
                if contents.read(offset, BLOCK_BYTES) != image.file.read(offset, BLOCK_BYTES):
                    different.append(block)
            at = max(at, end)
        contents.adopt(image, different)
        self.changes.note(vdi, different)
        if new_size != size:
            self._host.on_loop(lambda: self._host.db.set("VDI", vdi, virtual_size=new_size))
        return len(different)

    # What happens to disks

    def standing_still(self) -> threading.RLock:
        """While it is held nothing is written: snapshots of several disks are of one moment."""
        return self._lock

    def made(self, vdi: str) -> None:
        """A disk was created: it holds zeros."""
        with self._lock:
            self._contents[vdi] = self._empty()

    def copied(self, source: str, made: str, *, snapshot: bool) -> None:
        """A disk was made that holds what another holds now."""
        origin = self.contents(source)
        with self._lock:
            self._contents[made] = origin.branch()
            if snapshot:
                self.changes.snapshot(source, made)

    def reverted(self, vdi: str, source: str) -> None:
        """A disk holds from now on what another one holds."""
        blocks = self.contents(vdi).become(self.contents(source))
        self.changes.note(vdi, blocks)

    def emptied(self, vdi: str) -> None:
        """What is on a disk is gone; which blocks had changed is kept."""
        self.contents(vdi)
        with self._lock:
            old, self._contents[vdi] = self._contents[vdi], self._empty()
        old.release()

    def _changed(self, cls: str, ref: str) -> None:
        if cls != "VDI" or self._host.db.exists(cls, ref):
            return
        with self._lock:
            gone = self._contents.pop(ref, None)
            self.changes.drop(ref)
        if gone is not None:
            gone.release()


def _whole_sectors(size_bytes: int) -> int:
    return -(-size_bytes // SECTOR_BYTES) * SECTOR_BYTES
