"""How the cells of a table are drawn: text, bars, chips, icons.

The model says what a column holds through `KIND_ROLE` and gives the value through `VALUE_ROLE`;
greyed rows say so through `MUTED_ROLE`.
"""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from xolite_qt.ui import format as fmt
from xolite_qt.ui import theme
from xolite_qt.ui.icons import icon
from xolite_qt.ui.models.column import SHOWN_CHARACTERS, Kind, one_line
from xolite_qt.ui.models.roles import KIND_ROLE, MUTED_ROLE, VALUE_ROLE
from xolite_qt.ui.widgets.progress import NEVER, Thresholds, paint_bar
from xolite_qt.ui.widgets.text import text_width

__all__ = ["CellDelegate"]

Index = QModelIndex | QPersistentModelIndex

ROW_HEIGHT = 36
SIDE_PX = 11
ICON_PX = 16
WIDEST_PX = 16
"""No letter is wider; texts that surely fit need not be measured."""

# Plain numbers: or-ing Qt's flag objects costs more than drawing a cell.
_SELECTED = QStyle.StateFlag.State_Selected.value
_HOVERED = QStyle.StateFlag.State_MouseOver.value
_FOCUSED = QStyle.StateFlag.State_HasFocus.value
_SINGLE = Qt.TextFlag.TextSingleLine.value
_LEFT = (Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter).value


def _as_icon(value: object) -> QIcon | None:
    """A QIcon, `"vm:running"` or `("vm", "running")`."""
    if isinstance(value, QIcon):
        return value
    if isinstance(value, str) and value:
        name, _, state = value.partition(":")
        return icon(name, state=state or None)
    if isinstance(value, tuple) and value:
        return icon(value[0], state=value[1])
    return None


class CellDelegate(QStyledItemDelegate):
    """Draws every kind of cell.

    Args:
        thresholds: from where bars of usage warn; None for progress of work.
    """

    def __init__(self, thresholds: Thresholds | None = None, parent: Any = None) -> None:
        super().__init__(parent)
        self.thresholds = thresholds or NEVER
        self._small = theme.font("small")
        self._kinds: dict[int, object] = {}

    def forget_columns(self) -> None:
        """Ask the model anew what its columns hold: another model was set."""
        self._kinds.clear()

    def _kind(self, index: Index) -> object:
        column = index.column()
        if column not in self._kinds:
            self._kinds[column] = index.data(KIND_ROLE)
        return self._kinds[column]

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one cell.

        All by hand: with a style sheet in force the style takes four times as long for a text.
        """
        now = theme.current()
        state = option.state.value
        box = option.rect
        if state & _SELECTED:
            painter.fillRect(box, QColor(now.brand.bg_hover))
        elif state & _HOVERED:
            painter.fillRect(box, QColor(now.brand.bg))
        kind = self._kind(index)
        if kind == Kind.PROGRESS:
            self._paint_bar(painter, box, index)
        elif kind == Kind.TAGS:
            self._paint_tags(painter, box, index)
        else:
            self._paint_text(painter, box, index, kind)
        if state & _FOCUSED:
            painter.setPen(QColor(now.brand.txt))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(box.adjusted(0, 0, -1, -1))

    def _paint_text(self, painter: QPainter, cell: QRect, index: Index, kind: object) -> None:
        left, right = cell.left() + SIDE_PX, cell.right() - SIDE_PX + 1
        shown = _as_icon(index.data(Qt.ItemDataRole.DecorationRole))
        if shown is not None:
            top = cell.top() + (cell.height() - ICON_PX) // 2
            shown.paint(painter, QRect(left, top, ICON_PX, ICON_PX))
            left += ICON_PX + 7
        value = index.data(Qt.ItemDataRole.DisplayRole)
        if value is None or right <= left:
            return
        text = (value if isinstance(value, str) else str(value))[:SHOWN_CHARACTERS]
        side = index.data(Qt.ItemDataRole.TextAlignmentRole)
        flags = (_LEFT if side is None else int(side)) | _SINGLE
        now = theme.current()
        plain = now.brand.txt if kind == Kind.LINK else now.txt
        painter.setPen(QColor(now.secondary if index.data(MUTED_ROLE) else plain))
        words = painter.fontMetrics()
        room = right - left
        if len(text) * WIDEST_PX > room:
            text = words.elidedText(text, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRect(left, cell.top(), room, cell.height()), flags, text)

    def _paint_bar(self, painter: QPainter, cell: QRect, index: Index) -> None:
        box = cell.adjusted(SIDE_PX, 0, -SIDE_PX, 0)
        value = index.data(VALUE_ROLE)
        text = one_line(str(index.data(Qt.ItemDataRole.DisplayRole) or ""))
        known = isinstance(value, (int, float)) and math.isfinite(value)
        if known and not text:
            text = fmt.percent(float(value))
        painter.save()
        painter.setFont(self._small)
        muted = bool(index.data(MUTED_ROLE))
        now = theme.current()
        painter.setPen(QColor(now.secondary if muted else now.txt))
        words = painter.fontMetrics()
        beside = min(text_width(self._small, text or fmt.NONE), max(40, box.width() // 2))
        side = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        shown = words.elidedText(text or fmt.NONE, Qt.TextElideMode.ElideRight, beside)
        painter.drawText(box, int(side), shown)
        painter.restore()
        wide = box.width() - max(beside, 40) - 8
        if known and wide > 16:
            bar = QRectF(box.left(), box.center().y() - 3, wide, 8)
            accent = self.thresholds.accent(float(value))
            paint_bar(painter, bar, float(value), accent)

    def _paint_tags(self, painter: QPainter, cell: QRect, index: Index) -> None:
        box = cell.adjusted(SIDE_PX, 0, -6, 0)
        tags = index.data(VALUE_ROLE) or ()
        now = theme.current()
        painter.save()
        painter.setFont(self._small)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        words = painter.fontMetrics()
        x = box.left()
        middle = int(Qt.AlignmentFlag.AlignCenter)
        for at, tag in enumerate(tags):
            text = words.elidedText(one_line(str(tag)), Qt.TextElideMode.ElideRight, 140)
            width = text_width(self._small, text) + 14
            if x + width > box.right() and at:
                painter.setPen(QColor(now.secondary))
                rest = QRect(x, box.top(), max(0, box.right() - x), box.height())
                painter.drawText(rest, int(Qt.AlignmentFlag.AlignVCenter), f"+{len(tags) - at}")
                break
            chip = QRect(x, box.center().y() - 10, min(width, box.right() - x), 22)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(now.brand.bg_active))
            painter.drawRoundedRect(chip, 4, 4)
            painter.setPen(QColor(now.txt))
            painter.drawText(chip, middle, words.elidedText(
                text, Qt.TextElideMode.ElideRight, chip.width() - 8))  # fmt: skip
            x += width + 4
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """One height for all rows."""
        return QSize(super().sizeHint(option, index).width(), ROW_HEIGHT)
