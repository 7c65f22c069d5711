"""What Xen Orchestra wrote is listed, checked, verified and read bit for bit."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.xo_repositories import XoRepository, unpack
from xolite_qt.backup.disks import open_chain
from xolite_qt.backup.repository import Repository, check, verify
from xolite_qt.backup.storage.local import LocalStorage
from xolite_qt.vhd import BLOCK_BYTES

NAMES = ["blocks-brotli", "blocks-encrypted", "blocks-after-merge", "vhd-files"]


@pytest.fixture(params=NAMES)
def theirs(request: pytest.FixtureRequest, tmp_path: Path) -> XoRepository:
    return unpack(request.param, tmp_path)


def opened(theirs: XoRepository) -> Repository:
    return Repository.open(LocalStorage(theirs.path), theirs.key)


def test_every_backup_is_listed(theirs: XoRepository) -> None:
    listing = opened(theirs).listing()
    assert listing.damaged == []
    found = [
        (b.id, sorted((d.snapshot_uuid, d.size_bytes) for d in b.disks)) for b in listing.backups
    ]
    wanted = [
        (f"/xo-vm-backups/{name}.json", sorted((uuid, size) for uuid, size, _ in disks))
        for name, disks in theirs.backups
    ]
    assert found == wanted


def test_every_disk_reads_bit_for_bit(theirs: XoRepository) -> None:
    repository = opened(theirs)
    for name, disks in theirs.backups:
        backup = repository.backup(f"/xo-vm-backups/{name}.json")
        for uuid, size_bytes, sha256 in disks:
            chain = open_chain(repository.storage, backup.disk(uuid).path)
            assert chain.size_bytes == size_bytes
            found = hashlib.sha256()
            for at in range(0, size_bytes, BLOCK_BYTES):
                length = min(BLOCK_BYTES, size_bytes - at)
                data = chain.read_block(at // BLOCK_BYTES)
                found.update(bytes(length) if data is None else data[:length])
            assert found.hexdigest() == sha256, f"{name}: {uuid}"


def test_nothing_is_wrong_and_nothing_is_written(theirs: XoRepository) -> None:
    before = {p: p.stat().st_mtime_ns for p in theirs.path.rglob("*")}
    repository = opened(theirs)
    assert check(repository).problems == []
    report = verify(repository)
    assert report.problems == []
    assert report.backups == len(theirs.backups)
    assert report.blocks > 0
    # Xen Orchestra has no hashes of blocks: that is said, once per disk, and is no problem.
    assert report.proven_blocks == 0
    assert len(report.notes) == report.disks
    assert {p: p.stat().st_mtime_ns for p in theirs.path.rglob("*")} == before
