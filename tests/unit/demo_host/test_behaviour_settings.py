"""Settings of VMs and hosts, moves with disks, data sources: what goes through and what does not.

Source: `xapi.md` 1.5, 1.8, 1.10, 1.11.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.unit.demo_host.conftest import Caller
from xolite_qt.demo_host import DemoHost, Failure
from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.worlds import build_default_world, generate_world

GIB = 1 << 30


async def refused(caller: Caller, name: str, *params: Any) -> list[str]:
    with pytest.raises(Failure) as caught:
        await caller(name, *params)
    return caught.value.description


def in_state(caller: Caller, state: str) -> str:
    """A VM in a power state; neither template nor control domain."""
    for ref, vm in caller.db.records("VM").items():
        kind = vm["is_a_template"] or vm["is_control_domain"]
        if vm["power_state"] == state and not kind:
            return ref
    raise KeyError(state)


@pytest_asyncio.fixture
async def practice() -> AsyncIterator[Caller]:
    host = DemoHost(speed=0.0)
    build_default_world(host)
    yield Caller(host)
    await host.stop()


@pytest_asyncio.fixture
async def pool() -> AsyncIterator[Caller]:
    """Two hosts."""
    host = DemoHost(speed=0.0)
    generate_world(host, hosts=2, vms=8)
    yield Caller(host)
    await host.stop()


# Memory and processors


async def test_memory_of_a_halted_vm(practice: Caller) -> None:
    vm = in_state(practice, "Halted")
    record = practice.db.get("VM", vm)
    await practice("VM.set_memory_limits", vm, GIB, 8 * GIB, 2 * GIB, 4 * GIB)
    names = ("static_min", "dynamic_min", "dynamic_max", "static_max")
    assert [record[f"memory_{name}"] // GIB for name in names] == [1, 2, 4, 8]
    await practice("VM.set_memory", vm, 3 * GIB)
    assert [record[f"memory_{name}"] // GIB for name in names] == [1, 3, 3, 3]
    await practice("VM.set_memory_static_max", vm, 6 * GIB)
    await practice("VM.set_memory_dynamic_range", vm, GIB, 5 * GIB)
    assert [record[f"memory_{name}"] // GIB for name in names] == [1, 1, 5, 6]


@pytest.mark.parametrize(
    "limits",
    [(4 * GIB, GIB, GIB, GIB), (GIB, 2 * GIB, 2 * GIB, 4 * GIB), (GIB, 4 * GIB, 3 * GIB, 2 * GIB)],
)
async def test_memory_out_of_order(practice: Caller, limits: tuple[int, ...]) -> None:
    vm = in_state(practice, "Halted")
    before = dict(practice.db.get("VM", vm))
    answer = await refused(practice, "VM.set_memory_limits", vm, *limits)
    assert answer[0] == "MEMORY_CONSTRAINT_VIOLATION"
    assert practice.db.get("VM", vm) == before


async def test_memory_of_a_running_vm(practice: Caller) -> None:
    vm = in_state(practice, "Running")
    size = practice.db.get("VM", vm)["memory_dynamic_max"]
    metrics = practice.db.get("host_metrics", practice.db.refs("host_metrics")[0])
    free = metrics["memory_free"]
    for name in ("memory", "memory_static_max", "VCPUs_max", "VCPUs_at_startup"):
        answer = await refused(practice, f"VM.set_{name}", vm, 2)
        assert answer == ["VM_BAD_POWER_STATE", vm, "halted", "running"]
    await practice("VM.set_memory_dynamic_range", vm, size // 2, size // 2)
    assert metrics["memory_free"] == free + size - size // 2
    await practice("VM.hard_shutdown", vm)
    assert metrics["memory_free"] == free + size


async def test_processors(practice: Caller) -> None:
    vm, running = in_state(practice, "Halted"), in_state(practice, "Running")
    await practice("VM.set_VCPUs_max", vm, 16)
    await practice("VM.set_VCPUs_at_startup", vm, 8)
    assert (await refused(practice, "VM.set_VCPUs_at_startup", vm, 17))[0] == "INVALID_VALUE"
    assert (await refused(practice, "VM.set_VCPUs_max", vm, 4))[0] == "INVALID_VALUE"
    await practice("VM.set_VCPUs_number_live", running, 1)
    record = practice.db.get("VM", running)
    assert practice.db.get("VM_metrics", record["metrics"])["VCPUs_number"] == 1


# What is allowed


async def test_what_is_blocked_is_not_allowed(practice: Caller) -> None:
    vm = in_state(practice, "Halted")
    await practice("VM.add_to_blocked_operations", vm, "destroy", "KEEP_TEN_YEARS")
    assert "destroy" not in practice.db.get("VM", vm)["allowed_operations"]
    assert await refused(practice, "VM.destroy", vm) == ["OPERATION_BLOCKED", vm, "KEEP_TEN_YEARS"]
    again = await refused(practice, "VM.add_to_blocked_operations", vm, "destroy", "x")
    assert again[0] == "MAP_DUPLICATE_KEY"
    await practice("VM.remove_from_blocked_operations", vm, "destroy")
    await practice("VM.assert_operation_valid", vm, "destroy")
    await practice("VM.destroy", vm)


async def test_the_control_domain_is_left_alone(practice: Caller) -> None:
    (dom0,) = [ref for ref, vm in practice.db.records("VM").items() if vm["is_control_domain"]]
    assert set(practice.db.get("VM", dom0)["allowed_operations"]) == {
        "metadata_export",
        "changing_dynamic_range",
    }
    assert (await refused(practice, "VM.hard_shutdown", dom0))[0] == "OPERATION_NOT_ALLOWED"


async def test_bios_strings_are_copied_once(practice: Caller) -> None:
    vm, host = in_state(practice, "Halted"), practice.db.refs("host")[0]
    practice.db.set("VM", vm, bios_strings={})
    await practice("VM.copy_bios_strings", vm, host)
    theirs = practice.db.get("host", host)["bios_strings"]
    mine = practice.db.get("VM", vm)["bios_strings"]
    assert mine["system-manufacturer"] == theirs["system-manufacturer"]
    assert await refused(practice, "VM.copy_bios_strings", vm, host) == [
        "VM_BIOS_STRINGS_ALREADY_SET"
    ]


async def test_a_vm_of_nothing(practice: Caller) -> None:
    template = next(r for r, vm in practice.db.records("VM").items() if vm["is_default_template"])
    fields = practice.db.model.classes["VM"].fields
    record = {
        name: value
        for name, value in practice.db.get("VM", template).items()
        if fields[name].qualifier != "RO/runtime"
    }
    vm = await practice("VM.create", {**record, "name_label": "bare", "is_a_template": False})
    made = practice.db.get("VM", vm)
    assert (made["power_state"], made["domid"], made["VBDs"]) == ("Halted", -1, [])
    assert practice.db.exists("VM_metrics", made["metrics"])
    assert "start" in made["allowed_operations"]
    assert (await refused(practice, "VM.create", {**record, "VCPUs_max": 0}))[0] == "INVALID_VALUE"


# Moves


async def test_a_move_keeps_the_time_of_start(pool: Caller) -> None:
    vm = in_state(pool, "Running")
    record = pool.db.get("VM", vm)
    before, domid = record["resident_on"], record["domid"]
    started = pool.db.get("VM_metrics", record["metrics"])["start_time"]
    (target,) = [ref for ref in pool.db.refs("host") if ref != before]
    free = {
        ref: pool.db.get("host_metrics", pool.db.get("host", ref)["metrics"])
        for ref in (before, target)
    }
    was = {ref: metrics["memory_free"] for ref, metrics in free.items()}
    await pool("VM.pool_migrate", vm, target, {"live": "true"})
    assert record["resident_on"] == target
    assert record["domid"] not in (domid, -1)
    assert vm in pool.db.get("host", target)["resident_VMs"]
    assert pool.db.get("VM_metrics", record["metrics"])["start_time"] == started
    size = record["memory_dynamic_max"]
    assert free[target]["memory_free"] == was[target] - size
    assert free[before]["memory_free"] == was[before] + size
    (message,) = [m for m in pool.db.records("message").values() if m["name"] == "VM_MIGRATED"]
    names = [pool.db.get("host", ref)["name_label"] for ref in (before, target)]
    assert f"migrated from host '{names[0]}'" in message["body"]
    assert f"to host '{names[1]}'" in message["body"]


async def test_a_move_to_a_host_that_takes_nobody(pool: Caller) -> None:
    vm = in_state(pool, "Running")
    before = pool.db.get("VM", vm)["resident_on"]
    (target,) = [ref for ref in pool.db.refs("host") if ref != before]
    await pool("host.disable", target)
    assert await refused(pool, "VM.pool_migrate", vm, target, {}) == ["HOST_DISABLED", target]
    assert pool.db.get("VM", vm)["resident_on"] == before
    assert target not in await pool("VM.get_possible_hosts", vm)
    answer = await refused(pool, "VM.assert_can_boot_here", vm, target)
    assert answer == ["HOST_DISABLED", target]


@pytest.mark.parametrize("state", ["Running", "Halted"])
async def test_a_move_with_its_disk(pool: Caller, state: str) -> None:
    vm = in_state(pool, state)
    (vdi,) = [
        drive["VDI"]
        for drive in (pool.db.get("VBD", ref) for ref in pool.db.get("VM", vm)["VBDs"])
        if drive["type"] == "Disk"
    ]
    source = pool.db.get("VDI", vdi)["SR"]
    sr = next(ref for ref in pool.db.refs("SR") if ref != source)
    used = pool.db.get("SR", sr)["physical_utilisation"]
    host = pool.db.get("VM", vm)["resident_on"]
    (target,) = [ref for ref in pool.db.refs("host") if ref != host][:1]
    network = pool.db.refs("network")[0]
    dest = await pool("host.migrate_receive", target, network, {})
    await pool("VM.assert_can_migrate", vm, dest, True, {vdi: sr}, {}, {})
    assert await pool("VM.migrate_send", vm, dest, True, {vdi: sr}, {}, {}) == vm
    disk = pool.db.get("VDI", vdi)
    assert disk["SR"] == sr
    assert pool.db.get("SR", sr)["physical_utilisation"] == used + disk["physical_utilisation"]
    expected = target if state == "Running" else NULL_REF
    assert pool.db.get("VM", vm)["resident_on"] == expected


# Hosts


async def test_settings_of_a_host(practice: Caller) -> None:
    host = practice.db.refs("host")[0]
    record = practice.db.get("host", host)
    await practice("host.set_hostname_live", host, "brightwater-2")
    assert record["hostname"] == "brightwater-2"
    assert await refused(practice, "host.set_hostname_live", host, "no name") == [
        "HOST_NAME_INVALID",
        "no name",
    ]
    management = await practice("host.get_management_interface", host)
    assert practice.db.get("PIF", management)["management"]
    assert await refused(practice, "host.power_on", host) == ["HOST_POWER_ON_NOT_CONFIGURED", host]
    assert await refused(practice, "host.destroy", host) == ["HOST_IS_LIVE", host]
    assert (await practice("host.get_server_certificate", host)).startswith("-----BEGIN")
    assert "VM.start" in await practice("host.list_methods")


async def test_the_crash_dump_storage_is_a_plain_field(practice: Caller) -> None:
    host, pool = practice.db.refs("host")[0], practice.db.refs("pool")[0]
    iso = next(ref for ref, sr in practice.db.records("SR").items() if sr["type"] == "iso")
    for sr in (iso, NULL_REF):
        await practice("host.set_crash_dump_sr", host, sr)
        await practice("pool.set_crash_dump_SR", pool, sr)
        assert practice.db.get("host", host)["crash_dump_sr"] == sr
        assert practice.db.get("pool", pool)["crash_dump_SR"] == sr


# Data sources


async def test_data_sources(practice: Caller) -> None:
    host = practice.host
    for cls, ref, name in (
        ("host", practice.db.refs("host")[0], "memory_total_kib"),
        ("VM", in_state(practice, "Running"), "cpu0"),
        ("SR", practice.db.refs("SR")[0], "physical_utilisation"),
    ):
        sources = await host.dispatch(practice.session, f"{cls}.get_data_sources", (ref,))
        by_name = {source["name_label"]: source for source in sources}
        assert by_name[name]["enabled"]
        value = await host.dispatch(practice.session, f"{cls}.query_data_source", (ref, name))
        assert math.isfinite(value)
        answer = await refused(practice, f"{cls}.query_data_source", ref, "no such")
        assert answer[0] == "INTERNAL_ERROR"
