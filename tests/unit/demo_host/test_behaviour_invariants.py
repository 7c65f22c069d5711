"""Whatever is called on the VMs of a pool, in whatever order, the records stay true.

Source: `xapi.md` 1.7, 1.10.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from xolite_qt.demo_host import DemoHost, Failure
from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.worlds import generate_world

# Two or more VMs may want the last memory or the last room; that is no broken promise.
NO_ROOM = {
    "NO_HOSTS_AVAILABLE",
    "HOST_NOT_ENOUGH_FREE_MEMORY",
    "HOST_DISABLED",
    "SR_FULL",
    "VM_REQUIRES_SR",
}
# Operation in the list of allowed ones -> the call, and its parameters after the VM.
CALLS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "start": ("VM.start", (False, False)),
    "clean_shutdown": ("VM.clean_shutdown", ()),
    "hard_shutdown": ("VM.hard_shutdown", ()),
    "clean_reboot": ("VM.clean_reboot", ()),
    "hard_reboot": ("VM.hard_reboot", ()),
    "pause": ("VM.pause", ()),
    "unpause": ("VM.unpause", ()),
    "suspend": ("VM.suspend", ()),
    "resume": ("VM.resume", (False, False)),
    "snapshot": ("VM.snapshot", ("kept", [])),
    "checkpoint": ("VM.checkpoint", ("kept with memory",)),
    "revert": ("VM.revert", ()),
    "clone": ("VM.clone", ("second",)),
    "copy": ("VM.copy", ("full second", NULL_REF)),
    "provision": ("VM.provision", ()),
    "destroy": ("VM.destroy", ()),
    "make_into_template": ("VM.set_is_a_template", (True,)),
}
MOST_VMS = 25


class Pool(RuleBasedStateMachine):
    """Calls on the VMs of a small pool, one or two at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.host: DemoHost = self.runner.run(self.build())

    async def build(self) -> DemoHost:
        host = DemoHost(speed=0.0)
        generate_world(host, hosts=2, vms=5)
        self.session = host.sessions.open("root", "machine")
        for ref in host.db.refs("VM"):
            host.recompute("VM", ref)
        return host

    def teardown(self) -> None:
        self.runner.run(self.host.stop())
        self.runner.close()

    def vms(self) -> list[str]:
        return sorted(self.host.db.refs("VM"))

    async def call(self, name: str, *params: Any) -> Any:
        return await self.host.dispatch(self.session, name, params)

    @rule(number=st.integers(0, 99), operation=st.sampled_from(sorted(CALLS)))
    def one(self, number: int, operation: str) -> None:
        """What is in the list succeeds; what is not, is refused."""
        vms = self.vms()
        if not vms or (operation in ("clone", "copy", "snapshot") and len(vms) > MOST_VMS):
            return
        vm = vms[number % len(vms)]
        record = self.host.db.get("VM", vm)
        allowed = operation in record["allowed_operations"]
        if operation == "make_into_template" and record["is_a_template"]:
            return
        name, params = CALLS[operation]
        try:
            self.runner.run(self.call(name, vm, *params))
        except Failure as failure:
            outcome = failure.code
        else:
            outcome = ""
        if allowed:
            assert outcome in {"", "VM_REVERT_FAILED"} | NO_ROOM
        else:
            assert outcome, f"{operation} went through, though it was not allowed"

    @rule(
        number=st.integers(0, 99), operations=st.lists(st.sampled_from(sorted(CALLS)), max_size=3)
    )
    def several(self, number: int, operations: list[str]) -> None:
        """At once on one VM: some are refused, none leaves a trace of itself."""
        vms = self.vms()
        if not vms or len(vms) > MOST_VMS:
            return
        vm = vms[number % len(vms)]

        async def together() -> list[Any]:
            calls = (self.call(CALLS[op][0], vm, *CALLS[op][1]) for op in operations)
            return await asyncio.gather(*calls, return_exceptions=True)

        for outcome in self.runner.run(together()):
            assert not isinstance(outcome, Exception) or isinstance(outcome, Failure), outcome

    @rule(number=st.integers(0, 99), operation=st.sampled_from(sorted(CALLS)))
    def cancelled(self, number: int, operation: str) -> None:
        """A task that is cancelled at once ends, one way or the other."""
        vms = self.vms()
        if not vms or len(vms) > MOST_VMS or operation == "make_into_template":
            return
        name, params = CALLS[operation]

        async def run() -> str:
            task = await self.call(f"Async.{name}", vms[number % len(vms)], *params)
            handle = self.host.tasks.handle(task)
            if handle is not None:
                handle.cancel()
            for _ in range(200):
                if self.host.db.get("task", task)["finished"] > "1971":
                    break
                await asyncio.sleep(0.001)
            return str(self.host.db.get("task", task)["status"])

        assert self.runner.run(run()) in ("success", "failure", "cancelled")

    @rule(number=st.integers(0, 1), enabled=st.booleans())
    def switch(self, number: int, enabled: bool) -> None:
        """A host takes VMs, or does not."""
        host = sorted(self.host.db.refs("host"))[number]
        self.runner.run(self.call("host.enable" if enabled else "host.disable", host))

    @invariant()
    def power_state_place_and_number_agree(self) -> None:
        db = self.host.db
        numbers = []
        for vm in db.records("VM").values():
            live = vm["power_state"] in ("Running", "Paused")
            assert (vm["resident_on"] != NULL_REF) == live, vm["power_state"]
            assert (vm["domid"] > 0) == live
            assert (vm["suspend_VDI"] != NULL_REF) == (vm["power_state"] == "Suspended")
            assert vm["scheduled_to_be_resident_on"] == NULL_REF
            if live:
                numbers.append(vm["domid"])
                assert not vm["is_a_template"]
        assert len(numbers) == len(set(numbers))

    @invariant()
    def nothing_is_under_way(self) -> None:
        db = self.host.db
        for ref, vm in db.records("VM").items():
            assert vm["current_operations"] == {}
            before = list(vm["allowed_operations"])
            self.host.recompute("VM", ref)
            assert before == db.get("VM", ref)["allowed_operations"]

    @invariant()
    def devices_follow_their_vm(self) -> None:
        db = self.host.db
        for ref, vm in db.records("VM").items():
            held = vm["power_state"] in ("Running", "Paused", "Suspended")
            for cls in ("VBD", "VIF"):
                for device in vm[f"{cls}s"]:
                    record = db.get(cls, device)
                    assert record["VM"] == ref
                    if not vm["is_a_snapshot"]:
                        assert record["currently_attached"] == held

    @invariant()
    def references_hold_both_ways(self) -> None:
        db = self.host.db
        for cls, field, other, mirror in (
            ("VBD", "VM", "VM", "VBDs"),
            ("VBD", "VDI", "VDI", "VBDs"),
            ("VIF", "VM", "VM", "VIFs"),
            ("VIF", "network", "network", "VIFs"),
            ("VDI", "SR", "SR", "VDIs"),
            ("VM", "resident_on", "host", "resident_VMs"),
            ("VM", "parent", "VM", "children"),
            ("console", "VM", "VM", "consoles"),
        ):
            for ref, record in db.records(cls).items():
                target = record[field]
                if target != NULL_REF:
                    # A snapshot's VM may be gone; whatever else is named is there.
                    assert db.exists(other, target), (cls, field)
                    assert ref in db.get(other, target)[mirror]
            for ref, record in db.records(other).items():
                for one in record[mirror]:
                    assert db.get(cls, one)[field] == ref
        for vm in db.records("VM").values():
            assert db.exists("VM_metrics", vm["metrics"])
            if vm["suspend_VDI"] != NULL_REF:
                assert db.exists("VDI", vm["suspend_VDI"])

    @invariant()
    def memory_and_room_add_up(self) -> None:
        db = self.host.db
        for host in db.records("host").values():
            metrics = db.get("host_metrics", host["metrics"])
            assert 0 <= metrics["memory_free"] <= metrics["memory_total"]
        for sr in db.records("SR").values():
            assert 0 <= sr["physical_utilisation"] <= sr["physical_size"]


TestPool = Pool.TestCase
TestPool.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize("state", ["Halted", "Running"])
async def test_memory_is_given_back(state: str) -> None:
    """As often as a VM starts and stops, the host's free memory is the same afterwards."""
    host = DemoHost(speed=0.0)
    generate_world(host, hosts=1, vms=8)
    session = host.sessions.open("root", "unit")
    db = host.db
    vm = next(ref for ref, record in db.records("VM").items() if record["power_state"] == state)
    metrics = db.refs("host_metrics")[0]
    before = db.get("host_metrics", metrics)["memory_free"]
    calls = [("VM.hard_shutdown", ()), ("VM.start", (False, False))]
    for name, params in calls if state == "Running" else reversed(calls):
        await host.dispatch(session, name, (vm, *params))
        if name == "VM.start":
            for again in ("VM.suspend", "VM.resume", "VM.hard_reboot", "VM.pause", "VM.unpause"):
                rest = (False, False) if again == "VM.resume" else ()
                if again.removeprefix("VM.") in db.get("VM", vm)["allowed_operations"]:
                    await host.dispatch(session, again, (vm, *rest))
    assert db.get("host_metrics", metrics)["memory_free"] == before
    await host.stop()
