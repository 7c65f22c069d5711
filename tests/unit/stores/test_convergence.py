"""Whatever happens in whatever order: in the end the stores hold the host's truth."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.stores.fake_host import FakeHost, turns
from xolite_qt.stores import Change, Store, Stores, StoreState, Subscription
from xolite_qt.stores.stores import is_real_vm
from xolite_qt.xen_api import (
    NULL_REF,
    VM,
    ConnectionLost,
    Host,
    HostMetrics,
    Message,
    Pool,
    Task,
    VMGuestMetrics,
    VMMetrics,
)

NUMBERS = st.integers(0, 3)
KINDS = st.integers(0, 5)

STEPS = st.one_of(
    st.tuples(st.just("vm"), NUMBERS, NUMBERS, st.booleans()),
    st.tuples(st.just("metrics"), NUMBERS, NUMBERS),
    st.tuples(st.just("host"), NUMBERS, NUMBERS),
    st.tuples(st.just("message"), NUMBERS, NUMBERS),
    st.tuples(st.just("task"), NUMBERS, st.booleans()),
    st.tuples(st.just("remove"), st.sampled_from(["vm", "vm_metrics", "host", "message", "task"]),
              NUMBERS),
    st.tuples(st.just("answer")),
    st.tuples(st.just("answer twice")),
    st.tuples(st.just("drop")),
    st.tuples(st.just("lose link")),
    st.tuples(st.just("reconnect")),
    st.tuples(st.just("reset")),
    st.tuples(st.just("fail"), st.sampled_from(["vm where", "vm_metrics", "host", "task"])),
    st.tuples(st.just("subscribe"), KINDS),
    st.tuples(st.just("close"), NUMBERS),
    st.tuples(st.just("turn"), st.integers(1, 8)),
    st.tuples(st.just("turn"), st.integers(9, 30)),
    st.tuples(st.just("slow"), st.integers(1, 6)),
)  # fmt: skip


class Mirror:
    """A subscriber that believes only what it is told; and checks that it makes sense."""

    def __init__(self, store: Store[Any]) -> None:
        self.store = store
        self.subscription: Subscription[Any] = store.subscribe(self.hear)
        self.rows: dict[str, Any] = dict(store.records)

    def hear(self, change: Change[Any]) -> None:
        assert change
        for ref in change.removed:
            del self.rows[ref]
        for row in change.added:
            assert row.ref not in self.rows
            self.rows[row.ref] = row
        for row in change.changed:
            assert row.ref in self.rows
            self.rows[row.ref] = row


class Play:
    """One run of steps against a fake host."""

    def __init__(self) -> None:
        self.host = FakeHost()
        self.stores = Stores(self.host.client(), linger_s=0.0)
        stores = self.stores
        self.kinds: list[Store[Any]] = [
            stores.vm, stores.vm_rows, stores.vm_tree, stores.task, stores.alarm_groups,
            stores.vm_template,
        ]  # fmt: skip
        self.mirrors: list[Mirror] = []
        self.lost = False
        self.dropped = False
        self.host.put(Pool(ref="OpaqueRef:pool", master="OpaqueRef:host 0"))

    async def step(self, name: str, *args: Any) -> None:
        hub = self.host.events
        match name, args:
            case "vm", (number, other, template):
                self.host.put(
                    VM(
                        ref=f"OpaqueRef:vm {number}",
                        name_label=str(other),
                        is_a_template=template,
                        power_state="Running" if other % 2 else "Halted",
                        metrics=f"OpaqueRef:vm_metrics {other}",
                        guest_metrics=f"OpaqueRef:gone {other}",
                        resident_on=f"OpaqueRef:host {other}" if other % 2 else NULL_REF,
                    )
                )
            case "metrics", (number, other):
                self.host.put(
                    VMMetrics(ref=f"OpaqueRef:vm_metrics {number}", memory_actual=other),
                    VMGuestMetrics(ref=f"OpaqueRef:guest {number}", last_updated=str(other)),
                )
            case "host", (number, other):
                self.host.put(
                    Host(
                        ref=f"OpaqueRef:host {number}",
                        name_label=str(other),
                        metrics=f"OpaqueRef:host_metrics {other}",
                    ),
                    HostMetrics(ref=f"OpaqueRef:host_metrics {number}", live=other > 2),
                )
            case "message", (number, other):
                if f"OpaqueRef:message {number}" not in self.host.truth["message"]:
                    self.host.put(
                        Message(
                            ref=f"OpaqueRef:message {number}",
                            name="ALARM" if other % 2 else "VM_STARTED",
                            obj_uuid=str(other % 3),
                        )
                    )
            case "task", (number, done):
                self.host.put(
                    Task(ref=f"OpaqueRef:task {number}", status="success" if done else "pending")
                )
            case "remove", (cls, number):
                ref = f"OpaqueRef:{cls} {number}"
                if ref in self.host.truth[cls]:
                    self.host.remove(cls, ref)
            case "answer", _:
                self.answer()
            case "answer twice", _:
                touched = dict(self.host.touched)
                self.answer()
                if not self.lost:
                    # What exists is told once more; a real host never takes a deletion back.
                    self.host.touched.update(touched)
                    self.answer()
            case "drop", _:
                # Lost without a word: only the reset that follows every gap can heal it.
                self.host.touched.clear()
                self.dropped = True
            case "lose link", _:
                hub.lose_link(ConnectionLost("gone"))
                self.lost = True
            case "reconnect", _:
                if self.lost:
                    hub.reconnect()
                    self.lost = self.dropped = False
            case "reset", _:
                if not self.lost:
                    hub.reconnect()
                    self.dropped = False
            case "fail", (cls,):
                self.host.api.errors.setdefault(cls, []).append(ConnectionLost("half an answer"))
            case "subscribe", (number,):
                self.mirrors.append(Mirror(self.kinds[number]))
            case "close", (number,):
                if number < len(self.mirrors):
                    self.mirrors.pop(number).subscription.close()
            case "slow", (count,):
                self.host.api.turns = count
            case "turn", (count,):
                await turns(count)
            case _:
                raise AssertionError(name)

    def answer(self) -> None:
        if not self.lost:
            self.host.events.answer()

    async def rest(self) -> None:
        """The storm is over: the link is there, nothing fails, all answers arrive."""
        self.host.api.errors.clear()
        if self.lost or self.dropped:
            self.host.events.reconnect()
        self.lost = False
        await turns(60)
        for mirror in self.mirrors:
            mirror.store.retry()
        await turns(60)
        self.host.events.answer()
        await turns(60)

    def check(self) -> None:
        truth = self.host.truth
        stores = self.stores
        real = {ref: vm for ref, vm in truth["vm"].items() if isinstance(vm, VM) and is_real_vm(vm)}
        for mirror in self.mirrors:
            store = mirror.store
            assert store.state is StoreState.READY, store
            assert mirror.rows == dict(store.records)
            if store is stores.vm:
                assert dict(store.records) == real
            elif store is stores.vm_template:
                assert dict(store.records) == {
                    ref: vm for ref, vm in truth["vm"].items() if ref not in real
                }
            elif store is stores.vm_rows:
                assert set(store.records) == set(real)
                for ref, row in stores.vm_rows.records.items():
                    assert row.vm == real[ref]
                    assert row.metrics == truth["vm_metrics"].get(row.vm.metrics)
                    assert row.host == truth["host"].get(row.vm.resident_on)
            elif store is stores.vm_tree:
                self.check_tree(real)
            elif store is stores.alarm_groups:
                shown = {r.ref for g in stores.alarm_groups.records.values() for r in g.rows}
                assert shown == {
                    ref
                    for ref, message in truth["message"].items()
                    if isinstance(message, Message) and message.name == "ALARM"
                }
            elif store is stores.task:
                live = {r: t for r, t in stores.task.records.items() if r in truth["task"]}
                assert live == truth["task"]
                assert all(
                    task.status not in ("pending", "cancelling")
                    for ref, task in stores.task.records.items()
                    if ref not in truth["task"]
                )

    def check_tree(self, real: dict[str, VM]) -> None:
        tree = self.stores.vm_tree
        hosts = self.host.truth["host"]
        assert set(tree.records) == {"OpaqueRef:pool", *hosts, *real}
        for ref, vm in real.items():
            expected = vm.resident_on if vm.resident_on in hosts else "OpaqueRef:pool"
            assert tree.records[ref].parent == expected
        for parent in (None, "OpaqueRef:pool", *hosts):
            below = {node.ref for node in tree.children(parent)}
            assert below == {n.ref for n in tree.records.values() if n.parent == parent}
        for ref, known in hosts.items():
            node = tree.records[ref]
            assert node.record == known
            assert isinstance(known, Host)
            assert node.metrics == self.host.truth["host_metrics"].get(known.metrics)
            assert node.running == sum(
                vm.power_state == "Running" and vm.resident_on == ref for vm in real.values()
            )


@settings(max_examples=150)
@given(st.lists(STEPS, min_size=30, max_size=80), st.lists(KINDS, min_size=1, max_size=4))
def test_stores_converge(steps: list[tuple[Any, ...]], wanted: list[int]) -> None:
    async def play() -> None:
        game = Play()
        for number in wanted:
            game.mirrors.append(Mirror(game.kinds[number]))
        for name, *args in steps:
            await game.step(name, *args)
        await game.rest()
        game.check()
        await game.stores.close()
        assert game.host.events.classes == frozenset()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(play())
