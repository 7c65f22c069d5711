"""What the engine tells of its work, whoever listens."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Literal, Protocol

from xolite_qt.backup.runs.events import Level, Outcome


class Recorder(Protocol):
    """Hears of a run. Methods may be called from any thread.

    Attributes:
        stop: set when the run is to end.
    """

    stop: threading.Event

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
        ...

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
        """How far a part is; may be called often."""
        ...

    def note(self, text: str, *, id: str | None = None, level: Level = "info") -> None:  # noqa: A002
        """Something worth telling."""
        ...

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
        ...
