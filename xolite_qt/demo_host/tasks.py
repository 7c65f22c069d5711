"""Tasks: what runs behind an `Async.` call, and the records that show it.

Source: `xapi.md` 1.7.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .datamodel import NULL_REF, Type
from .registry import Call, Failure, method
from .values import datetime_s, xml_value

if TYPE_CHECKING:
    from .host import DemoHost

STEP_S = 0.25
FINISHED_KEPT_S = 65 * 60.0
PENDING_KEPT_S = 24 * 3600.0
DONE = ("success", "failure", "cancelled")


class TaskHandle:
    """The running side of a call: progress, and the wish to cancel.

    A synchronous call has one too; it has no record, and its `ref` is a dummy.

    Attributes:
        ref: of the task record, or `DummyRef:|uuid|name`.
        recorded: whether a record exists.
    """

    def __init__(self, host: DemoHost, ref: str, *, recorded: bool) -> None:
        self._host = host
        self.ref = ref
        self.recorded = recorded
        self._cancel = asyncio.Event()

    @property
    def cancelled(self) -> bool:
        return self._cancel.is_set()

    def cancel(self) -> None:
        """Ask the work to stop; `work` raises TASK_CANCELLED in it."""
        self._cancel.set()

    def check(self) -> None:
        """Raises: Failure: TASK_CANCELLED [task], when somebody asked for it."""
        if self.cancelled:
            raise Failure("TASK_CANCELLED", self.ref)

    def set_cancellable(self, cancellable: bool) -> None:
        self._write(allowed_operations=["cancel"] if cancellable else [])

    def progress(self, value: float) -> None:
        """Show progress, 0 to 1."""
        self._write(progress=min(max(value, 0.0), 1.0))

    async def work(self, seconds: float, *, upto: float | None = None) -> None:
        """Take time, move the progress, and stop when cancelled.

        Args:
            seconds: of a real host; scaled by `host.speed`.
            upto: progress at the end; by default nine tenths of what is left.

        Raises:
            Failure: TASK_CANCELLED [task].
        """
        self.check()
        start = self._progress()
        end = start + (1.0 - start) * 0.9 if upto is None else upto
        total = seconds * self._host.speed
        if self.recorded and "cancel" not in self._record().get("allowed_operations", []):
            self.set_cancellable(True)
        loop = asyncio.get_running_loop()
        began = loop.time()
        step = max(STEP_S * min(self._host.speed, 1.0), 0.02)
        while (left := began + total - loop.time()) > 0:
            try:
                async with asyncio.timeout(min(step, left)):
                    await self._cancel.wait()
            except TimeoutError:
                part = min((loop.time() - began) / total, 1.0)
                self.progress(start + (end - start) * part)
            self.check()
        self.progress(end)

    def _record(self) -> dict[str, Any]:
        db = self._host.db
        return db.get("task", self.ref) if db.exists("task", self.ref) else {}

    def _progress(self) -> float:
        return float(self._record().get("progress", 0.0))

    def _write(self, **fields: Any) -> None:
        if self.recorded and self._host.db.exists("task", self.ref):
            self._host.db.set("task", self.ref, **fields)


class Tasks:
    """All tasks of a host."""

    def __init__(self, host: DemoHost) -> None:
        self._host = host
        self._running: dict[str, TaskHandle] = {}

    def create(self, name: str, description: str = "", **fields: Any) -> str:
        """A pending task record.

        Returns:
            Its reference.
        """
        host = self._host
        return host.db.create(
            "task",
            {
                "name_label": name,
                "name_description": description,
                "created": host.clock.iso(),
                "status": "pending",
                "resident_on": host.this_host,
                "progress": 0.0,
                "type": "<none/>",
                "backtrace": "()",
                **fields,
            },
        )

    def open(self, name: str) -> TaskHandle:
        """A handle with a record, for an `Async.` call or for work of the host itself."""
        ref = self.create(name)
        handle = self._running[ref] = TaskHandle(self._host, ref, recorded=True)
        return handle

    def take_over(self, ref: str) -> TaskHandle:
        """A handle for a task that a client made, for the transfer that it named it for.

        Raises:
            Failure: HANDLE_INVALID.
        """
        self._host.db.get("task", ref)
        handle = self._running[ref] = TaskHandle(self._host, ref, recorded=True)
        return handle

    def quiet(self, name: str) -> TaskHandle:
        """The handle of a synchronous call."""
        ref = f"DummyRef:|{self._host.db.new_uuid()}|{name}"
        return TaskHandle(self._host, ref, recorded=False)

    def handle(self, ref: str) -> TaskHandle | None:
        """The running handle of a task, or None when nobody works on it here."""
        return self._running.get(ref)

    def succeed(self, ref: str, value: Any = None, kind: Type | None = None) -> None:
        """End with success; the result is an XML-RPC fragment, even for JSON clients."""
        result = xml_value(value, kind or Type("string")) if kind is not None else ""
        self._finish(ref, status="success", result=result)

    def fail(self, ref: str, failure: Failure) -> None:
        """End with an error; TASK_CANCELLED makes it `cancelled`."""
        cancelled = failure.code == "TASK_CANCELLED"
        self._finish(
            ref,
            status="cancelled" if cancelled else "failure",
            error_info=failure.description,
        )

    def _finish(self, ref: str, **fields: Any) -> None:
        self._running.pop(ref, None)
        db = self._host.db
        if not db.exists("task", ref):
            return
        if "destroy" in db.get("task", ref).get("current_operations", {}).values():
            db.destroy("task", ref)
            return
        db.set(
            "task",
            ref,
            progress=1.0,
            finished=self._host.clock.iso(),
            allowed_operations=[],
            **fields,
        )

    def destroy(self, ref: str) -> None:
        """Remove a finished task at once, a pending one as soon as it ends."""
        db = self._host.db
        record = db.get("task", ref)
        if record["status"] in DONE or ref not in self._running:
            db.destroy("task", ref)
            return
        db.set("task", ref, current_operations={**record["current_operations"], ref: "destroy"})

    def cancel(self, ref: str) -> None:
        """Ask a task to stop.

        Raises:
            Failure: OPERATION_NOT_ALLOWED [reason], the task does not allow it now.
        """
        record = self._host.db.get("task", ref)
        if record["status"] in DONE:
            return
        if "cancel" not in record["allowed_operations"]:
            raise Failure("OPERATION_NOT_ALLOWED", f"Task {ref} cannot be cancelled")
        handle = self._running.get(ref)
        self._host.db.set("task", ref, status="cancelling", allowed_operations=[])
        if handle is None:
            self.fail(ref, Failure("TASK_CANCELLED", ref))
        else:
            handle.cancel()

    def cancel_all(self) -> None:
        """Let go of everything that runs, as when the toolstack restarts."""
        for handle in list(self._running.values()):
            handle.cancel()

    def reap(self) -> int:
        """Remove tasks that are done for 65 minutes or pending for a day.

        Returns:
            How many went.
        """
        now = self._host.clock.time_s()
        gone = 0
        for ref, record in self._host.db.records("task").items():
            done = record["status"] in DONE
            since = record["finished"] if done else record["created"]
            limit = FINISHED_KEPT_S if done else PENDING_KEPT_S
            if ref not in self._running and now - datetime_s(since) > limit:
                self._host.db.destroy("task", ref)
                gone += 1
        return gone


@method("task.create")
def task_create(call: Call, label: str, description: str) -> str:
    return call.host.tasks.create(label, description)


@method("task.destroy")
def task_destroy(call: Call, task: str) -> None:
    call.host.tasks.destroy(task)


@method("task.cancel")
def task_cancel(call: Call, task: str) -> None:
    call.host.tasks.cancel(task)


@method("task.set_progress")
def task_set_progress(call: Call, task: str, value: float) -> None:
    call.db.set("task", task, progress=value)


@method("task.set_status")
def task_set_status(call: Call, task: str, value: str) -> None:
    fields: dict[str, Any] = {"status": value}
    if value in DONE:
        fields["finished"] = call.host.clock.iso()
    call.db.set("task", task, **fields)


@method("task.set_resident_on")
def task_set_resident_on(call: Call, task: str, value: str) -> None:
    call.db.set("task", task, resident_on=value or NULL_REF)
