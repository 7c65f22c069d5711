"""The same work for many things, a few at a time, ended by the first error or by `stop`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from .errors import Cancelled

T = TypeVar("T")


def for_each(
    things: Iterable[T],
    work: Callable[[T], None],
    *,
    stop: threading.Event | None = None,
    parallel: int = 1,
    name: str = "work",
) -> None:
    """Runs `work` for each thing in up to `parallel` threads; returns when all is done.

    Things are taken one by one as threads get free, so that a long iterable is never unrolled.

    Raises:
        Cancelled: `stop` was set; what had begun is finished.
        Whatever `work` raised first; what had begun is finished, nothing new begins.
    """
    if parallel <= 1:
        for thing in things:
            if stop is not None and stop.is_set():
                raise Cancelled
            work(thing)
        return
    running: set[Future[None]] = set()
    with ThreadPoolExecutor(parallel, f"{name}_") as pool:
        try:
            for thing in things:
                while len(running) >= parallel:
                    done, running = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
                    for one in done:
                        one.result()
                    if stop is not None and stop.is_set():
                        raise Cancelled
                if stop is not None and stop.is_set():
                    raise Cancelled
                running.add(pool.submit(work, thing))
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for one in done:
                    one.result()
        except BaseException:
            for one in running:
                one.cancel()
            raise
