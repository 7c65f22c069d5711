"""Cards say how they stand, grids use the width, heroes and banners offer the way out."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from xolite_qt.ui import theme
from xolite_qt.ui.widgets import (
    Banner,
    Button,
    Card,
    CardGrid,
    Hero,
    IconButton,
    ScrollPage,
    SidePanel,
    Spinner,
    TextLabel,
)


def card_with_body(qtbot: QtBot) -> tuple[Card, TextLabel]:
    card, body = Card("Storage"), TextLabel("body")
    card.add(body)
    qtbot.addWidget(card)
    card.show()
    return card, body


def test_an_error_stands_in_place_of_the_body_and_can_be_retried(qtbot: QtBot) -> None:
    card, body = card_with_body(qtbot)
    tried: list[bool] = []
    card.set_error("The host did not answer", lambda: tried.append(True), details="timeout")
    assert not body.isVisible()
    assert card.hero.text() == "The host did not answer"
    assert card.property("accent") == "danger"
    QTest.mouseClick(card.hero.button, Qt.MouseButton.LeftButton)
    assert tried == [True]
    card.set_ready()
    assert body.isVisible()
    assert not card.hero.isVisible()
    assert not card.property("accent")


def test_an_error_without_retry_has_no_button(qtbot: QtBot) -> None:
    card, _body = card_with_body(qtbot)
    card.set_error("No")
    assert not card.hero.button.isVisible()


@pytest.mark.parametrize("state", ["loading", "empty", "good", "deferred"])
def test_other_states_hide_the_body(qtbot: QtBot, state: str) -> None:
    card, body = card_with_body(qtbot)
    pressed: list[bool] = []
    if state == "loading":
        card.set_loading()
    elif state == "empty":
        card.set_empty("Nothing")
    elif state == "good":
        card.set_good("All good")
    else:
        card.set_deferred("On demand", "Load now", lambda: pressed.append(True))
        card.hero.button.click()
        assert pressed == [True]
    assert card.state == state
    assert not body.isVisible()
    assert card.hero.isVisible()


def test_stale_keeps_the_body_greyed_with_its_time(qtbot: QtBot) -> None:
    card, body = card_with_body(qtbot)
    card.set_stale(1_789_000_000.0)
    assert body.isVisible()
    holder = body.parentWidget()
    assert holder is not None
    assert holder.graphicsEffect() is not None
    card.set_ready()
    assert holder.graphicsEffect() is None


def test_a_grid_has_as_many_columns_as_fit(qtbot: QtBot) -> None:
    grid = CardGrid(min_column=300, max_columns=3)
    cards = [Card(str(at)) for at in range(4)]
    for card in cards:
        grid.add(card)
    qtbot.addWidget(grid)
    grid.resize(1000, 400)
    grid.show()
    assert grid.columns == 3
    assert len({card.y() for card in cards[:3]}) == 1
    assert cards[3].y() > cards[0].y()
    # The last of a row takes what is left.
    assert cards[3].width() > cards[0].width() * 2
    grid.resize(320, 900)
    qtbot.waitUntil(lambda: grid.columns == 1)
    qtbot.waitUntil(lambda: len({card.x() for card in cards}) == 1)


def test_a_grid_does_not_stretch_its_window(qtbot: QtBot) -> None:
    grid = CardGrid(min_column=300, max_columns=3)
    for at in range(12):
        card = Card(str(at))
        card.add(TextLabel("x", wrap=True))
        grid.add(card)
    qtbot.addWidget(grid)
    grid.resize(1000, 500)
    grid.show()
    QApplication.processEvents()
    assert grid.height() == 500


def test_a_page_scrolls_only_up_and_down(qtbot: QtBot) -> None:
    page = ScrollPage()
    qtbot.addWidget(page)
    for at in range(30):
        page.add(Card(f"card {at}"))
    page.resize(300, 200)
    page.show()
    assert page.verticalScrollBar().maximum() > 0
    assert page.column.geometry().width() <= 300


def test_a_hero_is_read_as_its_sentence(qtbot: QtBot) -> None:
    hero = Hero("offline", "web-1 is halted", "Start it to see more", compact=False)
    qtbot.addWidget(hero)
    face = QAccessible.queryAccessibleInterface(hero)
    assert face.text(QAccessible.Text.Name) == "web-1 is halted"
    assert face.text(QAccessible.Text.Description) == "Start it to see more"


def test_a_spinner_rests_with_reduced_motion(qtbot: QtBot) -> None:
    still, turning = Spinner(), Spinner()
    for spinner in (still, turning):
        qtbot.addWidget(spinner)
    still.show()
    before = still.grab().toImage()
    theme.set_reduced_motion(False)
    turning.show()
    first = turning.grab().toImage()
    qtbot.waitUntil(lambda: turning.grab().toImage() != first, timeout=2000)
    assert still.grab().toImage() == before
    turning.hide()


def test_a_banner_says_offers_and_goes(qtbot: QtBot) -> None:
    banner = Banner()
    qtbot.addWidget(banner)
    assert banner.isHidden()
    tried: list[bool] = []
    banner.show_message(
        "Connection lost", "warning", action="Try now", on_action=lambda: tried.append(True),
        closable=True,
    )  # fmt: skip
    assert banner.isVisible()
    assert banner.text() == "Connection lost"
    assert banner.accessibleName() == "Connection lost"
    banner.findChildren(Button)[0].click()
    assert tried == [True]
    with qtbot.waitSignal(banner.closed):
        banner.findChildren(IconButton)[0].click()
    assert banner.isHidden()


def test_a_side_panel_opens_without_taking_the_focus_and_closes_on_escape(qtbot: QtBot) -> None:
    panel = SidePanel()
    qtbot.addWidget(panel)
    first = Card("first")
    panel.set_content(first)
    panel.open("web-1")
    assert panel.is_open
    assert panel.isVisible()
    assert panel.title.text() == "web-1"
    assert not panel.hasFocus()
    panel.set_content(Card("second"))
    assert panel.content() is not first
    with qtbot.waitSignal(panel.closed):
        QTest.keyClick(panel, Qt.Key.Key_Escape)
    assert not panel.isVisible()


def test_a_side_panel_slides_where_motion_is_wanted(qtbot: QtBot) -> None:
    theme.set_reduced_motion(False)
    panel = SidePanel(width=300)
    qtbot.addWidget(panel)
    panel.open("x")
    qtbot.waitUntil(lambda: panel.maximumWidth() == 300 and panel.minimumWidth() == 300)
    panel.close_panel()
    assert not panel.is_open
    qtbot.waitUntil(panel.isHidden)
