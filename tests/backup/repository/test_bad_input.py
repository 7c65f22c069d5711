"""Whatever is spoilt: an error names the file, and all other backups verify and read right."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import IO

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.backup.repository.small import KEY, SmallVm, assert_whole, block, in_memory, three
from xolite_qt.backup.disks import DirectoryDisk, DiskWriter, Kind, open_chain, open_disk
from xolite_qt.backup.errors import BackupError, Damaged, NoSpace, WrongKey
from xolite_qt.backup.repository import BackupWriter, Repository, check, clean_vm, verify
from xolite_qt.backup.storage.local import LocalStorage
from xolite_qt.backup.storage.memory import MemoryStorage
from xolite_qt.backup.storage.retry import RetryPolicy
from xolite_qt.vhd import BLOCK_BYTES

OTHER_VM = "6b0f7c52-7d0a-4f7e-a3c4-2a9a4f0e6d01"


class Two:
    """Two VMs: what is done to one does not harm the other."""

    def __init__(self, repository: Repository, kind: Kind = Kind.DIRECTORY) -> None:
        self.repository = repository
        self.one = three(repository, kind)
        self.other = three(repository, kind, OTHER_VM)

    @property
    def storage(self) -> MemoryStorage:
        bare = self.repository.bare_storage
        assert isinstance(bare, MemoryStorage)
        return bare

    def disk(self, number: int) -> DirectoryDisk:
        point = list(self.one.points.values())[number]
        disk = open_disk(self.repository.storage, point.path)
        assert isinstance(disk, DirectoryDisk)
        return disk

    def ids(self) -> list[str]:
        return list(self.one.points)

    def assert_told(self, path: str, *, spoilt: int | tuple[int, ...] = ()) -> None:
        """A verification names the file; backups but the spoilt ones read right, also after a
        clean-up, which removes nothing that a backup names."""
        numbers = (spoilt,) if isinstance(spoilt, int) else spoilt
        bad = tuple(self.ids()[number] for number in numbers)
        problems = verify(self.repository).problems
        assert path in [problem.path for problem in problems]
        assert OTHER_VM not in str(problems)
        self.one.assert_reads(but=bad)
        self.other.assert_reads()
        clean_vm(self.repository, self.one.uuid)
        self.one.assert_reads(but=bad)

    def assert_told_any(self) -> None:
        """A check finds something, in this VM only."""
        problems = check(self.repository).problems
        assert problems
        assert OTHER_VM not in str(problems)

    def assert_unreadable(self, number: int) -> None:
        """A backup cannot be restored by mistake."""
        point = list(self.one.points.values())[number]
        with pytest.raises(BackupError):
            open_chain(self.repository.storage, point.path).read_blocks(lambda _i, _data: None)


@pytest.fixture(params=[None, KEY], ids=["clear", "encrypted"])
def two(request: pytest.FixtureRequest) -> Two:
    return Two(in_memory(request.param))


# Blocks


def half(body: bytes) -> bytes:
    return body[: len(body) // 2]


def nothing(_body: bytes) -> bytes:
    return b""


def flipped(body: bytes) -> bytes:
    return body[:-9] + bytes([body[-9] ^ 1]) + body[-8:]


def garbage(body: bytes) -> bytes:
    return os.urandom(len(body))


SPOIL: list[Callable[[bytes], bytes]] = [half, nothing, flipped, garbage]


@pytest.mark.parametrize("spoil", SPOIL)
def test_a_spoilt_block(two: Two, spoil: Callable[[bytes], bytes]) -> None:
    path = two.disk(2).block_path(0)
    two.storage.write(path, spoil(two.storage.read(path)))
    two.assert_told(path, spoilt=2)


def test_a_block_that_is_missing(two: Two) -> None:
    path = two.disk(2).block_path(0)
    two.storage.delete(path)
    assert path in [problem.path for problem in check(two.repository).problems]
    two.assert_told(path, spoilt=2)
    two.assert_unreadable(2)


def test_a_whole_block_that_is_another_one() -> None:
    """Only the manifest knows."""
    two = Two(in_memory())
    path = two.disk(2).block_path(0)
    two.storage.write(path, two.storage.read(two.disk(0).block_path(1)))
    assert check(two.repository).ok
    two.assert_told(path, spoilt=2)


def test_a_block_that_vanished_from_the_table() -> None:
    two = Two(in_memory())
    disk = two.disk(2)
    two.storage.write(f"{disk.data_path}/bat", brotli.compress(bytes(4096)))
    # The one below shows through: a block was backed up, and reads as an older one.
    two.assert_told(disk.path, spoilt=2)


def test_a_bomb_in_place_of_a_block() -> None:
    two = Two(in_memory())
    path = two.disk(1).block_path(2)
    packer = brotli.Compressor(quality=1)
    bomb = b"".join(packer.process(bytes(1 << 20)) for _ in range(256)) + packer.finish()
    two.storage.write(path, bomb)
    two.assert_told(path, spoilt=(1, 2))
    two.assert_unreadable(1)


@pytest.mark.parametrize("part", ["header", "footer", "bat", "chunk-filters.json"])
@pytest.mark.parametrize("spoil", [half, garbage])
def test_a_spoilt_part_of_the_newest_disk(
    two: Two, part: str, spoil: Callable[[bytes], bytes]
) -> None:
    disk = two.disk(2)
    path = f"{disk.data_path}/{part}"
    two.storage.write(path, spoil(two.storage.read(path)))
    two.assert_told(disk.path, spoilt=2)
    two.assert_unreadable(2)
    assert two.storage.stat(path) is not None


def test_a_spoilt_parent_spoils_what_lies_over_it(two: Two) -> None:
    disk = two.disk(1)
    two.storage.write(f"{disk.data_path}/header", b"x")
    two.assert_told(disk.path, spoilt=(1, 2))
    problems = {problem.path for problem in check(two.repository).problems}
    assert two.disk(2).path in problems


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"../../../../../../../etc/passwd",
        b"/etc/shadow",
        b"\xff",
        b"x" * 2000,
        b"data/none.vhd",
    ],
)
def test_a_spoilt_alias(body: bytes) -> None:
    two = Two(in_memory())
    disk = two.disk(2)
    two.storage.write(disk.path, body)
    two.assert_told(disk.path, spoilt=2)
    two.assert_unreadable(2)
    # Its blocks may still be wanted: a person can write the alias anew.
    assert two.storage.stat(disk.block_path(0)) is not None


def test_an_alias_that_leads_to_itself() -> None:
    two = Two(in_memory())
    disk = two.disk(2)
    two.storage.write(disk.path, disk.path.rpartition("/")[2].encode())
    two.assert_told(disk.path, spoilt=2)


def test_an_alias_that_leads_to_another_disk() -> None:
    two = Two(in_memory())
    disk, first = two.disk(2), two.disk(0)
    two.storage.write(disk.path, two.storage.read(first.path))
    two.assert_told(disk.path, spoilt=2)
    two.one.forget(two.ids()[2])
    two.one.assert_reads()


# Descriptions


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        b"{}",
        b"[]",
        b"null",
        b'{"mode":"delta"',
        b"[" * 200_000,
        b'{"mode":"odd","timestamp":1,"vm":{"uuid":"x"}}',
        b'{"mode":"full","timestamp":1,"vm":{"uuid":"x"}}',
        b'{"mode":"delta","timestamp":1,"vm":{"uuid":"x"},"vhds":{"a":"../../../../x"},'
        b'"vdis":{"a":{"uuid":"y"}}}',
        b'{"mode":"delta","timestamp":1,"vm":{"uuid":"x"},"vhds":{"a":"x"}}',
        b'{"mode":"delta","timestamp":1e400,"vm":{"uuid":"x"}}',
        b'{"mode":"full","timestamp":1,"vm":{"uuid":"x"},"xva":"/../../etc/passwd"}',
        b"\xff\xfe\x00",
    ],
)
def test_a_spoilt_description(body: bytes) -> None:
    two = Two(in_memory())
    gone = two.ids()[1]
    two.storage.write(gone, body)
    listing = two.repository.listing()
    assert [error.path for error in listing.damaged] == [gone.lstrip("/")]
    left = [backup.id for backup in listing.backups]
    assert left == [i for i in [*two.ids(), *two.other.points] if i != gone]
    with pytest.raises(Damaged, match=gone.lstrip("/")):
        two.repository.backup(gone)
    path = list(two.one.points.values())[1].path
    two.assert_told(gone.lstrip("/"), spoilt=1)
    # What it named is kept: who knows what it was.
    assert two.storage.stat(path) is not None
    two.one.merge()
    two.one.assert_reads(but=(gone,))


@pytest.mark.parametrize("named", ["20990101T000000Z", "20260530T202640Z", "20260529T202640Z"])
def test_a_description_that_names_another_file(named: str) -> None:
    """What it named before is not taken for nobody's, nor merged away."""
    two = Two(in_memory())
    first, middle, newest = two.ids()
    body = two.storage.read(middle)
    right = list(two.one.points.values())[1].path.rpartition("/")[2].partition(".")[0]
    assert body.count(f"{right}.alias.vhd".encode()) == 1
    wrong = body.replace(f"{right}.alias.vhd".encode(), f"{named}.alias.vhd".encode())
    two.storage.write(middle, wrong)
    if named != right:
        two.assert_told_any()
    assert two.one.merge() == 0
    two.one.assert_reads()
    assert not clean_vm(two.repository, two.one.uuid).removed
    held = clean_vm(two.repository, two.one.uuid).held
    assert (
        held == [] if named == right else [middle in f"/{what}" for what in held].count(True) == 1
    )
    # Repaired: as if nothing had been.
    two.storage.write(middle, body)
    assert_whole(two.repository)
    two.one.forget(first)
    assert two.one.merge() == 1
    two.one.assert_reads()
    # Forgotten: what it left can be merged.
    two.storage.write(middle, wrong)
    two.one.forget(middle)
    two.one.merge()
    assert verify(two.repository).ok
    two.one.assert_reads()
    assert list(two.one.points) == [newest]


