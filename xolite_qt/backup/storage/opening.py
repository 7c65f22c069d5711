"""From a repository's URL to its storage, and whether one can work there."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from xolite_qt.backup.errors import StorageError

from .base import Storage
from .retry import RetryPolicy
from .urls import FolderPlace, parse

PROBE_BYTES = 64 * 1024


def open_storage(url: str, *, policy: RetryPolicy | None = None) -> Storage:
    """The storage at a URL; nothing is asked of it yet.

    Args:
        url: see `urls`; with its login.
        policy: how long an operation is tried again.

    Raises:
        BadUrl: it cannot be understood.
    """
    place = parse(url)
    if isinstance(place, FolderPlace):
        from .local import LocalStorage

        return LocalStorage(place.path, policy=policy)
    # boto3 is large: whoever keeps backups in a folder never loads it.
    from .s3 import S3Storage

    return S3Storage(
        endpoint_url=place.endpoint_url,
        bucket=place.bucket,
        prefix=place.prefix,
        access_key=place.access_key,
        secret_key=place.secret_key,
        region=place.region,
        verify=place.verify,
        policy=policy or RetryPolicy(),
    )


@dataclass(frozen=True)
class Probe:
    """One step of a connection test.

    Attributes:
        what: what was tried, such as "Write a file".
        error: why it failed, as a sentence; empty on success.
        note: what is worth knowing where it worked.
    """

    what: str
    error: str = ""
    note: str = ""


def check_connection(storage: Storage) -> list[Probe]:
    """Tries all that a backup needs, in a file of its own that is removed again.

    Ends with the first step that fails. Use a storage with a short budget: a test that takes ten
    minutes to say no helps nobody.
    """
    name, body = f".xolite-test-{uuid.uuid4()}", os.urandom(PROBE_BYTES)
    path, moved = f"{name}/a", f"{name}/b"
    done: list[Probe] = []

    def conditional() -> str:
        if storage.abilities.conditional_writes:
            return ""
        return "no conditional writes: use this repository from one machine at a time"

    def removal() -> str:
        storage.delete(moved)
        if storage.abilities.versioned_or_locked:
            return "the bucket keeps versions or locks: space is freed when it says so"
        return ""

    def read() -> str:
        if storage.read(path) != body:
            raise StorageError(path, "what was read is not what was written")
        return ""

    steps: tuple[tuple[str, Callable[[], object]], ...] = (
        ("List the folder", lambda: storage.list("")),
        ("Write a file", lambda: storage.write(path, body)),
        ("Read it back", read),
        ("Rename it", lambda: storage.rename(path, moved)),
        ("Write only where nothing is", conditional),
        ("Delete it", removal),
    )
    for what, step in steps:
        try:
            note = step()
        except StorageError as error:
            done.append(Probe(what, error=error.what))
            _clean_up(storage, name)
            break
        done.append(Probe(what, note=note if isinstance(note, str) and " " in note else ""))
    return done


def _clean_up(storage: Storage, name: str) -> None:
    try:
        storage.delete_tree(name)
    except StorageError:
        return
