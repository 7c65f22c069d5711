"""What the bar over a console does: keys, texts, screenshots."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QAction, QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QToolButton, QWidget

from tests.gui.console.conftest import Desk
from xolite_qt.rfb import keysyms, strokes_of
from xolite_qt.ui.views.console.key_menu import COMBINATIONS
from xolite_qt.ui.views.console.type_text import TypeTextDialog
from xolite_qt.ui.views.console.typing import MOST_CHARACTERS
from xolite_qt.ui.widgets import Button

pytestmark = pytest.mark.asyncio(loop_scope="function")


async def test_ctrl_alt_del(desk: Desk) -> None:
    desk.menu("keys.ctrl+alt+del").trigger()
    await desk.bench.until(lambda: len(desk.strokes()) == 6)
    ctrl, alt, delete = keysyms.CONTROL_L, keysyms.ALT_L, keysyms.DELETE
    assert desk.strokes() == [
        (ctrl, True), (alt, True), (delete, True), (delete, False), (alt, False), (ctrl, False),
    ]  # fmt: skip


async def test_every_combination_goes_down_and_comes_up(desk: Desk) -> None:
    entries = [a for a in desk.part.findChildren(QAction) if a.objectName().startswith("keys.")]
    names = {name for name in COMBINATIONS if len(name) > 3}
    assert {entry.text().split(":")[0] for entry in entries if not entry.menu()} == names
    for entry in entries:
        if not entry.menu():
            entry.trigger()
    wanted = sum(2 * len(keys) for keys in COMBINATIONS.values())
    await desk.bench.until(lambda: len(desk.strokes()) == wanted)
    down: set[int] = set()
    for keysym, is_down in desk.strokes():
        if is_down:
            down.add(keysym)
        else:
            down.remove(keysym)
    assert not down


async def test_a_text_is_typed_as_a_german_keyboard_has_it(desk: Desk) -> None:
    desk.menu("console.type-text").trigger()
    dialog = await type_dialog(desk)
    dialog.layouts.setCurrentIndex(dialog.layouts.findData("de"))
    dialog.text.setPlainText("Zwölf {Yö}\n")
    assert dialog.go.isEnabled()
    dialog.go.click()
    wanted = [(s.keysym, s.down) for s in strokes_of("Zwölf {Yö}\n", "de").strokes]
    await desk.bench.until(lambda: len(desk.strokes()) >= len(wanted))
    assert desk.strokes() == wanted
    # On a German keyboard Z is where an American one has Y.
    assert (ord("Y"), True) in desk.strokes()
    assert desk.bench.context.settings.console_layout == "de"
    await desk.bench.until(lambda: desk.part.banner.isHidden())


async def type_dialog(desk: Desk) -> TypeTextDialog:
    found: list[TypeTextDialog] = []

    def look() -> bool:
        found[:] = [d for d in desk.page.findChildren(TypeTextDialog) if d.isVisible()]
        return bool(found)

    await desk.bench.until(look)
    return found[0]


async def test_what_cannot_be_typed_is_named_first(desk: Desk) -> None:
    desk.menu("console.type-text").trigger()
    dialog = await type_dialog(desk)
    assert not dialog.go.isEnabled()
    dialog.text.setPlainText("a漢b字")
    assert "漢 字" in dialog.note.text()
    assert dialog.go.isEnabled()
    dialog.text.setPlainText("漢")
    assert "Nothing of it" in dialog.go.accessibleDescription()
    dialog.text.setPlainText("x" * (MOST_CHARACTERS + 1))
    assert str(MOST_CHARACTERS) in dialog.note.text()
    assert not dialog.go.isEnabled()
    # Nothing that was typed is lost.
    assert len(dialog.text.toPlainText()) == MOST_CHARACTERS + 1
    dialog.reject()
    assert desk.strokes() == []


async def test_the_clipboard_is_typed_at_once_where_it_is_short(desk: Desk) -> None:
    QGuiApplication.clipboard().setText("root42")
    desk.menu("console.type-clipboard").trigger()
    await desk.bench.until(lambda: desk.guest.typed == "root42")


@pytest.mark.parametrize("text", ["漢", "one\ntwo"])
async def test_the_clipboard_is_shown_first_where_it_is_risky(desk: Desk, text: str) -> None:
    QGuiApplication.clipboard().setText(text)
    desk.menu("console.type-clipboard").trigger()
    dialog = await type_dialog(desk)
    assert dialog.text.toPlainText() == text
    dialog.reject()


async def test_an_empty_clipboard_is_told(desk: Desk) -> None:
    QGuiApplication.clipboard().clear()
    desk.menu("console.type-clipboard").trigger()
    assert desk.bench.told == ["warning: The clipboard has no text."]


async def test_typing_is_stopped_and_leaves_no_key_down(desk: Desk) -> None:
    QGuiApplication.clipboard().setText("SHOUTING " * 60)
    desk.menu("console.type-clipboard").trigger()
    await desk.bench.until(lambda: "%" in desk.part.banner.text())
    await desk.bench.until(lambda: len(desk.guest.typed) > 3)
    (stop,) = [b for b in desk.part.banner.findChildren(Button) if b.text() == "Stop typing"]
    stop.click()
    await desk.bench.until(lambda: desk.part.banner.isHidden())
    assert len(desk.guest.typed) < 500
    await desk.bench.until(lambda: not _down(desk))


def _down(desk: Desk) -> set[int]:
    down: set[int] = set()
    for keysym, is_down in desk.strokes():
        (down.add if is_down else down.discard)(keysym)
    return down


async def test_a_screenshot_is_saved(desk: Desk, tmp_path: Path) -> None:
    desk.menu("console.save-picture").trigger()
    (dialog,) = desk.part.findChildren(QFileDialog)
    name = desk.bench.db.get("VM", desk.vm)["name_label"]
    assert Path(dialog.selectedFiles()[0]).name.startswith(name)
    path = tmp_path / "shot.png"
    dialog.fileSelected.emit(str(path))
    dialog.reject()
    await desk.bench.until(lambda: desk.bench.told)
    assert desk.bench.told == ["info: Screenshot saved as shot.png."]
    picture = QImage(str(path))
    assert (picture.width(), picture.height()) == (1024, 768)
    assert picture.pixelColor(500, 600).name() == "#202428"


async def test_a_screenshot_that_cannot_be_saved_is_told(desk: Desk, tmp_path: Path) -> None:
    desk.menu("console.save-picture").trigger()
    (dialog,) = desk.part.findChildren(QFileDialog)
    dialog.fileSelected.emit(str(tmp_path / "no such folder" / "shot.png"))
    dialog.reject()
    await desk.bench.until(lambda: desk.bench.told)
    assert desk.bench.told == ["danger: The screenshot could not be saved."]


async def test_a_screenshot_is_copied(desk: Desk) -> None:
    desk.menu("console.copy-picture").trigger()
    assert QGuiApplication.clipboard().image().width() == 1024


async def test_everything_in_the_bar_has_a_name(desk: Desk) -> None:
    controls: list[QWidget] = [
        *desk.part.bar.findChildren(Button),
        *desk.part.bar.findChildren(QToolButton),
    ]
    assert len(controls) >= 7
    for control in controls:
        text = control.text() if isinstance(control, Button) else ""
        assert control.accessibleName() or text


async def test_the_bar_fits(desk: Desk) -> None:
    bar = desk.part.bar
    for width in (640, 1024):
        desk.page.resize(width, 560)
        desk.page.grab()
        assert desk.page.width() == width
        for button in bar.findChildren(Button):
            assert button.geometry().right() <= bar.width()
            assert button.width() >= button.minimumSizeHint().width()
