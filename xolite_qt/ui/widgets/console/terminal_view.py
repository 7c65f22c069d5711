"""A terminal as a widget: letters, cursor, scrollback, selection, keys."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QFont,
    QFontMetricsF,
    QGuiApplication,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QMenu, QWidget

from xolite_qt.ui import theme
from xolite_qt.ui.models.terminal import Terminal, pasted
from xolite_qt.ui.models.terminal_cells import Line, Style
from xolite_qt.ui.models.terminal_style import rgb
from xolite_qt.ui.widgets.console.keys import ReleaseKey, is_release_key
from xolite_qt.ui.widgets.console.terminal_keys import bytes_of

BACK, FORE = 0x101214, 0xD8DCE0
PALETTE = (
    0x23272B, 0xE05A5A, 0x5FBF6B, 0xD8B04A, 0x5B93E8, 0xB67AD8, 0x4FB8C4, 0xC8CCD0,
    0x6B737B, 0xFF7B7B, 0x83E08F, 0xF5D27A, 0x86B4FF, 0xD7A1F5, 0x7ADCE8, 0xFFFFFF,
)  # fmt: skip
"""Readable on `BACK`, in both themes: a terminal is dark in each."""

_SELECTED = 0x2F5D9B
_MARGIN = 6
_WORD_ENDS = " \t\"'`()[]{}<>|;,"

Place = tuple[int, int]


class TerminalView(QAbstractScrollArea):
    """Shows a terminal and takes keys for it.

    Signals:
        typed: keys were pressed, or a text was pasted.
            arg: bytes for the host.
        grab_changed: keys go to the host, or no longer.
        release_wanted: the user pressed the release key.
    """

    accessible_role = QAccessible.Role.Terminal

    typed = Signal(bytes)
    grab_changed = Signal(bool)
    release_wanted = Signal()

    def __init__(self, terminal: Terminal, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.terminal = terminal
        self.release_key: ReleaseKey = "right-ctrl"
        self.live = False
        self._held_alone = False
        self._from: Place | None = None
        self._to: Place | None = None
        self._font = theme.mono_font(14)
        self._bold = QFont(self._font)
        self._bold.setBold(True)
        metrics = QFontMetricsF(self._font)
        self._cell_w, self._cell_h = metrics.horizontalAdvance("M"), math.ceil(metrics.height())
        self._ascent = metrics.ascent()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setCursor(Qt.CursorShape.IBeamCursor)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled, False)
        self.set_name("")

    def set_name(self, name: str) -> None:
        """Whose terminal it is."""
        words = self.tr("Text console of {0}").format(name) if name else self.tr("Text console")
        self.setAccessibleName(words)

    # ------------------------------------------------------------------ what is shown

    def refresh(self) -> None:
        """The terminal has changed."""
        bar = self.verticalScrollBar()
        at_end = bar.value() >= bar.maximum()
        shown = self._rows_shown()
        bar.setPageStep(shown)
        bar.setRange(0, max(self.terminal.line_count - shown, 0))
        if at_end:
            bar.setValue(bar.maximum())
        self.viewport().update()

    def set_live(self, live: bool) -> None:
        """Whether the host is there to type to."""
        self.live = live
        self.viewport().update()

    def grid_for_room(self) -> tuple[int, int]:
        """Columns and rows that the room has."""
        room = self.viewport().size()
        columns = int((room.width() - 2 * _MARGIN) / self._cell_w)
        rows = (room.height() - 2 * _MARGIN) // self._cell_h
        return max(columns, 1), max(rows, 1)

    def _rows_shown(self) -> int:
        return self.grid_for_room()[1]

    def sizeHint(self) -> QSize:
        """80 columns and 24 rows."""
        return QSize(
            math.ceil(80 * self._cell_w) + 2 * _MARGIN + self.verticalScrollBar().width(),
            24 * self._cell_h + 2 * _MARGIN,
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Override QAbstractScrollArea::resizeEvent."""
        super().resizeEvent(event)
        self.refresh()

    def scrollContentsBy(self, _dx: int, _dy: int) -> None:
        """Override QAbstractScrollArea::scrollContentsBy."""
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Override QAbstractScrollArea::paintEvent."""
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), QColor(BACK))
        first = self.verticalScrollBar().value()
        begin = max((event.rect().top() - _MARGIN) // self._cell_h, 0)
        end = (event.rect().bottom() - _MARGIN) // self._cell_h + 1
        for row in range(begin, min(end, self.terminal.line_count - first)):
            self._paint_line(painter, first + row, _MARGIN + row * self._cell_h)
        self._paint_cursor(painter, first)
        if not self.live:
            grey = QColor(BACK)
            grey.setAlphaF(0.5)
            painter.fillRect(event.rect(), grey)

    def _paint_line(self, painter: QPainter, number: int, y: int) -> None:
        line = self.terminal.line(number)
        low, high = self._selected(number, len(line.cells))
        x = 0
        while x < len(line.cells):
            end = self._run_end(line, x, low, high)
            style = line.cells[x].style
            fore, back = _colours(style)
            if low <= x < high:
                fore, back = 0xFFFFFF, _SELECTED
            left = _MARGIN + x * self._cell_w
            width = (end - x) * self._cell_w
            if back != BACK:
                painter.fillRect(QRectF(left, y, width, self._cell_h), QColor(back))
            text = "".join(cell.text for cell in line.cells[x:end])
            if text.strip() and not style.hidden:
                font = self._bold if style.bold else self._font
                if style.italic or style.underline:
                    font = QFont(font)
                    font.setItalic(style.italic)
                    font.setUnderline(style.underline)
                painter.setFont(font)
                painter.setPen(QColor(fore))
                painter.drawText(QPointF(left, y + self._ascent), text)
            x = end

    def _run_end(self, line: Line, x: int, low: int, high: int) -> int:
        """How far letters go that can be drawn in one piece."""
        style, selected = line.cells[x].style, low <= x < high
        end = x + 1
        plain = line.cells[x].text.isascii() and line.cells[x].text
        while end < len(line.cells):
            cell = line.cells[end]
            if cell.style != style or (low <= end < high) != selected:
                break
            # Letters that a font may draw wider stand each at its own place.
            if not (plain and cell.text and cell.text.isascii()) and cell.text:
                break
            end += 1
        return end

    def _paint_cursor(self, painter: QPainter, first: int) -> None:
        terminal = self.terminal
        if not terminal.cursor_visible:
            return
        row = len(terminal.history) + terminal.y - first
        x = min(terminal.x, terminal.columns - 1)
        box = QRectF(
            _MARGIN + x * self._cell_w, _MARGIN + row * self._cell_h, self._cell_w, self._cell_h
        )
        if self.hasFocus() and self.live:
            painter.fillRect(box, QColor(FORE))
            painter.setFont(self._font)
            painter.setPen(QColor(BACK))
            letter = terminal.lines[terminal.y].cells[x].text
            painter.drawText(QPointF(box.x(), box.y() + self._ascent), letter)
        else:
            painter.setPen(QColor(FORE))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))

    # ------------------------------------------------------------------ selection

    def _place_at(self, where: QPointF) -> Place:
        row = math.floor((where.y() - _MARGIN) / self._cell_h)
        column = round((where.x() - _MARGIN) / self._cell_w)
        number = min(max(row + self.verticalScrollBar().value(), 0), self.terminal.line_count - 1)
        return number, min(max(column, 0), self.terminal.columns)

    def _selected(self, number: int, columns: int) -> tuple[int, int]:
        if self._from is None or self._to is None or self._from == self._to:
            return 0, 0
        first, last = sorted((self._from, self._to))
        if not first[0] <= number <= last[0]:
            return 0, 0
        return (
            first[1] if number == first[0] else 0,
            last[1] if number == last[0] else columns,
        )

    def selected_text(self) -> str:
        """What is selected; empty where nothing is."""
        if self._from is None or self._to is None or self._from == self._to:
            return ""
        return self.terminal.text_between(self._from, self._to)

    def select_all(self) -> None:
        """Selects the screen and what scrolled away."""
        self._from = (0, 0)
        self._to = (self.terminal.line_count - 1, self.terminal.columns)
        self.viewport().update()

    def clear_selection(self) -> None:
        """Selects nothing."""
        self._from = self._to = None
        self.viewport().update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Override QAbstractScrollArea::mousePressEvent."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._from = self._to = self._place_at(event.position())
            self.viewport().update()
        elif event.button() == Qt.MouseButton.MiddleButton:
            self.paste(QGuiApplication.clipboard().text(QGuiApplication.clipboard().Mode.Selection))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Override QAbstractScrollArea::mouseMoveEvent."""
        if event.buttons() & Qt.MouseButton.LeftButton and self._from is not None:
            self._to = self._place_at(event.position())
            self.viewport().update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Override QAbstractScrollArea::mouseDoubleClickEvent: a word."""
        row = math.floor((event.position().y() - _MARGIN) / self._cell_h)
        number = row + self.verticalScrollBar().value()
        if not 0 <= number < self.terminal.line_count:
            return
        cells = self.terminal.line(number).cells
        at = min(max(int((event.position().x() - _MARGIN) / self._cell_w), 0), len(cells) - 1)
        begin = end = at
        while begin > 0 and cells[begin - 1].text not in _WORD_ENDS:
            begin -= 1
        while end < len(cells) and (not cells[end].text or cells[end].text not in _WORD_ENDS):
            end += 1
        self._from, self._to = (number, begin), (number, end)
        self.viewport().update()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Override QAbstractScrollArea::contextMenuEvent."""
        self.make_menu().popup(event.globalPos())

    def make_menu(self) -> QMenu:
        """Copy, paste, select all, clear what scrolled away."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        copy = menu.addAction(self.tr("Copy\tCtrl+Shift+C"))
        copy.setEnabled(bool(self.selected_text()))
        copy.triggered.connect(lambda: self.copy())
        paste = menu.addAction(self.tr("Paste\tCtrl+Shift+V"))
        paste.setEnabled(self.live and bool(QGuiApplication.clipboard().text()))
        paste.triggered.connect(lambda: self.paste())
        menu.addSeparator()
        menu.addAction(self.tr("Select all")).triggered.connect(lambda: self.select_all())
        menu.addAction(self.tr("Clear scrollback")).triggered.connect(lambda: self.clear_history())
        return menu

    def copy(self) -> None:
        """Puts what is selected onto the clipboard."""
        text = self.selected_text()
        if text:
            QGuiApplication.clipboard().setText(text)

    def paste(self, text: str | None = None) -> None:
        """Types a text; that of the clipboard where none is given."""
        if text is None:
            text = QGuiApplication.clipboard().text()
        if text and self.live:
            self.typed.emit(pasted(text, bracketed=self.terminal.bracketed))

    def clear_history(self) -> None:
        """Forgets what scrolled away."""
        self.terminal.history.clear()
        self.clear_selection()
        self.refresh()

    # ------------------------------------------------------------------ keyboard

    @property
    def has_grab(self) -> bool:
        """Whether keys go to the host."""
        return self.hasFocus() and self.live

    def event(self, event: QEvent) -> bool:
        """Override QWidget::event: with the keyboard in the terminal no shortcut fires."""
        if event.type() is QEvent.Type.ShortcutOverride and self.has_grab:
            event.accept()
            return True
        return super().event(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Override QWidget::focusNextPrevChild: Tab is the host's."""
        return False if self.has_grab else super().focusNextPrevChild(forward)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Override QAbstractScrollArea::keyPressEvent."""
        if is_release_key(event, self.release_key):
            self._held_alone = True
            event.accept()
            return
        self._held_alone = False
        ctrl, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
        bar = self.verticalScrollBar()
        if event.modifiers() == ctrl | shift and event.key() == Qt.Key.Key_C:
            self.copy()
        elif event.modifiers() == ctrl | shift and event.key() == Qt.Key.Key_V:
            self.paste()
        elif event.modifiers() == shift and event.key() == Qt.Key.Key_PageUp:
            bar.setValue(bar.value() - bar.pageStep() + 1)
        elif event.modifiers() == shift and event.key() == Qt.Key.Key_PageDown:
            bar.setValue(bar.value() + bar.pageStep() - 1)
        elif not self.live:
            event.ignore()
            return
        else:
            data = bytes_of(event, app_cursor=self.terminal.app_cursor)
            if data:
                self.clear_selection()
                bar.setValue(bar.maximum())
                self.typed.emit(data)
        event.accept()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Override QWidget::keyReleaseEvent."""
        if self._held_alone and is_release_key(event, self.release_key):
            self._held_alone = False
            self.release_wanted.emit()
            if self.hasFocus():
                self.clearFocus()
        event.accept()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Override QAbstractScrollArea::focusInEvent."""
        super().focusInEvent(event)
        self.viewport().update()
        self.grab_changed.emit(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Override QAbstractScrollArea::focusOutEvent."""
        super().focusOutEvent(event)
        self.viewport().update()
        self.grab_changed.emit(False)

    def cursor_box(self) -> QRect:
        """Where the cursor is on the viewport."""
        terminal = self.terminal
        row = len(terminal.history) + terminal.y - self.verticalScrollBar().value()
        return QRect(
            int(_MARGIN + terminal.x * self._cell_w),
            _MARGIN + row * self._cell_h,
            math.ceil(self._cell_w),
            self._cell_h,
        )


def _colours(style: Style) -> tuple[int, int]:
    """Of the letter and of its ground."""
    number = style.fg
    if style.bold and 0 <= number < 8:
        number += 8
    fore = FORE if number == -1 else rgb(number, PALETTE)
    back = BACK if style.bg == -1 else rgb(style.bg, PALETTE)
    if style.inverse:
        fore, back = back, fore
    if style.faint:
        fore = sum((((fore >> at) & 255) + ((back >> at) & 255)) // 2 << at for at in (0, 8, 16))
    return fore, back
