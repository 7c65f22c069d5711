"""Messages of the host, and the alarms among them: nothing of either is read until asked for.

Source: xapi.md 1.6 (replay), 1.9; xo-lite.md 4.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from xolite_qt.stores.change import Change
from xolite_qt.stores.derived import DerivedStore
from xolite_qt.stores.task_owner import OwnedTasks
from xolite_qt.stores.xen_api_store import XenApiStore
from xolite_qt.xen_api import (
    Alarm,
    HandleInvalid,
    Message,
    MethodUnknown,
    XapiError,
    XenApi,
    parse_alarm,
)

SLICE_S = 0.008
"""Alarms are parsed for at most this long at a stretch: half a frame."""
_LOOK_AT_CLOCK = 64

_NEVER = datetime.fromtimestamp(0, UTC)


class MessageStore(XenApiStore[Message]):
    """All stored messages.

    They are not fetched: a host sends all of them as events to whoever begins to follow messages,
    so a fetch would read them twice.
    """

    def __init__(
        self, api: XenApi, tasks: OwnedTasks, *, name: str = "message", linger_s: float = 1.0
    ) -> None:
        super().__init__(api, tasks, "message", name=name, linger_s=linger_s)
        self._gap = False

    def _on_reset(self) -> None:
        self._gap = True
        super()._on_reset()

    def _forget_news(self) -> None:
        # There is only one replay: what came of it is all that the next attempt has.
        pass

    async def _fetch(self) -> dict[str, Message]:
        # After a gap the replay is the whole truth; without one, what is known still holds.
        kept = {} if self._gap else dict(self._rows)
        self._gap = False
        return kept


class AlarmRow(msgspec.Struct, frozen=True, gc=False):
    """One alarm, read.

    Attributes:
        ref: of the message.
        message: as the host stored it; `cls` and `obj_uuid` say what it is about.
        alarm: what it says, with true units.
        at: when it was raised; 1970 where the host's date cannot be read.
    """

    ref: str
    message: Message
    alarm: Alarm
    at: datetime

    @property
    def uuid(self) -> str:
        """The message's."""
        return self.message.uuid

    @property
    def cls(self) -> str:
        """Class of the object that it is about, in the case of messages: VM, Host, SR, Pool."""
        return self.message.cls

    @property
    def obj_uuid(self) -> str:
        """Uuid of the object that it is about."""
        return self.message.obj_uuid

    @property
    def key(self) -> str:
        """The same for repeats: what it is about and what kind it is."""
        return f"{self.message.obj_uuid}/{self.alarm.kind}"


class AlarmGroup(msgspec.Struct, frozen=True, gc=False):
    """Repeats of one alarm: same object, same kind.

    Attributes:
        ref: object and kind; lasting.
        rows: the repeats, newest first; never empty.
    """

    ref: str
    rows: tuple[AlarmRow, ...]

    @property
    def uuid(self) -> str:
        """None of its own."""
        return self.ref

    @property
    def newest(self) -> AlarmRow:
        """The last repeat."""
        return self.rows[0]

    @property
    def count(self) -> int:
        """Number of repeats."""
        return len(self.rows)

    @property
    def at(self) -> datetime:
        """When it was last raised."""
        return self.rows[0].at

    @property
    def cls(self) -> str:
        """Class of the object."""
        return self.rows[0].cls

    @property
    def obj_uuid(self) -> str:
        """Uuid of the object."""
        return self.rows[0].obj_uuid


