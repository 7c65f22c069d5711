"""How far a run is, on a terminal: a line per part that is at work, on standard error."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType

import click

from xolite_qt.backup.runs.events import Event, Finished, Item, ItemDone, Note, Progress

_DRAW_EVERY_S = 0.2
_WIDTH = 24


class RunBars:
    """Hears the events of a run. One line that is drawn over again; what is worth telling stays."""

    def __init__(self, *, shown: bool) -> None:
        """Args:
        shown: off where a script reads along; also where standard error is no terminal.
        """
        self._shown = shown and sys.stderr.isatty()
        self._lock = threading.Lock()
        self._items: dict[str, Item] = {}
        self._now: dict[str, Progress] = {}
        self._drawn_s = 0.0

    def __enter__(self) -> RunBars:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shown:
            self._clear()

    def __call__(self, event: Event) -> None:
        """Takes one event, in any thread."""
        if not self._shown:
            return
        with self._lock:
            match event:
                case Item():
                    self._items[event.id] = event
                case Progress():
                    self._now[event.id] = event
                case ItemDone():
                    self._now.pop(event.id, None)
                case Note():
                    self._clear()
                    name = self._items[event.id].name if event.id in self._items else ""
                    text = f"{name}: {event.text}" if name else event.text
                    click.echo(_plain(text), err=True)
                case Finished():
                    self._now.clear()
                case _:
                    pass
            if time.monotonic() - self._drawn_s > _DRAW_EVERY_S:
                self._drawn_s = time.monotonic()
                self._draw()

    def _clear(self) -> None:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()

    def _draw(self) -> None:
        parts = [self._bar(ident, progress) for ident, progress in self._now.items()]
        if parts:
            sys.stderr.write("\r\x1b[K" + "  ".join(parts[:2]))
            sys.stderr.flush()

    def _bar(self, ident: str, progress: Progress) -> str:
        item = self._items[ident]
        total = progress.total or item.total or 0
        share = min(1.0, progress.done / total) if total else 0.0
        full = round(share * _WIDTH)
        return f"{_plain(item.name)[:20]} [{'#' * full}{'-' * (_WIDTH - full)}] {share:4.0%}"


def _plain(text: str) -> str:
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
