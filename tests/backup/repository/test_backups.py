"""Backups of ours: written, forgotten, merged, and proven after each step."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.backup.repository.small import JOB, KEY, SmallVm, assert_whole, block, in_memory, three
from xolite_qt.backup.disks import DirectoryDisk, Kind, open_chain, open_disk, spare_entries
from xolite_qt.backup.errors import Damaged, NotFound
from xolite_qt.backup.merge import merge_repository
from xolite_qt.backup.repository import Repository, check, clean_vm, forget, verify
from xolite_qt.backup.storage.local import LocalStorage
from xolite_qt.backup.storage.memory import MemoryStorage
from xolite_qt.vhd import BLOCK_BYTES, blocks_of

# Files of an encrypted repository cannot be changed in place, so that VHD files are none there.
WAYS = [(Kind.DIRECTORY, None), (Kind.DIRECTORY, KEY), (Kind.FILE, None)]


@pytest.fixture(params=["memory", "folder"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> MemoryStorage | LocalStorage:
    return MemoryStorage() if request.param == "memory" else LocalStorage(tmp_path / "repository")


@pytest.mark.parametrize(("kind", "key"), WAYS)
def test_a_full_one_and_differences(
    storage: MemoryStorage | LocalStorage, kind: Kind, key: str | None
) -> None:
    vm = three(Repository.create(storage, key), kind)
    again = Repository.open(storage, key)
    backups = again.backups()
    assert [backup.id for backup in backups] == list(vm.points)
    assert [list(backup.differencing.values()) for backup in backups] == [[False], [True], [True]]
    assert {backup.vm_name for backup in backups} == {"db <b>1</b>"}
    report = assert_whole(again)
    assert (report.vms, report.backups, report.disks, report.blocks) == (1, 3, 3, 6)
    assert report.notes == []
    vm.assert_reads()


@pytest.mark.parametrize(("kind", "key"), WAYS)
def test_forgotten_and_merged(
    storage: MemoryStorage | LocalStorage, kind: Kind, key: str | None
) -> None:
    vm = three(Repository.create(storage, key), kind)
    vm.forget(next(iter(vm.points)))
    assert_whole(vm.repository)
    vm.assert_reads()
    assert vm.merge() == 1
    report = assert_whole(vm.repository)
    assert (report.backups, report.disks, report.blocks) == (2, 2, 5)
    assert report.notes == []
    vm.assert_reads()
    first = vm.repository.backups()[0]
    assert list(first.differencing.values()) == [False]
    assert first.size_bytes == open_disk(vm.storage, first.disks[0].path).stream_bytes


@pytest.mark.parametrize(("kind", "key"), WAYS)
def test_merged_by_worker_processes(tmp_path: Path, kind: Kind, key: str | None) -> None:
    repository = Repository.create(LocalStorage(tmp_path / "r"), key)
    vms = [three(repository, kind), three(repository, kind, "6b0f7c52-7d0a-4f7e-a3c4-2a9a4f0e6d01")]
    for vm in vms:
        ids = list(vm.points)[:2]
        assert ids[0] in forget(repository, ids)
        for gone in ids:
            del vm.points[gone]
    outcomes = merge_repository((tmp_path / "r").as_uri(), key, concurrency=2)
    assert [outcome.errors for outcome in outcomes] == [[], []]
    assert [len(outcome.merged) for outcome in outcomes] == [1, 1]
    report = assert_whole(repository)
    assert (report.backups, report.disks) == (2, 2)
    assert report.notes == []
    for vm in vms:
        vm.assert_reads()


def test_all_forgotten_leaves_nothing(tmp_path: Path) -> None:
    repository = Repository.create(LocalStorage(tmp_path / "r"))
    vm = three(repository)
    forget(repository, list(vm.points))
    assert repository.backups() == []
    assert [p for p, _ in repository.storage.walk("xo-vm-backups")] == []
    assert repository.manifests(vm.uuid).uuids() == []


def test_what_is_not_there_cannot_be_forgotten(tmp_path: Path) -> None:
    repository = Repository.create(LocalStorage(tmp_path / "r"))
    vm = three(repository)
    first = next(iter(vm.points))
    for wrong in (
        "nothing",
        f"/xo-vm-backups/{vm.uuid}/20010101T000000Z.json",
        f"/.xolite/{vm.uuid}/../repository.json",
        "/.xolite/repository.json",
        f"/xo-vm-backups/{vm.uuid}/cache.json.gz",
    ):
        with pytest.raises(NotFound):
            forget(repository, [first, wrong])
    assert_whole(repository)
    vm.assert_reads()


@pytest.mark.parametrize(("kind", "key"), WAYS)
def test_a_disk_that_grows_keeps_its_chain(kind: Kind, key: str | None) -> None:
    vm = SmallVm(in_memory(key), kind)
    vm.back_up({0: "a", 3: "b"}, blocks=4)
    vm.back_up({5: "c"}, blocks=6)
    vm.back_up({4200: "d", 1: "e"}, blocks=4201)
    assert_whole(vm.repository)
    vm.assert_reads()
    sizes = [p.blocks for p in vm.points.values()]
    for left in (2, 1):
        vm.forget(next(iter(vm.points)))
        assert vm.merge() == 1
        report = assert_whole(vm.repository)
        assert report.notes == []
        assert report.disks == left
        vm.assert_reads()
    assert sizes == [4, 6, 4201]
    tip = open_disk(vm.storage, next(iter(vm.points.values())).path)
    assert tip.header.max_table_entries >= blocks_of(tip.size_bytes)
    # And it goes on from there.
    vm.back_up({4199: "f"})
    assert_whole(vm.repository)
    vm.assert_reads()


def test_a_table_has_room_for_a_disk_to_grow() -> None:
    vm = SmallVm(in_memory())
    backup = vm.back_up({0: "a"}, blocks=4)
    disk = open_disk(vm.storage, backup.disks[0].path)
    assert isinstance(disk, DirectoryDisk)
    assert disk.header.max_table_entries == spare_entries(4 * BLOCK_BYTES) == 4096
    assert spare_entries(3000 * BLOCK_BYTES) == 6000
    assert spare_entries(2**41) == 2**20
    assert spare_entries(2**42) == 2**21


def test_a_smaller_disk_is_no_difference() -> None:
    vm = SmallVm(in_memory())
    backup = vm.back_up({0: "a"}, blocks=4)
    parent = open_disk(vm.storage, backup.disks[0].path)
    vdi = {"uuid": "0d6f3d64-3a5c-4d1f-9f0e-0a2f3d6c7b03", "$ref": "OpaqueRef:x"}
    with pytest.raises(Damaged, match="is larger than the disk"):
        vm.begin().add_disk(vdi, size_bytes=BLOCK_BYTES, parent=parent, kind=Kind.DIRECTORY)


def test_an_end_of_a_disk_that_fills_no_block() -> None:
    vm = SmallVm(in_memory())
    writer = vm.begin()
    size_bytes = BLOCK_BYTES + 4096
    vdi = {"uuid": "0d6f3d64-3a5c-4d1f-9f0e-0a2f3d6c7b03", "$ref": "OpaqueRef:x"}
    disk = writer.add_disk(vdi, size_bytes=size_bytes, parent=None, kind=Kind.DIRECTORY)
    disk.put(1, b"x" * 4096)
    backup = writer.finish()
    chain = open_chain(vm.storage, backup.disks[0].path)
    assert chain.size_bytes == size_bytes
    assert chain.read_block(1) == (b"x" * 4096).ljust(BLOCK_BYTES, b"\0")
    assert_whole(vm.repository)


@pytest.mark.parametrize("kind", list(Kind))
def test_given_up_leaves_what_was_there(tmp_path: Path, kind: Kind) -> None:
    repository = Repository.create(LocalStorage(tmp_path / "r"))
    vm = three(repository, kind)
    before = sorted(repository.storage.walk(""))
    writer = vm.begin()
    parent = repository.newest_link(vm.uuid, JOB, "no such disk", vm.tip, kind)
    assert parent is None
    vdi = {"uuid": "0d6f3d64-3a5c-4d1f-9f0e-0a2f3d6c7b03", "$ref": "OpaqueRef:x"}
    disk = writer.add_disk(vdi, size_bytes=4 * BLOCK_BYTES, parent=None, kind=kind)
    disk.put(0, block("never"))
    writer.abort()
    writer.abort()
    assert sorted(repository.storage.walk("")) == before
    assert_whole(repository)


def test_what_a_dead_run_left_is_noted_and_removed(tmp_path: Path) -> None:
    repository = Repository.create(LocalStorage(tmp_path / "r"))
    vm = three(repository)
    before = sorted(repository.storage.walk(""))
    writer = vm.begin()
    vdi = {"uuid": "0d6f3d64-3a5c-4d1f-9f0e-0a2f3d6c7b03", "$ref": "OpaqueRef:x"}
    disk = writer.add_disk(vdi, size_bytes=4 * BLOCK_BYTES, parent=None, kind=Kind.DIRECTORY)
    disk.put(0, block("never"))
    # It died after the disk had its name, before the description.
    disk.finish()
    for report in (check(repository), verify(repository)):
        assert report.ok
        assert [note.path for note in report.notes] == [disk.path]
    assert clean_vm(repository, vm.uuid).removed == [disk.path]
    assert sorted(repository.storage.walk("")) == before


def test_two_backups_of_one_second_are_two() -> None:
    vm = SmallVm(in_memory())
    first = vm.back_up({0: "a"})
    vm.made = 0
    second = vm.back_up({0: "b"})
    assert second.timestamp_ms == first.timestamp_ms + 1000
    assert_whole(vm.repository)
    vm.assert_reads()


def test_a_full_one_that_is_given_up_leaves_no_file(tmp_path: Path) -> None:
    repository = Repository.create(LocalStorage(tmp_path))
    writer = repository.new_backup(
        vm={"uuid": "3325cdfc-1782-4b5f-b72f-d2d6d202c684", "name_label": "a"},
        vm_snapshot={"uuid": "3325cdfc-1782-4b5f-b72f-d2d6d202c685"},
        job_id="job",
        schedule_id="schedule",
        mode="full",
        timestamp_ms=1_767_319_200_000,
    )
    with writer.open_xva() as body:
        body.write(b"an archive")
    writer.abort()
    assert [path for path, _ in repository.storage.walk("xo-vm-backups")] == []
