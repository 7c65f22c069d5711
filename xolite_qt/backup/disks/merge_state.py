"""How far a merge has come: a file beside the disk that is merged into.

Its form is Xen Orchestra's, so that it goes on from ours and we from its.
Source: backup-repository.md 1.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from xolite_qt.backup.errors import Damaged, NotFound
from xolite_qt.backup.storage.base import Storage
from xolite_qt.backup.storage.paths import name_of, parent_of

MERGE_SUFFIX = ".merge.json"
MERGE_BLOCKS = "mergeBlocks"
CLEAN_UP = "cleanup"
# `.1767319200000.12-3..20260101T000000Z.vhd.merge.json`: a state that nobody finished writing.
_UNFINISHED = re.compile(r"\.\d{10,}\..+")


class UuidOf(msgspec.Struct):
    """A disk, as the state names it. Very old states have no uuid."""

    uuid: str = ""


class MergeState(msgspec.Struct, rename="camel"):
    """How far a merge has come.

    Attributes:
        child: the newest disk that is merged.
        parent: the one it is merged into.
        chain: names of all, oldest first; None in states of older versions.
        current_block: all blocks below it have been moved.
        merged_data_size: bytes so far.
        step: `MERGE_BLOCKS`, then anything else: names are put right.
        disk_size: what Xen Orchestra notes for itself.
    """

    child: UuidOf
    parent: UuidOf
    chain: list[str] | None = None
    current_block: int = 0
    merged_data_size: int = 0
    step: str = MERGE_BLOCKS
    disk_size: int = 0


def merge_state_path(parent_path: str) -> str:
    """The state file of merges into a disk."""
    return f"{parent_of(parent_path)}/.{name_of(parent_path)}{MERGE_SUFFIX}"


def is_merge_state(name: str) -> bool:
    """Whether a file's name is one of a state."""
    if _UNFINISHED.fullmatch(name):
        return False
    return name.startswith(".") and name.endswith(MERGE_SUFFIX)


def merged_into(name: str) -> str:
    """The name of the disk that a state file is about."""
    return name[1 : -len(MERGE_SUFFIX)]


def read_state(storage: Storage, parent_path: str) -> MergeState | None:
    """The state of a merge into a disk; None where none is under way.

    Raises:
        Damaged: the file cannot be understood.
        StorageError: it cannot be read.
    """
    path = merge_state_path(parent_path)
    try:
        state = msgspec.json.decode(storage.read(path), type=MergeState)
    except NotFound:
        return None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Damaged(path, "does not say how far a merge has come") from None
    if any("/" in name for name in state.chain or ()):
        raise Damaged(path, "names disks of another folder")
    return state


def write_state(storage: Storage, parent_path: str, state: MergeState) -> None:
    """Notes how far a merge has come."""
    storage.write(merge_state_path(parent_path), msgspec.json.encode(state))


def states_in(storage: Storage, folder: str, names: Iterable[str]) -> dict[str, MergeState]:
    """The states among files of a folder, by the path of the disk that is merged into.

    Raises:
        Damaged, StorageError: as `read_state`.
    """
    found = {}
    for name in names:
        if is_merge_state(name):
            path = f"{folder}/{merged_into(name)}"
            state = read_state(storage, path)
            if state is not None:
                found[path] = state
    return found
