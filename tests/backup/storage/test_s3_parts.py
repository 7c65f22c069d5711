"""How large the parts of an upload are."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from xolite_qt.backup.storage.s3_upload import (
    LEAST_PART_BYTES,
    MOST_PART_BYTES,
    MOST_PARTS,
    part_size_bytes,
)

MOST_BYTES = 5 * 1024**4


@settings(max_examples=20)
@given(st.none() | st.integers(0, MOST_BYTES))
def test_the_largest_object_fits_into_the_parts_that_there_are(hint: int | None) -> None:
    sizes = [part_size_bytes(number, hint) for number in range(1, MOST_PARTS + 1)]
    assert min(sizes) >= LEAST_PART_BYTES
    assert max(sizes) <= MOST_PART_BYTES
    if hint is None:
        assert sum(sizes) >= MOST_BYTES
    else:
        # With parts to spare for what goes beyond the hint.
        assert sum(sizes[:9000]) >= hint


def test_a_file_of_50_gib_without_a_hint_needs_little_memory() -> None:
    held, number = 0, 0
    while held < 50 * 1024**3:
        number += 1
        held += part_size_bytes(number, None)
    assert part_size_bytes(number, None) <= 64 * 1024 * 1024
