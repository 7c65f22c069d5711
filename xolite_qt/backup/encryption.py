"""Encrypted repositories, as Xen Orchestra has them: one layer between a storage and its users.

Every file is a random nonce of 12 bytes, the ciphertext, and a tag of 16 bytes. The key is 32 bytes
as they were typed. Names, sizes and times stay visible to whoever owns the storage.
"""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from .encryption_streams import (
    NONCE_BYTES,
    OVERHEAD_BYTES,
    OpeningReader,
    SealingWriter,
    cipher_stream,
)
from .errors import AlreadyExists, Damaged, NotFound, RepositoryError, StorageError, WrongKey
from .storage.base import Abilities, Entry, Stat, Storage, StreamReader, StreamWriter, UpdateFile
from .storage.paths import clean, join

KEY_BYTES = 32
NO_ENCRYPTION = "none"
DEFAULT_ALGORITHM = "chacha20-poly1305"
ALGORITHMS = (DEFAULT_ALGORITHM, "aes-256-gcm")
DESCRIPTION_FILE = "encryption.json"
CHECK_FILE = "metadata.json"

# A part of a larger file is cut out of its stream instead of decrypting the whole in memory.
WHOLE_READ_BYTES = 64 * 1024 * 1024
_SKIP_BYTES = 1024 * 1024
_CLEAR_AT_ROOT = frozenset({DESCRIPTION_FILE, "immutability.json"})
_AEADS: dict[str, type[ChaCha20Poly1305] | type[AESGCM]] = {
    "chacha20-poly1305": ChaCha20Poly1305,
    "aes-256-gcm": AESGCM,
}


