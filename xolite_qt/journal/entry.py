"""One thing that happened."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What sort of thing; also the lane of the time line that shows it."""

    ALARM = "alarm"
    EVENT = "event"
    TASK = "task"
    SNAPSHOT = "snapshot"
    BACKUP = "backup"
    EDIT = "edit"


@dataclass(frozen=True)
class Entry:
    """Something that happened to an object.

    Attributes:
        key: the same whenever the same thing is seen again: a message's or task's uuid.
        at_s: when, seconds since 1970.
        pool: uuid of the pool.
        cls: class of the object as XAPI spells it: VM, host, SR, pool.
        obj: uuid of the object.
        kind: what sort of thing.
        title: in words.
        detail: more words; may be empty.
        severity: 0 for the record, 1 noteworthy, 2 a warning, 3 an error.
        origin: who saw it happen, where nothing of the host names it; `key` begins with it. Not
            kept by itself.
    """

    key: str
    at_s: float
    pool: str
    cls: str
    obj: str
    kind: Kind
    title: str
    detail: str = ""
    severity: int = 0
    origin: str = ""
