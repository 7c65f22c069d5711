"""The tasks at work, on a dashboard."""

from __future__ import annotations

from collections.abc import Iterable

from xolite_qt.stores import TaskRow
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.models.task_columns import is_noise, task_columns
from xolite_qt.ui.widgets import Card, DataTable
from xolite_qt.ui.widgets.delegates import ROW_HEIGHT

SHOWN = 6
"""Rows that are seen without scrolling."""


class TasksCard(Card):
    """Pending tasks; says so where there is none."""

    def __init__(self) -> None:
        super().__init__("Tasks")
        self.tasks = RecordTableModel(task_columns(compact=True), parent=self)
        self.tasks.sort_by("started", descending=True)
        self.table = DataTable(self.tasks, says="Pending tasks", multi=False)
        self.add(self.table)

    def show_rows(self, rows: Iterable[TaskRow]) -> None:
        """Show those that are at work."""
        self.tasks.replace(row for row in rows if row.is_pending and not is_noise(row))
        count = self.tasks.rowCount()
        self.set_count(count, "info")
        if not count:
            self.set_empty("No task is at work")
            return
        self.table.setFixedHeight(38 + ROW_HEIGHT * min(count, SHOWN) + 4)
