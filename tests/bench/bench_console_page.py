"""The console in the window: how soon a page shows the guest's picture, and what painting costs.

BENCH_CONSOLE_S is how long a moving screen is watched.
"""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import Callable

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QApplication, QWidget

from tests.bench.report import Finding, median, percentile, say
from xolite_qt.demo_host import Running, start_demo_host
from xolite_qt.rfb import Framebuffer, Rect
from xolite_qt.settings import Settings
from xolite_qt.stores import Stores
from xolite_qt.ui import theme
from xolite_qt.ui.loop import run_in_loop
from xolite_qt.ui.tasks import TaskOwner
from xolite_qt.ui.views.action_runner import ActionRunner
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.vm.console import VmConsole
from xolite_qt.ui.widgets.console.screen import ConsoleScreen
from xolite_qt.xen_api import MemoryPins, XenApi

VISITS = 10
PAINTS = 60
FRAME_MS = 16.0


class Still:
    """A guest whose picture is changed by hand."""

    extended_keys = False

    def __init__(self, width: int, height: int) -> None:
        self.framebuffer = Framebuffer(width, height)

    def send_key(self, keysym: int, down: bool, scancode: int = 0) -> None:
        """Nobody types."""

    def send_pointer(self, x: int, y: int, mask: int) -> None:
        """Nobody points."""


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - widgets tell nobody
            await asyncio.sleep(0.002)


async def first_pictures(context: PageContext, vm: str) -> list[float]:
    """Milliseconds from showing the page to the guest's picture on it."""
    took: list[float] = []
    for _ in range(VISITS):
        began = time.perf_counter()
        page = VmConsole(context, vm)
        page.resize(1000, 700)
        page.show()
        await until(lambda page=page: page.part is not None and page.part.has_picture())  # type: ignore[misc]
        page.grab()
        took.append((time.perf_counter() - began) * 1000)
        page.hide()
        page.deleteLater()
        await asyncio.sleep(0.2)
    return took


async def watched_load(context: PageContext, vm: str, seconds: float) -> tuple[float, float]:
    """Share of one core that this process uses with the demo host's moving screen, and without."""
    idle = await _load(seconds / 4)
    page = VmConsole(context, vm)
    page.resize(1000, 700)
    page.show()
    await until(lambda: page.part is not None and page.part.has_picture())
    busy = await _load(seconds)
    page.hide()
    page.deleteLater()
    return busy, idle


async def _load(seconds: float) -> float:
    before = resource.getrusage(resource.RUSAGE_SELF)
    await asyncio.sleep(seconds)
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used / seconds


def paint_ms(*, fits: bool) -> list[float]:
    """Milliseconds for painting a whole screen of 1920x1080 that has changed."""
    guest = Still(1920, 1080)
    random = np.random.default_rng(4)
    guest.framebuffer.pixels[:] = random.integers(0, 1 << 24, (1080, 1920), dtype=np.uint32)
    screen = ConsoleScreen("bench")
    screen.set_guest(guest)
    screen.set_fits(fits)
    screen.resize(*((1280, 720) if fits else (1920, 1080)))
    target = QPixmap(screen.size())
    took: list[float] = []
    for _ in range(PAINTS):
        began = time.perf_counter()
        screen.damage((Rect(0, 0, 1920, 1080),))
        screen.render(target)
        took.append((time.perf_counter() - began) * 1000)
    screen.deleteLater()
    return took


async def measure(app: QApplication) -> None:
    theme.apply_theme(app, "light")
    theme.set_reduced_motion(True)
    async with start_demo_host(plain_http=True, speed=0.02) as running:
        api = XenApi(running.url, pins=MemoryPins())
        await api.login(running.user, running.password)
        api.events.start()
        stores, tasks, window = Stores(api, linger_s=0.0), TaskOwner(), QWidget()
        runner = ActionRunner(api, list, tasks, _silent, window)
        context = PageContext(stores, runner, _nowhere, _silent, Settings(), tasks, {})
        runner.context = context
        vm = _a_guest(running)
        try:
            firsts = await first_pictures(context, vm)
            seconds = float(os.environ.get("BENCH_CONSOLE_S", "60"))
            busy, idle = await watched_load(context, vm, seconds)
        finally:
            await tasks.close()
            await stores.close()
            await api.events.stop()
            await api.close()
    say(
        Finding(
            f"gui: picture of a VM after showing its console page, slowest of {VISITS}",
            max(firsts),
            "ms",
            300,
            f"median {median(firsts):.0f} ms; the host is in the same process",
        ).line()
    )
    say(
        Finding(
            "gui: one core's share for a console that moves 25 times a second",
            busy * 100,
            "%",
            None,
            f"{seconds:g} s, the demo host that draws it included; idle {idle * 100:.0f} %",
        ).line()
    )
    for fits, what in ((True, "scaled to 1280x720"), (False, "pixel by pixel")):
        took = paint_ms(fits=fits)
        say(
            Finding(
                f"gui: painting a whole 1920x1080 screen, {what}, 95th percentile",
                percentile(took, 0.95),
                "ms",
                FRAME_MS,
                f"median {median(took):.1f} ms",
            ).line()
        )


def _a_guest(running: Running) -> str:
    db = running.host.db
    for ref in db.refs("VM"):
        vm = db.get("VM", ref)
        if vm["power_state"] == "Running" and not vm["is_control_domain"]:
            return str(ref)
    raise AssertionError("no VM runs")


def _silent(text: str, *, level: str = "info", details: str = "", **_rest: object) -> None:
    """Nobody is told."""


def _nowhere(kind: str, ref: str, tab: str | None = None) -> None:
    """Nobody goes anywhere."""


def main() -> None:
    run_in_loop(measure)


if __name__ == "__main__":
    main()
