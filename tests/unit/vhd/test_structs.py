"""Footer, header and geometry: what is packed is parsed, what was flipped is refused."""

from __future__ import annotations

import contextlib
import math
import struct
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from xolite_qt.vhd.structs import (
    BLOCK_BYTES,
    MAX_TABLE_ENTRIES,
    DiskType,
    Footer,
    Header,
    Locator,
    VhdError,
    blocks_of,
    check_fit,
    geometry,
)

uuids = st.uuids().map(str)
sizes = st.integers(0, MAX_TABLE_ENTRIES * BLOCK_BYTES)
words = st.integers(0, 2**32 - 1)
footers = st.builds(
    Footer,
    current_size_bytes=sizes,
    original_size_bytes=sizes,
    disk_type=st.sampled_from(DiskType),
    uuid=uuids,
    timestamp=words,
    geometry=st.tuples(st.integers(0, 65535), st.integers(0, 255), st.integers(0, 255)),
    creator=st.binary(min_size=4, max_size=4),
    creator_version=words,
    creator_os=st.binary(min_size=4, max_size=4),
    data_offset_bytes=st.integers(0, 2**64 - 1),
    features=st.sampled_from([2, 3]),
    saved_state=st.integers(0, 1),
)
locators = st.builds(Locator, words, words, words, st.integers(0, 2**64 - 1))
# No surrogates: they are no text. NUL ends a name.
names = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"], max_codepoint=0xFFFF),
    max_size=256,
)
headers = st.builds(
    Header,
    max_table_entries=st.integers(0, MAX_TABLE_ENTRIES),
    parent_uuid=st.none() | uuids.filter(lambda uuid: UUID(uuid).int != 0),
    parent_name=names,
    parent_timestamp=words,
    table_offset_bytes=st.integers(0, 2**64 - 1),
    locators=st.tuples(*[locators] * 8),
)


@given(footers)
def test_a_footer_comes_back(footer: Footer) -> None:
    raw = footer.pack()
    assert len(raw) == 512
    assert Footer.parse(raw) == footer


@given(headers)
def test_a_header_comes_back(header: Header) -> None:
    raw = header.pack()
    assert len(raw) == 1024
    assert Header.parse(raw) == header


def test_fields_are_where_the_format_has_them() -> None:
    footer = Footer.make(3 * 2**20, DiskType.DIFFERENCING, "01020304-0506-0708-090a-0b0c0d0e0f10")
    raw = footer.pack()
    assert raw[:8] == b"conectix"
    assert struct.unpack_from(">IIQ", raw, 8) == (2, 0x10000, 512)
    assert struct.unpack_from(">QQHBBI", raw, 40) == (3 * 2**20, 3 * 2**20, 91, 4, 17, 4)
    assert raw[68:84] == bytes(range(1, 17))
    (checksum,) = struct.unpack_from(">I", raw, 64)
    assert checksum == ~(sum(raw) - sum(raw[64:68])) & 0xFFFFFFFF
    header = Header(max_table_entries=7, parent_uuid=footer.uuid, parent_name="a.vhd").pack()
    assert header[:16] == b"cxsparse" + b"\xff" * 8
    assert struct.unpack_from(">QIII", header, 16) == (1536, 0x10000, 7, BLOCK_BYTES)
    assert header[40:56] == bytes(range(1, 17))
    assert header[64:74] == "a.vhd".encode("utf-16-be")


@given(footers, st.integers(0, 511), st.integers(1, 255))
def test_a_flipped_byte_of_a_footer_is_found(footer: Footer, place: int, flip: int) -> None:
    raw = bytearray(footer.pack())
    raw[place] ^= flip
    with pytest.raises(VhdError):
        Footer.parse(bytes(raw))


@given(headers, st.integers(0, 1023), st.integers(1, 255))
def test_a_flipped_byte_of_a_header_is_found(header: Header, place: int, flip: int) -> None:
    raw = bytearray(header.pack())
    raw[place] ^= flip
    with pytest.raises(VhdError):
        Header.parse(bytes(raw))


