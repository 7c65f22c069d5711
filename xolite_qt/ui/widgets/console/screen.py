"""A guest's screen as a widget: paints what changed, and passes on keys, pointer and wheel."""

from __future__ import annotations

import math
from typing import Protocol

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QCursor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPixmap,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from xolite_qt.rfb import CursorShape, Framebuffer
from xolite_qt.ui.widgets.console.keys import Pressed, ReleaseKey, is_release_key, pressed
from xolite_qt.ui.widgets.console.picture import ScreenPicture

_BUTTONS = {
    Qt.MouseButton.LeftButton: 1,
    Qt.MouseButton.MiddleButton: 2,
    Qt.MouseButton.RightButton: 4,
}
_NOTCH = 120
# A wheel that is turned wildly sends no more notches at once than a guest can make use of.
_MOST_NOTCHES = 10


class Guest(Protocol):
    """What a screen needs of a connection; `rfb.RfbClient` is one."""

    extended_keys: bool

    @property
    def framebuffer(self) -> Framebuffer:
        """The picture now."""

    def send_key(self, keysym: int, down: bool, scancode: int = 0) -> None:
        """A key goes down or up."""

    def send_pointer(self, x: int, y: int, mask: int) -> None:
        """Where the pointer is."""


class ConsoleScreen(ScreenPicture):
    """Paints one guest and takes what the user does for it.

    Signals:
        grab_changed: the guest got or lost the keyboard.
            arg: whether it has it.
        release_wanted: the user pressed the release key: the keyboard is not the guest's any more.
    """

    accessible_role = QAccessible.Role.Canvas

    grab_changed = Signal(bool)
    release_wanted = Signal()

    def __init__(self, name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._guest: Guest | None = None
        self._buttons = 0
        self._wheel = QPoint()
        self._down: dict[tuple[int, int], tuple[int, int]] = {}
        self._held_back: Pressed | None = None
        self._combined = False
        self.release_key: ReleaseKey = "right-ctrl"
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled, False)
        self.set_name(name)
        self.set_cursor_shape(None)

    def set_name(self, name: str) -> None:
        """Whose screen it is."""
        self.setAccessibleName(self.tr("Screen of {0}").format(name) if name else self.tr("Screen"))

    @property
    def guest(self) -> Guest | None:
        """Whom keys go to."""
        return self._guest

    def set_guest(self, guest: Guest | None) -> None:
        """Shows a connection; with None the last picture stays, greyed."""
        self.release_all()
        self._guest = guest
        if guest is not None:
            self.take_framebuffer()
        else:
            self.set_cursor_shape(None)
        self.set_stale(guest is None)

    def forget(self) -> None:
        """Drops the picture: it is of something that is no more."""
        self.release_all()
        self._guest = None
        self.set_cursor_shape(None)
        self.set_stale(False)
        self.show_framebuffer(None)

    def take_framebuffer(self) -> None:
        """The guest's picture is another object now."""
        if self._guest is not None:
            self.show_framebuffer(self._guest.framebuffer)

    # ------------------------------------------------------------------ pointer

    def set_cursor_shape(self, shape: CursorShape | None) -> None:
        """Takes the guest's pointer; None is this machine's own."""
        if shape is None:
            self.setCursor(Qt.CursorShape.ArrowCursor)
            return
        height, width = shape.pixels.shape
        if not width or not height or not shape.pixels.any():
            # The guest draws one itself: ours is a dot, so that it is never lost.
            self.setCursor(_dot())
            return
        image = QImage(
            shape.pixels.tobytes(),
            width,
            height,
            width * 4,
            QImage.Format.Format_ARGB32_Premultiplied,
        ).copy()
        hot_x, hot_y = min(shape.hot_x, width - 1), min(shape.hot_y, height - 1)
        self.setCursor(QCursor(QPixmap.fromImage(image), hot_x, hot_y))

    def _to_guest(self, where: QPointF) -> tuple[int, int]:
        place, scale = self._place()
        size = self.picture_size
        x = math.floor((where.x() - place.x()) / scale)
        y = math.floor((where.y() - place.y()) / scale)
        return min(max(x, 0), size.width() - 1), min(max(y, 0), size.height() - 1)

    def _point(self, where: QPointF, extra: int = 0) -> None:
        if self._guest is not None:
            self._guest.send_pointer(*self._to_guest(where), self._buttons | extra)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Override QWidget::mousePressEvent."""
        self._buttons |= _BUTTONS.get(event.button(), 0)
        self._point(event.position())
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Override QWidget::mouseDoubleClickEvent: the guest counts clicks itself."""
        self.mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Override QWidget::mouseReleaseEvent."""
        self._buttons &= ~_BUTTONS.get(event.button(), 0)
        self._point(event.position())
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Override QWidget::mouseMoveEvent."""
        self._point(event.position())
        event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Override QWidget::wheelEvent: whole notches; touchpads send small parts of them."""
        event.accept()
        self._wheel += event.angleDelta()
        for turned, more, less in (
            (self._wheel.y(), 8, 16),
            (self._wheel.x(), 32, 64),
        ):
            notches = math.trunc(turned / _NOTCH)
            for _ in range(min(abs(notches), _MOST_NOTCHES)):
                self._point(event.position(), more if notches > 0 else less)
                self._point(event.position())
        self._wheel = QPoint(
            int(math.fmod(self._wheel.x(), _NOTCH)), int(math.fmod(self._wheel.y(), _NOTCH))
        )

    # ------------------------------------------------------------------ keyboard

    @property
    def has_grab(self) -> bool:
        """Whether keys go to the guest."""
        return self.hasFocus() and self._guest is not None

    def event(self, event: QEvent) -> bool:
        """Override QWidget::event: with the keyboard in the guest no shortcut of the app fires."""
        if event.type() is QEvent.Type.ShortcutOverride and self.has_grab:
            event.accept()
            return True
        return super().event(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Override QWidget::focusNextPrevChild: Tab is the guest's."""
        return False if self.has_grab else super().focusNextPrevChild(forward)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Override QWidget::keyPressEvent."""
        if self._guest is None:
            # Without a guest these are ordinary keys of the app.
            event.ignore()
            return
        event.accept()
        key = pressed(event)
        if is_release_key(event, self.release_key):
            if not event.isAutoRepeat():
                self._held_back, self._combined = key, False
            return
        if self._held_back is not None and not self._combined:
            # Held together with another key it is a key like any other.
            self._combined = True
            self._send(self._identity_of(self._held_back), self._held_back)
        self._send((event.key(), event.nativeScanCode()), key)

    @staticmethod
    def _identity_of(key: Pressed) -> tuple[int, int]:
        return (-1, key.scancode)

    def _send(self, identity: tuple[int, int], key: Pressed) -> None:
        assert self._guest is not None
        sent = key.for_places() if self._guest.extended_keys else (key.keysym, 0)
        if not sent[0]:
            return
        # What went down under one meaning comes up under it, whatever Shift did meanwhile.
        sent = self._down.setdefault(identity, sent)
        self._guest.send_key(sent[0], True, sent[1])

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Override QWidget::keyReleaseEvent."""
        if self._guest is None:
            event.ignore()
            return
        event.accept()
        if event.isAutoRepeat():
            return
        if self._held_back is not None and is_release_key(event, self.release_key):
            held, self._held_back = self._held_back, None
            if self._combined:
                self._let_go(self._identity_of(held))
            else:
                self.release()
            return
        native = event.nativeScanCode()
        # A key may come up as another letter than it went down; its place stays the same.
        for identity in tuple(self._down):
            if identity[1] == native and (native or identity[0] == event.key()):
                self._let_go(identity)

    def _let_go(self, identity: tuple[int, int]) -> None:
        sent = self._down.pop(identity, None)
        if sent is not None and self._guest is not None:
            self._guest.send_key(sent[0], False, sent[1])

    def release_all(self) -> None:
        """Lets go of every key and button that is down in the guest."""
        for identity in tuple(self._down):
            self._let_go(identity)
        self._held_back = None
        if self._buttons:
            self._buttons = 0
            self._point(QPointF(self.mapFromGlobal(QCursor.pos())))

    def release(self) -> None:
        """Gives the keyboard back."""
        self.release_all()
        self.release_wanted.emit()
        if self.hasFocus():
            self.clearFocus()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Override QWidget::focusInEvent."""
        super().focusInEvent(event)
        self.grab_changed.emit(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Override QWidget::focusOutEvent: no key stays down in a guest that nobody types to."""
        super().focusOutEvent(event)
        self.release_all()
        self.grab_changed.emit(False)


def _dot() -> QCursor:
    dot = QPixmap(7, 7)
    dot.fill(Qt.GlobalColor.transparent)
    painter = QPainter(dot)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.GlobalColor.white)
    painter.setBrush(Qt.GlobalColor.black)
    painter.drawEllipse(1, 1, 4, 4)
    painter.end()
    return QCursor(dot, 3, 3)
