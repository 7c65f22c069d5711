"""VHD as hosts have it: written, read back, refused, and what qemu-img makes of it."""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.needs import needs
from xolite_qt.demo_host.disks.files import BLOCK_BYTES, Files
from xolite_qt.demo_host.disks.layers import Contents
from xolite_qt.demo_host.transfers.exports import changed_blocks, data_blocks, stretches
from xolite_qt.demo_host.transfers.vhd import (
    BITMAP,
    BLOCK_SECTORS,
    DIFFERENCING,
    DYNAMIC,
    SECTOR_BYTES,
    UNUSED,
    VHD_BLOCK_BYTES,
    BadVhd,
    VhdReader,
    make_footer,
    make_header,
    make_table,
    read_footer,
    read_shape,
    set_runs,
)

MIB = 1 << 20
UUID = bytes(range(16))
SIZE = 7 * MIB + 512


@pytest.fixture
def files() -> Iterator[Files]:
    made = Files()
    yield made
    made.close()


def a_vhd(blocks: dict[int, bytes], size: int = SIZE, kind: int = DYNAMIC) -> bytes:
    entries = -(-size // VHD_BLOCK_BYTES)
    footer = make_footer(size, UUID, kind, 1.8e9)
    table = make_table(entries, sorted(blocks))
    data = b"".join(BITMAP + blocks[number] for number in sorted(blocks))
    return footer + make_header(entries) + table + data + footer


def read(data: bytes, size: int = SIZE, step: int = 100_001) -> bytes:
    disk = bytearray(size)

    def write(offset: int, piece: memoryview) -> None:
        disk[offset : offset + len(piece)] = piece

    reader = VhdReader(size, write)
    for start in range(0, len(data), step):
        reader.feed(data[start : start + step])
    reader.finish()
    return bytes(disk)


@settings(max_examples=25)
@given(
    blocks=st.sets(st.integers(0, 3)),
    step=st.integers(5_000, 3_000_000),
    kind=st.sampled_from([DYNAMIC, DIFFERENCING]),
)
def test_what_was_written_is_read(blocks: set[int], step: int, kind: int) -> None:
    data = {number: bytes([number + 1]) * VHD_BLOCK_BYTES for number in blocks}
    disk = read(a_vhd(data, kind=kind), step=step)
    for number in range(4):
        start = number * VHD_BLOCK_BYTES
        piece = disk[start : start + VHD_BLOCK_BYTES]
        assert piece == bytes([number + 1 if number in blocks else 0]) * len(piece)


def test_the_footer_has_what_readers_look_for() -> None:
    footer = make_footer(10 << 30, UUID, DIFFERENCING, 946_684_800 + 77)
    assert len(footer) == 512
    assert footer[:8] == b"conectix"
    assert struct.unpack_from(">IIQI4sI", footer, 8) == (2, 0x10000, 512, 77, b"tap\0", 0x10003)
    assert struct.unpack_from(">QQ", footer, 40) == (10 << 30, 10 << 30)
    assert struct.unpack_from(">I", footer, 60)[0] == DIFFERENCING
    assert footer[68:84] == UUID
    total = sum(footer[:64]) + sum(footer[68:])
    assert struct.unpack_from(">I", footer, 64)[0] == ~total & 0xFFFFFFFF
    assert read_footer(footer) == (512, 10 << 30, DIFFERENCING, UUID)


def test_the_header_names_the_parent() -> None:
    header = make_header(5120, UUID, "base.vhd", 946_684_800 + 5)
    assert len(header) == 1024
    assert struct.unpack_from(">8s8sQIII", header) == (
        b"cxsparse",
        b"\xff" * 8,
        1536,
        0x10000,
        5120,
        VHD_BLOCK_BYTES,
    )
    assert header[40:56] == UUID
    assert struct.unpack_from(">I", header, 56)[0] == 5
    assert header[64:80] == "base.vhd".encode("utf-16-be")
    shape = read_shape(make_footer(10 << 30, UUID, DIFFERENCING, 0), header)
    assert (shape.entries, shape.parent) == (5120, UUID)


def test_the_table_is_of_whole_sectors() -> None:
    table = make_table(130, [1, 129])
    assert len(table) == 1024
    entries = struct.unpack(">256I", table)
    first = (1536 + 1024) // 512
    assert (entries[1], entries[129]) == (first, first + BLOCK_SECTORS + 1)
    assert set(entries) == {UNUSED, first, first + BLOCK_SECTORS + 1}


def test_only_sectors_that_are_there_are_written() -> None:
    block = bytearray(b"n" * VHD_BLOCK_BYTES)
    data = bytearray(a_vhd({0: bytes(block)}))
    at = 1536 + 512
    data[at : at + 512] = bytes([0x80, 0x01]) + bytes(510)
    disk = read(bytes(data))
    assert disk[:SECTOR_BYTES] == b"n" * SECTOR_BYTES
    assert disk[15 * SECTOR_BYTES : 16 * SECTOR_BYTES] == b"n" * SECTOR_BYTES
    assert disk.count(b"n") == 2 * SECTOR_BYTES


@given(st.sets(st.integers(0, BLOCK_SECTORS - 1), max_size=50))
def test_runs_of_bits(sectors: set[int]) -> None:
    bitmap = bytearray(SECTOR_BYTES)
    for number in sectors:
        bitmap[number // 8] |= 0x80 >> number % 8
    runs = set_runs(bytes(bitmap))
    assert {n for first, end in runs for n in range(first, end)} == sectors


@pytest.mark.parametrize("at", [0, 50, 500, 512, 512 + 28, 512 + 900, -512, -100])
def test_a_wrong_byte_in_footer_or_header_is_seen(at: int) -> None:
    data = bytearray(a_vhd({1: b"x" * VHD_BLOCK_BYTES}))
    data[at] ^= 1
    with pytest.raises(BadVhd):
        read(bytes(data))


@pytest.mark.parametrize("missing", [1, 512, 513, 2 * MIB, 3 * MIB])
def test_an_early_end_is_seen(missing: int) -> None:
    data = a_vhd({1: b"x" * VHD_BLOCK_BYTES})
    with pytest.raises(BadVhd):
        read(data[:-missing])


def test_a_larger_disk_is_refused() -> None:
    with pytest.raises(BadVhd, match="bytes"):
        read(a_vhd({}, size=SIZE + 512))
    assert read(a_vhd({}, size=SIZE - 512)) == bytes(SIZE)


def test_which_blocks_hold_data_and_which_changed(files: Files) -> None:
    disk = Contents(files)
    disk.write(0, b"a")
    disk.write(5 * MIB, b"b" * 3 * MIB)
    size = 7 * MIB
    assert data_blocks(disk.data_runs(), size) == [0, 2, 3]
    base = disk.branch()
    assert changed_blocks(disk, base, size) == []
    disk.write(0, bytes(BLOCK_BYTES))
    disk.write(6 * MIB, b"c")
    assert changed_blocks(disk, base, size) == [0, 3]
    assert data_blocks(disk.data_runs(), size) == [2, 3]


def test_stretches_cover_the_disk() -> None:
    size = 10 * BLOCK_BYTES - 100
    found = list(stretches([(0, 1), (4, 6), (9, 11)], size))
    assert [(start // BLOCK_BYTES, data) for start, _, data in found] == [
        (0, True),
        (1, False),
        (4, True),
        (6, False),
        (9, True),
    ]
    assert sum(length for _, length, _ in found) == size
    assert list(stretches([], size)) == [(0, size, False)]


def test_qemu_reads_it(tmp_path: Path) -> None:
    needs("qemu-img")
    blocks = {1: b"one" * (VHD_BLOCK_BYTES // 3) + b"!!", 3: b"end!" * (VHD_BLOCK_BYTES // 4)}
    size = 8 * MIB
    vhd, raw = tmp_path / "disk.vhd", tmp_path / "disk.raw"
    vhd.write_bytes(a_vhd(blocks, size))
    told = subprocess.run(
        ["qemu-img", "info", "--output=json", "-f", "vpc", vhd], capture_output=True, check=True
    )
    assert json.loads(told.stdout)["virtual-size"] == size
    subprocess.run(["qemu-img", "convert", "-f", "vpc", "-O", "raw", vhd, raw], check=True)
    disk = raw.read_bytes()
    assert len(disk) == size
    for number in range(4):
        expected = blocks.get(number, bytes(VHD_BLOCK_BYTES))
        assert disk[number * VHD_BLOCK_BYTES : (number + 1) * VHD_BLOCK_BYTES] == expected
