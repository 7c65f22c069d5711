"""The power states of a VM: what each call leaves behind, and what it refuses.

Source: `xapi.md` 1.5, 1.9, 1.10.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xolite_qt.demo_host import DemoHost, Failure
from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.minimal_world import build_minimal_world

GIB = 1 << 30
ANY = ("Halted", "Paused", "Suspended", "Running")
# Call, its parameters after the VM, the states it is possible in, the state that it leads to.
CALLS: dict[str, tuple[tuple[Any, ...], tuple[str, ...], str]] = {
    "start": ((False, False), ("Halted",), "Running"),
    "unpause": ((), ("Paused",), "Running"),
    "pause": ((), ("Running",), "Paused"),
    "suspend": ((), ("Running",), "Suspended"),
    "resume": ((False, False), ("Suspended",), "Running"),
    "clean_shutdown": ((), ("Running",), "Halted"),
    "clean_reboot": ((), ("Running",), "Running"),
    "hard_shutdown": ((), ("Paused", "Suspended", "Running"), "Halted"),
    "hard_reboot": ((), ("Paused", "Running"), "Running"),
    "snapshot": (("kept", []), ANY, ""),
    "checkpoint": (("kept",), ("Paused", "Suspended", "Running"), ""),
}
SAID = {
    "start": ("VM_STARTED", r"started on host: demo \(uuid: .+\)"),
    "unpause": ("VM_UNPAUSED", "unpaused"),
    "pause": ("VM_PAUSED", "paused"),
    "suspend": ("VM_SUSPENDED", "suspended"),
    "resume": ("VM_RESUMED", r"resumed on host: demo \(uuid: .+\)"),
    "clean_shutdown": ("VM_SHUTDOWN", "shutdown"),
    "clean_reboot": ("VM_REBOOTED", "rebooted cleanly"),
    "hard_shutdown": ("VM_SHUTDOWN", "shutdown forcibly"),
    "hard_reboot": ("VM_REBOOTED", "rebooted forcibly"),
    "snapshot": ("VM_SNAPSHOTTED", "snapshotted, snapshot name: kept"),
    "checkpoint": ("VM_CHECKPOINTED", "checkpointed, snapshot name: kept"),
}


def set_state(host: DemoHost, vm: str, state: str) -> None:
    up = state in ("Running", "Paused")
    where = host.db.refs("host")[0] if up else NULL_REF
    host.db.set("VM", vm, power_state=state, resident_on=where, domid=7 if up else -1)
    host.recompute("VM", vm)


def books(host: DemoHost) -> tuple[int, int]:
    """Memory and room that nobody accounts for; constant, whatever happens."""
    db = host.db
    up = [vm for vm in db.records("VM").values() if vm["power_state"] in ("Running", "Paused")]
    (metrics,) = db.records("host_metrics").values()
    (sr,) = db.records("SR").values()
    return (
        metrics["memory_free"] + sum(vm["memory_dynamic_max"] for vm in up),
        sr["physical_utilisation"]
        - sum(vdi["physical_utilisation"] for vdi in db.records("VDI").values()),
    )


def check_consistent(host: DemoHost, vm: str) -> None:
    db = host.db
    record = db.get("VM", vm)
    up = record["power_state"] in ("Running", "Paused")
    suspended = record["power_state"] == "Suspended"
    assert record["resident_on"] == (host.this_host if up else NULL_REF)
    assert (record["domid"] > 0) == up
    assert record["scheduled_to_be_resident_on"] == NULL_REF
    assert record["current_operations"] == {}
    assert len(record["consoles"]) == up
    assert db.exists("VDI", record["suspend_VDI"]) == suspended
    for vbd in record["VBDs"]:
        attached = db.get("VBD", vbd)["currently_attached"]
        assert attached == (up or suspended)
    listed = set(record["allowed_operations"])
    for name, (_, states, _) in CALLS.items():
        assert (name in listed) == (record["power_state"] in states), name


@settings(max_examples=60)
@given(st.lists(st.sampled_from(sorted(CALLS)), max_size=20))
def test_any_order_of_calls(names: list[str]) -> None:
    async def walk() -> None:
        host = DemoHost(speed=0.0)
        build_minimal_world(host)
        session = host.sessions.open("root", "unit")
        vm = host.db.refs("VM")[1]
        before, state = books(host), "Halted"
        for name in names:
            params, states, leads_to = CALLS[name]
            if state in states:
                await host.dispatch(session, f"VM.{name}", [vm, *params])
                state = leads_to or state
            else:
                with pytest.raises(Failure) as caught:
                    await host.dispatch(session, f"VM.{name}", [vm, *params])
                expected = set(caught.value.params[1].split(", "))
                assert caught.value.code == "VM_BAD_POWER_STATE"
                assert caught.value.params[::2] == (vm, state.lower())
                assert expected == {possible.lower() for possible in states}
            assert host.db.get("VM", vm)["power_state"] == state
            check_consistent(host, vm)
            assert books(host) == before
        await host.stop()

    asyncio.run(walk())


@pytest.mark.parametrize("name", sorted(CALLS))
async def test_every_call_leaves_its_message_once(caller: Any, name: str) -> None:
    params, states, _ = CALLS[name]
    vm = caller.db.refs("VM")[1]
    set_state(caller.host, vm, states[-1])
    await caller(f"VM.{name}", vm, *params)
    (message,) = (await caller("message.get_all_records")).values()
    record = caller.db.get("VM", vm)
    kind, text = SAID[name]
    assert (message["name"], message["priority"]) == (kind, 5)
    assert (message["cls"], message["obj_uuid"]) == ("VM", record["uuid"])
    start = re.escape(f"VM '{record['name_label']}' (uuid: {record['uuid']}) ")
    assert re.fullmatch(start + text, message["body"])


@pytest.mark.parametrize("name", sorted(CALLS))
async def test_a_refused_call_leaves_no_message(caller: Any, name: str) -> None:
    params, states, _ = CALLS[name]
    vm = caller.db.refs("VM")[1]
    caller.db.set("VM", vm, blocked_operations={name: "SOME_REASON"})
    set_state(caller.host, vm, states[0])
    assert name not in caller.db.get("VM", vm)["allowed_operations"]
    with pytest.raises(Failure) as caught:
        await caller(f"VM.{name}", vm, *params)
    assert (caught.value.code, caught.value.params) == ("OPERATION_BLOCKED", (vm, "SOME_REASON"))
    assert caller.db.refs("message") == []


async def test_start_paused(caller: Any) -> None:
    vm = caller.db.refs("VM")[1]
    await caller("VM.start", vm, True, False)
    assert caller.db.get("VM", vm)["power_state"] == "Paused"


async def test_start_on(caller: Any) -> None:
    vm, (host,) = caller.db.refs("VM")[1], caller.db.refs("host")
    await caller("VM.start_on", vm, host, False, False)
    assert caller.db.get("VM", vm)["resident_on"] == host
    assert vm in caller.db.get("host", host)["resident_VMs"]


@pytest.mark.parametrize("state", ["Running", "Paused", "Suspended"])
async def test_shutdown_takes_whatever_way_there_is(caller: Any, state: str) -> None:
    vm = caller.db.refs("VM")[1]
    set_state(caller.host, vm, state)
    await caller("VM.shutdown", vm)
    assert caller.db.get("VM", vm)["power_state"] == "Halted"


async def test_a_host_that_is_full_or_disabled(caller: Any) -> None:
    vm, (host,) = caller.db.refs("VM")[1], caller.db.refs("host")
    caller.db.set("VM", vm, memory_dynamic_max=40 * GIB)
    with pytest.raises(Failure) as caught:
        await caller("VM.start", vm, False, False)
    assert caught.value.description == [
        "HOST_NOT_ENOUGH_FREE_MEMORY",
        str(40 * GIB),
        str(32 * GIB),
    ]
    caller.db.set("host", host, enabled=False)
    with pytest.raises(Failure) as caught:
        await caller("VM.start_on", vm, host, False, False)
    assert caught.value.description == ["HOST_DISABLED", host]
    assert caller.db.get("VM", vm)["current_operations"] == {}


async def test_a_guest_without_tools(caller: Any) -> None:
    vm = caller.db.refs("VM")[1]
    caller.db.set("VM", vm, HVM_boot_policy="BIOS order")
    set_state(caller.host, vm, "Running")
    listed = caller.db.get("VM", vm)["allowed_operations"]
    for name in ("clean_shutdown", "clean_reboot", "suspend"):
        assert name not in listed
        with pytest.raises(Failure) as caught:
            await caller(f"VM.{name}", vm)
        assert caught.value.description == ["VM_LACKS_FEATURE", vm]
    assert {"hard_shutdown", "hard_reboot", "pause"} <= set(listed)
    await caller("VM.shutdown", vm)
    assert caller.db.get("VM", vm)["power_state"] == "Halted"


async def test_templates_and_snapshots_do_not_start(caller: Any) -> None:
    vm, other = caller.db.refs("VM")[1:3]
    snapshot = await caller("VM.snapshot", vm, "kept", [])
    caller.db.set("VM", other, is_a_template=True)
    for ref, code in ((snapshot, "VM_IS_SNAPSHOT"), (other, "VM_IS_TEMPLATE")):
        with pytest.raises(Failure) as caught:
            await caller("VM.start", ref, False, False)
        assert caught.value.description == [code, ref, "start"]


# While it takes its time


async def operating_on(caller: Any, vm: str, operation: str) -> None:
    async with asyncio.timeout(5):
        while operation not in caller.db.get("VM", vm)["current_operations"].values():
            await caller.db.next_write(5)


async def ended(caller: Any, task: str) -> dict[str, Any]:
    async with asyncio.timeout(5):
        while True:
            record = await caller("task.get_record", task)
            if record["status"] not in ("pending", "cancelling"):
                return dict(record)
            await asyncio.sleep(0.005)


async def test_a_call_shows_while_it_runs(caller: Any) -> None:
    vm = caller.db.refs("VM")[1]
    task = await caller("Async.VM.start", vm, False, False)
    await operating_on(caller, vm, "start")
    record = caller.db.get("VM", vm)
    assert record["current_operations"] == {task: "start"}
    assert "start" not in record["allowed_operations"]
    with pytest.raises(Failure) as caught:
        await caller("VM.start", vm, False, False)
    assert caught.value.description == ["OTHER_OPERATION_IN_PROGRESS", "VM", vm, "start", task]
    assert (await ended(caller, task))["status"] == "success"
    check_consistent(caller.host, vm)


@pytest.mark.parametrize("name", ["start", "suspend", "clean_shutdown", "clean_reboot", "resume"])
async def test_cancelled_on_the_way(caller: Any, name: str) -> None:
    params, states, _ = CALLS[name]
    vm = caller.db.refs("VM")[1]
    caller.host.speed = 0.0
    if states != ("Halted",):
        await caller("VM.start", vm, False, False)
    if states == ("Suspended",):
        await caller("VM.suspend", vm)
    caller.host.speed = 0.2
    before, messages = books(caller.host), len(caller.db.refs("message"))
    task = await caller(f"Async.VM.{name}", vm, *params)
    await operating_on(caller, vm, name)
    await caller("task.cancel", task)
    record = await ended(caller, task)
    assert (record["status"], record["error_info"]) == ("cancelled", ["TASK_CANCELLED", task])
    assert caller.db.get("VM", vm)["power_state"] == states[0]
    check_consistent(caller.host, vm)
    assert books(caller.host) == before
    assert len(caller.db.refs("message")) == messages


@pytest.mark.parametrize("name", ["clean_shutdown", "clean_reboot", "suspend", "hard_reboot"])
@pytest.mark.parametrize("asynchronous", [True, False])
async def test_force_ends_what_was_under_way(caller: Any, name: str, asynchronous: bool) -> None:
    vm = caller.db.refs("VM")[1]
    caller.host.speed = 0.0
    await caller("VM.start", vm, False, False)
    before = books(caller.host)
    caller.host.speed = 0.05
    if asynchronous:
        slow = asyncio.create_task(ended(caller, await caller(f"Async.VM.{name}", vm)))
    else:
        slow = asyncio.create_task(caller(f"VM.{name}", vm))
    await operating_on(caller, vm, name)
    await caller("VM.hard_shutdown", vm)
    assert caller.db.get("VM", vm)["power_state"] == "Halted"
    # The other call ends without a success; the VM stays down.
    if asynchronous:
        assert (await slow)["error_info"][0] == "TASK_CANCELLED"
    else:
        with pytest.raises(Failure) as caught:
            await slow
        assert caught.value.code == "TASK_CANCELLED"
    assert caller.db.get("VM", vm)["power_state"] == "Halted"
    check_consistent(caller.host, vm)
    assert books(caller.host) == before


async def test_force_ends_a_resume(caller: Any) -> None:
    vm = caller.db.refs("VM")[1]
    caller.host.speed = 0.0
    before = books(caller.host)
    await caller("VM.start", vm, False, False)
    await caller("VM.suspend", vm)
    caller.host.speed = 0.2
    slow = await caller("Async.VM.resume", vm, False, False)
    await operating_on(caller, vm, "resume")
    await caller("VM.hard_shutdown", vm)
    assert (await ended(caller, slow))["status"] == "cancelled"
    assert caller.db.get("VM", vm)["power_state"] == "Halted"
    check_consistent(caller.host, vm)
    assert books(caller.host) == before


async def test_force_leaves_other_vms_alone(caller: Any) -> None:
    first, second = caller.db.refs("VM")[1:3]
    caller.host.speed = 0.0
    for vm in (first, second):
        await caller("VM.start", vm, False, False)
    caller.host.speed = 0.05
    slow = await caller("Async.VM.clean_reboot", second)
    await operating_on(caller, second, "clean_reboot")
    await caller("VM.hard_shutdown", first)
    assert (await ended(caller, slow))["status"] == "success"
    assert caller.db.get("VM", second)["power_state"] == "Running"


# What the guest tells


async def test_a_guest_tells_its_addresses_a_while_after_the_start(caller: Any) -> None:
    vm = caller.db.refs("VM")[0]
    guest = caller.db.create(
        "VM_guest_metrics",
        os_version={"name": "Debian 12"},
        PV_drivers_version={"major": "7", "minor": "30"},
        networks={"0/ip": "192.0.2.7", "0/ipv4/0": "192.0.2.7", "0/ipv6/0": "2001:db8::7"},
        other={"feature-shutdown": "1"},
        live=True,
    )
    caller.db.set("VM", vm, guest_metrics=guest)
    caller.db.set("VIF", caller.db.get("VM", vm)["VIFs"][0], currently_attached=True)
    networks = dict(caller.db.get("VM_guest_metrics", guest)["networks"])
    await caller("VM.clean_reboot", vm)
    assert caller.db.get("VM_guest_metrics", guest)["networks"] == {}
    async with asyncio.timeout(5):
        while not caller.db.get("VM_guest_metrics", guest)["networks"]:
            await caller.db.next_write(5)
    assert caller.db.get("VM_guest_metrics", guest)["networks"] == networks
    assert caller.db.get("VM_guest_metrics", guest)["os_version"] == {"name": "Debian 12"}
    await caller("VM.hard_shutdown", vm)
    assert caller.db.get("VM_guest_metrics", guest)["networks"] == {}
