"""The supervisor: whatever happens to the link, the hub says so and recovers by itself."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import pytest

from tests.unit.xen_api.conftest import FAST
from tests.unit.xen_api.scripted_host import (
    PASSWORD,
    USER,
    Bytes,
    Cut,
    Refusal,
    ScriptedHost,
    until,
)
from tests.unit.xen_api.test_events import Seen
from xolite_qt.xen_api import (
    AuthenticationFailed,
    CallTimeout,
    EventHub,
    EventsLost,
    EventTiming,
    LinkPhase,
    LinkState,
    SessionInvalid,
    TransportError,
    XenApi,
)
from xolite_qt.xen_api.link import Backoff


class History:
    """Every state of a link."""

    def __init__(self, api: XenApi) -> None:
        self.states: list[LinkState] = []
        api.events.on_state(self.states.append)

    def phases(self) -> list[LinkPhase]:
        phases: list[LinkPhase] = []
        for state in self.states:
            if not phases or phases[-1] is not state.phase:
                phases.append(state.phase)
        return phases


async def follow(host: ScriptedHost, api: XenApi) -> tuple[Seen, History]:
    history = History(api)
    seen = Seen(api, "vm")
    api.events.start()
    await until(lambda: host.polls())
    return seen, history


async def recovered(host: ScriptedHost, api: XenApi, seen: Seen) -> None:
    """The link is up, there was a reset, and events come."""
    await until(lambda: ("reset", []) in seen.told)
    await until(lambda: api.events.state.phase is LinkPhase.CONNECTED)
    await until(lambda: api.events.served_classes == {"vm"})
    sent: set[str] = set()

    def one_arrived() -> bool:
        # A poll that was still to fail takes what is sent meanwhile with it: into a reset.
        ref = f"OpaqueRef:after-{len(sent)}"
        sent.add(ref)
        host.emit("vm", "mod", ref)
        return any(sent & set(refs) for _, refs in seen.told)

    await until(one_arrived)


RECOVERY = [LinkPhase.CONNECTED, LinkPhase.RECONNECTING, LinkPhase.CONNECTED]


async def test_a_host_that_goes_and_comes_back(host: ScriptedHost, api: XenApi) -> None:
    seen, history = await follow(host, api)
    await host.stop()
    await until(lambda: api.events.state.phase is LinkPhase.RECONNECTING)
    await until(lambda: api.events.state.retry_in_s is not None)
    state = api.events.state
    assert isinstance(state.error, TransportError)
    assert state.since <= time.monotonic()
    await asyncio.sleep(0.3)
    tokens = len(host.tokens())
    host.generation += 50
    await host.start()
    await recovered(host, api, seen)
    assert history.phases() == RECOVERY
    assert api.events.state.error is None
    # A new token, not the one of before the gap.
    assert host.tokens()[tokens] > host.tokens()[tokens - 1]


@pytest.mark.parametrize(
    "fault",
    [
        Cut(),
        Cut(b'{"jsonrpc":"2.0","result":{"events":['),
        Bytes(b"<html>not a host</html>"),
        Bytes(b"oops", 500),
        Bytes(b'{"jsonrpc":"2.0","result":{"events":[]},"id":1}'),
        Bytes(b'{"jsonrpc":"2.0","result":7,"id":1}'),
        Refusal("EVENTS_LOST"),
        Refusal("EVENT_FROM_TOKEN_PARSE_FAILURE", "x"),
        Refusal("HOST_STILL_BOOTING"),
        Refusal("INTERNAL_ERROR", "whatever"),
        Refusal("SESSION_INVALID", "OpaqueRef:x"),
    ],
    ids=lambda fault: f"{type(fault).__name__} {getattr(fault, 'code', '')}",
)
async def test_a_poll_that_fails(host: ScriptedHost, api: XenApi, fault: Exception) -> None:
    seen, history = await follow(host, api)

    def fail(*_: Any) -> None:
        raise fault

    host.answers["event.from"] = fail
    host.emit("vm", "mod", "OpaqueRef:last")
    await until(lambda: LinkPhase.RECONNECTING in history.phases())
    del host.answers["event.from"]
    await recovered(host, api, seen)
    assert history.phases()[-3:] == RECOVERY


async def test_events_lost_needs_no_patience(host: ScriptedHost, api: XenApi) -> None:
    seen, history = await follow(host, api)

    def once(*params: Any) -> Any:
        if host.count("event.from") == 2:
            raise Refusal("EVENTS_LOST")
        return host.event_from(*params)

    host.answers["event.from"] = once
    host.emit("vm", "mod", "OpaqueRef:1")
    await recovered(host, api, seen)
    lost = [s for s in history.states if isinstance(s.error, EventsLost)]
    assert [s.retry_in_s for s in lost] == [None]


async def test_an_expired_session_is_renewed(host: ScriptedHost, api: XenApi) -> None:
    seen, history = await follow(host, api)
    for _ in range(3):
        seen.told.clear()
        host.expire_sessions()
        host.emit("vm", "mod", "OpaqueRef:wake")
        await recovered(host, api, seen)
    assert LinkPhase.EXPIRED not in history.phases()
    assert host.count("session.login_with_password") == 4


async def test_a_session_that_a_call_renewed(host: ScriptedHost, api: XenApi) -> None:
    """The host may hold the poll of a session that it has forgotten."""
    seen, history = await follow(host, api)
    host.answers["x.y"] = lambda: 1
    host.sessions.clear()
    assert await api.call("x.y") == 1
    await recovered(host, api, seen)
    assert history.phases() == RECOVERY
    assert host.count("session.login_with_password") == 2


async def test_retry_now_from_within_a_state_listener(host: ScriptedHost) -> None:
    timing = EventTiming(first_wait_s=30, jitter_s=0, debounce_s=0.01)
    async with XenApi(host.url, pins=_no_pins(), timing=timing) as api:
        await api.login(USER, PASSWORD)
        seen, _ = await follow(host, api)
        host.answers["event.from"] = lambda *_: (_ for _ in ()).throw(Cut())
        api.events.on_state(lambda state: api.events.retry_now())
        host.emit("vm", "mod", "OpaqueRef:1")
        await until(lambda: host.count("event.inject") >= 3)
        del host.answers["event.from"]
        await recovered(host, api, seen)


async def test_a_session_that_cannot_be_renewed(host: ScriptedHost, api: XenApi) -> None:
    seen, _history = await follow(host, api)

    def refuse(*_: Any) -> None:
        raise Refusal("SESSION_AUTHENTICATION_FAILED", USER, "no")

    host.answers["session.login_with_password"] = refuse
    host.expire_sessions()
    host.emit("vm", "mod", "OpaqueRef:wake")
    await until(lambda: api.events.state.phase is LinkPhase.EXPIRED)
    assert isinstance(api.events.state.error, AuthenticationFailed)
    calls = len(host.calls)
    api.events.retry_now()
    await asyncio.sleep(0.2)
    assert len(host.calls) == calls
    assert api.events.state.phase is LinkPhase.EXPIRED
    del host.answers["session.login_with_password"]
    await api.login(USER, PASSWORD)
    await recovered(host, api, seen)


async def test_sessions_that_never_hold_end_as_expired(host: ScriptedHost, api: XenApi) -> None:
    _, _history = await follow(host, api)

    def refuse(*_: Any) -> None:
        raise Refusal("SESSION_INVALID", "OpaqueRef:x")

    host.answers["event.from"] = refuse
    host.emit("vm", "mod", "OpaqueRef:wake")
    await until(lambda: api.events.state.phase is LinkPhase.EXPIRED)
    assert isinstance(api.events.state.error, SessionInvalid)
    assert host.count("session.login_with_password") <= 5
    del host.answers["event.from"]
    api.events.retry_now()
    await until(lambda: api.events.state.phase is LinkPhase.CONNECTED)


async def test_a_booting_host_is_waited_for(host: ScriptedHost, api: XenApi) -> None:
    seen, history = await follow(host, api)

    def booting(*_: Any) -> None:
        raise Refusal("HOST_STILL_BOOTING")

    for method in ("event.from", "pool.get_all", "session.login_with_password"):
        host.answers[method] = booting
    host.expire_sessions()
    host.emit("vm", "mod", "OpaqueRef:wake")
    await until(lambda: len([s for s in history.states if s.retry_in_s is not None]) >= 3)
    host.answers.clear()
    await recovered(host, api, seen)
    assert LinkPhase.EXPIRED not in history.phases()


async def test_a_pool_that_changed_its_reference(host: ScriptedHost, api: XenApi) -> None:
    refused: list[str] = []

    def inject(cls: str, ref: str) -> str:
        if not refused:
            refused.append(ref)
            raise Refusal("HANDLE_INVALID", "pool", ref)
        return f"{host.generation:020d},{0:020d}"

    host.answers["event.inject"] = inject
    seen, history = await follow(host, api)
    assert refused
    await recovered(host, api, seen)
    assert all(s.retry_in_s is None for s in history.states)


async def test_a_silent_network_is_noticed(host: ScriptedHost, api: XenApi) -> None:
    seen, history = await follow(host, api)
    gate = asyncio.Event()
    host.answers["pool.get_all"] = lambda: _after(gate, ["OpaqueRef:pool"])
    began = time.monotonic()
    await until(lambda: LinkPhase.RECONNECTING in history.phases())
    assert time.monotonic() - began < FAST.heartbeat_s + FAST.heartbeat_timeout_s + 0.5
    assert isinstance(api.events.state.error, CallTimeout)
    gate.set()
    await recovered(host, api, seen)


async def _after(gate: asyncio.Event, answer: Any) -> Any:
    await gate.wait()
    return answer


async def test_a_quiet_host_is_not_mistaken_for_a_silent_one(
    host: ScriptedHost, api: XenApi
) -> None:
    _, history = await follow(host, api)
    await asyncio.sleep(0.6)
    assert history.phases() == [LinkPhase.CONNECTED]
    assert len(host.polls()) == 1
    assert host.count("pool.get_all") >= 3


async def test_a_poll_that_never_ends_is_given_up(host: ScriptedHost) -> None:
    timing = EventTiming(
        poll_s=0.1, poll_grace_s=0.1, heartbeat_s=9, first_wait_s=0.01, jitter_s=0, debounce_s=0.01
    )
    async with XenApi(host.url, pins=_no_pins(), timing=timing) as api:
        await api.login(USER, PASSWORD)
        host.answers["event.from"] = lambda *_: asyncio.sleep(30)
        seen, history = await follow(host, api)
        await until(lambda: LinkPhase.RECONNECTING in history.phases())
        del host.answers["event.from"]
        await recovered(host, api, seen)


def _no_pins() -> Any:
    from xolite_qt.xen_api import MemoryPins

    return MemoryPins()


async def test_retry_now_does_not_wait(host: ScriptedHost) -> None:
    timing = EventTiming(first_wait_s=30, jitter_s=0, debounce_s=0.01)
    async with XenApi(host.url, pins=_no_pins(), timing=timing) as api:
        await api.login(USER, PASSWORD)
        seen, _ = await follow(host, api)
        await host.stop()
        await until(lambda: (api.events.state.retry_in_s or 0) > 20)
        await host.start()
        api.events.retry_now()
        await recovered(host, api, seen)


@pytest.mark.parametrize("clock", ["wall", "monotonic"])
async def test_a_machine_that_slept_starts_afresh(host: ScriptedHost, clock: str) -> None:
    ahead_s = {"wall": 0.0, "monotonic": 0.0}
    async with XenApi(host.url, pins=_no_pins(), timing=FAST) as api:
        api.events = EventHub(
            api._session,
            FAST,
            wall_clock=lambda: time.time() + ahead_s["wall"],
            monotonic_clock=lambda: time.monotonic() + ahead_s["monotonic"],
        )
        await api.login(USER, PASSWORD)
        seen, history = await follow(host, api)
        ahead_s[clock] += 3600
        await recovered(host, api, seen)
        assert history.phases() == RECOVERY
        assert [s.retry_in_s for s in history.states] == [None] * len(history.states)


async def test_sleeping_through_the_pause_ends_it(host: ScriptedHost) -> None:
    ahead_s = [0.0]
    timing = EventTiming(first_wait_s=30, jitter_s=0, debounce_s=0.01, tick_s=0.05)
    async with XenApi(host.url, pins=_no_pins(), timing=timing) as api:
        api.events = EventHub(api._session, timing, wall_clock=lambda: time.time() + ahead_s[0])
        await api.login(USER, PASSWORD)
        seen, _ = await follow(host, api)
        await host.stop()
        await until(lambda: (api.events.state.retry_in_s or 0) > 20)
        await host.start()
        ahead_s[0] += 600
        await recovered(host, api, seen)


@pytest.mark.logs_warnings
async def test_a_listener_that_raises_harms_nobody(
    host: ScriptedHost, api: XenApi, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []

    def bad(records: list[Any]) -> None:
        told.append("bad")
        raise RuntimeError("a bug in a view")

    def bad_state(state: LinkState) -> None:
        raise RuntimeError("another one")

    api.events.on_state(bad_state)
    api.events.on("vm", "mod", bad)
    seen, history = await follow(host, api)
    for i in range(3):
        host.emit("vm", "mod", f"OpaqueRef:{i}")
        await until(lambda i=i: len(seen.told) == i + 1)  # type: ignore[misc]
    assert told == ["bad"] * 3
    assert history.phases() == [LinkPhase.CONNECTED]
    errors = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert len(errors) == 4
    assert all(r.exc_info is not None for r in errors)


@pytest.mark.logs_warnings
async def test_a_bug_of_ours_does_not_end_the_loop(
    host: ScriptedHost, api: XenApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, _ = await follow(host, api)

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(api.events._follower, "_take", broken)
    host.emit("vm", "mod", "OpaqueRef:1")
    await until(lambda: api.events.state.phase is LinkPhase.RECONNECTING)
    monkeypatch.undo()
    await recovered(host, api, seen)


async def test_without_listeners_the_link_is_still_recovered(
    host: ScriptedHost, api: XenApi
) -> None:
    seen, _history = await follow(host, api)
    await host.stop()
    await until(lambda: api.events.state.phase is LinkPhase.RECONNECTING)
    seen.remove()
    await host.start()
    await until(lambda: api.events.state.phase is LinkPhase.CONNECTED)
    calls = len(host.calls)
    await asyncio.sleep(0.3)
    assert len(host.calls) == calls


async def test_a_state_listener_can_leave(host: ScriptedHost, api: XenApi) -> None:
    states: list[LinkState] = []
    listener = api.events.on_state(states.append)
    listener.remove()
    api.events.start()
    await until(lambda: api.events.state.phase is LinkPhase.CONNECTED)
    assert states == []


def test_pauses_grow_to_a_limit_and_never_end() -> None:
    backoff = Backoff(EventTiming())
    pauses = [backoff.next_s() for _ in range(5000)]
    assert 0.5 <= pauses[0] <= 1.0
    assert 1.0 <= pauses[1] <= 1.5
    assert max(pauses) <= 30.0
    assert min(pauses[10:]) >= 29.0
    assert len(set(pauses[10:20])) > 1
    backoff.reset()
    assert backoff.next_s() <= 1.0
