"""A console in a window of its own, filling the screen, and beside others."""

from __future__ import annotations

import asyncio

import pytest
from PySide6.QtCore import QEvent, QPointF, QSize, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.gui.console.conftest import Desk, open_console, tap_release_key
from tests.gui.pages.conftest import Bench
from xolite_qt.rfb import keysyms
from xolite_qt.ui.views.console.connection import Phase
from xolite_qt.ui.views.console.wall import ConsoleWall, best_grid
from xolite_qt.ui.views.console.window import ConsoleWindow
from xolite_qt.ui.widgets import IconButton

pytestmark = pytest.mark.asyncio(loop_scope="function")
K = Qt.Key


def press(desk: Desk, name: str) -> None:
    button = desk.part.findChild(IconButton, f"console.{name}")
    assert button is not None
    button.click()


def window_of(desk: Desk) -> ConsoleWindow:
    window = desk.windows.window(desk.page.key)
    assert window is not None
    return window


def console_windows() -> list[ConsoleWindow]:
    return [w for w in QApplication.topLevelWidgets() if isinstance(w, ConsoleWindow)]


def opened(desk: Desk) -> int:
    return len(desk.bench.calls("CONNECT"))


async def test_one_session_moves_into_its_own_window_and_back(desk: Desk) -> None:
    before = opened(desk)
    part = desk.part
    name = desk.bench.db.get("VM", desk.vm)["name_label"]
    press(desk, "detach")
    window = window_of(desk)
    assert window.isVisible()
    assert window.windowTitle() == f"{name} – console"
    assert desk.page.part is None
    assert name in desk.page.hero.text()
    assert desk.page.hero.isVisible()
    assert part.connection.phase is Phase.LIVE
    QTest.keyClicks(part.screen_widget, "hi")
    await desk.bench.until(lambda: desk.guest.typed == "hi")
    desk.page.hero.button.click()
    assert desk.page.part is part
    assert part.isVisible()
    assert desk.page.hero.isHidden()
    assert part.connection.phase is Phase.LIVE
    assert opened(desk) == before


async def test_closing_the_window_brings_it_back(desk: Desk) -> None:
    part = desk.part
    press(desk, "detach")
    window_of(desk).close()
    assert desk.page.part is part
    assert part.connection.phase is Phase.LIVE


async def test_it_stays_alive_when_the_page_changes(desk: Desk) -> None:
    part = desk.part
    press(desk, "detach")
    window = window_of(desk)
    desk.page.hide()
    await asyncio.sleep(0.1)
    assert part.connection.phase is Phase.LIVE
    # Another visit of the page finds it.
    again = await open_console(desk.bench, desk.vm)
    assert again.page.part is None
    window.close()
    assert again.page.part is part
    again.page.hide()
    await desk.bench.until(lambda: len(desk.bench.context.tasks) == 0)


async def test_a_window_without_a_page_ends_its_session(desk: Desk) -> None:
    connection = desk.part.connection
    press(desk, "detach")
    window = window_of(desk)
    desk.page.hide()
    window.close()
    assert connection.phase is Phase.IDLE
    await desk.bench.until(lambda: len(desk.bench.context.tasks) == 0)


async def test_windows_end_with_the_connection(desk: Desk) -> None:
    press(desk, "detach")
    assert console_windows()
    await desk.bench.context.tasks.close()
    await desk.bench.until(lambda: desk.windows.window(desk.page.key) is None)
    await desk.bench.until(lambda: not console_windows())


async def test_full_screen_and_back(desk: Desk) -> None:
    before = opened(desk)
    part = desk.part
    press(desk, "full")
    window = window_of(desk)
    assert window.is_full
    assert part.bar.isHidden()
    assert window.leave_bar.isVisible()
    await desk.bench.until(lambda: part.screen_widget.hasFocus())
    # Esc is the guest's.
    QTest.keyClick(part.screen_widget, K.Key_Escape)
    QTest.keyClick(part.screen_widget, K.Key_F11)
    await desk.bench.until(lambda: (keysyms.F11, False) in desk.strokes())
    assert (keysyms.ESCAPE, True) in desk.strokes()
    assert window.is_full
    tap_release_key(part.screen_widget)
    assert window.leave_bar.leave.hasFocus()
    QTest.keyClick(window, K.Key_F11)
    await desk.bench.until(lambda: desk.page.part is part)
    assert not window.isVisible()
    assert part.bar.isVisible()
    assert opened(desk) == before


async def test_f11_fills_the_screen_from_the_page(desk: Desk) -> None:
    desk.page.activateWindow()
    desk.button("keys").setFocus()
    QTest.keyClick(desk.page, K.Key_F11)
    await desk.bench.until(lambda: desk.windows.window(desk.page.key) is not None)
    window_of(desk).leave_bar.leave.click()
    assert desk.page.part is not None


