"""A guest's screen: its picture, its keys, its pointer."""

from __future__ import annotations

import asyncio

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.gui.console.conftest import RIGHT_CTRL, Desk, key, tap_release_key
from xolite_qt.rfb import keysyms

pytestmark = pytest.mark.asyncio(loop_scope="function")
K = Qt.Key


async def test_the_guests_colours_are_on_the_widget(desk: Desk) -> None:
    # The demo host's desktop: a bar of one colour, and bands of blue around it.
    assert desk.screen.picture_size.width() == 1024
    assert desk.colour_at(500, 600) == "#202428"
    # The orange square is somewhere in its band, and moves.
    shown = desk.screen.picture()
    seen = {shown.pixel(x, y) & 0xFFFFFF for x in range(0, 1024, 16) for y in range(100, 390, 16)}
    assert 0xE8833A in seen


async def test_what_moves_is_painted_again(desk: Desk) -> None:
    before = desk.screen.grab().toImage()
    await desk.bench.until(lambda: desk.screen.grab().toImage() != before)


async def test_keys_reach_the_guest_and_are_seen_there(desk: Desk) -> None:
    await desk.grab()
    QTest.keyClicks(desk.screen, "Hello 5%")
    QTest.keyClick(desk.screen, K.Key_Return)
    await desk.bench.until(lambda: desk.guest.typed == "Hello 5%\n")
    assert (keysyms.RETURN, True) in desk.strokes()
    QTest.keyClick(desk.screen, K.Key_Tab)
    await desk.bench.until(lambda: (keysyms.TAB, False) in desk.strokes())
    assert desk.screen.hasFocus()


async def test_a_held_key_repeats_and_comes_up_once(desk: Desk) -> None:
    await desk.grab()
    none = Qt.KeyboardModifier.NoModifier
    press, release = QEvent.Type.KeyPress, QEvent.Type.KeyRelease
    for kind, again in ((press, False), (release, True), (press, True), (release, False)):
        QApplication.sendEvent(desk.screen, QKeyEvent(kind, K.Key_A, none, "a", again))
    a = ord("a")
    await desk.bench.until(lambda: (a, False) in desk.strokes())
    assert desk.strokes() == [(a, True), (a, True), (a, False)]


async def test_keys_come_up_when_the_guest_loses_the_keyboard(desk: Desk) -> None:
    await desk.grab()
    QTest.keyPress(desk.screen, K.Key_Control)
    QTest.keyPress(desk.screen, K.Key_Shift)
    await desk.bench.until(lambda: len(desk.strokes()) == 2)
    desk.button("keys").setFocus()
    await desk.bench.until(lambda: len(desk.strokes()) == 4)
    assert set(desk.strokes()[2:]) == {(keysyms.CONTROL_L, False), (keysyms.SHIFT_L, False)}


async def test_green_while_the_guest_has_the_keyboard(desk: Desk) -> None:
    view = desk.part.view
    edge = view.rect().center().x(), 1
    assert not view.is_grabbed
    await desk.grab()
    assert view.grab().toImage().pixelColor(*edge).name() == "#2ecc71"
    tap_release_key(desk.screen)
    assert not desk.screen.hasFocus()
    assert not view.is_grabbed
    assert view.grab().toImage().pixelColor(*edge).name() != "#2ecc71"
    # It is no key of the guest's.
    assert desk.strokes() == []
    assert "Right Ctrl" in desk.part.release_words


async def test_the_release_key_with_another_one_is_a_key(desk: Desk) -> None:
    await desk.grab()
    press, release = QEvent.Type.KeyPress, QEvent.Type.KeyRelease
    QApplication.sendEvent(desk.screen, key(press, K.Key_Control, native=RIGHT_CTRL))
    for kind in (press, release):
        QApplication.sendEvent(desk.screen, key(kind, K.Key_C))
    QApplication.sendEvent(desk.screen, key(release, K.Key_Control, native=RIGHT_CTRL))
    await desk.bench.until(lambda: len(desk.strokes()) == 4)
    c = ord("c")
    right = keysyms.CONTROL_R
    assert desk.strokes() == [(right, True), (c, True), (c, False), (right, False)]
    assert desk.screen.hasFocus()


async def test_another_release_key(desk: Desk) -> None:
    desk.menu("release.scroll-lock").trigger()
    assert desk.bench.context.settings.console_release_key == "scroll-lock"
    assert "Scroll Lock" in desk.part.release_words
    await desk.grab()
    QTest.keyClick(desk.screen, K.Key_ScrollLock)
    assert not desk.screen.hasFocus()


async def test_no_shortcut_of_the_app_fires_while_the_guest_has_the_keyboard(desk: Desk) -> None:
    fired: list[str] = []
    action = desk.page.addAction("probe")
    action.setShortcut("Ctrl+K")
    action.triggered.connect(lambda: fired.append("probe"))
    await desk.grab()
    QTest.keyClick(desk.screen, K.Key_K, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(desk.screen, K.Key_F11)
    await desk.bench.until(lambda: (keysyms.F11, False) in desk.strokes())
    assert fired == []
    assert desk.page.part is not None
    tap_release_key(desk.screen)
    QTest.keyClick(desk.page, K.Key_K, Qt.KeyboardModifier.ControlModifier)
    assert fired == ["probe"]


async def test_pointer_and_buttons(desk: Desk) -> None:
    place = desk.screen.picture_rect()
    scale = place.width() / 1024
    at = QPoint(int(place.x() + 400 * scale), int(place.y() + 300 * scale))
    QTest.mousePress(desk.screen, Qt.MouseButton.RightButton, pos=at)
    await desk.bench.until(lambda: desk.guest.pointer[2] == 4)
    x, y, _ = desk.guest.pointer
    assert abs(x - 400) <= 2
    assert abs(y - 300) <= 2
    QTest.mouseRelease(desk.screen, Qt.MouseButton.RightButton, pos=at)
    await desk.bench.until(lambda: desk.guest.pointer[2] == 0)


async def test_the_guests_pointer_is_shown(desk: Desk) -> None:
    await desk.bench.until(lambda: not desk.screen.cursor().pixmap().isNull())
    assert desk.screen.cursor().pixmap().width() == 8


async def test_pixel_by_pixel_with_scroll_bars(desk: Desk) -> None:
    desk.page.resize(700, 500)
    desk.button("scale").click()
    assert not desk.bench.context.settings.console_fits
    assert desk.screen.size().width() >= 1024
    assert desk.screen.picture_rect().width() == 1024
    bar = desk.part.view.area.horizontalScrollBar()
    await desk.bench.until(lambda: bar.maximum() > 0)
    desk.button("scale").click()
    await desk.bench.until(lambda: desk.screen.picture_rect().width() < 700)


async def test_a_picture_never_blocks_the_window(desk: Desk) -> None:
    loop = asyncio.get_running_loop()
    worst = 0.0
    for _ in range(60):
        began = loop.time()
        await asyncio.sleep(0)
        worst = max(worst, loop.time() - began)
        await asyncio.sleep(0.005)
    # The machine may be busy with others; a blocked loop would be far beyond this.
    assert worst < 0.1


async def test_it_says_whose_screen_it_is(desk: Desk) -> None:
    name = desk.bench.db.get("VM", desk.vm)["name_label"]
    assert desk.screen.accessibleName() == f"Screen of {name}"
