"""The consoles of a host: its screen, and its serial line in a terminal."""

from __future__ import annotations

import pytest
import pytest_asyncio
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.gui.console.conftest import tap_release_key
from tests.gui.pages.conftest import Bench
from xolite_qt.ui.models.terminal import Terminal
from xolite_qt.ui.views.console.connection import Phase
from xolite_qt.ui.views.console.line_part import LinePart
from xolite_qt.ui.views.console.page import ConsolePage
from xolite_qt.ui.views.console.screen_part import ScreenPart
from xolite_qt.ui.views.page import PAGES, Kind
from xolite_qt.ui.views.workspace import load_pages
from xolite_qt.ui.widgets import Button
from xolite_qt.ui.widgets.console.terminal_keys import bytes_of
from xolite_qt.ui.widgets.console.terminal_view import BACK, TerminalView

pytestmark = pytest.mark.asyncio(loop_scope="function")
K = Qt.Key
M = Qt.KeyboardModifier


@pytest_asyncio.fixture
async def page(bench: Bench) -> ConsolePage:
    """The console page of the host."""
    load_pages()
    spec = next(spec for spec in PAGES[Kind.HOST] if spec.tab_id == "console")
    page = await bench.show(spec.factory, bench.db.refs("host")[0])
    assert isinstance(page, ConsolePage)
    await bench.until(lambda: page.part is not None and page.part.connection.phase is Phase.LIVE)
    return page


@pytest_asyncio.fixture
async def part(bench: Bench, page: ConsolePage) -> LinePart:
    """Its text console, with the keyboard."""
    page.kinds.set_current("line")
    await bench.until(lambda: isinstance(page.part, LinePart))
    part = page.part
    assert isinstance(part, LinePart)
    await bench.until(lambda: "~]#" in text(part))
    page.activateWindow()
    part.take_keyboard()
    await bench.until(lambda: part.terminal.has_grab)
    return part


def tap(part: LinePart) -> None:
    """Right Ctrl, down and up."""
    for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
        QApplication.sendEvent(
            part.terminal, QKeyEvent(kind, K.Key_Control, M.NoModifier, 0, 0xFFE4, 0)
        )


def text(part: LinePart) -> str:
    return part.terminal.terminal.text()


async def test_the_hosts_screen_comes_first(page: ConsolePage) -> None:
    assert isinstance(page.part, ScreenPart)
    assert page.part.title == "brightwater-1"
    assert page.kinds.ids() == ["screen", "line"]
    assert page.kinds.isVisible()
    assert page.part.screen_widget.accessibleName() == "Screen of brightwater-1"


async def test_only_the_shown_console_is_connected(
    bench: Bench, page: ConsolePage, part: LinePart
) -> None:
    (control,) = (r for r in bench.db.refs("VM") if bench.db.get("VM", r)["is_control_domain"])
    await bench.until(lambda: bench.running.host.consoles._sessions[control] == 1)
    assert page.part is part


async def test_commands_are_typed_and_answered(bench: Bench, part: LinePart) -> None:
    QTest.keyClicks(part.terminal, "echo one twoo")
    QTest.keyClick(part.terminal, K.Key_Backspace)
    QTest.keyClick(part.terminal, K.Key_Return)
    await bench.until(lambda: text(part).count("one two") == 2)
    QTest.keyClick(part.terminal, K.Key_C, M.ControlModifier)
    await bench.until(lambda: "^C" in text(part))
    # The prompt is green.
    line = next(line for line in part.terminal.terminal.lines if "~]#" in line.text())
    assert line.cells[0].style.fg == 2


async def test_letters_are_on_the_widget(part: LinePart) -> None:
    shown = part.terminal.viewport().grab().toImage()
    colours = {
        shown.pixelColor(x, y).rgb() & 0xFFFFFF for x in range(0, 400, 1) for y in range(0, 90, 2)
    }
    assert BACK in colours
    assert len(colours) > 10


async def test_the_bar_presses_enter(bench: Bench, part: LinePart) -> None:
    before = text(part).count("~]#")
    part.enter.click()
    await bench.until(lambda: text(part).count("~]#") == before + 1)


async def test_selected_text_is_copied_and_pasted(bench: Bench, part: LinePart) -> None:
    QGuiApplication.clipboard().setText("whoami\n")
    paste = part.findChild(Button, "console.paste")
    assert paste is not None
    paste.click()
    await bench.until(lambda: "\nroot\n" in text(part))
    terminal = part.terminal
    row = text(part).splitlines().index("root")
    box = terminal.cursor_box()
    y = box.center().y() - (terminal.terminal.y - row) * box.height()
    left, viewport = QPoint(7, y), terminal.viewport()
    QTest.mouseDClick(viewport, Qt.MouseButton.LeftButton, pos=left + QPoint(3, 0))
    assert terminal.selected_text() == "root"
    QTest.keyClick(terminal, K.Key_C, M.ControlModifier | M.ShiftModifier)
    assert QGuiApplication.clipboard().text() == "root"
    # It stays a selection, and nothing of it went to the host.
    assert text(part).count("root\n") == 1
    terminal.select_all()
    assert "Type help." in terminal.selected_text()


