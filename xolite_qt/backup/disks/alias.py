"""Alias files: a few bytes that say where the folder of a disk's blocks is."""

from __future__ import annotations

from xolite_qt.backup.errors import Damaged, NotFound, StorageError
from xolite_qt.backup.storage.base import Storage
from xolite_qt.backup.storage.paths import parent_of, relative_to, resolve

ALIAS_SUFFIX = ".alias.vhd"
_MOST_BYTES = 1024


def is_alias(path: str) -> bool:
    """Whether a path is one of an alias."""
    return path.endswith(ALIAS_SUFFIX)


def read_alias(storage: Storage, path: str) -> str:
    """Path of the folder behind an alias.

    Raises:
        Damaged: it holds no path, or one that leads to an alias again, or to anything but a folder
            of blocks beside it: whoever removes a disk removes what its alias leads to.
        NotFound, StorageError: it cannot be read.
    """
    raw = storage.read(path)
    if not raw or len(raw) > _MOST_BYTES:
        raise Damaged(path, f"is no alias: it holds {len(raw)} bytes")
    try:
        target = resolve(parent_of(path), raw.decode())
    except (UnicodeDecodeError, StorageError):
        raise Damaged(path, "is no alias: it holds no path inside the repository") from None
    if is_alias(target):
        raise Damaged(path, "leads to another alias, which Xen Orchestra refuses")
    if not target.startswith(f"{parent_of(path)}/") or not target.endswith(".vhd"):
        raise Damaged(path, "is no alias: what it leads to is no disk of its folder")
    return target


def write_alias(storage: Storage, path: str, target: str) -> None:
    """Makes an alias lead to a folder; atomic."""
    storage.write(path, relative_to(parent_of(path), target).encode())


def delete_disk(storage: Storage, path: str) -> None:
    """Removes a disk, the alias first: what is left of a broken removal is nobody's disk."""
    target = None
    if is_alias(path):
        try:
            target = read_alias(storage, path)
        except (Damaged, NotFound):
            target = None
    storage.delete(path)
    if target is not None:
        storage.delete_tree(target)
