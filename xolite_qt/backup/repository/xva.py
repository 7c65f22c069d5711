"""Is an XVA file whole? Source: backup-repository.md 1.6, 1.8."""

from __future__ import annotations

import hashlib
import threading

from xolite_qt.backup.errors import Cancelled, Damaged, NotFound
from xolite_qt.backup.storage import Storage

from .manifest import Manifests
from .metadata import Backup
from .report import Report

_PIECE_BYTES = 4 * 1024 * 1024
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_TAR_END_BYTES = 1024
# `$1$$<hex>`, as Node's crypto module and Xen Orchestra number them.
_CHECKSUMS = {"1": "md5", "5": "sha256", "6": "sha512"}


def check_xva(
    storage: Storage,
    backup: Backup,
    manifests: Manifests,
    report: Report,
    stop: threading.Event | None = None,
) -> None:
    """Reads an XVA file to its end and compares it with what is known of it.

    Raises:
        StorageError: the storage does not answer.
        Cancelled: `stop` was set.
    """
    path = backup.xva_path
    assert path is not None
    sha256, other = hashlib.sha256(), _other_hash(storage, path)
    size, first, last = 0, b"", b""
    try:
        with storage.open_read(path) as body:
            while piece := body.read(_PIECE_BYTES):
                if stop is not None and stop.is_set():
                    raise Cancelled
                first = first or piece[:4]
                last = (last + piece)[-_TAR_END_BYTES:]
                size += len(piece)
                sha256.update(piece)
                if other is not None:
                    other[0].update(piece)
        known = manifests.read_xva(path)
    except (Damaged, NotFound) as error:
        report.problem(error.path, error.what)
        return
    proven = known is not None and known.sha256 == sha256.hexdigest() and known.size == size
    report.block(size, proven=proven)
    if known is not None and not proven:
        report.problem(path, "is not what was backed up (its hash differs)")
    if other is not None and other[0].hexdigest() != other[1]:
        report.problem(path, "is not what its .checksum file says")
    packed = first.startswith((_GZIP, _ZSTD))
    if not packed and (size % 512 or last != bytes(_TAR_END_BYTES)):
        report.problem(path, "is cut off: the end of the archive is missing")


def _other_hash(storage: Storage, path: str) -> tuple[hashlib._Hash, str] | None:
    """What Xen Orchestra's checksum file says: (an empty hash, the wanted digest)."""
    try:
        text = storage.read(f"{path}.checksum").decode("ascii", errors="replace").strip()
    except NotFound:
        return None
    parts = text.split("$")
    if len(parts) != 4 or parts[1] not in _CHECKSUMS:
        return None
    return hashlib.new(_CHECKSUMS[parts[1]], usedforsecurity=False), parts[3].lower()
