"""The drawer at the bottom: what the host is doing, how far it is, and what has ended."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QProgressBar, QVBoxLayout, QWidget

from xolite_qt.stores import Change, Stores, StoreState, Subscription, TaskRow
from xolite_qt.ui import format as words
from xolite_qt.ui.icons import icon
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.models.task_columns import is_noise, left_s, progress, task_columns, title_of
from xolite_qt.ui.tasks import TaskOwner
from xolite_qt.ui.views.page import Notify
from xolite_qt.ui.widgets.badges import Counter
from xolite_qt.ui.widgets.button import Button, IconButton
from xolite_qt.ui.widgets.table import DataTable
from xolite_qt.ui.widgets.text import TextLabel, plain_tooltip

_OPEN_PX = 220


class TaskDrawer(QFrame):
    """One line while closed; a table while open.

    Signals:
        opened_changed: the drawer was opened or closed.
            arg: whether it is open.
    """

    opened_changed = Signal(bool)

    def __init__(self, stores: Stores, tasks: TaskOwner, notify: Notify) -> None:
        super().__init__()
        self.setProperty("panel", "bg")
        self.setAccessibleName(self.tr("Tasks"))
        self._stores = stores
        self._tasks = tasks
        self._notify = notify
        self._subscription: Subscription[TaskRow] | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        line = QFrame()
        line.setProperty("line", "h")
        column.addWidget(line)
        bar = QWidget()
        row = QHBoxLayout(bar)
        row.setContentsMargins(8, 4, 12, 4)
        row.setSpacing(10)
        self.toggle = Button(self.tr("&Tasks"), "tertiary", icon="chevron-up", small=True)
        self.toggle.clicked.connect(lambda: self.set_open(not self.is_open))
        self.count = Counter(0)
        self.now = TextLabel("", kind="small", tone="secondary", elide=True)
        self.bar = QProgressBar()
        self.bar.setFixedWidth(160)
        self.bar.setAccessibleName(self.tr("Progress of the current task"))
        self.left = TextLabel("", kind="small", tone="secondary")
        self.cancel = IconButton("close", self.tr("Cancel this task"), self._cancel_current)
        row.addWidget(self.toggle)
        row.addWidget(self.count)
        row.addWidget(self.now, 1)
        row.addWidget(self.bar)
        row.addWidget(self.left)
        row.addWidget(self.cancel)
        column.addWidget(bar)
        self.model: RecordTableModel[TaskRow] = RecordTableModel(task_columns())
        self.table = DataTable(self.model, says=self.tr("Tasks"))
        self.table.setFixedHeight(_OPEN_PX)
        self.table.menu_requested.connect(self._menu)
        self.table.hide()
        column.addWidget(self.table)
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self._tick)
        self._show_current()

    # ------------------------------------------------------------------ life

    def subscribe(self) -> None:
        """Starts living on the task store."""
        if self._subscription is None:
            self._subscription = self._stores.task_rows.subscribe(self._on_change, self._on_state)
            self.model.replace(self._wanted(self._stores.task_rows.records.values()))
            self._show_current()
            self._clock.start()

    def unsubscribe(self) -> None:
        """Lets go of it."""
        self._clock.stop()
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def _on_change(self, change: Change[TaskRow]) -> None:
        self.model.apply(
            Change(
                tuple(self._wanted(change.added)),
                tuple(self._wanted(change.changed)),
                change.removed,
            )
        )
        self._show_current()

    def _on_state(self, _state: StoreState) -> None:
        self._show_current()

    def _wanted(self, rows: Iterable[TaskRow]) -> list[TaskRow]:
        return [row for row in rows if not is_noise(row)]

    # ------------------------------------------------------------------ showing

    @property
    def is_open(self) -> bool:
        """Whether the table is shown."""
        return not self.table.isHidden()

    def set_open(self, is_open: bool) -> None:
        """Opens or closes the table."""
        if is_open == self.is_open:
            return
        self.table.setVisible(is_open)
        self.toggle.set_icon("chevron-down" if is_open else "chevron-up")
        self.opened_changed.emit(is_open)

    @property
    def current(self) -> TaskRow | None:
        """The pending task that began first."""
        pending = [row for row in self.model.rows() if row.is_pending]
        return min(pending, key=lambda row: (str(row.task.created), row.ref), default=None)

    def _show_current(self) -> None:
        pending = sum(1 for row in self.model.rows() if row.is_pending)
        self.count.set_number(pending)
        self.count.setVisible(pending > 0)
        row = self.current
        for widget in (self.bar, self.left, self.cancel):
            widget.setVisible(row is not None)
        if row is None:
            self.now.set_text(self.tr("Nothing is going on."))
        else:
            self.now.set_text(title_of(row))
            done = progress(row) or 0.0
            self.bar.setValue(round(done * 100))
            self.cancel.set_reason(
                None if row.can_cancel else self.tr("The host does not let this be cancelled.")
            )
            self._tick()
        if self.model.rowCount():
            self.table.show_rows()
        else:
            self.table.show_hero("empty", self.tr("No task since you connected."))

    def _tick(self) -> None:
        row = self.current
        if row is None:
            return
        seconds = left_s(row)
        self.left.set_text("" if seconds is None else f"{words.duration(seconds)} left")
        if self.is_open:
            self.model.touch(one.ref for one in self.model.rows() if one.is_pending)

    # ------------------------------------------------------------------ acting

    def _cancel_current(self) -> None:
        row = self.current
        if row is not None:
            self.cancel_task(row)

    def cancel_task(self, row: TaskRow) -> None:
        """Asks the host to cancel a task."""
        self._tasks.spawn(self._stores.api.call("task.cancel", row.ref), f"cancel {title_of(row)}")

    def _cancel_all(self, rows: list[TaskRow]) -> None:
        for row in rows:
            self.cancel_task(row)

    def _menu(self, place: QPoint, refs: list[str]) -> None:
        rows = [row for ref in refs if (row := self.model.get(ref)) is not None]
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        entry = menu.addAction(icon("cancel"), self.tr("Cancel"))
        wanted = [row for row in rows if row.can_cancel]
        entry.setEnabled(bool(wanted))
        reason = "" if wanted else self.tr("The host lets nobody cancel this.")
        entry.setToolTip(plain_tooltip(reason))
        menu.setToolTipsVisible(True)
        entry.triggered.connect(lambda: self._cancel_all(wanted))
        menu.popup(place)
