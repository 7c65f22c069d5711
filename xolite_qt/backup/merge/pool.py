"""Worker processes that merge chains, and the way to them and back.

Stop flags and progress are numbers in shared memory: nothing there can be held by a worker that was
killed, so that the others never wait for it.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor
from concurrent.futures import wait as wait_for
from concurrent.futures.process import BrokenProcessPool
from ctypes import c_int64
from dataclasses import dataclass
from multiprocessing.sharedctypes import RawArray
from types import TracebackType
from typing import Self

from xolite_qt.backup.errors import BackupError, Cancelled

from .chain import Merged
from .worker import DONE, NUMBERS, STOP, TOTAL, Work, begin, work

LOOK_S = 0.1
_TRIES = 2
WORKER_ENDED = "the worker process ended before it was done"


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


Tell = Callable[[MergeProgress], None]


@dataclass
class _Job:
    vm: str
    chain: list[str]
    slot: int
    tries: int = 0
    told: tuple[int, int] = (0, 0)
    processes: ProcessPoolExecutor | None = None


class Pool:
    """Processes that begin with the first chain; none where there is nothing to merge."""

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        concurrency: int,
        parallel: int | None = None,
        budget_s: float,
        progress: Tell | None = None,
    ) -> None:
        """See `merge_repository`."""
        self._url, self._key = url, key
        self._parallel, self._budget_s, self._progress = parallel, budget_s, progress
        self._concurrency = max(1, concurrency)
        self._lock = threading.Lock()
        # So many VMs at once, each with so many chains.
        self._free = list(range(self._concurrency**2))
        self._numbers = RawArray(c_int64, len(self._free) * NUMBERS)
        self._processes: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._processes is not None:
            self._processes.shutdown(wait=True, cancel_futures=True)

    def run(
        self,
        vm: str,
        chains: list[list[str]],
        must_stop: Callable[[], bool],
        take_in: Callable[[list[str], Merged | BaseException], None],
    ) -> bool:
        """Merges chains of one VM; returns when no worker touches them any more.

        Args:
            vm: its uuid.
            chains: paths, oldest first.
            must_stop: asked all the time; True ends it within seconds.
            take_in: told what became of each chain that was not stopped.

        Returns:
            Whether all are done, well or not; False where some were stopped.
        """
        waiting = list(reversed(chains))
        running: dict[Future[Merged], _Job] = {}
        stopped = False
        try:
            while running or (waiting and not stopped):
                while waiting and not stopped and len(running) < self._concurrency:
                    job = self._job(vm, waiting.pop())
                    running[self._submit(job)] = job
                done, _ = wait_for(running, timeout=LOOK_S, return_when=FIRST_COMPLETED)
                for future in done:
                    job = running.pop(future)
                    self._await_the_end(future, job)
                    if self._is_to_be_tried_again(future, job) and not stopped:
                        running[self._submit(job)] = job
                    else:
                        self._give_back(job)
                        stopped = not _take_in(future, job, take_in) or stopped
                self._tell(running)
                if not stopped and must_stop():
                    stopped = True
                    self._stop(running)
        finally:
            # Whatever happened: the lock of the VM is let go of only when nobody works on it.
            self._stop(running)
            wait_for(running)
            for future, job in running.items():
                self._await_the_end(future, job)
                self._give_back(job)
        return not stopped

    def _job(self, vm: str, chain: list[str]) -> _Job:
        with self._lock:
            slot = self._free.pop()
        self._numbers[slot * NUMBERS : (slot + 1) * NUMBERS] = [0] * NUMBERS
        return _Job(vm, chain, slot)

    def _give_back(self, job: _Job) -> None:
        self._tell_one(job)
        with self._lock:
            self._free.append(job.slot)

    def _submit(self, job: _Job) -> Future[Merged]:
        job.tries += 1
        order = Work(
            slot=job.slot,
            url=self._url,
            key=self._key,
            budget_s=self._budget_s,
            paths=tuple(job.chain),
            parallel=self._parallel,
        )
        with self._lock:
            try:
                job.processes = self._alive()
                return job.processes.submit(work, order)
            except BrokenProcessPool:
                self._processes = None
                job.processes = self._alive()
                return job.processes.submit(work, order)

    def _alive(self) -> ProcessPoolExecutor:
        if self._processes is None:
            self._processes = ProcessPoolExecutor(
                self._concurrency,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=begin,
                initargs=(self._numbers,),
            )
        return self._processes

    @staticmethod
    def _is_to_be_tried_again(future: Future[Merged], job: _Job) -> bool:
        """One that ends takes all others with it; they are not to blame."""
        if future.cancelled() or job.tries >= _TRIES:
            return False
        return isinstance(future.exception(), BrokenProcessPool)

    def _await_the_end(self, future: Future[Merged], job: _Job) -> None:
        """Where one worker died, the others are ended only after that was told."""
        if future.cancelled() or not isinstance(future.exception(), BrokenProcessPool):
            return
        assert job.processes is not None
        job.processes.shutdown(wait=True)
        with self._lock:
            if self._processes is job.processes:
                self._processes = None

    def _stop(self, running: dict[Future[Merged], _Job]) -> None:
        for future, job in running.items():
            future.cancel()
            self._numbers[job.slot * NUMBERS + STOP] = 1

    def _tell(self, running: dict[Future[Merged], _Job]) -> None:
        for job in running.values():
            self._tell_one(job)

    def _tell_one(self, job: _Job) -> None:
        at = job.slot * NUMBERS
        now = (int(self._numbers[at + DONE]), int(self._numbers[at + TOTAL]))
        if self._progress is not None and now[1] and now != job.told:
            job.told = now
            self._progress(MergeProgress(job.vm, job.chain[-1], *now))


def _take_in(
    future: Future[Merged],
    job: _Job,
    take_in: Callable[[list[str], Merged | BaseException], None],
) -> bool:
    """Hands on what became of a chain; False where it was stopped."""
    error = Cancelled() if future.cancelled() else future.exception()
    if error is None:
        take_in(job.chain, future.result())
    elif isinstance(error, Cancelled):
        return False
    elif isinstance(error, BrokenProcessPool):
        take_in(job.chain, ChildProcessError(WORKER_ENDED))
    elif isinstance(error, BackupError | OSError):
        take_in(job.chain, error)
    else:
        raise error
    return True


class Now:
    """Asks a slow question only every few seconds."""

    def __init__(self, question: Callable[[], bool], every_s: float) -> None:
        """Args:
        question: asked at first after `every_s`.
        every_s: between two.
        """
        self._question, self._every_s = question, every_s
        self._asked_s = time.monotonic()

    def __call__(self) -> bool:
        if time.monotonic() - self._asked_s < self._every_s:
            return False
        try:
            return self._question()
        finally:
            self._asked_s = time.monotonic()
