"""Telling a run's log what happens, from any thread."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Literal

from xolite_qt import __version__

from .events import Event, Finished, Item, ItemDone, Level, Note, Outcome, Progress, Started
from .state import RunState
from .store import RunWriter

_TELL_EVERY_S = 0.5
_LOOK_S = 0.3


class RunRecorder:
    """Writes a run's log, and listens for the wish to stop. A context manager.

    Attributes:
        stop: set when the run is to end.
        state: folded from what was told so far.
    """

    def __init__(
        self,
        writer: RunWriter | None,
        *,
        on_event: Callable[[Event], None] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        """Args:
        writer: of the log; None for a run that leaves none.
        on_event: hears every event too, in the thread that told it.
        stop: set by others to end the run.
        """
        self.stop = stop or threading.Event()
        self._writer, self._on_event = writer, on_event
        self.state = RunState()
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._pending: dict[str, Progress] = {}
        self._told_s: dict[str, float] = {}
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="run_cancel", daemon=True)

    def __enter__(self) -> RunRecorder:
        self._tell(Started(time.time(), os.getpid(), __version__))
        self._watcher.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._watcher.join()
        if self._writer is not None:
            self._writer.close()

    def _watch(self) -> None:
        while self._writer is not None and not self._over.wait(_LOOK_S):
            if self._writer.cancel_wanted:
                self.stop.set()
                return

    def _tell(self, event: Event) -> None:
        with self._lock:
            self._put(event)

    def _put(self, event: Event) -> None:
        if self._writer is not None:
            # A full disk of this machine is no reason to end a backup on another.
            with contextlib.suppress(OSError):
                self._writer.write(event)
        self.state.apply((event,))
        if self._on_event is not None:
            self._on_event(event)

    def item(
        self,
        kind: str,
        name: str,
        *,
        parent: str | None = None,
        uuid: str = "",
        total: int | None = None,
        unit: Literal["bytes", "blocks", "items"] = "bytes",
    ) -> str:
        """A part of the work begins; returns its id."""
        ident = str(next(self._ids))
        self._tell(
            Item(
                at_s=time.time(),
                id=ident,
                kind=kind,
                name=name,
                parent=parent,
                uuid=uuid,
                total=total,
                unit=unit,
            )
        )
        return ident

    def progress(
        self,
        id: str,  # noqa: A002 - as in the log
        done: int,
        *,
        total: int | None = None,
        read_bytes: int = 0,
        transferred_bytes: int = 0,
        written_bytes: int = 0,
    ) -> None:
        """How far a part is; told twice a second at most, and before its end."""
        now_s = time.time()
        event = Progress(
            at_s=now_s,
            id=id,
            done=done,
            total=total,
            read_bytes=read_bytes,
            transferred_bytes=transferred_bytes,
            written_bytes=written_bytes,
        )
        with self._lock:
            if now_s - self._told_s.get(id, 0.0) < _TELL_EVERY_S:
                self._pending[id] = event
                return
            self._told_s[id] = now_s
            self._pending.pop(id, None)
            self._put(event)

    def note(self, text: str, *, id: str | None = None, level: Level = "info") -> None:  # noqa: A002
        """Something worth telling."""
        self._tell(Note(at_s=time.time(), text=text, id=id, level=level))

    def done(
        self,
        id: str,  # noqa: A002
        outcome: Outcome = "success",
        *,
        error: str = "",
        details: str = "",
        read_bytes: int = 0,
        transferred_bytes: int = 0,
        written_bytes: int = 0,
        facts: Mapping[str, str] | None = None,
    ) -> None:
        """A part ended."""
        event = ItemDone(
            at_s=time.time(),
            id=id,
            outcome=outcome,
            error=error,
            details=details,
            read_bytes=read_bytes,
            transferred_bytes=transferred_bytes,
            written_bytes=written_bytes,
            facts=dict(facts or {}),
        )
        with self._lock:
            last = self._pending.pop(id, None)
            if last is not None:
                self._put(last)
            self._told_s.pop(id, None)
            self._put(event)

    def finish(
        self, outcome: Outcome, *, error: str = "", result: dict[str, Any] | None = None
    ) -> None:
        """The run is over."""
        self._tell(Finished(at_s=time.time(), outcome=outcome, error=error, result=result or {}))
