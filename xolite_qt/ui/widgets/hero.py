"""One sentence and a small glyph, where there is nothing else to show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import (
    QAccessible,
    QHideEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from xolite_qt.ui import theme
from xolite_qt.ui.widgets.badges import IconLabel
from xolite_qt.ui.widgets.button import Button
from xolite_qt.ui.widgets.text import TextLabel, Tone

__all__ = ["Hero", "HeroKind", "Spinner"]

HeroKind = Literal["loading", "empty", "no-result", "error", "offline", "good", "deferred"]

NARROW = 380
"""Narrower than this a button does not fit beside the words."""

_LOOKS: dict[HeroKind, tuple[str, str, Tone]] = {
    "loading": ("spinner", "brand", "secondary"),
    "empty": ("inbox", "secondary", "secondary"),
    "no-result": ("search", "secondary", "secondary"),
    "error": ("warning", "danger", "danger"),
    "offline": ("offline", "secondary", "secondary"),
    "good": ("success", "success", "success"),
    "deferred": ("alarm", "brand", "secondary"),
}


class Spinner(QWidget):
    """A turning arc; stands still where motion is unwanted, and while hidden."""

    accessible_role = QAccessible.Role.Animation

    def __init__(self, size: int = 20, *, says: str = "") -> None:
        super().__init__()
        self._angle = 0
        self._timer = QTimer(self)
        self._timer.setInterval(80)
        self._timer.timeout.connect(self._turn)
        self.setFixedSize(size, size)
        self.setAccessibleName(says or self.tr("Loading"))

    def _turn(self) -> None:
        self._angle = (self._angle + 30) % 360
        self.update()

    def showEvent(self, event: QShowEvent) -> None:
        """Turn while seen."""
        super().showEvent(event)
        if not theme.reduced_motion():
            self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Rest while unseen."""
        super().hideEvent(event)
        self._timer.stop()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw track and arc."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width = max(2.0, self.width() / 9)
        box = QRectF(self.rect()).adjusted(width, width, -width, -width)
        pen = QPen(theme.color("track"), width)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawEllipse(box)
        pen.setColor(theme.color("brand"))
        painter.setPen(pen)
        painter.drawArc(box, (90 - self._angle) * 16, -100 * 16)


class Hero(QWidget):
    """Loading, empty, nothing found, error, offline, all good, or "load on demand".

    Args:
        kind: which of them.
        text: the sentence.
        details: a second, smaller line (an advice, an error code).
        action: words of a button below, with `on_action`.
        compact: one row for cards and panels, instead of a column for pages.
    """

    accessible_role = QAccessible.Role.Grouping

    def __init__(
        self,
        kind: HeroKind,
        text: str,
        details: str = "",
        *,
        action: str = "",
        on_action: Callable[[], object] | None = None,
        compact: bool = True,
    ) -> None:
        super().__init__()
        self.kind: HeroKind = kind
        self._compact = compact
        size = 22 if compact else 40
        self._spinner = Spinner(size)
        self._icon = IconLabel("info", size)
        self._text = TextLabel(kind="body-bold" if compact else "h5", wrap=True)
        self._details = TextLabel(kind="small", tone="secondary", wrap=True, selectable=True)
        self._button = Button("", "secondary", small=compact)
        self._button.clicked.connect(self._act)
        self._on_action: Callable[[], object] | None = None
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(self._text)
        words.addWidget(self._details)
        if compact:
            box = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
            box.setContentsMargins(0, 8, 0, 8)
            box.setSpacing(12)
            row = QHBoxLayout()
            row.setSpacing(12)
            row.addWidget(self._spinner)
            row.addWidget(self._icon)
            row.addLayout(words, 1)
            box.addLayout(row, 1)
            side = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            box.addWidget(self._button, 0, side)
            self._box = box
        else:
            column = QVBoxLayout(self)
            column.setContentsMargins(24, 24, 24, 24)
            column.setSpacing(16)
            centre = Qt.AlignmentFlag.AlignHCenter
            for label in (self._text, self._details):
                label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addStretch(2)
            column.addWidget(self._spinner, 0, centre)
            column.addWidget(self._icon, 0, centre)
            column.addLayout(words)
            column.addWidget(self._button, 0, centre)
            column.addStretch(3)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.set_state(kind, text, details, action=action, on_action=on_action)

    def set_state(
        self,
        kind: HeroKind,
        text: str,
        details: str = "",
        *,
        action: str = "",
        on_action: Callable[[], object] | None = None,
        icon: str = "",
    ) -> None:
        """Say something else; `icon` replaces the one of its kind."""
        self.kind = kind
        name, color, tone = _LOOKS[kind]
        self._spinner.setVisible(kind == "loading")
        self._icon.setVisible(kind != "loading")
        self._icon.set_icon(icon or name, color=color)
        self._text.set_text(text)
        self._text.set_tone(tone)
        self._details.set_text(details)
        self._details.setVisible(bool(details))
        if not action:
            self._give_up_focus()
        self._button.setText(action)
        self._button.setVisible(bool(action))
        self._on_action = on_action
        self.setAccessibleName(text)
        self.setAccessibleDescription(details)

    def text(self) -> str:
        """The sentence."""
        return self._text.text()

    @property
    def button(self) -> Button:
        """The button below; hidden without an action."""
        return self._button

    def _act(self) -> None:
        if self._on_action is not None:
            self._on_action()

    def _give_up_focus(self) -> None:
        """Leave the focus with the card: a hidden button hands it to whatever comes next, and the
        page would scroll there.
        """
        parent = self.parentWidget()
        if self._button.hasFocus() and parent is not None:
            parent.setFocus(Qt.FocusReason.OtherFocusReason)

    def hideEvent(self, event: QHideEvent) -> None:
        """Hidden, it gives the focus to its card as well."""
        self._give_up_focus()
        super().hideEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the button below the words where there is no room beside them."""
        super().resizeEvent(event)
        if self._compact:
            beside, below = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
            wanted = below if event.size().width() < NARROW else beside
            if wanted != self._box.direction():
                self._box.setDirection(wanted)
                # Below, the words and their button stay together in the middle of the card.
                self._box.setStretch(0, 0 if wanted == below else 1)
                self._box.setAlignment(
                    Qt.AlignmentFlag.AlignVCenter if wanted == below else Qt.AlignmentFlag(0)
                )

    def minimumSizeHint(self) -> QSize:
        """Never asks for more width than a narrow card has."""
        return QSize(160, super().minimumSizeHint().height())
