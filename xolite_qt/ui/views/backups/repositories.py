"""The repositories: where they lie, how full they are, when they were last proved sound."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from xolite_qt.backup.runs.events import RunKind
from xolite_qt.stores import StoreState, Subscription
from xolite_qt.stores.backup_rows import RepositoryRow
from xolite_qt.ui.models.backup_columns import repository_columns
from xolite_qt.ui.views.backups.deeds import BackupDeeds
from xolite_qt.ui.views.backups.part import Act, TablePart, one, some
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.widgets import Banner


class RepositoriesPart(TablePart[RepositoryRow]):
    """All repositories that this user knows."""

    def __init__(self, context: PageContext, deeds: BackupDeeds) -> None:
        self.deeds = deeds
        self.store = deeds.stores.repositories

        def work(text: str, icon: str, kind: RunKind) -> Act[RepositoryRow]:
            return Act(
                text,
                icon,
                partial(deeds.work_in_repository, kind),
                lambda rows: some(rows, "repository") or deeds.busy_reason(rows),
            )

        def single(text: str, icon: str, run: Callable[[list[RepositoryRow]], object]) -> Any:
            return Act(text, icon, run, lambda rows: one(rows, "repository"))

        super().__init__(
            context,
            "repositories",
            repository_columns(),
            one="repository",
            many="repositories",
            acts=(
                Act(
                    "Add repository…",
                    "plus",
                    lambda _rows: deeds.add_repository(),
                    lambda _rows: None,
                    "primary",
                    on_rows=False,
                ),
                single("Edit…", "edit", deeds.edit_repository),
                single("Test connection…", "plug", deeds.test_repository),
                work("Check", "search", "check"),
                work("Verify", "shield", "verify"),
                work("Merge", "compress", "merge"),
                Act(
                    "Read again",
                    "refresh",
                    self._read_again,
                    lambda rows: some(rows, "repository"),
                ),
                Act(
                    "Remove from list…",
                    "trash",
                    deeds.remove_repositories,
                    lambda rows: some(rows, "repository") or deeds.remove_reason(rows),
                ),
            ),
        )
        self.banner = Banner()
        self.column.insertWidget(0, self.banner)
        self.table.opened.connect(self._open)

    def _read_again(self, rows: list[RepositoryRow]) -> None:
        for row in rows:
            self.deeds.stores.points.read_again(row.ref)

    def _open(self, ref: str) -> None:
        row = self.model.get(ref)
        if row is not None:
            self.deeds.edit_repository([row])

    def wanted(self) -> Iterable[Subscription[Any]]:
        """Repositories, and the jobs that keep them from being removed."""
        return (
            self.store.subscribe(self.model.apply, self.on_state),
            self.deeds.stores.saved_jobs.subscribe(lambda _change: self.judge()),
        )

    def refresh(self) -> None:
        """Show what is there."""
        self.model.replace(self.store.records.values())
        self.tell()

    def _warn(self) -> None:
        """What is wrong with the chosen repository, else with the first that has anything."""
        rows = [*self.chosen(), *self.model.rows()]
        bad = next((row for row in rows if row.error and not row.loading), None)
        if bad is None:
            self.banner.clear()
            return
        said = f"{bad.saved.name}: {bad.error.rstrip('.')}. {bad.advice}"
        self.banner.show_message(
            said.strip(),
            "warning",
            action=self.tr("Test connection…"),
            on_action=lambda: self.deeds.test_repository([bad]),
        )

    def judge(self, *what: object) -> None:
        """Which actions may run, and what is wrong."""
        super().judge(*what)
        if hasattr(self, "banner"):
            self._warn()

    def show_state(self) -> None:
        """Rows, or what there is instead; without any, how to begin."""
        if not self.model.total() and self.store.state in (StoreState.READY, StoreState.STALE):
            self.table.show_hero(
                "empty",
                self.tr("No backup repository yet"),
                self.tr(
                    "Backups go to a folder, such as a mounted share, or to an S3 bucket. "
                    "Repositories of Xen Orchestra can be added too."
                ),
                action=self.tr("Add repository…"),
                on_action=self.deeds.add_repository,
            )
            return
        self.say_state(self.store, "")
