"""A table: sorts by a click on the header, filters per column, chooses columns, copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QMenu,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from xolite_qt.ui import theme
from xolite_qt.ui.models.column import NUMERIC, Column
from xolite_qt.ui.models.roles import KIND_ROLE, REF_ROLE
from xolite_qt.ui.widgets.delegates import ROW_HEIGHT, CellDelegate
from xolite_qt.ui.widgets.filter_row import FilterHeader
from xolite_qt.ui.widgets.hero import Hero, HeroKind
from xolite_qt.ui.widgets.progress import Thresholds

__all__ = ["DataTable"]

MIN_WIDTH = 48
TIGHTEST = 0.75
"""Columns may shrink to this part of their initial width before the table scrolls sideways."""


class _View(QTableView):
    """The view; tells the keys that it does not use itself."""

    copy_pressed = Signal()
    activated_row = Signal(QModelIndex)
    menu_wanted = Signal(QPoint)
    resized = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy, open; the rest moves the cursor."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_pressed.emit()
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.activated_row.emit(self.currentIndex())
            return
        super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Menu key and right button."""
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            place = self.visualRect(self.currentIndex()).center()
        else:
            place = self.viewport().mapFromGlobal(event.globalPos())
        self.menu_wanted.emit(place)
        event.accept()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Tell that there is another width to share."""
        super().resizeEvent(event)
        self.resized.emit()


class DataTable(QWidget):
    """A table over a model of `ui.models` (any QAbstractTableModel works, with fewer comforts).

    With a `RecordTableModel` the columns bring their initial widths and visibility, the filter row
    writes into `set_column_filter`, and bars, chips and icons are drawn by the columns' kind.

    Args:
        model: what is shown; may be set later.
        says: accessible name.
        thresholds: from where bars of usage warn; None for progress of work.
        multi: whether several rows can be selected.
        filters: whether the filter row is shown at first.
    """

    opened = Signal(str)
    """Ref of a row that was opened by double click or Enter."""
    selection_changed = Signal(list)
    """Refs of the selected rows."""
    menu_requested = Signal(QPoint, list)
    """Global place and refs of the selected rows: the page shows its menu of actions."""
    layout_changed = Signal()
    """Widths, order, visibility or sorting changed: a good moment for `save_state`."""

    def __init__(
        self,
        model: QAbstractItemModel | None = None,
        *,
        says: str = "",
        thresholds: Thresholds | None = None,
        multi: bool = True,
        filters: bool = False,
    ) -> None:
        super().__init__()
        self._stretched = -1
        self._sizing = False
        self._chosen: set[int] = set()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.view = _View()
        self.header = FilterHeader(self.view)
        self.view.setHorizontalHeader(self.header)
        self._hero = Hero("empty", "", compact=False)
        self._hero.hide()
        column.addWidget(self.view, 1)
        column.addWidget(self._hero, 1)
        self._dress_view(says, multi)
        self.header.set_filters_visible(filters)
        self.delegate = CellDelegate(thresholds, self.view)
        self.view.setItemDelegate(self.delegate)
        self.view.copy_pressed.connect(self.copy)
        self.view.activated_row.connect(self._open)
        self.view.doubleClicked.connect(self._open)
        self.view.menu_wanted.connect(self._menu_wanted)
        self.view.resized.connect(self._share)
        theme.changed().connect(self._dress)
        if model is not None:
            self.set_model(model)

    def _dress(self, _theme: object) -> None:
        self.view.viewport().update()

    def _dress_view(self, says: str, multi: bool) -> None:
        view = self.view
        view.setAccessibleName(says)
        view.setFrameShape(QFrame.Shape.NoFrame)
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        mode = QAbstractItemView.SelectionMode
        view.setSelectionMode(mode.ExtendedSelection if multi else mode.SingleSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setAlternatingRowColors(False)
        view.setShowGrid(True)
        view.setWordWrap(False)
        view.setTabKeyNavigation(False)
        view.setCornerButtonEnabled(False)
        view.setMouseTracking(True)
        view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        rows = view.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(ROW_HEIGHT)
        rows.setMinimumSectionSize(ROW_HEIGHT)
        header = self.header
        header.setFont(theme.font("caption-small"))
        header.setSectionsMovable(True)
        header.setFirstSectionMovable(True)
        header.setHighlightSections(False)
        header.setMinimumSectionSize(MIN_WIDTH)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._header_menu)
        header.setSectionsClickable(True)
        header.sectionClicked.connect(self._header_clicked)
        header.sectionResized.connect(self._section_resized)
        header.sectionMoved.connect(self._told)
        header.sortIndicatorChanged.connect(self._told)

    # ------------------------------------------------------------ model

    def set_model(self, model: QAbstractItemModel) -> None:
        """Show a model, with its columns' initial widths and visibility."""
        self.view.setModel(model)
        self.delegate.forget_columns()
        self.view.setSortingEnabled(False)
        header = self.header
        self._chosen.clear()
        self._sizing = True
        self._initial_columns()
        self._sizing = False
        # QTableView switches these off together with its own sorting.
        header.setSectionsClickable(True)
        header.setSortIndicatorShown(True)
        header.setSortIndicator(*self._sorted_now())
        self.view.selectionModel().selectionChanged.connect(self._selected)
        self.header.rebuild()
        self._share()

    @property
    def model(self) -> QAbstractItemModel:
        """What is shown."""
        return self.view.model()

    def _columns(self) -> Sequence[Column[Any]]:
        found = getattr(self.view.model(), "columns", ())
        return found if isinstance(found, (tuple, list)) else ()

    def _column_id(self, at: int) -> str:
        columns = self._columns()
        return columns[at].id if at < len(columns) else str(at)

    def _kind(self, at: int) -> object:
        return self.model.headerData(at, Qt.Orientation.Horizontal, KIND_ROLE)

    def _title(self, at: int) -> str:
        return str(self.model.headerData(at, Qt.Orientation.Horizontal) or "")

    def _sorted_now(self) -> tuple[int, Qt.SortOrder]:
        up, down = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder
        told = getattr(self.view.model(), "sorted_by", None)
        if isinstance(told, tuple):
            ids = [self._column_id(at) for at in range(self.model.columnCount())]
            if told[0] in ids:
                return ids.index(told[0]), down if told[1] else up
        return 0, up

    def _header_clicked(self, at: int) -> None:
        now, order = self._sorted_now()
        up, down = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder
        wanted = down if now == at and order == up else up
        self.sort(at, wanted)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column, as a click on its header does."""
        self.header.setSortIndicator(column, order)
        self.model.sort(column, order)

    # ------------------------------------------------------------ widths

    def _visible(self) -> list[int]:
        header = self.header
        order = [header.logicalIndex(place) for place in range(header.count())]
        return [at for at in order if not self.view.isColumnHidden(at)]

    def _share(self) -> None:
        """Fill the width with the columns whose width the user did not choose, never by content."""
        shown = self._visible()
        if not shown or self._sizing:
            return
        self._sizing = True
        columns = self._columns()
        wish = {at: columns[at].width if at < len(columns) else 140 for at in shown}
        total = sum(self.view.columnWidth(at) for at in shown)
        spare = self.view.viewport().width() - total
        untouched = [at for at in shown if at not in self._chosen]
        # Numbers need what they need; words make use of more room and bear less.
        words = [at for at in untouched if self._kind(at) not in NUMERIC]
        if spare != 0 and untouched:
            self._spread(words or untouched, wish, spare)
        self._sizing = False

    def _spread(self, columns: list[int], wish: Mapping[int, int], spare: int) -> None:
        """Grow or shrink columns in proportion to the widths they wish for."""
        room = sum(self.view.columnWidth(at) for at in columns) + spare
        wished = sum(wish[at] for at in columns)
        # Narrower than this nothing could be read: scroll sideways instead.
        room = max(room, round(wished * TIGHTEST))
        left = room
        for place, at in enumerate(columns):
            last = place == len(columns) - 1
            width = left if last else room * wish[at] // wished
            left -= width
            self.view.setColumnWidth(at, width)

    def _section_resized(self, at: int, _before: int, _after: int) -> None:
        self.header.follow()
        if not self._sizing:
            # A width that the user chose is not touched any more.
            self._chosen.add(at)
            self.layout_changed.emit()

    def _told(self, *_what: object) -> None:
        self.header.follow()
        self.layout_changed.emit()

    # ------------------------------------------------------------ columns

    def column_menu(self, parent: QWidget | None = None) -> QMenu:
        """A menu with a tick for every column; the last visible one can't be hidden."""
        menu = QMenu(parent or self)
        shown = self._visible()
        for at in range(self.model.columnCount()):
            action = menu.addAction(self._title(at).replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(at in shown)
            action.setEnabled(at not in shown or len(shown) > 1)
            action.toggled.connect(lambda on, at=at: self.set_column_visible(at, on))
        menu.addSeparator()
        reset = menu.addAction(self.tr("Initial columns"))
        reset.triggered.connect(self.reset_columns)
        return menu

    def set_column_visible(self, at: int, visible: bool) -> None:
        """Show or hide a column."""
        self.view.setColumnHidden(at, not visible)
        self.header.follow()
        self._share()
        self.layout_changed.emit()

    def reset_columns(self) -> None:
        """Initial columns, order and widths."""
        self._chosen.clear()
        self._sizing = True
        for at in range(self.model.columnCount()):
            self.header.moveSection(self.header.visualIndex(at), at)
        self._initial_columns()
        self._sizing = False
        self._share()
        self._told()

    def _initial_columns(self) -> None:
        columns = self._columns()
        for at in range(self.model.columnCount()):
            spec = columns[at] if at < len(columns) else None
            self.view.setColumnHidden(at, spec is not None and not spec.default_visible)
            self.view.setColumnWidth(at, spec.width if spec else 140)

    def _header_menu(self, place: QPoint) -> None:
        header = self.header
        menu = self.column_menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(header.mapToGlobal(place))

    def set_filters_visible(self, visible: bool) -> None:
        """Show or hide the filter row; hiding it clears its filters."""
        self.header.set_filters_visible(visible)
        if visible:
            self.header.focus_first()

    # ------------------------------------------------------------ selection, copy

    def selected_refs(self) -> list[str]:
        """Refs of the selected rows, from top to bottom."""
        chosen = self.view.selectionModel()
        if chosen is None:
            return []
        rows = sorted(chosen.selectedRows(), key=lambda index: index.row())
        return [str(index.data(REF_ROLE) or "") for index in rows]

    def select_ref(self, ref: str) -> bool:
        """Select a row and scroll to it; False where it isn't shown."""
        find = getattr(self.model, "find", None)
        index = find(ref) if callable(find) else QModelIndex()
        if not index.isValid():
            return False
        self.view.setCurrentIndex(index)
        self.view.scrollTo(index)
        return True

    def copy(self) -> str:
        """Copy the selected rows (visible columns, tab separated), or the current cell alone.

        Returns:
            What is now on the clipboard.
        """
        chosen = self.view.selectionModel()
        rows = sorted({index.row() for index in chosen.selectedRows()}) if chosen else []
        current = self.view.currentIndex()
        model = self.model
        if len(rows) <= 1 and current.isValid():
            text = str(current.data() or "")
        else:
            shown = self._visible()
            text = "\n".join(
                "\t".join(str(model.index(row, at).data() or "") for at in shown) for row in rows
            )
        if text:
            QGuiApplication.clipboard().setText(text)
        return text

    def copy_rows(self) -> str:
        """Copy the selected rows whole, with the visible columns' titles above."""
        rows = sorted({index.row() for index in self.view.selectionModel().selectedRows()})
        shown = self._visible()
        lines = ["\t".join(self._title(at) for at in shown)]
        lines += [
            "\t".join(str(self.model.index(row, at).data() or "") for at in shown) for row in rows
        ]
        text = "\n".join(lines)
        QGuiApplication.clipboard().setText(text)
        return text

    def _selected(self, *_what: object) -> None:
        self.selection_changed.emit(self.selected_refs())

    def _open(self, index: QModelIndex) -> None:
        ref = index.data(REF_ROLE)
        if isinstance(ref, str) and ref:
            self.opened.emit(ref)

    def _menu_wanted(self, place: QPoint) -> None:
        index = self.view.indexAt(place)
        if index.isValid() and not self.view.selectionModel().isSelected(index):
            self.view.setCurrentIndex(index)
        self.menu_requested.emit(self.view.viewport().mapToGlobal(place), self.selected_refs())

    # ------------------------------------------------------------ nothing to show

    def show_hero(self, kind: HeroKind, text: str, details: str = "", **action: Any) -> None:
        """Show a sentence in place of the rows; `action` and `on_action` as for `Hero`."""
        self._hero.set_state(kind, text, details, **action)
        self._hero.show()
        self.view.hide()

    def show_rows(self) -> None:
        """Show the rows again."""
        self._hero.hide()
        self.view.show()

    @property
    def hero(self) -> Hero:
        """The sentence shown in place of the rows."""
        return self._hero

    # ------------------------------------------------------------ state

    def save_state(self) -> dict[str, Any]:
        """Order, widths chosen by the user, hidden columns and sorting, as plain JSON values."""
        header = self.header
        count = self.model.columnCount()
        sort, order = self._sorted_now()
        return {
            "order": [self._column_id(header.logicalIndex(place)) for place in range(count)],
            "widths": {self._column_id(at): self.view.columnWidth(at) for at in self._chosen},
            "hidden": [self._column_id(at) for at in range(count) if self.view.isColumnHidden(at)],
            "shown": [
                self._column_id(at) for at in range(count) if not self.view.isColumnHidden(at)
            ],
            "sort": self._column_id(sort),
            "descending": order == Qt.SortOrder.DescendingOrder,
        }

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Take on a saved state; whatever in it is unknown or broken is passed over."""
        header = self.header
        at_of = {self._column_id(at): at for at in range(self.model.columnCount())}
        self._sizing = True
        order = [name for name in _names(state.get("order")) if name in at_of]
        for place, name in enumerate(order):
            header.moveSection(header.visualIndex(at_of[name]), place)
        shown = [name for name in _names(state.get("shown")) if name in at_of]
        for name in _names(state.get("hidden")) if shown else []:
            if name in at_of:
                self.view.setColumnHidden(at_of[name], True)
        for name in shown:
            self.view.setColumnHidden(at_of[name], False)
        widths = state.get("widths")
        for name, width in widths.items() if isinstance(widths, Mapping) else ():
            if name in at_of and isinstance(width, int):
                self._chosen.add(at_of[name])
                self.view.setColumnWidth(at_of[name], min(2000, max(MIN_WIDTH, width)))
        self._sizing = False
        sort = state.get("sort")
        if isinstance(sort, str) and sort in at_of:
            down, up = Qt.SortOrder.DescendingOrder, Qt.SortOrder.AscendingOrder
            self.sort(at_of[sort], down if state.get("descending") is True else up)
        self._share()
        self.header.follow()


def _names(value: object) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []
