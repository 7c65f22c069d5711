"""One byte of any file changes: it is told, or nothing was lost; nothing else ever breaks.

`XOLITE_SOAK` is the number of bytes tried per way; 12 where it is not set.
"""

from __future__ import annotations

import os
import random

import pytest

from tests.backup.repository.small import KEY, SmallVm, in_memory, three
from xolite_qt.backup.disks import Kind, open_chain
from xolite_qt.backup.errors import BackupError
from xolite_qt.backup.repository import check, clean_vm, verify
from xolite_qt.backup.storage.memory import MemoryStorage

_RUNS = int(os.environ.get("XOLITE_SOAK", "12"))


def copy_of(vm: SmallVm) -> tuple[SmallVm, MemoryStorage]:
    """The same repository again, to be spoilt; and its bare storage."""
    bare = MemoryStorage()
    for path, _ in vm.repository.bare_storage.walk(""):
        bare.write(path, vm.repository.bare_storage.read(path))
    key = KEY if vm.repository.encrypted else None
    return SmallVm(type(vm.repository).open(bare, key), vm.kind, vm.uuid, dict(vm.points)), bare


def unreadable(vm: SmallVm) -> set[str]:
    """Backups whose disk does not read as it must."""
    found = set()
    for backup_id, point in vm.points.items():
        try:
            open_chain(vm.storage, point.path)
            vm.assert_point(backup_id, point)
        except (BackupError, AssertionError):
            found.add(backup_id)
    return found


@pytest.mark.parametrize(
    ("kind", "key"), [(Kind.DIRECTORY, None), (Kind.DIRECTORY, KEY), (Kind.FILE, None)]
)
def test_a_flipped_byte_is_told_or_harmless(kind: Kind, key: str | None) -> None:
    whole = three(in_memory(key), kind)
    files = sorted(
        path
        for path, size in whole.repository.bare_storage.walk("")
        if size and path not in ("encryption.json", "metadata.json")
    )
    chance = random.Random(7)
    for _ in range(_RUNS):
        vm, bare = copy_of(whole)
        path = chance.choice(files)
        body = bytearray(bare.read(path))
        # Structures stand at both ends of a file, and most of a large one is one block's middle.
        near = chance.choice([len(body), min(len(body), 3000)])
        at = (
            chance.randrange(near)
            if chance.random() < 0.5
            else len(body) - 1 - chance.randrange(near)
        )
        body[at] ^= 1 << chance.randrange(8)
        bare.write(path, bytes(body))
        lost = unreadable(vm)
        check(vm.repository)
        report = verify(vm.repository)
        described = {backup.id for backup in vm.repository.backups()}
        assert not (lost & described) or report.problems, f"byte {at} of {path}"
        clean_vm(vm.repository, vm.uuid)
        assert unreadable(vm) == lost, f"the clean-up after byte {at} of {path} lost more"
