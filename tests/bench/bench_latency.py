"""From a change on the host to the painted row, over the wire from another process."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QWidget

from tests.bench.gui import in_thread, until, with_application
from tests.bench.report import Finding, median, percentile, say
from tests.bench.world_process import World, world
from xolite_qt.app import Application
from xolite_qt.ui.views.parts.table_page import TablePage

CHANGES = 60


class Painted(QObject):
    """Remembers when a widget was last painted, and what the table showed then."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.at = 0.0
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Override QObject::eventFilter."""
        if event.type() == QEvent.Type.Paint:
            self.at = time.monotonic()
        return False


def main() -> None:
    with world() as other:

        async def bench(application: Application) -> list[float]:
            return await measure(application, other)

        delays = with_application(other, bench)
    say(
        Finding(
            "change on the host to painted row, p95",
            percentile(delays, 0.95) * 1000,
            "ms",
            300,
            f"{len(delays)} changes: median {median(delays) * 1000:.0f} ms, "
            f"slowest {max(delays) * 1000:.0f} ms",
        ).line()
    )


async def measure(application: Application, other: World) -> list[float]:
    """Seconds from each change to its paint."""
    workspace = application.window.workspace
    assert workspace is not None
    workspace.open_object("pool", "", "vms")
    page = workspace.page
    assert page is not None
    assert isinstance(page, TablePage)
    table = page.table
    await until(lambda: page.model.rowCount() > 5)
    await asyncio.sleep(1.0)
    painted = Painted(table.view.viewport())
    model = page.model
    delays = []
    for number in range(CHANGES):
        told = await in_thread(partial(other.ask, "rename", number))
        name = f"changed at {told['stamp']!r}"

        def shown(name: str = name, stamp: float = told["stamp"]) -> bool:
            return painted.at > stamp and any(
                model.index(row, 0).data() == name for row in range(model.rowCount())
            )

        await until(shown, 10.0)
        delays.append(painted.at - told["stamp"])
        await asyncio.sleep(0.11)
    return delays


if __name__ == "__main__":
    main()
