"""2,000 changes a second for 10 s over 10,000 VMs, with the window open on the VM list."""

from __future__ import annotations

import asyncio
import time

from PySide6.QtCore import Qt, QTimer

from tests.bench.gui import in_thread, resident_mib, until, with_application
from tests.bench.report import Finding, median, percentile, say
from tests.bench.world_process import World, world
from xolite_qt.app import Application

RATE = 2_000
SECONDS = 10
FRAME_MS = 10


class Frames:
    """How late a 10-ms tick of the window comes: what a user feels as a stutter."""

    def __init__(self) -> None:
        self.gaps_ms: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        self._last = time.perf_counter()
        self._timer.start()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.gaps_ms.append((now - self._last) * 1000 - FRAME_MS)
        self._last = now

    def stop(self) -> list[float]:
        self._timer.stop()
        return self.gaps_ms


def main() -> None:
    with world(hosts=1, vms=10_000) as other:

        async def bench(application: Application) -> dict[str, float]:
            return await measure(application, other)

        found = with_application(other, bench)
    say(
        Finding(
            "frame lateness in the storm, p95",
            found["p95"],
            "ms",
            50,
            f"median {found['median']:.1f} ms, p99 {found['p99']:.0f} ms, worst {found['max']:.0f} "
            f"ms; quiet p95 {found['quiet']:.1f} ms; {found['changes']:.0f} changes made, "
            f"{found['told']:.0f} rows told",
        ).line()
    )
    say(
        Finding(
            "memory after the storm / before",
            found["after"] / found["before"],
            "ratio",
            1.1,
            f"{found['before']:.0f} MiB before, {found['after']:.0f} MiB after",
        ).line()
    )


async def measure(application: Application, other: World) -> dict[str, float]:
    """What the storm did to the window."""
    workspace, stores = application.window.workspace, application.stores
    assert workspace is not None
    assert stores is not None
    workspace.open_object("pool", "", "vms")
    await until(lambda: workspace.page is not None and not workspace.page.busy)
    told = 0

    def count(change: object) -> None:
        nonlocal told
        told += len(change.changed)  # type: ignore[attr-defined]  # a Change

    # Storms to warm up: each VM's record is replaced by one of its own, and the allocator takes
    # what answers of this size need. From then on memory has to stay level.
    for _ in range(4):
        await in_thread(lambda: other.ask("storm", RATE, 6))
        await asyncio.sleep(1.0)
    frames = Frames()
    frames.start()
    await asyncio.sleep(2.0)
    quiet = frames.stop()
    before = resident_mib()
    frames = Frames()
    with stores.vm.subscribe(count):
        frames.start()
        answer = await in_thread(lambda: other.ask("storm", RATE, SECONDS))
        gaps = frames.stop()
        await asyncio.sleep(2.0)
    return {
        "p95": percentile(gaps, 0.95),
        "p99": percentile(gaps, 0.99),
        "median": median(gaps),
        "max": max(gaps),
        "quiet": percentile(quiet, 0.95),
        "changes": float(answer["changes"]),
        "told": float(told),
        "before": before,
        "after": resident_mib(),
    }


if __name__ == "__main__":
    main()
