"""Stores made of other stores: computed once per store, whoever and however many look.

A derived store subscribes to its sources only while it is subscribed itself. It hears their
changes in one turn of the loop and tells its own in the next, once for all of them, so one answer
of the host makes one change here too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from operator import is_
from typing import Any, Generic, TypeVar, cast

import msgspec

from xolite_qt.stores.base import Store, Subscription
from xolite_qt.stores.change import Change, HasRef, StoreState

P = TypeVar("P", bound=HasRef)
T = TypeVar("T", bound=HasRef)

ANY = "*"
"""In `Part.refs`: whichever record the source holds (a pool's one pool)."""

_HOLDS_ROWS = (StoreState.READY, StoreState.STALE, StoreState.FAILED)


class DerivedStore(Store[T]):
    """Rows computed from the rows of other stores.

    A kind of derived store says in `_rebuild` and `_refresh` how.
    """

    def __init__(self, name: str, sources: Iterable[Store[Any]], *, linger_s: float = 1.0) -> None:
        super().__init__(name, linger_s=linger_s)
        self._sources = tuple(sources)
        self._holds: list[Subscription[Any]] = []
        self._built = False
        self._refresh_handle: asyncio.Handle | None = None

    @property
    def classes(self) -> frozenset[str]:
        """Classes of the sources while this store holds them."""
        if not self._holds:
            return frozenset()
        return frozenset().union(*(source.classes for source in self._sources))

    @property
    def as_of(self) -> datetime | None:
        """The oldest of the sources' dates."""
        dates = [source.as_of for source in self._sources]
        known = [date for date in dates if date is not None]
        return min(known) if len(known) == len(dates) else None

    def retry(self) -> None:
        """Loads those sources again that failed."""
        for source in self._sources:
            source.retry()

    def _begin(self) -> None:
        self._holds = [
            source.subscribe(self._listener(at), self._on_source_state)
            for at, source in enumerate(self._sources)
        ]
        self._go(StoreState.LOADING)
        # Sources that others hold have their rows: then this store has its own at once.
        self._refresh_now()

    def _end(self) -> None:
        for hold in self._holds:
            hold.close()
        self._holds = []
        self._built = False
        if self._refresh_handle is not None:
            self._refresh_handle.cancel()
            self._refresh_handle = None
        self._forget()

    def _listener(self, at: int) -> Callable[[Change[Any]], None]:
        def hear(change: Change[Any]) -> None:
            if self._built:
                self._on_source_change(at, change)
            self._refresh_soon()

        return hear

    def _on_source_state(self, _state: StoreState) -> None:
        self._refresh_soon()

    def _refresh_soon(self) -> None:
        if self._refresh_handle is None and self._holds:
            self._refresh_handle = asyncio.get_running_loop().call_soon(self._refresh_now)

    def _refresh_now(self) -> None:
        self._refresh_handle = None
        if not self._built:
            # Once all sources have come to something; one change instead of one per source.
            if not all(source.state in _HOLDS_ROWS for source in self._sources):
                self._settle()
                return
            self._built = True
            self._rebuild()
        else:
            self._refresh()
        self._settle()

    def _settle(self) -> None:
        """Takes the state that follows from those of the sources."""
        states = [source.state for source in self._sources]
        failed = next((s for s in self._sources if s.state is StoreState.FAILED), None)
        if failed is not None:
            self._go(StoreState.FAILED, failed.error)
        elif not self._built or StoreState.LOADING in states or StoreState.IDLE in states:
            self._go(StoreState.LOADING)
        elif StoreState.STALE in states:
            errors = (s.error for s in self._sources if s.error is not None)
            self._go(StoreState.STALE, next(errors, None))
        else:
            self._go(StoreState.READY)

    def _on_source_change(self, at: int, change: Change[Any]) -> None:
        """Notes what a change of source number `at` makes dirty."""
        raise NotImplementedError

    def _rebuild(self) -> None:
        """Computes all rows."""
        raise NotImplementedError

    def _refresh(self) -> None:
        """Computes the rows that are dirty."""
        raise NotImplementedError

    def _forget(self) -> None:
        """Drops what was noted."""


class Part(Generic[P]):
    """A source that rows of a joined store take a piece from.

    Attributes:
        store: the source.
        refs: which of its records belong to a primary record; null and dangling ones may be among
            them. `(ANY,)` means whatever there is.
        face: what of a record the joined rows show. A change that leaves it equal touches no row:
            a host that counts its VMs must not redraw them. Everything counts if not given.
    """

    __slots__ = ("face", "refs", "store")

    def __init__(
        self,
        store: Store[Any],
        refs: Callable[[P], Iterable[str]],
        face: Callable[[Any], object] | None = None,
    ) -> None:
        self.store = store
        self.refs = refs
        self.face = face


class JoinedStore(DerivedStore[T], Generic[P, T]):
    """One row per record of a primary store, joined with records of others by reference.

    Keeps for each part which primaries point at which record, so a change of a part touches just
    the rows that are joined with it.
    """

    def __init__(
        self,
        name: str,
        primary: Store[P],
        parts: Iterable[Part[P]],
        make: Callable[[P], T],
        *,
        linger_s: float = 1.0,
    ) -> None:
        self._parts = tuple(parts)
        super().__init__(name, (primary, *(part.store for part in self._parts)), linger_s=linger_s)
        self._primary = primary
        self._make = make
        self._dirty: set[str] = set()
        # Per part: reference of its record -> references of the primaries that point at it.
        self._users: tuple[dict[str, set[str]], ...] = tuple({} for _ in self._parts)
        # Per part: primary -> what it points at, to undo the above.
        self._links: tuple[dict[str, tuple[str, ...]], ...] = tuple({} for _ in self._parts)
        self._faces: tuple[dict[str, object], ...] = tuple({} for _ in self._parts)

    def _rebuild(self) -> None:
        self._forget()
        for at, part in enumerate(self._parts):
            if part.face is not None:
                face = part.face
                self._faces[at].update({r.ref: face(r) for r in part.store.records.values()})
        rows: dict[str, T] = {}
        make = self._make
        for ref, record in self._primary.records.items():
            self._link(record)
            rows[ref] = make(record)
        self._apply(rows, [ref for ref in self._rows if ref not in rows])

    def _refresh(self) -> None:
        if not self._dirty:
            return
        dirty, self._dirty = self._dirty, set()
        rows: dict[str, T] = {}
        gone: list[str] = []
        primaries = self._primary.records
        make = self._make
        for ref in dirty:
            record = primaries.get(ref)
            if record is None:
                gone.append(ref)
            else:
                rows[ref] = make(record)
        self._apply(rows, gone)

    def _on_source_change(self, at: int, change: Change[Any]) -> None:
        if at == 0:
            self._on_primary_change(change)
        else:
            self._on_part_change(at - 1, change)

    def _on_primary_change(self, change: Change[P]) -> None:
        for ref in change.removed:
            self._unlink(ref)
            self._dirty.add(ref)
        for record in (*change.added, *change.changed):
            self._link(record)
            self._dirty.add(record.ref)

    def _on_part_change(self, at: int, change: Change[Any]) -> None:
        users = self._users[at]
        touched: list[str] = list(change.removed)
        touched.extend(record.ref for record in change.added)
        face = self._parts[at].face
        faces = self._faces[at]
        for ref in change.removed:
            faces.pop(ref, None)
        if face is None:
            touched.extend(record.ref for record in change.changed)
        else:
            for record in change.added:
                faces[record.ref] = face(record)
            for record in change.changed:
                now = face(record)
                if faces.get(record.ref) != now:
                    faces[record.ref] = now
                    touched.append(record.ref)
        if not touched:
            return
        for ref in touched:
            if (found := users.get(ref)) is not None:
                self._dirty.update(found)
        if (found := users.get(ANY)) is not None:
            self._dirty.update(found)

    def _link(self, record: P) -> None:
        own = record.ref
        for part, links, users in zip(self._parts, self._links, self._users, strict=True):
            wanted = tuple(part.refs(record))
            had = links.get(own)
            if had == wanted:
                continue
            if had is not None:
                _unuse(users, had, own)
            links[own] = wanted
            for ref in wanted:
                if (found := users.get(ref)) is None:
                    users[ref] = {own}
                else:
                    found.add(own)

    def _unlink(self, own: str) -> None:
        for links, users in zip(self._links, self._users, strict=True):
            if (had := links.pop(own, None)) is not None:
                _unuse(users, had, own)

    def _same(self, old: T, new: T) -> bool:
        # Sources keep the identity of equal records, so identity tells, and tells fast.
        return same_parts(old, new)

    def _forget(self) -> None:
        self._dirty.clear()
        for users, links, faces in zip(self._users, self._links, self._faces, strict=True):
            users.clear()
            links.clear()
            faces.clear()


def same_parts(old: object, new: object) -> bool:
    """Whether two rows are made of the very same records."""
    if old is new:
        return True
    mine = msgspec.structs.astuple(cast("msgspec.Struct", old))
    its = msgspec.structs.astuple(cast("msgspec.Struct", new))
    return all(map(is_, mine, its)) or mine == its


def _unuse(users: dict[str, set[str]], refs: Iterable[str], own: str) -> None:
    for ref in refs:
        if (found := users.get(ref)) is not None:
            found.discard(own)
            if not found:
                del users[ref]
