"""The application in a bench: connected to a world process, painted off screen."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")

from tests.bench.world_process import World
from xolite_qt.app import Application, Launch
from xolite_qt.settings import SettingsFile
from xolite_qt.ui import theme
from xolite_qt.ui.loop import run_in_loop

T = TypeVar("T")


def with_application(world: World, bench: Callable[[Application], Coroutine[Any, Any, T]]) -> T:
    """Runs a bench in the event loop of an application that is connected and loaded."""

    async def main(app: Any) -> T:
        from xolite_qt.xen_api import XenApi

        theme.apply_theme(app, "light")
        with tempfile.TemporaryDirectory() as profile:
            os.environ["XDG_DATA_HOME"] = profile
            application = Application(Launch(), SettingsFile(Path(profile) / "settings.json"))
            application.window.resize(1440, 900)
            application.window.show()
            api = XenApi(world.url, pins=application.pins, originator="xolite-qt bench")
            await api.login(world.user, world.password)
            await application.show_connection(api)
            try:
                assert application.stores is not None
                await until(
                    lambda: application.stores is not None and application.stores.vm.is_ready
                )
                return await bench(application)
            finally:
                await application.shut_down()

    return run_in_loop(main)


async def until(holds: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Waits for a condition.

    Raises:
        TimeoutError: it did not come true in time.
    """
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("the bench waited in vain")
        await asyncio.sleep(0.01)


async def in_thread(work: Callable[[], T]) -> T:
    """Runs blocking work (the world's pipe) without holding the window's loop."""
    return await asyncio.to_thread(work)


def resident_mib() -> float:
    """Resident memory of this process, in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError("/proc tells no VmRSS")


Bench = Callable[[Application], Awaitable[None]]
