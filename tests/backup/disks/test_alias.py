"""An alias leads to a folder of the repository, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.backup.disks import delete_disk, open_disk, read_alias, write_alias
from xolite_qt.backup.errors import Damaged, NotFound
from xolite_qt.backup.storage.memory import MemoryStorage

ALIAS = "xo-vm-backups/vm/vdis/job/vdi/20260101T000000Z.alias.vhd"
DATA = "xo-vm-backups/vm/vdis/job/vdi/data/0.vhd"


def test_there_and_back() -> None:
    storage = MemoryStorage()
    write_alias(storage, ALIAS, DATA)
    assert storage.read(ALIAS) == b"data/0.vhd"
    assert read_alias(storage, ALIAS) == DATA


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x" * 1025,
        b"\xff\xfe",
        b"../../../../../../etc/passwd",
        b"../" * 300,
        b"a\0b",
        b"x" * 300,
        b"20260101T000000Z.alias.vhd",
        b"data/1.alias.vhd",
        b".",
        b"../../../../..",
    ],
)
def test_what_is_none_is_damage(body: bytes) -> None:
    storage = MemoryStorage()
    storage.write(ALIAS, body)
    with pytest.raises(Damaged, match=r"is no alias|leads to another alias") as caught:
        read_alias(storage, ALIAS)
    assert caught.value.path == ALIAS
    with pytest.raises(Damaged):
        open_disk(storage, ALIAS)


@given(st.binary(max_size=64))
def test_it_never_leads_out(body: bytes) -> None:
    storage = MemoryStorage()
    storage.write(ALIAS, body)
    try:
        target = read_alias(storage, ALIAS)
    except Damaged:
        return
    assert target
    assert ".." not in target.split("/")
    assert not target.startswith("/")


def test_removing_a_disk_removes_what_is_behind_it() -> None:
    storage = MemoryStorage()
    write_alias(storage, ALIAS, DATA)
    storage.write(f"{DATA}/blocks/0/0", b"x")
    delete_disk(storage, ALIAS)
    assert list(storage.walk("")) == []


@pytest.mark.parametrize("target", ["", "xo-vm-backups", "xo-vm-backups/vm", "other/data/0.vhd"])
def test_removing_a_disk_removes_nothing_else(target: str) -> None:
    """An alias that leads to a folder above it, or to one that is no disk's, is damage."""
    storage = MemoryStorage()
    storage.write("xo-vm-backups/vm/precious.json", b"x")
    storage.write("other/data/0.vhd/precious", b"x")
    storage.write(ALIAS, b"/" + target.encode())
    delete_disk(storage, ALIAS)
    left = {path for path, _ in storage.walk("")}
    assert left == {"xo-vm-backups/vm/precious.json", "other/data/0.vhd/precious"}


def test_none_at_all() -> None:
    with pytest.raises(NotFound, match=r"20260101T000000Z\.alias\.vhd"):
        open_disk(MemoryStorage(), ALIAS)
