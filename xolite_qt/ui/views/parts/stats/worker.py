"""What charts have computed and painted in a thread, one job at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from xolite_qt.ui.charts.render import Painting, Rendered, paint
from xolite_qt.ui.tasks import TaskOwner

__all__ = ["Worker"]

T = TypeVar("T")


class Worker:
    """Runs jobs in a thread; a newer job of the same owner takes the place of one not begun.

    Args:
        tasks: owner of the task that waits for the thread.
        at_rest: called when nothing is left to be done.
    """

    def __init__(self, tasks: TaskOwner, at_rest: Callable[[], object]) -> None:
        self._tasks = tasks
        self._at_rest = at_rest
        self._jobs: dict[object, tuple[Callable[[], Any], Callable[[Any], None]]] = {}
        self._runs = False
        self._age = 0

    @property
    def busy(self) -> bool:
        """Whether something is still to be done."""
        return bool(self._jobs) or self._runs

    def ask(self, owner: object, work: Callable[[], T], done: Callable[[T], None]) -> None:
        """Have `work` done in a thread and `done` called with what it returns, in this one."""
        # At the end of the line, also where it takes the place of another.
        self._jobs.pop(owner, None)
        self._jobs[owner] = (work, done)
        if not self._runs:
            self._runs = True
            if self._tasks.spawn(self._run(), "draw charts") is None:
                self.stop()
                self._runs = False

    def paint(self, owner: object, painting: Painting, done: Callable[[Rendered], None]) -> None:
        """A `chart_canvas.Painter`."""
        self.ask(owner, lambda: paint(painting), done)

    def stop(self) -> None:
        """Forget what was asked for; nobody is told of a job that is under way."""
        self._jobs.clear()
        self._age += 1

    async def _run(self) -> None:
        try:
            while self._jobs:
                owner = next(iter(self._jobs))
                work, done = self._jobs.pop(owner)
                age = self._age
                result = await asyncio.to_thread(work)
                if age == self._age:
                    done(result)
        finally:
            self._runs = False
        self._at_rest()
