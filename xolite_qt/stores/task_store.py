"""Tasks: those at work, and the last finished ones even after the host has forgotten them.

Source: xo-lite.md 1.2 (finished tasks), 2.1 (`valid_ref_counts.task`); xapi.md 1.7.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import msgspec

from xolite_qt.stores.rows import is_pending
from xolite_qt.stores.task_owner import OwnedTasks
from xolite_qt.stores.xen_api_store import XenApiStore
from xolite_qt.xen_api import Task, XenApi
from xolite_qt.xen_api.times import from_datetime

KEPT = 200
"""Finished tasks kept after the host has removed them."""
VANISHED = "unknown"
"""Status of a task that the host removed before telling how it ended (not a word of XAPI's)."""


class TaskStore(XenApiStore[Task]):
    """All tasks of the host, and kept ones; `live` are those that the host still has."""

    def __init__(
        self,
        api: XenApi,
        tasks: OwnedTasks,
        *,
        name: str = "task",
        linger_s: float = 1.0,
        kept: int = KEPT,
    ) -> None:
        """A store that keeps the last `kept` finished tasks."""
        super().__init__(api, tasks, "task", name=name, linger_s=linger_s)
        # Oldest first; outlives the subscriptions.
        self._kept: dict[str, Task] = {}
        self.most_kept = kept

    def _count(self) -> int:
        return len(self._rows) - len(self._kept)

    def _take(self, fresh: Mapping[str, Task], gone: Iterable[str]) -> None:
        rows = dict(fresh)
        lost: list[str] = []
        for ref in rows:
            self._kept.pop(ref, None)
        for ref in gone:
            if ref in self._kept:
                continue
            if (task := self._rows.get(ref)) is not None:
                rows[ref] = self._kept[ref] = _ended(task)
        # What was kept while nobody looked comes back with the first load.
        rows.update({ref: task for ref, task in self._kept.items() if ref not in self._rows})
        while len(self._kept) > self.most_kept:
            oldest = next(iter(self._kept))
            del self._kept[oldest]
            rows.pop(oldest, None)
            lost.append(oldest)
        self._apply(rows, lost)

    def forget_finished(self) -> None:
        """Clears the kept ones."""
        lost = tuple(self._kept)
        self._kept.clear()
        self._apply({}, lost)


def _ended(task: Task) -> Task:
    if not is_pending(task):
        return task
    return msgspec.structs.replace(
        task,
        status=VANISHED,
        finished=from_datetime(datetime.now(UTC)),
        allowed_operations=(),
        current_operations={},
    )
