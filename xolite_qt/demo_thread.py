"""The demo host inside the application: in a thread with a loop of its own, so that its work never
delays the window's."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xolite_qt.demo_host import Running


class DemoThread:
    """Serves a demo host until `stop`; used from one event loop."""

    def __init__(
        self,
        world: Path | None = None,
        generate: tuple[int, int] | None = None,
        speed: float = 1.0,
    ) -> None:
        self._world = world
        self._generate = generate
        self._speed = speed
        self._started: Future[Running] = Future()
        self._ended: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="demo-host", daemon=True)

    async def start(self) -> Running:
        """Starts serving, once; a wait that is cancelled leaves it starting.

        Raises:
            WorldError: the world file cannot be used.
            OSError: no port could be had.
        """
        if self._thread.ident is None:
            self._thread.start()
        return await asyncio.shield(asyncio.wrap_future(self._started))

    @property
    def failed(self) -> bool:
        """Whether it could not be started."""
        return self._ended.done()

    async def stop(self) -> None:
        """Ends it, and returns when it has ended."""
        if self._thread.ident is None:
            return
        with contextlib.suppress(Exception):
            await self.start()
        if self._loop is not None and self._ending is not None and not self._ended.done():
            # A closed loop is one that ended by itself just now.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._ending.set)
        await asyncio.wrap_future(self._ended)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # handed to whoever waits for the start
            if not self._started.done():
                self._started.set_exception(error)
            else:
                raise
        finally:
            self._ended.set_result(None)

    async def _serve(self) -> None:
        from xolite_qt.demo_host import WORLDS, start_demo_host

        self._loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        # A file's records stay as they are.
        members = self._world is None or str(self._world) in WORLDS
        async with start_demo_host(
            world=self._world, generate=self._generate, speed=self._speed, members=members
        ) as running:
            self._started.set_result(running)
            await self._ending.wait()
