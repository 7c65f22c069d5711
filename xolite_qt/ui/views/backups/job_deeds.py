"""What one can do with jobs: make, change, copy, run, delete."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from contextlib import ExitStack

import msgspec

from xolite_qt.backup.jobs.model import Job, Schedule, Selection
from xolite_qt.backup.run.params import BackupParams
from xolite_qt.stores.backup_rows import JobRow
from xolite_qt.ui.actions import Harm, Question
from xolite_qt.ui.models import backup_words as words
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.backups.deed import loaded, these
from xolite_qt.ui.views.backups.host_deeds import HostDeeds
from xolite_qt.ui.views.backups.repository_deeds import RepositoryDeeds


class JobDeeds(RepositoryDeeds, HostDeeds):
    """Deeds of jobs."""

    def new_job(self, vms: Iterable[str] = ()) -> None:
        """Leads through a new job, with these VMs (uuids) chosen."""
        job = Job(
            id=str(uuid.uuid4()),
            schedule_id=str(uuid.uuid4()),
            name="",
            host=self.here(),
            selection=Selection(vms=tuple(vms)),
            schedule=Schedule(timezone=words.local_zone()),
        )
        self.spawn(self._edit(job, new=True), "new backup job")

    def edit_job(self, rows: Sequence[JobRow]) -> None:
        """Opens the editor of a job."""
        if rows:
            self.spawn(self._edit(rows[0].job, new=False), "edit a backup job")

    def copy_job(self, rows: Sequence[JobRow]) -> None:
        """Opens the editor with a copy that is a job of its own."""
        for row in rows[:1]:
            made = msgspec.structs.replace(
                row.job,
                id=str(uuid.uuid4()),
                schedule_id=str(uuid.uuid4()),
                name=f"{row.job.name} (copy)",
            )
            self.spawn(self._edit(made, new=True), "copy a backup job")

    async def _edit(self, job: Job, *, new: bool) -> None:
        from xolite_qt.ui.dialogs.backups.job_editor import JobEditor
        from xolite_qt.ui.models.backup_inventory import inventory
        from xolite_qt.ui.models.backup_nbd import nbd_networks

        here = self.context.stores
        with ExitStack() as stack:
            stack.enter_context(self.stores.saved_repositories.subscribe())
            await loaded(self.stores.saved_repositories)
            dialog = JobEditor(
                job,
                new=new,
                save=lambda made: self.work.save_job(made, dialog.after.targets.addresses),
                tasks=self.context.tasks,
                repositories=self.stores.known_repositories(),
                srs=self._storages(),
                targets=self._report_targets(),
                add_repository=self.new_repository,
                open_nbd=self.nbd,
                parent=self.window,
            )

            def refresh(*_what: object) -> None:
                dialog.set_inventory(inventory(here))
                dialog.set_networks(nbd_networks(here))

            for store in (here.vm, here.vbd, here.vdi, here.network, here.pif, here.host):
                stack.enter_context(store.subscribe(refresh, refresh))
            stack.enter_context(here.sr.subscribe())
            refresh()
            if await ask(dialog):
                made = dialog.job()
                self.tell("", f"{made.name} is {'ready' if new else 'saved'}.")
                await self._let_it_sign_in(made)

    async def _let_it_sign_in(self, job: Job) -> None:
        """A job that runs by itself needs the password in the keyring: asked, never just done."""
        if not (job.schedule.enabled and self.is_here(job)):
            return
        password = self.password()
        if password is None or await self.work.knows_password(job.host):
            return
        question = Question(
            f"Keep the password of {job.host.user} in the keyring?",
            f"{job.name} runs by itself, also while this window is closed, and signs in to the "
            "host then. Without the password it can only be started from here.",
            "Keep password",
            Harm.DISRUPTIVE,
        )
        if await self.sure(question):
            self.tell(await self.work.keep_password(job.host, password))

    def _storages(self) -> list[tuple[str, str]]:
        srs = self.context.stores.sr.records.values()
        named = [(sr.uuid, sr.name_label) for sr in srs if sr.content_type != "iso"]
        return sorted(named, key=lambda pair: pair[1].casefold())

    def _report_targets(self) -> list[str]:
        names = {
            target
            for saved in self.stores.saved_jobs.records.values()
            for target in saved.value.report.targets
        }
        return sorted(names, key=str.casefold)

    def delete_jobs(self, rows: Sequence[JobRow]) -> None:
        """Removes jobs; their backups stay where they are."""
        self.spawn(self._delete_jobs(list(rows)), "delete backup jobs")

    async def _delete_jobs(self, rows: list[JobRow]) -> None:
        names = tuple(row.job.name for row in rows)
        question = Question(
            f"Delete {these(names, 'job', 'jobs')}?",
            "The backups that were made stay in their repositories, but nothing removes old ones "
            "any more, and nothing makes new ones.",
            "Delete job" if len(names) == 1 else "Delete jobs",
            Harm.DISRUPTIVE,
            names,
        )
        if not await self.sure(question):
            return
        for row in rows:
            self.tell(await self.work.delete_job(row.job))

    def delete_reason(self, rows: Sequence[JobRow]) -> str | None:
        """Why jobs cannot be deleted now."""
        busy = next((row for row in rows if row.active is not None), None)
        if busy is not None:
            return f"{busy.job.name} is at work: cancel its run first."
        return None if rows else "Select a job first."

    def run_jobs(self, rows: Sequence[JobRow]) -> None:
        """Starts jobs now."""
        for row in rows:
            self.spawn(self._run_job(row.job), f"run {row.job.name}")

    async def _run_job(self, job: Job) -> None:
        await self.started("backup", job.name, BackupParams(job.id), job_id=job.id)

    def run_reason(self, rows: Sequence[JobRow]) -> str | None:
        """Why jobs cannot be started now."""
        for row in rows:
            if row.active is not None:
                return f"{row.job.name} is at work already."
            if not row.job.repositories:
                return f"{row.job.name} has no repository: edit it first."
        return None

    # ------------------------------------------------------------------ one VM

    def back_up_now(self, vm_uuid: str) -> None:
        """Starts the job that a VM belongs to, for this VM alone; without one, makes one."""
        jobs = self.jobs_of(vm_uuid)
        if not jobs:
            self.new_job([vm_uuid])
            return
        self.spawn(self._back_up(jobs[0], vm_uuid), "back up a VM")

    async def _back_up(self, job: Job, vm_uuid: str) -> None:
        vm = self.context.stores.vm.by_uuid(vm_uuid)
        title = f"{job.name}: {vm.name_label}" if vm is not None else job.name
        await self.started("backup", title, BackupParams(job.id, (vm_uuid,)), job_id=job.id)

    def jobs_of(self, vm_uuid: str) -> list[Job]:
        """The jobs of this host that back up a VM, by name."""
        from xolite_qt.ui.models.backup_inventory import VmChoice, matches

        vm = self.context.stores.vm.by_uuid(vm_uuid)
        if vm is None:
            return []
        choice = VmChoice(vm.uuid, vm.name_label, "", tuple(vm.tags), ())
        jobs = [
            saved.value
            for saved in self.stores.saved_jobs.records.values()
            if self.is_here(saved.value) and matches(saved.value.selection, choice)
        ]
        return sorted(jobs, key=lambda job: job.name.casefold())

    def is_here(self, job: Job) -> bool:
        """Whether a job reads from the connected host."""
        return job.host.url.rstrip("/") == self.context.stores.api.url.rstrip("/")
