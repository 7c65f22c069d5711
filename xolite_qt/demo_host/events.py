"""event.from, event.inject, and the old event.next.

Source: `xapi.md` 1.6.
"""

from __future__ import annotations

import asyncio
import math
import re
from dataclasses import dataclass, field
from typing import Any

from .db import Database, Table
from .registry import Call, Failure, method

BATCH_S = 0.05
LONGEST_S = 24 * 3600.0
_NUMBER = re.compile(r"-?\d{1,20}", re.ASCII)


@dataclass(frozen=True)
class Token:
    """How far a client has seen: the database's generation and the messages' own."""

    generation: int
    messages: int

    def __str__(self) -> str:
        return f"{self.generation:020d},{self.messages:020d}"


def parse_token(text: str) -> Token:
    """Read a token; the empty one means the beginning.

    Raises:
        Failure: EVENT_FROM_TOKEN_PARSE_FAILURE [token].
    """
    if text == "":
        return Token(0, 0)
    parts = text.split(",")
    if len(parts) != 2 or not all(_NUMBER.fullmatch(part) for part in parts):
        raise Failure("EVENT_FROM_TOKEN_PARSE_FAILURE", text)
    generation, messages = (int(part) for part in parts)
    if max(abs(generation), abs(messages)) >= 1 << 63:
        raise Failure("EVENT_FROM_TOKEN_PARSE_FAILURE", text)
    return Token(generation, messages)


@dataclass(frozen=True)
class Subscription:
    """What a client wants: everything, whole classes (lower-case), or single objects."""

    everything: bool
    classes: frozenset[str]
    objects: frozenset[tuple[str, str]]

    @classmethod
    def parse(cls, wanted: list[str]) -> Subscription:
        classes, objects = set(), set()
        for text in wanted:
            name, slash, ref = text.partition("/")
            if slash:
                objects.add((name.lower(), ref))
            elif text != "*":
                classes.add(name.lower())
        return cls("*" in wanted, frozenset(classes), frozenset(objects))

    @property
    def tasks_only(self) -> bool:
        names = self.classes | {name for name, _ in self.objects}
        return not self.everything and names <= {"task"}

    def refs(self, name: str) -> frozenset[str] | None:
        """References wanted of a class (lower-case); None for all of them."""
        if self.everything or name in self.classes:
            return None
        return frozenset(ref for other, ref in self.objects if other == name)


@dataclass
class Changes:
    """What happened to matching objects since a generation.

    Attributes:
        last: generation of the newest matching change; where there is none, the starting one.
    """

    last: int
    adds: list[tuple[int, Table, str]] = field(default_factory=list)
    mods: list[tuple[int, Table, str]] = field(default_factory=list)
    dels: list[tuple[int, Table, str]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.adds or self.mods or self.dels)

    def collect(self, table: Table, refs: frozenset[str] | None, since: int) -> None:
        """Walk a table from its newest change back to `since`."""
        for ref, row in reversed(table.rows.items()):
            if row.modified <= since:
                break
            if refs is not None and ref not in refs:
                continue
            self.last = max(self.last, row.modified)
            kind = self.adds if row.created > since else self.mods
            kind.append((row.modified, table, ref))
        for gone in reversed(table.deleted):
            if gone.deleted <= since:
                break
            if refs is not None and gone.ref not in refs:
                continue
            self.last = max(self.last, gone.deleted)
            if gone.created <= since:
                self.dels.append((gone.deleted, table, gone.ref))

    def events(self, db: Database, *, numbered: bool = True) -> list[dict[str, Any]]:
        """Events in the order of the wire: adds, mods, dels, each oldest first."""
        events = []
        for kind, changes in (("add", self.adds), ("mod", self.mods), ("del", self.dels)):
            for generation, table, ref in sorted(changes, key=lambda change: change[0]):
                event: dict[str, Any] = {
                    "id": str(generation) if numbered else "0",
                    "timestamp": "0.0",
                    "class": table.cls.name.lower(),
                    "operation": kind,
                    "ref": ref,
                }
                if kind != "del":
                    event["snapshot"] = db.raw_record(table.cls.name, ref)
                events.append(event)
        return events


