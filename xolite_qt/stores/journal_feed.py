"""Keeps what the window sees in the journal: no class is listened to for it, nothing is asked.

The tree holds VMs and hosts, the task drawer tasks, the bell messages: the feed looks over their
shoulders. What it needs more, the page of a time line brings.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from xolite_qt.journal import Entry, Journal, JournalError, Kind
from xolite_qt.stores.base import Store, Subscription
from xolite_qt.stores.change import Change
from xolite_qt.stores.messages import AlarmRow
from xolite_qt.stores.rows import is_pending
from xolite_qt.xen_api import VM, Host, Message, Task, parse_alarm, to_datetime

if TYPE_CHECKING:
    from xolite_qt.stores.backup_rows import RunRow
    from xolite_qt.stores.stores import Stores

_MOST_SUBJECTS = 2000
_PRUNE_S = 6 * 3600.0
_SEVERITY = {"critical": 3, "error": 3, "warning": 2, "info": 0}
_CLASSES = {"vm": "VM", "host": "host", "sr": "SR", "pool": "pool"}

Fields = Mapping[str, tuple[str, Callable[[Any], str]]]
"""By attribute: what it is called, and its value in words."""


def _mib(number: int) -> str:
    return f"{number / (1 << 20):,.0f} MiB"


def _list(items: Iterable[str]) -> str:
    return ", ".join(sorted(items)) or "none"


_VM_EDITS: Fields = {
    "name_label": ("Name", str),
    "name_description": ("Description", str),
    "tags": ("Tags", _list),
    "vcpus_max": ("vCPUs at most", str),
    "vcpus_at_startup": ("vCPUs at start", str),
    "memory_static_max": ("Static RAM", _mib),
    "memory_dynamic_max": ("Dynamic RAM", _mib),
    "ha_restart_priority": ("High availability", lambda value: value or "off"),
    "blocked_operations": ("Protection", lambda value: _list(value)),
    "hvm_boot_params": ("Boot", lambda value: ", ".join(f"{k}={v}" for k, v in value.items())),
}
_HOST_EDITS: Fields = {
    "name_label": ("Name", str),
    "name_description": ("Description", str),
    "tags": ("Tags", _list),
    "enabled": ("Enabled", lambda value: "yes" if value else "no, in maintenance"),
    "address": ("Address", str),
}
_STATES = {
    "Running": "Runs",
    "Halted": "Was halted",
    "Paused": "Was paused",
    "Suspended": "Was suspended",
}


def edits(before: Any, after: Any, fields: Fields) -> list[tuple[str, str]]:
    """What differs between two records of one object: (title, detail) of each field."""
    found = []
    for attribute, (name, words) in fields.items():
        old, new = getattr(before, attribute), getattr(after, attribute)
        if old != new:
            found.append((f"{name} changed", f"{words(old)} → {words(new)}"))
    return found


class JournalFeed:
    """Writes what comes by into the journal, from `start` to `stop`.

    Args:
        stores: of the connection.
        journal: where to.
        keep_days: how long entries are kept; asked at the start. 0 keeps nothing.
    """

    def __init__(self, stores: Stores, journal: Journal, keep_days: Callable[[], int]) -> None:
        self._stores = stores
        self.journal = journal
        self._keep_days = keep_days
        self._known: dict[str, Any] = {}
        self._holds: list[Subscription[Any]] = []
        self._waiting: list[Entry] = []
        self._writer: asyncio.Task[None] | None = None
        self._listeners: list[Callable[[], object]] = []
        # Which object a task works on: only the object tells, and only while it goes on.
        self._subjects: dict[str, tuple[str, str]] = {}
        self._pruning: asyncio.Task[None] | None = None
        self._pruned_s = 0.0
        # Other windows on the same pool see the same changes.
        self._origin = uuid.uuid4().hex[:12]
        self.trouble = ""

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Begins. Each of these stores is held by a part of the window already."""
        if self._holds:
            return
        stores = self._stores
        self._holds = [
            stores.vm.subscribe(self._watcher(stores.vm, self._vm_edits)),
            stores.host.subscribe(self._watcher(stores.host, self._host_edits)),
            stores.task.subscribe(self._tasks),
            stores.news.subscribe(self._news),
        ]
        for store in (stores.vm, stores.host):
            self._known.update(store.records)
            for record in store.records.values():
                self._note_tasks(record)
        self._prune()

    def stop(self) -> None:
        """Looks no more."""
        holds, self._holds = self._holds, []
        for hold in holds:
            hold.close()

    async def close(self) -> None:
        """Ends, once what waits is written."""
        self.stop()
        if self._writer is not None:
            await self._writer
        # Writing may have begun to forget.
        if self._pruning is not None:
            await self._pruning
        await asyncio.to_thread(self.journal.close)

    def on_news(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Calls `listener` after entries were written; the answer ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @property
    def pool(self) -> str:
        """Uuid of the pool; "" while it is not known."""
        pool = self._stores.the_pool()
        return pool.uuid if pool is not None else ""

    # ------------------------------------------------------------------ what comes by

    def _watcher(
        self, store: Store[Any], told: Callable[[Any, Any], Iterable[Entry]]
    ) -> Callable[[Change[Any]], None]:
        def changed(change: Change[Any]) -> None:
            entries: list[Entry] = []
            for record in (*change.added, *change.changed):
                self._note_tasks(record)
            for record in change.changed:
                before = self._known.get(record.ref)
                if before is not None:
                    entries.extend(told(before, record))
                self._known[record.ref] = record
            for record in change.added:
                self._known[record.ref] = record
            for ref in change.removed:
                self._known.pop(ref, None)
            self.keep(entries)

        return changed

    def _note_tasks(self, record: Any) -> None:
        cls = "VM" if isinstance(record, VM) else "host"
        for task in record.current_operations:
            self._subjects[task] = (cls, record.uuid)
        while len(self._subjects) > _MOST_SUBJECTS:
            del self._subjects[next(iter(self._subjects))]

    def _note_runs(self) -> None:
        """What was started here may end before its object names it."""
        for run in self._stores.api.runs:
            first = run.params[0] if run.params else None
            record = self._known.get(first) if isinstance(first, str) else None
            if run.task_ref is not None and record is not None:
                cls = "VM" if isinstance(record, VM) else "host"
                self._subjects[run.task_ref] = (cls, record.uuid)

    def subject_of(self, task: str) -> str:
        """Uuid of the VM or host that a task works or worked on; "" where that is not known."""
        found = self._subjects.get(task)
        return found[1] if found is not None else ""

    def _vm_edits(self, before: VM, after: VM) -> list[Entry]:
        found = self._edits(before, after, "VM", _VM_EDITS)
        if before.power_state != after.power_state:
            title = _STATES.get(after.power_state, str(after.power_state))
            found.append(self._entry("VM", after.uuid, Kind.EVENT, title))
        if before.resident_on != after.resident_on and before.power_state == after.power_state:
            host = self._stores.host.get(after.resident_on)
            name = host.name_label if host is not None else "another host"
            found.append(self._entry("VM", after.uuid, Kind.EVENT, f"Moved to {name}"))
        return found

    def _host_edits(self, before: Host, after: Host) -> list[Entry]:
        return self._edits(before, after, "host", _HOST_EDITS)

    def _edits(self, before: Any, after: Any, cls: str, fields: Fields) -> list[Entry]:
        return [
            self._entry(cls, after.uuid, Kind.EDIT, title, detail)
            for title, detail in edits(before, after, fields)
        ]

    def _entry(self, cls: str, obj: str, kind: Kind, title: str, detail: str = "") -> Entry:
        at_s = datetime.now(UTC).timestamp()
        key = f"{self._origin}/{kind.value}/{obj}/{at_s:.3f}/{title}"
        return Entry(key, at_s, self.pool, cls, obj, kind, title, detail, 0, self._origin)

    def _tasks(self, change: Change[Task]) -> None:
        entries = []
        self._note_runs()
        for task in (*change.added, *change.changed):
            obj = self._subjects.get(task.ref)
            if obj is not None and not is_pending(task):
                entries.append(_task_entry(task, self.pool, *obj))
        self.keep(entries)

    def _news(self, change: Change[AlarmRow]) -> None:
        self.keep([message_entry(row.message, self.pool) for row in change.added])

    # ------------------------------------------------------------------ writing

    def keep(self, entries: Iterable[Entry]) -> None:
        """Writes entries soon, in a thread; known ones stay as they are."""
        days = self._keep_days()
        # A host keeps its messages for years; what is to be forgotten at once is not written.
        after_s = time.time() - days * 86400.0
        found = [e for e in entries if e.pool and e.obj and e.at_s >= after_s]
        if not found or not days:
            return
        self._waiting.extend(found)
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write(), name="journal")

    async def _write(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                try:
                    fresh = await asyncio.to_thread(self.journal.add, batch)
                except JournalError as error:
                    # The time line says so; nothing else depends on it.
                    self.trouble = str(error)
                    return
                self.trouble = self.journal.trouble
                self._prune_daily()
                if fresh:
                    for listener in tuple(self._listeners):
                        listener()
        finally:
            self._writer = None

    def _prune_daily(self) -> None:
        """A window may stay open for months."""
        if time.monotonic() - self._pruned_s > _PRUNE_S and (
            self._pruning is None or self._pruning.done()
        ):
            self._prune()

    def _prune(self) -> None:
        self._pruned_s = time.monotonic()

        async def prune() -> None:
            try:
                await asyncio.to_thread(self.journal.prune, self._keep_days())
            except JournalError as error:
                self.trouble = str(error)

        self._pruning = asyncio.get_running_loop().create_task(prune(), name="prune journal")


def _task_entry(task: Task, pool: str, cls: str, obj: str) -> Entry:
    at = to_datetime(task.created)
    failed = task.status == "failure"
    detail = " ".join(task.error_info) if failed else ""
    return Entry(
        f"task/{task.uuid}",
        at.timestamp() if at is not None else 0.0,
        pool,
        cls,
        obj,
        Kind.TASK,
        f"{task.name_label}{': failed' if failed else ''}",
        detail,
        3 if failed else 0,
    )


def message_entry(message: Message, pool: str) -> Entry:
    """A stored message as an entry; alarms are a kind of their own."""
    at = to_datetime(message.timestamp)
    is_alarm = message.name == "ALARM"
    alarm = parse_alarm(message)
    title = alarm.kind if is_alarm else message.name
    return Entry(
        f"message/{message.uuid}",
        at.timestamp() if at is not None else 0.0,
        pool,
        _CLASSES.get(message.cls.lower(), message.cls),
        message.obj_uuid,
        Kind.ALARM if is_alarm else Kind.EVENT,
        title,
        message.body.strip(),
        _SEVERITY[alarm.severity.value],
    )


def snapshot_entry(snapshot: VM, of: VM, pool: str) -> Entry:
    """A snapshot that there is."""
    at = to_datetime(snapshot.snapshot_time)
    return Entry(
        f"snapshot/{snapshot.uuid}",
        at.timestamp() if at is not None else 0.0,
        pool,
        "VM",
        of.uuid,
        Kind.SNAPSHOT,
        f"Snapshot {snapshot.name_label}",
        snapshot.name_description,
    )


def run_entry(run: RunRow, vm: VM, pool: str) -> Entry | None:
    """A backup run that a VM took part in; None while it goes on."""
    if run.outcome is None:
        return None
    bad = run.outcome in ("failure", "interrupted")
    return Entry(
        f"backup/{run.ref}/{vm.uuid}",
        run.at_s,
        pool,
        "VM",
        vm.uuid,
        Kind.BACKUP,
        f"{run.spec.title}: {run.outcome}",
        run.error,
        3 if bad else 2 if run.outcome == "warning" else 0,
    )
