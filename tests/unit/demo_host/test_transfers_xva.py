"""XVA as hosts have it: what a tar reader sees, what is read back, and what is refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Iterator

import pytest
import xxhash
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from xolite_qt.demo_host.disks.files import Files
from xolite_qt.demo_host.disks.layers import Contents
from xolite_qt.demo_host.registry import Failure
from xolite_qt.demo_host.transfers.xva import (
    END,
    Chunk,
    Unpacker,
    XvaReader,
    chunks_with_data,
    compressor,
    pack,
    tar_file,
)

MIB = 1 << 20
OVA = b"<value>ova</value>"


@pytest.fixture
def files() -> Iterator[Files]:
    made = Files()
    yield made
    made.close()


def an_xva(*parts: bytes) -> bytes:
    return b"".join(tar_file("ova.xml", OVA)) + b"".join(parts) + END


def read(data: bytes, step: int = 70_001) -> tuple[list[bytes], list[Chunk]]:
    texts: list[bytes] = []
    chunks: list[Chunk] = []
    reader = XvaReader(texts.append, chunks.append)
    unpacker = Unpacker(reader.feed)
    for start in range(0, len(data), step):
        unpacker.feed(data[start : start + step])
    reader.finish()
    return texts, chunks


def code_of(data: bytes) -> str:
    with pytest.raises(Failure) as caught:
        read(data)
    return caught.value.code


def test_chunks_of_a_disk(files: Files) -> None:
    disk = Contents(files)
    size = 9 * MIB + 700
    disk.write(3 * MIB + 5, os.urandom(2 * MIB))
    disk.write(7 * MIB, b"a")
    disk.write(7 * MIB, b"\0")
    numbers = chunks_with_data(disk.data_runs(), size)
    assert numbers == [0, 3, 4, 5, 9]
    data = an_xva(pack(disk, "Ref:4", numbers, size))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        names = tar.getnames()
        assert names[:3] == ["ova.xml", "Ref:4/00000000", "Ref:4/00000000.xxhash"]
        assert names[-1] == "Ref:4/00000009.xxhash"
        chunk, digest = (tar.extractfile(name) for name in names[3:5])
        assert chunk is not None
        assert digest is not None
        assert digest.read().decode() == xxhash.xxh64(chunk.read()).hexdigest()
        assert tar.getmember("Ref:4/00000009").size == 700
    texts, chunks = read(data)
    assert texts == [OVA]
    assert {chunk.disk for chunk in chunks} == {"Ref:4"}
    for _, offset, piece in chunks:
        assert piece == disk.read(offset, len(piece))


@settings(max_examples=30)
@given(
    wish=st.sampled_from(["true", "gzip", "zstd", "false"]),
    step=st.integers(1000, 400_000),
    first=st.binary(min_size=1, max_size=3000),
)
def test_packed_and_unpacked(wish: str, step: int, first: bytes) -> None:
    digest = xxhash.xxh64(first).hexdigest().encode()
    parts = [*tar_file("Ref:1/00000002", first), *tar_file("Ref:1/00000002.xxhash", digest)]
    plain = an_xva(*parts)
    packer = compressor(wish)
    data = plain if packer is None else packer.compress(plain) + packer.flush()
    assert data[:2] == {"zstd": b"\x28\xb5", "false": b"ov"}.get(wish, b"\x1f\x8b")
    assert read(data, step) == ([OVA], [Chunk("Ref:1", 2 * MIB, first)])


def test_a_bomb_is_unpacked_in_pieces() -> None:
    zeros = bytes(64 * MIB)
    for data in (gzip.compress(zeros), zstandard.compress(zeros)):
        pieces: list[bytes] = []
        Unpacker(pieces.append).feed(data)
        assert sum(map(len, pieces)) == len(zeros)
        assert max(map(len, pieces)) <= MIB


def test_old_checksums_are_taken() -> None:
    digest = hashlib.sha1(b"data").hexdigest().encode()
    parts = [*tar_file("Ref:1/00000000", b"data"), *tar_file("Ref:1/00000000.checksum", digest)]
    assert read(an_xva(*parts))[1] == [Chunk("Ref:1", 0, b"data")]


def test_what_is_no_xva() -> None:
    chunk = tar_file("Ref:1/00000000", b"data")
    wrong = tar_file("Ref:1/00000000.xxhash", b"0" * 16)
    assert code_of(an_xva(*chunk, *wrong)) == "IMPORT_ERROR_SOME_CHECKSUMS_FAILED"
    assert code_of(an_xva(*tar_file("else", b""))) == "IMPORT_ERROR_UNEXPECTED_FILE"
    assert code_of(b"".join(chunk) + END) == "IMPORT_ERROR_UNEXPECTED_FILE"
    assert code_of(an_xva(*chunk)[:-1500]) == "IMPORT_ERROR_PREMATURE_EOF"
    assert code_of(an_xva(*tar_file("Ref:1/00000000", bytes(MIB + 1)))).endswith("FILE")
    assert code_of(END) == "IMPORT_ERROR_PREMATURE_EOF"
    assert code_of(b"") == "IMPORT_ERROR_PREMATURE_EOF"
    assert code_of(b"nonsense" * 1000) == "IMPORT_ERROR_GENERIC"
    assert code_of(b"\x1f\x8bnonsense" * 100) == "IMPORT_ERROR_GENERIC"
    assert code_of(b"\x28\xb5\x2f\xfd\xff\xff\xffnonsense" * 100) == "IMPORT_ERROR_GENERIC"
