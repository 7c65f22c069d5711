"""A real wire: what the stores hold is what the host has, through all that can happen to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from xolite_qt.demo_host import Running
from xolite_qt.stores import Change, StatsState, Store, Stores, StoreState
from xolite_qt.xen_api import ARCHIVES, VM

PATIENCE_S = 10.0


async def until(what: Callable[[], object]) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, "it never came to be"
        await asyncio.sleep(0.01)


def state_of(store: Store[Any]) -> StoreState:
    return store.state


def real_vms(demo: Running) -> set[str]:
    db = demo.host.db
    return {
        ref
        for ref in db.refs("VM")
        if not any(
            db.get("VM", ref)[field]
            for field in ("is_a_template", "is_control_domain", "is_a_snapshot")
        )
    }


async def test_the_host_is_asked_for_exactly_the_classes_of_the_subscribed_stores(
    demo: Running, stores: Stores
) -> None:
    hub = stores.api.events
    tree = stores.vm_tree.subscribe()
    await stores.vm_tree.settled()
    await until(lambda: hub.served_classes == {"pool", "host", "host_metrics", "vm"})
    assert stores.classes_in_use == hub.classes == hub.served_classes
    with stores.sr_rows.subscribe():
        await stores.sr_rows.settled()
        await until(lambda: hub.served_classes == stores.classes_in_use)
        assert hub.served_classes >= {"sr", "pbd"}
    await until(lambda: hub.served_classes == {"pool", "host", "host_metrics", "vm"})
    tree.close()
    await until(lambda: not hub.classes)


async def test_no_template_crosses_the_wire_for_a_list_of_vms(
    demo: Running, stores: Stores
) -> None:
    with stores.vm.subscribe():
        assert await stores.vm.settled() is StoreState.READY
        assert set(stores.vm.records) == real_vms(demo)
    methods = [call.method for call in demo.host.calls]
    assert "VM.get_all_records_where" in methods
    assert "VM.get_all_records" not in methods


async def test_changes_of_the_host_arrive_one_change_per_answer(
    demo: Running, stores: Stores
) -> None:
    db = demo.host.db
    changes: list[Change[Any]] = []
    stores.vm_rows.subscribe(changes.append)
    await stores.vm_rows.settled()
    await until(lambda: "vm" in stores.api.events.served_classes)
    await asyncio.sleep(0.3)
    changes.clear()
    ref = next(iter(stores.vm_rows.records))
    db.set("VM", ref, name_label="renamed")
    db.set("VM_metrics", db.get("VM", ref)["metrics"], VCPUs_number=7)
    await until(lambda: [c for c in changes if ref in {row.ref for row in c.changed}])
    await asyncio.sleep(0.2)
    row = stores.vm_rows.records[ref]
    assert row.vm.name_label == "renamed"
    assert row.metrics is not None
    assert row.metrics.vcpus_number == 7
    # Renamed and counted in one go; whatever else lives on the host has changes of its own.
    assert [row.vm.name_label for c in changes for row in c.changed if row.ref == ref][:1] == [
        "renamed"
    ]
    told = [row for c in changes for row in c.changed if row.ref == ref]
    assert told[0].metrics is row.metrics


@pytest.mark.parametrize("fault", ["drop", "expire", "restart", "lose events"])
async def test_after_every_gap_the_rows_are_the_hosts_again(
    demo: Running, stores: Stores, fault: str
) -> None:
    db = demo.host.db
    told: dict[str, VM] = {}

    def hear(change: Change[VM]) -> None:
        for ref in change.removed:
            del told[ref]
        told.update({vm.ref: vm for vm in (*change.added, *change.changed)})

    states: list[StoreState] = []
    stores.vm.subscribe(hear, states.append)
    await stores.vm.settled()
    await until(lambda: "vm" in stores.api.events.served_classes)
    gone = next(ref for ref in stores.vm.records if db.get("VM", ref)["power_state"] == "Halted")
    match fault:
        case "drop":
            demo.host.faults.refuse(0.3)
        case "expire":
            demo.host.faults.expire_sessions()
        case "restart":
            demo.host.faults.restart_toolstack(0.3)
        case _:
            demo.host.faults.lose_events()
    db.destroy("VM", gone)
    born = db.create("VM", name_label="born in the gap", power_state="Halted")
    await until(lambda: stores.vm.is_ready and set(stores.vm.records) == real_vms(demo))
    assert gone not in told
    assert born in told
    assert set(told) == real_vms(demo)
    # And it is live again.
    db.set("VM", born, name_label="still told")
    await until(lambda: stores.vm.records[born].name_label == "still told")
    assert StoreState.STALE in states


async def test_alarms_wait_for_the_click_and_then_follow(demo: Running, stores: Stores) -> None:
    db = demo.host.db
    vm = db.get("VM", next(iter(real_vms(demo))))["uuid"]

    def raise_alarm(number: int) -> str:
        return db.create(
            "message",
            {
                "name": "ALARM",
                "priority": 3,
                "cls": "VM",
                "obj_uuid": vm,
                "timestamp": f"20991231T12:00:{number:02}Z",
                "body": 'value: 0.9\nconfig:\n<variable>\n<name value="cpu_usage"/>\n</variable>\n',
            },
        )

    before = {ref for ref in db.refs("message") if db.get("message", ref)["name"] == "ALARM"} | {
        raise_alarm(1),
        raise_alarm(2),
    }
    alarms = stores.alarms.subscribe(defer=True)
    stores.vm_tree.subscribe()
    await stores.vm_tree.settled()
    await asyncio.sleep(0.3)
    assert not any("message" in call.method for call in demo.host.calls)
    assert "message" not in stores.api.events.classes
    alarms.start()
    assert await stores.alarms.settled() is StoreState.READY
    assert set(stores.alarms.records) >= before
    newest = raise_alarm(3)
    await until(lambda: newest in stores.alarms.records)
    assert stores.alarms.about([vm])[0].ref == newest
    alarms.close()
    again = stores.alarms.subscribe()
    await stores.alarms.settled()
    assert set(stores.alarms.records) >= before | {newest}
    demo.host.faults.drop_connections()
    await until(lambda: not stores.alarms.is_ready)
    await until(lambda: stores.alarms.is_ready)
    assert set(stores.alarms.records) >= before | {newest}
    again.close()


async def test_a_task_is_seen_and_kept(demo: Running, stores: Stores) -> None:
    db = demo.host.db
    stores.task_rows.subscribe()
    await stores.task_rows.settled()
    ref = db.create("task", name_label="Async.VM.start", status="pending")
    await until(lambda: ref in stores.task_rows.records)
    assert stores.task_rows.records[ref].is_pending
    db.set("task", ref, status="success", progress=1.0)
    await until(lambda: not stores.task_rows.records[ref].is_pending)
    db.destroy("task", ref)
    await asyncio.sleep(0.3)
    assert stores.task_rows.records[ref].task.status == "success"


async def test_measurements_come_alone_for_one_vm_and_together_for_all(
    demo: Running, stores: Stores
) -> None:
    db = demo.host.db
    running = next(
        ref for ref in sorted(real_vms(demo)) if db.get("VM", ref)["power_state"] == "Running"
    )
    halted = next(
        ref for ref in sorted(real_vms(demo)) if db.get("VM", ref)["power_state"] == "Halted"
    )
    watch = stores.stats.watch("vm", db.get("VM", running)["uuid"])
    none = stores.stats.watch("vm", db.get("VM", halted)["uuid"])
    await until(lambda: watch.state is StatsState.READY)
    assert none.state is StatsState.NO_DATA
    assert len(watch.times) >= 100
    assert watch.lines.cpu
    alone = demo.host.calls[-1]
    assert alone.method == "GET /rrd_updates"
    own = stores.stats.watch("host", db.get("host", next(iter(db.refs("host"))))["uuid"])
    for archive in ARCHIVES:
        week = stores.stats.watch("vm", watch.uuid, archive)
        await until(lambda week=week: week.state is StatsState.READY)  # type: ignore[misc]
        steps = {b - a for a, b in pairwise(week.times)}
        assert steps == {float(archive.step_s)}
    await until(lambda: own.state is StatsState.READY)
    assert own.lines.memory_total
    with stores.stats.watch_pool() as pool:
        await until(lambda: watch.uuid in pool.all("vm"))
        usage = pool.latest("vm", watch.uuid)
        assert usage is not None
        assert usage.cpu is not None
        assert 0 <= usage.cpu <= 1
        assert not pool.errors
