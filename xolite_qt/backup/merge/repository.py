"""Merging everything that is due in a repository: several VMs and disks at once.

The parent process holds the locks of the VMs and puts names right afterwards; blocks are moved in
worker processes, so that encryption and VHD files use every core. Whoever wants to back a VM up
asks for its lock with a file (`yield_path`): the merge lets go of it within seconds, and goes on
later.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any

from xolite_qt.backup.errors import BackupError, Busy, Cancelled
from xolite_qt.backup.repository import Repository, clean_vm, scan_vm
from xolite_qt.backup.repository.layout import yield_path
from xolite_qt.backup.storage import open_storage
from xolite_qt.backup.storage.retry import RetryPolicy

from .chain import Merged
from .worker import Told, Work, begin, work

_SLOTS = 256
_LOOK_S = 0.5
_YIELD_LOOK_S = 2.0
# A file that asks for a lock is made anew while somebody waits; an old one is nobody's.
_YIELD_STALE_S = 60.0
_LONG_S = 24 * 3600.0


@dataclass(frozen=True)
class MergeProgress:
    """How far one chain is.

    Attributes:
        vm_uuid: of the VM.
        path: of the disk that will be left.
        done, total: blocks.
    """

    vm_uuid: str
    path: str
    done: int
    total: int


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
    progress: Callable[[MergeProgress], None] | None = None,
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
        with _Pool(url, key, concurrency, parallel, budget_s, progress) as pool:
            outcomes = _all_vms(repository, vms, pool, concurrency, stop, wait_s)
    finally:
        storage.close()
    if stop is not None and stop.is_set():
        raise Cancelled
    return outcomes


def _all_vms(
    repository: Repository,
    vms: list[str],
    pool: _Pool,
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
    pool: _Pool,
    outcome: MergeOutcome,
    stop: threading.Event | None,
    wait_s: float,
) -> bool:
    """Merges what is due; False where somebody else wanted the VM before it was done."""
    with repository.lock_vm(vm, "merge", wait_s=wait_s, stop=stop) as lost:
        outcome.removed += clean_vm(repository, vm, stop=stop).removed
        failed: set[str] = set()
        # A merge may leave another one to do: one that was interrupted, and new orphans below it.
        while due := [
            chain
            for chain in scan_vm(repository.storage, vm, stop=stop).due_merges()
            if chain[-1] not in failed
        ]:
            finished = pool.run(
                vm, due, outcome, failed, lambda: _must_stop(repository, vm, stop, lost)
            )
            if stop is not None and stop.is_set():
                raise Cancelled
            if lost.is_set():
                raise Busy(vm, "its lock was taken away by another program")
            if not finished:
                return False
        outcome.removed += clean_vm(repository, vm, stop=stop).removed
    return True


def _must_stop(
    repository: Repository, vm: str, stop: threading.Event | None, lost: threading.Event
) -> bool:
    return (stop is not None and stop.is_set()) or lost.is_set() or wanted(repository, vm)


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


class _Pool:
    """Worker processes, and the way to them and back."""

    def __init__(
        self,
        url: str,
        key: str | None,
        concurrency: int,
        parallel: int | None,
        budget_s: float,
        progress: Callable[[MergeProgress], None] | None,
    ) -> None:
        self._url, self._key = url, key
        self._parallel, self._budget_s, self._progress = parallel, budget_s, progress
        context = multiprocessing.get_context("spawn")
        self._flags = context.Array("c", _SLOTS)
        self._told: Any = context.SimpleQueue()
        self._free = list(range(_SLOTS))
        self._lock = threading.Lock()
        self._chains: dict[int, tuple[str, str]] = {}
        self._processes = ProcessPoolExecutor(
            max(1, concurrency),
            mp_context=context,
            initializer=begin,  # type: ignore[arg-type]
            initargs=(self._flags.get_obj(), self._told),  # type: ignore[arg-type]
        )
        self._listener = threading.Thread(target=self._listen, name="merge_news")

    def __enter__(self) -> _Pool:
        self._listener.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.shutdown(wait=True, cancel_futures=True)
        self._told.put(None)
        self._listener.join()

    def _listen(self) -> None:
        while (news := self._told.get()) is not None:
            with self._lock:
                about = self._chains.get(news.slot)
            if about is not None and self._progress is not None and isinstance(news, Told):
                self._progress(MergeProgress(*about, news.done, news.total))

    def run(
        self,
        vm: str,
        chains: list[list[str]],
        outcome: MergeOutcome,
        failed: set[str],
        must_stop: Callable[[], bool],
    ) -> bool:
        """Merges chains of one VM; False where some were stopped before they were done."""
        slots: dict[Future[Merged], tuple[int, list[str]]] = {}
        for chain in chains:
            slot = self._take(vm, chain[-1])
            job = Work(slot, self._url, self._key, self._budget_s, tuple(chain), self._parallel)
            slots[self._processes.submit(work, job)] = (slot, chain)
        running, stopped, looked_s = set(slots), False, time.monotonic()
        while running:
            done, running = wait_for(running, timeout=_LOOK_S)
            if running and not stopped and time.monotonic() - looked_s > _YIELD_LOOK_S:
                looked_s = time.monotonic()
                stopped = must_stop()
                for future in running if stopped else ():
                    future.cancel()
                    self._flags[slots[future][0]] = b"\1"
            for future in done:
                self._take_in(future, slots[future][1], outcome, failed)
                self._give_back(slots[future][0])
        return not stopped

    def _take_in(
        self, future: Future[Merged], chain: list[str], outcome: MergeOutcome, failed: set[str]
    ) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            outcome.merged.append(future.result())
        elif isinstance(error, BackupError | BrokenProcessPool | OSError):
            if not isinstance(error, Cancelled):
                failed.add(chain[-1])
                what = "the worker process ended" if isinstance(error, BrokenProcessPool) else error
                outcome.errors.append(f"{chain[-1]}: not merged: {what}")
        else:
            raise error

    def _take(self, vm: str, path: str) -> int:
        with self._lock:
            slot = self._free.pop()
            self._chains[slot] = (vm, path)
        self._flags[slot] = b"\0"
        return slot

    def _give_back(self, slot: int) -> None:
        with self._lock:
            self._chains.pop(slot, None)
            self._free.append(slot)
