"""The table model against a list that is simply rebuilt."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import (
    QAbstractItemModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
)
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from xolite_qt.ui.models.column import Column, Kind
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.models.roles import MUTED_ROLE, REF_ROLE, VALUE_ROLE

UP, DOWN = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder


@dataclass(frozen=True)
class Thing:
    ref: str
    name: str
    size: float | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Told:
    added: tuple[Thing, ...] = ()
    changed: tuple[Thing, ...] = ()
    removed: tuple[str, ...] = ()


COLUMNS = (
    Column[Thing](id="name", title="Name", value=lambda t: t.name),
    Column[Thing](id="size", title="Size", value=lambda t: t.size, kind=Kind.BYTES),
    Column[Thing](id="tags", title="Tags", value=lambda t: t.tags, kind=Kind.TAGS),
)


def make(*things: Thing) -> RecordTableModel[Thing]:
    model = RecordTableModel(COLUMNS)
    model.replace(things)
    return model


def names(model: RecordTableModel[Thing]) -> list[str]:
    return [model.index(row, 0).data() for row in range(model.rowCount())]


@dataclass
class Mirror:
    """A second list that knows only what the signals say; it must equal the model."""

    model: RecordTableModel[Thing]
    rows: list[str] = field(default_factory=list)
    resets: int = 0

    def __post_init__(self) -> None:
        self.rows = self.read()
        self.model.rowsInserted.connect(self.inserted)
        self.model.rowsAboutToBeRemoved.connect(self.removed)
        self.model.dataChanged.connect(self.changed)
        self.model.layoutAboutToBeChanged.connect(self.before_layout)
        self.model.layoutChanged.connect(self.after_layout)
        self.model.modelReset.connect(self.reset)
        self.held: list[tuple[str, QPersistentModelIndex]] = []

    def cell(self, row: int) -> str:
        index = self.model.index(row, 0)
        return f"{index.data(REF_ROLE)} {index.data()}"

    def read(self) -> list[str]:
        return [self.cell(row) for row in range(self.model.rowCount())]

    def inserted(self, _parent: QModelIndex, first: int, last: int) -> None:
        self.rows[first:first] = [self.cell(row) for row in range(first, last + 1)]

    def removed(self, _parent: QModelIndex, first: int, last: int) -> None:
        del self.rows[first : last + 1]

    def changed(self, top: QModelIndex, bottom: QModelIndex) -> None:
        for row in range(top.row(), bottom.row() + 1):
            self.rows[row] = self.cell(row)

    def before_layout(self) -> None:
        self.held = [
            (ref, QPersistentModelIndex(self.model.index(row, 0)))
            for row, ref in enumerate(self.rows)
        ]

    def after_layout(self) -> None:
        rows = [""] * len(self.held)
        for text, index in self.held:
            rows[index.row()] = text
        self.rows = rows
        self.held = []

    def reset(self) -> None:
        self.resets += 1


REFS = st.integers(0, 30).map(lambda n: f"r{n:02}")
THINGS = st.builds(
    Thing,
    REFS,
    st.sampled_from(["web-1", "web-2", "web-10", "DB", "db", "", "mail <b>x</b>"]),
    st.one_of(st.none(), st.sampled_from([0.0, 1.0, 2.0**30, 2.0**33])),
    st.sampled_from([(), ("prod",), ("prod", "eu")]),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("tell"), st.lists(THINGS, max_size=12), st.lists(REFS, max_size=6)),
        st.tuples(st.just("sort"), st.integers(0, 2), st.booleans()),
        st.tuples(st.just("filter"), st.sampled_from(["", "web", "db", "prod 1"]), st.none()),
        st.tuples(st.just("column"), st.sampled_from(["", ">0", ">1G", "<=8g"]), st.none()),
    ),
    max_size=14,
)


@given(start=st.lists(THINGS, max_size=20), steps=STEPS)
def test_any_changes_give_what_a_rebuilt_table_gives(
    start: list[Thing], steps: list[tuple[object, ...]]
) -> None:
    model = make(*start)
    mirror = Mirror(model)
    truth = {thing.ref: thing for thing in start}
    sort, words, column = (0, UP), "", ""
    for step in steps:
        match step:
            case ("tell", list(things), list(gone)):
                dying = [ref for ref in gone if ref not in {t.ref for t in things}]
                known = [t for t in things if t.ref in truth]
                new = [t for t in things if t.ref not in truth]
                model.apply(Told(tuple(new), tuple(known), tuple(dying)))
                model.flush()
                for ref in dying:
                    truth.pop(ref, None)
                truth.update({t.ref: t for t in new + known})
                # The last word on a reference counts, as in the model.
                truth.update({t.ref: t for t in known})
            case ("sort", int(at), bool(down)):
                sort = (at, DOWN if down else UP)
                model.sort(*sort)
            case ("filter", str(text), None):
                words = text
                model.set_filter(text)
            case (_, str(text), _):
                column = text
                model.set_column_filter("size", text)
            case _:
                raise AssertionError(step)
    rebuilt = RecordTableModel(COLUMNS)
    rebuilt.sort(*sort)
    rebuilt.set_filter(words)
    rebuilt.set_column_filter("size", column)
    rebuilt.replace(truth.values())
    assert [row.ref for row in model.rows()] == [row.ref for row in rebuilt.rows()]
    assert names(model) == names(rebuilt)
    assert mirror.rows == mirror.read()
    assert mirror.resets == 0


def test_the_model_keeps_the_rules_of_qt(qtbot: QtBot, qtmodeltester: ModelTester) -> None:
    many = [Thing(f"r{n:04}", f"vm-{n % 97}", float(n % 13)) for n in range(400)]
    model = make(*many)
    qtmodeltester.check(model)  # type: ignore[no-untyped-call]
    model.sort(1, DOWN)
    model.apply(Told(changed=tuple(replace(t, size=t.size and t.size * 7) for t in many[::2])))
    model.flush()
    model.apply(Told(removed=tuple(t.ref for t in many[::3])))
    model.flush()
    model.apply(Told(added=tuple(many[::3])))
    model.flush()
    model.set_filter("vm-1")
    model.set_filter("")
    assert model.rowCount() == 400


def test_selection_and_current_row_survive_sorting_changes_and_filters(qtbot: QtBot) -> None:
    model = make(*(Thing(f"r{n:03}", f"vm-{n}", float(n)) for n in range(200)))
    chosen = QItemSelectionModel(model)
    flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
    for ref in ("r003", "r150"):
        chosen.select(model.find(ref), flags)
    model.sort(1, DOWN)
    model.apply(Told(changed=tuple(Thing(f"r{n:03}", f"x-{n}", 9e9 - n) for n in range(100))))
    model.apply(Told(removed=("r004",), added=(Thing("r999", "new", 5.0),)))
    model.flush()
    assert {index.data(REF_ROLE) for index in chosen.selectedRows()} == {"r003", "r150"}
    model.set_filter("x-")
    model.set_filter("")
    assert [index.data(REF_ROLE) for index in chosen.selectedRows()] == ["r003"]


def test_ties_stand_by_reference_and_empties_last_both_ways() -> None:
    model = make(Thing("b", "x", 1.0), Thing("c", "y"), Thing("a", "z", 1.0), Thing("d", "w", 2.0))
    model.sort(1, UP)
    assert [row.ref for row in model.rows()] == ["a", "b", "d", "c"]
    model.sort(1, DOWN)
    assert [row.ref for row in model.rows()] == ["d", "a", "b", "c"]
    assert model.sorted_by == ("size", True)


def test_names_sort_as_people_count() -> None:
    model = make(*(Thing(n, n) for n in ("web-10", "Web-2", "web-1", "")))
    model.sort(0, UP)
    assert names(model) == ["web-1", "Web-2", "web-10", ""]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (">1G", {"big"}),
        (">= 1 GiB", {"big", "gib"}),
        ("<1k", {"tiny"}),
        ("=1g", {"gib"}),
        ("", {"big", "gib", "tiny", "none"}),
    ],
)
def test_numbers_filter_by_comparison(text: str, found: set[str]) -> None:
    model = make(
        Thing("big", "b", 2.0**33),
        Thing("gib", "g", 2.0**30),
        Thing("tiny", "t", 1.0),
        Thing("none", "n"),
    )
    model.set_column_filter("size", text)
    assert {row.ref for row in model.rows()} == found
    assert model.is_filtered == bool(text)


def test_text_filters_contain_exclude_and_equal() -> None:
    model = make(Thing("1", "alpha"), Thing("2", "beta"), Thing("3", "Alphabet"))
    model.set_column_filter("name", "ALPHA")
    assert names(model) == ["alpha", "Alphabet"]
    model.set_column_filter("name", "!alpha")
    assert names(model) == ["beta"]
    model.set_column_filter("name", "=alpha")
    assert names(model) == ["alpha"]
    model.clear_filters()
    assert model.rowCount() == 3


def test_a_name_that_looks_like_markup_or_is_huge_stays_text() -> None:
    model = make(
        Thing("1", "<b>bold</b><img src=x>"), Thing("2", "n" * 10_000_000), Thing("3", "a\nb")
    )
    assert model.find("1").data() == "<b>bold</b><img src=x>"
    tip = model.find("1").data(Qt.ItemDataRole.ToolTipRole)
    assert "&lt;b&gt;bold" in tip
    assert "<b>" not in tip
    assert len(model.find("2").data()) <= 300
    assert model.find("3").data() == "a b"


def test_few_changes_are_told_one_by_one_and_many_as_one_range(qtbot: QtBot) -> None:
    model = make(*(Thing(f"r{n:04}", f"vm-{n:04}", float(n)) for n in range(1000)))
    told: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda top, bottom: told.append((top.row(), bottom.row())))
    model.apply(Told(changed=(Thing("r0003", "vm-0003", 7.0), Thing("r0800", "vm-0800", 7.0))))
    model.flush()
    assert told == [(3, 3), (800, 800)]
    told.clear()
    model.apply(
        Told(changed=tuple(Thing(f"r{n:04}", f"vm-{n:04}", -1.0) for n in range(0, 998, 2)))
    )
    model.flush()
    assert told == [(0, 996)]


def test_a_storm_is_told_once_a_frame(qtbot: QtBot) -> None:
    model = make(Thing("1", "a"))
    model.flush()
    told: list[str] = []
    model.dataChanged.connect(lambda *_: told.append(model.index(0, 0).data()))
    for n in range(200):
        model.apply(Told(changed=(Thing("1", f"a{n}"),)))
    assert len(told) <= 2
    qtbot.waitUntil(lambda: bool(told) and told[-1] == "a199", timeout=1000)


def test_whoever_is_being_told_may_ask_for_more(qtbot: QtBot) -> None:
    model = make(*(Thing(f"r{n}", f"vm-{n}") for n in range(9)))

    def again() -> None:
        model.replace([Thing("r1", "only")])

    model.layoutChanged.connect(again)
    model.apply(Told(changed=(Thing("r0", "zz"),)))
    model.flush()
    qtbot.waitUntil(lambda: names(model) == ["only"], timeout=1000)


def test_roles_for_delegates_and_readers() -> None:
    model = RecordTableModel(COLUMNS, muted=lambda thing: thing.name == "old")
    model.replace([Thing("1", "old", 2.0**30, ("prod", "eu"))])
    assert model.index(0, 1).data(VALUE_ROLE) == 2.0**30
    assert model.index(0, 2).data() == "prod, eu"
    assert model.index(0, 0).data(MUTED_ROLE) is True
    assert model.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole) == "Name: old"
    right = Qt.AlignmentFlag.AlignRight
    assert model.index(0, 1).data(Qt.ItemDataRole.TextAlignmentRole) & right
    assert model.headerData(1, Qt.Orientation.Horizontal) == "Size"
    assert isinstance(model, QAbstractItemModel)
