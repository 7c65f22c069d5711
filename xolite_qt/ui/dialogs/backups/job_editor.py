"""A backup job, new or changed: everything in reach, checked while one types, nothing lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from xolite_qt.backup.jobs.model import Job, SavedRepository
from xolite_qt.ui.dialogs.backups.form import Form, PageStack
from xolite_qt.ui.dialogs.backups.job_after import AfterSection
from xolite_qt.ui.dialogs.backups.job_how import HowSection
from xolite_qt.ui.dialogs.backups.job_keep import RetentionField
from xolite_qt.ui.dialogs.backups.job_vms import VmSection
from xolite_qt.ui.dialogs.backups.job_when import ScheduleField
from xolite_qt.ui.dialogs.backups.job_where import WhereSection
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.models.backup_inventory import VmChoice
from xolite_qt.ui.models.backup_nbd import NbdNetwork
from xolite_qt.ui.tasks import TaskOwner
from xolite_qt.ui.widgets.banner import Banner
from xolite_qt.ui.widgets.tabs import Tabs

Save = Callable[[Job], Awaitable[str]]
"""Saves a job; returns why it could not, or an empty string."""

TABS = (
    ("vms", "VMs"),
    ("where", "Where"),
    ("when", "When"),
    ("keep", "Keep"),
    ("how", "How"),
    ("after", "Afterwards"),
)


class JobEditor(Dialog):
    """The editor of a job.

    Args:
        job: what to begin with.
        new: whether it was never saved.
        save: saves; while it does, the dialog waits, and stays where it cannot.
        tasks: owner of what the dialog starts.
        add_repository: leads through a new repository; returns it, or None. Left out where that
            is not possible.
        open_nbd: opens the dialog of NBD per network.
    """

    def __init__(
        self,
        job: Job,
        *,
        new: bool,
        save: Save,
        tasks: TaskOwner,
        repositories: Sequence[SavedRepository] = (),
        srs: Sequence[tuple[str, str]] = (),
        targets: Sequence[str] = (),
        add_repository: Callable[[], Awaitable[SavedRepository | None]] | None = None,
        open_nbd: Callable[[], object] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        title = "New backup job" if new else f"Edit {job.name or 'backup job'}"
        super().__init__(title, icon="backup", width=860, parent=parent)
        self._new = new
        self._start = job
        self._save = save
        self._tasks = tasks
        self._add_repository = add_repository
        self._tried = False
        self._discarding = False
        self.name = QLineEdit(job.name)
        self.name.setMaxLength(200)
        self.name.setPlaceholderText(self.tr("Nightly"))
        top = Form()
        self.name_row = top.add(self.tr("Name"), self.name)
        self.body.addWidget(top)
        self.tabs = Tabs(says=self.tr("Parts of the job"))
        for ident, text in TABS:
            self.tabs.add(ident, self.tr(text))
        self.body.addWidget(self.tabs)
        self.vms = VmSection(job.selection)
        self.where = WhereSection(job, repositories, can_add=add_repository is not None)
        self.when = ScheduleField(job.schedule)
        self.keep = RetentionField(job.retention, job.full_interval, tasks)
        self.keep.set_schedule(job.schedule)
        self.how = HowSection(job)
        self.after = AfterSection(job, srs, targets)
        self.pages = PageStack()
        for section in (self.vms, self.where, self.when, self.keep, self.how, self.after):
            page = QWidget()
            column = QVBoxLayout(page)
            column.setContentsMargins(0, 8, 0, 4)
            column.addWidget(section)
            self.pages.add(page)
        self.pages.setMinimumHeight(440)
        self.body.addWidget(self.pages, 1)
        self.banner = Banner()
        self.layout().insertWidget(2, self.banner)  # type: ignore[union-attr]
        self.cancel = self.add_button(self.tr("Cancel"))
        self.cancel.clicked.connect(self.reject)
        self.go = self.add_button(
            self.tr("Create job") if new else self.tr("Save job"), "primary", default=True
        )
        self.go.clicked.connect(self.save)
        self._connect(open_nbd)
        self._judge()
        self.name.setFocus()

    def _connect(self, open_nbd: Callable[[], object] | None) -> None:
        self.tabs.selected.connect(self._show_tab)
        self.name.textChanged.connect(self._judge)
        self.when.changed.connect(lambda: self.keep.set_schedule(self.when.schedule()))
        for section in (self.vms, self.where, self.when, self.keep, self.how, self.after):
            section.changed.connect(self._judge)
        self.where.add_wanted.connect(
            lambda: self._tasks.spawn(self._new_repository(), "add a repository")
        )
        if open_nbd is not None:
            self.how.nbd_wanted.connect(lambda: open_nbd())

    # ------------------------------------------------------------------ what is around

    def set_inventory(self, vms: Sequence[VmChoice]) -> None:
        """The VMs of the host as they are now."""
        self.vms.set_inventory(vms)

    def set_networks(self, networks: Sequence[NbdNetwork]) -> None:
        """Which networks serve NBD now."""
        self.how.set_networks(networks)

    def set_repositories(self, repositories: Sequence[SavedRepository]) -> None:
        """The repositories that there are now."""
        self.where.set_repositories(repositories)

    async def _new_repository(self) -> None:
        assert self._add_repository is not None
        made = await self._add_repository()
        if made is not None:
            self.where.add_repository(made)

    # ------------------------------------------------------------------ the job

    def job(self) -> Job:
        """The job as the form has it."""
        made = msgspec.structs.replace(
            self._start,
            name=self.name.text().strip(),
            selection=self.vms.selection(),
            schedule=self.when.schedule(),
            retention=self.keep.retention(),
            full_interval=self.keep.full.value(),
        )
        return self.after.put(self.how.put(self.where.put(made)))

    @property
    def is_changed(self) -> bool:
        """Whether the form differs from what it began with."""
        return self.job() != self._start

    def problems(self) -> dict[str, str]:
        """Tab to what is wrong there; empty where the job can be saved."""
        found = {
            "name": "" if self.name.text().strip() else self.tr("Give the job a name."),
            "vms": self.vms.problem(),
            "where": self.where.problem(),
            "when": self.when.problem(),
            "after": self.after.problem(),
        }
        return {where: problem for where, problem in found.items() if problem}

    def _judge(self) -> None:
        self.keep.form.set_row_visible(
            self.keep.full_row, visible=self.where.mode.current() == "incremental"
        )
        self.how.set_mode(self.where.mode.current())
        found = self.problems()
        if self._discarding:
            self._discarding = False
            self.banner.clear()
        if not self._tried:
            return
        self.name_row.set_problem(found.get("name", ""))
        for ident, text in TABS:
            self.tabs.set_title(ident, f"{self.tr(text)} !" if ident in found else self.tr(text))
        self._say(found)

    def _say(self, found: dict[str, str]) -> None:
        if not found:
            self.banner.clear()
            return
        where, problem = next(iter(found.items()))
        more = f" And {len(found) - 1} more." if len(found) > 1 else ""
        there = self.tabs.current() == where or where == "name"
        self.banner.show_message(
            f"{problem}{more}",
            "danger",
            action="" if there else self.tr("Show"),
            on_action=lambda: self.tabs.set_current(where),
        )

    def _show_tab(self, tab: str) -> None:
        self.pages.show_page([ident for ident, _ in TABS].index(tab))
        if self._tried:
            self._say(self.problems())

    # ------------------------------------------------------------------ end

    def save(self) -> None:
        """Checks everything, then saves; stays open, with all that was typed, where that fails."""
        self._tried = True
        found = self.problems()
        self._judge()
        if found:
            where = next(iter(found))
            if where == "name":
                self.name.setFocus()
            else:
                self.tabs.set_current(where)
            return
        self.go.set_busy(True, self.tr("Saving…"))
        self._tasks.spawn(self._save_job(), "save a backup job")

    async def _save_job(self) -> None:
        try:
            trouble = await self._save(self.job())
        finally:
            self.go.set_busy(False)
        if trouble:
            self.banner.show_message(trouble, "danger")
        else:
            self._start = self.job()
            self.accept()

    def reject(self) -> None:
        """Override QDialog::reject: what was typed is not thrown away by one key."""
        if not self.is_changed or self._discarding:
            super().reject()
            return
        self._discarding = True
        self.banner.show_message(
            self.tr("There are unsaved changes."),
            "warning",
            action=self.tr("Discard changes"),
            on_action=super().reject,
        )
        self.go.setFocus()