@given(st.binary(max_size=1100), st.booleans())
def test_garbage_is_refused(raw: bytes, right_length: bool) -> None:
    for kind, size in ((Footer, 512), (Header, 1024)):
        with pytest.raises(VhdError):
            kind.parse(raw.ljust(size, b"\0")[:size] if right_length else raw)


@given(st.binary(min_size=504, max_size=504), st.binary(min_size=1016, max_size=1016))
def test_garbage_with_a_right_checksum_is_refused_or_read(foot: bytes, head: bytes) -> None:
    for kind, raw, at in (
        (Footer, bytearray(b"conectix" + foot), 64),
        (Header, bytearray(b"cxsparse" + head), 36),
    ):
        raw[at : at + 4] = bytes(4)
        raw[at : at + 4] = (~sum(raw) & 0xFFFFFFFF).to_bytes(4, "big")
        with contextlib.suppress(VhdError):
            kind.parse(bytes(raw))


def test_claims_beyond_64_tib_are_refused() -> None:
    large = Footer.make(MAX_TABLE_ENTRIES * BLOCK_BYTES, DiskType.DYNAMIC, str(UUID(int=1)))
    assert Footer.parse(large.pack()) == large
    with pytest.raises(VhdError, match="claims"):
        Footer.parse(replace(large, current_size_bytes=large.current_size_bytes + 1).pack())
    with pytest.raises(VhdError, match="claims"):
        Header.parse(Header(max_table_entries=MAX_TABLE_ENTRIES + 1).pack())


def test_a_parents_name_has_an_end() -> None:
    assert Header.parse(Header(1, parent_name="é" * 256).pack()).parent_name == "é" * 256
    with pytest.raises(VhdError, match="too long"):
        Header(1, parent_name="é" * 257).pack()


@given(sizes, st.integers(0, MAX_TABLE_ENTRIES))
def test_a_table_fits_its_disk_or_is_refused(size: int, entries: int) -> None:
    footer = Footer.make(size, DiskType.DYNAMIC, str(UUID(int=1)))
    blocks = blocks_of(size)
    assert blocks * BLOCK_BYTES >= size > (blocks - 1) * BLOCK_BYTES
    check_fit(footer, Header(max(entries, blocks)))
    assume(entries < blocks)
    with pytest.raises(VhdError, match="room"):
        check_fit(footer, Header(entries))


def expected_geometry(size: int) -> tuple[int, int, int]:
    """The rules of the specification, in whole numbers (tracks counted as a fraction)."""
    sectors = min(math.ceil(size / 512), 65535 * 16 * 255)
    if sectors >= 65535 * 16 * 63:
        heads, per_track = 16, 255
    else:
        per_track = 17
        heads = max(4, -(-sectors // (per_track * 1024)))
        if sectors >= heads * 1024 * per_track or heads > 16:
            heads, per_track = 16, 31
        if sectors >= heads * 1024 * per_track:
            heads, per_track = 16, 63
    return -(-sectors // (per_track * heads)), heads, per_track


@given(st.integers(0, 3 * 10**12) | st.integers(0, 10**9) | st.integers(0, 10**6))
def test_geometry_follows_the_rules(size: int) -> None:
    cylinders, heads, per_track = geometry(size)
    assert (cylinders, heads, per_track) == expected_geometry(size)
    assert cylinders <= 65535
    sectors = min(-(-size // 512), 65535 * 16 * 255)
    # Rounded up: every sector has a place, and no cylinder is without one.
    assert cylinders * heads * per_track >= sectors > (cylinders - 1) * heads * per_track


@pytest.mark.parametrize(
    "sectors",
    [
        edge + step
        for edge in (0, 17 * 4 * 1024, 17 * 16 * 1024, 31 * 16 * 1024, 65535 * 16 * 63)
        for step in (-1, 0, 1)
        if edge + step >= 0
    ]
    + [65535 * 16 * 255, 2**40],
)
def test_geometry_at_the_edges(sectors: int) -> None:
    assert geometry(sectors * 512) == expected_geometry(sectors * 512)
