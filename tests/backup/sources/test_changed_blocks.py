"""The host's list of changed blocks: nothing that changed is left out."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.backup.sources import BLOCK_BYTES, changed_blocks
from xolite_qt.backup.sources.choose import CHANGE_BYTES


def bitmap_of(chunks: set[int], bits: int) -> str:
    """Base64; the first chunk is the highest bit of the first byte; filled with zeros."""
    body = bytearray(-(-bits // 8))
    for chunk in chunks:
        body[chunk // 8] |= 0x80 >> chunk % 8
    return base64.b64encode(body).decode()


@given(st.data())
def test_every_block_with_a_change_is_named_and_no_other(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 20 * BLOCK_BYTES), label="size")
    bits = -(-size // CHANGE_BYTES)
    chunks = data.draw(st.sets(st.integers(0, bits - 1)), label="chunks")
    # Some hosts send whole blocks' worth of bits, and some more than that.
    more = data.draw(st.integers(0, 100), label="more bits")
    found = changed_blocks(bitmap_of(chunks, bits + more), size)
    wanted = sorted({chunk * CHANGE_BYTES // BLOCK_BYTES for chunk in chunks})
    uncovered = {len(range(0, size, BLOCK_BYTES)) - 1}
    assert set(wanted) <= set(found) <= set(wanted) | uncovered
    assert found == sorted(set(found))
    if size % BLOCK_BYTES == 0 or more >= 32:
        assert found == wanted


@given(st.integers(1, 20 * BLOCK_BYTES), st.integers(1, 30))
def test_what_a_short_list_says_nothing_of_has_changed(size: int, missing: int) -> None:
    bits = -(-size // CHANGE_BYTES)
    length = -(-bits // 8) - missing
    if length < 0:
        return
    bitmap = base64.b64encode(bytes(length)).decode()
    if length < bits // 8:
        with pytest.raises(ValueError, match="too short"):
            changed_blocks(bitmap, size)
    else:
        last = -(-size // BLOCK_BYTES) - 1
        assert changed_blocks(bitmap, size) == [last]


@given(st.text())
def test_any_text_is_a_list_or_an_error(text: str) -> None:
    try:
        found = changed_blocks(text, 10 * BLOCK_BYTES)
    except ValueError:
        return
    assert set(found) <= set(range(10))
