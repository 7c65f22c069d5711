"""A page made of parts, each drawn anew when a store that it reads has news."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from xolite_qt.stores import Store, Subscription
from xolite_qt.ui.views.page import Page, PageContext
from xolite_qt.ui.widgets import ScrollPage

Show = Callable[[], None]

REST_S = 0.2
"""A part is drawn at most this often: adding up 10,000 VMs must not follow every event."""


class Throttle(QObject):
    """Runs calls at once when it is quiet, and at most every `rest_s` in a storm."""

    def __init__(self, parent: QObject, rest_s: float = REST_S) -> None:
        super().__init__(parent)
        self._rest_s = rest_s
        self._waiting: dict[Show, None] = {}
        self._ran_at = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.flush)

    def call(self, show: Show) -> None:
        """Run `show` soon, once, however often it is asked for."""
        self._waiting[show] = None
        if not self._timer.isActive():
            left = self._ran_at + self._rest_s - time.monotonic()
            self._timer.start(max(0, int(left * 1000)))

    def flush(self) -> None:
        """Run what waits."""
        self._timer.stop()
        waiting, self._waiting = self._waiting, {}
        for show in waiting:
            show()
        self._ran_at = time.monotonic()

    @property
    def is_waiting(self) -> bool:
        """Whether something is still to be run."""
        return bool(self._waiting)

    def forget(self) -> None:
        """Drop what waits: nobody looks any more."""
        self._timer.stop()
        self._waiting.clear()


class LivePage(Page):
    """A scrolling page of parts.

    A subclass lays out widgets in `body` and names its parts with `add_part`; subscriptions, first
    drawing and redrawing follow from that.
    """

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        self.throttle = Throttle(self)
        self._parts: list[tuple[Show, tuple[Store[Any], ...]]] = []
        self.body = ScrollPage()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.body)

    def add_part(self, show: Show, *stores: Store[Any]) -> None:
        """Call `show` after subscribing and whenever one of `stores` changes rows or state."""
        self._parts.append((show, stores))

    def wanted(self) -> Iterable[Subscription[Any]]:
        """One subscription per store that a part reads."""
        shows: dict[Store[Any], list[Show]] = {}
        for show, stores in self._parts:
            for store in stores:
                shows.setdefault(store, []).append(show)
        return [self._watch(store, parts) for store, parts in shows.items()]

    def _watch(self, store: Store[Any], parts: list[Show]) -> Subscription[Any]:
        def changed(_change: object) -> None:
            for show in parts:
                self.throttle.call(show)

        def state(_state: object) -> None:
            # Rare, and waited for: drawn at once.
            for show in parts:
                show()
            self.tell_busy()

        return store.subscribe(changed, state)

    @property
    def busy(self) -> bool:
        """Also while there is something that was not drawn yet."""
        return super().busy or self.throttle.is_waiting

    def refresh(self) -> None:
        """Draw all parts."""
        for show, _stores in self._parts:
            show()
        self.tell_busy()

    def hideEvent(self, event: QHideEvent) -> None:
        """Override QWidget::hideEvent."""
        super().hideEvent(event)
        if not event.spontaneous():
            self.throttle.forget()
