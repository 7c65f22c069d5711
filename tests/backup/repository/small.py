"""Small VMs to back up, and what each point in time must hold."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from functools import lru_cache

from xolite_qt.backup.disks import Kind, StoredDisk, open_chain
from xolite_qt.backup.merge import merge_chain
from xolite_qt.backup.repository import (
    Backup,
    BackupWriter,
    Report,
    Repository,
    check,
    clean_vm,
    forget_locked,
    scan_vm,
    verify,
)
from xolite_qt.backup.storage import Storage
from xolite_qt.backup.storage.memory import MemoryStorage
from xolite_qt.vhd import BLOCK_BYTES

KEY = "0123456789abcdef0123456789abcdef"
JOB = "c3d5e1a2-6c1e-4a0e-8b62-0d0f3b7a9c11"
VM = "5b0f7c52-7d0a-4f7e-a3c4-2a9a4f0e6d01"
DISK = "9f3c1f4e-0f67-4b6a-9a53-6f0c7e8d2b02"
FIRST_MS = 1_780_000_000_000
DAY_MS = 86_400_000


@lru_cache(maxsize=64)
def block(name: str) -> bytes:
    """2 MiB like no other name's; the name "zeros" has zeros."""
    if name == "zeros":
        return bytes(BLOCK_BYTES)
    return hashlib.sha256(name.encode()).digest() * (BLOCK_BYTES // 32)


@dataclass
class Point:
    """A moment of a disk: the name of each block's content, by index."""

    blocks: int
    contents: dict[int, str]
    path: str


@dataclass
class SmallVm:
    """A VM with one disk, its backups, and what each must hold.

    Attributes:
        repository: where the backups are.
        kind: how disks are stored.
        uuid: of the VM.
        points: by id of the backup, oldest first.
    """

    repository: Repository
    kind: Kind = Kind.DIRECTORY
    uuid: str = VM
    points: dict[str, Point] = field(default_factory=dict)
    made: int = 0
    tip: str = ""
    name: str = "db <b>1</b>"

    @property
    def storage(self) -> Storage:
        """Of the repository."""
        return self.repository.storage

    def back_up(
        self, changed: dict[int, str], *, blocks: int = 0, full: bool = False, vdi: str = ""
    ) -> Backup:
        """Another backup: these blocks are new, of a disk of so many blocks."""
        last = next(reversed(self.points.values()), None)
        parent: StoredDisk | None = None
        if last is not None and not full:
            parent = self.repository.newest_link(self.uuid, JOB, DISK, self.tip, self.kind)
            assert parent is not None
        blocks = blocks or (last.blocks if last else 4)
        writer = self.begin()
        self.tip = vdi or str(uuid.uuid4())
        record = {
            "uuid": self.tip,
            "$ref": f"OpaqueRef:{self.tip}",
            "$snapshot_of$uuid": DISK,
            "name_label": "system",
            "virtual_size": blocks * BLOCK_BYTES,
        }
        disk = writer.add_disk(
            record, size_bytes=blocks * BLOCK_BYTES, parent=parent, kind=self.kind, parallel=2
        )
        for index, name in changed.items():
            disk.put(index, block(name))
        backup = writer.finish()
        before = dict(last.contents) if last is not None and parent is not None else {}
        self.points[backup.id] = Point(blocks, before | changed, disk.path)
        return backup

    def begin(self) -> BackupWriter:
        """A writer for the next moment."""
        moment = FIRST_MS + self.made * DAY_MS
        self.made += 1
        record = {
            "uuid": self.uuid,
            "name_label": self.name,
            "$type": "VM",
            "$ref": f"OpaqueRef:{self.uuid}",
        }
        return self.repository.new_backup(
            vm=record,
            vm_snapshot={**record, "uuid": str(uuid.uuid4())},
            job_id=JOB,
            schedule_id=JOB,
            mode="delta",
            timestamp_ms=moment,
        )

    def forget(self, *ids: str) -> None:
        """Removes backups; hold no lock."""
        forget_locked(self.repository, self.uuid, ids)
        clean_vm(self.repository, self.uuid)
        for gone in ids:
            del self.points[gone]

    def merge(self) -> int:
        """Merges what is due, in this process; returns how many chains."""
        count = 0
        while due := scan_vm(self.storage, self.uuid).due_merges():
            for paths in due:
                merge_chain(self.storage, paths)
                count += 1
        clean_vm(self.repository, self.uuid)
        return count

    def assert_reads(self, *, but: tuple[str, ...] = ()) -> None:
        """Every point holds what it must, bit for bit."""
        for backup_id, point in self.points.items():
            if backup_id not in but:
                self.assert_point(backup_id, point)

    def assert_point(self, backup_id: str, point: Point) -> None:
        """One does."""
        chain = open_chain(self.storage, point.path)
        assert chain.size_bytes == point.blocks * BLOCK_BYTES
        for index in range(point.blocks):
            name = point.contents.get(index, "zeros")
            found = chain.read_block(index)
            same = name == "zeros" if found is None else found == block(name)
            assert same, f"block {index} of {backup_id}"


def three(repository: Repository, kind: Kind = Kind.DIRECTORY, uuid: str = VM) -> SmallVm:
    """A full backup and two differences."""
    vm = SmallVm(repository, kind, uuid)
    vm.back_up({0: f"a{uuid}", 1: "b", 3: "c"})
    vm.back_up({1: "b2", 2: "d"})
    vm.back_up({0: "a3"})
    return vm


def in_memory(key: str | None = None) -> Repository:
    """A new repository that nobody else sees."""
    return Repository.create(MemoryStorage(), key)


def assert_whole(repository: Repository) -> Report:
    """No problems, and every block is proven by its hash."""
    checked = check(repository)
    assert checked.problems == []
    verified = verify(repository)
    assert verified.problems == []
    assert verified.proven_blocks == verified.blocks
    return verified
