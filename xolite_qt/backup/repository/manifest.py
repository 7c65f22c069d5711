"""Hashes of what a backup wrote, so that it can be proved without a restore.

A manifest belongs to one disk of one backup (by the uuid in its VHD footer), and has the SHA-256 of
every 2 MiB block that this backup wrote itself, and the uuid of its parent. What the disk held at
that moment is its own blocks over its parent's manifest, and so on. A merge changes none of that:
also one by Xen Orchestra, which knows nothing of manifests, leaves them right.

File `.xolite/manifests/<vm>/<uuid>.manifest`:

    line 1      {"format":1,"uuid":…,"parent":…|null,"size":BYTES,"blocks":N}\n   (JSON)
    N times     u32 big endian index, 32 bytes SHA-256; ascending
    last        32 bytes: SHA-256 of all before

File `.xolite/manifests/<vm>/<date>.xva.json`: {"format":1,"sha256":HEX,"size":BYTES}
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from xolite_qt.backup.errors import Damaged, NotFound
from xolite_qt.backup.storage.base import Storage
from xolite_qt.backup.storage.paths import name_of

from .layout import manifest_folder

_SUFFIX = ".manifest"
_ENTRY = struct.Struct(">I32s")
_DIGEST_BYTES = 32
ZERO_DIGEST = hashlib.sha256(bytes(2 * 1024 * 1024)).digest()


class _Head(msgspec.Struct):
    format: int
    uuid: str
    parent: str | None
    size: int
    blocks: int


@dataclass
class Manifest:
    """One disk of one backup.

    Attributes:
        uuid: that of the VHD footer.
        parent: uuid of the manifest it lies over; None for a full disk.
        size_bytes: of the disk.
        digests: SHA-256 of each block, by index.
    """

    uuid: str
    parent: str | None
    size_bytes: int
    digests: dict[int, bytes] = field(default_factory=dict)

    def pack(self) -> bytes:
        """The file's content."""
        head = _Head(1, self.uuid, self.parent, self.size_bytes, len(self.digests))
        body = bytearray(msgspec.json.encode(head) + b"\n")
        for index in sorted(self.digests):
            body += _ENTRY.pack(index, self.digests[index])
        body += hashlib.sha256(body).digest()
        return bytes(body)

    @classmethod
    def parse(cls, raw: bytes, path: str) -> Manifest:
        """Raises:
        Damaged: the file is cut or spoilt.
        """
        body, seal = raw[:-_DIGEST_BYTES], raw[-_DIGEST_BYTES:]
        if hashlib.sha256(body).digest() != seal:
            raise Damaged(path, "is cut off or damaged (its own hash is wrong)")
        line, _, entries = body.partition(b"\n")
        try:
            head = msgspec.json.decode(line, type=_Head)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise Damaged(path, "is no manifest") from None
        if head.format != 1 or len(entries) != head.blocks * _ENTRY.size:
            raise Damaged(path, f"is a manifest of format {head.format}, which is unknown here")
        return cls(head.uuid, head.parent, head.size, dict(_ENTRY.iter_unpack(entries)))


class XvaManifest(msgspec.Struct):
    """One XVA file: hexadecimal SHA-256, and its length in bytes."""

    sha256: str
    size: int
    format: int = 1


@dataclass(frozen=True)
class Expected:
    """What a disk must hold.

    Attributes:
        digests: by index.
        complete: False where a manifest down the chain is missing: other blocks are unknown then;
            where it is True they are zeros.
    """

    digests: Mapping[int, bytes]
    complete: bool

    def check(self, index: int, data: bytes) -> bool | None:
        """Whether a block is what it must be; None where nothing is known of it."""
        wanted = self.digests.get(index)
        if wanted is None:
            return None if not self.complete else not any(data)
        return hashlib.sha256(data).digest() == wanted


class Manifests:
    """The manifests of one VM."""

    def __init__(self, storage: Storage, vm_uuid: str) -> None:
        self._storage = storage
        self._folder = manifest_folder(vm_uuid)

    def _path(self, uuid: str) -> str:
        return f"{self._folder}/{uuid}{_SUFFIX}"

    def write(self, manifest: Manifest) -> None:
        """Stores one."""
        self._storage.write(self._path(manifest.uuid), manifest.pack())

    def read(self, uuid: str) -> Manifest | None:
        """One, or None where there is none.

        Raises:
            Damaged: it is spoilt.
        """
        path = self._path(uuid)
        try:
            return Manifest.parse(self._storage.read(path), path)
        except NotFound:
            return None

    def uuids(self) -> list[str]:
        """Of all that are there."""
        names = [entry.name for entry in self._storage.list(self._folder) if not entry.is_folder]
        return [name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)]

    def delete(self, uuid: str) -> None:
        """Removes one."""
        self._storage.delete(self._path(uuid))

    def expected(self, uuid: str) -> Expected | None:
        """What the disk with this uuid must hold; None where nothing is known.

        Raises:
            Damaged: a manifest is spoilt.
        """
        newest = self.read(uuid)
        if newest is None:
            return None
        digests = dict(newest.digests)
        at, seen = newest, {uuid}
        while at.parent is not None:
            older = None if at.parent in seen else self.read(at.parent)
            if older is None:
                return Expected(digests, complete=False)
            for index, digest in older.digests.items():
                digests.setdefault(index, digest)
            seen.add(at.parent)
            at = older
        return Expected(digests, complete=True)

    def tidy(self, needed: set[str]) -> None:
        """Folds manifests of disks that are no more into those that lie over them.

        Args:
            needed: uuids of the disks that are there.
        """
        known = self.uuids()
        gone = set(known) - needed
        if not gone:
            return
        for uuid in sorted(needed & set(known)):
            manifest = self._readable(uuid)
            if manifest is None or manifest.parent not in gone:
                continue
            while manifest.parent is not None and manifest.parent in gone:
                older = self._readable(manifest.parent)
                if older is None:
                    break
                manifest.digests = {**older.digests, **manifest.digests}
                manifest.parent = older.parent
            if manifest.parent not in gone:
                self.write(manifest)
        for uuid in gone:
            self.delete(uuid)

    def _readable(self, uuid: str) -> Manifest | None:
        try:
            return self.read(uuid)
        except Damaged:
            return None

    # XVA files

    def write_xva(self, xva_path: str, sha256: str, size_bytes: int) -> None:
        """Stores the hash of an XVA file."""
        raw = msgspec.json.encode(XvaManifest(sha256, size_bytes))
        self._storage.write(f"{self._folder}/{name_of(xva_path)}.json", raw)

    def read_xva(self, xva_path: str) -> XvaManifest | None:
        """The hash of an XVA file, or None.

        Raises:
            Damaged: it is spoilt.
        """
        path = f"{self._folder}/{name_of(xva_path)}.json"
        try:
            return msgspec.json.decode(self._storage.read(path), type=XvaManifest)
        except NotFound:
            return None
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise Damaged(path, "is no manifest") from None

    def delete_xva(self, xva_path: str) -> None:
        """Removes the hash of an XVA file."""
        self._storage.delete(f"{self._folder}/{name_of(xva_path)}.json")
