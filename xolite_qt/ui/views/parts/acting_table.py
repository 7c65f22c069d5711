"""A page that is a table of things with buttons for what can be done to them, and their details."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import msgspec
from PySide6.QtCore import QPoint
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from xolite_qt.stores import Store, Subscription
from xolite_qt.ui.deeds import Choice
from xolite_qt.ui.models.column import Column, HasRef
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.live_page import Throttle
from xolite_qt.ui.views.parts.table_page import TablePage
from xolite_qt.ui.widgets import (
    Button,
    ButtonKind,
    Card,
    FlowLayout,
    IconButton,
    KeyValues,
    SidePanel,
    Thresholds,
)

T = TypeVar("T", bound=HasRef)


@dataclass(frozen=True)
class Fact:
    """A line of the details.

    Attributes:
        label: what it is.
        text: in words.
        open: leads to an object's page; None for plain text.
        mono: written in a fixed-pitch font.
        icon: beside the text; "" for none.
    """

    label: str
    text: str
    open: Callable[[], object] | None = None
    mono: bool = False
    icon: str = ""


class ActingTable(TablePage[T]):
    """A table whose rows are acted on.

    A subclass names its columns, stores and choices. Buttons stand above the table, all choices
    are in the menu of the rows and in the palette; the details of one selected row stand in a
    panel at the right.

    Args:
        columns, store, one, many: as `TablePage`.
        beside: stores that the columns and choices look into; a change of them draws anew.
        on_bar: ids of the choices that have a button; the others are under "More".
        primary: the id of the one that stands out.
    """

    def __init__(
        self,
        context: PageContext,
        ref: str,
        *,
        columns: Iterable[Column[T]],
        store: Store[T],
        one: str,
        many: str,
        beside: Sequence[Store[Any]] = (),
        on_bar: Sequence[str] = (),
        primary: str = "",
        thresholds: Thresholds | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            context,
            ref,
            columns=columns,
            store=store,
            one=one,
            many=many,
            thresholds=thresholds,
            parent=parent,
        )
        self._beside = tuple(beside)
        self._on_bar, self._primary = tuple(on_bar), primary
        self.throttle = Throttle(self)
        self.buttons: dict[str, Button] = {}
        self._shown: str | None = None
        self._build_bar()
        self._build_panel()
        self.table.selection_changed.connect(self._selected)
        self.table.opened.connect(lambda _ref: self.show_details(toggle=False))
        self.model.dataChanged.connect(lambda *_where: self.throttle.call(self._look))
        self.model.counted.connect(lambda *_counts: self.throttle.call(self._look))
        context.actions.blocked_changed.connect(self.judge)

    # ------------------------------------------------------------------ for subclasses

    def belongs(self, row: T) -> bool:
        """Whether a row of the store is shown on this page."""
        return True

    def row_choices(self, rows: Sequence[T]) -> Sequence[Choice]:
        """What may be done with the selected rows; also where none is selected."""
        return ()

    def facts(self, row: T) -> Sequence[Fact]:
        """The details of a row."""
        return ()

    def records(self, row: T) -> Any:
        """What "Copy as JSON" copies."""
        return row

    def title_of(self, row: T) -> str:
        """The row's name, over its details."""
        return row.ref

    # ------------------------------------------------------------------ layout

    def _build_bar(self) -> None:
        bar = QWidget()
        flow = FlowLayout(bar, spacing=6)
        for ident in self._on_bar:
            choice = next(one for one in self.row_choices(()) if one.id == ident)
            kind: ButtonKind = "primary" if ident == self._primary else "secondary"
            button = Button(choice.label, kind, icon=choice.icon, small=True)
            button.clicked.connect(partial(self._do, ident))
            flow.addWidget(button)
            self.buttons[ident] = button
        self.more = Button(
            self.tr("More"), small=True, menu=self.context.actions.menu_of(self.choices, self)
        )
        flow.addWidget(self.more)
        self.card.body.insertWidget(1, bar)

    def _build_panel(self) -> None:
        self.panel = SidePanel()
        self.copy_json = IconButton("copy", self.tr("Copy as JSON"), self._copy_json)
        self.panel.add_action(self.copy_json)
        self.details = IconButton(
            "info", self.tr("Show details"), lambda: self.show_details(toggle=True)
        )
        self.tools.addWidget(self.details)
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.removeWidget(self.card)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.card, 1)
        row.addWidget(self.panel)
        layout.addLayout(row, 1)
        self.panel.closed.connect(self._panel_closed)

    # ------------------------------------------------------------------ rows

    def wanted(self) -> Iterable[Subscription[Any]]:
        """The rows, and what they look into."""
        beside = (
            store.subscribe(lambda _change: self.throttle.call(self._draw_again))
            for store in self._beside
        )
        return (*super().wanted(), *beside)

    def refresh(self) -> None:
        """Show what is there."""
        self.model.set_row_filter(self.belongs)
        super().refresh()
        self._look()

    @property
    def busy(self) -> bool:
        """Also while there is something that was not drawn yet."""
        return super().busy or self.throttle.is_waiting

    def unsubscribe(self) -> None:
        """Draw no more."""
        super().unsubscribe()
        self.throttle.forget()

    def _draw_again(self) -> None:
        self.model.set_row_filter(self.belongs)
        self.model.touch()
        self._look()

    def known(self) -> int:
        """Rows that belong on this page."""
        return sum(1 for row in self.store.records.values() if self.belongs(row))

    def chosen(self) -> list[T]:
        """The selected rows as they are now."""
        found = (self.model.get(ref) for ref in self.table.selected_refs())
        return [row for row in found if row is not None]

    # ------------------------------------------------------------------ choices

    def choices(self) -> Sequence[Choice]:
        """What may be done now."""
        found = self.row_choices(self.chosen())
        return sorted(found, key=lambda choice: choice.group)

    def _do(self, ident: str) -> None:
        choice = next(one for one in self.choices() if one.id == ident)
        self.context.actions.choose(choice)

    def judge(self) -> None:
        """Says on each button why it cannot be used."""
        blocked = self.context.actions.blocked
        for choice in self.choices():
            if choice.id in self.buttons:
                self.buttons[choice.id].set_reason(blocked or choice.reason)

    def show_menu(self, place: QPoint, refs: list[str]) -> None:
        """All choices for the selected rows."""
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        self.context.actions.fill(menu, self.choices())
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(place)

    # ------------------------------------------------------------------ details

    def _selected(self, _refs: list[str]) -> None:
        self._look()

    def _look(self) -> None:
        self.judge()
        chosen = self.chosen()
        self.details.set_reason(None if len(chosen) == 1 else self.tr("Select one row first."))
        if self.panel.is_open:
            if len(chosen) == 1:
                self._fill(chosen[0])
            elif self._shown is not None and self.model.get(self._shown) is None:
                self.panel.close_panel()

    def show_details(self, *, toggle: bool) -> None:
        """Open the panel for the selected row, or close it."""
        if toggle and self.panel.is_open:
            self.panel.close_panel()
            return
        chosen = self.chosen()
        if chosen:
            self.panel.open(self.title_of(chosen[0]))
            self._shown = None
            self._fill(chosen[0])

    def _panel_closed(self) -> None:
        self._shown = None

    def _fill(self, row: T) -> None:
        facts = self.facts(row)
        self.panel.title.set_text(self.title_of(row))
        if self._shown != row.ref or not isinstance(self.panel.content(), _Details):
            self.panel.set_content(_Details())
            self._shown = row.ref
        content = self.panel.content()
        assert isinstance(content, _Details)
        content.show_facts(facts)

    def _copy_json(self) -> None:
        rows = [self.records(row) for row in self.chosen()]
        if rows:
            body = msgspec.json.encode(rows[0] if len(rows) == 1 else rows, enc_hook=str)
            QGuiApplication.clipboard().setText(msgspec.json.format(body, indent=2).decode())
            self.context.notify("Copied as JSON.", level="success")


class _Details(QWidget):
    """Facts in a card."""

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        self.card = Card(dense=True)
        self.values = KeyValues()
        self.card.add(self.values)
        column.addWidget(self.card)
        column.addStretch(1)
        self._labels: list[str] = []

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """Shows them in their order."""
        labels = [fact.label for fact in facts]
        for label in self._labels:
            if label not in labels:
                self.values.remove(label)
        for fact in facts:
            self.values.set(
                fact.label, fact.text, icon=fact.icon, on_open=fact.open, mono=fact.mono
            )
        self._labels = labels
