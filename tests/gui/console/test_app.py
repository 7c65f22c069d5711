"""Consoles in the whole application, over TLS."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.gui.console.conftest import tap_release_key
from tests.gui.shell.conftest import Shell, shell  # noqa: F401 -- the fixture
from xolite_qt.ui.views.console.connection import Phase
from xolite_qt.ui.views.console.page import ConsolePage
from xolite_qt.ui.views.console.screen_part import ScreenPart
from xolite_qt.ui.views.console.window import ConsoleWindow
from xolite_qt.ui.views.palette import Palette

pytestmark = pytest.mark.asyncio(loop_scope="function")


def windows() -> list[ConsoleWindow]:
    return [w for w in QApplication.topLevelWidgets() if isinstance(w, ConsoleWindow)]


async def console(shell: Shell) -> ScreenPart:  # noqa: F811
    """The live console of a VM, by its tab."""
    await shell.connect()
    vm = shell.vm("Running")
    shell.workspace.open_object("vm", vm)
    ids = shell.workspace.tabs.ids()
    assert ids[:2] == ["dashboard", "console"]
    shell.workspace.tabs.set_current("console")
    page = shell.workspace.page
    assert isinstance(page, ConsolePage)
    await shell.until(lambda: page.part and page.part.connection.phase is Phase.LIVE)
    assert isinstance(page.part, ScreenPart)
    return page.part


async def test_keys_are_the_guests_until_they_are_given_back(shell: Shell) -> None:  # noqa: F811
    part = await console(shell)
    screen = part.screen_widget
    shell.window.activateWindow()
    QTest.mouseClick(screen, Qt.MouseButton.LeftButton)
    await shell.until(lambda: screen.has_grab)
    QTest.keyClick(screen, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(screen, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(screen, "?")
    guest = shell.running.host.consoles.screens[part.feed.key]
    await shell.until(lambda: guest.typed.endswith("?"))
    assert not shell.window.findChildren(Palette)
    assert shell.workspace.tabs.current() == "console"
    tap_release_key(screen)
    QTest.keyClick(shell.window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    (palette,) = shell.window.findChildren(Palette)
    palette.close()


async def test_another_tab_hangs_up(shell: Shell) -> None:  # noqa: F811
    part = await console(shell)
    key, connection = part.feed.key, part.connection
    shell.workspace.tabs.set_current("system")
    assert connection.phase is Phase.IDLE
    sessions = shell.running.host.consoles._sessions
    await shell.until(lambda: not sessions[key])


async def test_its_own_window_outlives_pages_and_ends_with_the_connection(
    shell: Shell,  # noqa: F811
) -> None:
    part = await console(shell)
    key = part.feed.key
    part.detach_wanted.emit()
    (window,) = windows()
    shell.workspace.open_object("pool", "")
    assert window.part is part
    assert part.connection.phase is Phase.LIVE
    await shell.application.leave()
    await shell.until(lambda: not windows())
    sessions = shell.running.host.consoles._sessions
    await shell.until(lambda: not sessions[key])


async def test_the_pool_menu_tiles_all(shell: Shell) -> None:  # noqa: F811
    await shell.connect()
    shell.workspace.open_object("pool", "")
    choices = {choice.id: choice for choice in shell.workspace.runner.choices(
        "pool", (shell.workspace.stores.the_pool(),)
    )}  # fmt: skip
    assert choices["pool.consoles"].reason is None
