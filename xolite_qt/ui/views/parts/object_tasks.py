"""The tasks of one object: those that its record names, and those that it named before.

Source: a task does not say what it works on; the object's `current_operations` names its tasks,
while they go on (xapi.md 1.7).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xolite_qt.stores import Store, Subscription, TaskRow
from xolite_qt.ui.views.tasks import TasksPage


class ObjectTasks(TasksPage):
    """The page of tasks, narrowed to one object."""

    kind = "vm"

    @property
    def objects(self) -> Store[Any]:
        """The store that has the object."""
        return self.context.stores.vm if self.kind == "vm" else self.context.stores.host

    def wanted(self) -> Iterable[Subscription[Any]]:
        """Tasks, and the object that names its own."""
        return (*super().wanted(), self.objects.subscribe(lambda _change: self._narrow()))

    def is_mine(self, row: TaskRow) -> bool:
        """Whether the object says that this task works on it, or said so."""
        record = self.objects.get(self.ref)
        if record is None:
            return False
        known = self.context.services["journal"].subject_of(row.ref)
        return row.ref in record.current_operations or known == record.uuid

    def empty_text(self) -> str:
        """What is said where there is none."""
        return "Nothing is at work on it, and nothing was finished since you signed in"
