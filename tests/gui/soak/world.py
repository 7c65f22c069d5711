"""A demo world that lives: something happens on the host all the time, and leaves no trace."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import Any

from xolite_qt.demo_host import DemoHost

_EVERY_S = 0.1
_MESSAGES_KEPT = 20
_CALLS_KEPT = 2_000


class LivingWorld:
    """Renames, tasks, messages, a machine that pauses, one that comes and goes.

    At any time there are as many objects as at the start, give or take a few, so that what grows
    in the process does not grow for the sake of the host.

    Args:
        host: where it happens; what it remembers of old calls is forgotten on the way.
        spared: references of VMs that keep their power state.
        seed: the same seed, the same life.
    """

    def __init__(self, host: DemoHost, spared: set[str], seed: int = 1) -> None:
        self.happened = 0
        self._host = host
        self._db: Any = host.db
        self._rng = random.Random(seed)
        self._vms = [
            ref
            for ref, vm in host.db.records("VM").items()
            if not (vm["is_a_template"] or vm["is_control_domain"] or vm["is_a_snapshot"])
            and ref not in spared
        ]
        self._messages: deque[str] = deque()
        self._tasks: deque[str] = deque()
        self._guest = ""

    async def run(self) -> None:
        """Lives until cancelled."""
        deeds = (self._rename, self._pause, self._message, self._task, self._come_and_go)
        while True:
            self._rng.choice(deeds)()
            self.happened += 1
            calls = self._host.calls
            while len(calls) > _CALLS_KEPT:
                calls.popleft()
            await asyncio.sleep(_EVERY_S)

    def _rename(self) -> None:
        ref = self._rng.choice(self._vms)
        self._db.set("VM", ref, name_description=f"changed {self._rng.randrange(100)}")

    def _pause(self) -> None:
        turned = {"Running": "Paused", "Paused": "Running"}
        able = [ref for ref in self._vms if self._db.get("VM", ref)["power_state"] in turned]
        ref = self._rng.choice(able)
        self._db.set("VM", ref, power_state=turned[self._db.get("VM", ref)["power_state"]])

    def _message(self) -> None:
        vm = self._db.get("VM", self._rng.choice(self._vms))
        self._messages.append(
            self._db.create(
                "message",
                {
                    "name": "VM_STARTED",
                    "priority": 5,
                    "cls": "VM",
                    "obj_uuid": vm["uuid"],
                    "timestamp": self._host.clock.iso(),
                    "body": "It has started.",
                },
            )
        )
        if len(self._messages) > _MESSAGES_KEPT:
            self._db.destroy("message", self._messages.popleft())

    def _task(self) -> None:
        now = self._host.clock.iso()
        for ref in self._tasks:
            # The host itself removes tasks that are too old.
            if not self._db.exists("task", ref):
                continue
            self._db.set("task", ref, progress=self._rng.random())
        fields = {"name_label": "Async.VM.clean_reboot", "created": now, "status": "pending"}
        self._tasks.append(self._db.create("task", fields))
        if len(self._tasks) > 3:
            done = self._tasks.popleft()
            if not self._db.exists("task", done):
                return
            self._db.set("task", done, status="success", progress=1.0)
            self._db.destroy("task", done)

    def _come_and_go(self) -> None:
        if self._guest:
            self._db.destroy("VM", self._guest)
            self._guest = ""
        else:
            self._guest = self._db.create("VM", name_label="passer-by", power_state="Halted")