async def test_the_way_out_comes_down_at_the_upper_edge(desk: Desk) -> None:
    press(desk, "full")
    window = window_of(desk)
    window.leave_bar.hide()
    screen = window.part.pointer_widget if window.part is not None else None
    assert screen is not None

    def move(y: int) -> None:
        here = screen.mapFromGlobal(window.mapToGlobal(QPointF(200, y)))
        none = Qt.MouseButton.NoButton
        event = QMouseEvent(
            QEvent.Type.MouseMove, here, window.mapToGlobal(QPointF(200, y)), none, none,
            Qt.KeyboardModifier.NoModifier,
        )  # fmt: skip
        QApplication.sendEvent(screen, event)

    move(200)
    assert window.leave_bar.isHidden()
    move(1)
    assert window.leave_bar.isVisible()
    window.leave_bar.leave.click()
    assert desk.page.part is not None


async def test_a_detached_window_fills_the_screen_and_stays_detached(desk: Desk) -> None:
    press(desk, "detach")
    window = window_of(desk)
    assert window.part is not None
    window.part.full_wanted.emit()
    assert window.is_full
    window.leave_bar.leave.click()
    assert not window.is_full
    assert window.isVisible()
    assert window.part.bar.isVisible()


async def test_the_palette_offers_both(desk: Desk) -> None:
    choices = {choice.id: choice for choice in desk.page.choices()}
    assert choices["console.detach"].reason is None
    choices["console.detach"].run()
    choices = {choice.id: choice for choice in desk.page.choices()}
    assert choices["console.full"].reason == "It is in a window of its own."


# ---------------------------------------------------------------------- tiles


def walls() -> list[ConsoleWall]:
    return [w for w in QApplication.topLevelWidgets() if isinstance(w, ConsoleWall)]


async def test_all_running_vms_are_tiled(desk: Desk) -> None:
    db = desk.bench.db
    real = [
        vm
        for vm in (db.get("VM", ref) for ref in db.refs("VM"))
        if vm["power_state"] == "Running" and not vm["is_control_domain"]
    ]
    press(desk, "wall")
    (wall,) = walls()
    assert {tile.name.text() for tile in wall.tiles} == {
        " ".join(vm["name_label"].split()) for vm in real
    }
    await desk.bench.until(lambda: all(tile.connection.phase is Phase.LIVE for tile in wall.tiles))
    tile = next(tile for tile in wall.tiles if tile.ref == desk.vm)
    wall.activateWindow()
    QTest.mouseClick(tile.view.screen_widget, Qt.MouseButton.LeftButton)
    await desk.bench.until(lambda: tile.view.is_grabbed)
    QTest.keyClicks(tile.view.screen_widget, "w")
    await desk.bench.until(lambda: desk.guest.typed == "w")
    tile.open.click()
    assert desk.bench.went == [("vm", desk.vm, "console")]
    wall.close()
    desk.page.hide()
    await desk.bench.until(lambda: len(desk.bench.context.tasks) == 0)
    await desk.bench.until(lambda: not walls())


async def test_chosen_vms_are_tiled(bench: Bench) -> None:
    with bench.stores.vm.subscribe(), bench.stores.host.subscribe():
        await bench.stores.vm.settled()
        await bench.stores.host.settled()
        records = list(bench.stores.vm.records.values())
        running = [vm for vm in records if vm.power_state == "Running"][:2]
        halted = [vm for vm in records if vm.power_state == "Halted"]
        runner = bench.context.actions
        (none,) = [c for c in runner.choices("vm", halted[:2]) if c.id == "vm.consoles"]
        assert none.reason == "None of these VMs is running."
        (one,) = [c for c in runner.choices("vm", running[:1]) if c.id == "vm.console"]
        runner.choose(one)
        assert bench.went == [("vm", running[0].ref, "console")]
        (both,) = [c for c in runner.choices("vm", [*running, halted[0]]) if c.id == "vm.consoles"]
        runner.choose(both)
        (wall,) = walls()
        assert {tile.ref for tile in wall.tiles} == {vm.ref for vm in running}
        await bench.until(lambda: all(t.connection.phase is Phase.LIVE for t in wall.tiles))
        # A VM that halts says so.
        await bench.api.run("VM.hard_shutdown", running[0].ref)
        tile = next(tile for tile in wall.tiles if tile.ref == running[0].ref)
        await bench.until(lambda: tile.stack.currentWidget() is tile.says)
        assert "is halted" in tile.says.text()
        wall.close()
        hosts = list(bench.stores.host.records.values())
        (of_host,) = [c for c in runner.choices("host", hosts) if c.id == "host.consoles"]
        assert of_host.reason is None
        await bench.until(lambda: not walls())


async def test_tiles_are_as_large_as_they_can_be() -> None:
    for count, columns in ((1, 1), (2, 2), (4, 2), (9, 3), (10, 4)):
        found, size = best_grid(count, QSize(1200, 800))
        assert found == columns
        rows = -(-count // columns)
        assert size.width() * columns <= 1200
        assert size.height() * rows <= 800
