"""Ctrl+K: any object and any action, found by a few letters, by keyboard alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QDialog,
    QListView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from xolite_qt.ui import theme
from xolite_qt.ui.icons import icon
from xolite_qt.ui.widgets.search_field import SearchField
from xolite_qt.ui.widgets.text import TextLabel

_MOST = 60
_LONGEST = 160
_ROW_PX = 34
_ROWS = 11

NOTE_ROLE = int(Qt.ItemDataRole.UserRole)


@dataclass(frozen=True)
class Entry:
    """One thing to find.

    Attributes:
        text: what is searched and shown; plain.
        note: what is shown behind it: the kind, the object, the keys.
        icon: its icon, with `state` as the disc.
        run: does it.
        reason: why it cannot be done now; such an entry is shown, greyed, and does nothing.
    """

    text: str
    note: str
    icon: str
    run: Callable[[], None]
    state: str | None = None
    reason: str | None = None


def rank(wanted: str, text: str) -> float | None:
    """How well a text fits, less is better; None where it does not.

    All letters have to occur in order. Runs, and letters that begin a word, count for more.
    """
    if not wanted:
        return 0.0
    low = text.casefold()
    found = low.find(wanted)
    if found >= 0:
        begins = found == 0 or not low[found - 1].isalnum()
        return found * 0.01 + (0 if begins else 1) + len(low) * 0.001
    cost, at = 4.0, -1
    for letter in wanted:
        if letter.isspace():
            continue
        here = low.find(letter, at + 1)
        if here < 0:
            return None
        if here != at + 1:
            cost += 0.5 if here == 0 or not low[here - 1].isalnum() else 1.5
        at = here
    return cost + len(low) * 0.001


def best(wanted: str, entries: Iterable[Entry], most: int = _MOST) -> list[Entry]:
    """The entries that fit best; those that can be done before those that cannot."""
    text = " ".join(wanted.casefold().split())
    ranked = []
    for number, entry in enumerate(entries):
        cost = rank(text, f"{entry.text} {entry.note}")
        if cost is not None:
            ranked.append((cost + (0.5 if entry.reason else 0.0), number, entry))
    ranked.sort(key=lambda item: item[:2])
    return [entry for _cost, _number, entry in ranked[:most]]


class _Model(QAbstractListModel):
    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []

    def show(self, entries: list[Entry]) -> None:
        self.beginResetModel()
        self.entries = entries
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.entries)

    def data(
        self,
        index: QModelIndex | QPersistentModelIndex,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        if not index.isValid():
            return None
        entry = self.entries[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return entry.text[:_LONGEST]
            case _ if role == NOTE_ROLE:
                return (entry.reason or entry.note)[:_LONGEST]
            case Qt.ItemDataRole.DecorationRole:
                return icon(entry.icon, "muted" if entry.reason else None, entry.state)
            case Qt.ItemDataRole.ForegroundRole if entry.reason:
                return theme.color("muted")
            case Qt.ItemDataRole.AccessibleTextRole:
                return ", ".join(filter(None, (entry.text, entry.note, entry.reason)))
            case _:
                return None


class _Delegate(QStyledItemDelegate):
    """Name at the left, note in grey at the right; a reason gets the room it needs."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Override QStyledItemDelegate::paint."""
        note = str(index.data(NOTE_ROLE) or "")
        metrics = QFontMetrics(theme.font("small"))
        box = QRect(option.rect).adjusted(0, 0, -12, 0)
        side = min(metrics.horizontalAdvance(note) + 4, box.width() * 3 // 5)
        plain = QStyleOptionViewItem(option)
        self.initStyleOption(plain, index)
        room = box.width() - side - 60
        elide = Qt.TextElideMode.ElideRight
        plain.text = option.fontMetrics.elidedText(plain.text, elide, max(room, 80))
        style = option.widget.style()
        style.drawControl(style.ControlElement.CE_ItemViewItem, plain, painter, option.widget)
        painter.save()
        painter.setFont(theme.font("small"))
        painter.setPen(theme.color("secondary"))
        right = QRect(box.right() - side, box.top(), side, box.height())
        painter.drawText(
            right,
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
            metrics.elidedText(note, elide, side),
        )
        painter.restore()

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Override QStyledItemDelegate::sizeHint."""
        return QSize(200, _ROW_PX)


class Palette(QDialog):
    """A search field and what fits below it; Enter does the chosen one, Esc closes."""

    def __init__(self, entries: Sequence[Entry], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Find anything"))
        self.setAccessibleName(self.windowTitle())
        self.setWindowFlag(Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._entries = entries
        self.search = SearchField(self.tr("Type the name of an object or an action"), delay_ms=0)
        self.model = _Model()
        self.list = QListView()
        self.list.setModel(self.model)
        self.list.setItemDelegate(_Delegate(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setIconSize(QSize(18, 18))
        self.list.setAccessibleName(self.tr("What fits"))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.none = TextLabel(self.tr("Nothing fits."), tone="secondary")
        self.none.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(8)
        column.addWidget(self.search)
        column.addWidget(self.none)
        column.addWidget(self.list, 1)
        self.search.textChanged.connect(self._find)
        self.list.clicked.connect(lambda _index: self._run())
        self.search.installEventFilter(self)
        self._find("")
        width = min(640, parent.width() - 40)
        height = self.search.sizeHint().height() + _ROWS * _ROW_PX + 2 * 12 + 8 + 2
        self.resize(width, min(height, parent.height() - 100))
        corner = parent.mapToGlobal(parent.rect().topLeft())
        self.move(corner.x() + (parent.width() - width) // 2, corner.y() + 64)
        self.search.setFocus()

    def _find(self, text: str) -> None:
        self.model.show(best(text, self._entries))
        found = bool(self.model.entries)
        self.none.setVisible(not found)
        if found:
            self.list.setCurrentIndex(self.model.index(0))

    def _run(self) -> None:
        row = self.list.currentIndex().row()
        if not 0 <= row < len(self.model.entries):
            return
        entry = self.model.entries[row]
        if entry.reason is None:
            self.accept()
            entry.run()

    def eventFilter(self, watched: object, event: object) -> bool:
        """Override QObject::eventFilter: the arrows move in the list while one types."""
        return (
            watched is self.search
            and isinstance(event, QKeyEvent)
            and event.type() == QKeyEvent.Type.KeyPress
            and self._key(event.key())
        )

    def _key(self, key: int) -> bool:
        row, count = self.list.currentIndex().row(), len(self.model.entries)
        match key:
            case Qt.Key.Key_Down if count:
                row = (row + 1) % count
            case Qt.Key.Key_Up if count:
                row = (row - 1) % count
            case Qt.Key.Key_PageDown if count:
                row = min(row + 8, count - 1)
            case Qt.Key.Key_PageUp if count:
                row = max(row - 8, 0)
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self._run()
                return True
            case Qt.Key.Key_Escape:
                self.reject()
                return True
            case _:
                return False
        self.list.setCurrentIndex(self.model.index(row))
        return True
