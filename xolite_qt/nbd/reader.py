"""Many parts of a disk over several connections, each with several reads in flight."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from .client import NbdConnection, NbdError

Extent = tuple[int, int, int]
"""(number for the consumer, offset in bytes, length in bytes)"""

IN_FLIGHT = 4
RETRIES = 5
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 10.0
_LOOK_S = 0.2


class Stopped(Exception):  # noqa: N818 - nothing is wrong
    """`stop` was set."""


def read_extents(
    connect: Callable[[], NbdConnection],
    extents: Iterable[Extent],
    consume: Callable[[int, bytes], None],
    *,
    connections: int = 2,
    in_flight: int = IN_FLIGHT,
    retries: int = RETRIES,
    stop: threading.Event | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Reads all extents, in any order; returns when each was consumed once.

    A connection that breaks is made anew, and only what it had not brought is asked for again.

    Args:
        connect: makes a connection; called from several threads.
        extents: what to read.
        consume: takes (number, bytes), from several threads at once; it blocks while it is busy.
        connections: at most so many.
        in_flight: reads under way on each.
        retries: failures in a row, without a byte between, after which a connection is given up.
        stop: ends it within a second.
        sleep: waits between tries.

    Raises:
        NbdError: the server cannot be used, or is gone for good.
        Stopped: `stop` was set.
        Whatever `consume` raised first.
    """
    shared = _Shared(extents, stop, max(1, connections))
    workers = [
        threading.Thread(
            target=_Worker(shared, connect, consume, in_flight, retries, sleep).run,
            name=f"nbd_{number}",
        )
        for number in range(max(1, connections))
    ]
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        for worker in workers:
            worker.join(_LOOK_S)
        if stop is not None and stop.is_set():
            shared.fail(Stopped())
    if shared.error is not None:
        raise shared.error


class _Shared:
    """What all connections of a disk work on."""

    def __init__(
        self, extents: Iterable[Extent], stop: threading.Event | None, workers: int
    ) -> None:
        self._rest: Iterator[Extent] = iter(extents)
        self._again: deque[Extent] = deque()
        self._lock = threading.Lock()
        self._open: set[NbdConnection] = set()
        self._stop = stop
        self._workers = workers
        self.error: BaseException | None = None

    def may_leave(self) -> bool:
        """Whether others are left to do the work; if so, one less is."""
        with self._lock:
            self._workers -= 1
            return self._workers > 0

    def take(self) -> Extent | None:
        with self._lock:
            if self.error is not None:
                return None
            return self._again.popleft() if self._again else next(self._rest, None)

    def give_back(self, extents: Iterable[Extent]) -> None:
        with self._lock:
            self._again.extend(extents)

    @property
    def is_over(self) -> bool:
        return self.error is not None or (self._stop is not None and self._stop.is_set())

    def fail(self, error: BaseException) -> None:
        with self._lock:
            if self.error is None:
                self.error = error
            waiting = list(self._open)
        for connection in waiting:
            connection.abort()

    @contextlib.contextmanager
    def using(self, connection: NbdConnection) -> Iterator[NbdConnection]:
        with self._lock:
            self._open.add(connection)
        try:
            yield connection
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()


class _Worker:
    """One connection and its thread."""

    def __init__(
        self,
        shared: _Shared,
        connect: Callable[[], NbdConnection],
        consume: Callable[[int, bytes], None],
        in_flight: int,
        retries: int,
        sleep: Callable[[float], None],
    ) -> None:
        self._shared, self._connect, self._consume = shared, connect, consume
        self._in_flight, self._retries, self._sleep = in_flight, retries, sleep
        self._failed = 0
        self._pending: dict[int, Extent] = {}

    def run(self) -> None:
        try:
            first = self._shared.take()
            if first is None:
                self._shared.may_leave()
                return
            self._shared.give_back([first])
            while not self._session():
                pass
        except BaseException as error:
            self._shared.fail(error)

    def _session(self) -> bool:
        """Reads over one connection; False where another one must go on."""
        self._pending = {}
        try:
            with self._shared.using(self._connect()) as connection:
                self._read(connection)
            return True
        except NbdError as error:
            self._shared.give_back(self._pending.values())
            self._failed += 1
            if self._shared.is_over:
                return True
            if self._failed > self._retries or not (error.lost or error.code):
                # A server that takes fewer connections than we want still serves the others.
                if self._shared.may_leave():
                    return True
                raise
        wait_s = min(_FIRST_WAIT_S * 2 ** (self._failed - 1), _LONGEST_WAIT_S)
        while wait_s > 0 and not self._shared.is_over:
            self._sleep(min(wait_s, _LOOK_S))
            wait_s -= _LOOK_S
        return False

    def _read(self, connection: NbdConnection) -> None:
        while True:
            while len(self._pending) < self._in_flight:
                extent = self._shared.take()
                if extent is None:
                    break
                # Noted before it is sent: a connection may break in between.
                handle = connection.upcoming
                self._pending[handle] = extent
                connection.ask(extent[1], extent[2])
            if not self._pending:
                return
            handle, data = connection.receive()
            number = self._pending.pop(handle)[0]
            self._failed = 0
            self._consume(number, data)
