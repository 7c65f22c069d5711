"""Long operations: progress, results, cancelling, and hosts without an asynchronous form."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.xen_api.scripted_host import Cut, Refusal, ScriptedHost, until
from xolite_qt.xen_api import (
    ConnectionLost,
    HandleInvalid,
    MalformedAnswer,
    NotCancellable,
    TaskCancelled,
    TaskRun,
    VmBadPowerState,
    XapiError,
    XenApi,
    parse_task_result,
)

TASK = "OpaqueRef:task"


class Tasks:
    """One task on a scripted host."""

    def __init__(self, host: ScriptedHost, result: str = "<value></value>") -> None:
        self.host = host
        self.record: dict[str, Any] | None = None
        self.result = result
        host.answers["Async.VM.start"] = self.start
        host.answers["task.get_record"] = self.get_record
        host.answers["task.cancel"] = self.cancel
        host.answers["task.destroy"] = self.destroy

    def start(self, *_: Any) -> str:
        self.record = {"status": "pending", "progress": 0.0, "result": "", "error_info": []}
        return TASK

    def get_record(self, ref: str) -> Any:
        if self.record is None:
            raise Refusal("HANDLE_INVALID", "task", ref)
        return self.record

    def set(self, **fields: Any) -> None:
        assert self.record is not None
        self.record = {**self.record, **fields}
        self.host.emit("task", "mod", TASK, self.record)

    def succeed(self) -> None:
        self.set(status="success", progress=1.0, result=self.result)

    def cancel(self, ref: str) -> str:
        self.set(status="cancelled", progress=1.0, error_info=["TASK_CANCELLED", TASK])
        return ""

    def destroy(self, ref: str) -> str:
        self.record = None
        self.host.emit("task", "del", TASK)
        return ""


@pytest.fixture
def tasks(host: ScriptedHost) -> Tasks:
    return Tasks(host)


@pytest.mark.parametrize("events", [False, True])
async def test_progress_and_result(
    host: ScriptedHost, api: XenApi, tasks: Tasks, events: bool
) -> None:
    tasks.result = "<value>OpaqueRef:clone</value>"
    if events:
        api.events.start()
    run = api.run("VM.start", "OpaqueRef:vm", False, False)
    progress: list[float] = []
    run.on_progress(progress.append)
    await until(lambda: run.task_ref)
    for share in (0.25, 0.25, 0.1, 0.75):
        tasks.set(progress=share)
        await asyncio.sleep(0.3 if not events else 0.08)
    assert run.progress == 0.75
    tasks.succeed()
    assert await run == "OpaqueRef:clone"
    assert await run == "OpaqueRef:clone"
    assert progress == [0.25, 0.75, 1.0]
    assert run.done
    assert host.calls[1:2] == [("Async.VM.start", ["OpaqueRef:vm", False, False])] or events
    # Cleaned up at the host, and nobody follows tasks any more.
    assert tasks.record is None
    assert api.events.classes == frozenset()


async def test_with_events_the_task_is_not_asked_for_again(
    host: ScriptedHost, api: XenApi, tasks: Tasks
) -> None:
    api.events.on("vm", "mod", print)
    api.events.start()
    run = api.run("VM.start", "OpaqueRef:vm")
    await until(lambda: host.polls() and host.polls()[-1] == ["task", "vm"])
    await asyncio.sleep(0.6)
    asked = host.count("task.get_record")
    assert asked <= 3
    tasks.succeed()
    assert await run is None
    assert host.count("task.get_record") == asked
    await until(lambda: host.polls()[-1] == ["vm"])


async def test_a_failure_is_the_hosts_own_error(api: XenApi, tasks: Tasks) -> None:
    run = api.run("VM.start", "OpaqueRef:vm")
    await until(lambda: run.task_ref)
    tasks.set(status="failure", progress=1.0, error_info=["VM_BAD_POWER_STATE", "a", "b", "c"])
    with pytest.raises(VmBadPowerState) as caught:
        await run
    assert caught.value.params == ("a", "b", "c")
    assert tasks.record is None


async def test_a_failure_without_a_reason(api: XenApi, tasks: Tasks) -> None:
    run = api.run("VM.start", "OpaqueRef:vm")
    await until(lambda: run.task_ref)
    tasks.set(status="failure")
    with pytest.raises(XapiError, match="INTERNAL_ERROR"):
        await run


async def test_cancel_ends_it_at_the_host(host: ScriptedHost, api: XenApi, tasks: Tasks) -> None:
    run = api.run("VM.start", "OpaqueRef:vm")
    await run.cancel()
    with pytest.raises(TaskCancelled):
        await run
    assert host.count("task.cancel") == 1
    with pytest.raises(NotCancellable):
        await run.cancel()


async def test_a_host_that_does_not_cancel_says_so(
    host: ScriptedHost, api: XenApi, tasks: Tasks
) -> None:
    def refuse(ref: str) -> None:
        raise Refusal("OPERATION_NOT_ALLOWED", "too late")

    host.answers["task.cancel"] = refuse
    run = api.run("VM.start", "OpaqueRef:vm")
    with pytest.raises(XapiError, match="too late"):
        await run.cancel()
    tasks.succeed()
    assert await run is None


async def test_who_stops_waiting_leaves_the_task_running(
    host: ScriptedHost, api: XenApi, tasks: Tasks
) -> None:
    run = api.run("VM.start", "OpaqueRef:vm")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await run
    assert host.count("task.cancel") == 0
    tasks.succeed()
    # Still watched, still cleaned up.
    await until(lambda: tasks.record is None)
    assert await run is None


async def test_closing_leaves_the_task_running(
    host: ScriptedHost, api: XenApi, tasks: Tasks
) -> None:
    run = api.run("VM.start", "OpaqueRef:vm")
    await until(lambda: run.task_ref)
    waiting = asyncio.create_task(_await(run))
    await asyncio.sleep(0)
    await api.close()
    assert run.done
    with pytest.raises(ConnectionLost):
        await waiting
    assert host.count("task.cancel") == host.count("task.destroy") == 0


async def _await(run: TaskRun[Any]) -> Any:
    return await run


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal("Fault", "No async mode for this operation (rpc: VM.start)"),
        Refusal("MESSAGE_METHOD_UNKNOWN", "Async.VM.start"),
    ],
)
async def test_without_an_asynchronous_form_the_plain_one_is_called(
    host: ScriptedHost, api: XenApi, refusal: Refusal
) -> None:
    gate = asyncio.Event()

    def refuse(*_: Any) -> None:
        raise refusal

    async def plain(*params: Any) -> Any:
        await gate.wait()
        return ["plain", *params]

    host.answers["Async.VM.start"] = refuse
    host.answers["VM.start"] = plain
    run = api.run("VM.start", 1)
    with pytest.raises(NotCancellable):
        await run.cancel()
    gate.set()
    assert await run == ["plain", 1]
    assert run.progress == 1.0


async def test_a_no_before_the_task_exists(host: ScriptedHost, api: XenApi) -> None:
    def refuse(*_: Any) -> None:
        raise Refusal("MESSAGE_PARAMETER_COUNT_MISMATCH", "VM.start", "3", "1")

    host.answers["Async.VM.start"] = refuse
    with pytest.raises(XapiError, match="COUNT_MISMATCH"):
        await api.run("VM.start", 1)


async def test_nobody_need_wait(host: ScriptedHost, api: XenApi) -> None:
    """A failed run that nobody awaits leaves no complaint of asyncio behind."""
    run = api.run("VM.no_such")
    await until(lambda: run.done)


async def test_a_task_that_was_reaped(host: ScriptedHost, api: XenApi, tasks: Tasks) -> None:
    run = api.run("VM.start", "OpaqueRef:vm")
    await until(lambda: run.task_ref)
    tasks.record = None
    with pytest.raises(HandleInvalid):
        await run


async def test_a_host_that_is_away_for_a_while(
    host: ScriptedHost, api: XenApi, tasks: Tasks
) -> None:
    run = api.run("VM.start", "OpaqueRef:vm")
    await until(lambda: run.task_ref)

    away: list[Exception] = [Refusal("HOST_STILL_BOOTING"), Cut(), Cut()]

    def cut(ref: str) -> None:
        raise away.pop() if away else Cut

    host.answers["task.get_record"] = cut
    await until(lambda: not away)
    assert not run.done
    host.answers["task.get_record"] = tasks.get_record
    tasks.succeed()
    assert await run is None


@pytest.mark.logs_warnings
async def test_a_progress_listener_that_raises(api: XenApi, tasks: Tasks) -> None:
    run = api.run("VM.start", "OpaqueRef:vm")
    told: list[float] = []
    run.on_progress(lambda share: 1 / 0)
    kept = run.on_progress(told.append)
    await until(lambda: run.task_ref)
    tasks.set(progress=float("nan"))
    await asyncio.sleep(0.3)
    kept.remove()
    tasks.succeed()
    assert await run is None
    assert told == []


# -- results


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("  ", None),
        ("<value></value>", None),
        ("<value/>", None),
        ("<value>OpaqueRef:1</value>", "OpaqueRef:1"),
        ("<value><string>a &lt;b&gt; ü</string></value>", "a <b> ü"),
        ("<value><i4>-3</i4></value>", -3),
        ("<value><int>3</int></value>", 3),
        ("<value><double>0.5</double></value>", 0.5),
        ("<value><boolean>1</boolean></value>", True),
        ("<value><boolean>0</boolean></value>", False),
        ("<value><nil/></value>", None),
        (
            "<value><dateTime.iso8601>20260821T12:00:00Z</dateTime.iso8601></value>",
            "20260821T12:00:00Z",
        ),
        ("<value><array><data/></array></value>", []),
        (
            "<value><array><data><value>a</value><value><i4>1</i4></value></data></array></value>",
            ["a", 1],
        ),
        (
            "<value><struct><member><name>k</name><value>v</value></member>"
            "<member><name>l</name><value><array><data><value/></data></array></value></member>"
            "</struct></value>",
            {"k": "v", "l": [""]},
        ),
        ("OpaqueRef:bare", "OpaqueRef:bare"),
        ("<html>", "<html>"),
        ("<other/>", "<other/>"),
        (
            '<!DOCTYPE x [<!ENTITY a "aaaa">]><value>&a;</value>',
            '<!DOCTYPE x [<!ENTITY a "aaaa">]><value>&a;</value>',
        ),
    ],
)
def test_results(text: str, value: Any) -> None:
    assert parse_task_result(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "<value><int>x</int></value>",
        "<value><quux/></value>",
        "<value><array><data>" * 70 + "</data></array></value>" * 70,
        "<value><array><data>" * 50_000 + "</data></array></value>" * 50_000,
    ],
    ids=["number", "type", "deep", "deeper"],
)
def test_results_that_make_no_sense(text: str) -> None:
    with pytest.raises(MalformedAnswer):
        parse_task_result(text)


XML_TEXT = st.text(
    st.characters(min_codepoint=32, exclude_categories=["Cs", "Cn"], exclude_characters="￾￿")
)
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**62), 2**62) | XML_TEXT | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(XML_TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_results_round_trip(value: Any) -> None:
    """What Python's own XML-RPC writes is read back."""
    import xmlrpc.client

    class Any64(xmlrpc.client.Marshaller):
        pass

    def dump_int(self: Any, value: int, write: Any) -> None:
        write(f"<value><int>{value}</int></value>")

    Any64.dispatch = {**xmlrpc.client.Marshaller.dispatch, int: dump_int}
    written: list[str] = []
    marshaller: Any = Any64("utf-8", allow_none=True)
    marshaller._Marshaller__dump(value, written.append)
    read = parse_task_result("".join(written))
    assert read == (None if value == "" else value)


@given(st.text(max_size=200))
def test_any_text_is_a_result(text: str) -> None:
    try:
        parse_task_result(text)
    except MalformedAnswer:
        return
