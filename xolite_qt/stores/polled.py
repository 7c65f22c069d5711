"""A store whose rows are in files that other processes write too: looked at again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable
from datetime import UTC, datetime
from typing import TypeVar

from xolite_qt.stores.base import Store
from xolite_qt.stores.change import HasRef, StoreState
from xolite_qt.stores.task_owner import OwnedTasks

T = TypeVar("T", bound=HasRef)

PERIOD_S = 1.0
"""How often files are looked at while somebody is subscribed."""


class PolledStore(Store[T]):
    """Rows read in a thread, anew whenever a cheap tag of them has changed.

    Args:
        name: for logs.
        tasks: owner of the polling.
        tag: says in one cheap look whether anything may differ from last time; None: read always.
        read: the rows; runs in a thread, never twice at once.
        errors: what `read` and `tag` may raise when files are unreadable.
        period_s: seconds between two looks.
    """

    def __init__(
        self,
        name: str,
        tasks: OwnedTasks,
        *,
        tag: Callable[[], Hashable] | None,
        read: Callable[[], Iterable[T]],
        errors: tuple[type[Exception], ...] = (OSError,),
        period_s: float = PERIOD_S,
        linger_s: float = 1.0,
    ) -> None:
        super().__init__(name, linger_s=linger_s)
        self._owner = tasks
        self._tag = tag
        self._read = read
        self._errors = errors
        self._period_s = period_s
        self._polling: asyncio.Task[None] | None = None
        self._nudge = asyncio.Event()
        self._seen: Hashable = None
        self._as_of: datetime | None = None

    @property
    def as_of(self) -> datetime | None:
        """When the files were last looked at."""
        return self._as_of

    def retry(self) -> None:
        """Looks now."""
        self._seen = None
        self._nudge.set()

    def _begin(self) -> None:
        self._seen = None
        self._go(StoreState.LOADING)
        self._polling = self._owner.spawn(self._poll(), f"look at {self.name}")

    def _end(self) -> None:
        if self._polling is not None:
            self._polling.cancel()
            self._polling = None
        self._as_of = None

    async def _poll(self) -> None:
        while True:
            self._nudge.clear()
            try:
                tag, rows = await asyncio.to_thread(self._look, self._seen)
            except self._errors as error:
                self._go(StoreState.FAILED, error)
            else:
                self._as_of = datetime.now(UTC)
                if rows is not None:
                    self._seen = tag
                    gone = [ref for ref in self.records if ref not in rows]
                    self._apply(rows, gone)
                self._go(StoreState.READY)
            try:
                async with asyncio.timeout(self._period_s):
                    await self._nudge.wait()
            except TimeoutError:
                continue

    def _look(self, seen: Hashable) -> tuple[Hashable, dict[str, T] | None]:
        tag = self._tag() if self._tag is not None else None
        if tag is not None and tag == seen:
            return tag, None
        return tag, {row.ref: row for row in self._read()}