def collect(db: Database, wanted: Subscription, since: int) -> Changes:
    """Changes of everything but messages after a generation."""
    changes = Changes(last=since)
    for table in db.tables.values():
        if not table.cls.events or table.cls.name == "message":
            continue
        refs = wanted.refs(table.cls.name.lower())
        if refs is None or refs:
            changes.collect(table, refs, since)
    return changes


def collect_messages(db: Database, wanted: Subscription, since: int) -> Changes:
    """Messages made or destroyed after a generation of theirs; all stored ones after 0.

    A client that does not want messages is told 0, so that all come once it does.
    """
    refs = wanted.refs("message")
    if refs is not None and not refs:
        return Changes(last=0)
    changes = Changes(last=since)
    changes.collect(db.table("message"), refs, since)
    return changes


def valid_ref_counts(db: Database) -> dict[str, int]:
    """How many objects each table holds, by lower-case name; messages live elsewhere."""
    return {name.lower(): len(table.rows) for name, table in db.tables.items() if table.cls.in_db}


def _check(call: Call) -> None:
    session = call.session
    if session is None or not session.alive:
        raise Failure("SESSION_INVALID", session.ref if session else "")
    if call.host.faults.take_events_lost(session.ref):
        raise Failure("EVENTS_LOST")


def _duration(timeout: float) -> float:
    """The time-out as xapi takes it: what it cannot represent becomes a day."""
    return timeout if math.isfinite(timeout) and 0 <= timeout < 1e9 else LONGEST_S


@method("event.from")
async def event_from(call: Call, classes: list[str], token: str, timeout: float) -> dict[str, Any]:
    since = parse_token(token)
    wanted = Subscription.parse(classes)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _duration(timeout)
    db = call.db
    _check(call)
    if not wanted.tasks_only:
        await asyncio.sleep(BATCH_S)
    generation = since.generation
    while True:
        _check(call)
        changes = collect(db, wanted, generation)
        messages = collect_messages(db, wanted, since.messages)
        left = deadline - loop.time()
        if changes or messages or left <= 0:
            return {
                "events": messages.events(db, numbered=False) + changes.events(db),
                "valid_ref_counts": valid_ref_counts(db),
                "token": str(Token(changes.last, messages.last)),
            }
        generation = changes.last
        written = await db.next_write(left)
        if written:
            await asyncio.sleep(BATCH_S)


@method("event.inject")
def event_inject(call: Call, cls: str, ref: str) -> str:
    db = call.db
    if cls not in db.tables or not db.exists(cls, ref) or cls == "message":
        raise Failure("HANDLE_INVALID", cls, ref)
    token = Token(db.generation, 0)
    db.touch(cls, ref)
    return str(token)


# The calls before event.from


@dataclass
class Queue:
    """What a session registered for, and how far it has read."""

    wanted: set[str]
    since: Token


@method("event.get_current_id")
def event_get_current_id(call: Call) -> int:
    return call.db.generation


@method("event.register")
def event_register(call: Call, classes: list[str]) -> None:
    session = call.session
    assert session is not None
    if session.queue is None:
        since = Token(call.db.generation, call.db.message_generation)
        session.queue = Queue(set(), since)
    session.queue.wanted.update(classes)


@method("event.unregister")
def event_unregister(call: Call, classes: list[str]) -> None:
    assert call.session is not None
    if call.session.queue is not None:
        call.session.queue.wanted.difference_update(classes)


@method("event.next")
async def event_next(call: Call) -> list[dict[str, Any]]:
    session = call.session
    assert session is not None
    queue = session.queue
    if not isinstance(queue, Queue):
        raise Failure("SESSION_NOT_REGISTERED", session.ref)
    while True:
        _check(call)
        wanted = Subscription.parse(sorted(queue.wanted))
        changes = collect(call.db, wanted, queue.since.generation)
        messages = collect_messages(call.db, wanted, queue.since.messages)
        queue.since = Token(changes.last, messages.last or queue.since.messages)
        if changes or messages:
            events = messages.events(call.db, numbered=False) + changes.events(call.db)
            return [{**event, "obj_uuid": ""} for event in events]
        await call.db.next_write(LONGEST_S)
