"""The screen on a TigerVNC server, with a program that takes what is typed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtTest import QTest

from tests.integration.rfb.xvnc import xvnc
from tests.needs import needs
from xolite_qt.rfb import CursorShape, FrameDamaged, Resized, RfbClient
from xolite_qt.ui.widgets.console.view import ConsoleView

needs("Xvnc", "xterm")
pytestmark = pytest.mark.asyncio(loop_scope="function")


async def follow(client: RfbClient, view: ConsoleView, live: asyncio.Event) -> None:
    screen = view.screen_widget
    async with aclosing(client.events()) as events:
        async for event in events:
            match event:
                case FrameDamaged():
                    if screen.guest is None:
                        screen.set_guest(client)
                        live.set()
                    screen.damage(event.rects)
                case Resized():
                    screen.take_framebuffer()
                case CursorShape():
                    screen.set_cursor_shape(event)
                case _:
                    continue


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - widgets and files tell nobody
            await asyncio.sleep(0.02)


async def outside_of_tasks(act: Callable[[], object]) -> None:
    """Acts as a slot does: `mouseMove` turns Qt's crank, and inside of a task no other may step."""
    done = asyncio.get_running_loop().create_future()

    def run() -> None:
        act()
        done.set_result(None)

    QTimer.singleShot(0, run)
    await done


async def test_what_is_typed_arrives_and_is_seen(tmp_path: Path) -> None:
    typed = tmp_path / "typed"
    async with xvnc(tmp_path) as server:
        server.start("xterm", "-geometry", "80x24+0+0", "-e", "sh", "-c", f"cat > {typed}")
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        client = RfbClient(reader, writer)
        await client.connect()
        view = ConsoleView("xterm")
        view.resize(700, 560)
        screen = view.screen_widget
        live = asyncio.Event()
        following = asyncio.ensure_future(follow(client, view, live))
        try:
            async with asyncio.timeout(5):
                await live.wait()
            view.show()
            view.activateWindow()
            await until(typed.exists)
            at = screen.picture_rect().topLeft().toPoint() + QPoint(60, 60)
            await outside_of_tasks(lambda: QTest.mouseMove(screen, at))
            QTest.mouseClick(screen, Qt.MouseButton.LeftButton, pos=at)
            await until(lambda: screen.has_grab)
            await asyncio.sleep(0.2)
            before = screen.picture()
            QTest.keyClicks(screen, "Hello World 42!")
            QTest.keyClick(screen, Qt.Key.Key_Return)
            await until(lambda: typed.read_text() == "Hello World 42!\n")
            await until(lambda: screen.picture() != before)
            # Smaller by a scale that is no whole number, and still the same picture.
            assert not screen.grab().isNull()
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            screen.set_guest(None)
            await client.close()
            view.hide()
            view.deleteLater()
