"""One disk from its source into every repository, block by block. Runs in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from xolite_qt.backup.disks import DiskWriter, StoredDisk
from xolite_qt.backup.errors import BackupError, Cancelled
from xolite_qt.backup.repository import BackupWriter
from xolite_qt.backup.run.recorder import Recorder
from xolite_qt.backup.run.targets import Target
from xolite_qt.backup.sources import BLOCK_BYTES, DiskSource

from .snapshots import SnapshotDisk


@dataclass(frozen=True)
class DiskResult:
    """What a disk cost.

    Attributes:
        uuid: of the VM's own disk.
        name: of it.
        size_bytes: the virtual size.
        way: how it was read.
        kind: "full" or "delta".
        base_uuid: what it is the difference to.
        blocks: that were stored.
        read_bytes: of the disk that were looked at.
        transferred_bytes: over the wire.
        written_bytes: into all repositories.
    """

    uuid: str
    name: str
    size_bytes: int
    way: str
    kind: str
    base_uuid: str | None
    blocks: int
    read_bytes: int
    transferred_bytes: int
    written_bytes: int


class DiskCopy:
    """One disk on its way."""

    def __init__(
        self,
        disk: SnapshotDisk,
        source: DiskSource,
        outputs: list[tuple[Target, BackupWriter, StoredDisk | None]],
        recorder: Recorder,
        item: str,
        failed: Callable[[Target, BackupError], None],
    ) -> None:
        """Args:
        disk: which.
        source: where it comes from; closed at the end.
        outputs: repositories, each with its backup and what the disk is the difference to.
        recorder: hears of it.
        item: id of its part in the run.
        failed: hears of a repository that takes no more.
        """
        self._disk, self._source, self._outputs = disk, source, outputs
        self._recorder, self._item, self._failed = recorder, item, failed
        self._lock = threading.Lock()
        self._blocks = 0
        self._writers: list[tuple[Target, DiskWriter]] = []

    def run(self) -> DiskResult:
        """Copies it.

        Raises:
            BackupError: no repository takes it, or it cannot be read.
        """
        stop = self._recorder.stop
        try:
            self._open()
            reading = self._source.read(self._take, stop)
            if stop.is_set():
                raise Cancelled
        finally:
            self._source.close()
        base = self._source.base_uuid
        return DiskResult(
            uuid=self._disk.origin_uuid,
            name=self._disk.name,
            size_bytes=self._disk.size_bytes,
            way=str(self._source.way),
            kind="full" if base is None else "delta",
            base_uuid=base,
            blocks=reading.blocks,
            read_bytes=min(self._disk.size_bytes, max(self._blocks * BLOCK_BYTES, 0)),
            transferred_bytes=reading.transferred_bytes,
            written_bytes=self._written(),
        )

    def _open(self) -> None:
        base = self._source.base_uuid
        error: BackupError | None = None
        for target, backup, parent in self._outputs:
            vdi = self._disk.record
            config = dict(vdi["other_config"])
            if base is not None:
                config["xo:base_delta_vdi"] = base
            try:
                writer = backup.add_disk(
                    {**vdi, "other_config": config},
                    size_bytes=self._disk.size_bytes,
                    parent=parent if base is not None else None,
                    kind=target.kind,
                )
            except BackupError as caught:
                error = caught
                self._failed(target, caught)
            else:
                self._writers.append((target, writer))
        if not self._writers and error is not None:
            raise error

    def _take(self, index: int, data: bytes) -> None:
        for target, writer in list(self._writers):
            try:
                writer.put(index, data)
            except BackupError as error:
                self._drop(target, writer, error)
        with self._lock:
            self._blocks += 1
            done = self._blocks
        self._tell(done)

    def _drop(self, target: Target, writer: DiskWriter, error: BackupError) -> None:
        with self._lock:
            if (target, writer) in self._writers:
                self._writers.remove((target, writer))
                self._failed(target, error)
            left = len(self._writers)
        if not left:
            raise error

    def _tell(self, done: int) -> None:
        expected = self._source.expected_blocks
        total = self._disk.size_bytes if expected is None else expected * BLOCK_BYTES
        self._recorder.progress(
            self._item,
            done * BLOCK_BYTES,
            total=total,
            read_bytes=done * BLOCK_BYTES,
            transferred_bytes=done * BLOCK_BYTES,
            written_bytes=self._written(),
        )

    def _written(self) -> int:
        return sum(writer.written.stored_bytes for _, writer in self._writers)
