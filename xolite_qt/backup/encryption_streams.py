"""Encryption of files of any length, piece by piece: AEADs that need no more than one piece."""

from __future__ import annotations

import struct
from typing import Protocol

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES, ChaCha20
from cryptography.hazmat.primitives.ciphers.modes import GCM
from cryptography.hazmat.primitives.poly1305 import Poly1305

from .errors import Damaged, StorageError
from .storage.base import StreamReader, StreamWriter

NONCE_BYTES = 12
TAG_BYTES = 16
OVERHEAD_BYTES = NONCE_BYTES + TAG_BYTES
_PIECE_BYTES = 1024 * 1024

Buffer = bytes | bytearray | memoryview


class CipherStream(Protocol):
    """One file on its way through a cipher.

    Attributes:
        limit_bytes: no more may go through with one nonce.
    """

    limit_bytes: int

    def update(self, data: Buffer) -> bytes:
        """The next piece, encrypted or decrypted; as long as `data`."""
        ...

    def tag(self) -> bytes:
        """The tag, after everything was encrypted; once."""
        ...

    def fits(self, tag: bytes) -> bool:
        """Whether this is the tag, after everything was decrypted; once."""
        ...


class _ChaCha20Poly1305:
    """RFC 8439, 2.8, without additional data: Poly1305 over the ciphertext and its length."""

    limit_bytes = (2**32 - 1) * 64

    def __init__(self, key: bytes, nonce: bytes, *, seal: bool) -> None:
        # Block 0 of the key stream is the Poly1305 key, the data begins with block 1.
        first = Cipher(ChaCha20(key, struct.pack("<I", 0) + nonce), None).encryptor()
        self._mac = Poly1305(first.update(bytes(32)))
        self._cipher = Cipher(ChaCha20(key, struct.pack("<I", 1) + nonce), None).encryptor()
        self._seal = seal
        self._count = 0

    def update(self, data: Buffer) -> bytes:
        self._count += len(data)
        if not self._seal:
            self._mac.update(bytes(data))
        made = self._cipher.update(data)
        if self._seal:
            self._mac.update(made)
        return made

    def _end(self) -> None:
        self._mac.update(bytes(-self._count % 16) + struct.pack("<QQ", 0, self._count))

    def tag(self) -> bytes:
        self._end()
        return self._mac.finalize()

    def fits(self, tag: bytes) -> bool:
        self._end()
        try:
            self._mac.verify(tag)
        except InvalidSignature:
            return False
        return True


class _Seal256Gcm:
    limit_bytes = 2**36 - 32

    def __init__(self, key: bytes, nonce: bytes) -> None:
        self._cipher = Cipher(AES(key), GCM(nonce)).encryptor()

    def update(self, data: Buffer) -> bytes:
        return self._cipher.update(data)

    def tag(self) -> bytes:
        self._cipher.finalize()
        return self._cipher.tag

    def fits(self, tag: bytes) -> bool:
        raise ValueError("a file that is written has no tag yet")


class _Open256Gcm:
    limit_bytes = 2**36 - 32

    def __init__(self, key: bytes, nonce: bytes) -> None:
        self._cipher = Cipher(AES(key), GCM(nonce)).decryptor()

    def update(self, data: Buffer) -> bytes:
        return self._cipher.update(data)

    def tag(self) -> bytes:
        raise ValueError("a file that is read has its tag already")

    def fits(self, tag: bytes) -> bool:
        try:
            self._cipher.finalize_with_tag(tag)
        except InvalidTag:
            return False
        return True


def cipher_stream(algorithm: str, key: bytes, nonce: bytes, *, seal: bool = False) -> CipherStream:
    """A cipher for one file.

    Args:
        algorithm: `chacha20-poly1305` or `aes-256-gcm`.
        key: 32 bytes.
        nonce: 12 bytes, never used twice for writing.
        seal: encrypts; otherwise decrypts.
    """
    if algorithm == "chacha20-poly1305":
        return _ChaCha20Poly1305(key, nonce, seal=seal)
    return _Seal256Gcm(key, nonce) if seal else _Open256Gcm(key, nonce)


class SealingWriter:
    """Encrypts into another writer; whoever made it writes the tag at the end."""

    def __init__(self, inner: StreamWriter, stream: CipherStream, path: str) -> None:
        self._inner, self._stream, self._path = inner, stream, path
        self._count = 0

    def write(self, data: Buffer) -> None:
        """Appends; see `StreamWriter`.

        Raises:
            StorageError: the file grew beyond what one nonce may encrypt.
        """
        view = memoryview(data).cast("B")
        self._count += len(view)
        if self._count > self._stream.limit_bytes:
            raise StorageError(
                self._path,
                f"is too large to be encrypted: more than {self._stream.limit_bytes} bytes",
            )
        for start in range(0, len(view), _PIECE_BYTES):
            self._inner.write(self._stream.update(view[start : start + _PIECE_BYTES]))


class OpeningReader:
    """Decrypts from another reader; the last byte is given only after the tag was verified."""

    def __init__(self, inner: StreamReader, stream: CipherStream, path: str) -> None:
        self._inner, self._stream, self._path = inner, stream, path
        self._held = bytearray()
        self._count = 0
        self._ended = False

    def read(self, size: int = -1, /) -> bytes:
        """See `StreamReader`.

        Raises:
            Damaged: the file ended and its tag does not fit.
        """
        if size < 0:
            return b"".join(iter(lambda: self.read(_PIECE_BYTES), b""))
        # One byte more than the tag stays back: so the end is known before the last is given.
        while not self._ended and len(self._held) < min(size, _PIECE_BYTES) + TAG_BYTES + 1:
            piece = self._inner.read(_PIECE_BYTES)
            if piece:
                self._held += piece
            else:
                self._finish()
        if size == 0 or not self._held:
            return b""
        if self._ended:
            return self._take(size)
        ready = len(self._held) - TAG_BYTES - 1
        return self._decrypt(min(size, ready))

    def _take(self, size: int) -> bytes:
        made = bytes(self._held[:size])
        del self._held[:size]
        return made

    def _decrypt(self, size: int) -> bytes:
        self._count += size
        if self._count > self._stream.limit_bytes:
            raise Damaged(self._path, "is larger than an encrypted file can be")
        return self._stream.update(self._take(size))

    def _finish(self) -> None:
        if len(self._held) < TAG_BYTES:
            raise Damaged(self._path, "is too short for an encrypted file")
        tag = bytes(self._held[-TAG_BYTES:])
        del self._held[-TAG_BYTES:]
        self._held = bytearray(self._decrypt(len(self._held)))
        if not self._stream.fits(tag):
            self._held.clear()
            raise Damaged(self._path, "does not decrypt: it was cut or changed")
        self._ended = True

    def close(self) -> None:
        """Stops reading."""
        self._inner.close()