class EncryptedStorage:
    """A storage whose files are encrypted in another one; see `Storage` for the methods.

    Sizes are those of the plain content. Files of an encrypted repository that are kept clear
    (its own description, checksums) pass through.
    """

    def __init__(self, inner: Storage, key: bytes, algorithm: str) -> None:
        """Wraps a storage; does not look at it (see `open_encrypted`).

        Args:
            inner: where the ciphertext is.
            key: 32 bytes.
            algorithm: one of `ALGORITHMS`.

        Raises:
            WrongKey: the key is not 32 bytes long.
            RepositoryError: the algorithm is not known.
        """
        if algorithm not in _AEADS:
            raise RepositoryError(DESCRIPTION_FILE, f"the algorithm {algorithm!r} is not known")
        if len(key) != KEY_BYTES:
            raise WrongKey(
                DESCRIPTION_FILE, f"the key has {len(key)} bytes, it must have {KEY_BYTES}"
            )
        self.inner = inner
        self._key = key
        self._algorithm = algorithm
        self._aead = _AEADS[algorithm](key)

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def abilities(self) -> Abilities:
        return replace(self.inner.abilities, in_place=False)

    # Reading

    def read(self, path: str) -> bytes:
        """The whole file.

        Raises:
            Damaged: the tag does not fit: the file was cut or changed, or has another key.
            NotFound, StorageError: as ever.
        """
        body = self.inner.read(path)
        return body if _is_clear(path) else self._open(path, body)

    def read_range(self, path: str, offset_bytes: int, size_bytes: int) -> bytes:
        """A part; of a file beyond 64 MiB the tag is only verified where the part meets the end.

        Raises:
            Damaged: as `read`.
            NotFound, StorageError: as ever.
        """
        if _is_clear(path):
            return self.inner.read_range(path, offset_bytes, size_bytes)
        stat = self.inner.stat(path)
        if stat is None:
            raise NotFound(path)
        if stat.size_bytes <= WHOLE_READ_BYTES:
            return self.read(path)[offset_bytes : offset_bytes + size_bytes]
        with self.open_read(path) as reader:
            left = offset_bytes
            while left and (piece := reader.read(min(left, _SKIP_BYTES))):
                left -= len(piece)
            parts, left = [], size_bytes
            while left and (piece := reader.read(min(left, _SKIP_BYTES))):
                parts.append(piece)
                left -= len(piece)
            return b"".join(parts)

    def open_read(self, path: str) -> AbstractContextManager[StreamReader]:
        """The file as a stream; its last byte is given only after the tag was verified.

        Raises:
            Damaged: on reading the end, or on entry where the file is too short for any.
            NotFound, StorageError: as ever.
        """
        if _is_clear(path):
            return self.inner.open_read(path)
        return self._open_sealed(path)

    @contextmanager
    def _open_sealed(self, path: str) -> Iterator[StreamReader]:
        with self.inner.open_read(path) as inner:
            nonce = b""
            while len(nonce) < NONCE_BYTES and (piece := inner.read(NONCE_BYTES - len(nonce))):
                nonce += piece
            if len(nonce) < NONCE_BYTES:
                raise Damaged(path, "is too short for an encrypted file")
            stream = cipher_stream(self._algorithm, self._key, nonce)
            yield OpeningReader(inner, stream, path)

    def stat(self, path: str) -> Stat | None:
        stat = self.inner.stat(path)
        if stat is None or _is_clear(path):
            return stat
        return replace(stat, size_bytes=_plain_bytes(stat.size_bytes))

    def list(self, path: str) -> list[Entry]:
        folder = clean(path)
        return [
            entry
            if entry.is_folder or _is_clear_name(join(folder, entry.name))
            else replace(entry, size_bytes=_plain_bytes(entry.size_bytes))
            for entry in self.inner.list(path)
        ]

    def walk(self, path: str) -> Iterator[tuple[str, int]]:
        for name, size in self.inner.walk(path):
            yield name, size if _is_clear_name(name) else _plain_bytes(size)

    # Writing

    def write(
        self, path: str, data: bytes, *, if_absent: bool = False, if_tag: str | None = None
    ) -> str:
        body = data if _is_clear(path) else self._seal(data)
        return self.inner.write(path, body, if_absent=if_absent, if_tag=if_tag)

    def open_write(
        self, path: str, *, size_hint_bytes: int | None = None
    ) -> AbstractContextManager[StreamWriter]:
        """A new file, encrypted as it comes; memory does not depend on its length.

        Raises:
            StorageError: it grew beyond what one nonce may encrypt (64 GiB for AES-GCM, 256 GiB
                for ChaCha20).
        """
        if _is_clear(path):
            return self.inner.open_write(path, size_hint_bytes=size_hint_bytes)
        hint = None if size_hint_bytes is None else size_hint_bytes + OVERHEAD_BYTES
        return self._write_sealed(path, hint)

    @contextmanager
    def _write_sealed(self, path: str, hint: int | None) -> Iterator[StreamWriter]:
        with self.inner.open_write(path, size_hint_bytes=hint) as inner:
            nonce = os.urandom(NONCE_BYTES)
            stream = cipher_stream(self._algorithm, self._key, nonce, seal=True)
            inner.write(nonce)
            yield SealingWriter(inner, stream, path)
            inner.write(stream.tag())

    def open_update(self, path: str, *, create: bool = False) -> AbstractContextManager[UpdateFile]:
        """Refused: a byte cannot change without the whole file being sealed again.

        Raises:
            StorageError: always.
        """
        raise StorageError(path, "files of an encrypted repository cannot be changed in place")

    def rename(self, source: str, target: str) -> None:
        _same_kind(source, target)
        self.inner.rename(source, target)

    def rename_many(
        self, pairs: Iterable[tuple[str, str]], *, stop: threading.Event | None = None
    ) -> None:
        checked = list(pairs)
        for source, target in checked:
            _same_kind(source, target)
        self.inner.rename_many(checked, stop=stop)

    def copy(self, source: str, target: str) -> None:
        _same_kind(source, target)
        self.inner.copy(source, target)

    def link(self, source: str, target: str) -> None:
        _same_kind(source, target)
        self.inner.link(source, target)

    def delete(self, path: str) -> None:
        self.inner.delete(path)

    def delete_many(self, paths: Iterable[str]) -> None:
        self.inner.delete_many(paths)

    def delete_tree(self, path: str) -> None:
        self.inner.delete_tree(path)

    def close(self) -> None:
        self.inner.close()

    # Whole files, in one call

    def _seal(self, data: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, data, None)

    def _open(self, path: str, body: bytes) -> bytes:
        if len(body) < OVERHEAD_BYTES:
            raise Damaged(path, "is too short for an encrypted file")
        view = memoryview(body)
        try:
            return self._aead.decrypt(view[:NONCE_BYTES], view[NONCE_BYTES:], None)
        except InvalidTag:
            raise Damaged(path, "does not decrypt: it was cut or changed") from None