def test_a_description_in_another_vms_folder() -> None:
    two = Two(in_memory())
    body = two.storage.read(two.ids()[0])
    path = f"xo-vm-backups/{OTHER_VM}/20300101T000000Z.json"
    two.storage.write(path, body)
    assert path in [problem.path for problem in check(two.repository).problems]


@settings(max_examples=30)
@given(body=st.binary(max_size=300))
def test_any_description_is_read_or_damaged(body: bytes) -> None:
    repository = in_memory()
    path = f"xo-vm-backups/{OTHER_VM}/20300101T000000Z.json"
    repository.storage.write(path, body)
    listing = repository.listing()
    assert len(listing.backups) + len(listing.damaged) == 1


# Manifests


@pytest.mark.parametrize("spoil", SPOIL)
def test_a_spoilt_manifest(two: Two, spoil: Callable[[bytes], bytes]) -> None:
    uuid = two.disk(2).uuid
    path = f".xolite/manifests/{two.one.uuid}/{uuid}.manifest"
    two.storage.write(path, spoil(two.storage.read(path)))
    two.assert_told(path)


# Keys


def test_keys_that_do_not_fit() -> None:
    encrypted = in_memory(KEY).bare_storage
    for key in (None, "", "f" * 32, "short", "\udcff" * 32):
        with pytest.raises(WrongKey):
            Repository.open(encrypted, key)
    with pytest.raises(WrongKey, match="not encrypted"):
        Repository.open(in_memory().bare_storage, KEY)
    assert Repository.open(encrypted, KEY).encrypted


