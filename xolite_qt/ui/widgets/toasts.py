"""Notices in the corner: they never take the focus, go by themselves, and can be reached by key."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, QTimer
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QColor,
    QCursor,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from xolite_qt.ui import theme
from xolite_qt.ui.widgets.badges import IconLabel
from xolite_qt.ui.widgets.button import Button, IconButton
from xolite_qt.ui.widgets.text import TextLabel

__all__ = ["Toasts"]

_ICONS = {"info": "info", "success": "success", "warning": "warning", "danger": "danger"}
_WIDTH = 380


@dataclass
class _Notice:
    text: str
    accent: str
    details: str
    action: str
    on_action: Callable[[], object] | None
    seconds: float
    times: int = 1
    made_s: float = field(default_factory=time.monotonic)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.text, self.accent, self.details


class _Toast(QWidget):
    accessible_role = QAccessible.Role.AlertMessage

    def __init__(self, stack: Toasts, notice: _Notice) -> None:
        super().__init__(stack)
        self.notice = notice
        self._stack = stack
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 12, 8, 12)
        row.setSpacing(12)
        icon = IconLabel(_ICONS[notice.accent], 18, color=notice.accent)
        row.addWidget(icon, 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(2)
        self._text = TextLabel(kind="body-bold", wrap=True)
        words.addWidget(self._text)
        if notice.details:
            words.addWidget(
                TextLabel(notice.details[:400], kind="small", tone="secondary", wrap=True)
            )
        if notice.action:
            button = Button(notice.action, "tertiary", small=True, on_click=self._act)
            words.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        row.addLayout(words, 1)
        close = IconButton("close", self.tr("Dismiss"), lambda: stack.dismiss(self),
                           color="secondary", size=12)  # fmt: skip
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self.close_button = close
        self.setFixedWidth(_WIDTH)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Minimum)
        self.timer = QTimer(self)
        self.timer.setSingleShot(True)
        self.timer.timeout.connect(self._time_out)
        self.retell()

    def retell(self) -> None:
        times = f" ({self.notice.times}×)" if self.notice.times > 1 else ""
        self._text.set_text(self.notice.text[:300] + times)
        self.setAccessibleName(self.notice.text[:300])
        self.setAccessibleDescription(self.notice.details[:400])
        if self.notice.seconds > 0:
            self.timer.start(int(self.notice.seconds * 1000))

    def _time_out(self) -> None:
        # Whoever reads it, or is about to press its button, gets the time.
        focus = self.window().focusWidget() if self.window().isActiveWindow() else None
        here = self.rect().contains(self.mapFromGlobal(QCursor.pos()))
        if (here and self.underMouse()) or (focus is not None and self.isAncestorOf(focus)):
            self.timer.start(2000)
            return
        self._stack.dismiss(self)

    def _act(self) -> None:
        action = self.notice.on_action
        self._stack.dismiss(self)
        if action is not None:
            action()

    def paintEvent(self, _event: QPaintEvent) -> None:
        now = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(QColor(now.outline), 1))
        painter.setBrush(QColor(now.bg))
        painter.drawRoundedRect(box, 8, 8)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(f"{self.notice.accent}-item"))
        painter.drawRoundedRect(QRectF(0, 8, 4, self.height() - 16), 2, 2)


class Toasts(QWidget):
    """The stack of notices at the lower right of a window.

    At most four are seen; further ones wait. The same notice again within ten seconds only counts
    up. More than `per_minute` in a minute are dropped (they stand in the task list or the log).

    Args:
        over: the widget above which they float.
        inset: px at its lower edge that stay clear, asked for each time.
    """

    def __init__(
        self,
        over: QWidget,
        *,
        visible: int = 4,
        per_minute: int = 30,
        inset: Callable[[], int] = lambda: 0,
    ) -> None:
        super().__init__(over)
        self._over = over
        self._inset = inset
        self._most = visible
        self._per_minute = per_minute
        self._shown: list[_Toast] = []
        self._waiting: deque[_Notice] = deque()
        self._times: deque[float] = deque()
        self.dropped = 0
        self.setAccessibleName(self.tr("Notices"))
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        over.installEventFilter(self)
        self.hide()

    def show_toast(
        self,
        text: str,
        accent: str = "info",
        *,
        details: str = "",
        action: str = "",
        on_action: Callable[[], object] | None = None,
        seconds: float = 6.0,
    ) -> None:
        """Show a notice.

        Args:
            text: one sentence.
            accent: info, success, warning or danger.
            action: words of a button that calls `on_action` and closes the notice.
            seconds: how long it stays; 0 until it is dismissed. Pointer or focus on it holds it.
        """
        notice = _Notice(text, accent, details, action, on_action, seconds)
        same = self._same(notice)
        if same is not None:
            same.times += 1
            # Its button is about the last of them.
            same.on_action = notice.on_action
            for toast in self._shown:
                if toast.notice is same:
                    toast.retell()
            self.place()
            return
        now_s = time.monotonic()
        while self._times and now_s - self._times[0] > 60:
            self._times.popleft()
        if len(self._times) >= self._per_minute:
            self.dropped += 1
            return
        self._times.append(now_s)
        self._waiting.append(notice)
        self._fill()

    def texts(self) -> list[str]:
        """What is seen now, oldest first."""
        return [toast.accessibleName() for toast in self._shown]

    def focus_latest(self) -> bool:
        """Go to the newest notice by key; False where there is none."""
        if not self._shown:
            return False
        self._shown[-1].close_button.setFocus(Qt.FocusReason.ShortcutFocusReason)
        return True

    def dismiss(self, toast: QWidget) -> None:
        """Take one away."""
        if isinstance(toast, _Toast) and toast in self._shown:
            self._shown.remove(toast)
            toast.timer.stop()
            toast.hide()
            self._column.removeWidget(toast)
            toast.deleteLater()
            self._fill()

    def clear(self) -> None:
        """Take all away."""
        self._waiting.clear()
        for toast in list(self._shown):
            self.dismiss(toast)

    def _same(self, notice: _Notice) -> _Notice | None:
        known = [toast.notice for toast in self._shown] + list(self._waiting)
        for other in known:
            if other.key == notice.key and notice.made_s - other.made_s < 10:
                return other
        return None

    def _fill(self) -> None:
        while self._waiting and len(self._shown) < self._most:
            toast = _Toast(self, self._waiting.popleft())
            self._shown.append(toast)
            self._column.addWidget(toast)
            toast.show()
            QAccessible.updateAccessibility(QAccessibleEvent(toast, QAccessible.Event.Alert))
        self.place()

    def place(self) -> None:
        """Go to the corner; to be called when what it keeps clear of has changed."""
        self.setVisible(bool(self._shown))
        if not self._shown:
            return
        self._column.activate()
        self.resize(_WIDTH, self._column.totalHeightForWidth(_WIDTH))
        self.adjustSize()
        room = self._over.rect()
        self.move(
            room.right() - self.width() - 15, room.bottom() - self._inset() - self.height() - 15
        )
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay in the corner when the window changes its size."""
        if watched is self._over and event.type() == QEvent.Type.Resize:
            self.place()
        return super().eventFilter(watched, event)
