"""Messages on the desktop, for who looks elsewhere; where there is no tray, there are none."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QSystemTrayIcon

REST_S = 10.0
"""At most one message in so many seconds; those between are counted in the next."""


class Notifier(QObject):
    """Tells things on the desktop, seldom.

    Signals:
        opened: the user clicked a message.
            arg: what it was about, as given to `tell`.
    """

    opened = Signal(object)

    def __init__(self, icon: QIcon, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tray: QSystemTrayIcon | None = None
        self._icon = icon
        self._told_at = -REST_S
        self._kept_back = 0
        self._about: object = None

    @property
    def is_possible(self) -> bool:
        """Whether this desktop shows messages of programs."""
        return QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages()

    def tell(self, title: str, text: str, about: object = None, *, level: str = "info") -> bool:
        """Shows a message; False where it was kept back or cannot be shown."""
        now = time.monotonic()
        if now - self._told_at < REST_S:
            self._kept_back += 1
            return False
        if not self.is_possible:
            return False
        if self._tray is None:
            self._tray = QSystemTrayIcon(self._icon, self)
            self._tray.messageClicked.connect(lambda: self.opened.emit(self._about))
            self._tray.show()
        if self._kept_back:
            text = f"{text}\n(and {self._kept_back} more)"
        self._told_at, self._kept_back, self._about = now, 0, about
        signs = QSystemTrayIcon.MessageIcon
        sign = {"danger": signs.Critical, "warning": signs.Warning}.get(level, signs.Information)
        # Some desktops read markup in messages, others do not: none is sent.
        plain = text.translate({ord("<"): "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}"})
        self._tray.showMessage(title, plain, sign)
        return True

    def close(self) -> None:
        """Takes the icon away."""
        if self._tray is not None:
            self._tray.hide()
            self._tray = None
