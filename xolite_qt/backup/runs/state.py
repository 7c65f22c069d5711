"""The state of a run, folded from its log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .events import Event, Finished, Item, ItemDone, Note, Outcome, Progress, Started


@dataclass
class ItemState:
    """A part of a run as it stands.

    Attributes:
        item: how it was announced.
        done, total: progress in `item.unit`; total None if unknown.
        outcome: None while it goes on.
        ended_s: seconds since 1970, or None.
        notes: what was told of it, oldest first.
    """

    item: Item
    done: int = 0
    total: int | None = None
    read_bytes: int = 0
    transferred_bytes: int = 0
    written_bytes: int = 0
    outcome: Outcome | None = None
    error: str = ""
    details: str = ""
    ended_s: float | None = None
    notes: list[Note] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    children: list[ItemState] = field(default_factory=list)
    speed_bytes_per_s: float | None = None
    """Transferred per second, lately while it goes on, on average once it ended."""
    last_progress: tuple[float, int] | None = None


@dataclass
class RunState:
    """A run as it stands.

    Attributes:
        started_s, ended_s: seconds since 1970, or None.
        outcome: None while it goes on.
        items: every part by id; `roots` are those at the top, in order.
        notes: what was told of the whole.
    """

    started_s: float | None = None
    ended_s: float | None = None
    pid: int | None = None
    outcome: Outcome | None = None
    error: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    items: dict[str, ItemState] = field(default_factory=dict)
    roots: list[ItemState] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def apply(self, events: Iterable[Event]) -> None:
        """Takes in what the log said next; events of unknown parts are passed over."""
        for event in events:
            self._apply(event)

    @property
    def transferred_bytes(self) -> int:
        """Over the wire, by all disks."""
        return sum(i.transferred_bytes for i in self.items.values() if not i.children)

    @property
    def written_bytes(self) -> int:
        """To the repositories, by all disks."""
        return sum(i.written_bytes for i in self.items.values() if not i.children)

    def _apply(self, event: Event) -> None:
        match event:
            case Started():
                self.started_s, self.pid = event.at_s, event.pid
            case Item():
                state = ItemState(event, total=event.total)
                self.items[event.id] = state
                parent = self.items.get(event.parent or "")
                (parent.children if parent else self.roots).append(state)
            case Note():
                about = self.items.get(event.id or "")
                (about.notes if about else self.notes).append(event)
            case Progress():
                if event.id in self.items:
                    _progress(self.items[event.id], event)
            case ItemDone():
                if event.id in self.items:
                    _item_done(self.items[event.id], event)
            case Finished():
                self.outcome, self.error = event.outcome, event.error
                self.ended_s, self.result = event.at_s, event.result


def _progress(state: ItemState, event: Progress) -> None:
    state.done = event.done
    if event.total is not None:
        state.total = event.total
    if state.last_progress is not None and event.at_s > state.last_progress[0]:
        since, before = state.last_progress
        latest = max(event.transferred_bytes - before, 0) / (event.at_s - since)
        # A moving average, so that the number can be read while it changes.
        known = state.speed_bytes_per_s
        state.speed_bytes_per_s = latest if known is None else 0.7 * known + 0.3 * latest
    state.last_progress = (event.at_s, event.transferred_bytes)
    state.read_bytes = event.read_bytes
    state.transferred_bytes = event.transferred_bytes
    state.written_bytes = event.written_bytes


def _item_done(state: ItemState, event: ItemDone) -> None:
    state.outcome, state.ended_s = event.outcome, event.at_s
    state.error, state.details, state.facts = event.error, event.details, event.facts
    state.read_bytes = event.read_bytes or state.read_bytes
    state.transferred_bytes = event.transferred_bytes or state.transferred_bytes
    state.written_bytes = event.written_bytes or state.written_bytes
    seconds = event.at_s - state.item.at_s
    if seconds > 0:
        state.speed_bytes_per_s = state.transferred_bytes / seconds
