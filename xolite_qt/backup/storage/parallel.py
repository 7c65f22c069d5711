"""The same for many things at once, with an end that is orderly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from xolite_qt.backup.errors import Cancelled

T = TypeVar("T")


def for_each(
    items: Iterable[T],
    work: Callable[[T], object],
    *,
    workers: int,
    stop: threading.Event | None = None,
) -> None:
    """Calls `work` with each item from `workers` threads; returns when all are done.

    The first error ends it: what runs is awaited, the rest is not begun. The items are taken as
    they are needed, so that there may be millions.

    Args:
        items: what to work on.
        work: called from other threads.
        workers: how many threads.
        stop: ends it, too.

    Raises:
        Cancelled: `stop` was set before all were done.
    """

    def one(item: T) -> None:
        if failed.is_set() or (stop is not None and stop.is_set()):
            raise Cancelled
        try:
            work(item)
        except BaseException:
            failed.set()
            raise

    failed = threading.Event()
    running: set[Future[None]] = set()
    errors: list[BaseException] = []

    def collect(done: set[Future[None]]) -> None:
        errors.extend(error for one in done if (error := one.exception()) is not None)

    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                if len(running) >= 2 * workers:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    collect(done)
                if errors or (stop is not None and stop.is_set()):
                    break
                running.add(pool.submit(one, item))
        except BaseException:
            failed.set()
            raise
        collect(wait(running).done)
    real = [error for error in errors if not isinstance(error, Cancelled)]
    if real:
        raise real[0]
    if errors or (stop is not None and stop.is_set()):
        raise Cancelled
