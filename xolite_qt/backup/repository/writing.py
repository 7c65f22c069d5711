"""One backup that is being written: disks first, hashes, description, cache last."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from xolite_qt.backup.disks import (
    DiskWriter,
    Kind,
    StoredDisk,
    create_disk,
    delete_disk,
    disk_name,
    open_disk,
)
from xolite_qt.backup.errors import AlreadyExists, StorageError
from xolite_qt.backup.storage import Storage, StreamWriter
from xolite_qt.backup.storage.paths import relative_to

from .cache import Entries, change_cache, entry_of
from .layout import disk_folder, stamp_of, vm_folder
from .manifest import Manifest, Manifests
from .metadata import Backup, from_dict, pack_metadata

VERSION = "2.0.0"
_SECOND_MS = 1000


class BackupWriter:
    """A backup of one VM on its way into one repository.

    Attributes:
        id: of the backup to be.
        timestamp_ms: since 1970.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        vm: dict[str, Any],
        vm_snapshot: dict[str, Any],
        job_id: str,
        schedule_id: str,
        mode: Literal["full", "delta"],
        timestamp_ms: int,
    ) -> None:
        """See `Repository.new_backup`."""
        self._storage = storage
        self._vm_uuid: str = vm["uuid"]
        self._job_id = job_id
        self.timestamp_ms = self._free_second(timestamp_ms)
        self._stamp = stamp_of(self.timestamp_ms)
        self._folder = vm_folder(self._vm_uuid)
        self.id = f"/{self._folder}/{self._stamp}.json"
        self._manifests = Manifests(storage, self._vm_uuid)
        self._disks: list[tuple[DiskWriter, dict[str, Any], StoredDisk | None]] = []
        self._xva: _Hashing | None = None
        self._described = self._finished = False
        self._metadata: dict[str, Any] = {
            "jobId": job_id,
            "scheduleId": schedule_id,
            "mode": mode,
            "timestamp": self.timestamp_ms,
            "version": VERSION,
            "vm": vm,
            "vmSnapshot": vm_snapshot,
            "tags": [],
        }
        if mode == "delta":
            self._metadata |= {
                "includeNonNbdQcow2Fix": True,
                "isVhdDifferencing": {},
                "vdis": {},
                "vhds": {},
                "vbds": {},
                "vifs": {},
                "vtpms": [],
            }

    def _free_second(self, timestamp_ms: int) -> int:
        while self._storage.stat(f"{vm_folder(self._vm_uuid)}/{stamp_of(timestamp_ms)}.json"):
            timestamp_ms += _SECOND_MS
        return timestamp_ms

    # Disks

    def add_disk(
        self,
        vdi: dict[str, Any],
        *,
        size_bytes: int,
        parent: StoredDisk | None,
        kind: Kind,
        parallel: int | None = None,
    ) -> DiskWriter:
        """Begins a disk.

        Args:
            vdi: record of the snapshot with `$ref`, and `$snapshot_of$uuid` of the VM's own disk.
            size_bytes: the virtual size.
            parent: what it is the difference to; None for a full one.
            kind: folder of blocks, or VHD file.
            parallel: blocks stored at once; what suits the storage where None.

        Raises:
            Damaged, StorageError: as `create_disk`.
        """
        origin = vdi.get("$snapshot_of$uuid") or vdi["uuid"]
        folder = disk_folder(self._vm_uuid, self._job_id, origin)
        writer = create_disk(
            self._storage,
            f"{folder}/{disk_name(self._stamp, kind)}",
            size_bytes=size_bytes,
            uuid=vdi["uuid"],
            parent=parent,
            timestamp_s=self.timestamp_ms // 1000,
            parallel=parallel,
        )
        self._disks.append((writer, vdi, parent))
        return writer

    def set_devices(
        self,
        vbds: dict[str, Any],
        vifs: dict[str, Any],
        vtpms: list[Any] | None = None,
    ) -> None:
        """What the disks and networks hang on: records by reference."""
        self._metadata |= {"vbds": vbds, "vifs": vifs, "vtpms": vtpms or []}

    # Whole VMs

    @contextmanager
    def open_xva(self, size_hint_bytes: int | None = None) -> Iterator[StreamWriter]:
        """The XVA file, written from begin to end; it is there when the block ends well."""
        path = f"{self._folder}/{self._stamp}.xva"
        with self._storage.open_write(path, size_hint_bytes=size_hint_bytes) as body:
            self._xva = _Hashing(path, body)
            yield self._xva

    # The end

    def finish(self, tags: list[str] | None = None) -> Backup:
        """Finishes all disks; then the backup is there.

        Raises:
            StorageError: it is not there. Call `abort`.
            AlreadyExists: somebody else made a backup of this VM in the same second.
        """
        self._metadata["tags"] = tags or []
        self._metadata["size"] = self._finish_xva() if self._xva else self._finish_disks()
        self._described = True
        try:
            self._storage.write(self.id, pack_metadata(self._metadata), if_absent=True)
        except AlreadyExists:
            self._described = False
            raise AlreadyExists(self.id, "another backup of this second is there") from None

        def add(entries: Entries) -> None:
            entries[self.id] = entry_of(self._metadata, self.id)

        self._finished = True
        change_cache(self._storage, self._vm_uuid, add)
        return from_dict(self._metadata, self.id)

    def _finish_disks(self) -> int:
        size = 0
        for writer, vdi, parent in self._disks:
            written = writer.finish()
            made = open_disk(self._storage, writer.path)
            if len(made.allocated()) != written.blocks:
                raise StorageError(writer.path, "does not hold what was written: a bad storage")
            self._manifests.write(
                Manifest(
                    uuid=made.uuid,
                    parent=parent.uuid if parent else None,
                    size_bytes=made.size_bytes,
                    digests=written.digests,
                )
            )
            ref = vdi["$ref"]
            self._metadata["vdis"][ref] = vdi
            self._metadata["vhds"][ref] = relative_to(self._folder, writer.path)
            self._metadata["isVhdDifferencing"][ref] = made.is_differencing
            size += made.stream_bytes
        return size

    def _finish_xva(self) -> int:
        assert self._xva is not None
        self._metadata["xva"] = f"./{self._stamp}.xva"
        self._manifests.write_xva(self._xva.path, self._xva.sha256, self._xva.size_bytes)
        return self._xva.size_bytes

    @property
    def is_finished(self) -> bool:
        """Whether the backup is there."""
        return self._finished

    def abort(self) -> None:
        """Gives up; removes what was written, as far as the storage lets us.

        Raises:
            StorageError: something is left; the next clean-up removes it.
        """
        trouble: StorageError | None = None
        if self._described:
            # It may be there in spite of an error: a description without disks would be worse.
            self._storage.delete(self.id)
        for writer, _, _ in self._disks:
            try:
                writer.abort()
                delete_disk(self._storage, writer.path)
            except StorageError as error:
                trouble = trouble or error
        if self._xva is not None:
            self._storage.delete(self._xva.path)
            self._manifests.delete_xva(self._xva.path)
        if trouble is not None:
            raise trouble


class _Hashing:
    """A stream that is hashed on its way."""

    def __init__(self, path: str, body: StreamWriter) -> None:
        self.path = path
        self.size_bytes = 0
        self._body, self._hash = body, hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._body.write(data)
        self._hash.update(data)
        self.size_bytes += len(data)
