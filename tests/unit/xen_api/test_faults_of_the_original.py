"""The faults of the original that belong to the client, each shown gone.

Numbers and words: xo-lite.md 2.3. Faults 5, 7, 10, 11 and 15 are the stores'; 3, 8 and 14 are
shared with them.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.xen_api.scripted_host import PASSWORD, USER, Cut, Refusal, ScriptedHost, until
from tests.unit.xen_api.test_events import Seen
from tests.unit.xen_api.test_link import History, recovered
from tests.unit.xen_api.test_tasks import Tasks
from xolite_qt.xen_api import (
    CallTimeout,
    LinkPhase,
    Message,
    VmBadPowerState,
    XenApi,
    get_alarms,
    get_since,
    parse_alarm,
)


async def test_fault_01_the_loop_survives_errors_and_says_so(
    host: ScriptedHost, api: XenApi
) -> None:
    seen, history = Seen(api, "vm"), History(api)
    api.events.start()
    await until(lambda: host.polls())

    def cut(*_: Any) -> None:
        raise Cut

    host.answers["event.from"] = cut
    host.emit("vm", "mod", "OpaqueRef:1")
    await until(lambda: api.events.state.phase is LinkPhase.RECONNECTING)
    del host.answers["event.from"]
    await recovered(host, api, seen)
    assert LinkPhase.RECONNECTING in history.phases()


async def test_fault_02_events_go_on_after_a_new_login(host: ScriptedHost, api: XenApi) -> None:
    seen = Seen(api, "vm")
    api.events.start()
    await until(lambda: host.polls())
    host.sessions.clear()
    host.answers["session.login_with_password"] = lambda *_: (_ for _ in ()).throw(
        Refusal("SESSION_AUTHENTICATION_FAILED", USER, "no")
    )
    host.emit("vm", "mod", "OpaqueRef:1")
    await until(lambda: api.events.state.phase is LinkPhase.EXPIRED)
    del host.answers["session.login_with_password"]
    await api.login(USER, PASSWORD)
    await recovered(host, api, seen)


async def test_fault_03_every_gap_ends_with_a_reset(host: ScriptedHost, api: XenApi) -> None:
    """What was deleted meanwhile is told by nobody, so listeners must know that there was a gap."""
    vm, sr = Seen(api, "vm"), Seen(api, "sr")
    api.events.start()
    await until(lambda: host.polls())
    await host.stop()
    await until(lambda: api.events.state.phase is LinkPhase.RECONNECTING)
    host.emit("vm", "del", "OpaqueRef:ghost")
    await host.start()
    await until(lambda: vm.told and sr.told)
    assert vm.told == [("reset", [])]
    assert sr.told == [("reset", [])]


async def test_fault_04_a_class_nobody_listens_to_is_not_asked_for(
    host: ScriptedHost, api: XenApi
) -> None:
    keep, leave = Seen(api, "vm"), Seen(api, "vdi")
    api.events.start()
    await until(lambda: host.polls() and host.polls()[-1] == ["vdi", "vm"])
    leave.remove()
    assert api.events.classes == {"vm"}
    await until(lambda: host.polls()[-1] == ["vm"])
    keep.remove()
    assert api.events.classes == frozenset()


async def test_fault_06_no_pause_between_polls_and_none_for_new_classes(
    host: ScriptedHost, api: XenApi
) -> None:
    seen = Seen(api, "vm")
    api.events.start()
    await until(lambda: host.polls())
    for i in range(20):
        began = time.monotonic()
        host.emit("vm", "mod", f"OpaqueRef:{i}")
        await until(lambda i=i: len(seen.told) == i + 1)  # type: ignore[misc]
        # The original slept 2 s between polls.
        assert time.monotonic() - began < 0.3
    began = time.monotonic()
    api.events.on("sr", "mod", print)
    await until(lambda: host.polls()[-1] == ["sr", "vm"])
    # The original let the poll in flight run out: up to 7 s.
    assert time.monotonic() - began < 0.3
    assert host.calls[-1][1][2] > 1


async def test_fault_08_messages_can_be_asked_for_in_part(host: ScriptedHost, api: XenApi) -> None:
    host.answers["message.get_since"] = lambda since: {"OpaqueRef:new": {"name": "ALARM"}}
    host.answers["message.get_all_records_where"] = lambda expr: {"OpaqueRef:a": {"name": "ALARM"}}
    assert list(await get_since(api, datetime(2026, 1, 1, tzinfo=UTC))) == ["OpaqueRef:new"]
    assert list(await get_alarms(api)) == ["OpaqueRef:a"]
    assert host.count("message.get_all_records") == 0


async def test_fault_09_listeners_are_called_in_slices_not_per_object(
    host: ScriptedHost, api: XenApi
) -> None:
    seen = Seen(api, "vdi")
    api.events.start()
    await until(lambda: host.polls())
    for i in range(5000):
        host.emit("vdi", "add", f"OpaqueRef:{i}")
    await until(lambda: sum(len(told) for _, told in seen.told) == 5000)
    assert {kind for kind, _ in seen.told} == {"add"}
    # The original called once for each of the 5,000; ours in slices that leave the loop to breathe.
    assert len(seen.told) <= 13


async def test_fault_12_a_hung_toolstack_hangs_nobody(host: ScriptedHost, api: XenApi) -> None:
    host.answers["VM.get_all_records"] = lambda: asyncio.sleep(60)
    api._session.call_timeout_s = 0.1
    with pytest.raises(CallTimeout):
        await api.get_all_records("vm")


async def test_fault_13_actions_are_tasks_and_their_errors_surface(
    host: ScriptedHost, api: XenApi
) -> None:
    tasks = Tasks(host)
    run = api.run("VM.start", "OpaqueRef:vm", False, False)
    await until(lambda: run.task_ref)
    assert host.count("Async.VM.start") == 1
    assert host.count("VM.start") == 0
    tasks.set(status="failure", error_info=["VM_BAD_POWER_STATE", "r", "halted", "running"])
    with pytest.raises(VmBadPowerState) as caught:
        await run
    assert caught.value.params == ("r", "halted", "running")


@pytest.mark.logs_warnings
async def test_fault_14_neither_listeners_nor_alarm_bodies_end_the_loop(
    host: ScriptedHost, api: XenApi
) -> None:
    def bad(records: list[Any]) -> None:
        raise KeyError("a bug")

    api.events.on("message", "add", bad)
    seen = Seen(api, "message")
    api.events.start()
    await api.events.ready("message")
    for i, body in enumerate(["no colon here", "", "value:\nconfig:\n<variable", "\x00" * 9]):
        host.store_message(f"OpaqueRef:{i}", body=body)
        await until(lambda i=i: len(seen.records) == i + 1)  # type: ignore[misc]
    assert api.events.state.phase is LinkPhase.CONNECTED
    for record in seen.records:
        assert isinstance(record, Message)
        assert parse_alarm(record).value is None
