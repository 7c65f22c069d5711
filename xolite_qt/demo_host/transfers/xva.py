"""XVA as hosts write and read it: a tar of `ova.xml` and the disks in chunks of 1 MiB.

`Ref:N/00000007` is the eighth MiB of the disk that `ova.xml` calls Ref:N; its checksum follows in
a file of its own. Chunks of zeros are left out, but for the first and the last one of a disk.

Source: `xapi.md` 1.12.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
import zlib
from collections.abc import Callable, Generator, Iterable
from typing import IO, Any, NamedTuple, Protocol, cast

import xxhash
import zstandard

from xolite_qt.demo_host.disks import BLOCK_BYTES, Contents
from xolite_qt.demo_host.registry import Failure

CHUNK_BYTES = 1024 * 1024
RECORD_BYTES = 512
END = bytes(2 * RECORD_BYTES)
_ZEROS = bytes(CHUNK_BYTES)
_PER_CHUNK = CHUNK_BYTES // BLOCK_BYTES
_LARGEST_OVA_BYTES = 64 * 1024 * 1024
_CHUNK_NAME = re.compile(r"(Ref:\d+)/(\d{8,})(\.xxhash|\.checksum)?", re.ASCII)
_PIECE_BYTES = 1024 * 1024


def tar_file(name: str, data: bytes) -> list[bytes]:
    """A file of a tar: header, data, padding."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o600
    return [info.tobuf(tarfile.USTAR_FORMAT), data, bytes(-len(data) % RECORD_BYTES)]


def chunk_files(disk: str, number: int, data: bytes) -> list[bytes]:
    """A chunk of a disk and its checksum."""
    name = f"{disk}/{number:08d}"
    digest = xxhash.xxh64(data).hexdigest().encode()
    return tar_file(name, data) + tar_file(f"{name}.xxhash", digest)


