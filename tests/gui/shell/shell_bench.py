"""The whole application on a demo host that lives in the same process and loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QWidget

from xolite_qt.app import Application, Launch
from xolite_qt.demo_host import DemoHost, Running, start_demo_host
from xolite_qt.stores import StoreState
from xolite_qt.ui.views.main_window import MainWindow
from xolite_qt.ui.views.page import Page
from xolite_qt.ui.views.start_page import StartPage
from xolite_qt.ui.views.workspace import Workspace
from xolite_qt.xen_api import EventTiming, LinkPhase, XenApi

D = TypeVar("D", bound=QDialog)

QUICK = EventTiming(
    poll_grace_s=1.0,
    heartbeat_s=0.4,
    heartbeat_timeout_s=0.4,
    tick_s=0.1,
    first_wait_s=0.1,
    longest_wait_s=0.4,
    jitter_s=0.05,
)
"""Patience for tests: what takes a link half a minute takes a second."""


async def until(true: Callable[[], object], timeout_s: float = 12.0) -> None:
    """Wait for something to become true."""
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout_s
    while not true():
        assert loop.time() < end, "it did not happen in time"
        await asyncio.sleep(0.01)


@dataclass
class Shell:
    """A running application and its demo host."""

    app: Application
    running: Running

    @property
    def host(self) -> DemoHost:
        return self.running.host

    @property
    def db(self) -> Any:
        """The demo host's database."""
        return self.running.host.db

    @property
    def window(self) -> MainWindow:
        return self.app.window

    @property
    def start(self) -> StartPage:
        return self.app.window.start

    @property
    def workspace(self) -> Workspace:
        workspace = self.app.window.workspace
        assert workspace is not None
        return workspace

    @property
    def api(self) -> XenApi:
        assert self.app.api is not None
        return self.app.api

    @property
    def page(self) -> Page:
        page = self.workspace.page
        assert page is not None
        return page

    def methods(self, prefix: str = "") -> list[str]:
        """What was called on the host, oldest first."""
        return [call.method for call in self.host.calls if call.method.startswith(prefix)]

    # -- as a user does

    def type_form(self, password: str | None = None, *, address: str = "") -> None:
        """Fill the connect form; by default with what the demo host accepts."""
        self.start.address.setText(address or self.running.url.removeprefix("https://"))
        self.start.user.setText(self.running.user)
        self.start.password.setText(self.running.password if password is None else password)

    def dialogs(self, kind: type[D]) -> list[D]:
        return [one for one in self.window.findChildren(kind) if one.isVisible()]

    async def dialog(self, kind: type[D]) -> D:
        """The dialog of a kind, once it is open."""
        await until(lambda: self.dialogs(kind))
        return self.dialogs(kind)[0]

    async def settled(self) -> Workspace:
        """The workspace, once it is there and nothing on it is loading."""
        await until(lambda: self.window.workspace is not None)
        await until(self.is_settled)
        return self.workspace

    def is_settled(self) -> bool:
        workspace = self.workspace
        page = workspace.page
        return (
            workspace.stores.vm_tree.state is StoreState.READY
            and self.api.events.state.phase is LinkPhase.CONNECTED
            and page is not None
            and not page.busy
        )

    async def connected(self, timing: EventTiming | None = None) -> Workspace:
        """Skip the form: a trusted, signed-in connection on screen."""
        api = XenApi(self.running.url, pins=self.app.pins, originator="test", timing=timing)
        self.app.pins.accept_own(*api.address, self.running.fingerprint)
        await api.login(self.running.user, self.running.password)
        await self.app.show_connection(api)
        return await self.settled()

    async def open_tab(self, kind: str, ref: str, tab: str) -> Page:
        """Go to a tab and wait until it has all that it wants."""
        self.workspace.open_object(kind, ref, tab)
        await until(self.is_settled)
        return self.page

    def notices(self) -> list[str]:
        return self.window.toasts.texts()


def press(widget: QWidget, key: Qt.Key) -> None:
    """A key, to whatever has the focus inside of a window, as Qt would send it."""
    QTest.keyClick(widget.focusWidget() or widget, key)


@asynccontextmanager
async def shell(
    *, speed: float = 0.02, generate: tuple[int, int] | None = None
) -> AsyncIterator[Shell]:
    """The application, started and, afterwards, closed by its user."""
    before = asyncio.all_tasks()
    async with start_demo_host(speed=speed, generate=generate) as running:
        app = Application(Launch())
        life = asyncio.get_running_loop().create_task(app.run(), name="application")
        try:
            await until(app.window.isVisible)
            yield Shell(app, running)
        finally:
            if not life.done():
                app.window.close()
            await asyncio.wait_for(life, 10)
    # Whatever was under way: closing the window ends it.
    try:
        await until(lambda: not asyncio.all_tasks() - before, 3)
    except AssertionError:
        raise AssertionError(f"left behind: {asyncio.all_tasks() - before}") from None
