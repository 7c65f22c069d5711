"""Many parts of a disk over several connections, each with several reads in flight."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from .client import NbdConnection
from .errors import NbdError

Extent = tuple[int, int, int]
"""(number for the consumer, offset in bytes, length in bytes)"""

Connect = Callable[[threading.Event], NbdConnection]
"""Makes a connection; gives up with `NbdError` as soon as the event is set."""

IN_FLIGHT = 4
RETRIES = 5
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 10.0
_LOOK_S = 0.1
# Connections that break while the same extent is under way: then it is what breaks them.
_LOSSES_PER_RETRY = 4


class Stopped(Exception):  # noqa: N818 - nothing is wrong
    """`stop` was set."""


def read_extents(
    connect: Connect,
    extents: Iterable[Extent],
    consume: Callable[[int, bytes], None],
    *,
    connections: int = 2,
    in_flight: int = IN_FLIGHT,
    retries: int = RETRIES,
    first_wait_s: float = _FIRST_WAIT_S,
    stop: threading.Event | None = None,
) -> None:
    """Reads all extents, in any order; returns when each was consumed once.

    A connection that breaks is made anew, and only what it had not brought is asked for again.

    Args:
        connect: makes a connection; called from several threads.
        extents: what to read.
        consume: takes (number, bytes), from several threads at once; it blocks while it is busy.
        connections: at most so many.
        in_flight: reads under way on each.
        retries: failures in a row, without a byte between, after which a connection is given up;
            and how often an extent that the server cannot read is asked for again.
        first_wait_s: before the first connection in place of a broken one; doubled each time.
        stop: ends it within a second.

    Raises:
        NbdError: the server cannot be used, or is gone for good, or cannot read an extent.
        Stopped: `stop` was set.
        Whatever `consume` raised first.
    """
    rest = iter(extents)
    first = list(itertools.islice(rest, max(1, connections)))
    # No connection that would have nothing to read.
    count = len(first)
    if not count:
        return
    shared = _Shared(itertools.chain(first, rest), count, retries)
    workers = [
        threading.Thread(
            target=_Worker(shared, connect, consume, max(1, in_flight), first_wait_s).run,
            name=f"nbd_{number}",
        )
        for number in range(count)
    ]
    for worker in workers:
        worker.start()
    try:
        while not shared.over.wait(_LOOK_S):
            if stop is not None and stop.is_set():
                shared.fail(Stopped())
    except BaseException as error:
        # Such as Ctrl-C: no thread is left behind.
        shared.fail(error)
        raise
    finally:
        for worker in workers:
            worker.join()
    if shared.error is not None:
        raise shared.error


@dataclass
class _Job:
    """An extent on its way.

    Attributes:
        extent: what to read.
        refused: how often the server could not read it.
        lost: how many connections broke while it was under way.
    """

    extent: Extent
    refused: int = 0
    lost: int = 0


class _Shared:
    """What all connections of a disk work on.

    Attributes:
        over: all is consumed, or something is wrong for good.
        error: what is.
        retries: see `read_extents`.
    """

    def __init__(self, extents: Iterator[Extent], workers: int, retries: int) -> None:
        self._rest = extents
        self._again: deque[_Job] = deque()
        # Taken, and neither consumed nor given back: those who have nothing to do wait for it,
        # since the connection that has it may break.
        self._under_way = 0
        self._changed = threading.Condition()
        self._open: set[NbdConnection] = set()
        self._workers = workers
        self.retries = retries
        self.over = threading.Event()
        self.error: BaseException | None = None

    def take(self, *, wait: bool) -> _Job | None:
        """What to read next; None where there is nothing (with `wait`: and never will be)."""
        with self._changed:
            while not self.over.is_set():
                if self._again:
                    job: _Job | None = self._again.popleft()
                else:
                    extent = next(self._rest, None)
                    job = None if extent is None else _Job(extent)
                if job is not None:
                    self._under_way += 1
                    return job
                if not self._under_way:
                    self._end()
                elif wait:
                    self._changed.wait()
                else:
                    break
            return None

    def wait_for_work(self) -> bool:
        """Whether there is something to read; waits until that is known."""
        job = self.take(wait=True)
        if job is None:
            return False
        self.give_back([job])
        return True

    def done(self) -> None:
        """What was taken is consumed."""
        with self._changed:
            self._under_way -= 1
            if not self._under_way:
                self._changed.notify_all()

    def give_back(self, jobs: Iterable[_Job]) -> None:
        """What was taken must be read by another connection, or later."""
        with self._changed:
            # In front: nothing that fails again and again hides behind the rest of the disk.
            returned = list(jobs)
            self._again.extendleft(reversed(returned))
            self._under_way -= len(returned)
            self._changed.notify_all()

    def leave(self, error: NbdError) -> None:
        """One connection is given up; the last one fails everything."""
        with self._changed:
            self._workers -= 1
            is_last = not self._workers
        if is_last:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Ends everything; the first error counts."""
        with self._changed:
            if not self.over.is_set():
                self.error = error
            self._end()
            for connection in self._open:
                connection.abort()

    def _end(self) -> None:
        self.over.set()
        self._changed.notify_all()

    @contextlib.contextmanager
    def using(self, connection: NbdConnection) -> Iterator[NbdConnection]:
        """Closes it in the end, and hangs up when all is over."""
        with self._changed:
            self._open.add(connection)
            if self.error is not None:
                connection.abort()
        try:
            yield connection
        finally:
            with self._changed:
                self._open.discard(connection)
            connection.close()


