"""What a run writes into its log, one JSON object a line, and its readers fold into a state."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

RunKind = Literal["backup", "restore", "merge", "verify", "check", "forget", "health"]
Outcome = Literal["success", "warning", "failure", "cancelled", "skipped", "interrupted"]
"""`interrupted` is never written: a run whose process is gone without a `Finished` is that."""
Level = Literal["info", "warning", "error"]


class RunSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is to do; written before it starts, never changed.

    Attributes:
        id: sortable: `<UTC start as YYYYMMDDTHHMMSSZ>-<8 hex>`.
        kind: what sort of work.
        title: one line for people, such as "Nightly" or "Restore of web01".
        created_s: seconds since 1970.
        job_id: the job it runs; None for work by hand.
        by: "user", "schedule" or "command".
        params: what the kind needs, without secrets; see `run.params`.
    """

    id: str
    kind: RunKind
    title: str
    created_s: float
    job_id: str | None = None
    by: Literal["user", "schedule", "command"] = "user"
    params: dict[str, Any] = msgspec.field(default_factory=dict)


class Started(msgspec.Struct, frozen=True, tag="started", tag_field="event"):
    """The process is at work."""

    at_s: float
    pid: int
    version: str


class Item(msgspec.Struct, frozen=True, kw_only=True, tag="item", tag_field="event"):
    """A part of the work begins; parts form a tree.

    Attributes:
        at_s: seconds since 1970.
        id: unique in the run.
        parent: the part it belongs to; None at the top.
        kind: "vm", "disk", "repository", "merge", "step", "health".
        name: for people, as the host has it: never to be taken for rich text.
        uuid: of the VM or disk; empty where there is none.
        total: expected work; None if unknown.
        unit: what `total` and `done` count.
    """

    at_s: float
    id: str
    kind: str
    name: str
    parent: str | None = None
    uuid: str = ""
    total: int | None = None
    unit: Literal["bytes", "blocks", "items"] = "bytes"


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag="progress", tag_field="event"):
    """How far a part is; at most two a second for each part.

    Attributes:
        at_s: seconds since 1970.
        id: the part.
        done: of `total`, in the part's unit.
        total: if it is known better now.
        read_bytes: of the disk that were looked at (what a full read would be).
        transferred_bytes: that came over the wire.
        written_bytes: that went to the repositories.
    """

    at_s: float
    id: str
    done: int
    total: int | None = None
    read_bytes: int = 0
    transferred_bytes: int = 0
    written_bytes: int = 0


class Note(msgspec.Struct, frozen=True, kw_only=True, tag="note", tag_field="event"):
    """Something worth telling, such as a way of reading that was not possible."""

    at_s: float
    text: str
    id: str | None = None
    level: Level = "info"


class ItemDone(msgspec.Struct, frozen=True, kw_only=True, tag="item_done", tag_field="event"):
    """A part ended.

    Attributes:
        at_s: seconds since 1970.
        id: the part.
        outcome: how.
        error: one sentence; empty on success.
        details: code and parameters, or a traceback, for the curious.
        read_bytes, transferred_bytes, written_bytes: in all, as in `Progress`.
        facts: what else is worth keeping, such as {"way": "nbd+cbt", "backup": "/xo-vm-…"}.
    """

    at_s: float
    id: str
    outcome: Outcome
    error: str = ""
    details: str = ""
    read_bytes: int = 0
    transferred_bytes: int = 0
    written_bytes: int = 0
    facts: dict[str, str] = msgspec.field(default_factory=dict)


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag="finished", tag_field="event"):
    """The run is over.

    Attributes:
        at_s: seconds since 1970.
        outcome: the worst of its parts.
        error: one sentence; empty where nothing failed.
        result: what a command prints, such as the ids of new backups.
    """

    at_s: float
    outcome: Outcome
    error: str = ""
    result: dict[str, Any] = msgspec.field(default_factory=dict)


Event = Started | Item | Progress | Note | ItemDone | Finished
