"""A console in a window of its own, which may fill the screen."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QGuiApplication,
    QIcon,
    QKeySequence,
    QMouseEvent,
    QResizeEvent,
    QShortcut,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from xolite_qt.ui import theme
from xolite_qt.ui.views.console.part import ConsolePart, ReleaseWatch
from xolite_qt.ui.widgets import Button, TextLabel

_EDGE_PX = 3
_SHOWN_FIRST_MS, _SHOWN_ON_MS = 4000, 900
_FIRST_SIZE = (1040, 840)


class LeaveBar(QFrame):
    """What comes down from the upper edge of a full screen: the name, and the way out."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self._over = over
        self.setProperty("panel", "bg")
        self.setAutoFillBackground(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 6, 8, 6)
        row.setSpacing(16)
        self.name = TextLabel(kind="body-bold", elide=True)
        self.note = TextLabel(kind="small", tone="secondary")
        self.leave = Button(self.tr("Leave full screen"), "secondary", small=True, icon="compress")
        for widget in (self.name, self.note, self.leave):
            row.addWidget(widget)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._go)
        self.hide()

    def come(self, for_ms: int) -> None:
        """Shows it for a while, and longer while the pointer is on it."""
        self.place()
        self.show()
        self.raise_()
        self._timer.start(for_ms)

    def place(self) -> None:
        """In the middle of the upper edge."""
        self.adjustSize()
        self.move((self._over.width() - self.width()) // 2, 0)

    def _go(self) -> None:
        if self.underMouse() or self.leave.hasFocus():
            self._timer.start(_SHOWN_ON_MS)
        else:
            self.hide()


class ConsoleWindow(ReleaseWatch):
    """Shows one part.

    Signals:
        back_wanted: the window was closed, or its console wanted back.

    Attributes:
        part: what it shows.
        was_on_page: the console came for the full screen only, and goes back when that ends.
    """

    back_wanted = Signal()

    def __init__(self, part: ConsolePart) -> None:
        super().__init__(None, Qt.WindowType.Window)
        self.part: ConsolePart | None = part
        self.was_on_page = False
        self.setWindowIcon(QIcon(str(theme.resource("mark.svg"))))
        self.setProperty("panel", "page")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(part)
        self._column = column
        self.leave_bar = LeaveBar(self)
        self.leave_bar.leave.clicked.connect(lambda: self.set_full(False))
        self._close_key = QShortcut(QKeySequence(QKeySequence.StandardKey.Close), self)
        self._close_key.activated.connect(self.close)
        part.show()
        part.title_changed.connect(self._name)
        part.detach_wanted.connect(self.back_wanted)
        part.full_wanted.connect(self._toggle_full)
        part.release_watch(self)
        self._name()
        room = (self.screen() or QGuiApplication.primaryScreen()).availableGeometry()
        self.resize(min(_FIRST_SIZE[0], room.width()), min(_FIRST_SIZE[1], room.height()))

    def _name(self) -> None:
        if self.part is not None:
            title = self.part.title
            self.leave_bar.name.set_text(title)
            # Qt takes "[*]" in a title for its mark of unsaved changes.
            self.setWindowTitle(f"{title.replace('[*]', '[*][*]')} – console")

    def take_part(self) -> ConsolePart | None:
        """Gives the part away; the window is empty then, and not used again."""
        part, self.part = self.part, None
        if part is None:
            return None
        part.title_changed.disconnect(self._name)
        part.detach_wanted.disconnect(self.back_wanted)
        part.full_wanted.disconnect(self._toggle_full)
        part.release_watch(None)
        self._column.removeWidget(part)
        part.set_bar_visible(True)
        part.setParent(None)
        return part

    # ------------------------------------------------------------------ full screen

    @property
    def is_full(self) -> bool:
        """Whether it fills the screen."""
        return self.isFullScreen()

    def _toggle_full(self) -> None:
        self.set_full(not self.is_full)

    def set_full(self, full: bool) -> None:
        """Fills the screen, or no longer; a console that came from its page goes back there."""
        if self.part is None or (full == self.is_full and self.isVisible()):
            return
        if full:
            self.part.set_bar_visible(False)
            self.leave_bar.note.set_text(self.part.release_words)
            self.showFullScreen()
            self.part.take_keyboard()
            self.leave_bar.come(_SHOWN_FIRST_MS)
        elif self.was_on_page:
            self.back_wanted.emit()
        else:
            self.leave_bar.hide()
            self.part.set_bar_visible(True)
            self.showNormal()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Override QObject::eventFilter: at the upper edge the way out comes down."""
        if (
            self.is_full
            and event.type() is QEvent.Type.MouseMove
            and isinstance(event, QMouseEvent)
            and self.mapFromGlobal(event.globalPosition()).y() <= _EDGE_PX
        ):
            self.leave_bar.come(_SHOWN_ON_MS)
        return False

    def released(self) -> None:
        """Override ReleaseWatch::released."""
        if self.is_full:
            self.leave_bar.come(_SHOWN_FIRST_MS)
            self.leave_bar.leave.setFocus(Qt.FocusReason.OtherFocusReason)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Override QWidget::resizeEvent."""
        super().resizeEvent(event)
        self.leave_bar.place()

    def changeEvent(self, event: QEvent) -> None:
        """Override QWidget::changeEvent: nobody sees what is minimised."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.WindowStateChange and self.part is not None:
            self.part.set_seen(not self.isMinimized())

    def closeEvent(self, event: QCloseEvent) -> None:
        """Override QWidget::closeEvent: the console goes back to its page, or ends."""
        event.accept()
        if self.part is not None:
            self.back_wanted.emit()
