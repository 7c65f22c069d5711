"""The shell lives in Qt's own event loop, on a demo host that speaks TLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import pytest_asyncio
from PySide6.QtWidgets import QApplication, QDialog

from tests.gui.pages.conftest import OneLoop
from xolite_qt.app import Application, Launch
from xolite_qt.demo_host import Running, start_demo_host
from xolite_qt.settings import SettingsFile
from xolite_qt.ui import theme
from xolite_qt.ui.views.main_window import MainWindow
from xolite_qt.ui.views.workspace import Workspace
from xolite_qt.xen_api import LinkPhase

D = TypeVar("D", bound=QDialog)


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    def make() -> asyncio.AbstractEventLoop:
        app = QApplication.instance() or QApplication([])
        assert isinstance(app, QApplication)
        app.setQuitOnLastWindowClosed(False)
        return OneLoop(app)

    return {"qt": make}


@pytest.fixture(autouse=True)
def dressed(qapp: QApplication) -> Iterator[None]:
    theme.apply_theme(qapp, "light")
    theme.set_reduced_motion(True)
    yield
    theme.apply_theme(qapp, "light")
    theme.set_reduced_motion(None)


@pytest.fixture(autouse=True)
def one_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest-qt turns Qt's crank between the phases of a test, where no asyncio loop runs: what
    the connection does then would find none."""
    monkeypatch.setattr("pytestqt.plugin._process_events", lambda: None)


class Shell:
    """The application on a window of its own, beside a demo host to connect to.

    Attributes:
        running: the demo host.
        application: what runs now.
    """

    def __init__(self, running: Running, folder: Path) -> None:
        self.running = running
        self.file = SettingsFile(folder / "settings.json")
        self.application: Application
        self._life: asyncio.Task[None] | None = None

    def launch(self, launch: Launch | None = None) -> None:
        """Opens the window."""
        self.application = Application(launch or Launch(), SettingsFile(self.file.path))
        self._life = asyncio.get_running_loop().create_task(self.application.run())

    async def quit(self) -> None:
        """Closes the window as a user does, and waits for the end."""
        life, self._life = self._life, None
        if life is not None:
            self.application.window.close()
            await life

    @property
    def window(self) -> MainWindow:
        return self.application.window

    @property
    def workspace(self) -> Workspace:
        assert self.window.workspace is not None
        return self.window.workspace

    @property
    def db(self) -> Any:
        """The demo host's database."""
        return self.running.host.db

    async def until(self, true: Callable[[], object], timeout_s: float = 10.0) -> None:
        """Waits for something to become true."""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_s
        while not true():
            assert loop.time() < end, "it did not happen in time"
            await asyncio.sleep(0.01)

    async def dialog(self, kind: type[D]) -> D:
        """Waits for a dialog to be on screen."""
        found: list[D] = []

        def look() -> bool:
            found[:] = [d for d in self.window.findChildren(kind) if d.isVisible()]
            return bool(found)

        await self.until(look)
        return found[0]

    def send_form(self, password: str | None = None, url: str = "") -> None:
        """Fills the connect form and sends it."""
        start = self.window.start
        start.address.setText(url or self.running.url)
        start.user.setText(self.running.user)
        start.password.setText(self.running.password if password is None else password)
        start.go.click()

    async def connect(self) -> None:
        """Signs in to the demo host, which is trusted already, and waits for the tree."""
        host, port = self.running.url.removeprefix("https://").rsplit(":", 1)
        self.application.pins.accept_own(host, int(port), self.running.fingerprint)
        self.send_form()
        await self.connected()

    async def connected(self) -> None:
        """Waits until the tree is there and the events flow."""
        await self.until(lambda: self.window.workspace is not None)
        hub = self.workspace.stores.api.events
        await self.until(
            lambda: (
                self.workspace.stores.vm_tree.is_ready
                and hub.state.phase is LinkPhase.CONNECTED
                and self.workspace.page is not None
            )
        )

    def ref_of(self, cls: str, name: str) -> str:
        """Reference of an object by its name."""
        for ref in self.db.refs(cls):
            if self.db.get(cls, ref)["name_label"] == name:
                return str(ref)
        raise AssertionError(name)

    def vm(self, state: str) -> str:
        """Reference of a real VM in a state."""
        for ref in self.db.refs("VM"):
            vm = self.db.get("VM", ref)
            real = not (vm["is_a_template"] or vm["is_control_domain"] or vm["is_a_snapshot"])
            if real and vm["power_state"] == state:
                return str(ref)
        raise AssertionError(state)


@pytest_asyncio.fixture
async def shell(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    one_loop: None,
    dressed: None,
    no_task_left: None,
) -> AsyncIterator[Shell]:
    """On the small business; a test may ask for another world: `parametrize(…, indirect=True)`."""
    world: dict[str, Any] = getattr(request, "param", {})
    async with start_demo_host(**{"speed": 0.02, **world}) as running:
        made = Shell(running, tmp_path)
        made.launch()
        yield made
        await made.quit()
