"""What the hosts of a pool measure, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from PySide6.QtWidgets import QWidget

from xolite_qt.stores import StoreState
from xolite_qt.ui import theme
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.stats.page import StatsPage

if TYPE_CHECKING:
    from xolite_qt.ui.models.stats_lines import Plot, Subject

MOST_HOSTS = 64
"""So many hosts a pool may have."""


class PoolStats(StatsPage):
    """A line per host."""

    page_id = "pool.stats"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        self.add_part(self.watch, context.stores.host_rows)

    def targets(self) -> Sequence[tuple[Literal["host", "vm"], str]]:
        """All hosts that answer, by name."""
        rows = [row for row in self.context.stores.host_rows.records.values() if row.is_live]
        rows.sort(key=lambda row: row.host.name_label.casefold())
        return [("host", row.uuid) for row in rows[:MOST_HOSTS]]

    def why_idle(self) -> str:
        """Nothing is measured where no host answers."""
        store = self.context.stores.host_rows
        if self.targets() or store.state is StoreState.LOADING:
            return ""
        return "No host answers: there is nothing to measure"

    def name_of(self, uuid: str) -> str:
        """Name of a host."""
        host = self.context.stores.host.by_uuid(uuid)
        return host.name_label if host is not None else ""

    def subject_name(self) -> str:
        """The pool."""
        pool = self.context.stores.the_pool()
        return (pool.name_label if pool is not None else "") or "pool"

    def compute(self, subjects: Sequence[Subject], span: tuple[float, float]) -> list[Plot]:
        """The charts; runs in a thread, so it must read nothing but its arguments."""
        from xolite_qt.ui.models.stats_pool import pool_plots

        known = [subject for subject in subjects if subject.rings]
        return pool_plots(known, dict(self.wishes), theme.current().series, span)
