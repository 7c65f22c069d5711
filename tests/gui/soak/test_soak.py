"""After every page was seen, no more is alive than before; the long form is `tests.gui.soak`."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from tests.gui.manners.rounds import PLACES
from tests.gui.soak.census import grown, take_census
from tests.gui.soak.rounds import soaking
from xolite_qt.ui.views.page import PAGES, Kind

_PARTS = 3
# Those of a VM that does not run are the same pages once more.
_PLACES = [place for place in PLACES if place.state != "Halted"]
# A toast that tells of something just now.
_TOAST_WIDGETS = 8
_MIB = 1 << 20


async def test_rounds_through_all_pages_leave_nothing_behind() -> None:
    async with soaking() as soak:
        # Whatever is made once, by the first page that needs it, is there afterwards.
        for kind in Kind:
            ref = next((ref for at, ref in soak.refs.items() if at.kind is kind), "")
            await soak.bench.open_tab(kind, ref, PAGES[kind][0].tab_id)
        await soak.bench.open_tab(Kind.POOL, "", PAGES[Kind.POOL][0].tab_id)
        before = await soak.count(6.0)
        for part in range(_PARTS):
            await soak.round(part, _PARTS, _PLACES)
        after = soak.censuses[-1]
        more = grown(before, after)
        assert after.widgets <= before.widgets + _TOAST_WIDGETS, more
        # One of the chart's or of a toast's may be about to fire.
        assert after.timers <= before.timers + 1, more
        # A task of the moment, such as a poll of measurements, may be under way.
        assert after.tasks <= before.tasks + 2, more
        assert after.threads <= before.threads + 4
        assert after.rss_bytes - before.rss_bytes < 60 * _MIB


async def test_what_is_left_behind_is_counted() -> None:
    """The census sees a widget, a timer and a task that somebody forgot."""
    before = take_census()
    widget, timer = QWidget(), QTimer()
    timer.start(60_000)
    task = asyncio.get_running_loop().create_task(asyncio.Event().wait(), name="forgotten")
    await asyncio.sleep(0)
    after = take_census()
    assert after.widgets == before.widgets + 1
    assert after.timers == before.timers + 1
    assert after.tasks == before.tasks + 1
    assert grown(before, after)["forgotten"] == 1
    task.cancel()
    timer.stop()
    widget.deleteLater()
    await asyncio.sleep(0)
    again = take_census()
    assert (again.timers, again.tasks) == (before.timers, before.tasks)
    assert again.widgets == before.widgets
