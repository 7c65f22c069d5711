"""What a screen reader would be told about widgets, and what is wrong with that."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QListView,
    QPlainTextEdit,
    QScrollBar,
    QTabBar,
    QTableView,
    QTextEdit,
    QWidget,
)

from tests.gui.manners.rounds import seen

INTERACTIVE = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QListView,
    QPlainTextEdit,
    QTabBar,
    QTextEdit,
)

R = QAccessible.Role

ROLE_WORDS = {
    R.Button: "button", R.PushButton: "button", R.CheckBox: "check box", R.ComboBox: "combo box",
    R.EditableText: "field", R.List: "list", R.PageTabList: "tab bar", R.RadioButton: "option",
    R.Slider: "slider", R.SpinBox: "spin box", R.Table: "table", R.Tree: "tree",
}  # fmt: skip
"""What a reader says by itself after the name."""

MOST_ROWS = 60


def is_inner(widget: QWidget) -> bool:
    """Whether Qt made it as a part of another widget, which speaks for it."""
    parent = widget.parentWidget()
    if isinstance(widget, QScrollBar | QHeaderView):
        return True
    if widget.objectName().startswith("qt_"):
        return True
    if isinstance(parent, QAbstractSpinBox | QComboBox):
        return True
    above = parent.parentWidget() if parent is not None else None
    # The list inside of a combo box; the corner button of a table; buttons in a field.
    if isinstance(above, QComboBox) or isinstance(parent, QLineEdit | QTabBar):
        return True
    return isinstance(parent, QTableView) and isinstance(widget, QAbstractButton)


def interactive(root: QWidget) -> list[QWidget]:
    """All on screen that one can click, fill in, or reach with Tab."""
    return [
        widget
        for widget in seen(root)
        if not is_inner(widget)
        and (
            isinstance(widget, INTERACTIVE)
            or (widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.focusProxy() is None)
        )
    ]


def described(widget: QWidget) -> str:
    """A widget in a few words, for messages: its class, its text, and where it stands."""
    text = getattr(widget, "text", None)
    words = text() if callable(text) else ""
    place = [type(widget).__name__]
    parent = widget.parentWidget()
    while parent is not None and len(place) < 5:
        if type(parent).__module__.startswith("xolite_qt"):
            place.append(type(parent).__name__)
        parent = parent.parentWidget()
    return f"{' < '.join(place)} {str(words)[:40]!r}"


def name_of(widget: QWidget) -> str:
    """The accessible name as Qt tells it."""
    face = QAccessible.queryAccessibleInterface(widget)
    return str(face.text(QAccessible.Text.Name)).strip()


def faults(root: QWidget) -> list[str]:
    """All that is wrong below a widget."""
    found: list[str] = []
    for widget in interactive(root):
        found += [f"{described(widget)}: {fault}" for fault in _faults_of(widget)]
    return found + _same_names(root)


def _same_names(root: QWidget) -> list[str]:
    """Buttons that a reader can't tell apart: same words, same parent."""
    found, known = [], set()
    for widget in interactive(root):
        if isinstance(widget, QAbstractButton):
            said = (id(widget.parentWidget()), name_of(widget), widget.accessibleDescription())
            if said in known:
                found.append(f"{described(widget)}: another one beside it has the same name")
            known.add(said)
    return found


def _faults_of(widget: QWidget) -> list[str]:
    face = QAccessible.queryAccessibleInterface(widget)
    found = []
    name = name_of(widget)
    if not name:
        found.append("it has no name")
    if face.role() in (QAccessible.Role.NoRole, QAccessible.Role.Client):
        found.append("it has no role")
    low = name.lower()
    word = ROLE_WORDS.get(face.role(), "-")
    if low == word or low.endswith(f" {word}"):
        found.append(f"its name says what its role says: {name!r}")
    words = low.split()
    if any(one == other for one, other in pairwise(words)):
        found.append(f"its name says something twice: {name!r}")
    if isinstance(widget, QAbstractItemView):
        found += _faults_of_items(widget)
    if isinstance(widget, QTabBar):
        found += [
            f"tab {at} has no name"
            for at in range(widget.count())
            if not (widget.tabText(at) or widget.accessibleTabName(at)).strip()
        ]
    return found


def _faults_of_items(view: QAbstractItemView) -> list[str]:
    model = view.model()
    found: list[str] = []
    header = 1 if isinstance(view, QListView) else model.columnCount()
    hidden = getattr(view, "isColumnHidden", lambda _column: False)
    columns = [column for column in range(header) if not hidden(column)]
    if isinstance(view, QTableView):
        for column in columns:
            caption = model.headerData(column, Qt.Orientation.Horizontal)
            spoken = model.headerData(
                column, Qt.Orientation.Horizontal, Qt.ItemDataRole.AccessibleTextRole
            )
            if not str(caption or spoken or "").strip():
                found.append(f"column {column} has no name")
    _below(view, QModelIndex(), columns, found)
    return found[:6]


def _below(
    view: QAbstractItemView, parent: QModelIndex, columns: list[int], found: list[str]
) -> None:
    model = view.model()
    for row in range(min(model.rowCount(parent), MOST_ROWS)):
        cells = [model.index(row, column, parent) for column in columns]
        said = [spoken(cell) for cell in cells]
        if not any(said):
            found.append(f"row {row} says nothing")
        for cell, words in zip(cells, said, strict=True):
            if cell.data(Qt.ItemDataRole.DecorationRole) is not None and not words:
                found.append(f"the picture in row {row}, column {cell.column()} says nothing")
        if cells:
            _below(view, cells[0], columns, found)


def spoken(cell: QModelIndex) -> str:
    """What is read out for a cell, as `QAccessibleTableCell` does."""
    words = cell.data(Qt.ItemDataRole.AccessibleTextRole) or cell.data(Qt.ItemDataRole.DisplayRole)
    return str(words or "").strip()
