"""A chain hangs together, or says which link does not."""

from __future__ import annotations

import dataclasses
import uuid
from pathlib import Path

import pytest

from xolite_qt.backup.disks import (
    DirectoryDisk,
    DiskChain,
    FileDisk,
    Kind,
    StoredDisk,
    create_disk,
    disk_name,
    open_chain,
    open_disk,
    write_alias,
)
from xolite_qt.backup.disks.coding import encode
from xolite_qt.backup.errors import BrokenChain, Damaged, RepositoryError
from xolite_qt.backup.storage import Storage
from xolite_qt.backup.storage.local import LocalStorage
from xolite_qt.backup.storage.memory import MemoryStorage
from xolite_qt.vhd import BLOCK_BYTES, FOOTER_BYTES, HEADER_BYTES, DiskType, Footer, Header

FOLDER = "xo-vm-backups/vm/vdis/job/vdi"


def path_of(number: int, kind: Kind) -> str:
    return f"{FOLDER}/{disk_name(f'2026010{number}T000000Z', kind)}"


def data(number: int) -> bytes:
    return bytes([number]) * BLOCK_BYTES


def write(
    storage: Storage,
    number: int,
    kind: Kind,
    blocks: list[int],
    parent: StoredDisk | None = None,
    size_blocks: int = 4,
) -> StoredDisk:
    """A disk whose blocks are filled with its number."""
    path = path_of(number, kind)
    writer = create_disk(
        storage,
        path,
        size_bytes=size_blocks * BLOCK_BYTES,
        uuid=str(uuid.uuid4()),
        parent=parent,
    )
    for index in blocks:
        writer.put(index, data(number))
    writer.finish()
    return open_disk(storage, path)


@pytest.fixture(params=list(Kind))
def kind(request: pytest.FixtureRequest) -> Kind:
    kind: Kind = request.param
    return kind


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def tip(storage: MemoryStorage, kind: Kind) -> str:
    """Path of the newest of three."""
    first = write(storage, 1, kind, [0, 1])
    second = write(storage, 2, kind, [1, 2], first)
    return write(storage, 3, kind, [2], second).path


def change_footer(storage: Storage, path: str, **changes: object) -> None:
    """As a program would write it: with a right checksum."""
    disk = open_disk(storage, path)
    raw = dataclasses.replace(disk.footer, **changes).pack()  # type: ignore[arg-type]
    if isinstance(disk, DirectoryDisk):
        storage.write(f"{disk.data_path}/footer", encode(raw, disk.compression))
    else:
        body = bytearray(storage.read(path))
        body[:FOOTER_BYTES] = body[-FOOTER_BYTES:] = raw
        storage.write(path, bytes(body))


def change_header(storage: Storage, path: str, **changes: object) -> None:
    """As a program would write it: with a right checksum."""
    disk = open_disk(storage, path)
    raw = dataclasses.replace(disk.header, **changes).pack()  # type: ignore[arg-type]
    if isinstance(disk, DirectoryDisk):
        storage.write(f"{disk.data_path}/header", encode(raw, disk.compression))
    else:
        body = bytearray(storage.read(path))
        body[FOOTER_BYTES : FOOTER_BYTES + HEADER_BYTES] = raw
        storage.write(path, bytes(body))


def test_each_block_is_from_the_newest_link(storage: MemoryStorage, tip: str) -> None:
    chain = open_chain(storage, tip)
    assert isinstance(chain, DiskChain)
    assert [type(link) for link in chain.links] in ([DirectoryDisk] * 3, [FileDisk] * 3)
    assert chain.allocated() == [0, 1, 2]
    found: dict[int, bytes] = {}
    chain.read_blocks(found.__setitem__, parallel=2)
    assert found == {0: data(1), 1: data(2), 2: data(3)}
    assert chain.read_block(3) is None
    assert chain.owner(0) is chain.links[0]


def test_a_missing_parent(storage: MemoryStorage, kind: Kind, tip: str) -> None:
    storage.delete(path_of(1, kind))
    with pytest.raises(BrokenChain, match="is missing") as caught:
        open_chain(storage, tip)
    assert caught.value.path == path_of(2, kind)


def test_a_wrong_parent(storage: MemoryStorage, kind: Kind, tip: str) -> None:
    other = "11111111-2222-3333-4444-555555555555"
    change_footer(storage, path_of(1, kind), uuid=other)
    with pytest.raises(BrokenChain, match=f"is {other}, it wants") as caught:
        open_chain(storage, tip)
    assert caught.value.path == path_of(2, kind)


def test_a_parent_that_is_larger(storage: MemoryStorage, kind: Kind) -> None:
    first = write(storage, 1, kind, [0], size_blocks=4)
    tip = write(storage, 2, kind, [1], first, size_blocks=4)
    change_footer(storage, tip.path, current_size_bytes=2 * BLOCK_BYTES)
    with pytest.raises(Damaged, match="is smaller than its parent"):
        open_chain(storage, tip.path)


def test_a_loop(storage: MemoryStorage, kind: Kind, tip: str) -> None:
    newest = open_disk(storage, tip)
    first = path_of(1, kind)
    change_footer(storage, first, disk_type=DiskType.DIFFERENCING)
    name = tip.rpartition("/")[2]
    change_header(storage, first, parent_name=name, parent_uuid=newest.uuid)
    with pytest.raises(BrokenChain, match="never ends"):
        open_chain(storage, tip)


