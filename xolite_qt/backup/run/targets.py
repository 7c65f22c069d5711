"""The repositories of a run: opened, and each VM locked while it is written."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from xolite_qt.backup.disks import Kind
from xolite_qt.backup.errors import (
    AccessDenied,
    BackupError,
    Busy,
    NoSpace,
    NotFound,
    StorageError,
    WrongKey,
)
from xolite_qt.backup.repository import Repository
from xolite_qt.backup.repository.layout import yield_path
from xolite_qt.backup.storage import open_storage
from xolite_qt.backup.storage.retry import RetryPolicy

_ASK_EVERY_S = 20.0
_LOCK_WAIT_S = 300.0
_STEP_S = 2.0


@dataclass
class Target:
    """A repository that a run writes to.

    Attributes:
        name: for people.
        url: with its login; never shown.
        key: of an encrypted one.
        budget_s: for one operation.
        repository: opened.
        kind: how disks are written into it.
        dead: why nothing is written to it any more; None while it works.
    """

    name: str
    url: str = field(repr=False)
    key: str | None = field(repr=False)
    budget_s: float
    repository: Repository
    kind: Kind
    dead: BackupError | None = None

    def judge(self, error: BackupError) -> None:
        """An error that would only come again for every block ends the repository's part."""
        if isinstance(error, AccessDenied | NoSpace | WrongKey):
            self.dead = self.dead or error


def open_target(
    name: str,
    url: str,
    key: str | None,
    *,
    budget_s: float = 600.0,
    vhd_files: bool = False,
    expected_id: str = "",
    first: RetryPolicy | None = None,
) -> Target:
    """Opens a repository for writing; a new one is made, encrypted where there is a key.

    Args:
        name: for people.
        url: with its login.
        key: 32 characters, where it is encrypted or shall be.
        budget_s: how long one operation is tried.
        vhd_files: VHD files in place of folders of blocks, where the storage can hold them.
        expected_id: of the repository that was here before; "" where none was.
        first: how patiently it is looked for, where somebody waits for that.

    Raises:
        WrongKey, StorageError: it cannot be opened.
    """
    if first is not None:
        storage = open_storage(url, policy=first)
        try:
            with suppress(NotFound):
                storage.list("")
        finally:
            storage.close()
    storage = open_storage(url, policy=RetryPolicy(budget_s=budget_s))
    try:
        if expected_id and Repository.open(storage, key).known_id() != expected_id:
            # The empty folder that a share is mounted on would be filled, and with it the disk.
            what = "the repository that was here is not: is its disk or share mounted?"
            raise StorageError("", what)
        repository = Repository.create(storage, key)
    except BaseException:
        storage.close()
        raise
    in_place = repository.storage.abilities.in_place
    if vhd_files and not in_place:
        storage.close()
        raise StorageError("", "VHD files can only be kept in a folder that is not encrypted")
    kind = Kind.FILE if vhd_files else Kind.DIRECTORY
    return Target(name, url, key, budget_s, repository, kind)


@contextmanager
def locked(
    target: Target, vm_uuid: str, owner: str, stop: threading.Event, wait_s: float = _LOCK_WAIT_S
) -> Iterator[threading.Event]:
    """The lock of a VM; a merge that has it is asked to let go.

    Raises:
        Busy: somebody else works on it for longer than `wait_s`.
        Cancelled: `stop` was set.
    """
    repository, asked_s = target.repository, 0.0
    bare, path = repository.bare_storage, yield_path(vm_uuid)
    deadline = time.monotonic() + wait_s
    lost = threading.Event()
    with ExitStack() as held:
        while True:
            try:
                lock = repository.lock_vm(vm_uuid, owner, wait_s=_STEP_S, stop=stop)
                lost = held.enter_context(lock)
                break
            except Busy as error:
                if time.monotonic() > deadline:
                    if asked_s:
                        bare.delete(path)
                    raise Busy(f"{target.name}: {error.path}", error.what) from None
            if time.monotonic() - asked_s > _ASK_EVERY_S:
                bare.write(path, owner.encode())
                asked_s = time.monotonic()
        if asked_s:
            bare.delete(path)
        yield lost
