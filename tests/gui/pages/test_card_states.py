"""One rule for every card and table: how they stand follows from their stores."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from pytestqt.qtbot import QtBot

from xolite_qt.stores import Store, StoreState
from xolite_qt.ui.models.column import Column
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.views.parts.states import show_card_state, show_table_state
from xolite_qt.ui.widgets import Card, DataTable
from xolite_qt.xen_api import ConnectionLost


@dataclass(frozen=True)
class Thing:
    ref: str


class Told(Store[Thing]):
    """A store in whatever state a test wants it to be."""

    def __init__(self, state: StoreState, *, loaded: bool = False) -> None:
        super().__init__("told")
        self.state = state
        self.error = ConnectionLost("gone") if state is StoreState.FAILED else None
        self.loaded = loaded
        self.retried = 0

    @property
    def as_of(self) -> datetime | None:
        return datetime(2026, 1, 1, 12, 0, tzinfo=UTC) if self.loaded else None

    def retry(self) -> None:
        self.retried += 1


def how(card: Card) -> str:
    return card.state


def test_a_card_takes_the_worst_of_its_stores(qtbot: QtBot) -> None:
    card = Card("Anything")
    qtbot.addWidget(card)
    ready = Told(StoreState.READY, loaded=True)
    assert show_card_state(card, ready)
    assert how(card) == "ready"
    assert not show_card_state(card, ready, Told(StoreState.LOADING))
    assert how(card) == "loading"
    assert show_card_state(card, ready, Told(StoreState.STALE, loaded=True))
    assert how(card) == "stale"
    assert show_card_state(card, ready, Told(StoreState.FAILED, loaded=True))
    assert how(card) == "stale"


def test_a_failure_without_rows_says_why_and_can_be_tried_again(qtbot: QtBot) -> None:
    card = Card("Anything")
    qtbot.addWidget(card)
    broken = Told(StoreState.FAILED)
    assert not show_card_state(card, Told(StoreState.READY, loaded=True), broken)
    assert how(card) == "error"
    assert card.hero.text()
    card.hero.button.click()
    assert broken.retried == 1


def test_a_table_says_what_it_has_no_rows_for(qtbot: QtBot) -> None:
    column = Column[Thing](id="ref", title="Ref", value=lambda thing: thing.ref)
    table = DataTable(RecordTableModel((column,)))
    qtbot.addWidget(table)

    def kind(state: StoreState, total: int = 0, shown: int = 0) -> str:
        show_table_state(table, Told(state), total=total, shown=shown, empty="None")
        return "rows" if table.hero.isHidden() else table.hero.kind

    assert kind(StoreState.LOADING) == "loading"
    assert kind(StoreState.FAILED) == "error"
    assert kind(StoreState.READY) == "empty"
    assert kind(StoreState.READY, 3, 0) == "no-result"
    assert kind(StoreState.STALE, 3, 3) == "rows"
    assert kind(StoreState.FAILED, 3, 3) == "rows"
