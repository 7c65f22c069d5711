"""Who listens to what: callbacks per class and kind, each kept from harming the others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Literal

from .link import Listener

_log = logging.getLogger(__name__)

Kind = Literal["add", "mod", "del", "reset"]
Callback = Callable[..., object]

_KINDS: tuple[Kind, ...] = ("add", "mod", "del", "reset")


class ListenerTable:
    """The registrations of an event hub.

    Attributes:
        changed: set whenever a class gets its first listener or loses its last.
    """

    def __init__(self, on_dropped: Callable[[str], None]) -> None:
        self.changed = asyncio.Event()
        self._on_dropped = on_dropped
        self._table: dict[str, dict[Kind, dict[Listener, Callback]]] = {}

    @property
    def classes(self) -> frozenset[str]:
        """Classes with at least one listener of any kind, in lower case."""
        return frozenset(self._table)

    def add(self, cls: str, kind: Kind, callback: Callback) -> Listener:
        """Registers a callback.

        Raises:
            ValueError: an unknown kind.
        """
        if kind not in _KINDS:
            raise ValueError(f"unknown kind {kind!r}, not one of {', '.join(_KINDS)}")
        cls = cls.lower()

        def remove() -> None:
            kinds = self._table[cls]
            del kinds[kind][listener]
            if not any(kinds.values()):
                del self._table[cls]
                self._on_dropped(cls)
                self.changed.set()

        listener = Listener(remove)
        if cls not in self._table:
            self._table[cls] = {}
            self.changed.set()
        self._table[cls].setdefault(kind, {})[listener] = callback
        return listener

    def call(self, cls: str, kind: Kind, *args: object) -> None:
        """Calls those who listen now; whoever is removed meanwhile is not called any more."""
        for listener, callback in list(self._table.get(cls, {}).get(kind, {}).items()):
            if not listener.is_active:
                continue
            try:
                callback(*args)
            except Exception:
                # A listener is foreign code: its fault must not cost the others their events.
                _log.exception("a listener to %s.%s failed", cls, kind)
