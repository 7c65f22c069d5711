"""The theme is taken on by everything, follows the system, and icons are sharp."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QFontInfo, QImage, QRawFont
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from xolite_qt.ui import icons, theme


def colours(image: QImage) -> set[str]:
    return {
        image.pixelColor(x, y).name()
        for x in range(image.width())
        for y in range(image.height())
        if image.pixelColor(x, y).alpha() == 255
    }


def test_the_bundled_font_is_used() -> None:
    assert QFontInfo(theme.font("body")).family() == "Poppins"
    assert theme.font("caption").pixelSize() == 14


@pytest.mark.parametrize(("choice", "page"), [("light", "#f8f8f8"), ("dark", "#000000")])
def test_a_choice_is_put_on(qapp: QApplication, choice: theme.Choice, page: str) -> None:
    put_on = theme.apply_theme(qapp, choice)
    assert theme.current() is put_on
    assert qapp.palette().window().color().name() == page
    assert put_on.txt in qapp.styleSheet()


def test_a_change_is_told_once(qapp: QApplication, qtbot: QtBot) -> None:
    told: list[theme.Theme] = []
    theme.changed().connect(told.append)
    theme.apply_theme(qapp, "dark")
    theme.apply_theme(qapp, "dark")
    theme.apply_theme(qapp, "light")
    theme.changed().disconnect(told.append)
    assert [one.name for one in told] == ["dark", "light"]


def test_system_follows_the_desktop_while_it_is_chosen(qapp: QApplication) -> None:
    hints = qapp.styleHints()
    theme.apply_theme(qapp, "system")
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert theme.current() is theme.DARK
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert theme.current() is theme.LIGHT
    theme.apply_theme(qapp, "light")
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert theme.current() is theme.LIGHT


def test_colours_by_token() -> None:
    assert theme.color("txt").name() == theme.LIGHT.txt
    assert theme.color("danger").name() == theme.LIGHT.danger.txt
    assert theme.color("danger-item").name() == theme.LIGHT.danger.item
    assert theme.color("#123456").name() == "#123456"
    with pytest.raises(KeyError):
        theme.color("mauve")


def test_a_missing_resource_is_told() -> None:
    assert theme.resource("mark.svg").is_file()
    with pytest.raises(FileNotFoundError, match=r"no\.svg"):
        theme.resource("no.svg")


def test_the_mark_can_be_drawn() -> None:
    image = QImage(str(theme.resource("mark.svg")))
    assert image.size() == QSize(64, 64)
    assert len(colours(image)) > 3


def test_every_icon_is_in_the_bundled_font() -> None:
    raw = QRawFont(str(theme.resource("fonts/fa-solid-900.ttf")), 16)
    missing = [name for name, code in icons.GLYPHS.items() if not raw.supportsCharacter(code)]
    assert not missing
    assert {disc.glyph for disc in icons.STATES.values()} <= icons.names()


@pytest.mark.parametrize("dpr", [1.0, 1.25, 2.0])
def test_icons_have_as_many_pixels_as_the_screen(dpr: float) -> None:
    made = icons.icon("vm", state="running").pixmap(QSize(16, 16), dpr)
    assert made.width() == round(16 * dpr)
    assert made.devicePixelRatio() == pytest.approx(dpr)


def test_a_state_adds_its_disc() -> None:
    def drawn(state: str | None) -> set[str]:
        return colours(icons.pixmap("vm", 32, state=state).toImage())

    assert theme.LIGHT.success.item in drawn("Running")
    assert theme.LIGHT.danger.item in drawn("halted")
    assert theme.LIGHT.info.item in drawn("primary")
    assert theme.LIGHT.success.item not in drawn(None)
    assert drawn("something new")


def test_an_icon_takes_the_colour_of_the_theme(qapp: QApplication) -> None:
    kept = icons.icon("host")
    light = colours(kept.pixmap(QSize(32, 32)).toImage())
    theme.apply_theme(qapp, "dark")
    dark = colours(kept.pixmap(QSize(32, 32)).toImage())
    assert theme.LIGHT.txt in light
    assert theme.DARK.txt in dark


def test_an_unknown_icon_is_an_error() -> None:
    with pytest.raises(KeyError):
        icons.icon("unicorn")


def test_the_same_picture_is_made_once() -> None:
    assert icons.pixmap("vm", 16).cacheKey() == icons.pixmap("vm", 16).cacheKey()
    assert icons.pixmap("vm", 16).cacheKey() != icons.pixmap("vm", 16, dpr=2.0).cacheKey()


def test_widgets_follow_a_change(qapp: QApplication, qtbot: QtBot) -> None:
    label = QLabel("x")
    label.setProperty("tone", "danger")
    qtbot.addWidget(label)
    label.ensurePolished()
    theme.apply_theme(qapp, "dark")
    assert label.palette().windowText().color() == QColor(theme.DARK.danger.txt)


def test_resources_are_found_in_an_installed_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "xolite_qt"
    (package / "ui").mkdir(parents=True)
    (package / "resources").mkdir()
    (package / "resources" / "mark.svg").write_text("<svg/>")
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(theme, "__file__", str(package / "ui" / "theme.py"))
        assert theme.resource("mark.svg") == package / "resources" / "mark.svg"
