"""What moves in the small business while nobody does anything."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .alarms import add_alarm
from .machines import GIB
from .premises import Premises

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

TICK_S = 5.0
SR_EVERY = 6
ALARM_EVERY = 180
EXPORT_S = 1200.0
STEPS = 240
# However fast the demo, other work must get its turn, and a reader must keep up.
SHORTEST_STEP_S = 0.02
SHORTEST_TICK_S = 1.0


def start_motion(host: DemoHost, premises: Premises, vms: dict[str, str], task: str) -> None:
    """Let the world move until the host stops; without a running loop it stands still."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    host.spawn(_tick(host, premises, vms), name="world tick")
    host.spawn(_export(host, task), name="export of the demo")


async def _pause(host: DemoHost, seconds: float, shortest_s: float = SHORTEST_STEP_S) -> None:
    await asyncio.sleep(max(seconds * host.speed, shortest_s))


async def _export(host: DemoHost, task: str) -> None:
    """Move the pending task along, and let it succeed in the end."""
    done = 0.35
    while done < 1.0:
        await _pause(host, EXPORT_S / STEPS)
        if not host.db.exists("task", task):
            return
        if host.db.get("task", task)["status"] != "pending":
            return
        done = min(done + 1.0 / STEPS, 1.0)
        host.db.set("task", task, progress=done)
    host.tasks.succeed(task)


async def _tick(host: DemoHost, premises: Premises, vms: dict[str, str]) -> None:
    count = 0
    while True:
        await _pause(host, TICK_S, SHORTEST_TICK_S)
        count += 1
        _report(host, vms)
        if count % SR_EVERY == 0:
            _drift(host, premises)
        if count % ALARM_EVERY == 0 and host.db.exists("VM", vms["pms"]):
            add_alarm(host, "VM", vms["pms"], "cpu_usage", 0.9 + host.rng.random() / 10, 0.9)


def _report(host: DemoHost, vms: dict[str, str]) -> None:
    """One guest's tools report again."""
    vm = vms[host.rng.choice(sorted(vms))]
    if not host.db.exists("VM", vm):
        return
    guest = host.db.get("VM", vm)["guest_metrics"]
    if host.db.exists("VM_guest_metrics", guest):
        other = host.db.get("VM_guest_metrics", guest)["other"]
        stamp = str(int(host.clock.time_s()))
        host.db.set(
            "VM_guest_metrics",
            guest,
            last_updated=host.clock.iso(),
            other={**other, "data-ts": stamp},
        )


def _drift(host: DemoHost, premises: Premises) -> None:
    """The storage that people work on fills and empties a little."""
    for key in ("local", "nas"):
        if not host.db.exists("SR", premises.srs[key]):
            continue
        record = host.db.get("SR", premises.srs[key])
        moved = record["physical_utilisation"] + host.rng.randint(-GIB, GIB + GIB // 4)
        used = max(min(moved, record["physical_size"]), 0)
        host.db.set("SR", premises.srs[key], physical_utilisation=used)
