"""A table sorts, filters, copies and remembers, by mouse and by key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QContextMenuEvent, QGuiApplication, QStandardItemModel
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QHeaderView
from pytestqt.qtbot import QtBot

from xolite_qt.ui import icons, theme
from xolite_qt.ui.models.column import Column, Kind
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.widgets import DataTable, Thresholds


@dataclass(frozen=True)
class Row:
    ref: str
    name: str
    ram: float
    used: float | None
    tags: tuple[str, ...] = ()
    old: bool = False


COLUMNS: tuple[Column[Row], ...] = (
    Column(id="name", title="Name", value=lambda row: row.name, width=200,
           icon=lambda row: icons.icon("vm", state="running")),
    Column(id="ram", title="RAM", value=lambda row: row.ram, kind=Kind.BYTES, width=100,
           text=lambda row: f"{row.ram / 2**30:.0f} GiB"),
    Column(id="used", title="Used", value=lambda row: row.used, kind=Kind.PROGRESS, width=160,
           text=lambda row: "" if row.used is None else f"{row.used:.0%}"),
    Column(id="tags", title="Tags", value=lambda row: row.tags, kind=Kind.TAGS, width=150),
    Column(id="uuid", title="UUID", value=lambda row: row.ref, default_visible=False),
)  # fmt: skip

ROWS = [
    Row("ref:a", "web-10", 8 * 2**30, 0.5, ("prod",)),
    Row(
        "ref:b", "web-2", 4 * 2**30, 0.95, ("prod", "<b>web</b>", "a third", "a fourth", "a fifth")
    ),
    Row("ref:c", "<b>db</b>", 16 * 2**30, None, (), old=True),
]


@pytest.fixture
def table(qtbot: QtBot) -> DataTable:
    model: RecordTableModel[Row] = RecordTableModel(COLUMNS, muted=lambda row: row.old)
    model.replace(ROWS)
    table = DataTable(model, says="VMs", thresholds=Thresholds())
    qtbot.addWidget(table)
    table.resize(800, 300)
    table.show()
    QApplication.processEvents()
    return table


def names(table: DataTable) -> list[str]:
    return [str(table.model.index(row, 0).data()) for row in range(table.model.rowCount())]


def click_header(table: DataTable, column: int) -> None:
    header = table.header
    place = QPoint(header.sectionViewportPosition(column) + 20, 15)
    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_a_click_on_a_header_sorts_and_a_second_turns_it(table: DataTable) -> None:
    click_header(table, 1)
    assert names(table) == ["web-2", "web-10", "<b>db</b>"]
    click_header(table, 1)
    assert names(table) == ["<b>db</b>", "web-10", "web-2"]
    click_header(table, 0)
    assert names(table) == ["<b>db</b>", "web-2", "web-10"]
    assert table.header.sortIndicatorSection() == 0


def test_setting_a_model_again_sorts_once_a_click(table: DataTable) -> None:
    table.set_model(table.model)
    click_header(table, 1)
    assert table.model.sorted_by == ("ram", False)  # type: ignore[attr-defined]


def test_columns_start_as_they_are_declared_and_share_the_width(table: DataTable) -> None:
    view = table.view
    assert view.isColumnHidden(4)
    assert view.columnWidth(1) == 100
    assert view.columnWidth(2) == 160
    total = sum(view.columnWidth(at) for at in range(4))
    assert total == view.viewport().width()
    table.resize(1000, 300)
    QApplication.processEvents()
    assert sum(view.columnWidth(at) for at in range(4)) == view.viewport().width()
    modes = {table.header.sectionResizeMode(at) for at in range(5)}
    assert modes == {QHeaderView.ResizeMode.Interactive}


def test_a_chosen_width_is_left_alone(table: DataTable) -> None:
    table.header.resizeSection(0, 333)
    table.resize(1100, 300)
    QApplication.processEvents()
    assert table.view.columnWidth(0) == 333
    assert sum(table.view.columnWidth(at) for at in range(4)) == table.view.viewport().width()


def test_a_narrow_table_scrolls_instead_of_squeezing(table: DataTable) -> None:
    table.resize(300, 300)
    QApplication.processEvents()
    assert table.view.columnWidth(1) == 100
    assert table.view.columnWidth(0) >= 149
    assert table.view.horizontalScrollBar().maximum() > 0


def test_the_column_menu_shows_and_hides(table: DataTable) -> None:
    menu = table.column_menu()
    actions = {action.text(): action for action in menu.actions()}
    assert actions["UUID"].isChecked() is False
    actions["UUID"].trigger()
    assert not table.view.isColumnHidden(4)
    for title in ("RAM", "Used", "Tags", "UUID"):
        actions[title].setChecked(False)
    last = {action.text(): action for action in table.column_menu().actions()}
    assert not last["Name"].isEnabled()
    last["Initial columns"].trigger()
    assert [table.view.isColumnHidden(at) for at in range(5)] == [False] * 4 + [True]


def test_filters_filter_while_one_types_and_are_cleared_when_hidden(table: DataTable) -> None:
    table.set_filters_visible(True)
    field = table.header.field(1)
    assert field.isVisible()
    assert field.accessibleName() == "Filter RAM"
    QTest.keyClicks(field, ">5G")
    assert names(table) == ["<b>db</b>", "web-10"]
    QTest.keyClicks(table.header.field(0), "web")
    assert names(table) == ["web-10"]
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert names(table) == ["web-2", "web-10"]
    table.set_filters_visible(False)
    assert len(names(table)) == 3
    assert not field.isVisible()


def test_filter_fields_stand_under_their_titles(table: DataTable) -> None:
    before = table.header.height()
    table.set_filters_visible(True)
    QApplication.processEvents()
    assert table.header.height() > before
    for at in range(4):
        box = table.header.field(at).geometry()
        left = table.header.sectionViewportPosition(at)
        assert left <= box.left()
        assert box.right() <= left + table.header.sectionSize(at)
        assert box.top() >= before - 2
        assert box.bottom() < table.header.height()


def test_one_cell_or_several_rows_are_copied(table: DataTable) -> None:
    table.view.setCurrentIndex(table.model.index(1, 1))
    QTest.keyClick(table.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "4 GiB"
    table.view.selectAll()
    QTest.keyClick(table.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0].split("\t") == ["<b>db</b>", "16 GiB", "", ""]
    assert len(lines) == 3
    assert table.copy_rows().splitlines()[0] == "Name\tRAM\tUsed\tTags"


def test_enter_and_double_click_open(table: DataTable, qtbot: QtBot) -> None:
    assert table.select_ref("ref:a")
    with qtbot.waitSignal(table.opened) as told:
        QTest.keyClick(table.view, Qt.Key.Key_Return)
    assert told.args == ["ref:a"]
    place = table.view.visualRect(table.model.index(0, 0)).center()
    with qtbot.waitSignal(table.opened) as told:
        QTest.mouseClick(table.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
        QTest.mouseDClick(table.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert told.args == ["ref:c"]
    assert not table.select_ref("ref:gone")


def test_the_selection_survives_sorting(table: DataTable) -> None:
    told: list[list[str]] = []
    table.selection_changed.connect(told.append)
    table.select_ref("ref:a")
    assert told[-1] == ["ref:a"]
    click_header(table, 1)
    click_header(table, 1)
    assert table.selected_refs() == ["ref:a"]


def test_the_menu_is_for_the_row_under_it(table: DataTable, qtbot: QtBot) -> None:
    table.select_ref("ref:a")
    place = table.view.visualRect(table.model.index(0, 0)).center()
    with qtbot.waitSignal(table.menu_requested) as told:
        QApplication.sendEvent(
            table.view.viewport(),
            QContextMenuEvent(
                QContextMenuEvent.Reason.Mouse, place, table.view.viewport().mapToGlobal(place)
            ),
        )
    assert told.args is not None
    assert told.args[1] == ["ref:c"]


def test_state_goes_through_json_and_back(table: DataTable, qtbot: QtBot) -> None:
    table.header.moveSection(0, 2)
    table.header.resizeSection(3, 222)
    table.set_column_visible(4, True)
    table.set_column_visible(2, False)
    table.sort(1, Qt.SortOrder.DescendingOrder)
    state: dict[str, Any] = json.loads(json.dumps(table.save_state()))
    model: RecordTableModel[Row] = RecordTableModel(COLUMNS)
    model.replace(ROWS)
    other = DataTable(model)
    qtbot.addWidget(other)
    other.resize(800, 300)
    other.show()
    other.restore_state(state)
    assert other.header.visualIndex(0) == 2
    assert other.view.columnWidth(3) == 222
    assert other.view.isColumnHidden(2)
    assert not other.view.isColumnHidden(4)
    assert model.sorted_by == ("ram", True)
    assert other.save_state() == state


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"order": 5, "widths": [], "hidden": None, "shown": "x", "sort": 3},
        {"order": ["gone", "tags"], "widths": {"gone": 1, "name": "wide"}, "sort": "gone"},
        {"widths": {"name": -5}, "shown": ["gone"], "hidden": ["name"]},
    ],
)
def test_a_broken_state_is_passed_over(table: DataTable, broken: dict[str, Any]) -> None:
    table.restore_state(broken)
    assert table.view.columnWidth(0) >= 48
    assert any(not table.view.isColumnHidden(at) for at in range(5))


def test_cells_are_painted_plain_in_their_colours(table: DataTable) -> None:
    image = table.view.grab().toImage()
    seen = {
        image.pixelColor(x, y).name()
        for x in range(0, image.width(), 2)
        for y in range(0, image.height(), 2)
    }
    now = theme.current()
    assert now.danger.item in seen  # a bar over its threshold
    assert now.info.item in seen
    assert now.brand.bg_active in seen  # chips


def test_numbers_stand_at_the_right(table: DataTable) -> None:
    right = Qt.AlignmentFlag.AlignRight
    model = table.model
    assert model.index(0, 1).data(Qt.ItemDataRole.TextAlignmentRole) & right
    assert model.headerData(1, Qt.Orientation.Horizontal, Qt.ItemDataRole.TextAlignmentRole) & right


def test_every_cell_has_a_name_for_assistive_technology(table: DataTable) -> None:
    face = QAccessible.queryAccessibleInterface(table.view)
    assert face.role() == QAccessible.Role.Table
    assert face.text(QAccessible.Text.Name) == "VMs"
    said = {face.child(at).text(QAccessible.Text.Name) for at in range(face.childCount())}
    assert {"Name: <b>db</b>", "RAM: 16 GiB", "Used: –", "RAM"} <= said


def test_tab_leaves_the_table(table: DataTable) -> None:
    assert not table.view.tabKeyNavigation()


def test_a_sentence_stands_in_place_of_rows(table: DataTable) -> None:
    asked: list[bool] = []
    table.show_hero(
        "no-result", "No VM matches", action="Clear filters", on_action=lambda: asked.append(True)
    )
    assert not table.view.isVisible()
    assert table.hero.text() == "No VM matches"
    table.hero.button.click()
    assert asked == [True]
    table.show_rows()
    assert table.view.isVisible()


def test_any_model_can_be_shown(qtbot: QtBot) -> None:
    model = QStandardItemModel(3, 2)
    table = DataTable(model, filters=True)
    qtbot.addWidget(table)
    table.resize(400, 200)
    table.show()
    table.grab()
    assert table.selected_refs() == []
    assert table.save_state()["order"] == ["0", "1"]
