"""A run's log in short, beside it: a list of runs would read hundreds of megabytes otherwise."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterable
from pathlib import Path

import msgspec

from xolite_qt import __version__

from .events import Event, Item, ItemDone, Progress

_NAME = "summary.json"


class _Summary(msgspec.Struct, frozen=True):
    """What is stored.

    Attributes:
        version: of the program that read the log: another one may understand more of it.
        log_bytes: how long the log was: a run may be taken up again.
        events: see `shortened`.
    """

    version: str
    log_bytes: int
    events: list[Event]


def shortened(events: Iterable[Event]) -> list[Event]:
    """Of a log what makes the same `RunState`: of each part only the latest progress.

    What is not the same: `speed_bytes_per_s` of parts that never ended.
    """
    found: list[Event | None] = []
    latest: dict[str, int] = {}
    for event in events:
        if isinstance(event, Progress):
            at = latest.get(event.id)
            if at is not None:
                before = found[at]
                if event.total is None and isinstance(before, Progress):
                    event = msgspec.structs.replace(event, total=before.total)
                found[at] = None
            latest[event.id] = len(found)
        elif isinstance(event, Item | ItemDone):
            # A run taken up again counts its parts anew.
            latest.pop(event.id, None)
        found.append(event)
    return [event for event in found if event is not None]


def load(folder: Path) -> list[Event] | None:
    """What stands for the log of a run; None where nothing does, or no longer.

    Args:
        folder: of the run.
    """
    try:
        summary = msgspec.json.decode((folder / _NAME).read_bytes(), type=_Summary)
        log_bytes = (folder / "log.jsonl").stat().st_size
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    is_current = summary.version == __version__ and summary.log_bytes == log_bytes
    return summary.events if is_current else None


def save(folder: Path, log_bytes: int, events: Iterable[Event]) -> None:
    """Stores it; that it cannot be stored is no trouble.

    Args:
        folder: of the run.
        log_bytes: how long the log was before it was read.
        events: of the whole log.
    """
    body = msgspec.json.encode(_Summary(__version__, log_bytes, shortened(events)))
    # Windows and commands may look at the same time.
    hidden = folder / f".{_NAME}.{secrets.token_hex(4)}"
    try:
        hidden.write_bytes(body)
        hidden.replace(folder / _NAME)
    except OSError:
        with contextlib.suppress(OSError):
            hidden.unlink(missing_ok=True)
