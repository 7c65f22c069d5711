"""The small business: what stands in it, and that it hangs together."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring

from xolite_qt.demo_host import DemoHost
from xolite_qt.demo_host.datamodel import NULL_REF, Type
from xolite_qt.demo_host.host import Clock
from xolite_qt.demo_host.worlds import build_default_world


class StandingClock(Clock):
    """A time that does not pass, for worlds that are compared."""

    def time_s(self) -> float:
        return 1_750_000_000.0


@pytest.fixture
def world() -> DemoHost:
    host = DemoHost(seed=3)
    build_default_world(host)
    return host


def made_by_people(host: DemoHost) -> list[dict[str, Any]]:
    return [
        record
        for record in host.db.records("VM").values()
        if not (record["is_a_template"] or record["is_control_domain"])
    ]


def dangling(host: DemoHost) -> list[str]:
    """Every reference that leads nowhere, as "class.field"."""
    wrong = []

    def look(where: str, value: Any, kind: Type) -> None:
        if kind.kind == "ref":
            if value not in ("", NULL_REF) and not host.db.exists(kind.name, value):
                wrong.append(where)
        elif kind.kind == "set":
            for item in value:
                look(where, item, kind.args[0])

    for cls, table in host.db.tables.items():
        for record in host.db.records(cls).values():
            for name, value in record.items():
                look(f"{cls}.{name}", value, table.cls.fields[name].type)
    return wrong


def test_counts(world: DemoHost) -> None:
    db = world.db
    assert [db.get("pool", ref)["name_label"] for ref in db.refs("pool")] == ["Brightwater Dental"]
    assert len(db.refs("host")) == 1
    states = Counter(vm["power_state"] for vm in made_by_people(world))
    assert states == {"Running": 9, "Halted": 2, "Suspended": 1, "Paused": 1}
    assert sum(vm["is_default_template"] for vm in db.records("VM").values()) == 12
    types = sorted(sr["type"] for sr in db.records("SR").values())
    assert types == ["ext", "iso", "lvm", "nfs", "udev"]
    assert len(db.refs("host_cpu")) == 24


def test_every_reference_leads_somewhere(world: DemoHost) -> None:
    assert dangling(world) == []


def test_every_record_goes_over_the_wire(world: DemoHost) -> None:
    for cls in world.db.tables:
        for ref in world.db.refs(cls):
            assert bytes(world.db.raw_record(cls, ref)).startswith(b"{")


def test_enums_hold_what_the_data_model_knows(world: DemoHost) -> None:
    enums = world.db.model.enums
    for cls, table in world.db.tables.items():
        for record in world.db.records(cls).values():
            for name, value in record.items():
                kind = table.cls.fields[name].type
                if kind.kind == "enum":
                    assert value in enums[kind.name], f"{cls}.{name}"
                if kind.kind == "set" and kind.args[0].kind == "enum":
                    assert set(value) <= set(enums[kind.args[0].name]), f"{cls}.{name}"


def test_snapshots_are_templates_in_a_tree(world: DemoHost) -> None:
    vms = world.db.records("VM")
    snapshots = {ref: vm for ref, vm in vms.items() if vm["is_a_snapshot"]}
    assert len(snapshots) == 5
    for snapshot in snapshots.values():
        assert snapshot["is_a_template"]
        assert snapshot["snapshot_of"] in vms
        assert "revert" in snapshot["allowed_operations"]
        parent = snapshot["parent"]
        assert parent == NULL_REF or parent in snapshots
    assert max(len(snapshot["children"]) for snapshot in snapshots.values()) == 2


def test_guests_without_tools_allow_no_clean_shutdown(world: DemoHost) -> None:
    without = 0
    for vm in made_by_people(world):
        tools = vm["guest_metrics"] != NULL_REF
        clean = "clean_shutdown" in vm["allowed_operations"]
        if vm["power_state"] == "Running":
            assert clean == tools
        else:
            assert not clean
        without += not tools and vm["power_state"] in ("Running", "Paused")
    assert without == 2


def test_the_full_storage_is_94_percent_full(world: DemoHost) -> None:
    (full,) = [sr for sr in world.db.records("SR").values() if sr["type"] == "lvm"]
    assert full["physical_utilisation"] / full["physical_size"] == pytest.approx(0.94, abs=0.005)


def test_alarms_are_what_perfmon_writes(world: DemoHost) -> None:
    messages = list(world.db.records("message").values())
    alarms = [message for message in messages if message["name"] == "ALARM"]
    kinds: Counter[str] = Counter()
    by_class = {"VM": "VM", "Host": "host", "SR": "SR"}
    for alarm in alarms:
        assert alarm["priority"] == 3
        world.db.by_uuid(by_class[alarm["cls"]], alarm["obj_uuid"])
        first, second, config = alarm["body"].split("\n", 2)
        value = float(first.removeprefix("value: "))
        assert second == "config:"
        variable = fromstring(config)
        assert variable.tag == "variable"
        assert variable[0].tag == "name"
        level = float(variable.find("alarm_trigger_level").get("value"))
        kind = variable[0].get("value")
        assert value < level if kind == "memory_free_kib" else value > level
        kinds[kind] += 1
    assert kinds["cpu_usage"] == 3
    assert len(kinds) == 7
    assert len(messages) - len(alarms) >= 10


def test_same_seed_same_world() -> None:
    worlds = []
    for _ in range(2):
        host = DemoHost(seed=11)
        host.clock = StandingClock()
        build_default_world(host)
        worlds.append({cls: host.db.records(cls) for cls in host.db.tables})
    assert worlds[0] == worlds[1]


async def test_the_export_moves_and_ends() -> None:
    host = DemoHost(seed=3, speed=0.0001)
    build_default_world(host)
    (task,) = host.db.refs("task")
    try:
        before = host.db.get("task", task)["progress"]
        async with asyncio.timeout(10):
            while host.db.get("task", task)["progress"] <= before:
                await host.db.next_write(5)
            while host.db.get("task", task)["status"] == "pending":
                await host.db.next_write(5)
        assert host.db.get("task", task)["status"] == "success"
    finally:
        await host.stop()


async def test_guests_report_again_by_themselves() -> None:
    host = DemoHost(seed=3, speed=0.0001)
    build_default_world(host)
    changed: set[str] = set()
    host.db.on_change(lambda cls, _: changed.add(cls))
    try:
        async with asyncio.timeout(15):
            while "VM_guest_metrics" not in changed:
                await host.db.next_write(5)
    finally:
        await host.stop()
