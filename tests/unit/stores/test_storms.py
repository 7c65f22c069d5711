"""Stores over the real client through every storm: in the end they hold the host's truth.

A machine of rules: the host changes, subscribers come and go, and the wire in between loses,
repeats, delays and overtakes; sessions end, tokens are refused, events are lost, the toolstack
restarts with an older count of generations. At every step the client is honest about what it
knows, and follows exactly the classes that are subscribed to; once the storm is over, all is right.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.unit.stores.rough_wire import (
    Fate,
    JumpingLoop,
    RoughWire,
    client_over,
    restart_toolstack,
    small_host,
    truth,
)
from tests.unit.stores.test_convergence import Mirror
from xolite_qt.stores import Change, Store, Stores, StoreState
from xolite_qt.stores.stores import is_real_vm, is_snapshot, is_template
from xolite_qt.xen_api import LinkPhase, Task, XenApiError

NUMBERS = st.integers(0, 4)
FATES = st.lists(st.sampled_from(Fate), min_size=1, max_size=3)
ALARM = 'value: 0.9\nconfig:\n<variable>\n<name value="cpu_usage"/>\n</variable>\n'

STORES = (
    "vm",
    "vm_template",
    "vm_snapshot",
    "vm_rows",
    "vm_tree",
    "host_rows",
    "sr_rows",
    "task",
    "alarms",
    "notices",
)
BASES = {"vm": is_real_vm, "vm_template": is_template, "vm_snapshot": is_snapshot}
CUT_OFF = (LinkPhase.RECONNECTING, LinkPhase.EXPIRED, LinkPhase.CLOSED)


class Watcher(Mirror):
    """A subscriber that remembers what made no sense instead of raising it at its store."""

    def __init__(self, store: Store[Any]) -> None:
        self.faults: list[str] = []
        super().__init__(store)

    def hear(self, change: Change[Any]) -> None:
        try:
            super().hear(change)
        except (AssertionError, KeyError) as error:
            self.faults.append(f"{self.store.name}: {change}: {error!r}")


class Storm(RuleBasedStateMachine):
    """One run."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = JumpingLoop()
        self.host = small_host()
        self.db: Any = self.host.db
        self.wire = RoughWire(self.host)
        self.watchers: list[Watcher] = []
        self.made: dict[str, list[str]] = {"VM": [], "task": [], "message": []}
        self.loop.run_until_complete(self._begin())

    async def _begin(self) -> None:
        self.api = client_over(self.wire, self.loop)
        self.stores = Stores(self.api, linger_s=0.0)
        await self.api.login(self.host.user, self.host.password)
        self.api.events.start()

    def play(self, seconds: float = 0.0) -> None:
        """So much time passes."""
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def run_in_loop(self, function: Any, *args: Any) -> Any:
        """What needs a running loop has one."""

        async def call() -> Any:
            return function(*args)

        return self.loop.run_until_complete(call())

    def teardown(self) -> None:
        """The storm is over: see whether all comes right, and leave nothing behind."""
        try:
            self.loop.run_until_complete(self._settle())
            self.loop.run_until_complete(self._check())
        finally:
            self.loop.run_until_complete(self._end())
            self.loop.close()

    # ------------------------------------------------------------------ the host lives

    @rule(number=NUMBERS, template=st.booleans(), snapshot=st.booleans())
    def make_vm(self, number: int, template: bool, snapshot: bool) -> None:
        fields = {"name_label": f"made {number}", "power_state": "Halted"}
        kind = {"is_a_template": template or snapshot, "is_a_snapshot": snapshot}
        self.made["VM"].append(self.run_in_loop(self._create, "VM", {**fields, **kind}))

    @rule(number=NUMBERS, name=NUMBERS, template=st.booleans())
    def change_vm(self, number: int, name: int, template: bool) -> None:
        if vms := self.made["VM"]:
            ref = vms[number % len(vms)]
            self.run_in_loop(self._set, "VM", ref, {"name_label": f"changed {name}"})
            self.run_in_loop(self._set, "VM", ref, {"is_a_template": template})

    @rule(number=NUMBERS)
    def change_first_vm(self, number: int) -> None:
        ref = self.db.refs("VM")[0]
        running = number % 2 == 1
        where = self.host.this_host if running else "OpaqueRef:NULL"
        state = {"power_state": "Running" if running else "Halted", "resident_on": where}
        self.run_in_loop(self._set, "VM", ref, state)

    @rule(number=NUMBERS)
    def change_what_belongs(self, number: int) -> None:
        metrics = self.db.refs("VM_metrics")[0]
        self.run_in_loop(self._set, "VM_metrics", metrics, {"memory_actual": number})
        pbd = self.db.refs("PBD")[0]
        self.run_in_loop(self._set, "PBD", pbd, {"currently_attached": number % 2 == 0})
        self.run_in_loop(
            self._set, "host", self.host.this_host, {"name_label": f"renamed {number}"}
        )

    @rule(alarm=st.booleans())
    def make_message(self, alarm: bool) -> None:
        vm = self.db.get("VM", self.db.refs("VM")[0])["uuid"]
        fields = {
            "name": "ALARM" if alarm else "VM_STARTED",
            "cls": "VM",
            "obj_uuid": vm,
            "timestamp": "20260821T12:00:00Z",
            "body": ALARM if alarm else "",
        }
        self.made["message"].append(self.run_in_loop(self._create, "message", fields))

    @rule(number=NUMBERS, done=st.booleans())
    def task_moves(self, number: int, done: bool) -> None:
        tasks = [ref for ref in self.made["task"] if self.db.exists("task", ref)]
        if number < len(tasks):
            state = {"status": "success" if done else "pending", "progress": number / 5}
            self.run_in_loop(self._set, "task", tasks[number], state)
        else:
            fields = {"name_label": "Async.VM.start", "status": "pending"}
            self.made["task"].append(self.run_in_loop(self._create, "task", fields))

    @rule(cls=st.sampled_from(["VM", "task", "message"]), number=NUMBERS)
    def destroy(self, cls: str, number: int) -> None:
        if refs := self.made[cls]:
            ref = refs.pop(number % len(refs))
            if self.db.exists(cls, ref):
                self.run_in_loop(self.db.destroy, cls, ref)

    def _create(self, cls: str, fields: dict[str, Any]) -> str:
        return str(self.db.create(cls, fields))

    def _set(self, cls: str, ref: str, fields: dict[str, Any]) -> None:
        self.db.set(cls, ref, **fields)

    # ------------------------------------------------------------------ people come and go

    @initialize(names=st.lists(st.sampled_from(STORES), min_size=1, max_size=4))
    def begin(self, names: list[str]) -> None:
        for name in names:
            self.subscribe(name)

    @rule(name=st.sampled_from(STORES))
    def subscribe(self, name: str) -> None:
        if len(self.watchers) < 8:
            self.watchers.append(self.run_in_loop(Watcher, getattr(self.stores, name)))

    @rule(number=NUMBERS)
    def unsubscribe(self, number: int) -> None:
        if number < len(self.watchers):
            self.run_in_loop(self.watchers.pop(number).subscription.close)

    @rule()
    def ask_again(self) -> None:
        for watcher in self.watchers:
            self.run_in_loop(watcher.store.retry)
        self.run_in_loop(self.api.events.retry_now)

    # ------------------------------------------------------------------ the storm

    @rule(fates=FATES, delay_s=st.sampled_from([0.1, 0.7, 3.0, 30.0]))
    def rough_calls(self, fates: list[Fate], delay_s: float) -> None:
        self.wire.fates.extend(fate for fate in fates if fate is not Fate.REPEAT)
        self.wire.delay_s = delay_s

    @rule(fates=FATES, delay_s=st.sampled_from([0.1, 0.7, 3.0, 30.0]))
    def rough_polls(self, fates: list[Fate], delay_s: float) -> None:
        self.wire.poll_fates.extend(fates)
        self.wire.delay_s = delay_s

    @rule()
    def cut(self) -> None:
        self.run_in_loop(self.wire.cut)

    @rule(seconds=st.sampled_from([0.5, 5.0, 60.0]))
    def away(self, seconds: float) -> None:
        self.run_in_loop(self.wire.cut)
        self.wire.down = True
        self.play(seconds)
        self.wire.down = False

    @rule(change_password=st.booleans())
    def end_sessions(self, change_password: bool) -> None:
        if change_password:
            self.host.password += "!"
        self.run_in_loop(self.host.faults.expire_sessions)

    @rule()
    def sign_in(self) -> None:
        if self.api.events.state.phase is LinkPhase.EXPIRED and not self.wire.down:
            self.loop.run_until_complete(self._try_to_sign_in())

    async def _try_to_sign_in(self) -> None:
        # The host may be booting.
        with contextlib.suppress(XenApiError):
            await self.api.login(self.host.user, self.host.password)

    @rule(away_s=st.sampled_from([0.0, 2.0, 20.0]))
    def restart(self, away_s: float) -> None:
        self.run_in_loop(restart_toolstack, self.wire, away_s)

    @rule(number=NUMBERS, away_s=st.sampled_from([0.5, 5.0]))
    def life_in_a_gap(self, number: int, away_s: float) -> None:
        """What comes, changes and goes while nobody can listen, and is never told afterwards."""
        if self.wire.down:
            return
        self.make_vm(number, template=False, snapshot=False)
        self.make_message(alarm=True)
        self.play(0.3)
        self.run_in_loop(restart_toolstack, self.wire, away_s)
        for cls in ("VM", "task", "message"):
            self.destroy(cls, number)
        self.make_vm(number, template=number % 2 == 0, snapshot=False)
        self.make_message(alarm=number % 2 == 0)
        for table in self.db.tables.values():
            table.deleted.clear()
        self.play(away_s)

    @rule()
    def lose_events(self) -> None:
        self.run_in_loop(self.host.faults.lose_events)

    @rule(code=st.sampled_from(["EVENT_FROM_TOKEN_PARSE_FAILURE", "EVENTS_LOST", "OUT_OF_MEMORY"]))
    def refuse_polls(self, code: str) -> None:
        self.host.faults.fail("event.from", code, "a token")

    @rule(seconds=st.sampled_from([1.0, 10.0]))
    def boot(self, seconds: float) -> None:
        self.run_in_loop(self.host.faults.still_booting, seconds)

    @rule(seconds=st.sampled_from([0.0, 0.02, 0.06, 0.3, 1.5, 12.0, 90.0]))
    def wait(self, seconds: float) -> None:
        self.play(seconds)

    # ------------------------------------------------------------------ what always holds

    @invariant()
    def what_was_told_is_what_is_there(self) -> None:
        for watcher in self.watchers:
            assert not watcher.faults, watcher.faults
            assert watcher.rows == dict(watcher.store.records), watcher.store.name

    @invariant()
    def the_classes_are_those_of_the_stores_in_one_poll(self) -> None:
        assert self.api.events.classes == self.stores.classes_in_use
        assert self.wire.polls <= 1

    @invariant()
    def nothing_is_called_fresh_while_the_host_is_away(self) -> None:
        if self._wrongly_fresh():
            # Joined stores hear of it in the loop's next turn.
            self.play()
            assert not self._wrongly_fresh()

    def _wrongly_fresh(self) -> list[str]:
        if self.api.events.state.phase not in CUT_OFF:
            return []
        return [w.store.name for w in self.watchers if w.store.state is StoreState.READY]

    # ------------------------------------------------------------------ the end

    async def _settle(self) -> None:
        self.wire.calm()
        self.host.faults.clear()
        # The longest pause between two attempts is half a minute; and only then it may turn out
        # that the password is not the one of before.
        for _ in range(3):
            await asyncio.sleep(40.0)
            if self.api.events.state.phase is LinkPhase.EXPIRED:
                await self.api.login(self.host.user, self.host.password)
        for watcher in self.watchers:
            watcher.store.retry()
        await asyncio.sleep(20.0)

    async def _check(self) -> None:
        self.what_was_told_is_what_is_there()
        self.the_classes_are_those_of_the_stores_in_one_poll()
        hub = self.api.events
        assert hub.state.phase is LinkPhase.CONNECTED, hub.state
        assert hub.served_classes == hub.classes
        for watcher in self.watchers:
            store = watcher.store
            assert store.state is StoreState.READY, store
            await self._check_store(store)

    async def _check_store(self, store: Store[Any]) -> None:
        stores, rows = self.stores, dict(store.records)
        name = store.name
        if name in BASES:
            found: Any = await self.api.get_all_records("vm")
            assert set(found) == set(truth(self.host, "VM"))
            passes: Any = BASES[name]
            assert rows == {ref: vm for ref, vm in found.items() if passes(vm)}, name
        elif store is stores.task:
            there = await self.api.get_all_records("task")
            assert {r: t for r, t in rows.items() if r in there} == there
            assert set(there) == set(truth(self.host, "task"))
            kept: list[Task] = [task for ref, task in rows.items() if ref not in there]
            assert all(task.status not in ("pending", "cancelling") for task in kept)
        elif store in (stores.alarms, stores.notices):
            assert set(rows) == {
                ref
                for ref, message in truth(self.host, "message").items()
                if store is stores.notices or message["name"] == "ALARM"
            }
        else:
            await self._check_joined(name, rows)

    async def _check_joined(self, name: str, rows: dict[str, Any]) -> None:
        vms = {ref: vm for ref, vm in truth(self.host, "VM").items() if _plain(vm)}
        hosts = truth(self.host, "host")
        match name:
            case "vm_rows":
                metrics = await self.api.get_all_records("vm_metrics")
                assert set(rows) == set(vms)
                for ref, row in rows.items():
                    assert row.vm == await self.api.get_record("vm", ref)
                    assert row.metrics == metrics.get(row.vm.metrics)
            case "host_rows":
                assert set(rows) == set(hosts)
                for ref, row in rows.items():
                    assert row.host == await self.api.get_record("host", ref)
            case "sr_rows":
                pbds = await self.api.get_all_records("pbd")
                assert set(rows) == set(truth(self.host, "SR"))
                for row in rows.values():
                    assert row.pbds == tuple(pbds[ref] for ref in row.sr.pbds)
            case "vm_tree":
                pools = truth(self.host, "pool")
                assert set(rows) == {*pools, *hosts, *vms}
                for ref, vm in vms.items():
                    assert rows[ref].record == await self.api.get_record("vm", ref)
                    at_home = vm["resident_on"] in hosts
                    assert rows[ref].parent == (vm["resident_on"] if at_home else next(iter(pools)))
            case _:
                raise AssertionError(name)

    async def _end(self) -> None:
        self.wire.calm()
        await self.stores.close()
        assert self.api.events.classes == frozenset()
        await self.api.close()
        await self.host.stop()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, left


def _plain(vm: Any) -> bool:
    return not (vm["is_a_template"] or vm["is_a_snapshot"] or vm["is_control_domain"])


StormTest = Storm.TestCase
StormTest.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
StormTest = pytest.mark.filterwarnings("error")(StormTest)