def test_its_own_parent(storage: MemoryStorage, kind: Kind) -> None:
    disk = write(storage, 1, kind, [0])
    change_footer(storage, disk.path, disk_type=DiskType.DIFFERENCING)
    name = disk.path.rpartition("/")[2]
    change_header(storage, disk.path, parent_name=name, parent_uuid=disk.uuid)
    with pytest.raises(BrokenChain, match="never ends"):
        open_chain(storage, disk.path)


@pytest.mark.parametrize("name", ["../../../../../../etc/passwd", "", "a\0b", "/../x"])
def test_a_parent_that_cannot_be(storage: MemoryStorage, kind: Kind, tip: str, name: str) -> None:
    if "\0" in name:
        # A name ends at its first zero: this one is just missing.
        change_header(storage, path_of(2, kind), parent_name="a")
    else:
        change_header(storage, path_of(2, kind), parent_name=name)
    with pytest.raises(RepositoryError) as caught:
        open_chain(storage, tip)
    assert caught.value.path == path_of(2, kind)


def test_a_table_that_is_too_far_away(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "r")
    disk = write(storage, 1, Kind.FILE, [0])
    for offset in (2**63, 2**64 - 512, 2**40):
        change_header(storage, disk.path, table_offset_bytes=offset)
        with pytest.raises(Damaged) as caught:
            open_disk(storage, disk.path)
        assert caught.value.path == disk.path
        # Back to what it was, for the next one.
        body = bytearray(storage.read(disk.path))
        raw = dataclasses.replace(disk.header).pack()
        body[FOOTER_BYTES : FOOTER_BYTES + HEADER_BYTES] = raw
        storage.write(disk.path, bytes(body))


def test_a_disk_as_large_as_none_can_be(storage: MemoryStorage, kind: Kind) -> None:
    disk = write(storage, 1, kind, [0])
    change_footer(storage, disk.path, current_size_bytes=2**63)
    with pytest.raises(Damaged):
        open_disk(storage, disk.path)


def test_parts_of_a_folder_that_are_missing_or_spoilt(storage: MemoryStorage) -> None:
    disk = write(storage, 1, Kind.DIRECTORY, [0])
    for part in ("footer", "header", "bat", "chunk-filters.json", "blocks/0/0"):
        path = f"{disk.data_path}/{part}"
        body = storage.read(path)
        for spoilt in (b"", body[: len(body) // 2], b"\xff" * len(body), b"{}", None):
            if spoilt is None:
                storage.delete(path)
            else:
                storage.write(path, spoilt)
            with pytest.raises(RepositoryError) as caught:
                open_chain(storage, disk.path).read_block(0)
            # Without the list of compressions nothing else can be understood.
            named = disk.data_path if part == "chunk-filters.json" else path
            assert caught.value.path.startswith(named)
        storage.write(path, body)
    assert open_chain(storage, disk.path).read_block(0) == data(1)


def test_a_file_cut_anywhere(storage: MemoryStorage) -> None:
    disk = write(storage, 1, Kind.FILE, [0, 1])
    whole = storage.read(disk.path)
    for length in (0, 1, 511, 512, 1000, 1536, 2047, 2049, len(whole) - 1, len(whole) - 512):
        storage.write(disk.path, whole[:length])
        with pytest.raises(Damaged) as caught:
            open_chain(storage, disk.path)
        assert caught.value.path == disk.path
    storage.write(disk.path, whole)
    assert open_chain(storage, disk.path).read_block(1) == data(1)


def test_a_header_with_room_for_fewer_blocks_than_the_disk_has(storage: MemoryStorage) -> None:
    disk = write(storage, 1, Kind.DIRECTORY, [0])
    change_header(storage, disk.path, max_table_entries=2)
    with pytest.raises(Damaged):
        open_disk(storage, disk.path)


def test_compressions_that_are_unknown(storage: MemoryStorage) -> None:
    disk = write(storage, 1, Kind.DIRECTORY, [0])
    storage.write(f"{disk.data_path}/chunk-filters.json", b'["zstd"]')
    with pytest.raises(Damaged, match="zstd"):
        open_disk(storage, disk.path)


@pytest.mark.parametrize("compression", ["gzip", None])
def test_other_compressions_of_xen_orchestra(storage: MemoryStorage, compression: str) -> None:
    path = path_of(1, Kind.DIRECTORY)
    writer = create_disk(
        storage,
        path,
        size_bytes=BLOCK_BYTES,
        uuid=str(uuid.uuid4()),
        compression=compression,  # type: ignore[arg-type]
    )
    writer.put(0, data(5))
    writer.finish()
    parent = open_disk(storage, path)
    assert parent.compression == compression
    # What lies over it is written the same way.
    tip = write(storage, 2, Kind.DIRECTORY, [0], parent, size_blocks=1)
    assert tip.compression == compression
    assert open_chain(storage, tip.path).read_block(0) == data(2)


def test_two_aliases_of_one_folder_are_no_chain(storage: MemoryStorage) -> None:
    first = write(storage, 1, Kind.DIRECTORY, [0])
    second = write(storage, 2, Kind.DIRECTORY, [1], first)
    write_alias(storage, first.path, second.data_path)
    with pytest.raises(BrokenChain):
        open_chain(storage, second.path)


def test_structures_are_what_they_were(storage: MemoryStorage, kind: Kind) -> None:
    disk = write(storage, 1, kind, [0])
    assert Footer.parse(disk.footer.pack()) == disk.footer
    assert Header.parse(disk.header.pack()) == disk.header
