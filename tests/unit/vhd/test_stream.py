"""Streams: what a layout writes is read, what was cut or is garbage is refused."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xolite_qt.vhd.stream import FULL_BITMAP, VhdStream
from xolite_qt.vhd.structs import BLOCK_BYTES, DiskType, Footer, VhdError, blocks_of
from xolite_qt.vhd.writing import VhdLayout, block_parts

UUID_A = str(UUID(int=0xA))
STEP = 512 + BLOCK_BYTES


def content(index: int) -> bytes:
    return bytes([index % 251 + 1]) * BLOCK_BYTES


def written(size: int, allocated: list[int], parent: str | None = None) -> bytes:
    kind = DiskType.DIFFERENCING if parent else DiskType.DYNAMIC
    layout = VhdLayout.plan(
        Footer.make(size, kind, UUID_A), allocated, parent_uuid=parent, parent_name="p.vhd"
    )
    parts = [layout.head()]
    for index in allocated:
        parts += block_parts(content(index))
    whole = b"".join([*parts, layout.tail()])
    assert len(parts[0]) == layout.head_bytes
    assert len(whole) == layout.total_bytes
    return whole


def read_all(raw: bytes) -> tuple[VhdStream, list[tuple[int, bytes, bytes]]]:
    stream = VhdStream(io.BytesIO(raw).read)
    blocks = list(stream.blocks())
    stream.finish()
    return stream, blocks


# Few blocks, in a disk of up to 4 TiB: the table is the longest part then.
disks = st.integers(1, 2**21).flatmap(
    lambda blocks: st.tuples(
        st.integers((blocks - 1) * BLOCK_BYTES + 1, blocks * BLOCK_BYTES),
        st.sets(st.integers(0, blocks - 1), max_size=3).map(sorted),
    )
)


@settings(max_examples=20)
@given(disks, st.none() | st.uuids(version=4).map(str))
def test_what_is_written_is_read(disk: tuple[int, list[int]], parent: str | None) -> None:
    size, allocated = disk
    raw = written(size, allocated, parent)
    stream, blocks = read_all(raw)
    assert stream.footer.current_size_bytes == size
    assert stream.header.parent_uuid == parent
    assert stream.header.max_table_entries == max(1, blocks_of(size))
    assert stream.allocated == allocated
    assert [index for index, _, _ in blocks] == allocated
    assert all(bitmap == FULL_BITMAP and data == content(i) for i, bitmap, data in blocks)
    assert stream.consumed_bytes == len(raw)


def test_only_the_head_is_consumed_before_the_blocks() -> None:
    raw = written(10 * BLOCK_BYTES, [3, 7])
    file = io.BytesIO(raw)
    assert VhdStream(file.read).allocated == [3, 7]
    assert file.tell() == 2048


def test_the_last_block_of_a_disk_is_padded() -> None:
    bitmap, data = block_parts(b"abc")
    assert bitmap == FULL_BITMAP
    assert data == b"abc" + bytes(BLOCK_BYTES - 3)


def test_every_truncation_of_the_head_and_around_each_edge_is_refused() -> None:
    raw = written(200 * BLOCK_BYTES, [0, 199])
    head = 1536 + 1024
    cuts = set(range(head + 520))
    for edge in (head + STEP, head + 2 * STEP, len(raw)):
        cuts |= {edge - 513, edge - 512, edge - 1, edge, edge + 1, edge + 511}
    for cut in sorted(cuts):
        if cut < len(raw):
            with pytest.raises(VhdError, match=r"ends|instead"):
                read_all(raw[:cut])


@settings(max_examples=60)
@given(st.data())
def test_a_truncation_anywhere_is_refused(data: st.DataObject) -> None:
    raw = written(BLOCK_BYTES, [0])
    cut = data.draw(st.integers(0, len(raw) - 1))
    with pytest.raises(VhdError):
        read_all(raw[:cut])


@given(st.binary(max_size=5000))
def test_garbage_is_refused(raw: bytes) -> None:
    with pytest.raises(VhdError):
        read_all(raw)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 2559), st.integers(0, 255)), max_size=8))
def test_a_spoilt_head_is_refused_or_read_but_nothing_else(flips: list[tuple[int, int]]) -> None:
    raw = bytearray(written(200 * BLOCK_BYTES, []))
    for place, value in flips:
        raw[place] = value
    with contextlib.suppress(VhdError):
        read_all(bytes(raw))


@pytest.mark.parametrize("sector", [0, 1, 4, 2**32 - 2])
def test_a_block_that_lies_elsewhere_is_refused(sector: int) -> None:
    raw = bytearray(written(2 * BLOCK_BYTES, [0, 1]))
    raw[1540:1544] = sector.to_bytes(4, "big")
    with pytest.raises(VhdError):
        read_all(bytes(raw))


def test_blocks_in_another_order_are_read_in_that_of_the_file() -> None:
    raw = bytearray(written(2 * BLOCK_BYTES, [0, 1]))
    raw[1536:1544] = raw[1540:1544] + raw[1536:1540]
    _, blocks = read_all(bytes(raw))
    assert [(index, data[:1]) for index, _, data in blocks] == [
        (1, content(0)[:1]),
        (0, content(1)[:1]),
    ]


def test_the_footer_of_another_disk_at_the_end_is_refused() -> None:
    raw = written(BLOCK_BYTES, [0])
    other = replace(Footer.parse(raw[:512]), uuid=str(UUID(int=0xB)))
    with pytest.raises(VhdError, match="differ"):
        read_all(raw[:-512] + other.pack())


def test_a_header_elsewhere_cannot_be_streamed() -> None:
    raw = written(BLOCK_BYTES, [0])
    moved = replace(Footer.parse(raw[:512]), data_offset_bytes=1024)
    with pytest.raises(VhdError, match="header"):
        VhdStream(io.BytesIO(moved.pack() + raw[512:]).read)
