"""Cards, and the grid that puts them side by side where there is room."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGraphicsOpacityEffect,
    QGridLayout,
    QHBoxLayout,
    QLayout,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from xolite_qt.ui import format as fmt
from xolite_qt.ui.widgets.badges import Counter, Tag
from xolite_qt.ui.widgets.hero import Hero
from xolite_qt.ui.widgets.text import TextLabel, Tone

__all__ = ["Card", "CardGrid", "Line", "ScrollPage", "SectionTitle"]

CardState = Literal["ready", "loading", "error", "empty", "good", "deferred", "stale"]


class Line(QFrame):
    """A 1-px dividing line."""

    def __init__(self, which: Literal["h", "v", "brand"] = "h") -> None:
        super().__init__()
        self.setProperty("line", which)
        self.setFrameShape(QFrame.Shape.NoFrame)


class SectionTitle(QWidget):
    """A heading in brand colour with a line under it, and something small at the right."""

    def __init__(self, title: str, info: str = "") -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        row = QHBoxLayout()
        self.label = TextLabel(title, kind="body-bold", tone="brand")
        self.info = TextLabel(info, kind="small", tone="brand")
        row.addWidget(self.label, 1)
        row.addWidget(self.info)
        column.addLayout(row)
        column.addWidget(Line("brand"))


class Card(QFrame):
    """A titled box whose body gives way to one sentence while there is nothing to show.

    Put content in with `add(widget)`; then `set_loading()`, `set_error(...)`, `set_empty(...)`,
    `set_good(...)`, `set_deferred(...)`, `set_stale(as_of)` and `set_ready()` say how it stands.

    Args:
        title: "" leaves the heading out.
        description: second line in secondary colour.
        info: short text at the right of the heading.
        dense: 16 px of padding instead of 24.
    """

    def __init__(
        self, title: str = "", description: str = "", *, info: str = "", dense: bool = False
    ) -> None:
        super().__init__()
        self.state: CardState = "ready"
        self.setProperty("panel", "card")
        self.setAccessibleName(title)
        room = 16 if dense else 24
        column = QVBoxLayout(self)
        column.setContentsMargins(room, room - 4, room, room)
        column.setSpacing(12 if dense else 16)

        self._head = QWidget()
        head = QVBoxLayout(self._head)
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(2)
        self._row = QHBoxLayout()
        self._row.setSpacing(8)
        self.title = TextLabel(title, kind="h6", elide=True)
        self._counter = Counter(accent="danger")
        self._counter.hide()
        self._stale = Tag("", accent="warning", icon="clock")
        self._stale.hide()
        self._info = TextLabel(info, kind="small-bold", tone="brand")
        self._row.addWidget(self.title)
        self._row.addWidget(self._counter)
        self._row.addStretch(1)
        self._row.addWidget(self._stale)
        self._row.addWidget(self._info)
        head.addLayout(self._row)
        self._description = TextLabel(description, kind="small", tone="secondary", wrap=True)
        head.addWidget(self._description)
        column.addWidget(self._head)

        self._content = QWidget()
        self.body = QVBoxLayout(self._content)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(12)
        column.addWidget(self._content, 1)
        self._hero = Hero("loading", "")
        self._hero.hide()
        column.addWidget(self._hero, 1)

        self._info.setVisible(bool(info))
        self._description.setVisible(bool(description))
        self._head.setVisible(bool(title))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    # ------------------------------------------------------------ content

    def add(self, widget: QWidget, stretch: int = 0) -> None:
        """Append a widget to the body."""
        self.body.addWidget(widget, stretch)

    def add_layout(self, layout: QLayout, stretch: int = 0) -> None:
        """Append a layout to the body."""
        self.body.addLayout(layout, stretch)

    def add_stretch(self) -> None:
        """Keep what is above at the top."""
        self.body.addStretch(1)

    def add_action(self, widget: QWidget) -> None:
        """Put a small button or choice at the right of the heading."""
        self._head.show()
        self._row.addWidget(widget)

    def set_title(self, title: str) -> None:
        """Change the heading."""
        self.title.set_text(title)
        self._head.setVisible(bool(title))
        self.setAccessibleName(title)

    def set_description(self, text: str) -> None:
        """Change the line under the heading."""
        self._description.set_text(text)
        self._description.setVisible(bool(text))

    def set_info(self, text: str, tone: Tone = "brand") -> None:
        """Change the short text at the right."""
        self._info.set_text(text)
        self._info.set_tone(tone)
        self._info.setVisible(bool(text))

    def set_count(self, number: int | None, accent: str = "danger") -> None:
        """Show a number in a pill after the title; None or 0 hides it."""
        self._counter.setVisible(bool(number))
        if number:
            self._counter.set_number(number, accent=accent)

    # ------------------------------------------------------------ state

    def set_ready(self) -> None:
        """Show the body."""
        self._set("ready")

    def set_loading(self, text: str = "") -> None:
        """Say that data is on its way."""
        self._say("loading", text or self.tr("Loading…"))

    def set_error(
        self, summary: str, retry: Callable[[], object] | None = None, *, details: str = ""
    ) -> None:
        """Say what went wrong, with a button to try again."""
        action = self.tr("Try again") if retry else ""
        self._say("error", summary, details, action, retry)

    def set_empty(self, text: str, details: str = "") -> None:
        """Say that there is nothing."""
        self._say("empty", text, details)

    def set_good(self, text: str, details: str = "") -> None:
        """Say that nothing is wrong."""
        self._say("good", text, details)

    def set_deferred(
        self, text: str, action: str, on_action: Callable[[], object], *, icon: str = ""
    ) -> None:
        """Offer to load what is fetched only when asked for."""
        self._say("deferred", text, "", action, on_action, icon)

    def set_stale(self, as_of: datetime | float | None) -> None:
        """Keep the last data, greyed, with the time that it is from."""
        self._stale.set_text(
            self.tr("as of %1").replace("%1", fmt.clock(as_of, seconds=True)), accent="warning"
        )
        self._set("stale")

    @property
    def hero(self) -> Hero:
        """The sentence shown in place of the body."""
        return self._hero

    def _say(
        self,
        state: Literal["loading", "error", "empty", "good", "deferred"],
        text: str,
        details: str = "",
        action: str = "",
        on_action: Callable[[], object] | None = None,
        icon: str = "",
    ) -> None:
        self._hero.set_state(state, text, details, action=action, on_action=on_action, icon=icon)
        self._set(state)

    def _set(self, state: CardState) -> None:
        if state != self.state:
            self.state = state
            accent = "danger" if state == "error" else ""
            if (self.property("accent") or "") != accent:
                self.setProperty("accent", accent)
                self.style().unpolish(self)
                self.style().polish(self)
            if state == "stale":
                effect = QGraphicsOpacityEffect(self._content)
                effect.setOpacity(0.55)
                self._content.setGraphicsEffect(effect)
            elif self._content.graphicsEffect() is not None:
                # PySide's stub does not say that None removes the effect.
                self._content.setGraphicsEffect(None)  # type: ignore[arg-type]
        with_body = state in ("ready", "stale")
        self._content.setVisible(with_body)
        self._hero.setVisible(not with_body)
        self._stale.setVisible(state == "stale")


class CardGrid(QWidget):
    """Cards in as many equal columns as there is room for; rows have one height.

    Args:
        min_column: narrowest column in px.
        max_columns: never more than this.
    """

    def __init__(self, *, min_column: int = 300, max_columns: int = 4, gap: int = 8) -> None:
        super().__init__()
        self._min = min_column
        self._max = max_columns
        self._gap = gap
        self._cells: list[tuple[QWidget, int]] = []
        # Until it is laid out once: a tall single column would stretch the window for good.
        self._columns = max_columns
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(gap)

    def add(self, widget: QWidget, span: int = 1) -> None:
        """Append a card that takes `span` columns where there are so many."""
        self._cells.append((widget, span))
        self._arrange(self._columns)

    def add_stack(self, *widgets: QWidget, span: int = 1) -> QWidget:
        """Append several cards above each other as one cell; returns the cell."""
        cell = QWidget()
        column = QVBoxLayout(cell)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(self._gap)
        for widget in widgets:
            column.addWidget(widget)
        column.addStretch(1)
        self.add(cell, span)
        return cell

    @property
    def columns(self) -> int:
        """How many columns there are now."""
        return self._columns

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Find the number of columns anew."""
        super().resizeEvent(event)
        fitting = (event.size().width() + self._gap) // (self._min + self._gap)
        columns = max(1, min(self._max, fitting))
        if columns != self._columns:
            self._arrange(columns)

    def _arrange(self, columns: int) -> None:
        for at in range(self._grid.columnCount()):
            self._grid.setColumnStretch(at, 0)
        for widget, _span in self._cells:
            self._grid.removeWidget(widget)
        self._columns = columns
        rows: list[list[tuple[QWidget, int]]] = [[]]
        room = columns
        for widget, wanted in self._cells:
            span = min(wanted, columns)
            if span > room:
                rows.append([])
                room = columns
            rows[-1].append((widget, span))
            room -= span
        for row, cells in enumerate(rows):
            at = 0
            for place, (widget, span) in enumerate(cells):
                if place == len(cells) - 1:
                    span = columns - at
                self._grid.addWidget(widget, row, at, 1, span)
                at += span
        for at in range(columns):
            self._grid.setColumnStretch(at, 1)
            # Equal widths whatever the cards wish for.
            self._grid.setColumnMinimumWidth(at, 0)


class ScrollPage(QScrollArea):
    """A page body that scrolls up and down: `add` cards and grids, they get 8 px around them."""

    def __init__(self, *, margin: int = 8) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inner = QWidget()
        inner.setProperty("panel", "page")
        self.column = QVBoxLayout(inner)
        self.column.setContentsMargins(margin, margin, margin, margin)
        self.column.setSpacing(8)
        self._end = 0
        self.column.addStretch(1)
        self.setWidget(inner)

    def add(self, widget: QWidget, stretch: int = 0) -> None:
        """Append a widget above the free room at the end."""
        self.column.insertWidget(self.column.count() - 1, widget, stretch)
