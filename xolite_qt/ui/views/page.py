"""What every page of the main window is: subscribed while it is seen, and not a moment longer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from xolite_qt.stores import StoreState, Subscription
from xolite_qt.ui.context import Navigate, Notify, PageContext

if TYPE_CHECKING:
    from xolite_qt.ui.deeds import Choice


__all__ = ["PAGES", "Kind", "Navigate", "Notify", "Page", "PageContext", "PageSpec"]


class Kind(StrEnum):
    """What a page is about."""

    POOL = "pool"
    HOST = "host"
    VM = "vm"
    APP = "app"


class Page(QWidget):
    """A page of the main window.

    A page names the subscriptions that it wants in `wanted()`; they are made when it is shown and
    closed when it is hidden, so `event.from` never carries a class that nobody sees.

    Signals:
        busy_changed: a wanted store began or ended loading.
            arg: whether one is loading.
    """

    busy_changed = Signal(bool)

    page_id = ""
    title = ""
    icon_name = ""

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.ref = ref
        self._subscriptions: list[Subscription[Any]] = []
        self._was_busy = False

    def wanted(self) -> Iterable[Subscription[Any]]:
        """The subscriptions that this page lives on, made anew at each call.

        Overridden by pages. Rows that are there already are read from the stores' `records`
        right after, in `refresh()`.
        """
        return ()

    def refresh(self) -> None:
        """Shows what the wanted stores hold now; called after each subscribing."""

    def choices(self) -> Sequence[Choice]:
        """What may be done on this page now besides what menus offer: for the palette."""
        return ()

    def subscribe(self) -> None:
        """Makes the wanted subscriptions; does nothing while they stand."""
        if not self._subscriptions:
            self._subscriptions = list(self.wanted())
            self.refresh()

    def unsubscribe(self) -> None:
        """Closes them."""
        subscriptions, self._subscriptions = self._subscriptions, []
        for subscription in subscriptions:
            subscription.close()

    @property
    def is_subscribed(self) -> bool:
        return bool(self._subscriptions)

    @property
    def busy(self) -> bool:
        """Whether a store that this page wants is still loading."""
        return any(
            subscription.is_started and subscription.store.state is StoreState.LOADING
            for subscription in self._subscriptions
        )

    @property
    def classes(self) -> frozenset[str]:
        """The classes, in lower case, that this page's subscriptions listen to."""
        return frozenset[str]().union(
            *(
                subscription.store.classes
                for subscription in self._subscriptions
                if subscription.is_started
            )
        )

    def tell_busy(self) -> None:
        """To be called on a state change of a wanted store."""
        if self.busy != self._was_busy:
            self._was_busy = not self._was_busy
            self.busy_changed.emit(self._was_busy)

    def showEvent(self, event: QShowEvent) -> None:
        """Override QWidget::showEvent."""
        super().showEvent(event)
        if not event.spontaneous():
            self.subscribe()

    def hideEvent(self, event: QHideEvent) -> None:
        """Override QWidget::hideEvent."""
        super().hideEvent(event)
        if not event.spontaneous():
            self.unsubscribe()


@dataclass(frozen=True)
class PageSpec:
    """A tab of an object.

    Attributes:
        tab_id: "dashboard"; with the kind it makes the page id, "vm.dashboard".
        label: the tab's caption.
        factory: makes the page of one object.
        passing: shown as a tab only while it is open: a form that a button leads to.
    """

    tab_id: str
    label: str
    factory: Callable[[PageContext, str], Page]
    passing: bool = False


# Filled by the rooms of the pages when they are imported; the order is the order of the tabs.
PAGES: dict[Kind, list[PageSpec]] = {kind: [] for kind in Kind}
