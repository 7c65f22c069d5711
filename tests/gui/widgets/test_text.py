"""Text from a host is shown as it stands, whole or elided, and can be had by key."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QAccessible, QGuiApplication, QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QToolTip, QWidget
from pytestqt.qtbot import QtBot

from xolite_qt.ui.widgets import (
    Card,
    Hero,
    IconButton,
    KeyValues,
    LinkLabel,
    StateBadge,
    Tag,
    Tags,
    TextLabel,
    ValueLabel,
    plain_tooltip,
)

MARKUP = "<b>bold</b> & <img src=http://x/y.png>"


def says(widget: QWidget) -> str:
    face = QAccessible.queryAccessibleInterface(widget)
    return str(face.text(QAccessible.Text.Name))


def test_markup_in_a_tooltip_is_shown_not_rendered(qtbot: QtBot) -> None:
    label = QLabel()
    qtbot.addWidget(label)
    label.setToolTip(plain_tooltip(f"{MARKUP}\nsecond"))
    assert "<b>" not in label.toolTip()
    assert "&lt;b&gt;bold&lt;/b&gt; &amp;" in label.toolTip()
    assert "<br>second" in label.toolTip()
    assert plain_tooltip("") == ""


@pytest.mark.parametrize(
    "make",
    [
        lambda: TextLabel(MARKUP),
        lambda: LinkLabel(MARKUP),
        lambda: ValueLabel(MARKUP),
        lambda: Card(MARKUP, MARKUP, info=MARKUP),
        lambda: Hero("error", MARKUP, MARKUP),
    ],
)
def test_no_label_renders_markup(qtbot: QtBot, make: type[QWidget]) -> None:
    widget = make()
    qtbot.addWidget(widget)
    labels = [*widget.findChildren(QLabel), *([widget] if isinstance(widget, QLabel) else [])]
    assert any(label.text() == MARKUP for label in labels)
    assert {label.textFormat() for label in labels if label.text()} == {Qt.TextFormat.PlainText}


def test_a_long_text_elides_and_its_tooltip_has_it_whole(qtbot: QtBot) -> None:
    label = TextLabel("a very long name " * 10, elide=True)
    qtbot.addWidget(label)
    label.resize(100, 20)
    label.show()
    assert label.is_elided
    assert label.minimumSizeHint().width() < 100
    place = QPoint(5, 5)
    event = QHelpEvent(QEvent.Type.ToolTip, place, label.mapToGlobal(place))
    QApplication.sendEvent(label, event)
    assert "a very long name a very long name" in QToolTip.text()
    label.set_text("short")
    assert not label.is_elided
    QToolTip.hideText()


def test_megabytes_of_text_are_cut(qtbot: QtBot) -> None:
    label = TextLabel("x" * 10_000_000, wrap=True)
    elided = TextLabel("y\n" * 5_000_000, elide=True)
    qtbot.addWidget(label)
    qtbot.addWidget(elided)
    assert len(label.text()) <= 4_000
    assert "\n" not in elided.text()


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Space])
def test_a_value_copies_itself_by_key(qtbot: QtBot, key: Qt.Key) -> None:
    value = ValueLabel("45be1f26-f630")
    qtbot.addWidget(value)
    with qtbot.waitSignal(value.copied):
        QTest.keyClick(value, key)
    assert QGuiApplication.clipboard().text() == "45be1f26-f630"
    QToolTip.hideText()


def test_a_link_opens_by_click_and_key(qtbot: QtBot) -> None:
    opened: list[str] = []
    link = LinkLabel("web-1", lambda: opened.append("web-1"))
    qtbot.addWidget(link)
    QTest.mouseClick(link, Qt.MouseButton.LeftButton)
    QTest.keyClick(link, Qt.Key.Key_Enter)
    assert opened == ["web-1", "web-1"]
    assert link.focusPolicy() == Qt.FocusPolicy.TabFocus
    assert says(link) == "web-1"


def test_facts_are_set_changed_and_removed(qtbot: QtBot) -> None:
    facts = KeyValues(columns=2)
    qtbot.addWidget(facts)
    facts.set("Name", MARKUP)
    facts.set("IP address", None)
    facts.set_state("State", "halted")
    facts.set_tags("Tags", ["prod", "<i>web</i>"])
    facts.set("IP address", "192.0.2.1")
    assert facts.labels() == ["Name", "IP address", "State", "Tags"]
    assert facts.value("Name") == MARKUP
    assert facts.value("IP address") == "192.0.2.1"
    assert facts.value("State") == "Halted"
    assert facts.value("Tags") == "prod, <i>web</i>"
    facts.remove("Name")
    assert facts.labels() == ["IP address", "State", "Tags"]
    facts.set("IP address", "")
    assert facts.value("IP address") == "–"


def test_a_fact_keeps_its_widget_when_only_the_value_changes(qtbot: QtBot) -> None:
    facts = KeyValues()
    qtbot.addWidget(facts)
    facts.set("RAM", "8 GiB")
    before = facts.cell("RAM")
    facts.set("RAM", "16 GiB")
    assert facts.cell("RAM") is before


def test_a_linked_fact_leads_to_the_newest_target(qtbot: QtBot) -> None:
    opened: list[int] = []
    facts = KeyValues()
    qtbot.addWidget(facts)
    facts.set("Host", "a", icon="host", state="primary", on_open=lambda: opened.append(1))
    facts.set("Host", "b", icon="host", on_open=lambda: opened.append(2))
    link = facts.cell("Host").findChild(LinkLabel)
    assert isinstance(link, LinkLabel)
    QTest.keyClick(link, Qt.Key.Key_Return)
    assert opened == [2]
    assert says(link) == "Host: b"


def test_facts_stand_in_fewer_columns_where_it_is_narrow(qtbot: QtBot) -> None:
    facts = KeyValues(columns=2)
    qtbot.addWidget(facts)
    for at in range(4):
        facts.set(f"label {at}", f"value {at}")
    facts.resize(900, 200)
    facts.show()
    assert facts.cell("label 2").x() > facts.cell("label 0").x()
    facts.resize(400, 200)
    qtbot.waitUntil(lambda: facts.cell("label 2").x() == facts.cell("label 0").x())


def test_marks_say_their_words(qtbot: QtBot) -> None:
    badge, tag, tags = StateBadge("Running"), Tag(MARKUP), Tags(["one", "two"])
    button = IconButton("refresh", "Refresh")
    for widget in (badge, tag, tags, button):
        qtbot.addWidget(widget)
    assert says(badge) == "Running"
    assert says(tag) == MARKUP
    assert says(tags) == "one, two"
    assert says(button) == "Refresh"
    badge.set_state("halted")
    assert says(badge) == "Halted"
    tags.set_tags([])
    assert says(tags) == ""
