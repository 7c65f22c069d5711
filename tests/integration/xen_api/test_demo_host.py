"""The client against the demo host: two programs that share no code agree on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from xolite_qt.demo_host import Running
from xolite_qt.xen_api import (
    RECORDS,
    VM,
    AuthenticationFailed,
    CertificateUnknown,
    HandleInvalid,
    Host,
    LinkPhase,
    LinkState,
    MemoryPins,
    Pool,
    Record,
    VmBadPowerState,
    XapiError,
    XenApi,
    clock_offset_s,
)


async def until(condition: Callable[[], Any], timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        # Real sockets are waited for: there is no event of ours to wait on.
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Follower:
    """A store in the small: reset, then load, then events."""

    def __init__(self, api: XenApi, cls: str) -> None:
        self.api = api
        self.cls = cls
        self.records: dict[str, Record] = {}
        self.resets = 0
        self.loads: list[asyncio.Task[None]] = []
        api.events.on(cls, "add", self.take)
        api.events.on(cls, "mod", self.take)
        api.events.on(cls, "del", self.drop)
        api.events.on(cls, "reset", self.reset)

    def take(self, records: list[Record]) -> None:
        self.records.update({r.ref: r for r in records})

    def drop(self, refs: list[str]) -> None:
        for ref in refs:
            self.records.pop(ref, None)

    def reset(self) -> None:
        self.resets += 1
        self.loads.append(asyncio.create_task(self.load()))

    async def load(self) -> None:
        await self.api.events.ready(self.cls)
        self.records = await self.api.get_all_records(self.cls)


async def test_nothing_is_said_before_the_certificate_is_accepted(demo: Running) -> None:
    async with XenApi(demo.url, pins=MemoryPins()) as api:
        with pytest.raises(CertificateUnknown) as caught:
            await api.login(demo.user, demo.password)
    assert caught.value.certificate.fingerprint == demo.fingerprint
    assert demo.host.calls == [] or not list(demo.host.calls)


async def test_a_wrong_password(demo: Running, api: XenApi) -> None:
    async with XenApi(demo.url, pins=api._session._transport._pins) as other:
        with pytest.raises(AuthenticationFailed):
            await other.login(demo.user, "wrong")


async def test_every_class_is_read(demo: Running, api: XenApi) -> None:
    methods = set(await api.call("system.listMethods"))
    read = 0
    refused: dict[str, str] = {}
    for cls, record_type in RECORDS.items():
        if f"{record_type.wire_class}.get_all_records" not in methods:
            continue
        try:
            records = await api.get_all_records(cls)
        except XapiError as error:
            refused[cls] = error.code
            continue
        read += 1
        assert set(records) == set(demo.host.db.refs(record_type.wire_class)), cls
        assert all(type(r) is record_type for r in records.values())
    assert read >= 30
    # Listed, and gone all the same: newer hosts dropped some classes.
    assert set(refused.values()) <= {"MESSAGE_REMOVED", "MESSAGE_DEPRECATED"}, refused


async def test_one_record_reads_the_same_alone_in_a_map_and_in_an_event(
    demo: Running, api: XenApi
) -> None:
    vms = await api.get_all_records(VM)
    ref, vm = next(iter(vms.items()))
    assert await api.get_record(VM, ref) == vm
    told: list[Record] = []
    api.events.on("vm", "mod", told.extend)
    api.events.start()
    await api.events.ready("vm")
    demo.host.db.set("VM", ref, name_description="touched")
    await until(lambda: told)
    assert told == [await api.get_record(VM, ref)]
    assert told[0].name_description == "touched"  # type: ignore[attr-defined]


async def test_an_unknown_reference(api: XenApi) -> None:
    with pytest.raises(HandleInvalid) as caught:
        await api.get_record(VM, "OpaqueRef:none")
    assert (caught.value.cls, caught.value.ref) == ("VM", "OpaqueRef:none")


async def test_the_hosts_clock(api: XenApi) -> None:
    host = next(iter(await api.get_all_records(Host)))
    assert abs(await clock_offset_s(api, host)) < 5


def faults(*calls: tuple[str, tuple[Any, ...]]) -> Any:
    return [pytest.param(name, args, id=name) for name, args in calls]


@pytest.mark.parametrize(
    ("fault", "args"),
    faults(
        ("drop_connections", ()),
        ("refuse", (0.5,)),
        ("expire_sessions", ()),
        ("lose_events", ()),
        ("restart_toolstack", (0.5,)),
        ("silent", (1.5,)),
    ),
)
async def test_every_gap_is_said_and_healed(
    demo: Running, api: XenApi, fault: str, args: tuple[Any, ...]
) -> None:
    states: list[LinkState] = []
    api.events.on_state(states.append)
    vms = Follower(api, "vm")
    api.events.start()
    await vms.load()
    db = demo.host.db
    doomed = db.create("VM", {"name_label": "doomed"})
    await until(lambda: doomed in vms.records)

    getattr(demo.host.faults, fault)(*args)
    # While nobody can hear it: one goes, one comes, one changes.
    db.destroy("VM", doomed)
    born = db.create("VM", {"name_label": "born"})
    changed = next(r for r in vms.records if r != doomed)
    db.set("VM", changed, name_description="changed in the gap")

    await until(lambda: any(s.phase is LinkPhase.RECONNECTING for s in states))
    await until(lambda: api.events.state.phase is LinkPhase.CONNECTED and vms.resets)
    await until(lambda: all(load.done() for load in vms.loads))
    await until(lambda: set(vms.records) == set(db.refs("VM")))
    assert doomed not in vms.records
    assert born in vms.records
    assert vms.records[changed].name_description == "changed in the gap"  # type: ignore[attr-defined]
    # And it is live again.
    db.set("VM", born, name_label="live")
    await until(lambda: vms.records[born].name_label == "live")  # type: ignore[attr-defined]


@pytest.mark.parametrize("fault", ["garbage", "half", "wrong_types"])
async def test_spoiled_answers_end_in_an_error_or_a_record(
    demo: Running, api: XenApi, fault: str
) -> None:
    from xolite_qt.xen_api import XenApiError

    before = await api.get_all_records(VM)
    # Two: what only reads is asked for again.
    getattr(demo.host.faults, fault)(2)
    try:
        spoiled = await api.get_all_records(VM)
        assert set(spoiled) <= set(before)
    except XenApiError:
        pass
    demo.host.faults.clear()
    assert await api.get_all_records(VM) == before


async def test_messages_are_replayed_once(demo: Running, api: XenApi) -> None:
    pool = next(iter((await api.get_all_records(Pool)).values()))
    for i in range(3):
        await api.call("message.create", f"TEST_{i}", 5, "Pool", pool.uuid, "body")
    stored = await api.get_all_records("message")
    vms = Follower(api, "vm")
    api.events.start()
    await vms.load()
    told: list[Record] = []
    api.events.on("message", "add", told.extend)
    await api.events.ready("message")
    assert {r.ref for r in told} == set(stored)
    assert len(told) == len(stored)
    await api.call("message.create", "LATE", 5, "Pool", pool.uuid, "body")
    await until(lambda: len(told) == len(stored) + 1)


async def test_ref_counts_are_the_databases(demo: Running, api: XenApi) -> None:
    vms = Follower(api, "vm")
    api.events.start()
    await vms.load()
    demo.host.db.set("VM", next(iter(vms.records)), name_label="x")
    await until(lambda: api.events.ref_counts)
    assert api.events.ref_counts["vm"] == len(demo.host.db.refs("VM"))
    assert api.events.ref_counts["host"] == len(demo.host.db.refs("host"))


async def test_a_vm_is_started_as_a_task(demo: Running, api: XenApi) -> None:
    vms = await api.get_all_records(VM)
    halted = next(
        r
        for r, vm in vms.items()
        if vm.power_state == "Halted" and not vm.is_a_template and "start" in vm.allowed_operations
    )
    api.events.start()
    run = api.run("VM.start", halted, False, False)
    progress: list[float] = []
    run.on_progress(progress.append)
    assert await run is None
    assert (await api.get_record(VM, halted)).power_state == "Running"
    assert progress[-1] == 1.0
    assert run.task_ref not in await api.get_all_records("task")
    with pytest.raises(VmBadPowerState):
        await api.run("VM.start", halted, False, False)
    clone = await api.run("VM.snapshot", halted, "snap")
    assert (await api.get_record(VM, clone)).is_a_snapshot


async def test_measurements(demo: Running, api: XenApi) -> None:
    answer = await api.metrics(start_s=-600, interval_s=5)
    assert answer.step_s == 5
    assert answer.times == sorted(answer.times)
    assert any(c.kind == "host" and c.name == "loadavg" for c in answer.columns)
    assert all(len(v) == len(answer.times) for v in answer.values)


async def test_an_unknown_call(api: XenApi) -> None:
    with pytest.raises(XapiError, match="MESSAGE_METHOD_UNKNOWN"):
        await api.call("VM.fly", "OpaqueRef:x")
    assert urlsplit(api.url).scheme == "https"