def open_encrypted(storage: Storage, key: str | None) -> Storage:
    """The storage through which a repository's files are to be read and written.

    Args:
        storage: where the repository is.
        key: of the repository; None or empty where there is none.

    Returns:
        The storage itself where the repository is not encrypted.

    Raises:
        WrongKey: the key is missing or wrong; or one was given for a repository that is not
            encrypted (also an empty one: it needs `initialise_encryption` first), where
            everything would be written in the clear.
        Damaged: the description of the encryption is spoilt.
        RepositoryError: the algorithm is not known.
        StorageError: the storage could not be read.
    """
    try:
        algorithm = _described(storage.read(DESCRIPTION_FILE))
    except NotFound:
        algorithm = NO_ENCRYPTION
    if algorithm == NO_ENCRYPTION:
        if key:
            raise WrongKey(
                DESCRIPTION_FILE, "this repository is not encrypted, but a key was given"
            )
        return storage
    if not key:
        raise WrongKey(DESCRIPTION_FILE, "this repository is encrypted, and no key was given")
    opened = EncryptedStorage(storage, _key_bytes(key), algorithm)
    try:
        opened.read(CHECK_FILE)
    except NotFound:
        raise WrongKey(CHECK_FILE, "is not there, so that the key cannot be checked") from None
    except Damaged:
        raise WrongKey(CHECK_FILE, "the key does not open this repository") from None
    return opened


def initialise_encryption(
    storage: Storage, key: str, algorithm: str = DEFAULT_ALGORITHM
) -> Storage:
    """Makes an empty storage an encrypted repository.

    A second call goes on where a first one was cut off.

    Args:
        storage: holds nothing (names that begin with a dot do not count).
        key: 32 bytes in UTF-8.
        algorithm: one of `ALGORITHMS`.

    Returns:
        The storage through which to use it.

    Raises:
        WrongKey: the key is not 32 bytes long.
        RepositoryError: the storage is not empty, or somebody else initialises it right now.
        StorageError: the storage could not be written.
    """
    made = EncryptedStorage(storage, _key_bytes(key), algorithm)
    # A fresh file system has a folder of its own, which nobody may read.
    own = {"lost+found", "System Volume Information"}
    names = {e.name for e in storage.list("") if not e.name.startswith(".")} - own
    if names - {DESCRIPTION_FILE}:
        raise RepositoryError("", "only an empty repository can become an encrypted one")
    description = json.dumps({"algorithm": algorithm}, separators=(",", ":")).encode()
    check = json.dumps({"random": str(uuid.uuid4())}, separators=(",", ":")).encode()
    # What decides between two who come at once is the second file: it holds the key's proof.
    try:
        if DESCRIPTION_FILE not in names:
            storage.write(DESCRIPTION_FILE, description, if_absent=True)
        elif _described(storage.read(DESCRIPTION_FILE)) != algorithm:
            raise RepositoryError(DESCRIPTION_FILE, "names another algorithm")
        made.write(CHECK_FILE, check, if_absent=True)
    except AlreadyExists as error:
        raise RepositoryError(error.path, "was made by somebody else meanwhile") from error
    return made


def _key_bytes(key: str) -> bytes:
    try:
        return key.encode()
    except UnicodeEncodeError:
        raise WrongKey(DESCRIPTION_FILE, "the key has characters that are no text") from None


def _described(body: bytes) -> str:
    try:
        algorithm = json.loads(body)["algorithm"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Damaged(DESCRIPTION_FILE, "is no description of an encryption") from None
    if not isinstance(algorithm, str):
        raise Damaged(DESCRIPTION_FILE, "is no description of an encryption")
    return algorithm


def _is_clear(path: str) -> bool:
    return _is_clear_name(clean(path))


def _is_clear_name(name: str) -> bool:
    return name in _CLEAR_AT_ROOT or name.endswith(".checksum")


def _same_kind(source: str, target: str) -> None:
    if _is_clear(source) != _is_clear(target):
        raise StorageError(source, f"cannot become {target}: only one of them is encrypted")


def _plain_bytes(stored_bytes: int) -> int:
    return max(0, stored_bytes - OVERHEAD_BYTES)


__all__ = [
    "ALGORITHMS",
    "CHECK_FILE",
    "DEFAULT_ALGORITHM",
    "DESCRIPTION_FILE",
    "KEY_BYTES",
    "NO_ENCRYPTION",
    "EncryptedStorage",
    "initialise_encryption",
    "open_encrypted",
]
