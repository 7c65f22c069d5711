"""A list with ticks and a search above it."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QListView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from xolite_qt.ui import format as fmt
from xolite_qt.ui import theme
from xolite_qt.ui.models.backup_checks import NOTE_ROLE, TickModel
from xolite_qt.ui.widgets.button import Button
from xolite_qt.ui.widgets.search_field import SearchField
from xolite_qt.ui.widgets.text import TextLabel

_ROW_PX = 32


class _Delegate(QStyledItemDelegate):
    """Tick, icon and name as usual; the note in grey at the right."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Override QStyledItemDelegate::paint."""
        note = str(index.data(NOTE_ROLE) or "")
        metrics = QFontMetrics(theme.font("small"))
        side = min(metrics.horizontalAdvance(note) + 4, option.rect.width() * 3 // 5)
        plain = QStyleOptionViewItem(option)
        self.initStyleOption(plain, index)
        elide = Qt.TextElideMode.ElideRight
        room = option.rect.width() - side - 92
        plain.text = option.fontMetrics.elidedText(plain.text, elide, max(room, 60))
        style = option.widget.style()
        style.drawControl(style.ControlElement.CE_ItemViewItem, plain, painter, option.widget)
        painter.save()
        painter.setFont(theme.font("small"))
        painter.setPen(theme.color("secondary"))
        box = QRect(option.rect).adjusted(0, 0, -12, 0)
        right = QRect(box.right() - side, box.top(), side, box.height())
        painter.drawText(
            right,
            int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter),
            metrics.elidedText(note, elide, side),
        )
        painter.restore()

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Override QStyledItemDelegate::sizeHint."""
        return QSize(120, _ROW_PX)


class _View(QListView):
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Override QListView::keyPressEvent: Enter belongs to the dialog, not to the list."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.ignore()
            return
        super().keyPressEvent(event)


class TickList(QWidget):
    """Search, "all" and "none", and the lines.

    Signals:
        ticked: the set of ticked lines has changed.

    Args:
        says: what the lines are, for assistive technology.
        search: placeholder of the search field; "" for none.
        empty: what is said without any line.
        rows: how many lines are seen without scrolling.
    """

    ticked = Signal()

    def __init__(self, says: str, *, search: str = "", empty: str = "", rows: int = 7) -> None:
        super().__init__()
        self._empty_text = empty
        self.model = TickModel(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        bar = QHBoxLayout()
        bar.setSpacing(4)
        self.search = SearchField(search or says)
        self.count = TextLabel(kind="small", tone="secondary")
        self.all = Button(self.tr("All"), "tertiary", small=True)
        self.all.set_tip(self.tr("Choose everything that is shown"))
        self.none = Button(self.tr("None"), "tertiary", small=True)
        self.none.set_tip(self.tr("Choose nothing of what is shown"))
        bar.addWidget(self.search, 1)
        bar.addSpacing(8)
        bar.addWidget(self.count)
        bar.addWidget(self.all)
        bar.addWidget(self.none)
        column.addLayout(bar)
        for widget in (self.search, self.all, self.none):
            widget.setVisible(bool(search))
        frame = QFrame()
        frame.setProperty("panel", "card")
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(4, 4, 4, 4)
        self.view = _View()
        self.view.setModel(self.model)
        self.view.setItemDelegate(_Delegate(self.view))
        self.view.setUniformItemSizes(True)
        self.view.setIconSize(QSize(16, 16))
        self.view.setAccessibleName(says)
        self.view.setMinimumHeight(rows * _ROW_PX + 4)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.empty = TextLabel(empty, tone="secondary", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setMinimumHeight(min(rows, 2) * _ROW_PX)
        inside.addWidget(self.view)
        inside.addWidget(self.empty)
        column.addWidget(frame, 1)
        self.search.searched.connect(self.model.set_filter)
        self.search.down_pressed.connect(self.view.setFocus)
        self.all.clicked.connect(lambda: self.model.tick_shown(on=True))
        self.none.clicked.connect(lambda: self.model.tick_shown(on=False))
        self.model.ticked.connect(self._tell)
        self.model.modelReset.connect(self._judge)
        self._judge()
        self._count()

    def _tell(self) -> None:
        self._count()
        self.ticked.emit()

    def _count(self) -> None:
        chosen = len(self.model.ticks())
        self.count.set_text(f"{fmt.count(chosen)} of {fmt.count(self.model.total)}")

    def _judge(self) -> None:
        rows = self.model.rowCount()
        self.view.setVisible(rows > 0)
        self.empty.setVisible(rows == 0)
        nothing = self.tr("Nothing has this in its name.")
        self.empty.set_text(nothing if self.model.total else self._empty_text)
        self._count()