async def test_it_scrolls_back(bench: Bench, part: LinePart) -> None:
    for number in range(50):
        part.terminal.typed.emit(f"echo line{number}\r".encode())
    await bench.until(lambda: "line49" in text(part).splitlines()[-2:][0])
    bar = part.terminal.verticalScrollBar()
    assert bar.maximum() > 50
    assert bar.value() == bar.maximum()
    QTest.keyClick(part.terminal, K.Key_PageUp, M.ShiftModifier)
    assert bar.value() < bar.maximum()
    # Typing leads back to the end.
    QTest.keyClicks(part.terminal, "x")
    assert bar.value() == bar.maximum()


async def test_the_release_key_gives_the_keyboard_back(part: LinePart) -> None:
    tap(part)
    assert not part.terminal.hasFocus()
    assert "Right Ctrl" in part.release_words


async def test_the_shell_is_told_the_size(bench: Bench, part: LinePart) -> None:
    size = part.findChild(Button, "console.size")
    assert size is not None
    size.click()
    columns, rows = part.terminal.terminal.columns, part.terminal.terminal.rows
    assert (columns, rows) == part.terminal.grid_for_room()
    await bench.until(lambda: f"stty columns {columns} rows {rows}" in text(part))


async def test_a_broken_line_is_opened_again(bench: Bench, part: LinePart) -> None:
    writer = part._line._writer
    assert writer is not None
    writer.transport.abort()
    await bench.until(lambda: part.connection.phase is not Phase.LIVE)
    assert "~]#" in text(part)
    await bench.until(lambda: part.connection.phase is Phase.LIVE)


async def test_a_text_console_goes_into_its_own_window(
    bench: Bench, page: ConsolePage, part: LinePart
) -> None:
    part.detach.click()
    window = page.windows.window(page.key)
    assert window is not None
    # The graphical one is here meanwhile.
    page.kinds.set_current("screen")
    assert isinstance(page.part, ScreenPart)
    QTest.keyClicks(part.terminal, "date")
    await bench.until(lambda: "date" in text(part))
    window.close()
    await bench.until(lambda: part.connection.phase is Phase.IDLE)
    assert isinstance(page.part, ScreenPart)


async def test_a_text_console_fills_the_screen(
    bench: Bench, page: ConsolePage, part: LinePart
) -> None:
    tap(part)
    QTest.keyClick(page, K.Key_F11)
    window = page.windows.window(page.key)
    assert window is not None
    assert window.is_full
    await bench.until(lambda: part.terminal.has_grab)
    tap(part)
    assert window.leave_bar.leave.hasFocus()
    QTest.keyClick(window, K.Key_F11)
    assert page.part is part


SENT = [
    (K.Key_Up, M.NoModifier, "", False, b"\x1b[A"),
    (K.Key_Up, M.NoModifier, "", True, b"\x1bOA"),
    (K.Key_Left, M.ControlModifier, "", False, b"\x1b[1;5D"),
    (K.Key_Delete, M.NoModifier, "\x7f", False, b"\x1b[3~"),
    (K.Key_F1, M.NoModifier, "", False, b"\x1bOP"),
    (K.Key_F12, M.NoModifier, "", False, b"\x1b[24~"),
    (K.Key_Return, M.NoModifier, "\r", False, b"\r"),
    (K.Key_Backspace, M.NoModifier, "\b", False, b"\x7f"),
    (K.Key_C, M.ControlModifier, "\x03", False, b"\x03"),
    (K.Key_X, M.AltModifier, "x", False, b"\x1bx"),
    (K.Key_At, M.ControlModifier | M.AltModifier, "@", False, b"@"),
    (K.Key_E, M.NoModifier, "é", False, "é".encode()),
    (K.Key_Shift, M.ShiftModifier, "", False, b""),
]


async def test_what_keys_send() -> None:
    for key, held, letters, app, data in SENT:
        event = QKeyEvent(QEvent.Type.KeyPress, key, held, letters)
        assert bytes_of(event, app_cursor=app) == data, key


async def test_any_terminal_can_be_painted(bench: Bench) -> None:
    terminal = Terminal()
    view = TerminalView(terminal)
    view.resize(700, 420)
    view.show()
    terminal.feed(
        "\x1b[1;3;4;31;44mbold\x1b[0m 漢字 e\u0301 \x1b[7minverse\x1b[2mfaint\x1b[8mhidden"
        "\x1b[38;5;200mpalette\x1b[48;2;9;9;9mtrue\r\n\x1b(0lqqk\x1b(B\x1b[?25l".encode()
    )
    view.set_live(True)
    view.refresh()
    assert not view.grab().isNull()
    view.deleteLater()
    await bench.until(lambda: True)


async def test_the_screen_has_the_release_key_too(bench: Bench, page: ConsolePage) -> None:
    assert isinstance(page.part, ScreenPart)
    page.activateWindow()
    page.part.take_keyboard()
    view = page.part.view
    await bench.until(lambda: view.is_grabbed)
    tap_release_key(view.screen_widget)
    assert not view.screen_widget.hasFocus()
