"""`cache.json.gz` says what the descriptions say, or is not there."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.backup.repository.small import SmallVm, in_memory, three
from tests.xo_repositories import unpack
from xolite_qt.backup.repository import Repository, check, clean_vm, forget
from xolite_qt.backup.repository.cache import pack_cache, read_cache, write_cache
from xolite_qt.backup.repository.layout import cache_path
from xolite_qt.backup.storage.local import LocalStorage


def described(repository: Repository, vm_uuid: str) -> dict[str, dict[str, Any]]:
    """What a cache must hold: read out of the descriptions."""
    return {
        backup.id: {
            **json.loads(repository.storage.read(backup.id)),
            "_filename": backup.id,
            "id": backup.id,
        }
        for backup in repository.backups(vm_uuid)
    }


def build(vm: SmallVm) -> None:
    """As Xen Orchestra does when it lists a VM's backups."""
    write_cache(vm.storage, vm.uuid, described(vm.repository, vm.uuid))


def assert_true(vm: SmallVm) -> None:
    cache = read_cache(vm.storage, vm.uuid)
    assert cache == described(vm.repository, vm.uuid)
    assert cache is not None
    assert list(cache) or not vm.points


@pytest.fixture
def vm() -> SmallVm:
    made = three(in_memory())
    build(made)
    return made


def test_we_make_none() -> None:
    vm = three(in_memory())
    assert vm.storage.stat(cache_path(vm.uuid)) is None


def test_it_follows_every_change(vm: SmallVm) -> None:
    vm.back_up({2: "e"})
    assert_true(vm)
    vm.forget(next(iter(vm.points)))
    assert_true(vm)
    # A merge makes the first a full one, of another size.
    vm.merge()
    assert_true(vm)
    vm.back_up({0: "f"}, full=True)
    assert_true(vm)
    assert check(vm.repository).problems == []


def test_it_goes_with_the_last_backup(vm: SmallVm) -> None:
    vm.forget(*vm.points)
    assert read_cache(vm.storage, vm.uuid) in (None, {})
    assert check(vm.repository).problems == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        gzip.compress(b"[1, 2]"),
        gzip.compress(b'{"/xo-vm-backups/x": 1}'),
        gzip.compress(b"[" * 100_000),
        gzip.compress(b'{"a":{}}')[:-3],
    ],
    ids=["empty", "garbage", "a list", "numbers", "deep", "cut off"],
)
def test_a_damaged_one_is_told_and_made_anew(vm: SmallVm, body: bytes) -> None:
    vm.storage.write(cache_path(vm.uuid), body)
    assert [p.path for p in check(vm.repository).problems] == [cache_path(vm.uuid)]
    assert [backup.id for backup in vm.repository.backups()] == list(vm.points)
    clean_vm(vm.repository, vm.uuid)
    assert_true(vm)
    assert check(vm.repository).problems == []


def test_a_damaged_one_does_not_outlive_a_backup(vm: SmallVm) -> None:
    vm.storage.write(cache_path(vm.uuid), b"garbage")
    vm.back_up({1: "g"})
    assert vm.storage.stat(cache_path(vm.uuid)) is None
    assert check(vm.repository).problems == []


def test_a_stale_one_hides_no_backup(vm: SmallVm) -> None:
    truth = described(vm.repository, vm.uuid)
    first, *others = truth
    ghost = f"/xo-vm-backups/{vm.uuid}/20010101T000000Z.json"
    entries = {name: truth[name] for name in others} | {ghost: {**truth[first], "id": ghost}}
    vm.storage.write(cache_path(vm.uuid), pack_cache(entries))
    assert [backup.id for backup in vm.repository.backups()] == list(vm.points)
    found = {problem.what for problem in check(vm.repository).problems}
    assert any(first in what for what in found)
    assert any(ghost in what for what in found)
    clean_vm(vm.repository, vm.uuid)
    assert_true(vm)


def test_xen_orchestras_own_follows_too(tmp_path: Path) -> None:
    theirs = unpack("blocks-brotli", tmp_path)
    repository = Repository.open(LocalStorage(theirs.path))
    vm = repository.vms()[0]
    write_cache(repository.storage, vm, described(repository, vm))
    forget(repository, [repository.backups()[0].id])
    assert read_cache(repository.storage, vm) == described(repository, vm)
    shutil.rmtree(theirs.path / "xo-vm-backups" / vm)
    assert repository.backups() == []
