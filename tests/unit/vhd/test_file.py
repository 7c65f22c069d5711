"""VHD files that are changed in place: as a dictionary of blocks, and after a crash anywhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from xolite_qt.vhd.file import VhdFile
from xolite_qt.vhd.structs import (
    BLOCK_BYTES,
    DiskType,
    Footer,
    Header,
    Locator,
    VhdError,
    blocks_of,
)
from xolite_qt.vhd.writing import VhdLayout, block_parts

from .random_files import JournalFile, crashes, power_cuts

HALF = BLOCK_BYTES // 2
FULL_BITMAP = b"\xff" * 512
# The first three have a place at once; the others need a table of two and of three sectors.
INDICES = (0, 1, 2, 127, 128, 299)


def content(value: int) -> bytes:
    return bytes([value]) * BLOCK_BYTES


def new_footer(blocks: int = 3) -> Footer:
    return Footer.make(blocks * BLOCK_BYTES, DiskType.DYNAMIC, str(UUID(int=5)))


def new_file(values: dict[int, int], blocks: int = 3) -> JournalFile:
    """A file whose blocks are each filled with a value; its journal is empty."""
    file = JournalFile()
    made = VhdFile.create(file, new_footer(blocks), Header(blocks))
    for index, value in values.items():
        made.write_block(index, content(value))
    made.close()
    return JournalFile(bytes(file.body))


def values_of(vhd: VhdFile) -> dict[int, bytes]:
    """First and last byte of each block, whose halves are each of one value."""
    found = {}
    for index in vhd.allocated():
        data = vhd.read_block(index)
        assert data == data[:1] * HALF + data[-1:] * HALF
        found[index] = data[:1] + data[-1:]
    return found


def check_crash(
    file: JournalFile,
    before: dict[int, int],
    after: dict[int, int],
    heads: list[tuple[Footer, Header]],
) -> None:
    """The file opens, and each block is as before or as after (or in between, in place)."""
    vhd = VhdFile(file, strict=False)
    found = values_of(vhd)
    assert set(before) <= set(found) <= set(after)
    for index, ends in found.items():
        known = {values[index] for values in (before, after) if index in values}
        assert set(ends) <= known
    assert vhd.footer in [footer for footer, _ in heads]
    assert vhd.header in [header for _, header in heads]
    if vhd.torn:
        vhd.flush()
        assert values_of(VhdFile(file)) == found
    else:
        VhdFile(file)


class Machine(RuleBasedStateMachine):
    """Any changes, and a crash after and in the middle of every write of each."""

    @initialize()
    def start(self) -> None:
        self.file = new_file({})
        self.vhd = VhdFile(self.file)
        self.stored: dict[int, int] = {}
        self.waiting: dict[int, int] = {}
        self.heads = [(self.vhd.footer, self.vhd.header)]

    def step(self, change: Callable[[], None], after: dict[int, int]) -> None:
        body = bytes(self.file.body)
        self.file.journal.clear()
        change()
        self.heads.append((self.vhd.footer, self.vhd.header))
        for crashed in crashes(body, self.file.journal):
            check_crash(crashed, self.stored, after, self.heads)
        self.stored = after

    def flushed(self) -> dict[int, int]:
        after = {**self.stored, **self.waiting}
        self.waiting = {}
        return after

    @rule(index=st.sampled_from(INDICES), value=st.integers(1, 255))
    def write(self, index: int, value: int) -> None:
        if index >= self.vhd.header.max_table_entries:
            with pytest.raises(VhdError, match="beyond"):
                self.vhd.write_block(index, content(value))
            return
        if index not in self.stored:
            self.waiting[index] = value
        after = {**self.stored, index: value} if index in self.stored else self.stored
        self.step(lambda: self.vhd.write_block(index, content(value)), after)
        # Also where another footer waits, the two in the file are the same.
        VhdFile(self.file)

    @rule()
    def flush(self) -> None:
        self.step(self.vhd.flush, self.flushed())
        self.heads = self.heads[-1:]

    @rule(timestamp=st.integers(0, 2**32 - 1))
    def change_footer(self, timestamp: int) -> None:
        footer = replace(self.vhd.footer, timestamp=timestamp)
        self.step(lambda: self.vhd.set_footer(footer), self.stored)

    @rule(name=st.sampled_from(["", "a.vhd", "ä" * 256]))
    def change_header(self, name: str) -> None:
        header = replace(self.vhd.header, parent_name=name)
        self.step(lambda: self.vhd.set_header(header), self.stored)

    @rule(blocks=st.sampled_from([3, 4, 128, 129, 300]))
    def grow(self, blocks: int) -> None:
        if blocks <= self.vhd.header.max_table_entries:
            return
        # Locators of the parent have no part in this, so only the number of entries changes.
        grown = replace(self.vhd.header, max_table_entries=blocks)
        self.heads.append((self.vhd.footer, grown))
        self.step(lambda: self.vhd.grow_table(blocks), self.flushed())
        self.vhd.set_footer(replace(self.vhd.footer, current_size_bytes=blocks * BLOCK_BYTES))
        self.flush()

    @rule()
    def close_and_open(self) -> None:
        self.vhd.close()
        assert self.file.closed
        self.stored = self.flushed()
        self.vhd = VhdFile(self.file)
        assert (self.vhd.footer, self.vhd.header) == self.heads[-1]
        self.heads = self.heads[-1:]

    @rule()
    def die(self) -> None:
        self.waiting = {}
        self.vhd = VhdFile(self.file, strict=False)
        self.heads = [(self.vhd.footer, self.vhd.header)]

    @invariant()
    def reads_as_the_dictionary(self) -> None:
        expected = {**self.stored, **self.waiting}
        assert self.vhd.allocated() == sorted(expected)
        assert values_of(self.vhd) == {i: bytes([v, v]) for i, v in expected.items()}
        assert all(self.vhd.has(i) == (i in expected) for i in (*INDICES, -1, 10**9))


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)


def test_a_power_cut_may_forget_any_write_since_the_last_sync() -> None:
    old = {0: 1, 1: 2}
    file = new_file(old)
    body = bytes(file.body)
    vhd = VhdFile(file)
    heads = [(vhd.footer, vhd.header)]
    vhd.write_block(2, content(3))
    vhd.write_block(0, content(4))
    vhd.set_header(replace(vhd.header, parent_name="a.vhd"))
    vhd.set_footer(replace(vhd.footer, timestamp=7))
    heads.append((vhd.footer, vhd.header))
    vhd.flush()
    vhd.grow_table(300)
    heads.append((vhd.footer, vhd.header))
    vhd.set_footer(new_footer(300))
    vhd.write_block(299, content(5))
    heads.append((vhd.footer, vhd.header))
    vhd.close()
    new = {0: 4, 1: 2, 2: 3, 299: 5}
    for crashed in power_cuts(body, file.journal):
        reopened = VhdFile(crashed, strict=False)
        assert reopened.footer in [footer for footer, _ in heads]
        assert reopened.header in [header for _, header in heads]
        found = values_of(reopened)
        assert set(old) <= set(found)
        for index, ends in found.items():
            # A block whose table entry is there has all of its bytes.
            assert set(ends) <= {old.get(index), new[index]}
            assert reopened.read_bitmap(index) == FULL_BITMAP
        reopened.flush()
        assert values_of(VhdFile(crashed)) == found


def test_new_blocks_go_behind_the_last_and_replaced_ones_stay() -> None:
    file = new_file({1: 1})
    vhd = VhdFile(file)
    vhd.write_block(0, b"short")
    vhd.write_block(1, content(9))
    vhd.close()
    assert len(file.body) == 2048 + 2 * (512 + BLOCK_BYTES) + 512
    assert file.body[1536:1544] == (4 + 4097).to_bytes(4, "big") + (4).to_bytes(4, "big")
    assert vhd.read_block(0) == b"short" + bytes(BLOCK_BYTES - 5)
    assert vhd.read_bitmap(1) == FULL_BITMAP
    assert file.body[-512:] == file.body[:512]


def test_a_file_is_as_a_stream_would_have_it() -> None:
    layout = VhdLayout.plan(new_footer(), [0, 2])
    parts = [layout.head(), *block_parts(content(1)), *block_parts(content(3)), layout.tail()]
    assert bytes(new_file({0: 1, 2: 3}).body) == b"".join(parts)


def test_bitmaps_are_given_but_not_looked_at() -> None:
    file = new_file({0: 1})
    file.body[2048 : 2048 + 512] = bytes(512)
    vhd = VhdFile(file)
    assert vhd.read_bitmap(0) == bytes(512)
    assert vhd.read_block(0) == content(1)
    vhd.write_block(0, content(2))
    assert vhd.read_bitmap(0) == FULL_BITMAP


def test_a_footer_that_is_missing_at_the_end_is_mended() -> None:
    file = new_file({0: 1})
    del file.body[-512:]
    with pytest.raises(VhdError, match="differ"):
        VhdFile(file)
    vhd = VhdFile(file, strict=False)
    assert vhd.torn
    # Closing a file that was only looked at changes nothing.
    vhd.close()
    assert file.journal == []
    vhd.set_footer(replace(vhd.footer, timestamp=9))
    before = bytes(file.body)
    vhd.flush()
    assert not vhd.torn
    assert VhdFile(file).footer.timestamp == 9
    for crashed in crashes(before, file.journal):
        assert values_of(VhdFile(crashed, strict=False)) == {0: b"\1\1"}


def test_a_spoilt_first_footer_is_mended_from_the_last() -> None:
    file = new_file({0: 1})
    file.body[100] ^= 1
    with pytest.raises(VhdError):
        VhdFile(file)
    vhd = VhdFile(file, strict=False)
    vhd.set_footer(replace(vhd.footer, timestamp=9))
    before = bytes(file.body)
    vhd.flush()
    for crashed in crashes(before, file.journal):
        assert values_of(VhdFile(crashed, strict=False)) == {0: b"\1\1"}
    assert VhdFile(file).footer.timestamp == 9


def test_room_that_nobody_names_is_used_again() -> None:
    file = new_file({0: 1})
    vhd = VhdFile(file)
    vhd.write_block(1, content(2))
    # It dies here: the block is in the file, and not in the table.
    size = len(file.body)
    again = VhdFile(file)
    assert again.allocated() == [0]
    again.write_block(2, content(3))
    again.close()
    assert len(file.body) == size
    assert values_of(VhdFile(file)) == {0: b"\1\1", 2: b"\3\3"}


def test_a_full_disk_leaves_the_file_as_it_was() -> None:
    class Full(JournalFile):
        left = 10**9

        def write_at(self, offset_bytes: int, data: bytes | bytearray | memoryview) -> None:
            self.left -= len(data)
            if self.left < 0:
                raise OSError(28, "full")
            super().write_at(offset_bytes, data)

    file = Full(bytes(new_file({0: 1}).body))
    vhd = VhdFile(file)
    file.left = 10_000
    with pytest.raises(OSError, match="full"):
        vhd.write_block(1, content(2))
    assert not vhd.has(1)
    assert values_of(VhdFile(file)) == {0: b"\1\1"}
    file.left = 10**9
    vhd.write_block(1, content(2))
    vhd.close()
    assert len(file.body) == 2048 + 2 * (512 + BLOCK_BYTES) + 512
    assert values_of(VhdFile(file)) == {0: b"\1\1", 1: b"\2\2"}


def test_the_parents_path_elsewhere_makes_way_for_a_larger_table() -> None:
    file = new_file({})
    place = Locator(int.from_bytes(b"W2ku", "big"), 1, 10, 2048)
    file.body[2048:] = b"p.vhd".ljust(512, b"\0") + file.body[:512]
    header = replace(Header.parse(bytes(file.body[512:1536])), locators=(place,) + (Locator(),) * 7)
    file.body[512:1536] = header.pack()
    vhd = VhdFile(file)
    vhd.write_block(0, content(1))
    vhd.grow_table(300)
    vhd.close()
    moved = VhdFile(file).header.locators[0]
    assert moved.offset_bytes >= 1536 + 3 * 512
    assert file.body[moved.offset_bytes :][:5] == b"p.vhd"
    assert values_of(VhdFile(file)) == {0: b"\1\1"}


def test_a_table_of_many_blocks_grows_without_more_than_it_needs() -> None:
    file = new_file({0: 1, 1: 2, 2: 3})
    vhd = VhdFile(file)
    vhd.grow_table(2)
    assert file.journal == []
    # 2 TiB: 4 MiB of table, under which two blocks and a bit of the third lie.
    vhd.grow_table(2**20)
    vhd.set_footer(new_footer(2**20))
    vhd.close()
    assert values_of(VhdFile(file)) == {0: b"\1\1", 1: b"\2\2", 2: b"\3\3"}
    assert blocks_of(VhdFile(file).footer.current_size_bytes) == 2**20
    with pytest.raises(VhdError, match="cannot have"):
        vhd.grow_table(2**40)


def test_what_does_not_fit_is_refused() -> None:
    file = new_file({0: 1})
    vhd = VhdFile(file)
    for change in (
        lambda: vhd.write_block(3, b""),
        lambda: vhd.write_block(-1, b""),
        lambda: vhd.write_block(0, bytes(BLOCK_BYTES + 1)),
        lambda: vhd.set_footer(new_footer(4)),
        lambda: vhd.set_footer(replace(new_footer(), data_offset_bytes=1024)),
        lambda: vhd.set_header(replace(vhd.header, max_table_entries=4)),
        lambda: vhd.set_header(replace(vhd.header, parent_name="a" * 257)),
        lambda: VhdFile.create(JournalFile(), new_footer(4), Header(3)),
        lambda: VhdFile.create(JournalFile(), new_footer(3), Header(3, table_offset_bytes=1024)),
        lambda: VhdFile.create(
            JournalFile(), new_footer().with_disk_type(DiskType.FIXED), Header(3)
        ),
    ):
        with pytest.raises(VhdError):
            change()
    for read in (vhd.read_block, vhd.read_bitmap):
        for index in (1, -1, 3):
            with pytest.raises(VhdError, match="not in this VHD"):
                read(index)
    assert file.journal == []


@pytest.mark.parametrize(
    ("offset", "spoilt"),
    [
        (1536, b"\0\0\0\0"),  # a block over the footer
        (1536, b"\0\0\0\3"),  # over the table
        (1536, b"\0\0\0\5"),  # over another block
        (1536, b"\x00\xff\xff\xff"),  # beyond the end
    ],
)
def test_blocks_that_lie_wrong_are_refused(offset: int, spoilt: bytes) -> None:
    file = new_file({0: 1, 1: 2})
    file.body[offset : offset + 4] = spoilt
    for strict in (True, False):
        with pytest.raises(VhdError):
            VhdFile(file, strict=strict)


@pytest.mark.parametrize("table_offset", [0, 512, 1024, 1537, 2**40])
def test_a_table_that_lies_wrong_is_refused(table_offset: int) -> None:
    file = new_file({})
    file.body[512:1536] = Header(3, table_offset_bytes=table_offset).pack()
    with pytest.raises(VhdError):
        VhdFile(file)


def test_every_truncation_is_refused() -> None:
    body = bytes(new_file({1: 1}, blocks=200).body)
    head, end = 1536 + 1024, len(body)
    for cut in [*range(head), head, head + 512, end - 513, end - 512, end - 511, end - 1]:
        with pytest.raises(VhdError):
            VhdFile(JournalFile(body[:cut]))
        if cut < end - 512:
            with pytest.raises(VhdError):
                VhdFile(JournalFile(body[:cut]), strict=False)


@given(st.binary(max_size=3000), st.booleans())
def test_garbage_is_refused(raw: bytes, strict: bool) -> None:
    with pytest.raises(VhdError):
        VhdFile(JournalFile(raw), strict=strict)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 2559), st.integers(0, 255)), max_size=6), st.booleans())
def test_a_spoilt_head_is_refused_or_read_but_nothing_else(
    flips: list[tuple[int, int]], strict: bool
) -> None:
    file = new_file({}, blocks=200)
    for place, value in flips:
        file.body[place] = value
    with contextlib.suppress(VhdError):
        VhdFile(file, strict=strict)
