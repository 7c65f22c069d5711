"""The bell in the header: how many alarms are new, and the way to them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from xolite_qt.stores import AlarmGroup, AlarmRow, Change, Subscription
from xolite_qt.stores.news import NewsStore
from xolite_qt.ui import format as fmt
from xolite_qt.ui.models.alarm_columns import sentence
from xolite_qt.ui.widgets.badges import Counter
from xolite_qt.ui.widgets.button import IconButton
from xolite_qt.ui.widgets.text import plain_tooltip


class AlarmBell(QWidget):
    """Counts what is new; a click leads to the alarms and makes it old.

    Signals:
        wanted: the user wants to see the alarms.

    Args:
        store: where news come from; nobody is asked while not subscribed.
        tell: told of each batch of new alarms in words, and how bad the worst is.
    """

    wanted = Signal()

    def __init__(self, store: NewsStore, tell: Callable[[str, str], object]) -> None:
        super().__init__()
        self._store = store
        self._tell = tell
        self._subscription: Subscription[AlarmRow] | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        self.button = IconButton("bell", self.tr("Alarms"), self._open)
        row.addWidget(self.button)
        self.count = Counter(0, accent="danger", says=self.tr("New alarms"))
        row.addWidget(self.count)
        self._show()

    def subscribe(self) -> None:
        """Begins to ask."""
        if self._subscription is None:
            self._subscription = self._store.subscribe(self._changed)

    def unsubscribe(self) -> None:
        """Asks no more."""
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def _changed(self, change: Change[AlarmRow]) -> None:
        self._show()
        if not change.added:
            return
        worst = min(change.added, key=lambda row: row.message.priority)
        words = sentence(AlarmGroup(worst.key, (worst,)))
        more = len(change.added) - 1
        if more:
            words = f"{words}, and {fmt.count(more)} more"
        self._tell(words, "danger" if worst.message.priority <= 2 else "warning")

    def _show(self) -> None:
        number = len(self._store.records)
        self.count.set_number(number)
        self.count.setVisible(bool(number))
        words = fmt.plural(number, "new alarm", "new alarms") if number else self.tr("Alarms")
        self.button.setToolTip(plain_tooltip(words))
        self.button.setAccessibleName(words)

    def _open(self) -> None:
        self._store.seen()
        self.wanted.emit()
