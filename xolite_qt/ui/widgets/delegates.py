"""How the cells of a table are drawn: text, bars, chips, icons.

The model says what a column holds through `KIND_ROLE` and gives the value through `VALUE_ROLE`;
greyed rows say so through `MUTED_ROLE`.
"""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPalette
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from xolite_qt.ui import format as fmt
from xolite_qt.ui import theme
from xolite_qt.ui.icons import icon
from xolite_qt.ui.models.column import Kind, one_line
from xolite_qt.ui.models.roles import KIND_ROLE, MUTED_ROLE, VALUE_ROLE
from xolite_qt.ui.widgets.progress import NEVER, Thresholds, paint_bar
from xolite_qt.ui.widgets.text import text_width

__all__ = ["CellDelegate"]

Index = QModelIndex | QPersistentModelIndex

ROW_HEIGHT = 36


class CellDelegate(QStyledItemDelegate):
    """Draws every kind of cell.

    Args:
        thresholds: from where bars of usage warn; None for progress of work.
    """

    def __init__(self, thresholds: Thresholds | None = None, parent: Any = None) -> None:
        super().__init__(parent)
        self.thresholds = thresholds or NEVER
        self._small = theme.font("small")

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        """Icons by name, and grey for rows that are only history."""
        super().initStyleOption(option, index)
        option.textElideMode = Qt.TextElideMode.ElideRight
        named = index.data(Qt.ItemDataRole.DecorationRole)
        if isinstance(named, str):
            name, _, state = named.partition(":")
            option.icon = icon(name, state=state or None)
            option.features |= QStyleOptionViewItem.ViewItemFeature.HasDecoration
        elif isinstance(named, tuple) and named:
            option.icon = icon(named[0], state=named[1])
            option.features |= QStyleOptionViewItem.ViewItemFeature.HasDecoration
        option.decorationSize = QSize(16, 16)
        if index.data(MUTED_ROLE):
            muted = QColor(theme.current().secondary)
            for role in (QPalette.ColorRole.Text, QPalette.ColorRole.HighlightedText):
                option.palette.setColor(role, muted)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one cell."""
        kind = index.data(KIND_ROLE)
        if kind == Kind.PROGRESS:
            self._ground(painter, option, index)
            self._paint_bar(painter, option, index)
        elif kind == Kind.TAGS:
            self._ground(painter, option, index)
            self._paint_tags(painter, option, index)
        else:
            super().paint(painter, option, index)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QColor(theme.current().brand.txt))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(option.rect.adjusted(0, 0, -1, -1))

    def _ground(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Selection and hover, as the style draws them for the other cells."""
        now = theme.current()
        state = option.state
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, QColor(now.brand.bg_hover))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(option.rect, QColor(now.brand.bg))

    def _paint_bar(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        box: QRect = option.rect.adjusted(11, 0, -11, 0)
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

    def _paint_tags(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        box: QRect = option.rect.adjusted(11, 0, -6, 0)
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
