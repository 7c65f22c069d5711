"""Encrypted repositories: what Xen Orchestra wrote is read, what was changed is found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.xo_repositories import unpack
from xolite_qt.backup import encryption
from xolite_qt.backup.encryption import (
    ALGORITHMS,
    EncryptedStorage,
    initialise_encryption,
    open_encrypted,
)
from xolite_qt.backup.encryption_streams import cipher_stream
from xolite_qt.backup.errors import (
    AlreadyExists,
    Changed,
    Damaged,
    NotFound,
    RepositoryError,
    StorageError,
    WrongKey,
)
from xolite_qt.backup.storage.base import Storage
from xolite_qt.backup.storage.local import LocalStorage
from xolite_qt.backup.storage.memory import MemoryStorage

KEY = "0123456789abcdefghijklmnopqrstuv"
LIBRARY: dict[str, type[ChaCha20Poly1305] | type[AESGCM]] = {
    "chacha20-poly1305": ChaCha20Poly1305,
    "aes-256-gcm": AESGCM,
}
each_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)


def stream_in(storage: Storage, path: str, pieces: list[bytes]) -> None:
    with storage.open_write(path) as writer:
        for piece in pieces:
            writer.write(piece)


def stream_out(storage: Storage, path: str, sizes: list[int]) -> bytes:
    parts: list[bytes] = []
    with storage.open_read(path) as reader:
        for size in sizes:
            parts.append(reader.read(size))
            assert len(parts[-1]) <= size
        parts.append(reader.read())
        assert reader.read(1) == b""
    return b"".join(parts)


def test_every_file_of_xen_orchestra_opens(tmp_path: Path) -> None:
    made = unpack("blocks-encrypted", tmp_path)
    assert len(made.backups) == 3
    assert all(len(disks) == 2 for _, disks in made.backups)
    storage = open_encrypted(LocalStorage(made.path), made.key)
    count = 0
    for path, size in storage.walk(""):
        whole = storage.read(path)
        assert len(whole) == size
        assert stream_out(storage, path, [1, 1000]) == whole
        count += 1
    assert count > 40
    for name, _ in made.backups:
        assert storage.read(f"xo-vm-backups/{name}.json").startswith(b"{")


def test_a_wrong_key_does_not_open_what_xen_orchestra_wrote(tmp_path: Path) -> None:
    made = unpack("blocks-encrypted", tmp_path)
    for key in (None, "", "short", KEY, "ä" * 32, "\ud800" * 32):
        with pytest.raises(WrongKey) as caught:
            open_encrypted(LocalStorage(made.path), key)
        assert key is None or len(key) < 10 or key not in str(caught.value)


@each_algorithm
@settings(max_examples=40)
@given(
    pieces=st.lists(st.binary(max_size=400), max_size=6),
    sizes=st.lists(st.integers(0, 300), max_size=6),
)
def test_streams_and_whole_files_are_the_same_format(
    algorithm: str, pieces: list[bytes], sizes: list[int]
) -> None:
    inner = MemoryStorage()
    storage = EncryptedStorage(inner, KEY.encode(), algorithm)
    plain = b"".join(pieces)
    stream_in(storage, "streamed", pieces)
    storage.write("whole", plain)
    for path in ("streamed", "whole"):
        assert storage.read(path) == plain
        assert stream_out(storage, path, sizes) == plain
        sealed = inner.read(path)
        assert LIBRARY[algorithm](KEY.encode()).decrypt(sealed[:12], sealed[12:], None) == plain
        stat = storage.stat(path)
        assert stat is not None
        assert stat.size_bytes == len(plain) == len(sealed) - 28
    assert inner.read("streamed")[:12] != inner.read("whole")[:12]


@each_algorithm
def test_large_pieces_cross_every_buffer(algorithm: str) -> None:
    storage = EncryptedStorage(MemoryStorage(), KEY.encode(), algorithm)
    plain = os.urandom(3 * 2**20 + 77)
    stream_in(storage, "a", [plain[:5], plain[5 : 2**21], plain[2**21 :]])
    assert storage.read("a") == plain
    assert stream_out(storage, "a", [2**20 - 16, 2**21, 17]) == plain


@each_algorithm
@settings(max_examples=40)
@given(data=st.data(), plain=st.binary(max_size=200))
def test_what_was_changed_or_cut_is_damaged(
    algorithm: str, data: st.DataObject, plain: bytes
) -> None:
    inner = MemoryStorage()
    storage = EncryptedStorage(inner, KEY.encode(), algorithm)
    storage.write("a", plain)
    sealed = bytearray(inner.read("a"))
    if data.draw(st.booleans(), label="cut"):
        del sealed[data.draw(st.integers(0, len(sealed) - 1)) :]
    else:
        place = data.draw(st.integers(0, len(sealed) - 1))
        sealed[place] ^= data.draw(st.integers(1, 255))
    inner.write("a", bytes(sealed))
    with pytest.raises(Damaged) as caught:
        storage.read("a")
    assert caught.value.path == "a"
    with pytest.raises(Damaged):
        stream_out(storage, "a", [])
    with pytest.raises(Damaged):
        storage.read_range("a", 0, 1)


@each_algorithm
def test_the_last_byte_of_a_stream_comes_only_after_the_tag(algorithm: str) -> None:
    inner = MemoryStorage()
    storage = EncryptedStorage(inner, KEY.encode(), algorithm)
    storage.write("a", b"x" * 1000)
    sealed = inner.read("a")
    inner.write("a", sealed[:-1] + bytes([sealed[-1] ^ 1]))
    with storage.open_read("a") as reader:
        for _ in range(9):
            assert reader.read(100) == b"x" * 100
        assert reader.read(99) == b"x" * 99
        with pytest.raises(Damaged):
            reader.read(1)


@pytest.mark.parametrize("limit_bytes", [0, 64 * 2**20])
def test_ranges_of_small_and_of_large_files(
    limit_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encryption, "WHOLE_READ_BYTES", limit_bytes)
    storage = EncryptedStorage(MemoryStorage(), KEY.encode(), "chacha20-poly1305")
    plain = os.urandom(3_000_000)
    storage.write("a", plain)
    for begin, size in ((0, 10), (5, 0), (2_000_000, 1_500_000), (2_999_999, 5), (3_000_000, 1)):
        assert storage.read_range("a", begin, size) == plain[begin : begin + size]
    with pytest.raises(NotFound):
        storage.read_range("b", 0, 1)


def test_listings_show_plain_sizes_and_leave_clear_files_alone() -> None:
    inner = MemoryStorage()
    storage = initialise_encryption(inner, KEY)
    storage.write("folder/disk.xva", b"12345")
    storage.write("folder/disk.xva.checksum", b"$5$abc")
    storage.write("folder/encryption.json", b"not the one")
    assert inner.read("folder/disk.xva.checksum") == b"$5$abc"
    assert inner.read("encryption.json") == b'{"algorithm":"chacha20-poly1305"}'
    assert {e.name: e.size_bytes for e in storage.list("folder")} == {
        "disk.xva": 5,
        "disk.xva.checksum": 6,
        "encryption.json": 11,
    }
    assert dict(storage.walk("folder"))["folder/disk.xva"] == 5
    assert [e.is_folder for e in storage.list("/")] == [False, True, False]
    # An unrelated file that is shorter than any ciphertext has no size below zero.
    inner.write("stray", b"abc")
    stat = storage.stat("stray")
    assert stat is not None
    assert stat.size_bytes == 0


def test_names_change_without_the_content_passing_through() -> None:
    inner = MemoryStorage()
    storage = EncryptedStorage(inner, KEY.encode(), "aes-256-gcm")
    storage.write("a", b"one")
    sealed = inner.read("a")
    storage.rename("a", "b")
    storage.rename_many([("b", "c")])
    storage.copy("c", "d")
    storage.link("c", "e")
    assert [inner.read(name) for name in "cde"] == [sealed] * 3
    assert storage.read("e") == b"one"
    for refuse in (storage.rename, storage.copy, storage.link):
        with pytest.raises(StorageError, match="only one of them is encrypted"):
            refuse("c", "c.checksum")
    with pytest.raises(StorageError, match="only one of them is encrypted"):
        storage.rename_many([("c", "f"), ("d", "d.checksum")])
    assert storage.stat("c") is not None
    storage.delete_many(["c", "d"])
    storage.delete("e")
    assert list(inner.walk("")) == []


def test_conditions_reach_the_storage_below() -> None:
    storage = EncryptedStorage(MemoryStorage(), KEY.encode(), "chacha20-poly1305")
    tag = storage.write("a", b"one", if_absent=True)
    with pytest.raises(AlreadyExists):
        storage.write("a", b"two", if_absent=True)
    stat = storage.stat("a")
    assert stat is not None
    assert stat.tag == tag
    storage.write("a", b"two", if_tag=tag)
    with pytest.raises(Changed):
        storage.write("a", b"three", if_tag=tag)


def test_a_stream_that_breaks_leaves_the_old_file() -> None:
    storage = EncryptedStorage(MemoryStorage(), KEY.encode(), "chacha20-poly1305")
    storage.write("a", b"old")

    def break_off() -> None:
        with storage.open_write("a") as writer:
            writer.write(b"new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert storage.read("a") == b"old"


@each_algorithm
def test_a_nonce_is_not_stretched_beyond_its_limit(
    algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(cipher_stream(algorithm, KEY.encode(), bytes(12), seal=True))
    monkeypatch.setattr(kind, "limit_bytes", 100)
    storage = EncryptedStorage(MemoryStorage(), KEY.encode(), algorithm)
    with pytest.raises(StorageError, match="too large"):
        stream_in(storage, "a", [bytes(100), b"x"])
    assert storage.stat("a") is None


def test_files_are_not_changed_in_place() -> None:
    inner = MemoryStorage()
    storage = EncryptedStorage(inner, KEY.encode(), "chacha20-poly1305")
    assert inner.abilities.in_place
    assert not storage.abilities.in_place
    with pytest.raises(StorageError, match="in place"):
        storage.open_update("a", create=True)


@each_algorithm
def test_only_an_empty_repository_is_initialised(algorithm: str) -> None:
    inner = MemoryStorage()
    inner.write(".nfs0001", b"")
    made = initialise_encryption(inner, KEY, algorithm)
    made.write("a", b"one")
    assert open_encrypted(inner, KEY).read("a") == b"one"
    with pytest.raises(RepositoryError, match="empty"):
        initialise_encryption(inner, KEY, algorithm)
    with pytest.raises(WrongKey, match="does not open"):
        open_encrypted(inner, KEY[::-1])


def test_an_initialisation_that_was_cut_off_goes_on() -> None:
    inner = MemoryStorage()
    initialise_encryption(inner, KEY)
    inner.delete("metadata.json")
    with pytest.raises(WrongKey, match="cannot be checked"):
        open_encrypted(inner, KEY)
    with pytest.raises(RepositoryError, match="another algorithm"):
        initialise_encryption(inner, KEY, "aes-256-gcm")
    initialise_encryption(inner, KEY).write("a", b"one")
    assert open_encrypted(inner, KEY).read("a") == b"one"


def test_of_two_who_initialise_at_once_one_is_told() -> None:
    inner = MemoryStorage()

    class Late(MemoryStorage):
        """Sees an empty storage, as before the other came."""

        def __init__(self) -> None:
            super().__init__()
            self.write = inner.write  # type: ignore[method-assign]

    initialise_encryption(inner, KEY)
    with pytest.raises(RepositoryError, match="meanwhile"):
        initialise_encryption(Late(), KEY[::-1])
    open_encrypted(inner, KEY)


@pytest.mark.parametrize("description", [None, b'{"algorithm":"none"}'])
def test_a_repository_without_encryption_is_the_storage_itself(description: bytes | None) -> None:
    inner = MemoryStorage()
    if description:
        inner.write("encryption.json", description)
    opened: object = open_encrypted(inner, None)
    assert opened is inner
    with pytest.raises(WrongKey, match="not encrypted, but a key was given"):
        open_encrypted(inner, KEY)


@pytest.mark.parametrize(
    "description",
    [b"", b"[]", b"{}", b"\xff", b'{"algorithm":5}', b"[" * 100_000, b'{"algorithm":"rot13"}'],
)
def test_a_spoilt_description_is_told(description: bytes) -> None:
    inner = MemoryStorage()
    inner.write("encryption.json", description)
    with pytest.raises(RepositoryError) as caught:
        open_encrypted(inner, KEY)
    assert caught.value.path == "encryption.json"


@pytest.mark.parametrize("key", ["", "short", KEY + "x", "ä" * 32])
def test_a_key_of_another_length_is_refused(key: str) -> None:
    inner = MemoryStorage()
    with pytest.raises(WrongKey):
        initialise_encryption(inner, key)
    assert inner.list("") == []