def chunks_with_data(runs: Iterable[tuple[int, int]], size_bytes: int) -> list[int]:
    """Numbers of the chunks that an export holds, ascending."""
    last = -(-size_bytes // CHUNK_BYTES) - 1
    found = {0, last} if last >= 0 else set()
    for first, end in runs:
        found.update(range(first // _PER_CHUNK, min(-(-end // _PER_CHUNK), last + 1)))
    return sorted(found)


def pack(contents: Contents, disk: str, numbers: list[int], size_bytes: int) -> bytes:
    """Some chunks of a disk, as a part of a tar. Blocks."""
    last = -(-size_bytes // CHUNK_BYTES) - 1
    parts: list[bytes] = []
    for number in numbers:
        at = number * CHUNK_BYTES
        data = contents.read(at, min(CHUNK_BYTES, size_bytes - at))
        if number in (0, last) or data != _ZEROS:
            parts += chunk_files(disk, number, data)
    return b"".join(parts)


# Compression


class Compressor(Protocol):
    """What `zlib` and `zstandard` have in common."""

    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


def compressor(wish: str) -> Compressor | None:
    """What packs an export, for the words that `use_compression` takes; None to send it plain."""
    if wish in ("true", "gzip"):
        return zlib.compressobj(1, wbits=31)
    return zstandard.ZstdCompressor(level=1).compressobj() if wish == "zstd" else None


class Unpacker:
    """Passes a stream on in plain, whichever way it is packed, a MiB at a time."""

    def __init__(self, take: Callable[[bytes], object]) -> None:
        self._take = take
        self._start = b""
        self._feed: Callable[[bytes], object] | None = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes. Blocks.

        Raises:
            Failure: IMPORT_ERROR_GENERIC, the stream is broken.
        """
        if self._feed is None:
            self._start = data = self._start + data
            if len(data) < 4:
                return
            self._feed = self._choose(data)
        try:
            self._feed(data)
        except (zlib.error, zstandard.ZstdError) as error:
            raise Failure("IMPORT_ERROR_GENERIC", error) from None

    def _choose(self, start: bytes) -> Callable[[bytes], object]:
        if start[:2] == b"\x1f\x8b":
            gzip = zlib.decompressobj(wbits=31)

            def gunzip(data: bytes) -> None:
                # In pieces: zeros grow a thousandfold.
                while data and not gzip.eof:
                    self._take(gzip.decompress(data, _PIECE_BYTES))
                    data = gzip.unconsumed_tail

            return gunzip
        if start[:4] == b"\x28\xb5\x2f\xfd":
            decompressor = zstandard.ZstdDecompressor()
            sink = cast("IO[bytes]", _Sink(self._take))
            return decompressor.stream_writer(sink, write_size=_PIECE_BYTES).write
        return self._take


class _Sink:
    """What a writer of zstandard writes into."""

    def __init__(self, take: Callable[[bytes], object]) -> None:
        self._take = take

    def write(self, data: bytes | memoryview) -> int:
        piece = bytes(data)
        self._take(piece)
        return len(piece)


# Reading


class Chunk(NamedTuple):
    """A part of a disk.

    Attributes:
        disk: what `ova.xml` calls it.
    """

    disk: str
    offset: int
    data: bytes


def _sha1(data: bytes) -> hashlib._Hash:
    return hashlib.sha1(data, usedforsecurity=False)


class XvaReader:
    """Reads the tar from a stream; never holds more than a chunk, apart from `ova.xml`.

    Attributes:
        done: whether its end came.
    """

    def __init__(self, on_ova: Callable[[bytes], object], on_chunk: Callable[[Chunk], Any]) -> None:
        self.done = False
        self._on_ova = on_ova
        self._on_chunk = on_chunk
        self._buffer = bytearray()
        self._last: tuple[str, bytes] = ("", b"")
        self._steps = self._read()
        self._wanted = next(self._steps)

    def feed(self, data: bytes) -> None:
        """Take the next bytes. Blocks.

        Raises:
            Failure: IMPORT_ERROR_…, or what the callbacks raise.
        """
        self._buffer += data
        while not self.done and len(self._buffer) >= self._wanted:
            piece = bytes(memoryview(self._buffer)[: self._wanted])
            del self._buffer[: self._wanted]
            try:
                self._wanted = self._steps.send(piece)
            except StopIteration:
                self.done = True
        if self.done:
            self._buffer.clear()

    def finish(self) -> None:
        """Say that the stream is over.

        Raises:
            Failure: IMPORT_ERROR_PREMATURE_EOF.
        """
        if not self.done:
            raise Failure("IMPORT_ERROR_PREMATURE_EOF")

    def _read(self) -> Generator[int, bytes, None]:
        name = ""
        while (record := (yield RECORD_BYTES)) != bytes(RECORD_BYTES):
            try:
                info = tarfile.TarInfo.frombuf(record, "utf-8", "replace")
            except tarfile.HeaderError as error:
                raise Failure("IMPORT_ERROR_GENERIC", f"Tar: {error}") from None
            first, name = not name, info.name
            largest = _LARGEST_OVA_BYTES if first else CHUNK_BYTES
            if info.size > largest or first != (name == "ova.xml"):
                raise Failure("IMPORT_ERROR_UNEXPECTED_FILE", "ova.xml" if first else "", name)
            data = b""
            if info.size:
                padded = info.size + -info.size % RECORD_BYTES
                data = (yield padded)[: info.size]
            if first:
                self._on_ova(data)
            else:
                self._part(name, data)
        if not name:
            raise Failure("IMPORT_ERROR_PREMATURE_EOF")

    def _part(self, name: str, data: bytes) -> None:
        found = _CHUNK_NAME.fullmatch(name)
        if found is None:
            raise Failure("IMPORT_ERROR_UNEXPECTED_FILE", "Ref:", name)
        disk, number, kind = found.groups()
        if kind is None:
            self._last = (name, data)
            self._on_chunk(Chunk(disk, int(number) * CHUNK_BYTES, data))
            return
        of, chunk = self._last
        digest = xxhash.xxh64(chunk) if kind == ".xxhash" else _sha1(chunk)
        if of + kind != name or digest.hexdigest().encode() != data.strip():
            raise Failure("IMPORT_ERROR_SOME_CHECKSUMS_FAILED")
