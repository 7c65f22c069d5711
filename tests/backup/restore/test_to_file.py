"""Disks of backups into files of this machine: bit for bit, or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.backup.repository.small import KEY, SmallVm, block
from tests.needs import needs
from tests.xo_repositories import unpack
from xolite_qt.backup.disks import Kind
from xolite_qt.backup.errors import Cancelled, Damaged, NoSpace
from xolite_qt.backup.repository import Repository
from xolite_qt.backup.restore import RestoreError, restore_disk_to_file
from xolite_qt.backup.restore.to_file import Format
from xolite_qt.backup.storage.local import LocalStorage
from xolite_qt.vhd import BLOCK_BYTES

XO_NAMES = ["blocks-brotli", "blocks-encrypted", "blocks-after-merge", "vhd-files"]


def a_vm(folder: Path, kind: Kind = Kind.DIRECTORY, key: str | None = None) -> SmallVm:
    """Three backups of a disk of six blocks, of which not all hold something."""
    vm = SmallVm(Repository.create(LocalStorage(folder / "repository"), key), kind)
    vm.back_up({0: "a", 1: "b", 3: "zeros", 5: "c"}, blocks=6)
    vm.back_up({1: "d", 2: "e"})
    vm.back_up({5: "f"})
    return vm


def content(vm: SmallVm, backup_id: str) -> bytes:
    point = vm.points[backup_id]
    held = point.contents
    return b"".join(
        block(held[at]) if at in held else bytes(BLOCK_BYTES) for at in range(point.blocks)
    )


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "encrypted"])
@pytest.mark.parametrize("kind", list(Kind))
def test_every_point_is_what_it_was(tmp_path: Path, kind: Kind, key: str | None) -> None:
    if key is not None and kind is not Kind.DIRECTORY:
        pytest.skip("encrypted repositories hold folders of blocks only")
    vm = a_vm(tmp_path, kind, key)
    seen: list[tuple[int, int]] = []
    for number, backup_id in enumerate(vm.points):
        backup = vm.repository.backup(backup_id)
        out = tmp_path / f"new/folder/{number}.raw"
        made = restore_disk_to_file(
            vm.repository,
            backup,
            backup.disks[0],
            out,
            progress=lambda done, total: seen.append((done, total)),
        )
        assert out.read_bytes() == content(vm, backup_id)
        assert made.path == out
        assert made.size_bytes == 6 * BLOCK_BYTES
        assert made.proven == made.blocks == len(vm.points[backup_id].contents)
    assert seen[-1][0] == seen[-1][1]
    assert files_in(tmp_path / "new/folder") == ["0.raw", "1.raw", "2.raw"]


def test_a_raw_file_has_holes(tmp_path: Path) -> None:
    vm = a_vm(tmp_path)
    backup = vm.repository.backups(vm.uuid)[0]
    restore_disk_to_file(vm.repository, backup, backup.disks[0], tmp_path / "x.raw")
    assert (tmp_path / "x.raw").stat().st_blocks * 512 < 4 * BLOCK_BYTES


@pytest.mark.parametrize("form", ["vhd", "qcow2"])
def test_qemu_reads_the_same_out_of_each_format(tmp_path: Path, form: Format) -> None:
    needs("qemu-img")
    vm = a_vm(tmp_path)
    backup = vm.repository.backups(vm.uuid)[2]
    raw, out = tmp_path / "x.raw", tmp_path / f"with: a colon.{form}"
    raw.write_bytes(content(vm, backup.id))
    made = restore_disk_to_file(vm.repository, backup, backup.disks[0], out, form=form)
    assert made.proven == made.blocks
    name = {"vhd": "vpc", "qcow2": "qcow2"}[form]
    # Through a file that is open: a name with a colon would be a protocol to qemu.
    link = tmp_path / "plain"
    link.symlink_to(out)
    more = ["-U"] if form == "qcow2" else []
    subprocess.run(["qemu-img", "compare", *more, "-f", "raw", "-F", name, raw, link], check=True)
    hidden = [one for one in files_in(tmp_path) if one.startswith(".")]
    assert hidden == []


@pytest.mark.parametrize("name", XO_NAMES)
def test_what_xen_orchestra_wrote_is_restored(tmp_path: Path, name: str) -> None:
    theirs = unpack(name, tmp_path)
    repository = Repository.open(LocalStorage(theirs.path), theirs.key)
    number = 0
    for stem, disks in theirs.backups:
        backup = repository.backup(f"/xo-vm-backups/{stem}.json")
        for uuid, size_bytes, sha256 in disks:
            out = tmp_path / f"{number}.raw"
            number += 1
            made = restore_disk_to_file(repository, backup, backup.disk(uuid), out)
            with out.open("rb") as file:
                assert hashlib.file_digest(file, "sha256").hexdigest() == sha256
            assert (made.size_bytes, made.proven) == (size_bytes, 0)
            out.unlink()
    assert number


def test_a_small_last_block_is_cut_at_the_end_of_the_disk(tmp_path: Path) -> None:
    vm = SmallVm(Repository.create(LocalStorage(tmp_path / "repository")))
    size = 3 * BLOCK_BYTES - 512 * 100
    writer = vm.begin()
    record = {"uuid": "u", "$ref": "OpaqueRef:u", "name_label": "odd", "virtual_size": size}
    record["uuid"] = "11111111-2222-4333-8444-555555555555"
    disk = writer.add_disk(record, size_bytes=size, parent=None, kind=Kind.DIRECTORY)
    last = block("x")[: size - 2 * BLOCK_BYTES].ljust(BLOCK_BYTES, b"\0")
    disk.put(0, block("a"))
    disk.put(2, last)
    backup = writer.finish()
    restore_disk_to_file(vm.repository, backup, backup.disk("odd"), tmp_path / "x.raw")
    wanted = block("a") + bytes(BLOCK_BYTES) + last
    assert (tmp_path / "x.raw").read_bytes() == wanted[:size]


# What goes wrong


def flip(path: Path, name: str) -> None:
    """One bit of the block with this content."""
    data = bytearray(path.read_bytes())
    at = data.index(block(name))
    data[at + BLOCK_BYTES // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("form", ["raw", "vhd", "qcow2"])
def test_a_flipped_block_is_refused_by_name(tmp_path: Path, form: Format) -> None:
    if form == "qcow2":
        needs("qemu-img")
    vm = a_vm(tmp_path, Kind.FILE)
    backup = vm.repository.backups(vm.uuid)[1]
    spoilt = tmp_path / "repository" / backup.disks[0].path
    flip(spoilt, "d")
    (tmp_path / "out").mkdir()
    with pytest.raises(Damaged) as caught:
        restore_disk_to_file(vm.repository, backup, backup.disks[0], tmp_path / "out/x", form=form)
    assert caught.value.path == backup.disks[0].path
    assert files_in(tmp_path / "out") == []


def test_a_flipped_block_of_a_parent_is_refused_by_the_name_of_the_parent(tmp_path: Path) -> None:
    vm = a_vm(tmp_path, Kind.FILE)
    first, _, last = vm.repository.backups(vm.uuid)
    flip(tmp_path / "repository" / first.disks[0].path, "a")
    with pytest.raises(Damaged) as caught:
        restore_disk_to_file(vm.repository, last, last.disks[0], tmp_path / "x")
    assert caught.value.path == first.disks[0].path
    assert not (tmp_path / "x").exists()


def test_a_block_that_is_gone_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    vm = a_vm(tmp_path)
    backup = vm.repository.backups(vm.uuid)[0]
    for path in (tmp_path / "repository").rglob("blocks/*/*"):
        path.unlink()
    (tmp_path / "out").mkdir()
    with pytest.raises(Damaged):
        restore_disk_to_file(vm.repository, backup, backup.disks[0], tmp_path / "out/x")
    assert files_in(tmp_path / "out") == []


@pytest.mark.parametrize("form", ["raw", "vhd"])
def test_a_full_disk_leaves_no_half_file(
    tmp_path: Path, form: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    vm = a_vm(tmp_path)
    backup = vm.repository.backups(vm.uuid)[2]
    (tmp_path / "out").mkdir()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    # What a file system does that gives room only when it must write.
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NoSpace, match="no space left"):
        restore_disk_to_file(vm.repository, backup, backup.disks[0], tmp_path / "out/x", form=form)
    assert files_in(tmp_path / "out") == []


def test_a_limit_of_the_file_system_leaves_no_half_file(tmp_path: Path) -> None:
    import resource
    import signal

    vm = a_vm(tmp_path)
    backup = vm.repository.backups(vm.uuid)[2]
    (tmp_path / "out").mkdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 * BLOCK_BYTES, before[1]))
    try:
        with pytest.raises(NoSpace):
            restore_disk_to_file(
                vm.repository, backup, backup.disks[0], tmp_path / "out/x", form="vhd"
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert files_in(tmp_path / "out") == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    vm = a_vm(tmp_path)
    backup = vm.repository.backups(vm.uuid)[0]
    out = tmp_path / "precious"
    for make in (lambda: out.write_text("mine"), lambda: out.symlink_to(tmp_path / "nowhere")):
        make()
        with pytest.raises(RestoreError, match="there already"):
            restore_disk_to_file(vm.repository, backup, backup.disks[0], out)
        out.unlink()


def test_a_file_that_came_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    vm = a_vm(tmp_path)
    backup = vm.repository.backups(vm.uuid)[0]
    out = tmp_path / "out" / "x"

    def meanwhile(*_: Any) -> None:
        out.write_text("somebody else's")

    with pytest.raises(RestoreError, match="there already"):
        restore_disk_to_file(vm.repository, backup, backup.disks[0], out, progress=meanwhile)
    assert out.read_text() == "somebody else's"
    assert files_in(tmp_path / "out") == ["x"]


@pytest.mark.parametrize("form", ["raw", "vhd"])
def test_a_stop_leaves_nothing(tmp_path: Path, form: Format) -> None:
    vm = a_vm(tmp_path)
    backup = vm.repository.backups(vm.uuid)[2]
    stop = threading.Event()
    with pytest.raises(Cancelled):
        restore_disk_to_file(
            vm.repository,
            backup,
            backup.disks[0],
            tmp_path / "out/x",
            form=form,
            progress=lambda done, _: stop.set(),
            stop=stop,
        )
    assert files_in(tmp_path / "out") == []


def test_qcow2_without_qemu_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vm = a_vm(tmp_path)
    backup = vm.repository.backups(vm.uuid)[0]
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RestoreError, match="qemu-img"):
        restore_disk_to_file(vm.repository, backup, backup.disks[0], tmp_path / "x", form="qcow2")