class AlarmStore(DerivedStore[AlarmRow]):
    """Alarms among the messages, by reference of the message. Subscribe with `defer=True`.

    Reading 10,000 of them takes a good while, so it is done in slices; one change tells them all.
    """

    def __init__(
        self,
        api: XenApi,
        messages: MessageStore,
        *,
        every: bool = False,
        linger_s: float = 1.0,
    ) -> None:
        """A store that reads nothing yet.

        Args:
            api: the connection.
            messages: where they are among.
            every: messages of every kind, not alarms alone; `Alarm.kind` is the message's name
                then, where it is no alarm.
            linger_s: seconds that it outlives its last subscription.
        """
        super().__init__("notices" if every else "alarms", (messages,), linger_s=linger_s)
        self._every = every
        self._api = api
        self._messages = messages
        self._unread: dict[str, Message] = {}
        self._gone: set[str] = set()
        self._read: dict[str, AlarmRow] = {}
        self._slice: asyncio.Handle | None = None
        self._objects: dict[str, set[str]] = {}
        self._object_of: dict[str, str] = {}

    # ------------------------------------------------------------------ for views

    def about(self, obj_uuids: Iterable[str]) -> tuple[AlarmRow, ...]:
        """Alarms on some objects (a VM and its disks, say), newest first."""
        found = {ref for uuid in obj_uuids for ref in self._objects.get(uuid, ())}
        return newest_first(self._rows[ref] for ref in found)

    def of_class(self, cls: str) -> tuple[AlarmRow, ...]:
        """Alarms on objects of a class (VM, Host, SR, Pool; any case), newest first."""
        wanted = cls.lower()
        return newest_first(row for row in self._rows.values() if row.cls.lower() == wanted)

    async def dismiss(self, refs: Iterable[str]) -> None:
        """Removes alarms from the host, for everybody; their rows go with the host's events.

        One that is gone already counts as removed.

        Raises:
            XenApiError: the host refused or is away; some may be removed already.
        """
        wanted = list(dict.fromkeys(refs))
        if len(wanted) > 1:
            try:
                await self._api.call("message.destroy_many", wanted)
            except (MethodUnknown, HandleInvalid):
                # An older host, or one of them gone: one at a time.
                pass
            except XapiError as error:
                if error.code != "INTERNAL_ERROR":
                    raise
            else:
                return
        for ref in wanted:
            try:
                await self._api.call("message.destroy", ref)
            except HandleInvalid:
                continue

    # ------------------------------------------------------------------ changes

    def _on_source_change(self, at: int, change: Change[Any]) -> None:
        for ref in change.removed:
            self._unread.pop(ref, None)
            self._read.pop(ref, None)
            self._gone.add(ref)
        for message in (*change.added, *change.changed):
            if self._every or message.name == "ALARM":
                self._unread[message.ref] = message
                self._gone.discard(message.ref)
                continue
            self._unread.pop(message.ref, None)
            self._read.pop(message.ref, None)
            if message.ref in self._rows:
                self._gone.add(message.ref)

    def _rebuild(self) -> None:
        self._unread = {
            ref: message
            for ref, message in self._messages.records.items()
            if self._every or message.name == "ALARM"
        }
        self._refresh()

    def _refresh(self) -> None:
        if self._slice is None and (self._unread or self._gone):
            self._read_slice()

    def _read_slice(self) -> None:
        self._slice = None
        until = time.perf_counter() + SLICE_S
        unread, read = self._unread, self._read
        for turn, ref in enumerate(tuple(unread)):
            message = unread.pop(ref)
            alarm = parse_alarm(message)
            if message.name != "ALARM":
                alarm = replace(alarm, kind=message.name)
            read[ref] = AlarmRow(ref, message, alarm, alarm.at or _NEVER)
            if turn % _LOOK_AT_CLOCK == 0 and time.perf_counter() > until and unread:
                self._slice = asyncio.get_running_loop().call_soon(self._read_slice)
                return
        gone, self._gone = self._gone, set()
        self._read = {}
        self._apply(read, gone)
        self._settle()

    def _settle(self) -> None:
        # Ready only when all are read.
        if self._slice is None:
            super()._settle()

    def _index(self, change: Change[AlarmRow]) -> None:
        super()._index(change)
        for ref in change.removed:
            self._objects[self._object_of.pop(ref)].discard(ref)
        for row in (*change.added, *change.changed):
            if (before := self._object_of.get(row.ref)) is not None:
                self._objects[before].discard(row.ref)
            self._object_of[row.ref] = row.obj_uuid
            self._objects.setdefault(row.obj_uuid, set()).add(row.ref)

    def _forget(self) -> None:
        if self._slice is not None:
            self._slice.cancel()
            self._slice = None
        self._unread.clear()
        self._read = {}
        self._gone.clear()
        self._objects.clear()
        self._object_of.clear()


class AlarmGroupStore(DerivedStore[AlarmGroup]):
    """Alarms with their repeats folded together. Subscribe with `defer=True`."""

    def __init__(
        self, alarms: AlarmStore, *, name: str = "alarm_groups", linger_s: float = 1.0
    ) -> None:
        super().__init__(name, (alarms,), linger_s=linger_s)
        self._alarms = alarms
        self._members: dict[str, dict[str, AlarmRow]] = {}
        self._key_of: dict[str, str] = {}
        self._dirty: set[str] = set()

    def _on_source_change(self, at: int, change: Change[Any]) -> None:
        for ref in change.removed:
            self._take_out(ref)
        for row in (*change.added, *change.changed):
            self._put_in(row)

    def _rebuild(self) -> None:
        self._forget()
        for row in self._alarms.records.values():
            self._put_in(row)
        self._refresh()

    def _refresh(self) -> None:
        dirty, self._dirty = self._dirty, set()
        rows: dict[str, AlarmGroup] = {}
        gone: list[str] = []
        for key in dirty:
            if members := self._members.get(key):
                rows[key] = AlarmGroup(key, newest_first(members.values()))
            else:
                self._members.pop(key, None)
                gone.append(key)
        self._apply(rows, gone)

    def _put_in(self, row: AlarmRow) -> None:
        key = row.key
        if self._key_of.get(row.ref, key) != key:
            self._take_out(row.ref)
        self._key_of[row.ref] = key
        self._members.setdefault(key, {})[row.ref] = row
        self._dirty.add(key)

    def _take_out(self, ref: str) -> None:
        key = self._key_of.pop(ref, None)
        if key is not None:
            self._members[key].pop(ref, None)
            self._dirty.add(key)

    def _same(self, old: AlarmGroup, new: AlarmGroup) -> bool:
        return old.rows == new.rows

    def _forget(self) -> None:
        self._members.clear()
        self._key_of.clear()
        self._dirty.clear()


def newest_first(rows: Iterable[AlarmRow]) -> tuple[AlarmRow, ...]:
    """Alarms sorted by date, the newest first; equal dates by reference, so the order lasts."""
    return tuple(sorted(rows, key=lambda row: (row.at, row.ref), reverse=True))


def fold(rows: Iterable[AlarmRow]) -> Iterator[AlarmGroup]:
    """Alarms with their repeats folded together, the newest group first."""
    members: dict[str, list[AlarmRow]] = {}
    for row in newest_first(rows):
        members.setdefault(row.key, []).append(row)
    for key, found in members.items():
        yield AlarmGroup(key, tuple(found))
