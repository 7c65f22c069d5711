"""A host's own life: maintenance, reboot, evacuation, plugins.

Source: `xapi.md` 1.5, 1.11.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from xolite_qt.demo_host import DemoHost, Failure
from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.worlds import generate_world


class Pool:
    """A pool of two hosts, of which the second is no master."""

    def __init__(self, host: DemoHost) -> None:
        self.host = host
        self.db = host.db
        self.session = host.sessions.open("root", "unit")
        self.master = host.this_host
        (self.member,) = [ref for ref in host.db.refs("host") if ref != self.master]
        # Every state that the member was in: on a busy machine it is back before one looks.
        self.was_live: list[bool] = []
        metrics = host.db.get("host", self.member)["metrics"]

        def changed(cls: str, ref: str) -> None:
            if ref == metrics:
                self.was_live.append(host.db.get(cls, ref)["live"])

        host.db.on_change(changed)

    async def __call__(self, name: str, *params: Any) -> Any:
        return await self.host.dispatch(self.session, name, params)

    def on(self, host: str) -> list[str]:
        return list(self.db.get("host", host)["resident_VMs"])


@pytest_asyncio.fixture
async def pool() -> AsyncIterator[Pool]:
    host = DemoHost(speed=0.0)
    generate_world(host, hosts=2, vms=6)
    # Storages that both reach, and room for all VMs on either.
    for metrics in host.db.refs("host_metrics"):
        host.db.set("host_metrics", metrics, memory_total=1 << 40, memory_free=1 << 39)
    yield Pool(host)
    await host.stop()


async def member_was(pool: Pool, *, live: bool) -> None:
    async with asyncio.timeout(8):
        while live not in pool.was_live:
            await pool.db.next_write(5)
    pool.was_live.clear()


async def test_a_disabled_host_starts_nothing(caller: Any) -> None:
    (host,), vm = caller.db.refs("host"), caller.db.refs("VM")[1]
    assert {"evacuate", "vm_start"} <= set(caller.db.get("host", host)["allowed_operations"])
    await caller("host.disable", host)
    record = await caller("host.get_record", host)
    assert record["enabled"] is False
    assert {"reboot", "shutdown"} <= set(record["allowed_operations"])
    assert "vm_start" not in record["allowed_operations"]
    with pytest.raises(Failure):
        await caller("VM.start", vm, False, False)
    await caller("host.enable", host)
    assert (await caller("host.get_record", host))["enabled"] is True
    await caller("VM.start", vm, False, False)


async def test_operations_are_those_of_the_data_model(caller: Any) -> None:
    (host,) = caller.db.refs("host")
    known = caller.db.model.enums["host_allowed_operations"]
    for name in ("host.disable", "host.enable"):
        await caller(name, host)
        assert set(caller.db.get("host", host)["allowed_operations"]) <= set(known)


@pytest.mark.parametrize("name", ["reboot", "shutdown"])
async def test_an_enabled_host_does_not_go_down(caller: Any, name: str) -> None:
    (host,) = caller.db.refs("host")
    assert name not in caller.db.get("host", host)["allowed_operations"]
    with pytest.raises(Failure) as caught:
        await caller(f"host.{name}", host)
    assert caught.value.description == ["HOST_NOT_DISABLED"]


async def test_a_reboot(pool: Pool) -> None:
    await pool("host.disable", pool.member)
    vms = pool.on(pool.member)
    pool.host.speed = 0.005
    await pool("host.reboot", pool.member)
    # It answers at once; the machine goes later.
    assert list(pool.db.get("host", pool.member)["current_operations"].values()) == ["shutdown"]
    assert pool.db.get("host", pool.member)["allowed_operations"] == []
    assert pool.on(pool.member) == vms
    await member_was(pool, live=False)
    assert pool.on(pool.member) == []
    assert {pool.db.get("VM", vm)["power_state"] for vm in vms} == {"Halted"}
    async with asyncio.timeout(5):
        while not pool.db.get("host", pool.member)["enabled"]:
            await pool.db.next_write(5)
    record = pool.db.get("host", pool.member)
    assert record["current_operations"] == {}
    assert float(record["other_config"]["boot_time"]) > pool.host.clock.time_s() - 60


async def test_a_member_that_is_shut_down_stays_away(pool: Pool) -> None:
    await pool("host.disable", pool.member)
    await pool("host.shutdown", pool.member)
    await member_was(pool, live=False)
    halted = next(ref for ref, vm in pool.db.records("VM").items() if vm["power_state"] == "Halted")
    with pytest.raises(Failure):
        await pool("VM.start_on", halted, pool.member, False, False)
    await asyncio.sleep(0.05)
    metrics = pool.db.get("host", pool.member)["metrics"]
    assert pool.db.get("host_metrics", metrics)["live"] is False


@pytest.mark.parametrize("name", ["VM.hard_reboot", "VM.suspend"])
async def test_a_host_takes_down_what_was_under_way(pool: Pool, name: str) -> None:
    (vm, *_) = pool.on(pool.member)
    pool.db.set("VM", vm, HVM_boot_policy="")
    await pool("host.disable", pool.member)
    pool.host.speed = 0.005
    await pool("host.reboot", pool.member)
    pool.host.speed = 0.2
    slow = await pool(f"Async.{name}", vm)
    async with asyncio.timeout(5):
        while pool.db.get("VM", vm)["current_operations"] == {}:
            await pool.db.next_write(5)
    pool.host.speed = 0.005
    await member_was(pool, live=False)
    async with asyncio.timeout(8):
        while pool.db.get("task", slow)["status"] == "pending":
            await pool.db.next_write(5)
    assert pool.db.get("task", slow)["status"] == "cancelled"
    record = pool.db.get("VM", vm)
    assert (record["power_state"], record["resident_on"]) == ("Halted", NULL_REF)


async def test_evacuation_empties_a_host(pool: Pool) -> None:
    vms = pool.on(pool.member)
    assert vms
    await pool("host.disable", pool.member)
    assert await pool("host.get_vms_which_prevent_evacuation", pool.member) == {}
    await pool("host.assert_can_evacuate", pool.member)
    await pool("host.evacuate", pool.member)
    assert pool.on(pool.member) == []
    assert set(vms) <= set(pool.on(pool.master))
    assert {pool.db.get("VM", vm)["power_state"] for vm in vms} == {"Running"}
    assert pool.db.get("host", pool.member)["current_operations"] == {}
    moved = [m["obj_uuid"] for m in pool.db.records("message").values()]
    assert sorted(moved) == sorted(pool.db.get("VM", vm)["uuid"] for vm in vms)


async def test_the_only_host_cannot_be_evacuated(caller: Any) -> None:
    (host,), vm = caller.db.refs("host"), caller.db.refs("VM")[0]
    stuck = await caller("host.get_vms_which_prevent_evacuation", host)
    assert list(stuck) == [vm]
    assert stuck[vm][0].isupper()
    for name in ("host.assert_can_evacuate", "host.evacuate"):
        with pytest.raises(Failure) as caught:
            await caller(name, host)
        assert caught.value.code == "CANNOT_EVACUATE_HOST"
    assert caller.db.get("VM", vm)["power_state"] == "Running"
    await caller("VM.hard_shutdown", vm)
    assert await caller("host.get_vms_which_prevent_evacuation", host) == {}
    await caller("host.evacuate", host)


async def test_the_time(caller: Any) -> None:
    (host,) = caller.db.refs("host")
    assert await caller("host.get_servertime", host) == caller.host.clock.iso()


# Plugins


async def test_updates(caller: Any) -> None:
    (host,) = caller.db.refs("host")
    text = await caller("host.call_plugin", host, "updater.py", "check_update", {})
    updates = json.loads(text)
    assert updates
    for update in updates:
        assert {"name", "version", "release", "description", "changelog", "size"} <= set(update)
    assert await caller("host.call_plugin", host, "updater.py", "check_update", {}) == text
    name = updates[0]["name"]
    installed = await caller(
        "host.call_plugin", host, "updater.py", "query_installed", {"packages": f"{name},no-such"}
    )
    assert set(json.loads(installed)) >= {name}
    await caller("host.call_plugin", host, "updater.py", "update", {})
    again = await caller("host.call_plugin", host, "updater.py", "check_update", {})
    assert json.loads(again) == []


async def test_plugins_that_are_not_there(caller: Any) -> None:
    (host,) = caller.db.refs("host")
    with pytest.raises(Failure) as caught:
        await caller("host.call_plugin", host, "no-such-plugin", "fn", {})
    assert caught.value.description == ["XENAPI_MISSING_PLUGIN", "no-such-plugin"]
    with pytest.raises(Failure) as caught:
        await caller("host.call_plugin", host, "updater.py", "no_such_function", {})
    assert caught.value.code == "XENAPI_PLUGIN_FAILURE"
    assert len(caught.value.params) == 3


@pytest.mark.parametrize(
    ("plugin", "function"),
    [
        ("hyperthreading.py", "get_hyperthreading"),
        ("raid.py", "check_raid_pool"),
        ("zfs.py", "list_zfs_pools"),
        ("smartctl.py", "health"),
        ("smartctl.py", "information"),
        ("lsblk.py", "list_block_devices"),
    ],
)
async def test_plugins_answer_in_json(caller: Any, plugin: str, function: str) -> None:
    (host,) = caller.db.refs("host")
    text = await caller("host.call_plugin", host, plugin, function, {})
    assert isinstance(text, str)
    json.loads(text)


async def test_the_fault_switch_is_a_plugin_too(caller: Any) -> None:
    (host,) = caller.db.refs("host")
    await caller("host.call_plugin", host, "xolite-demo", "slow", {"seconds": "2.5"})
    assert caller.host.faults.delay_s == 2.5
    await caller("host.call_plugin", host, "xolite-demo", "clear", {})
    assert caller.host.faults.delay_s == 0.0
