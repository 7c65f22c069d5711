"""Merging everything that is due in a repository: several VMs and disks at once.

The parent process holds the locks of the VMs and puts names right afterwards; blocks are moved in
worker processes, so that encryption and VHD files use every core. Whoever wants to back a VM up
asks for its lock with a file (`yield_path`): the merge lets go of it within seconds, and goes on
later.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from xolite_qt.backup.errors import BackupError, Busy, Cancelled
from xolite_qt.backup.repository import Repository, clean_vm
from xolite_qt.backup.repository.layout import yield_path
from xolite_qt.backup.storage import open_storage
from xolite_qt.backup.storage.retry import RetryPolicy

from .chain import Merged
from .pool import Now, Pool, Tell

_LOOK_S = 0.5
_YIELD_LOOK_S = 1.0
# A file that asks for a lock is made anew while somebody waits; an old one is nobody's.
_YIELD_STALE_S = 60.0


@dataclass
class MergeOutcome:
    """What became of a VM's merges.

    Attributes:
        vm_uuid: of the VM.
        merged: chains that are merged.
        errors: why others are not, one sentence each, naming the file.
        removed: left-overs that are gone.
        seconds: from the lock to the end.
    """

    vm_uuid: str
    merged: list[Merged] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def blocks(self) -> int:
        """How many were moved."""
        return sum(one.blocks for one in self.merged)


def merge_repository(
    url: str,
    key: str | None = None,
    *,
    vm_uuids: Iterable[str] | None = None,
    concurrency: int = 2,
    parallel: int | None = None,
    budget_s: float = 600.0,
    progress: Tell | None = None,
    stop: threading.Event | None = None,
    wait_s: float = 60.0,
) -> list[MergeOutcome]:
    """Merges all chains that are due, and removes left-overs.

    Args:
        url: of the storage, with its login.
        key: of the repository, where it is encrypted.
        vm_uuids: only these VMs.
        concurrency: chains at once, each in its process.
        parallel: blocks at once in each; what suits the storage where None.
        budget_s: for one operation of the storage.
        progress: told now and then, from another thread.
        stop: ends it within seconds; the next call goes on.
        wait_s: how long to wait for the lock of a VM.

    Raises:
        WrongKey, StorageError: the repository cannot be opened.
        Cancelled: `stop` was set.
    """
    storage = open_storage(url, policy=RetryPolicy(budget_s=budget_s))
    try:
        repository = Repository.open(storage, key)
        vms = list(repository.vms() if vm_uuids is None else vm_uuids)
        with Pool(
            url,
            key,
            concurrency=concurrency,
            # Asked here, once: on a bucket that is a dozen requests.
            parallel=parallel or storage.abilities.parallel,
            budget_s=budget_s,
            progress=progress,
        ) as pool:
            outcomes = _all_vms(repository, vms, pool, concurrency, stop, wait_s)
    finally:
        storage.close()
    if stop is not None and stop.is_set():
        raise Cancelled
    return outcomes


def _all_vms(
    repository: Repository,
    vms: list[str],
    pool: Pool,
    concurrency: int,
    stop: threading.Event | None,
    wait_s: float,
) -> list[MergeOutcome]:
    def one(vm: str) -> MergeOutcome:
        outcome, began = MergeOutcome(vm), time.monotonic()
        try:
            while not _merge_vm(repository, vm, pool, outcome, stop, wait_s):
                # Somebody backs this VM up now; afterwards the merge goes on.
                wait_until_free(repository, vm, stop)
        except Cancelled:
            pass
        except BackupError as error:
            outcome.errors.append(str(error))
        outcome.seconds = time.monotonic() - began
        return outcome

    with ThreadPoolExecutor(max(1, concurrency), "merge_vm_") as threads:
        return list(threads.map(one, vms))


def _merge_vm(
    repository: Repository,
    vm: str,
    pool: Pool,
    outcome: MergeOutcome,
    stop: threading.Event | None,
    wait_s: float,
) -> bool:
    """Merges what is due; False where somebody else wanted the VM before it was done."""
    asked = Now(lambda: wanted(repository, vm), _YIELD_LOOK_S)
    failed: set[str] = set()

    def take_in(chain: list[str], what: Merged | BaseException) -> None:
        if isinstance(what, Merged):
            outcome.merged.append(what)
        else:
            failed.add(chain[-1])
            outcome.errors.append(f"{chain[-1]}: not merged: {what}")

    with repository.lock_vm(vm, "merge", wait_s=wait_s, stop=stop) as lost:

        def must_stop() -> bool:
            return (stop is not None and stop.is_set()) or lost.is_set() or asked()

        while True:
            cleaned = clean_vm(repository, vm, stop=stop)
            outcome.removed += cleaned.removed
            # A merge may leave another to do: one that was broken off, with new orphans below it.
            due = _apart(chain for chain in cleaned.due if chain[-1] not in failed)
            if not due:
                outcome.errors += cleaned.held
                return True
            finished = pool.run(vm, due, must_stop, take_in)
            if stop is not None and stop.is_set():
                raise Cancelled
            if lost.is_set():
                raise Busy(vm, "its lock was taken away by another program")
            if not finished:
                return False


def _apart(chains: Iterable[list[str]]) -> list[list[str]]:
    """Those that share no disk: the others have their turn afterwards."""
    taken: set[str] = set()
    found = []
    for chain in chains:
        if taken.isdisjoint(chain):
            taken.update(chain)
            found.append(chain)
    return found


def wanted(repository: Repository, vm_uuid: str) -> bool:
    """Whether somebody waits for the lock of a VM."""
    stat = repository.bare_storage.stat(yield_path(vm_uuid))
    return stat is not None and time.time() - stat.modified_s < _YIELD_STALE_S


def wait_until_free(repository: Repository, vm_uuid: str, stop: threading.Event | None) -> None:
    """Returns when nobody waits for a VM's lock any more; whoever waited has it then.

    Raises:
        Cancelled: `stop` was set.
    """
    while wanted(repository, vm_uuid):
        if stop is not None and stop.is_set():
            raise Cancelled
        time.sleep(_LOOK_S)
