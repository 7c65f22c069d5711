"""Text that is always plain: labels, values that copy themselves, tooltips.

Names and messages come from a host and may hold anything; nothing here ever renders markup.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable
from typing import Literal

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAccessible,
    QFont,
    QFontMetricsF,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QLabel, QSizePolicy, QStyleOption, QToolTip, QWidget

from xolite_qt.ui import theme
from xolite_qt.ui.models.column import one_line

__all__ = ["LinkLabel", "TextLabel", "Tone", "ValueLabel", "plain_tooltip", "set_tooltip"]

Tone = Literal[
    "txt", "secondary", "muted", "brand", "info", "success", "warning", "danger"
]  # fmt: skip

LONGEST = 4_000
"""More characters than this are never laid out; a host may send megabytes."""


WIDEST = 420
"""An eliding label never asks for more px than this, however long its text is."""


def text_width(font: QFont, text: str) -> int:
    """Px that a text needs, rounded up: one px less and it would be cut."""
    return math.ceil(QFontMetricsF(font).horizontalAdvance(text)) + 1


def plain_tooltip(text: str) -> str:
    """`text` so that Qt shows it as it stands: tooltips render whatever looks like markup."""
    if not text:
        return ""
    shown = html.escape(text[:LONGEST]).replace("\n", "<br>")
    return f"<qt>{shown}</qt>"


def set_tooltip(widget: QWidget, text: str) -> None:
    """Give a widget a plain tooltip."""
    widget.setToolTip(plain_tooltip(text))


class TextLabel(QLabel):
    """A label of plain text.

    Args:
        text: what it says; cut at `LONGEST` characters.
        kind: font of the type scale.
        tone: colour of the text.
        elide: stay on one line, end in "…" where there is no room; the tooltip then has it whole.
        wrap: break lines.
        selectable: the text can be marked and copied.
    """

    underlined = False

    def __init__(
        self,
        text: str = "",
        *,
        kind: theme.FontKind = "body",
        tone: Tone = "txt",
        elide: bool = False,
        wrap: bool = False,
        selectable: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._elide = elide
        self._own_tip = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(theme.font(kind))
        self.setWordWrap(wrap)
        if selectable:
            self.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse
                | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
        if elide:
            self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.set_tone(tone)
        self.set_text(text)

    def set_text(self, text: str) -> None:
        """Say something else; setting the same text costs nothing."""
        text = one_line(text) if self._elide else text[:LONGEST]
        if text != self.text():
            self.setText(text)

    def set_tone(self, tone: Tone) -> None:
        """Change the colour of the text."""
        if self.property("tone") != tone:
            self.setProperty("tone", tone)
            self.style().unpolish(self)
            self.style().polish(self)

    def set_tip(self, text: str) -> None:
        """A tooltip of its own, instead of the whole text when that is cut."""
        self._own_tip = text
        set_tooltip(self, text)

    @property
    def is_elided(self) -> bool:
        """True while the text is shown cut."""
        return self._elide and text_width(self.font(), self.text()) > self.contentsRect().width()

    def sizeHint(self) -> QSize:
        """The text's room; an eliding label asks for no more than `WIDEST`."""
        hint = super().sizeHint()
        if not self._elide:
            return hint
        wanted = text_width(self.font(), self.text())
        return QSize(min(WIDEST, wanted), hint.height())

    def minimumSizeHint(self) -> QSize:
        """An eliding label gives way to a few letters."""
        hint = super().minimumSizeHint()
        if not self._elide:
            return hint
        wanted = text_width(self.font(), self.text())
        return QSize(min(wanted, text_width(self.font(), "MMM…")), hint.height())

    def event(self, event: QEvent) -> bool:
        """Show the whole text as tooltip where it is cut."""
        if event.type() == QEvent.Type.ToolTip and not self._own_tip:
            assert isinstance(event, QHelpEvent)
            if self.is_elided:
                QToolTip.showText(event.globalPos(), plain_tooltip(self.text()), self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the text, cut where it does not fit."""
        if not self._elide:
            super().paintEvent(event)
            return
        option = QStyleOption()
        option.initFrom(self)
        painter = QPainter(self)
        if self.underlined:
            # A style sheet takes an underline set by setFont away again.
            face = self.font()
            face.setUnderline(True)
            painter.setFont(face)
        box = self.contentsRect()
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, box.width())
        self.style().drawItemText(
            painter,
            box,
            int(self.alignment() | Qt.TextFlag.TextSingleLine),
            option.palette,
            self.isEnabled(),
            text,
            self.foregroundRole(),
        )
        if self.hasFocus():
            paint_focus(painter, self)


def paint_focus(painter: QPainter, widget: QWidget) -> None:
    """The focus ring of widgets that paint themselves."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = painter.pen()
    pen.setColor(theme.color("brand"))
    pen.setWidthF(1.5)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(widget.rect().adjusted(1, 1, -1, -1), 3, 3)


class _Clickable(TextLabel):
    """A label that acts on a click, Enter or Space."""

    def __init__(self, text: str, *, kind: theme.FontKind, tone: Tone) -> None:
        super().__init__(text, kind=kind, tone=tone, elide=True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def act(self) -> None:
        """What a click does."""
        raise NotImplementedError

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Act on the left button."""
        inside = self.rect().contains(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and inside:
            self.act()
            return
        super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Act on Enter and Space."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.act()
            return
        super().keyPressEvent(event)


class ValueLabel(_Clickable):
    """A value that copies itself to the clipboard on click, Enter or Space."""

    copied = Signal(str)

    def __init__(
        self, text: str = "", *, kind: theme.FontKind = "body", tone: Tone = "txt"
    ) -> None:
        super().__init__(text, kind=kind, tone=tone)
        self.setAccessibleDescription(self.tr("Press Enter to copy"))

    def act(self) -> None:
        """Copy the whole text, not the shown part."""
        text = self.text()
        QGuiApplication.clipboard().setText(text)
        self.copied.emit(text)
        place = self.mapToGlobal(QPoint(0, self.height()))
        QToolTip.showText(place, self.tr("Copied"), self, self.rect(), 1200)


class LinkLabel(_Clickable):
    """A name that leads to its object.

    Args:
        on_open: called on click, Enter or Space.
    """

    accessible_role = QAccessible.Role.Link

    opened = Signal()

    def __init__(
        self,
        text: str = "",
        on_open: Callable[[], object] | None = None,
        *,
        kind: theme.FontKind = "body",
    ) -> None:
        super().__init__(text, kind=kind, tone="brand")
        self._on_open = on_open
        self.underlined = True

    def set_target(self, on_open: Callable[[], object] | None) -> None:
        """Lead somewhere else."""
        self._on_open = on_open

    def act(self) -> None:
        """Open the target."""
        self.opened.emit()
        if self._on_open is not None:
            self._on_open()


def flash(label: TextLabel, text: str, for_ms: int = 1500) -> None:
    """Say `text` for a moment, then what stood there before."""
    before = label.text()
    label.set_text(text)
    QTimer.singleShot(for_ms, label, lambda: label.set_text(before))
