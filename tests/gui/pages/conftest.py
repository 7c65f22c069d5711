"""Pages live on a real connection to a demo host, in Qt's own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
import pytest_asyncio
import qasync
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from xolite_qt.demo_host import Running, start_demo_host
from xolite_qt.journal import Journal
from xolite_qt.settings import Settings
from xolite_qt.stores import Stores
from xolite_qt.stores.backups import BackupStores
from xolite_qt.stores.journal_feed import JournalFeed
from xolite_qt.ui import theme
from xolite_qt.ui.tasks import TaskOwner
from xolite_qt.ui.views.action_runner import ActionRunner
from xolite_qt.ui.views.backups.deeds import BackupDeeds
from xolite_qt.ui.views.page import Page, PageContext
from xolite_qt.xen_api import MemoryPins, XenApi

P = TypeVar("P", bound=Page)
D = TypeVar("D", bound=QDialog)


class OneLoop(qasync.QEventLoop):  # type: ignore[misc]
    """qasync turns Qt's crank once more after a run, when no loop is running any more: a connection
    that lives over several phases of a test would take a step then, and find no loop."""

    def run_until_complete(self, future: Any) -> Any:
        """As qasync's, without that last turn."""
        future = asyncio.ensure_future(future, loop=self)

        def stop(_done: object) -> None:
            self.stop()

        future.add_done_callback(stop)
        try:
            self.run_forever()
        finally:
            future.remove_done_callback(stop)
        return future.result()


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


@dataclass
class Bench:
    """A connection with everything that pages are given, and what they did with it."""

    running: Running
    api: XenApi
    stores: Stores
    context: PageContext
    window: QWidget
    backups: BackupStores = field(init=False)
    went: list[tuple[str, str, str | None]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    shown: list[Page] = field(default_factory=list)

    @property
    def db(self) -> Any:
        """The demo host's database."""
        return self.running.host.db

    async def show(self, make: Callable[[PageContext, str], P], ref: str = "") -> P:
        """Show a page and wait until nothing it wants is loading."""
        page = make(self.context, ref)
        page.resize(1100, 740)
        page.show()
        self.shown.append(page)
        await self.until(lambda: not page.busy)
        return page

    async def until(self, true: Callable[[], object], timeout_s: float = 8.0) -> None:
        """Wait for something to become true."""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_s
        while not true():
            assert loop.time() < end, "it did not happen in time"
            await asyncio.sleep(0.01)

    async def dialog(self, kind: type[D]) -> D:
        """Wait for a dialog to be on screen."""
        found: list[D] = []

        def look() -> bool:
            found[:] = [d for d in self.window.findChildren(kind) if d.isVisible()]
            return bool(found)

        await self.until(look)
        return found[0]

    def calls(self, prefix: str = "") -> list[str]:
        """Methods that were called on the host, oldest first."""
        return [call.method for call in self.running.host.calls if call.method.startswith(prefix)]

    async def ref_of(self, cls: str, name: str) -> str:
        """Reference of an object by its name."""
        for ref in self.db.refs(cls):
            if self.db.get(cls, ref)["name_label"] == name:
                return str(ref)
        raise AssertionError(name)


@pytest_asyncio.fixture
async def bench(
    request: pytest.FixtureRequest, one_loop: None, dressed: None, tmp_path: Path
) -> AsyncIterator[Bench]:
    """Of the small business; a test may ask for another world: `parametrize(…, indirect=True)`."""
    world: dict[str, Any] = getattr(request, "param", {})
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(
            start_demo_host(plain_http=True, speed=0.02, **world)
        )
        api = XenApi(running.url, pins=MemoryPins())
        await api.login(running.user, running.password)
        api.events.start()
        stores = Stores(api, linger_s=0.0)
        tasks = TaskOwner()
        window = QWidget()
        made = Bench(running, api, stores, None, window)  # type: ignore[arg-type]

        def navigate(kind: str, ref: str, tab: str | None = None) -> None:
            made.went.append((kind, ref, tab))

        def notify(text: str, *, level: str = "info", details: str = "", **_rest: Any) -> None:
            made.told.append(f"{level}: {text}")

        hosts = stores.host.records
        runner = ActionRunner(api, lambda: list(hosts.values()), tasks, notify, window)
        made.context = PageContext(stores, runner, navigate, notify, Settings(), tasks, {})
        runner.context = made.context
        feed = JournalFeed(stores, Journal(tmp_path / "journal.db"), lambda: 30)
        made.context.services["journal"] = feed
        made.backups = BackupStores(tmp_path, tmp_path, linger_s=0.0, period_s=0.05)
        deeds = BackupDeeds(made.context, made.backups, window)
        made.context.services["backups"] = deeds
        try:
            yield made
        finally:
            deeds.end()
            for page in made.shown:
                page.hide()
                page.deleteLater()
            window.deleteLater()
            await tasks.close()
            await feed.close()
            await made.backups.close()
            await stores.close()
            await api.events.stop()
            await api.close()
