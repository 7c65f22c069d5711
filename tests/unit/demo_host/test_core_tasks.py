"""Async calls and their task records."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from xolite_qt.demo_host import Failure
from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.registry import METHODS, Call, Registered
from xolite_qt.demo_host.values import wire_datetime


def behave(monkeypatch: pytest.MonkeyPatch, name: str, function: Any) -> None:
    monkeypatch.setitem(METHODS, name, Registered(function, check_refs=True))


async def finished(caller: Any, ref: str) -> dict[str, Any]:
    async with asyncio.timeout(5):
        while True:
            record = await caller("task.get_record", ref)
            if record["status"] in ("success", "failure", "cancelled"):
                return dict(record)
            await asyncio.sleep(0.01)


async def test_success(caller: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    vm = caller.db.refs("VM")[0]
    progress: list[float] = []

    async def clone(call: Call, ref: str, name: str) -> str:
        assert call.task is not None
        await call.task.work(30)
        progress.append(call.db.get("task", call.task.ref)["progress"])
        return call.db.create("VM", name_label=name)

    behave(monkeypatch, "VM.clone", clone)
    task = await caller("Async.VM.clone", vm, "copy & more")
    assert (await caller("task.get_record", task))["status"] == "pending"
    record = await finished(caller, task)
    made = (await caller("VM.get_by_name_label", "copy & more"))[0]
    assert record["name_label"] == "Async.VM.clone"
    assert record["status"] == "success"
    assert record["result"] == f"<value>{made}</value>"
    assert record["progress"] == 1.0
    assert record["finished"] >= record["created"] > "2020"
    assert record["resident_on"] == caller.db.refs("host")[0]
    assert record["allowed_operations"] == []
    assert 0.5 < progress[0] < 1.0


async def test_failure(caller: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(call: Call, vm: str, paused: bool, force: bool) -> None:
        raise Failure("VM_BAD_POWER_STATE", vm, "halted", "running")

    behave(monkeypatch, "VM.start", start)
    vm = caller.db.refs("VM")[0]
    record = await finished(caller, await caller("Async.VM.start", vm, False, False))
    assert record["status"] == "failure"
    assert record["error_info"] == ["VM_BAD_POWER_STATE", vm, "halted", "running"]
    assert record["progress"] == 1.0
    assert record["result"] == ""
    with pytest.raises(Failure):
        await caller("VM.start", vm, False, False)


async def test_errors_before_dispatch_are_immediate(caller: Any) -> None:
    tasks = len(caller.db.refs("task"))
    with pytest.raises(Failure) as caught:
        await caller("Async.VM.start", "x")
    assert caught.value.code == "MESSAGE_PARAMETER_COUNT_MISMATCH"
    assert len(caller.db.refs("task")) == tasks


async def test_cancel(caller: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def start(call: Call, vm: str, paused: bool, force: bool) -> None:
        assert call.task is not None
        with call.host.operation(call.task.ref, "VM", vm, "start"):
            await call.task.work(100_000)

    behave(monkeypatch, "VM.start", start)
    vm = caller.db.refs("VM")[0]
    task = await caller("Async.VM.start", vm, False, False)
    await asyncio.sleep(0.05)
    assert await caller("VM.get_current_operations", vm) == {task: "start"}
    assert await caller("task.get_allowed_operations", task) == ["cancel"]
    await caller("task.cancel", task)
    record = await finished(caller, task)
    assert record["status"] == "cancelled"
    assert record["error_info"] == ["TASK_CANCELLED", task]
    assert await caller("VM.get_current_operations", vm) == {}


async def test_allowed_operations_are_recomputed_at_both_ends(
    caller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []

    def allowed(host: Any, ref: str) -> list[str]:
        busy = host.db.get("VM", ref)["current_operations"]
        seen.append(sorted(busy.values()))
        return [] if busy else ["start"]

    caller.host.allowed_operations_hook("VM", allowed)
    vm = caller.db.refs("VM")[0]
    with caller.host.operation("OpaqueRef:t", "VM", vm, "start"):
        assert await caller("VM.get_allowed_operations", vm) == []
    assert await caller("VM.get_allowed_operations", vm) == ["start"]
    assert seen == [["start"], []]


async def test_a_task_that_cannot_be_cancelled(caller: Any) -> None:
    task = await caller("task.create", "mine", "")
    with pytest.raises(Failure) as caught:
        await caller("task.cancel", task)
    assert caught.value.code == "OPERATION_NOT_ALLOWED"


async def test_tasks_of_clients(caller: Any) -> None:
    task = await caller("task.create", "mine", "what it does")
    await caller("task.set_progress", task, 0.5)
    record = await caller("task.get_record", task)
    assert (record["status"], record["progress"]) == ("pending", 0.5)
    await caller("task.add_to_other_config", task, "applies_to", "x")
    await caller("task.set_status", task, "success")
    assert (await caller("task.get_finished", task)) > "2020"
    await caller("task.destroy", task)
    assert await caller("task.get_all") == []


async def test_a_pending_task_vanishes_when_it_ends(
    caller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def start(call: Call, vm: str, paused: bool, force: bool) -> None:
        assert call.task is not None
        await call.task.work(10)

    behave(monkeypatch, "VM.start", start)
    task = await caller("Async.VM.start", caller.db.refs("VM")[0], False, False)
    await caller("task.destroy", task)
    assert "destroy" in (await caller("task.get_current_operations", task)).values()
    async with asyncio.timeout(5):
        while await caller("task.get_all"):
            await caller.db.next_write(5)


@pytest.mark.logs_warnings
async def test_what_breaks_in_a_task_ends_in_its_record(
    caller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(call: Call, vm: str, paused: bool, force: bool) -> None:
        raise ZeroDivisionError("oh")

    behave(monkeypatch, "VM.start", start)
    task = await caller("Async.VM.start", caller.db.refs("VM")[0], False, False)
    record = await finished(caller, task)
    assert record["error_info"][0] == "INTERNAL_ERROR"


async def test_reaping(caller: Any) -> None:
    host = caller.host
    now = host.clock.time_s()
    done = host.tasks.create("done", status="success", finished=wire_datetime(now - 66 * 60))
    recent = host.tasks.create("recent", status="failure", finished=wire_datetime(now - 64 * 60))
    old = host.tasks.create("old", created=wire_datetime(now - 25 * 3600))
    assert host.tasks.reap() == 2
    assert host.db.refs("task") == [recent]
    assert not host.db.exists("task", done)
    assert not host.db.exists("task", old)


async def test_subtasks_mirror(caller: Any) -> None:
    parent = caller.host.tasks.create("parent")
    child = caller.host.tasks.create("child", subtask_of=parent)
    assert await caller("task.get_subtasks", parent) == [child]
    assert await caller("task.get_subtask_of", parent) == NULL_REF
