"""Paths in a storage: `/`-separated, below its root, never out of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from xolite_qt.backup.errors import StorageError


def clean(path: str) -> str:
    """A path without its leading `/`; empty for the root.

    Raises:
        StorageError: it leads out of the storage, or no storage could hold it.
    """
    parts = path.strip("/").split("/")
    if parts == [""]:
        return ""
    for part in parts:
        if part in ("", ".", "..") or "\0" in part or "\\" in part or len(part.encode()) > 255:
            raise StorageError(path, "is no name that a file can have here")
    return "/".join(parts)


def file_path(path: str) -> str:
    """As `clean`, for a file, which the root is not.

    Raises:
        StorageError: as `clean`, or it is the root.
    """
    cleaned = clean(path)
    if not cleaned:
        raise StorageError(path, "is no file's name")
    return cleaned


def join(*parts: str) -> str:
    """Parts of a path as one; empty parts are left out."""
    return "/".join(part.strip("/") for part in parts if part.strip("/"))


def parent_of(path: str) -> str:
    """The folder that a file is in; empty for the root."""
    return path.rpartition("/")[0]


def name_of(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


def resolve(folder: str, relative: str) -> str:
    """Where a relative path leads, seen from a folder, as in an alias or a VHD's parent name.

    Raises:
        StorageError: it leads out of the storage.
    """
    parts = [] if relative.startswith("/") else list(PurePosixPath(folder.strip("/")).parts)
    for part in relative.replace("\\", "/").split("/"):
        if part in ("", "."):
            continue
        if part == "..":
            if not parts:
                raise StorageError(relative, f"leads out of the storage, seen from {folder}")
            parts.pop()
        else:
            parts.append(part)
    return clean("/".join(parts))


def relative_to(folder: str, path: str) -> str:
    """How a file is called seen from a folder."""
    here, there = folder.strip("/").split("/"), path.strip("/").split("/")
    if here == [""]:
        here = []
    same = 0
    while same < min(len(here), len(there) - 1) and here[same] == there[same]:
        same += 1
    return "/".join([".."] * (len(here) - same) + there[same:])


def folders_of(paths: Iterable[str]) -> set[str]:
    """The folders that files are in."""
    return {parent_of(path) for path in paths}
