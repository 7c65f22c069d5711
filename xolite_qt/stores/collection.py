"""The narrow view of a store that a page works with, and lets go of by itself.

Source: the seed ("createSubscriber"); xo-lite.md 2.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType, TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from xolite_qt.stores.base import OnChange, OnState, Store
from xolite_qt.stores.change import HasRef, StoreState

T = TypeVar("T", bound=HasRef)

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Use(Protocol[T]):
    """What `create_subscriber` returns: call it to get a collection."""

    def __call__(
        self,
        *,
        defer: bool = False,
        on_change: OnChange[T] | None = None,
        on_state: OnState | None = None,
    ) -> Collection[T]: ...


def create_subscriber(store: Store[T]) -> Use[T]:
    """A function that subscribes to `store` and hands out only what a view needs.

    Example:
        use_vms = create_subscriber(stores.vm)
        with use_vms(on_change=model.apply) as vms:
            model.replace(vms)
    """

    def use(
        *,
        defer: bool = False,
        on_change: OnChange[T] | None = None,
        on_state: OnState | None = None,
    ) -> Collection[T]:
        return Collection(store, defer=defer, on_change=on_change, on_state=on_state)

    return use


class Collection(Generic[T]):
    """One subscriber's rows; a context manager that unsubscribes at its end.

    A deferred collection is idle and empty until its own `start()`, whoever else has the rows.
    """

    def __init__(
        self,
        store: Store[T],
        *,
        defer: bool = False,
        on_change: OnChange[T] | None = None,
        on_state: OnState | None = None,
    ) -> None:
        self._store = store
        self._subscription = store.subscribe(on_change, on_state, defer=defer)

    @property
    def records(self) -> Mapping[str, T]:
        """Rows by reference; live."""
        return self._store.records if self.is_started else _NOTHING

    @property
    def state(self) -> StoreState:
        """What the rows are worth now."""
        return self._store.state if self.is_started else StoreState.IDLE

    @property
    def error(self) -> Exception | None:
        """Why the last load failed."""
        return self._store.error if self.is_started else None

    @property
    def as_of(self) -> datetime | None:
        """When the rows were last known to be right."""
        return self._store.as_of if self.is_started else None

    @property
    def is_ready(self) -> bool:
        """Whether the rows are the host's, up to the last event."""
        return self.state is StoreState.READY

    @property
    def is_started(self) -> bool:
        """Whether this collection (not somebody else's) wants the rows."""
        return self._subscription.is_started

    def get(self, ref: str) -> T | None:
        """The row of a reference, or None."""
        return self.records.get(ref)

    def by_uuid(self, uuid: str) -> T | None:
        """The row of a uuid, or None."""
        return self._store.by_uuid(uuid) if self.is_started else None

    def retry(self) -> None:
        """Loads again after a failure."""
        if self.is_started:
            self._store.retry()

    def start(self) -> None:
        """Wants the rows from now on."""
        self._subscription.start()

    def close(self) -> None:
        """Wants them no more."""
        self._subscription.close()

    def __iter__(self) -> Iterator[T]:
        return iter(self.records.values())

    def __len__(self) -> int:
        return len(self.records)

    def __contains__(self, ref: object) -> bool:
        return ref in self.records

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
