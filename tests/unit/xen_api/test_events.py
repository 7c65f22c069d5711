"""The event hub: what is asked for, what is delivered, and when."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.unit.xen_api.scripted_host import ScriptedHost, until
from xolite_qt.xen_api import ConnectionLost, LinkPhase, Record, XenApi


class Seen:
    """What listeners of one class were told, in order."""

    def __init__(self, api: XenApi, cls: str) -> None:
        self.told: list[tuple[str, list[str]]] = []
        self.records: list[Record] = []
        self.listeners = [
            api.events.on(cls, "add", lambda records: self._take("add", records)),
            api.events.on(cls, "mod", lambda records: self._take("mod", records)),
            api.events.on(cls, "del", lambda refs: self.told.append(("del", refs))),
            api.events.on(cls, "reset", lambda: self.told.append(("reset", []))),
        ]

    def _take(self, kind: str, records: list[Record]) -> None:
        self.records += records
        self.told.append((kind, [r.ref for r in records]))

    def remove(self) -> None:
        for listener in self.listeners:
            listener.remove()


async def test_events_arrive_in_batches(host: ScriptedHost, api: XenApi) -> None:
    seen = Seen(api, "VM")
    api.events.start()
    await api.events.ready("vm")
    await until(lambda: host.polls())
    host.emit("vm", "add", "OpaqueRef:1", {"name_label": "a"})
    host.emit("vm", "add", "OpaqueRef:2", {"name_label": "b"})
    host.emit("vm", "mod", "OpaqueRef:3", {"name_label": "c"})
    host.emit("vm", "del", "OpaqueRef:4")
    await until(lambda: len(seen.told) == 3)
    assert seen.told == [
        ("add", ["OpaqueRef:1", "OpaqueRef:2"]),
        ("mod", ["OpaqueRef:3"]),
        ("del", ["OpaqueRef:4"]),
    ]
    assert [(r.wire_class, r.name_label) for r in seen.records] == [  # type: ignore[attr-defined]
        ("VM", "a"),
        ("VM", "b"),
        ("VM", "c"),
    ]


async def test_nobody_listens_nothing_is_asked(host: ScriptedHost, api: XenApi) -> None:
    api.events.start()
    await until(lambda: api.events.state.phase is LinkPhase.CONNECTED)
    await asyncio.sleep(0.4)
    assert [method for method, _ in host.calls] == ["session.login_with_password"]
    seen = Seen(api, "vm")
    await until(lambda: host.polls())
    seen.remove()
    await until(lambda: api.events.served_classes == frozenset())
    calls = len(host.calls)
    await asyncio.sleep(0.4)
    assert len(host.calls) == calls


async def test_the_class_set_grows_and_shrinks(host: ScriptedHost, api: XenApi) -> None:
    first = Seen(api, "vm")
    api.events.start()
    await until(lambda: host.polls() == [["vm"]])
    second = api.events.on("VIF_metrics", "mod", print)
    await until(lambda: host.polls()[-1] == ["vif_metrics", "vm"])
    assert api.events.classes == {"vm", "vif_metrics"} == api.events.served_classes
    second.remove()
    second.remove()
    await until(lambda: host.polls()[-1] == ["vm"])
    first.listeners[0].remove()
    await asyncio.sleep(0.05)
    assert host.polls()[-1] == ["vm"]
    first.remove()
    await until(lambda: api.events.served_classes == frozenset())
    assert api.events.classes == frozenset()


async def test_a_change_of_classes_does_not_wait_for_the_poll(
    host: ScriptedHost, api: XenApi
) -> None:
    Seen(api, "vm")
    api.events.start()
    await until(lambda: host.polls())
    began = time.monotonic()
    api.events.on("sr", "mod", print)
    await api.events.ready("sr")
    assert time.monotonic() - began < 0.5


async def test_changes_of_classes_are_gathered(host: ScriptedHost, api: XenApi) -> None:
    Seen(api, "vm")
    api.events.start()
    await until(lambda: host.polls())
    for cls in ("sr", "vdi", "vbd", "pif"):
        api.events.on(cls, "mod", print)
    await api.events.ready("pif")
    await asyncio.sleep(0.05)
    assert host.polls() == [["vm"], ["pif", "sr", "vbd", "vdi", "vm"]]


async def test_a_page_change_within_the_moment_costs_nothing(
    host: ScriptedHost, api: XenApi
) -> None:
    seen = Seen(api, "vm")
    api.events.start()
    await until(lambda: host.polls())
    seen.remove()
    again = Seen(api, "vm")
    await api.events.ready("vm")
    await asyncio.sleep(0.05)
    assert len(host.polls()) == 1
    host.emit("vm", "mod", "OpaqueRef:1")
    await until(lambda: again.told)


async def test_no_change_is_lost_while_classes_come_and_go(host: ScriptedHost, api: XenApi) -> None:
    """Whatever happens after `ready` is delivered, wherever the poll stands just then."""
    steady = Seen(api, "pool")
    api.events.start()
    await api.events.ready("pool")
    emitted: list[str] = []
    sent_pool: list[str] = []
    told: list[str] = []
    stop = False

    async def noise() -> None:
        while not stop:
            host.emit("pool", "mod", f"OpaqueRef:{host.generation}")
            sent_pool.append(f"OpaqueRef:{host.generation - 1}")
            await asyncio.sleep(0.003)

    noisy = asyncio.create_task(noise())
    for round_ in range(25):
        seen = Seen(api, "vm")
        await api.events.ready("vm")
        ref = f"OpaqueRef:round-{round_}"
        host.emit("vm", "mod", ref)
        emitted.append(ref)
        await until(lambda ref=ref, seen=seen: any(ref in refs for _, refs in seen.told))  # type: ignore[misc]
        told += [r for _, refs in seen.told for r in refs if "round" in r]
        seen.remove()
        await asyncio.sleep(0.002 * (round_ % 4))
    stop = True
    await noisy
    await until(lambda: any(sent_pool[-1] in refs for _, refs in steady.told))
    got = {r for _, refs in steady.told for r in refs}
    assert set(sent_pool) <= got
    assert set(emitted) <= set(told)


async def test_the_answer_of_a_given_up_poll_is_not_half_taken(
    host: ScriptedHost, api: XenApi
) -> None:
    seen = Seen(api, "vm")
    api.events.start()
    await until(lambda: host.polls())
    host.emit("vm", "mod", "OpaqueRef:1")
    api.events.on("sr", "mod", print)
    await until(lambda: host.polls()[-1] == ["sr", "vm"])
    await until(lambda: seen.told)
    assert ("mod", ["OpaqueRef:1"]) in seen.told


async def test_ready_needs_a_running_hub(host: ScriptedHost, api: XenApi) -> None:
    Seen(api, "vm")
    waiting = asyncio.create_task(api.events.ready("vm"))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    api.events.start()
    await waiting
    await api.events.ready("nobody listens")
    api.events.on("sr", "mod", print)
    waiting = asyncio.create_task(api.events.ready("sr"))
    await asyncio.sleep(0)
    await api.events.stop()
    with pytest.raises(ConnectionLost):
        await waiting
    with pytest.raises(ConnectionLost):
        await api.events.ready("vm")
    assert api.events.state.phase is LinkPhase.CLOSED


async def test_start_may_come_before_login(host: ScriptedHost, api: XenApi) -> None:
    async with XenApi(host.url, pins=api._session._transport._pins) as other:
        Seen(other, "vm")
        other.events.start()
        other.events.start()
        await asyncio.sleep(0.05)
        assert other.events.state.phase == "connecting"
        await other.login("root", "correct horse")
        await other.events.ready("vm")
        assert other.events.state.phase is LinkPhase.CONNECTED


# -- messages


async def test_stored_messages_come_as_one_batch_before_ready(
    host: ScriptedHost, api: XenApi
) -> None:
    for i in range(5):
        host.store_message(f"OpaqueRef:m{i}", body="value: 1")
    Seen(api, "vm")
    api.events.start()
    await until(lambda: host.polls())
    seen = Seen(api, "message")
    await api.events.ready("message")
    assert seen.told == [("add", [f"OpaqueRef:m{i}" for i in range(5)])]
    host.store_message("OpaqueRef:late")
    await until(lambda: len(seen.told) == 2)
    assert seen.told[1] == ("add", ["OpaqueRef:late"])


async def test_without_stored_messages_ready_comes_soon(host: ScriptedHost, api: XenApi) -> None:
    seen = Seen(api, "message")
    api.events.start()
    async with asyncio.timeout(1):
        await api.events.ready("message")
    assert seen.told == []


async def test_a_class_that_joins_brings_no_second_replay(host: ScriptedHost, api: XenApi) -> None:
    host.store_message("OpaqueRef:m")
    seen = Seen(api, "message")
    api.events.start()
    await api.events.ready("message")
    api.events.on("vm", "mod", print)
    await api.events.ready("vm")
    host.store_message("OpaqueRef:n")
    await until(lambda: len(seen.told) == 2)
    assert seen.told == [("add", ["OpaqueRef:m"]), ("add", ["OpaqueRef:n"])]


async def test_messages_that_leave_and_come_back_are_replayed(
    host: ScriptedHost, api: XenApi
) -> None:
    host.store_message("OpaqueRef:m")
    Seen(api, "vm")
    seen = Seen(api, "message")
    api.events.start()
    await api.events.ready("message")
    seen.remove()
    # Within the moment, so that the set of classes looks unchanged.
    again = Seen(api, "message")
    await api.events.ready("message")
    assert again.told == [("add", ["OpaqueRef:m"])]
    again.remove()
    await until(lambda: host.polls()[-1] == ["vm"])
    third = Seen(api, "message")
    await api.events.ready("message")
    assert third.told == [("add", ["OpaqueRef:m"])]


async def test_the_message_half_of_the_token_is_zeroed(host: ScriptedHost, api: XenApi) -> None:
    """Even where a host would keep it."""
    Seen(api, "vm")
    plain = host.event_from

    async def keeps(*params: Any) -> Any:
        answer = await plain(*params)
        return {**answer, "token": answer["token"][:21] + f"{7:020d}"}

    host.answers["event.from"] = keeps
    host.store_message("OpaqueRef:m")
    api.events.start()
    await until(lambda: host.polls())
    host.emit("vm", "mod", "OpaqueRef:1")
    await until(lambda: len(host.polls()) == 2)
    assert host.tokens()[-1].endswith("7")
    seen = Seen(api, "message")
    await api.events.ready("message")
    assert seen.told == [("add", ["OpaqueRef:m"])]


async def test_ref_counts_are_told(host: ScriptedHost, api: XenApi) -> None:
    host.ref_counts = {"task": 3, "vm": 57}
    Seen(api, "vm")
    api.events.start()
    await until(lambda: host.polls())
    host.emit("vm", "mod", "OpaqueRef:1")
    await until(lambda: api.events.ref_counts)
    assert api.events.ref_counts == {"task": 3, "vm": 57}


async def test_odd_events_lose_no_others(host: ScriptedHost, api: XenApi) -> None:
    seen = Seen(api, "vm")
    api.events.start()
    await until(lambda: host.polls())
    host.emit("vm", "mod", "OpaqueRef:1", {"VCPUs_max": "many", "name_label": "odd"})
    host.emit("vm", "mod", "OpaqueRef:2", "no record")
    host.emit("vm", "mod", "OpaqueRef:3", {"HVM_shadow_multiplier": float("nan")})
    host.emit("vm", "mod", "OpaqueRef:4", {"other_config": {"a": "b"}})
    await until(lambda: seen.told)
    assert seen.told == [("mod", ["OpaqueRef:1", "OpaqueRef:3", "OpaqueRef:4"])]
    assert seen.records[2].other_config == {"a": "b"}  # type: ignore[attr-defined]


async def test_a_listener_removed_by_another_is_not_called(host: ScriptedHost, api: XenApi) -> None:
    told: list[str] = []
    late = None

    def first(records: list[Record]) -> None:
        told.append("first")
        assert late is not None
        late.remove()

    api.events.on("vm", "mod", first)
    late = api.events.on("vm", "mod", lambda records: told.append("late"))
    api.events.start()
    await until(lambda: host.polls())
    host.emit("vm", "mod", "OpaqueRef:1")
    await until(lambda: told)
    assert told == ["first"]


def test_unknown_kinds_are_refused(api: XenApi) -> None:
    with pytest.raises(ValueError, match="unknown kind"):
        api.events.on("vm", "changed", print)  # type: ignore[arg-type]
