"""What one can do with repositories: add, change, test, put to work, take from the list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xolite_qt.backup.jobs.model import SavedRepository
from xolite_qt.backup.run.params import RepositoryParams
from xolite_qt.backup.runs.events import RunKind
from xolite_qt.stores.backup_rows import RepositoryRow
from xolite_qt.ui.actions import Harm, Question
from xolite_qt.ui.models import backup_words as words
from xolite_qt.ui.models.backup_place import Place
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.backups.deed import Deeds, these

if TYPE_CHECKING:
    from xolite_qt.ui.dialogs.backups.repository_dialog import RepositoryWish


class RepositoryDeeds(Deeds):
    """Deeds of repositories."""

    def add_repository(self) -> None:
        """Leads through a new repository."""
        self.spawn(self.new_repository(), "add a repository")

    async def new_repository(self) -> SavedRepository | None:
        """The repository that the dialog made, or None."""
        from xolite_qt.ui.dialogs.backups.repository_dialog import RepositoryWish

        return await self._repository(RepositoryWish("", Place()), None)

    def edit_repository(self, rows: Sequence[RepositoryRow]) -> None:
        """Opens the form of a repository."""
        for row in rows[:1]:
            self.spawn(self._edit_repository(row.saved), "edit a repository")

    async def _edit_repository(self, saved: SavedRepository) -> None:
        await self._repository(await self.work.wish_of(saved), saved)

    async def _repository(
        self, wish: RepositoryWish, old: SavedRepository | None, *, test: bool = False
    ) -> SavedRepository | None:
        from xolite_qt.ui.dialogs.backups.repository_dialog import RepositoryDialog

        made: list[SavedRepository] = []

        async def save(wanted: RepositoryWish) -> str:
            saved, trouble = await self.work.save_repository(wanted, old)
            if saved is not None:
                made.append(saved)
            return trouble

        dialog = RepositoryDialog(
            wish,
            new=old is None,
            test=self.work.test,
            save=save,
            tasks=self.context.tasks,
            parent=self.window,
        )
        if test:
            dialog.start_test()
        return made[-1] if await ask(dialog) and made else None

    def test_repository(self, rows: Sequence[RepositoryRow]) -> None:
        """Opens the form of a repository with its connection test running."""
        for row in rows[:1]:
            self.spawn(self._test_repository(row.saved), "test a repository")

    async def _test_repository(self, saved: SavedRepository) -> None:
        await self._repository(await self.work.wish_of(saved), saved, test=True)

    def work_in_repository(self, kind: RunKind, rows: Sequence[RepositoryRow]) -> None:
        """Starts "check", "verify" or "merge" in repositories."""
        for row in rows:
            title = f"{words.kind(kind)[0]} of {row.saved.name}"
            self.spawn(self.started(kind, title, RepositoryParams(row.ref)), title)

    def busy_reason(self, rows: Sequence[RepositoryRow]) -> str | None:
        """Why no work can be started in repositories now."""
        for row in rows:
            if row.active is not None:
                kind = words.kind(row.active.spec.kind)[0].lower()
                return f"{row.saved.name} is busy: a {kind} goes on there."
        return None

    def remove_reason(self, rows: Sequence[RepositoryRow]) -> str | None:
        """Why repositories cannot be taken from the list."""
        for row in rows:
            jobs = [
                saved.value.name
                for saved in self.stores.saved_jobs.records.values()
                if row.ref in saved.value.repositories
            ]
            if jobs:
                verb = "write" if len(jobs) > 1 else "writes"
                return f"{', '.join(sorted(jobs)[:3])} {verb} to {row.saved.name}."
        return self.busy_reason(rows)

    def remove_repositories(self, rows: Sequence[RepositoryRow]) -> None:
        """Takes repositories from the list; what lies in them stays."""
        self.spawn(self._remove_repositories(list(rows)), "remove repositories")

    async def _remove_repositories(self, rows: list[RepositoryRow]) -> None:
        names = tuple(row.saved.name for row in rows)
        locked = any(row.saved.encrypted for row in rows)
        text = "Its backups stay where they are; it can be added again at any time."
        if locked:
            text += " Its encryption key is removed from the keyring: have it saved elsewhere."
        question = Question(
            f"Take {these(names, 'repository', 'repositories')} from the list?",
            text,
            "Remove from list",
            Harm.DISRUPTIVE,
            names,
        )
        if await self.sure(question):
            for row in rows:
                self.tell(await self.work.forget_repository(row.saved))