class _Worker:
    """One connection and its thread."""

    def __init__(
        self,
        shared: _Shared,
        connect: Connect,
        consume: Callable[[int, bytes], None],
        in_flight: int,
        first_wait_s: float,
    ) -> None:
        self._shared, self._connect, self._consume = shared, connect, consume
        self._in_flight, self._first_wait_s = in_flight, first_wait_s
        self._failed = 0
        self._pending: dict[int, _Job] = {}

    def run(self) -> None:
        try:
            # Nothing is held back while a connection is made: all the rest may be done before.
            while self._shared.wait_for_work():
                if not self._session():
                    return
        except BaseException as error:
            # Whatever it is, it is raised by the thread that waits.
            self._shared.fail(error)

    def _session(self) -> bool:
        """Reads over one connection; False where no other one shall go on."""
        try:
            with self._shared.using(self._connect(self._shared.over)) as connection:
                self._read(connection)
            return True
        except NbdError as error:
            if not self._shared.over.is_set():
                self._count_losses(error)
            return self._may_go_on(error)
        finally:
            self._shared.give_back(self._pending.values())
            self._pending = {}

    def _count_losses(self, error: NbdError) -> None:
        for job in self._pending.values():
            job.lost += 1
            if job.lost > self._shared.retries * _LOSSES_PER_RETRY:
                raise error

    def _may_go_on(self, error: NbdError) -> bool:
        """Waits for the next try, if one makes sense."""
        self._failed += 1
        if error.code and not error.lost:
            # Asked for often enough; other connections would read no better.
            raise error
        if not error.lost or self._failed > self._shared.retries:
            # A server that takes fewer connections than we want still serves the others.
            self._shared.leave(error)
            return False
        wait_s = min(self._first_wait_s * 2 ** (self._failed - 1), _LONGEST_WAIT_S)
        return not self._shared.over.wait(wait_s)

    def _read(self, connection: NbdConnection) -> None:
        while True:
            while len(self._pending) < self._in_flight:
                # With nothing under way here, others may yet give something back.
                job = self._shared.take(wait=not self._pending)
                if job is None:
                    break
                self._ask(connection, job)
            if not self._pending:
                return
            self._receive(connection)

    def _ask(self, connection: NbdConnection, job: _Job) -> None:
        # Noted before it is sent: a connection may break in between.
        self._pending[connection.upcoming] = job
        connection.ask(job.extent[1], job.extent[2])

    def _receive(self, connection: NbdConnection) -> None:
        try:
            handle, data = connection.receive()
        except NbdError as error:
            if error.request is None or error.lost:
                raise
            job = self._pending[error.request]
            job.refused += 1
            if job.refused > self._shared.retries:
                raise
            # The connection is as good as before; a wait, since such things pass.
            self._shared.over.wait(self._first_wait_s)
            self._ask(connection, self._pending.pop(error.request))
            return
        job = self._pending.pop(handle)
        self._failed = 0
        try:
            self._consume(job.extent[0], data)
        finally:
            self._shared.done()
