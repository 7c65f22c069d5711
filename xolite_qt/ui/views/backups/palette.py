"""What the palette offers of backups."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from xolite_qt.backup.runs.events import RunKind
from xolite_qt.stores import TreeNode
from xolite_qt.stores.backup_rows import JobRow, RepositoryRow, RunRow
from xolite_qt.ui.models import backup_words as words
from xolite_qt.ui.models.tree import shown_name
from xolite_qt.ui.views.palette import Entry

if TYPE_CHECKING:
    from xolite_qt.ui.views.backups.deeds import BackupDeeds


def entries(
    deeds: BackupDeeds, show: Callable[[str], None], vm: TreeNode | None = None
) -> list[Entry]:
    """Entries for the whole, for each job, repository and run at work.

    Args:
        show: goes to a part of the page by its id.
        vm: the VM that is looked at, or None.
    """
    stores = deeds.stores
    nowhere = deeds.restore_reason()
    found = []
    if vm is not None:
        name, uuid = shown_name(vm), vm.uuid
        found += [
            Entry("Back up now", name, "backup", partial(deeds.back_up_now, uuid)),
            Entry("Restore from backup", name, "revert", partial(deeds.restore, vm_uuid=uuid),
                  reason=nowhere),
        ]  # fmt: skip
    found += [
        Entry("New backup job", "Backups", "plus", deeds.new_job),
        Entry("Add a backup repository", "Backups", "plus", deeds.add_repository),
        Entry("Restore a backup", "Backups", "revert", deeds.restore, reason=nowhere),
        Entry("NBD per network", "Backups", "network", deeds.nbd),
    ]
    for ident, words_of in (
        ("jobs", "Go to backup jobs"),
        ("runs", "Go to backup runs"),
        ("repositories", "Go to backup repositories"),
        ("points", "Go to backups by VM"),
    ):
        found.append(Entry(words_of, "Backups", "arrow-right", partial(show, ident)))
    for job in stores.jobs.records.values():
        found += _of_job(deeds, job)
    for repository in stores.saved_repositories.records.values():
        row = stores.repositories.get(repository.ref) or RepositoryRow(
            repository.ref, repository.value
        )
        found += _of_repository(deeds, row)
    for run in stores.active_runs():
        found += _of_run(deeds, run)
    return found


def _of_job(deeds: BackupDeeds, row: JobRow) -> list[Entry]:
    name = row.job.name
    return [
        Entry(f"Run {name} now", "Backup job", "play", partial(deeds.run_jobs, [row]),
              reason=deeds.run_reason([row])),
        Entry(f"Edit {name}", "Backup job", "edit", partial(deeds.edit_job, [row])),
        Entry(f"Delete {name}", "Backup job", "trash", partial(deeds.delete_jobs, [row]),
              reason=deeds.delete_reason([row])),
    ]  # fmt: skip


def _of_repository(deeds: BackupDeeds, row: RepositoryRow) -> list[Entry]:
    name, busy = row.saved.name, deeds.busy_reason([row])
    found = [
        Entry(f"Edit {name}", "Repository", "edit", partial(deeds.edit_repository, [row])),
        Entry(f"Test the connection of {name}", "Repository", "plug",
              partial(deeds.test_repository, [row])),
        Entry(f"Remove {name} from the list", "Repository", "trash",
              partial(deeds.remove_repositories, [row]), reason=deeds.remove_reason([row])),
    ]  # fmt: skip
    kinds: tuple[tuple[RunKind, str, str], ...] = (
        ("check", "Check", "search"),
        ("verify", "Verify", "shield"),
        ("merge", "Merge", "compress"),
    )
    for kind, verb, icon in kinds:
        work = partial(deeds.work_in_repository, kind, [row])
        found.append(Entry(f"{verb} {name}", "Repository", icon, work, reason=busy))
    return found


def _of_run(deeds: BackupDeeds, run: RunRow) -> list[Entry]:
    title, kind = run.spec.title, words.kind(run.spec.kind)[0]
    return [
        Entry(f"Open run {title}", kind, "eye", partial(deeds.open_run, [run])),
        Entry(f"Cancel run {title}", kind, "cancel", partial(deeds.cancel_runs, [run])),
    ]
