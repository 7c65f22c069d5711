"""Small repositories to merge in, and what must be in them afterwards."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from functools import lru_cache

from xolite_qt.backup.disks import Kind, StoredDisk, open_chain, open_disk
from xolite_qt.backup.disks.chain import DiskChain
from xolite_qt.backup.merge import merge_chain
from xolite_qt.backup.repository import Repository, check, clean_vm, scan_vm, verify
from xolite_qt.backup.storage import Storage
from xolite_qt.vhd import BLOCK_BYTES

KEY = "a key of exactly thirty-two bytes"[:32]
VM = "11111111-0f5c-4d27-9dd9-2f4b3f1f8a10"
JOB = "7a1cbd0a-0f5c-4d27-9dd9-2f4b3f1f8a10"
DISK = "55555555-0f5c-4d27-9dd9-2f4b3f1f8a10"
FIRST_MS = 1767225600000
DAY_MS = 86_400_000


@lru_cache(maxsize=64)
def block(name: str) -> bytes:
    """2 MiB that compress well and are like no other name's."""
    return hashlib.sha256(name.encode()).digest() * (BLOCK_BYTES // 32)


@dataclass
class Chains:
    """The backups of one VM with one disk, oldest first.

    Attributes:
        repository: where they are.
        kind: how the disk is stored.
        vm: uuid of the VM.
        ids: of the backups.
        paths: of their disks.
        contents: of each backup, the name of each block's content.
    """

    repository: Repository
    kind: Kind
    vm: str = VM
    ids: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    contents: list[dict[int, str]] = field(default_factory=list)

    def add(self, indices: list[int], blocks: int = 12) -> None:
        """Another backup with these blocks new, of a disk that has room for `blocks`."""
        number = len(self.ids)
        moment = FIRST_MS + number * DAY_MS
        record = {"uuid": self.vm, "name_label": "db", "$type": "VM", "$ref": "OpaqueRef:vm"}
        writer = self.repository.new_backup(
            vm=record,
            vm_snapshot={**record, "uuid": str(uuid.uuid4())},
            job_id=JOB,
            schedule_id=JOB,
            mode="delta",
            timestamp_ms=moment,
        )
        parent: StoredDisk | None = None
        if self.paths:
            parent = open_disk(self.repository.storage, self.paths[-1])
        vdi = {"uuid": str(uuid.uuid4()), "$ref": "OpaqueRef:vdi", "$snapshot_of$uuid": DISK}
        disk = writer.add_disk(
            vdi, size_bytes=blocks * BLOCK_BYTES, parent=parent, kind=self.kind, parallel=2
        )
        contents = dict(self.contents[-1]) if self.contents else {}
        for index in indices:
            contents[index] = f"{self.vm} {number} {index}"
            disk.put(index, block(contents[index]))
        made = writer.finish()
        self.ids.append(made.id)
        self.paths.append(disk.path)
        self.contents.append(contents)

    def assert_reads(self, number: int, chain: DiskChain | None = None) -> None:
        """The disk of a backup holds what was backed up, bit for bit."""
        chain = chain or open_chain(self.repository.storage, self.paths[number])
        assert chain.allocated() == sorted(self.contents[number])
        for index, name in self.contents[number].items():
            assert chain.read_block(index) == block(name), f"block {index} of backup {number}"


def four(repository: Repository, kind: Kind, *, grows: bool = False, vm: str = VM) -> Chains:
    """Four backups; with `grows` the third needs a longer table than the first."""
    chains = Chains(repository, kind, vm)
    later = 12
    if grows:
        # Folders of blocks are made with room for 4096, files with none.
        later = 5000 if kind is Kind.DIRECTORY else 300
    chains.add([0, 1, 2, 3])
    chains.add([1, 2, 5])
    chains.add([2, 6, 11] + ([200, later - 1] if grows else []), later)
    chains.add([3, 6], later)
    return chains


def settle(repository: Repository) -> int:
    """What a merge of the repository does, in this process; returns how many chains it merged."""
    count = 0
    for vm in repository.vms():
        clean_vm(repository, vm)
        while due := scan_vm(repository.storage, vm).due_merges():
            for paths in due:
                merge_chain(repository.storage, paths)
                count += 1
        clean_vm(repository, vm)
    return count


def assert_clean(repository: Repository, *, proven: bool = True) -> None:
    """Nothing is wrong and nothing is left over; every block is proven by its hash."""
    for report in (check(repository), verify(repository)):
        assert report.problems == []
        notes = [n for n in report.notes if proven or "has no manifest" not in n.what]
        assert notes == []
    if proven:
        assert report.blocks > 0
        assert report.proven_blocks == report.blocks


def files_of(storage: Storage) -> dict[str, bytes]:
    """Everything that is there."""
    return {path: storage.read(path) for path, _ in storage.walk("")}
