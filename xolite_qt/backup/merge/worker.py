"""What runs in a worker process: merges, one after the other, that the parent hands out.

Passwords and keys come through the pipe to the process, never in its arguments. A worker whose
parent is gone ends at once: the state file says how far it came.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from multiprocessing.queues import SimpleQueue
from typing import TYPE_CHECKING, Any

import msgspec

from xolite_qt.backup.encryption import open_encrypted
from xolite_qt.backup.storage import open_storage
from xolite_qt.backup.storage.retry import RetryPolicy

from .chain import Merged, merge_chain

if TYPE_CHECKING:
    from ctypes import Array, c_char

_TELL_EVERY_S = 0.25


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


class Told(msgspec.Struct, frozen=True):
    """How far a chain is: blocks."""

    slot: int
    done: int
    total: int


class _Shared:
    """What the parent gave this process."""

    flags: Array[c_char]
    told: SimpleQueue[Any]


class _Flag(threading.Event):
    """A stop that the parent sets in shared memory."""

    def __init__(self, slot: int) -> None:
        super().__init__()
        self._slot = slot

    def is_set(self) -> bool:
        return _Shared.flags[self._slot] != b"\0"


def begin(flags: Array[c_char], told: SimpleQueue[Any]) -> None:
    """First call in a new worker."""
    # Ctrl-C on a terminal reaches workers too; the parent tells them when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Shared.flags, _Shared.told = flags, told
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
    storage = open_storage(job.url, policy=RetryPolicy(budget_s=job.budget_s))
    last_s = 0.0

    def tell(done: int, total: int) -> None:
        nonlocal last_s
        if time.monotonic() - last_s > _TELL_EVERY_S or done == total:
            last_s = time.monotonic()
            _Shared.told.put(Told(job.slot, done, total))

    try:
        return merge_chain(
            open_encrypted(storage, job.key),
            job.paths,
            progress=tell,
            stop=_Flag(job.slot),
            parallel=job.parallel,
        )
    finally:
        storage.close()
