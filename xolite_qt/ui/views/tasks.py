"""What the host is working on, and what it has finished."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QMenu, QWidget

from xolite_qt.stores import TaskRow
from xolite_qt.ui.errors import explain
from xolite_qt.ui.icons import icon
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.models.task_columns import is_noise, task_columns
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.table_page import TablePage
from xolite_qt.ui.widgets import Button, FlowLayout, plain_tooltip
from xolite_qt.xen_api import XenApiError

TICK_MS = 1000
"""How often ages and times left are written anew."""


class TasksPage(TablePage[TaskRow]):
    """Pending tasks on top, then finished ones, greyed; they stay when the host forgets them."""

    page_id = "pool.tasks"
    title = "Tasks"
    icon_name = "task"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        model = RecordTableModel(task_columns(), muted=lambda row: not row.is_pending)
        model.sort_by("order")
        self._cleared: frozenset[str] = frozenset()
        super().__init__(
            context,
            ref,
            columns=(),
            store=context.stores.task_rows,
            one="task",
            many="tasks",
            model=model,
            parent=parent,
        )
        self.noise = Button(self.tr("Show housekeeping"), "tertiary", small=True)
        self.noise.setCheckable(True)
        self.noise.set_tip(self.tr("Also tasks that hosts start by themselves, such as SR scans"))
        self.noise.toggled.connect(self._narrow)
        self.cancel = Button(self.tr("Cancel task"), icon="cancel", small=True)
        self.cancel.clicked.connect(self.cancel_selected)
        self.clear = Button(self.tr("Clear finished"), icon="broom", small=True)
        self.clear.clicked.connect(self.clear_finished)
        bar = QWidget()
        flow = FlowLayout(bar, spacing=6)
        for button in (self.cancel, self.clear, self.noise):
            flow.addWidget(button)
        self.card.body.insertWidget(1, bar)
        self.table.selection_changed.connect(self._judge)
        self.model.counted.connect(self._judge)
        self.model.dataChanged.connect(self._judge)
        self._clock = QTimer(self)
        self._clock.setInterval(TICK_MS)
        self._clock.timeout.connect(self._tick)
        self._narrow()
        self._judge()

    def showEvent(self, event: QShowEvent) -> None:
        """Override QWidget::showEvent."""
        super().showEvent(event)
        self._clock.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Override QWidget::hideEvent."""
        super().hideEvent(event)
        self._clock.stop()

    def known(self) -> int:
        """Tasks that are neither housekeeping nor cleared away."""
        return sum(1 for row in self.store.records.values() if self._belongs(row))

    def empty_text(self) -> str:
        """What is said where there is none."""
        return "No tasks: nothing is at work, and nothing was finished since you signed in"

    def is_mine(self, row: TaskRow) -> bool:
        """Whether the page is about this task at all."""
        return True

    def _belongs(self, row: TaskRow) -> bool:
        return (
            self.is_mine(row)
            and row.ref not in self._cleared
            and (self.noise.isChecked() or not is_noise(row))
        )

    def _narrow(self) -> None:
        self.model.set_row_filter(self._belongs)

    def clear_finished(self) -> None:
        """Show finished tasks no more; the host may still remember some of them."""
        rows = self.store.records.values()
        self._cleared = frozenset(row.ref for row in rows if not row.is_pending)
        self.context.stores.task.forget_finished()
        self._narrow()
        self._judge()

    def _tick(self) -> None:
        self.model.touch(row.ref for row in self.model.rows() if row.is_pending)

    # ------------------------------------------------------------------ actions

    def _selected(self) -> list[TaskRow]:
        rows = (self.model.get(ref) for ref in self.table.selected_refs())
        return [row for row in rows if row is not None]

    def _judge(self, *_what: object) -> None:
        chosen = self._selected()
        self.cancel.set_reason(why_not_cancel(chosen))
        rows = self.store.records.values()
        finished = any(not row.is_pending and self._belongs(row) for row in rows)
        self.clear.set_reason(None if finished else self.tr("Nothing is finished"))

    def cancel_selected(self) -> None:
        """Ask the host to cancel what is selected."""
        for row in self._selected():
            if row.can_cancel:
                self.context.tasks.spawn(self._cancel(row), f"cancel {row.task.name_label}")

    async def _cancel(self, row: TaskRow) -> None:
        try:
            await self.context.stores.api.call("task.cancel", row.ref)
        except XenApiError as error:
            said = explain(error)
            self.context.notify(said.summary, level="danger", details=said.details)

    def show_menu(self, place: QPoint, refs: list[str]) -> None:
        """Cancel, copy."""
        chosen = self._selected()
        if not chosen:
            return
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        cancel = menu.addAction(icon("cancel"), self.tr("Cancel task"))
        reason = why_not_cancel(chosen)
        cancel.setEnabled(reason is None)
        cancel.setToolTip(plain_tooltip(reason or ""))
        cancel.triggered.connect(self.cancel_selected)
        copy = menu.addAction(icon("copy"), self.tr("Copy rows"))
        copy.triggered.connect(self.table.copy_rows)
        menu.popup(place)


def why_not_cancel(rows: list[TaskRow]) -> str | None:
    """Why none of these can be cancelled, or None where one can."""
    if not rows:
        return "Select a task first"
    if any(row.can_cancel for row in rows):
        return None
    if not any(row.is_pending for row in rows):
        return "It has ended already"
    return "The host does not let this task be cancelled"
