"""How a chunk of a disk becomes a file: not at all, or through brotli or gzip.

Decoding is bounded: a few bytes that claim to be gigabytes are damage, not work.
"""

from __future__ import annotations

import zlib
from typing import Literal

import brotli

from xolite_qt.backup.errors import Damaged

Compression = Literal["brotli", "gzip"] | None
# What Xen Orchestra writes: speed before size.
_BROTLI_QUALITY, _GZIP_LEVEL = 0, 1


def encode(data: bytes, compression: Compression) -> bytes:
    """A chunk as it is stored."""
    if compression == "brotli":
        return bytes(brotli.compress(data, quality=_BROTLI_QUALITY))
    if compression == "gzip":
        packer = zlib.compressobj(_GZIP_LEVEL, wbits=31)
        return packer.compress(data) + packer.flush()
    return data


def decode(stored: bytes, compression: Compression, path: str, most_bytes: int) -> bytes:
    """A chunk as it was.

    Args:
        stored: the file.
        compression: of the disk.
        path: the file, for errors.
        most_bytes: more than that is damage.

    Raises:
        Damaged: the file is cut, spoilt, or far too large.
    """
    if compression == "brotli":
        data = _unbrotli(stored, path, most_bytes)
    elif compression == "gzip":
        data = _gunzip(stored, path, most_bytes)
    else:
        data = stored
    if len(data) > most_bytes:
        raise Damaged(path, f"holds more than the {most_bytes} bytes that it may")
    return data


def _unbrotli(stored: bytes, path: str, most_bytes: int) -> bytes:
    unpacker, parts, size, piece = brotli.Decompressor(), [], 0, stored
    try:
        while not unpacker.is_finished():
            part = unpacker.process(piece, output_buffer_limit=most_bytes + 1)
            if not part and not piece:
                raise Damaged(path, "is cut off (brotli)")
            parts.append(part)
            size += len(part)
            if size > most_bytes:
                break
            piece = b""
    except brotli.error:
        raise Damaged(path, "is damaged (brotli)") from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _gunzip(stored: bytes, path: str, most_bytes: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        data = unpacker.decompress(stored, most_bytes + 1)
    except zlib.error:
        raise Damaged(path, "is damaged (gzip)") from None
    if not unpacker.eof and len(data) <= most_bytes:
        raise Damaged(path, "is cut off (gzip)")
    return data
