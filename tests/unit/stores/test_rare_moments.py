"""Moments that storms hardly ever meet, one by one: what the host never tells must not stay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from tests.unit.stores.rough_wire import (
    Fate,
    JumpingLoop,
    RoughWire,
    client_over,
    restart_toolstack,
    small_host,
)
from xolite_qt.stores import Stores
from xolite_qt.xen_api import XenApi


class Scene:
    """A host, a wire, a client and stores in a time of their own."""

    def __init__(self) -> None:
        self.loop = JumpingLoop()
        self.host = small_host()
        self.db: Any = self.host.db
        self.wire = RoughWire(self.host)
        self.api: XenApi
        self.stores: Stores

    def play(self, story: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Tells a story from the login to the end."""

        async def whole() -> None:
            self.api = client_over(self.wire, self.loop)
            self.stores = Stores(self.api, linger_s=0.0)
            await self.api.login(self.host.user, self.host.password)
            self.api.events.start()
            try:
                await story()
            finally:
                self.wire.calm()
                await self.stores.close()
                await self.api.close()
                await self.host.stop()

        self.loop.run_until_complete(whole())


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.loop.close()


def test_what_died_before_a_slow_poll_arrived_does_not_stay(scene: Scene) -> None:
    """Made before the class was followed, read, and gone before the host got the first poll: xapi
    tells the deletion of what existed at the token, and of nothing else."""

    async def story() -> None:
        snapshots, db = scene.stores.vm_snapshot, scene.db
        scene.stores.network.subscribe()
        await asyncio.sleep(5.0)
        fields = {"is_a_snapshot": True, "is_a_template": True}
        ref = db.create("VM", name_label="short-lived", **fields)
        scene.wire.delay_s = 3.0
        scene.wire.poll_fates.append(Fate.SLOW_REQUEST)
        snapshots.subscribe()
        await asyncio.sleep(1.0)
        assert ref in snapshots.records
        db.destroy("VM", ref)
        await asyncio.sleep(30.0)
        assert ref not in snapshots.records

    scene.play(story)


def test_templates_that_come_and_go_are_no_reason_to_read_all_vms_anew(scene: Scene) -> None:
    async def story() -> None:
        db = scene.db
        scene.stores.vm.subscribe()
        await asyncio.sleep(20.0)
        asked = scene.wire.methods.count("VM.get_all_records_where")
        for number in range(4):
            ref = db.create("VM", name_label=f"template {number}", is_a_template=True)
            await asyncio.sleep(12.0)
            db.set("VM", ref, name_label="changed")
            await asyncio.sleep(12.0)
            db.set("VM", ref, is_a_template=False)
            await asyncio.sleep(12.0)
            db.set("VM", ref, is_a_template=True)
            await asyncio.sleep(12.0)
            if number % 2:
                db.destroy("VM", ref)
            await asyncio.sleep(12.0)
        assert scene.wire.methods.count("VM.get_all_records_where") == asked

    scene.play(story)


def test_an_answer_of_before_does_not_turn_back_the_time(scene: Scene) -> None:
    """Told again what is past, one would have to be told of what has died since, and is not."""

    async def story() -> None:
        db, vms = scene.db, scene.stores.vm
        vms.subscribe()
        await asyncio.sleep(1.0)
        db.set("VM", db.refs("VM")[0], name_label="a first answer")
        await asyncio.sleep(1.0)
        ref = db.create("VM", name_label="short-lived", power_state="Halted")
        await asyncio.sleep(1.0)
        assert ref in vms.records
        db.set("VM", ref, name_label="seen")
        scene.wire.poll_fates.extend([Fate.REPEAT, Fate.SLOW_REQUEST])
        scene.wire.delay_s = 1.0
        await asyncio.sleep(0.5)
        db.destroy("VM", ref)
        await asyncio.sleep(30.0)
        assert ref not in vms.records

    scene.play(story)


def test_a_token_does_not_outlive_its_session(scene: Scene) -> None:
    """An answer may be under way while the toolstack restarts and another call signs in again.
    The host counts anew then, and would wait for ever to reach the token of before."""

    async def story() -> None:
        db, vms = scene.db, scene.stores.vm
        vms.subscribe()
        await asyncio.sleep(1.0)
        for number in range(20):
            db.set("VM", db.refs("VM")[0], name_label=f"{number}")
        await asyncio.sleep(1.0)
        scene.wire.delay_s = 0.3
        scene.wire.poll_fates.append(Fate.SLOW_ANSWER)
        db.set("VM", db.refs("VM")[0], name_label="before the restart")
        await asyncio.sleep(0.1)
        restart_toolstack(scene.wire, 0.0, cut=False)
        await asyncio.sleep(0.01)
        await scene.api.call("pool.get_all")
        ref = db.create("VM", name_label="after the restart", power_state="Halted")
        await asyncio.sleep(30.0)
        assert ref in vms.records

    scene.play(story)
