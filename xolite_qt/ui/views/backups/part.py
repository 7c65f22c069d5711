"""A sub-page of the backups page: a bar of actions and a table that lives on one store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from xolite_qt.stores import Store, StoreState, Subscription
from xolite_qt.ui import format as fmt
from xolite_qt.ui.icons import icon
from xolite_qt.ui.models.column import Column, HasRef
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.states import show_table_state
from xolite_qt.ui.widgets import (
    Button,
    ButtonKind,
    Card,
    DataTable,
    FlowLayout,
    IconButton,
    SearchField,
    TextLabel,
    plain_tooltip,
)

T = TypeVar("T", bound=HasRef)

PARTS = (
    ("jobs", "Jobs"),
    ("runs", "Runs"),
    ("repositories", "Repositories"),
    ("points", "Backups"),
)
"""Id and caption of each sub-page."""
TICK_MS = 15_000
"""How often ages are written anew; what goes on brings its own news."""


@dataclass(frozen=True)
class Act(Generic[T]):
    """Something to do with the selected rows.

    Attributes:
        text, icon: of the button and of the menu's line.
        run: does it.
        reason: why not now, or None.
        kind: of the button.
        on_rows: whether it is about the selected rows; what is not is left out of their menu.
    """

    text: str
    icon: str
    run: Callable[[list[T]], object]
    reason: Callable[[list[T]], str | None]
    kind: ButtonKind = "secondary"
    on_rows: bool = True


def one(rows: list[Any], what: str) -> str | None:
    """For actions on exactly one row."""
    if not rows:
        return f"Select a {what} first."
    return None if len(rows) == 1 else f"Select one {what} only."


def some(rows: list[Any], what: str) -> str | None:
    """For actions on any number of rows."""
    return None if rows else f"Select a {what} first."


class Part(QWidget):
    """A sub-page; the page subscribes it while it is the one that is seen."""

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self.context = context
        self.told_busy: Callable[[], None] = lambda: None

    def wanted(self) -> Iterable[Subscription[Any]]:
        """The subscriptions that it lives on, made anew at each call."""
        return ()

    def refresh(self) -> None:
        """Show what the stores hold now."""

    @property
    def settled(self) -> bool:
        """Whether everything known is shown."""
        return True


class TablePart(Part, Generic[T]):
    """A table with search, actions and a menu.

    Args:
        part_id: for saved widths: "jobs".
        one, many: what a row is called.
        acts: what can be done with the selected rows, in order.
        newest: id of a column of times; the newest come first until the user sorts otherwise.
    """

    def __init__(
        self,
        context: PageContext,
        part_id: str,
        columns: Iterable[Column[T]],
        *,
        one: str,
        many: str,
        acts: Iterable[Act[T]],
        muted: Callable[[T], bool] | None = None,
        newest: str = "",
    ) -> None:
        super().__init__(context)
        self._id = f"backups.{part_id}"
        self._many = many
        self.model: RecordTableModel[T] = RecordTableModel(tuple(columns), muted=muted)
        self.model.setParent(self)
        if newest:
            self.model.sort_by(newest, descending=True)
        self.table = DataTable(self.model, says=many)
        self.search = SearchField(self.tr("Search in all columns"))
        self.search.setMaximumWidth(320)
        self.search.setMinimumWidth(130)
        self.count = TextLabel(kind="small", tone="secondary")
        self.acts = tuple(acts)
        self.buttons: list[Button] = []
        self.card = Card(dense=True)
        self.strip = QWidget()
        self.flow = FlowLayout(self.strip, spacing=6)
        for act in self.acts:
            button = Button(act.text, act.kind, icon=act.icon, small=True)
            button.clicked.connect(lambda _on=False, act=act: act.run(self.chosen()))
            self.buttons.append(button)
            self.flow.addWidget(button)
        self.card.add(self.strip)
        self.bar = QHBoxLayout()
        self.bar.setSpacing(12)
        self.bar.addWidget(self.search, 3)
        self.bar.addWidget(self.count)
        self.bar.addStretch(1)
        columns_button = IconButton("columns", self.tr("Choose columns"), color="secondary")
        columns_button.clicked.connect(
            lambda: self.table.column_menu().popup(
                columns_button.mapToGlobal(QPoint(0, columns_button.height()))
            )
        )
        self.bar.addWidget(columns_button)
        self.card.add_layout(self.bar)
        self.card.add(self.table, 1)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(12)
        self.column.addWidget(self.card, 1)
        self.search.searched.connect(self.model.set_filter)
        self.search.down_pressed.connect(self.table.view.setFocus)
        self.model.counted.connect(self.tell)
        self.model.dataChanged.connect(self.judge)
        self.table.selection_changed.connect(self.judge)
        self.table.menu_requested.connect(self._menu)
        saved = context.settings.tables.get(self._id)
        if saved:
            self.table.restore_state(saved)
        self.table.layout_changed.connect(self._remember)
        self._clock = QTimer(self)
        self._clock.setInterval(TICK_MS)
        self._clock.timeout.connect(self.model.touch)
        self.judge()

    def _remember(self) -> None:
        self.context.settings.tables[self._id] = self.table.save_state()

    def showEvent(self, event: QShowEvent) -> None:
        """Override QWidget::showEvent."""
        super().showEvent(event)
        self.model.touch()
        self._clock.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Override QWidget::hideEvent."""
        super().hideEvent(event)
        self._clock.stop()

    @property
    def settled(self) -> bool:
        """Whether the table shows all that came."""
        return self.model.is_settled

    # ------------------------------------------------------------------ rows

    def chosen(self) -> list[T]:
        """The selected rows as they are now."""
        rows = (self.model.get(ref) for ref in self.table.selected_refs())
        return [row for row in rows if row is not None]

    def on_state(self, _state: StoreState) -> None:
        """A wanted store has another state."""
        self.model.flush()
        self.tell()
        self.told_busy()

    def tell(self, *_what: object) -> None:
        """Says how many there are, or why there are none."""
        shown, total = self.model.rowCount(), self.model.total()
        if shown != total:
            self.count.set_text(f"{fmt.count(shown)} of {fmt.count(total)} {self._many}")
        else:
            self.count.set_text(f"{fmt.count(total)} {self._many}" if total else "")
        self.show_state()
        self.judge()

    def show_state(self) -> None:
        """Rows, or a sentence in their place."""

    def say_state(self, store: Store[Any], empty: str) -> None:
        """Loading, failed, empty, nothing found, or the rows."""
        self.say_table(self.table, store, self.model.total(), self.model.rowCount(), empty)

    @staticmethod
    def say_table(
        table: DataTable, store: Store[Any], total: int, shown: int, empty: str = ""
    ) -> None:
        """The same for any table; what fails here is said as the files or storage said it."""
        if store.state is StoreState.FAILED and not total:
            error = store.error
            text = (str(error) or "This could not be read").rstrip(".")
            table.show_hero(
                "error",
                f"{text[:1].upper()}{text[1:]}.",
                action=table.tr("Try again"),
                on_action=store.retry,
            )
            return
        show_table_state(table, store, total=total, shown=shown, empty=empty)

    def judge(self, *_what: object) -> None:
        """Which actions may run on what is selected."""
        rows = self.chosen()
        for act, button in zip(self.acts, self.buttons, strict=True):
            button.set_reason(act.reason(rows))

    def _menu(self, place: QPoint, _refs: list[str]) -> None:
        rows = self.chosen()
        if not rows:
            return
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for act in (act for act in self.acts if act.on_rows):
            entry = menu.addAction(icon(act.icon), act.text)
            reason = act.reason(rows)
            entry.setEnabled(reason is None)
            entry.setToolTip(plain_tooltip(reason or ""))
            entry.triggered.connect(lambda _on=False, act=act: act.run(self.chosen()))
        menu.addSeparator()
        copy = menu.addAction(icon("copy"), self.tr("Copy rows"))
        copy.triggered.connect(self.table.copy_rows)
        menu.popup(place)
