"""The store that all others are: rows by reference, a state, and counted subscriptions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType, TracebackType
from typing import Any, Generic, Self, TypeVar

from xolite_qt.stores.change import Change, HasRef, StoreState

_log = logging.getLogger(__name__)

T = TypeVar("T", bound=HasRef)

OnChange = Callable[[Change[T]], None]
OnState = Callable[[StoreState], None]

_SETTLED = (StoreState.READY, StoreState.FAILED)


class Store(Generic[T]):
    """Rows that live as long as somebody is subscribed.

    The first subscription starts the store, the last one that ends stops it after `linger_s`
    seconds, so that going from one page to the next loads nothing twice. `records` always equals
    the sum of the changes told: what is there when a subscription starts is read from `records`,
    what comes later is told, once per answer of the host (a very
    large answer in slices).

    Attributes:
        name: for logs and people.
        records: rows by reference; a live, read-only view in no particular order.
        state: what the rows are worth now.
        error: why the last load failed, or why there is no news; None once all is well.
    """

    def __init__(self, name: str, *, linger_s: float = 1.0) -> None:
        self.name = name
        self.state = StoreState.IDLE
        self.error: Exception | None = None
        self._linger_s = linger_s
        self._linger: asyncio.TimerHandle | None = None
        self._active = False
        self._started: dict[Subscription[T], None] = {}
        self._rows: dict[str, T] = {}
        self.records: Mapping[str, T] = MappingProxyType(self._rows)
        self._by_uuid: dict[str, str] | None = None
        self._settled: asyncio.Event | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self.state} rows={len(self._rows)}>"

    # ------------------------------------------------------------------ for views

    @property
    def classes(self) -> frozenset[str]:
        """Classes that the store listens to now, in lower case, those of its sources included."""
        return frozenset()

    @property
    def as_of(self) -> datetime | None:
        """When the rows were last known to be right; None before the first load."""
        return None

    @property
    def is_ready(self) -> bool:
        """Whether the rows are the host's, up to the last event."""
        return self.state is StoreState.READY

    @property
    def is_active(self) -> bool:
        """Whether anything listens or loads (subscribed, or lingering)."""
        return self._active

    def subscribe(
        self,
        on_change: OnChange[T] | None = None,
        on_state: OnState | None = None,
        *,
        defer: bool = False,
    ) -> Subscription[T]:
        """Wants the rows until the subscription is closed.

        Args:
            on_change: called with each change after the start.
            on_state: called with each new state after the start.
            defer: fetch and listen to nothing on this subscription's behalf until its `start()`.

        Returns:
            A subscription; also a context manager that closes it.
        """
        subscription = Subscription(self, on_change, on_state)
        if not defer:
            subscription.start()
        return subscription

    def retry(self) -> None:
        """Loads again after a failure; without one it does nothing."""

    def get(self, ref: str) -> T | None:
        """The row of a reference, or None."""
        return self._rows.get(ref)

    def by_uuid(self, uuid: str) -> T | None:
        """The row whose record has this uuid, or None. The index is kept once for all callers."""
        if self._by_uuid is None:
            self._by_uuid = {_uuid_of(row): ref for ref, row in self._rows.items()}
        ref = self._by_uuid.get(uuid)
        row = None if ref is None else self._rows.get(ref)
        return row if row is not None and _uuid_of(row) == uuid else None

    async def settled(self) -> StoreState:
        """Waits until a load has ended well or badly.

        Returns:
            READY or FAILED.
        """
        while self.state not in _SETTLED:
            if self._settled is None:
                self._settled = asyncio.Event()
            self._settled.clear()
            await self._settled.wait()
        return self.state

    # ------------------------------------------------------------------ for kinds of stores

    def _begin(self) -> None:
        """Starts listening and loading; called for the first subscription."""
        raise NotImplementedError

    def _end(self) -> None:
        """Stops listening and loading; called when nobody wanted the rows for `linger_s`."""
        raise NotImplementedError

    def _go(self, state: StoreState, error: Exception | None = None) -> None:
        """Takes a state and tells it."""
        if state is self.state and error is self.error:
            return
        self.state = state
        self.error = error
        if self._settled is not None and state in _SETTLED:
            self._settled.set()
        for subscription in tuple(self._started):
            if (call := subscription.on_state) is not None and subscription.is_started:
                self._call(call, state)

    def _apply(self, fresh: Mapping[str, T], gone: Iterable[str]) -> Change[T]:
        """Puts rows in and out, and tells what that changed. Equal rows keep their identity.

        Args:
            fresh: rows to have from now on, by reference.
            gone: references to lose; they win over `fresh`.
        """
        rows = self._rows
        removed = [ref for ref in gone if rows.pop(ref, None) is not None]
        lost = frozenset(removed) if removed else ()
        added: list[T] = []
        changed: list[T] = []
        for ref, row in fresh.items():
            if ref in lost:
                continue
            old = rows.get(ref)
            if old is None:
                added.append(row)
            elif self._same(old, row):
                continue
            else:
                changed.append(row)
            rows[ref] = row
        change = Change(tuple(added), tuple(changed), tuple(removed))
        if change:
            self._index(change)
            self._tell(change)
        return change

    def _same(self, old: T, new: T) -> bool:
        """Whether nobody needs to hear of a new row."""
        return old is new or old == new

    def _index(self, change: Change[T]) -> None:
        if self._by_uuid is None:
            return
        if len(change.removed) > 100:
            self._by_uuid = None
            return
        for row in change.added:
            self._by_uuid[_uuid_of(row)] = row.ref
        for row in change.changed:
            self._by_uuid[_uuid_of(row)] = row.ref

    def _tell(self, change: Change[T]) -> None:
        for subscription in tuple(self._started):
            if (call := subscription.on_change) is not None and subscription.is_started:
                self._call(call, change)

    def _call(self, call: Callable[[Any], None], what: object) -> None:
        # A subscriber's mistake must not cut the others off, nor the host's events (xo-lite.md
        # 2.3, fault 14).
        try:
            call(what)
        except Exception:
            _log.exception("a subscriber of the store %s failed", self.name)

    def _drop(self) -> None:
        self._rows.clear()
        self._by_uuid = None
        self._go(StoreState.IDLE)

    # ------------------------------------------------------------------ counting

    def _add(self, subscription: Subscription[T]) -> None:
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        if not self._active:
            self._active = True
            self._begin()
        # Only now: what `_begin` does to the state is read by the new subscriber, not told to it.
        self._started[subscription] = None

    def _remove(self, subscription: Subscription[T]) -> None:
        del self._started[subscription]
        if self._started or not self._active:
            return
        loop = running_loop()
        if self._linger_s <= 0 or loop is None:
            self._stop()
        else:
            self._linger = loop.call_later(self._linger_s, self._stop)

    def _stop(self) -> None:
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        if self._active:
            self._active = False
            self._end()
            self._drop()

    def close(self) -> None:
        """Ends all subscriptions and stops at once."""
        for subscription in tuple(self._started):
            subscription.close()
        self._stop()


class Subscription(Generic[T]):
    """One subscriber's hold on a store; a context manager that lets go at its end.

    Attributes:
        store: what it is about.
    """

    def __init__(
        self, store: Store[T], on_change: OnChange[T] | None, on_state: OnState | None
    ) -> None:
        self.store = store
        self.on_change = on_change
        self.on_state = on_state
        self.is_started = False
        self._closed = False

    def start(self) -> None:
        """Wants the rows from now on. A second start, or one after `close`, does nothing."""
        if self.is_started or self._closed:
            return
        self.is_started = True
        self.store._add(self)

    def close(self) -> None:
        """Wants them no more; nothing is told any more, not even what is under way."""
        self._closed = True
        if self.is_started:
            self.is_started = False
            self.store._remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop; None where it has ended: windows may close their pages after that."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _uuid_of(row: object) -> str:
    uuid = getattr(row, "uuid", "")
    return uuid if isinstance(uuid, str) else ""
