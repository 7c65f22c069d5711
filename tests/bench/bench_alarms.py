"""10,000 stored alarms: not a byte of them before the click, painted soon after."""

from __future__ import annotations

import asyncio
import time

from PySide6.QtWidgets import QAbstractButton

from tests.bench.gui import in_thread, until, with_application
from tests.bench.report import Finding, say
from tests.bench.world_process import World, world
from xolite_qt.app import Application

ALARMS = 10_000


def main() -> None:
    with world(hosts=1, vms=200, alarms=ALARMS) as other:

        async def bench(application: Application) -> dict[str, float]:
            return await measure(application, other)

        found = with_application(other, bench)
    say(
        Finding(
            "bytes of messages fetched before the click",
            found["before"],
            "bytes",
            0,
            f"{found['after'] / 2**20:.1f} MiB after it",
        ).line()
    )
    say(
        Finding(
            "click to painted alarms", found["seconds"], "s", 1, f"{found['rows']:.0f} alarms read"
        ).line()
    )


def is_about_messages(method: str, classes: list[str]) -> bool:
    """Whether a call was for messages."""
    return method.startswith("message.") or "message" in classes


async def measure(application: Application, other: World) -> dict[str, float]:
    """Bytes and seconds around the click."""
    workspace, stores = application.window.workspace, application.stores
    assert workspace is not None
    assert stores is not None
    workspace.open_object("pool", "", "dashboard")
    await asyncio.sleep(3.0)

    async def message_bytes() -> float:
        calls = (await in_thread(lambda: other.ask("traffic")))["calls"]
        return float(sum(size for name, classes, size in calls if is_about_messages(name, classes)))

    before = await message_bytes()
    button = next(
        one
        for one in application.window.findChildren(QAbstractButton)
        if one.isVisible() and one.text() == "Load alarms"
    )
    began = time.monotonic()
    button.click()
    await until(lambda: stores.alarms.is_ready and len(stores.alarms.records) >= ALARMS)
    page = workspace.page
    assert page is not None
    await until(lambda: not page.busy)
    application.window.repaint()
    seconds = time.monotonic() - began
    return {
        "before": before,
        "after": await message_bytes(),
        "seconds": seconds,
        "rows": float(len(stores.alarms.records)),
    }


if __name__ == "__main__":
    main()