# Storages


def fill(writer: BackupWriter, disk: DiskWriter, blocks: int) -> None:
    """Writes blocks, and what makes a backup of them."""
    for index in range(blocks):
        disk.put(index, block(f"n{index}"))
    writer.finish()


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever it gets full, the run is told, and what was there is as it was."""
    root = tmp_path / "r"
    vm = three(Repository.create(LocalStorage(root)))
    before = {p: p.read_bytes() for p in root.rglob("*") if p.is_file()}
    left = 0
    real: Callable[..., IO[bytes]] = os.fdopen

    def fdopen(handle: int, *how: object, **more: object) -> IO[bytes]:
        nonlocal left
        file = real(handle, *how, **more)
        left -= 1
        if left < 0:
            file.close()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return file

    ids = list(vm.points)
    for moment in range(9):
        monkeypatch.setattr(os, "fdopen", fdopen)
        left = moment
        writer = vm.begin()
        vdi = {"uuid": f"0d6f3d64-3a5c-4d1f-9f0e-0a2f3d6c7b0{moment}", "$ref": "OpaqueRef:x"}
        disk = writer.add_disk(vdi, size_bytes=4 * BLOCK_BYTES, parent=None, kind=Kind.DIRECTORY)
        with pytest.raises(NoSpace, match=r"^(\.xolite|xo-vm-backups)/.*full") as caught:
            fill(writer, disk, 3)
        monkeypatch.setattr(os, "fdopen", real)
        assert caught.value.path
        writer.abort()
        vm.assert_reads()
        assert [backup.id for backup in vm.repository.backups()] == ids
        clean_vm(vm.repository, vm.uuid)
        after = {p: p.read_bytes() for p in root.rglob("*") if p.is_file()}
        assert after == before
    monkeypatch.setattr(os, "fdopen", real)
    assert_whole(vm.repository)


def test_a_mount_that_is_full_for_real(tmp_path: Path) -> None:
    """A tmpfs of 8 MiB, where this user may make one."""
    root = tmp_path / "small"
    root.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", os.fspath(root)]
    if (
        not hasattr(os, "geteuid")
        or os.geteuid() != 0
        or subprocess.call(mount, stderr=subprocess.DEVNULL) != 0
    ):
        pytest.skip("this user may mount nothing")
    try:
        vm = SmallVm(Repository.create(LocalStorage(root)), Kind.FILE)
        vm.back_up({0: "a"})
        writer = vm.begin()
        vdi = {"uuid": "0d6f3d64-3a5c-4d1f-9f0e-0a2f3d6c7b03", "$ref": "OpaqueRef:x"}
        disk = writer.add_disk(vdi, size_bytes=6 * BLOCK_BYTES, parent=None, kind=Kind.FILE)
        with pytest.raises(NoSpace, match=r"\.vhd: the storage is full"):
            fill(writer, disk, 6)
        writer.abort()
        assert_whole(vm.repository)
        vm.assert_reads()
    finally:
        subprocess.check_call(["umount", os.fspath(root)])


def test_a_folder_that_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mount that is away looks empty: that is no repository without problems."""
    root = tmp_path / "r"
    storage = LocalStorage(root, policy=RetryPolicy(budget_s=0.2))
    vm = three(Repository.create(storage))
    away = tmp_path / "away"
    real = storage.read
    count = 0

    def read(path: str) -> bytes:
        nonlocal count
        count += 1
        if count == moment:
            shutil.move(root, away)
        return real(path)

    monkeypatch.setattr(storage, "read", read)
    for moment in range(1, 30, 4):
        for look in (check, verify):
            count = 0
            report = look(vm.repository)
            if count < moment:
                assert report.ok
                continue
            assert not report.ok
            assert all(vm.uuid in problem.path for problem in report.problems)
            shutil.move(away, root)
    assert_whole(vm.repository)
    vm.assert_reads()


