"""`cache.json.gz`: all descriptions of a VM in one file.

Xen Orchestra trusts it blindly, so a backup that is not in it does not exist there: every change
of the descriptions changes it, or removes it. We only use it to save reads: names come from the
folder.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from typing import Any

import msgspec

from xolite_qt.backup.errors import Changed, Damaged, NotFound
from xolite_qt.backup.storage.base import Storage

from .layout import cache_path

_MOST_BYTES = 256 * 1024 * 1024
_TRIES = 5
Entries = dict[str, dict[str, Any]]


def read_cache(storage: Storage, vm_uuid: str) -> Entries | None:
    """What the cache says, by id; None where there is none, or it cannot be read."""
    path = cache_path(vm_uuid)
    try:
        return _decode(storage.read(path))
    except (NotFound, Damaged):
        return None


def _decode(raw: bytes) -> Entries | None:
    try:
        unpacker = zlib.decompressobj(wbits=31)
        text = unpacker.decompress(raw, _MOST_BYTES)
        if not unpacker.eof:
            return None
        return msgspec.json.decode(text, type=Entries)
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def entry_of(metadata: dict[str, Any], backup_id: str) -> dict[str, Any]:
    """A description as it stands in the cache."""
    return {**metadata, "_filename": backup_id, "id": backup_id}


def change_cache(storage: Storage, vm_uuid: str, change: Callable[[Entries], None]) -> None:
    """Changes the cache where there is one. If that cannot be done safely it is removed, which is
    right too: Xen Orchestra then makes a new one out of the descriptions."""
    path = cache_path(vm_uuid)
    for _ in range(_TRIES):
        stat = storage.stat(path)
        if stat is None:
            return
        try:
            entries = _decode(storage.read(path))
        except (NotFound, Damaged):
            entries = None
        if entries is None:
            break
        before = msgspec.json.encode(entries)
        change(entries)
        if msgspec.json.encode(entries) == before:
            return
        try:
            storage.write(path, pack_cache(entries), if_tag=stat.tag)
        except Changed:
            continue
        return
    storage.delete(path)


def write_cache(storage: Storage, vm_uuid: str, entries: Entries) -> None:
    """A new cache; none where there are no backups."""
    if entries:
        storage.write(cache_path(vm_uuid), pack_cache(entries))
    else:
        storage.delete(cache_path(vm_uuid))


def pack_cache(entries: Entries) -> bytes:
    """The file's content."""
    return gzip.compress(msgspec.json.encode(entries), compresslevel=6, mtime=0)
