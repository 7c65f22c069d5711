"""A lock among machines that share nothing but a storage.

It is a small file, made only where none is and renewed only over what we wrote. Nobody's clock is
compared with another's in the usual case: whoever waits watches the file, and takes it over when it
has not changed for as long as it should have been renewed in.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from xolite_qt.backup.errors import (
    AlreadyExists,
    Busy,
    Cancelled,
    Changed,
    NotFound,
    StorageError,
)

from .base import Storage

_log = logging.getLogger(__name__)

# After so many of its lives without a renewal it is dead whatever the clocks say.
_DEAD_LIVES = 10
# It is renewed so often within its life that one lost renewal does not lose it.
_RENEWALS_PER_LIFE = 3
_LOOKS_PER_LIFE = 10
_LONGEST_LIFE_S = 3600.0


@dataclass(frozen=True)
class _Content:
    owner: str
    nonce: str
    count: int
    ttl_s: float
    renewed_at_s: float

    def encode(self) -> bytes:
        return json.dumps(
            {
                "owner": self.owner,
                "nonce": self.nonce,
                "count": self.count,
                "ttl_s": self.ttl_s,
                "renewed_at": self.renewed_at_s,
            }
        ).encode()


def _decode(data: bytes) -> _Content | None:
    """None for what no lease of ours is; such a file is watched like any other."""
    try:
        raw = json.loads(data)
        return _Content(
            owner=str(raw["owner"]),
            nonce=str(raw["nonce"]),
            count=int(raw["count"]),
            ttl_s=float(raw["ttl_s"]),
            renewed_at_s=float(raw["renewed_at"]),
        )
    except (ValueError, TypeError, KeyError, OverflowError):
        return None


class Lease:
    """One that is held.

    Attributes:
        path: its file.
        lost: set when it is no longer ours, or when nobody can say whether it is: what it
            protects must stop.
    """

    def __init__(
        self,
        storage: Storage,
        path: str,
        owner: str,
        ttl_s: float,
        nonce: str,
        tag: str,
        clock: Callable[[], float],
        renewed_s: float,
    ) -> None:
        """Args: see `hold_lease`; the file was written with `nonce` and got `tag`, and `clock`
        said `renewed_s` just before.
        """
        self.path = path
        self.lost = threading.Event()
        self._storage, self._owner, self._ttl_s = storage, owner, ttl_s
        self._nonce, self._tag, self._count = nonce, tag, 1
        self._clock = clock
        self._renewed_s = renewed_s
        self._done = threading.Event()
        # Not a daemon: its end is awaited with the block.
        self._renewer = threading.Thread(target=self._renew, name=f"lease {path}")
        self._watchdog = threading.Thread(target=self._watch, name=f"lease watch {path}")

    def start(self) -> None:
        """Renews it from now on."""
        self._renewer.start()
        self._watchdog.start()

    def end(self) -> None:
        """Stops renewing, and removes the file if it is ours."""
        self._done.set()
        self._renewer.join()
        self._watchdog.join()
        if self.lost.is_set():
            return
        try:
            # It was renewed a moment ago, so nobody takes it over between the look and the removal.
            about = self._storage.stat(self.path)
            if about is not None and about.tag == self._tag:
                self._storage.delete(self.path)
        except StorageError as error:
            _log.info("a lock stays behind until it is old: %s", error)

    def _renew(self) -> None:
        while not self._done.wait(self._ttl_s / _RENEWALS_PER_LIFE):
            self._count += 1
            data = _Content(
                self._owner, self._nonce, self._count, self._ttl_s, time.time()
            ).encode()
            began_s = self._clock()
            try:
                self._tag = self._storage.write(self.path, data, if_tag=self._tag)
            except Changed:
                self._lose("somebody took it over")
                return
            except StorageError as error:
                self._lose(str(error))
                return
            self._renewed_s = began_s

    def _watch(self) -> None:
        """A renewal may hang for as long as the storage's policy lets it; a lease may not."""
        while not self._done.is_set() and not self.lost.is_set():
            left_s = self._ttl_s - (self._clock() - self._renewed_s)
            if left_s <= 0:
                self._lose("it could not be renewed in time")
                return
            self._done.wait(min(left_s, self._ttl_s / _LOOKS_PER_LIFE))

    def _lose(self, why: str) -> None:
        if not self.lost.is_set() and not self._done.is_set():
            _log.warning("the lock %s is lost: %s", self.path, why)
        self.lost.set()


@contextmanager
def hold_lease(
    storage: Storage,
    path: str,
    owner: str,
    *,
    ttl_s: float = 60.0,
    wait_s: float = 0.0,
    stop: threading.Event | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Lease]:
    """Holds a lock during the block.

    Args:
        storage: where the machines meet; it should have conditional writes.
        path: the lock's file.
        owner: who we are, for the message that others see.
        ttl_s: how long it lives without a renewal.
        wait_s: how long to wait for another's. A dead one is found only by whoever waits
            longer than its life, or after ten of its lives.
        stop: ends the wait.
        clock: seconds that only go up.

    Raises:
        Busy: another holds it.
        Cancelled: `stop` was set.
        StorageError: the storage does not work.
    """
    lease = _take(storage, path, owner, ttl_s, wait_s, stop or threading.Event(), clock)
    lease.start()
    try:
        yield lease
    finally:
        lease.end()


def _take(
    storage: Storage,
    path: str,
    owner: str,
    ttl_s: float,
    wait_s: float,
    stop: threading.Event,
    clock: Callable[[], float],
) -> Lease:
    nonce = str(uuid.uuid4())
    began_s = clock()
    seen_tag, seen_at_s = "", began_s
    while True:
        if stop.is_set():
            raise Cancelled
        asked_s = clock()
        data = _Content(owner, nonce, 1, ttl_s, time.time()).encode()
        with contextlib.suppress(AlreadyExists):
            tag = storage.write(path, data, if_absent=True)
            return Lease(storage, path, owner, ttl_s, nonce, tag, clock, asked_s)
        about = storage.stat(path)
        if about is None:
            continue
        if about.tag != seen_tag:
            seen_tag, seen_at_s = about.tag, clock()
        try:
            held = _decode(storage.read(path))
        except NotFound:
            continue
        life_s = ttl_s
        if held is not None and 0 < held.ttl_s <= _LONGEST_LIFE_S:
            life_s = held.ttl_s
        unchanged_s = clock() - seen_at_s
        if unchanged_s >= life_s or _is_long_dead(held, about.modified_s, life_s):
            _log.info("the lock %s was left behind by %s; taking it over", path, _who(held))
            asked_s = clock()
            with contextlib.suppress(Changed):
                tag = storage.write(path, data, if_tag=about.tag)
                return Lease(storage, path, owner, ttl_s, nonce, tag, clock, asked_s)
            continue
        left_s = wait_s - (clock() - began_s)
        if left_s <= 0:
            raise Busy(path, f"is held by {_who(held)}")
        stop.wait(min(left_s, life_s / _LOOKS_PER_LIFE))


def _is_long_dead(held: _Content | None, modified_s: float, life_s: float) -> bool:
    renewed_s = modified_s if held is None else held.renewed_at_s
    return time.time() - renewed_s > _DEAD_LIVES * life_s


def _who(held: _Content | None) -> str:
    return held.owner if held is not None else "an unknown program"