def test_a_folder_that_goes_away_and_comes_back_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clean-up during which some answers are those of an empty mount point."""
    root = tmp_path / "r"
    storage = LocalStorage(root, policy=RetryPolicy(budget_s=0.2))
    vm = three(Repository.create(storage))
    before = sorted(storage.walk(""))
    real_read, real_list = storage.read, storage.list
    away = tmp_path / "away"
    count = 0

    def blink() -> bool:
        nonlocal count
        count += 1
        return count == moment

    def read(path: str) -> bytes:
        if blink():
            shutil.move(root, away)
            try:
                return real_read(path)
            finally:
                shutil.move(away, root)
        return real_read(path)

    def list_(path: str) -> object:
        return [] if blink() else real_list(path)

    monkeypatch.setattr(storage, "read", read)
    monkeypatch.setattr(storage, "list", list_)
    moment, answers = 0, 1
    while moment < answers:
        moment, count = moment + 1, 0
        with contextlib.suppress(BackupError):
            clean_vm(vm.repository, vm.uuid)
        answers = count
        after, moment = moment, 0
        missing = set(before) - set(storage.walk(""))
        assert not missing, f"after answer {after}"
        moment = after
    monkeypatch.undo()
    assert answers > 10
    assert_whole(vm.repository)
    vm.assert_reads()
