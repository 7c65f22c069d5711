"""The page of backups: jobs, runs, repositories, and what can be restored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from xolite_qt.stores import Subscription
from xolite_qt.stores.backup_rows import JobRow, RunRow
from xolite_qt.ui import format as fmt
from xolite_qt.ui.views.backups.deeds import BackupDeeds
from xolite_qt.ui.views.backups.jobs import JobsPart
from xolite_qt.ui.views.backups.part import PARTS, Part
from xolite_qt.ui.views.backups.points import ByVmPart
from xolite_qt.ui.views.backups.repositories import RepositoriesPart
from xolite_qt.ui.views.backups.runs import RunsPart
from xolite_qt.ui.views.page import Page, PageContext
from xolite_qt.ui.widgets import Button, TextLabel
from xolite_qt.ui.widgets.tabs import Tabs

_SUMMARY_PX = 860
"""A narrower page has no room for the summary beside the tabs."""


class BackupsPage(Page):
    """Jobs, runs, repositories and points in time of this user, each a tab of its own."""

    page_id = "pool.backups"
    title = "Backups"
    icon_name = "backup"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        self.deeds: BackupDeeds = context.services["backups"]
        self.tabs = Tabs(says=self.tr("Parts of the backups"))
        self.tabs.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.stack = QStackedWidget()
        self.parts: dict[str, Part] = {
            "jobs": JobsPart(context, self.deeds),
            "runs": RunsPart(context, self.deeds),
            "repositories": RepositoriesPart(context, self.deeds),
            "points": ByVmPart(context, self.deeds),
        }
        for ident, text in PARTS:
            self.tabs.add(ident, self.tr(text))
            self.parts[ident].told_busy = self.tell_busy
            self.stack.addWidget(self.parts[ident])
        self.now = TextLabel(kind="small", tone="secondary", elide=True)
        self.restore = Button(self.tr("Restore…"), icon="revert", small=True)
        self.restore.clicked.connect(lambda: self.deeds.restore())
        self.nbd = Button(self.tr("NBD…"), icon="network", small=True)
        self.nbd.set_tip(self.tr("On which networks hosts serve their disks to backups"))
        self.nbd.clicked.connect(self.deeds.nbd)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 16)
        column.setSpacing(12)
        bar = QHBoxLayout()
        bar.setSpacing(8)
        bar.addWidget(self.tabs)
        bar.addSpacing(8)
        bar.addWidget(self.now, 1)
        bar.addStretch()
        bar.addWidget(self.restore)
        bar.addWidget(self.nbd)
        column.addLayout(bar)
        column.addWidget(self.stack, 1)
        last = context.settings.last_tabs.get("backups", "jobs")
        self.tabs.blockSignals(True)
        self.tabs.set_current(last)
        self.tabs.blockSignals(False)
        self.stack.setCurrentWidget(self.part)
        self.tabs.selected.connect(self._show)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Override QWidget::resizeEvent: half a sentence says nothing."""
        super().resizeEvent(event)
        self.now.setVisible(self.width() >= _SUMMARY_PX)

    @property
    def part(self) -> Part:
        """The part that is seen."""
        return self.parts.get(self.tabs.current(), self.parts["jobs"])

    def open_part(self, ident: str) -> None:
        """Show "jobs", "runs", "repositories" or "points"."""
        self.tabs.set_current(ident)

    def _show(self, ident: str) -> None:
        self.context.settings.last_tabs["backups"] = ident
        self.stack.setCurrentWidget(self.part)
        if self.is_subscribed:
            # The new part subscribes before the old one lets go: what both need is not read twice.
            before, self._subscriptions = self._subscriptions, []
            self.subscribe()
            for subscription in before:
                subscription.close()
            self.tell_busy()

    def wanted(self) -> Iterable[Subscription[Any]]:
        """What the part that is seen wants, and what the tabs count."""
        stores = self.deeds.stores
        again = self._count
        return (
            *self.part.wanted(),
            stores.jobs.subscribe(again, again),
            stores.runs.subscribe(again, again),
            stores.saved_repositories.subscribe(again, again),
            self.context.stores.pool.subscribe(),
        )

    def refresh(self) -> None:
        """Show what is there."""
        self.part.refresh()
        self._count(None)

    def _count(self, _what: object) -> None:
        stores = self.deeds.stores
        active = stores.active_runs()
        self.tabs.set_title("jobs", self.tr("Jobs"), len(stores.jobs.records) or None)
        self.tabs.set_title("runs", self.tr("Runs"), len(active) or None)
        known = len(stores.saved_repositories.records)
        self.tabs.set_title("repositories", self.tr("Repositories"), known or None)
        self.restore.set_reason(self.deeds.restore_reason())
        self.now.set_text(summary(active, stores.jobs.records.values()))


def summary(active: Iterable[RunRow], jobs: Iterable[JobRow]) -> str:
    """What goes on, what needs a look, and what comes next, in one line."""
    told = []
    names = [run.spec.title for run in active]
    if names:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        told.append(f"{names[0]}{more} at work")
    jobs = list(jobs)
    bad = [job for job in jobs if job.trouble or job.health in ("failure", "interrupted")]
    if bad:
        told.append(f"{fmt.plural(len(bad), 'job needs', 'jobs need')} a look")
    coming = [job for job in jobs if job.next_s is not None]
    if coming:
        first = min(coming, key=lambda job: job.next_s or 0.0)
        told.append(f"next: {first.job.name} {fmt.relative(first.next_s)}")
    return ", ".join(told)
