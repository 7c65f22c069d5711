"""What runs in a worker process: merges, one after the other, that the parent hands out.

Passwords and keys come through the pipe to the process, never in its arguments. A worker whose
parent is gone ends at once: the state file says how far it came.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

from xolite_qt.backup.storage import Storage, open_storage
from xolite_qt.backup.storage.retry import RetryPolicy

from .chain import Merged, merge_chain

if TYPE_CHECKING:
    from ctypes import Array, c_int64

STOP: Final = 0
DONE: Final = 1
TOTAL: Final = 2
NUMBERS: Final = 3
"""Numbers of a slot: whether to stop, blocks done, blocks in all."""


class Work(msgspec.Struct, frozen=True):
    """One chain to merge.

    Attributes:
        slot: number of its stop flag and of its progress.
        url: of the storage, with its login.
        key: of the repository, where it is encrypted.
        budget_s: for one operation of the storage.
        paths: of the chain, oldest first.
        parallel: blocks at once; None for what suits the storage.
    """

    slot: int
    url: str
    key: str | None
    budget_s: float
    paths: tuple[str, ...]
    parallel: int | None = None

    def __repr__(self) -> str:
        return f"Work({self.slot}, {self.paths[-1]})"


class _Shared:
    """What the parent gave this process."""

    numbers: Array[c_int64]


class _Flag(threading.Event):
    """A stop that the parent sets in shared memory."""

    def __init__(self, slot: int) -> None:
        super().__init__()
        self._at = slot * NUMBERS + STOP

    def is_set(self) -> bool:
        return bool(_Shared.numbers[self._at])


def begin(numbers: Array[c_int64]) -> None:
    """First call in a new worker."""
    _Shared.numbers = numbers
    # Ctrl-C reaches every process of a terminal: the parent decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def watch() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=watch, name="parent", daemon=True).start()


def work(job: Work) -> Merged:
    """Merges one chain.

    Raises:
        As `merge_chain`, and `open_encrypted`.
    """
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        # Without its lock: the thread that looks after that may not have had its turn yet.
        os._exit(1)
    at = job.slot * NUMBERS

    def tell(done: int, total: int) -> None:
        _Shared.numbers[at + DONE], _Shared.numbers[at + TOTAL] = done, total

    return merge_chain(
        _storage(job.url, job.key, job.budget_s),
        job.paths,
        progress=tell,
        stop=_Flag(job.slot),
        parallel=job.parallel,
    )


@lru_cache(maxsize=1)
def _storage(url: str, key: str | None, budget_s: float) -> Storage:
    """Stays open for the next chain: logins and connections cost more than a small merge."""
    storage = open_storage(url, policy=RetryPolicy(budget_s=budget_s))
    if not key:
        return storage
    # Loaded only now: whoever keeps backups in the clear starts faster.
    from xolite_qt.backup.encryption import open_encrypted

    return open_encrypted(storage, key)
