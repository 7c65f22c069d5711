"""All windows with consoles of one connection: each console is in one place only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from xolite_qt.ui.views.console.part import ConsolePart
from xolite_qt.ui.views.console.window import ConsoleWindow
from xolite_qt.ui.views.page import PageContext

_SERVICE = "consoles"

TakeBack = Callable[[ConsolePart], object]


def windows_of(context: PageContext) -> ConsoleWindows:
    """The windows of a connection; made when they are first asked for."""
    services: dict[str, Any] = context.services
    if _SERVICE not in services:
        services[_SERVICE] = ConsoleWindows(context)
    return cast(ConsoleWindows, services[_SERVICE])


class ConsoleWindows(QObject):
    """Knows which console is in which window, and who takes it back.

    The windows end with the connection.

    Signals:
        changed: a console came into a window, or left it.
            arg: its key.
    """

    changed = Signal(str)

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self._context = context
        self._windows: dict[str, ConsoleWindow] = {}
        self._homes: dict[str, TakeBack] = {}
        self._others: list[QWidget] = []
        self._guard: asyncio.Task[None] | None = None

    @staticmethod
    def key_of(part: ConsolePart) -> str:
        """What a console is called here."""
        return f"{part.kind}:{part.feed.key}"

    def window(self, key: str) -> ConsoleWindow | None:
        """The window that has a console; None where none has."""
        return self._windows.get(key)

    def settle(self, key: str, take_back: TakeBack) -> None:
        """A page is there that takes a console back when its window closes."""
        self._homes[key] = take_back

    def leave(self, key: str, take_back: TakeBack) -> None:
        """That page is gone."""
        if self._homes.get(key) == take_back:
            del self._homes[key]

    def open(self, part: ConsolePart, *, full: bool = False) -> ConsoleWindow:
        """Moves a console into a window of its own.

        Args:
            part: it goes on working meanwhile.
            full: fill the screen, and go back when that ends.
        """
        key = self.key_of(part)
        window = ConsoleWindow(part)
        window.was_on_page = full
        window.back_wanted.connect(lambda: self.bring_back(key))
        self._windows[key] = window
        self._watch_end()
        self.changed.emit(key)
        if full:
            window.set_full(True)
        else:
            window.show()
            part.take_keyboard()
        return window

    def bring_back(self, key: str) -> None:
        """Closes a window; its console goes back to its page where that is shown, or ends."""
        window = self._windows.pop(key, None)
        if window is None:
            return
        part = window.take_part()
        window.close()
        window.deleteLater()
        home = self._homes.get(key)
        if part is not None:
            if home is not None:
                home(part)
            else:
                part.stop()
                part.deleteLater()
        self.changed.emit(key)
        self._maybe_rest()

    def keep(self, window: QWidget) -> None:
        """Another window that ends with the connection."""
        self._others.append(window)
        window.destroyed.connect(lambda: self._drop(window))
        self._watch_end()

    def _drop(self, window: QWidget) -> None:
        if window in self._others:
            self._others.remove(window)
        self._maybe_rest()

    def _watch_end(self) -> None:
        if self._guard is None:
            self._guard = self._context.tasks.spawn(_stay(), "console windows")
            if self._guard is not None:
                self._guard.add_done_callback(self._ended)

    def _maybe_rest(self) -> None:
        if not self._windows and not self._others and self._guard is not None:
            guard, self._guard = self._guard, None
            guard.cancel()

    def _ended(self, guard: asyncio.Task[None]) -> None:
        # Not by us: the connection's tasks have ended, and the windows end with them.
        if guard is self._guard:
            self._guard = None
            self.close_all()

    def close_all(self) -> None:
        """Closes all windows; their consoles end."""
        self._homes.clear()
        for key in tuple(self._windows):
            self.bring_back(key)
        for window in tuple(self._others):
            window.close()


async def _stay() -> None:
    await asyncio.Event().wait()
