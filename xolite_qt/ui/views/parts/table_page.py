"""A page that is one table: search, filters, columns, export, and what may be done with rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QVBoxLayout, QWidget

from xolite_qt.stores import Store, StoreState, Subscription
from xolite_qt.ui import format as fmt
from xolite_qt.ui.models.column import Column, HasRef
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.models.table_export import to_csv, to_json
from xolite_qt.ui.views.page import Page, PageContext
from xolite_qt.ui.views.parts.saving import save_text
from xolite_qt.ui.views.parts.states import show_table_state
from xolite_qt.ui.widgets import (
    Card,
    DataTable,
    IconButton,
    SearchField,
    Tag,
    TextLabel,
    Thresholds,
)

T = TypeVar("T", bound=HasRef)


class TablePage(Page, Generic[T]):
    """A table of the rows of one store.

    Args:
        columns: of the table.
        store: whose rows are shown.
        one, many: what a row is called: "VM", "VMs".
        muted: greyed rows.
        thresholds: from where bars of usage warn.
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
        model: RecordTableModel[T] | None = None,
        thresholds: Thresholds | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(context, ref, parent)
        self.store = store
        self._one, self._many = one, many
        self.model: RecordTableModel[T] = model or RecordTableModel(tuple(columns))
        # So that it ends with the page, and tells nobody who is gone.
        self.model.setParent(self)
        self.table = DataTable(self.model, says=many, thresholds=thresholds)
        self.search = SearchField(self.tr("Search in all columns"))
        self.search.setMaximumWidth(360)
        self.search.setMinimumWidth(140)
        self.count = TextLabel(kind="small", tone="secondary")
        self.stale = Tag("", accent="warning", icon="clock")
        self.stale.hide()
        self.tools = QHBoxLayout()
        self.tools.setSpacing(4)
        self.card = Card(dense=True)
        self.bar = QHBoxLayout()
        self.bar.setSpacing(12)
        self.bar.addWidget(self.search, 3)
        self.bar.addWidget(self.count)
        self.bar.addWidget(self.stale)
        self.bar.addStretch(1)
        self.bar.addLayout(self.tools)
        self.card.add_layout(self.bar)
        self.card.add(self.table, 1)
        self._add_tools()
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(self.card)
        self.search.searched.connect(self.model.set_filter)
        self.search.down_pressed.connect(self.table.view.setFocus)
        self.model.counted.connect(self._tell)
        self.table.menu_requested.connect(self.show_menu)
        self._restore()
        self.table.layout_changed.connect(self._remember)

    def _add_tools(self) -> None:
        filters = IconButton(
            "filter", self.tr("Filter each column"), checkable=True, color="secondary"
        )
        filters.toggled.connect(self.table.set_filters_visible)
        columns = IconButton("columns", self.tr("Choose columns"), color="secondary")
        columns.clicked.connect(lambda: _pop(self.table.column_menu(), columns))
        export = QMenu(self)
        for kind in ("csv", "json"):
            action = export.addAction(self.tr("Save table as %1…").replace("%1", kind.upper()))
            action.triggered.connect(lambda _on=False, kind=kind: self.choose_file(kind))
        out = IconButton("export", self.tr("Export table"), color="secondary", menu=export)
        for button in (filters, columns, out):
            self.tools.addWidget(button)
        self.filters_button, self.columns_button, self.export_button = filters, columns, out

    # ------------------------------------------------------------------ rows

    def wanted(self) -> Iterable[Subscription[Any]]:
        """The store's rows."""
        return (self.store.subscribe(self.model.apply, self._state),)

    def refresh(self) -> None:
        """Show what is there."""
        self.model.replace(self.store.records.values())
        self._tell()
        self.tell_busy()

    @property
    def busy(self) -> bool:
        """Also while the table does not yet show all that came."""
        return super().busy or not self.model.is_settled

    def _state(self, _state: StoreState) -> None:
        self.model.flush()
        self._tell()
        self.tell_busy()

    def empty_text(self) -> str:
        """What is said where there is no row at all."""
        return f"No {self._many}"

    def known(self) -> int:
        """Rows that belong on the page, whether a filter hides them or not."""
        return self.model.total()

    def _tell(self, *_counts: int) -> None:
        shown, total = self.model.rowCount(), self.known()
        show_table_state(self.table, self.store, total=total, shown=shown, empty=self.empty_text())
        words = fmt.plural(total, self._one, self._many) if total else ""
        if shown != total:
            words = f"{fmt.count(shown)} of {words}"
        self.count.set_text(words)
        is_old = bool(total) and self.store.state in (StoreState.STALE, StoreState.FAILED)
        self.stale.setVisible(is_old)
        if is_old:
            since = fmt.clock(self.store.as_of, seconds=True)
            self.stale.set_text(f"as of {since}", accent="warning")

    # ------------------------------------------------------------------ menu, layout

    def show_menu(self, place: QPoint, refs: list[str]) -> None:
        """Open the menu of the selected rows."""

    def _restore(self) -> None:
        saved = self.context.settings.tables.get(self.page_id)
        if saved:
            self.table.restore_state(saved)

    def _remember(self) -> None:
        self.context.settings.tables[self.page_id] = self.table.save_state()

    # ------------------------------------------------------------------ export

    def shown_columns(self) -> list[Column[T]]:
        """Visible columns, as the user ordered them."""
        header = self.table.view.horizontalHeader()
        places = [header.logicalIndex(at) for at in range(header.count())]
        return [self.model.columns[at] for at in places if not self.table.view.isColumnHidden(at)]

    def export(self, kind: str) -> str:
        """The shown rows, or the selected ones where there are several, as text.

        Args:
            kind: csv or json.
        """
        refs = self.table.selected_refs()
        if len(refs) > 1:
            rows = [row for ref in refs if (row := self.model.get(ref)) is not None]
        else:
            rows = self.model.rows()
        write = to_csv if kind == "csv" else to_json
        return write(self.shown_columns(), rows)

    def choose_file(self, kind: str) -> QFileDialog:
        """Ask where to, then write."""
        name = f"{self._many.lower()}.{kind}"
        return save_text(self.context, self, self.tr("Save table"), name, self.export(kind))


def _pop(menu: QMenu, button: QWidget) -> None:
    menu.popup(button.mapToGlobal(QPoint(0, button.height())))
