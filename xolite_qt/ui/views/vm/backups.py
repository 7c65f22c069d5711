"""A VM's points in time: back it up now, restore it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtWidgets import QVBoxLayout, QWidget

from xolite_qt.stores import Subscription
from xolite_qt.stores.backup_rows import BackupRow
from xolite_qt.ui import format as fmt
from xolite_qt.ui.views.backups.deeds import BackupDeeds
from xolite_qt.ui.views.backups.part import Act
from xolite_qt.ui.views.backups.points import PointsPart, unread
from xolite_qt.ui.views.page import Page, PageContext
from xolite_qt.ui.widgets import Banner, TextLabel


class VmBackups(Page):
    """What there is of this VM in all repositories."""

    page_id = "vm.backups"
    title = "Backups"
    icon_name = "backup"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        self.deeds: BackupDeeds = context.services["backups"]
        now: Act[BackupRow] = Act(
            "Back up now",
            "play",
            lambda _rows: self.deeds.back_up_now(self.uuid),
            lambda _rows: self._reason(),
            "primary",
            on_rows=False,
        )
        self.part = PointsPart(context, self.deeds, part_id="vm", before=(now,))
        self.part.told_busy = self.tell_busy
        self.banner = Banner()
        self.about = TextLabel(tone="secondary", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addWidget(self.banner)
        column.addWidget(self.about)
        column.addWidget(self.part, 1)

    @property
    def uuid(self) -> str:
        """Of the VM; "" where it is gone."""
        vm = self.context.stores.vm.get(self.ref)
        return vm.uuid if vm is not None else ""

    def _reason(self) -> str | None:
        return None if self.uuid else self.tr("This VM is not known yet.")

    def wanted(self) -> Iterable[Subscription[Any]]:
        """Its points in time, and the jobs that it belongs to."""
        stores, again = self.deeds.stores, self._again
        return (
            *self.part.wanted(),
            self.context.stores.vm.subscribe(again, again),
            stores.saved_jobs.subscribe(again, again),
            stores.points.subscribe(again, again),
        )

    def _again(self, _what: object) -> None:
        self.refresh()

    def refresh(self) -> None:
        """Show what is there."""
        if self.uuid != self.part.vm_uuid:
            self.part.set_vm(self.uuid)
        else:
            self.part.refresh()
        jobs = self.deeds.jobs_of(self.uuid) if self.uuid else []
        if jobs:
            names = ", ".join(job.name for job in jobs[:4])
            self.about.set_text(f"Backed up by {fmt.plural(len(jobs), 'job', 'jobs')}: {names}")
        elif self.uuid:
            self.about.set_text(
                self.tr("No job backs this VM up. “Back up now” leads through a first one.")
            )
        trouble = unread(self.deeds)
        if trouble:
            self.banner.show_message(trouble, "warning")
        else:
            self.banner.clear()
