"""What a store tells: its state, and what changed in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

T_co = TypeVar("T_co", covariant=True)


class HasRef(Protocol):
    """Whatever has a reference: a record of the host, or a row made of several."""

    @property
    def ref(self) -> str:
        """Identity of the row within its store."""


class StoreState(StrEnum):
    """What a store's rows are worth now."""

    IDLE = "idle"
    """Nobody wants it: no rows, no listeners."""
    LOADING = "loading"
    """Wanted, and no rows yet."""
    READY = "ready"
    """The rows are the host's, up to the last event."""
    STALE = "stale"
    """The rows are those of `as_of`; news from the host are cut off or being read anew."""
    FAILED = "failed"
    """The last load failed with `error`; rows of an earlier load, if any, are still there."""


@dataclass(frozen=True, slots=True)
class Change(Generic[T_co]):
    """What became of a store's rows by one answer of the host; the three never overlap.

    Attributes:
        added: rows that are new.
        changed: rows that differ from before, as they are now.
        removed: references of rows that are gone.
    """

    added: tuple[T_co, ...] = ()
    changed: tuple[T_co, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)
