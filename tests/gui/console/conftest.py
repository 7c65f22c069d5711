"""Consoles on the screens of a demo host, under the hand of a user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest_asyncio
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QAction, QColor, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.gui.pages.conftest import (  # noqa: F401 -- the loop of the pages is theirs too
    Bench,
    bench,
    dressed,
    one_loop,
    pytest_asyncio_loop_factories,
)
from xolite_qt.ui.views.console.connection import Phase
from xolite_qt.ui.views.console.page import ConsolePage
from xolite_qt.ui.views.console.screen_part import ScreenPart
from xolite_qt.ui.views.console.windows import ConsoleWindows, windows_of
from xolite_qt.ui.views.page import PAGES, Kind
from xolite_qt.ui.views.workspace import load_pages
from xolite_qt.ui.widgets import Button
from xolite_qt.ui.widgets.console.screen import ConsoleScreen

RIGHT_CTRL = 0xFFE4


@dataclass
class Desk:
    """The page of a VM's console.

    Attributes:
        bench: the connection.
        vm: reference of the VM.
        page: its page.
    """

    bench: Bench
    vm: str
    page: ConsolePage

    @property
    def part(self) -> ScreenPart:
        """What the page shows."""
        assert isinstance(self.page.part, ScreenPart)
        return self.page.part

    @property
    def screen(self) -> ConsoleScreen:
        return self.part.screen_widget

    @property
    def windows(self) -> ConsoleWindows:
        return windows_of(self.bench.context)

    @property
    def guest(self) -> Any:
        """The demo host's side of the screen."""
        return self.bench.running.host.consoles.screens[self.vm]

    async def live(self) -> None:
        """Waits for the first picture."""
        await self.bench.until(lambda: self.page.part is not None)
        await self.bench.until(lambda: self.part.connection.phase is Phase.LIVE)

    async def grab(self) -> None:
        """Gives the keyboard to the guest as a click does."""
        self.page.activateWindow()
        QTest.mouseClick(self.screen, Qt.MouseButton.LeftButton)
        await self.bench.until(lambda: self.screen.has_grab)

    def menu(self, name: str) -> QAction:
        """An entry of one of the bar's menus, by its name."""
        found = self.part.findChildren(QAction, name)
        assert len(found) == 1, name
        return found[0]

    def button(self, name: str) -> Button:
        """A button of the bar."""
        button = self.part.findChild(Button, f"console.{name}")
        assert button is not None
        return button

    def strokes(self) -> list[tuple[int, bool]]:
        """What the guest got."""
        return list(self.guest.keys)

    def colour_at(self, x: int, y: int) -> str:
        """Of the widget, at a pixel of the guest's picture."""
        place = self.screen.picture_rect()
        scale = place.width() / self.screen.picture_size.width()
        shown = self.screen.grab().toImage()
        return QColor(shown.pixel(int(place.x() + x * scale), int(place.y() + y * scale))).name()


def key(kind: QEvent.Type, code: Qt.Key, *, native: int = 0) -> QKeyEvent:
    """A key event as a window system makes it, with the key's own keysym."""
    return QKeyEvent(kind, code, Qt.KeyboardModifier.NoModifier, 0, native, 0)


def tap_release_key(screen: ConsoleScreen) -> None:
    """Right Ctrl, down and up."""
    for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
        QApplication.sendEvent(screen, key(kind, Qt.Key.Key_Control, native=RIGHT_CTRL))


def vm_in(bench: Bench, state: str) -> str:  # noqa: F811
    """A real VM in a state."""
    for ref in bench.db.refs("VM"):
        vm = bench.db.get("VM", ref)
        real = not (vm["is_a_template"] or vm["is_control_domain"] or vm["is_a_snapshot"])
        if real and vm["power_state"] == state:
            return str(ref)
    raise AssertionError(state)


async def open_console(bench: Bench, vm: str) -> Desk:  # noqa: F811
    """The page by its tab."""
    load_pages()
    spec = next(spec for spec in PAGES[Kind.VM] if spec.tab_id == "console")
    page = await bench.show(spec.factory, vm)
    assert isinstance(page, ConsolePage)
    return Desk(bench, vm, page)


@pytest_asyncio.fixture
async def desk(bench: Bench) -> Desk:  # noqa: F811
    """The console of a VM that runs, with its picture."""
    made = await open_console(bench, vm_in(bench, "Running"))
    await made.live()
    return made
