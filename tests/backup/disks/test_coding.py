"""Chunks come back as they were, and what is cut or claims to be gigabytes is damage."""

from __future__ import annotations

import contextlib
import gzip
import tracemalloc

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.backup.disks.coding import Compression, decode, encode
from xolite_qt.backup.errors import Damaged

_COMPRESSIONS: list[Compression] = ["brotli", "gzip"]
_MOST = 4096


@given(st.binary(max_size=_MOST), st.sampled_from([*_COMPRESSIONS, None]))
def test_comes_back(data: bytes, compression: Compression) -> None:
    assert decode(encode(data, compression), compression, "x", _MOST) == data


@given(st.binary(min_size=1, max_size=_MOST), st.sampled_from(_COMPRESSIONS), st.data())
def test_cut_anywhere_is_damage(data: bytes, compression: Compression, draw: st.DataObject) -> None:
    stored = encode(data, compression)
    cut = stored[: draw.draw(st.integers(0, len(stored) - 1))]
    with pytest.raises(Damaged, match="blocks/0/7"):
        decode(cut, compression, "blocks/0/7", _MOST)


@given(st.binary(max_size=200), st.sampled_from(_COMPRESSIONS))
def test_garbage_is_damage_or_bytes(raw: bytes, compression: Compression) -> None:
    with contextlib.suppress(Damaged):
        assert len(decode(raw, compression, "x", _MOST)) <= _MOST


@pytest.mark.parametrize("compression", [*_COMPRESSIONS, None])
def test_one_byte_too_many_is_damage(compression: Compression) -> None:
    assert decode(encode(bytes(_MOST), compression), compression, "x", _MOST) == bytes(_MOST)
    with pytest.raises(Damaged, match=str(_MOST)):
        decode(encode(bytes(_MOST + 1), compression), compression, "x", _MOST)


@pytest.mark.parametrize("compression", _COMPRESSIONS)
def test_a_bomb_takes_no_memory(compression: Compression) -> None:
    size_bytes = 256 * 1024 * 1024
    if compression == "brotli":
        packer = brotli.Compressor(quality=1)
        bomb = b"".join(packer.process(bytes(1 << 20)) for _ in range(size_bytes >> 20))
        bomb += packer.finish()
    else:
        bomb = gzip.compress(bytes(size_bytes), 1)
    assert len(bomb) < 4 * 1024 * 1024
    most = 2 * 1024 * 1024
    tracemalloc.start()
    try:
        with pytest.raises(Damaged, match="holds more than"):
            decode(bomb, compression, "x", most)
        assert tracemalloc.get_traced_memory()[1] < 4 * most
    finally:
        tracemalloc.stop()
