"""The storms of `tests/unit/stores/test_storms.py`, shorter, on real sockets: TLS, HTTP, timeouts.

Each seed is another order of edits of the host, faults of the host, and subscribers that come and
go. Whatever the order: once it is over, every store holds what the host has.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.stores.test_live import until
from xolite_qt.demo_host import Running
from xolite_qt.stores import Change, Store, Stores, StoreState, Subscription

_STEPS = 24
_STORES = ("vm", "vm_template", "vm_tree", "sr_rows", "task", "notices", "network")


class Follower:
    """A subscriber that sums up what it is told."""

    def __init__(self, store: Store[Any]) -> None:
        self.store = store
        self.subscription: Subscription[Any] = store.subscribe(self.hear)
        self.rows: dict[str, Any] = dict(store.records)

    def hear(self, change: Change[Any]) -> None:
        for ref in change.removed:
            del self.rows[ref]
        self.rows.update({row.ref: row for row in (*change.added, *change.changed)})


class Storm:
    """Steps in an order that the seed decides."""

    def __init__(self, demo: Running, stores: Stores, seed: int) -> None:
        self.rng = random.Random(seed)
        self.host = demo.host
        self.db: Any = demo.host.db
        self.stores = stores
        self.followers = [Follower(getattr(stores, name)) for name in _STORES[:4]]
        self.born: list[str] = []

    def edit(self) -> None:
        """Something changes on the host."""
        rng, db = self.rng, self.db
        match rng.randrange(5):
            case 0:
                self.born.append(
                    db.create("VM", name_label="born", is_a_template=rng.random() < 0.3)
                )
            case 1 if self.born:
                db.destroy("VM", self.born.pop(rng.randrange(len(self.born))))
            case 2:
                db.create("task", name_label="Async.VM.start", status="pending")
            case 3:
                fields = {"name": "VM_STARTED", "cls": "VM", "timestamp": "20260821T12:00:00Z"}
                db.create("message", fields)
            case _:
                ref = rng.choice(db.refs("VM"))
                db.set("VM", ref, name_label=f"renamed {rng.randrange(1000)}")

    def trouble(self) -> None:
        """Something goes wrong between the host and us."""
        faults = self.host.faults
        code = self.rng.choice(["EVENT_FROM_TOKEN_PARSE_FAILURE", "EVENTS_LOST"])
        troubles: list[Callable[[], object]] = [
            faults.drop_connections,
            faults.expire_sessions,
            faults.lose_events,
            lambda: faults.refuse(0.15),
            lambda: faults.restart_toolstack(0.15),
            lambda: faults.still_booting(0.2),
            lambda: faults.silent(0.2),
            lambda: faults.slow(self.rng.choice([0.0, 0.05])),
            lambda: faults.half(1),
            lambda: faults.garbage(1),
            lambda: faults.fail("event.from", code, "a token"),
        ]
        self.rng.choice(troubles)()

    def people(self) -> None:
        """A page is opened, or another one closed."""
        if len(self.followers) > 5:
            self.followers.pop(self.rng.randrange(len(self.followers))).subscription.close()
        else:
            self.followers.append(Follower(getattr(self.stores, self.rng.choice(_STORES))))

    async def rage(self) -> None:
        """All steps, with short pauses."""
        for _ in range(_STEPS):
            self.rng.choices([self.edit, self.trouble, self.people], [5, 3, 2])[0]()
            await asyncio.sleep(self.rng.choice([0.0, 0.02, 0.1]))

    def expected(self, store: Store[Any]) -> dict[str, str]:
        """Names by reference, as the host has them."""
        db, stores = self.db, self.stores
        found = {ref: vm for ref, vm in db.records("VM").items() if not vm["is_a_snapshot"]}
        vms = {r: v for r, v in found.items() if not v["is_control_domain"]}
        real = {ref: vm for ref, vm in vms.items() if not vm["is_a_template"]}
        by_store: dict[Store[Any], dict[str, Any]] = {
            stores.vm: real,
            stores.vm_template: {ref: vm for ref, vm in vms.items() if vm["is_a_template"]},
            stores.vm_tree: {**db.records("pool"), **db.records("host"), **real},
            stores.sr_rows: db.records("SR"),
            stores.task: db.records("task"),
            stores.notices: db.records("message"),
            stores.network: db.records("network"),
        }
        return {
            ref: fields.get("name_label", fields.get("name", ""))
            for ref, fields in by_store[store].items()
        }

    def holds(self, store: Store[Any]) -> dict[str, str]:
        """The same, as the store has them."""
        there = self.db.records("task")
        names: dict[str, str] = {}
        for ref, row in store.records.items():
            if store is self.stores.task and ref not in there:
                continue
            for part in ("record", "sr", "message"):
                row = getattr(row, part, row)
            names[ref] = str(getattr(row, "name_label", None) or getattr(row, "name", ""))
        return names

    def is_right(self) -> bool:
        """Whether every store holds the host's truth, and every follower what its store holds."""
        return all(
            one.store.state is StoreState.READY
            and one.rows == dict(one.store.records)
            and self.holds(one.store) == self.expected(one.store)
            for one in self.followers
        )


@pytest.mark.parametrize("seed", range(4))
async def test_once_the_storm_is_over_all_is_right(
    demo: Running, stores: Stores, seed: int
) -> None:
    storm = Storm(demo, stores, seed)
    await storm.rage()
    demo.host.faults.clear()
    # A load that failed for good waits for whoever asks again.
    hub = stores.api.events
    await until(lambda: hub.state.error is None and hub.served_classes == hub.classes)
    for one in storm.followers:
        if one.store.state is StoreState.FAILED:
            one.store.retry()
    await until(storm.is_right)
    assert hub.classes == stores.classes_in_use
    # And it is alive: what happens now is told.
    vm = next(ref for ref, vm in storm.db.records("VM").items() if not vm["is_a_template"])
    storm.db.set("VM", vm, name_label="after the storm")
    await until(storm.is_right)
