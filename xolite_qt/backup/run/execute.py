"""Working on a run: what the process does that `start_run` starts."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from xolite_qt.backup.errors import BackupError, Cancelled
from xolite_qt.backup.jobs.model import HostRef, Job, SavedRepository
from xolite_qt.backup.jobs.store import JobStore, RepositoryStore
from xolite_qt.backup.merge import merge_repository
from xolite_qt.backup.repository import Repository, check, forget, verify
from xolite_qt.backup.restore import HostRestore, RestoreWish, restore_disk_to_file
from xolite_qt.backup.runs.events import Outcome, RunSpec
from xolite_qt.backup.runs.recorder import RunRecorder
from xolite_qt.backup.runs.store import RunStore
from xolite_qt.backup.storage import open_storage
from xolite_qt.backup.storage.retry import RetryPolicy
from xolite_qt.trust import PinFile, default_pins_path
from xolite_qt.xen_api import XenApi, XenApiError

from .job import JobRun, MergeNews, select_vms
from .params import BackupParams, RepositoryParams, RestoreParams
from .report import send_report
from .secrets import Secrets
from .targets import Target, open_target
from .vm import VmOrder

P = TypeVar("P", BackupParams, RestoreParams, RepositoryParams)


class RunImpossible(BackupError):  # noqa: N818 - says what is the matter
    """A run that cannot begin; the sentence says why."""


Ended = tuple[Outcome, str, dict[str, Any]]


async def execute(
    spec: RunSpec,
    recorder: RunRecorder,
    secrets: Secrets,
    *,
    jobs: JobStore | None = None,
    repositories: RepositoryStore | None = None,
    runs: RunStore | None = None,
    pins: Path | None = None,
) -> Outcome:
    """Works on a run until it is over; what happens is in its log.

    Args:
        spec: what to do.
        recorder: entered.
        secrets: what was given; what they lack comes from the keyring.
        jobs, repositories, runs: where they are saved; the user's own where None.
        pins: the file of accepted certificates; the user's own where None.
    """
    work = _Work(
        recorder,
        secrets,
        jobs or JobStore(),
        repositories or RepositoryStore(),
        runs or RunStore(),
        pins,
    )
    try:
        outcome, error, result = await work.run(spec)
    except Cancelled:
        outcome, error, result = "cancelled", "", {}
    except (BackupError, XenApiError) as caught:
        outcome, error, result = "failure", str(caught), {}
        if recorder.stop.is_set():
            outcome, error = "cancelled", ""
    except Exception:
        # The log is all that anybody will ever see of this process.
        recorder.note(traceback.format_exc(), level="error")
        recorder.finish("failure", error="a mistake in xolite-qt; the log has the details")
        raise
    recorder.finish(outcome, error=error, result=result)
    return outcome


class _Work:
    def __init__(
        self,
        recorder: RunRecorder,
        secrets: Secrets,
        jobs: JobStore,
        repositories: RepositoryStore,
        runs: RunStore,
        pins: Path | None,
    ) -> None:
        self._recorder, self._stop = recorder, recorder.stop
        self._secrets, self._jobs, self._repositories = secrets, jobs, repositories
        self._runs, self._pins = runs, pins

    async def run(self, spec: RunSpec) -> Ended:
        match spec.kind:
            case "backup" | "health":
                return await self._backup(_params(spec, BackupParams))
            case "restore":
                return await self._restore(_params(spec, RestoreParams))
            case "merge":
                return await self._merge(_params(spec, RepositoryParams))
            case _:
                params = _params(spec, RepositoryParams)
                return await asyncio.to_thread(self._look_after, spec.kind, params)

    # Backups

    async def _backup(self, params: BackupParams) -> Ended:
        job = self._jobs.get(params.job_id)
        if job is None:
            raise RunImpossible("the job is no longer there")
        with self._runs.only_one_of(job.id) as is_only:
            if not is_only:
                # By the agent, the window and a command at the same moment.
                return "skipped", "this job is at work already", {}
            return await self._only_backup(job, params.vms)

    async def _only_backup(self, job: Job, only: tuple[str, ...]) -> Ended:
        saved, errors = self._saved(job)
        secrets = self._secrets.over(
            await asyncio.to_thread(
                lambda: Secrets.load(
                    hosts=[job.host], repositories=saved, reports=job.report.targets
                )
            )
        )
        try:
            ended = await self._back_up(job, saved, errors, secrets, only)
        except (BackupError, XenApiError) as error:
            if not self._stop.is_set():
                await self._report(job, "failure", str(error), secrets)
            raise
        await self._report(job, ended[0], ended[1], secrets)
        return ended

    def _saved(self, job: Job) -> tuple[list[SavedRepository], list[str]]:
        """A job's repositories, and why others cannot be used: it is no success without them."""
        found, errors = [], []
        for ident in job.repositories:
            try:
                one = self._repositories.get(ident)
            except BackupError as error:
                errors.append(str(error))
                continue
            if one is None:
                errors.append("a repository of this job is no longer in the list")
            else:
                found.append(one)
        if not job.repositories:
            errors.append(f"{job.name} has no repository")
        for error_ in errors:
            self._recorder.note(error_, level="error")
        return found, errors

    async def _back_up(
        self,
        job: Job,
        saved: list[SavedRepository],
        errors: list[str],
        secrets: Secrets,
        only: tuple[str, ...],
    ) -> Ended:
        targets = await asyncio.to_thread(self._open_all, job, saved, secrets, errors)
        try:
            async with self._signed_in(job.host, secrets) as api:
                vms = await select_vms(api, job.selection)
                if only:
                    vms = [vm for vm in vms if vm.uuid in only]
                run = JobRun(
                    api,
                    order_of(job),
                    targets,
                    self._recorder,
                    concurrency=job.concurrency,
                    merge_concurrency=job.merge_concurrency,
                    health=job.health_check,
                )
                result = await run.run(vms)
        finally:
            for target in targets:
                target.repository.storage.close()
        outcome = result.outcome
        if errors and outcome != "cancelled":
            outcome = "failure"
        return outcome, "; ".join([*errors, *result.errors]), result.to_json()

    def _open_all(
        self, job: Job, saved: list[SavedRepository], secrets: Secrets, errors: list[str]
    ) -> list[Target]:
        targets = []
        for one in saved:
            try:
                targets.append(
                    open_target(
                        one.name,
                        secrets.repository_url(one),
                        secrets.repository_key(one),
                        budget_s=one.write_budget_s,
                        vhd_files=job.disk_format == "vhd",
                        expected_id=self._repositories.identity(one.id),
                    )
                )
                self._repositories.remember_identity(one.id, targets[-1].repository.id)
            except BackupError as error:
                errors.append(f"{one.name}: {error}")
                self._recorder.note(f"{one.name}: {error}", level="error")
        if not targets:
            raise RunImpossible("; ".join(errors))
        return targets

    async def _report(self, job: Job, outcome: Outcome, error: str, secrets: Secrets) -> None:
        for trouble in await asyncio.to_thread(
            send_report, job, outcome, error, self._recorder.state, secrets.reports
        ):
            self._recorder.note(trouble, level="warning")

    @asynccontextmanager
    async def _signed_in(self, host: HostRef, secrets: Secrets) -> AsyncIterator[XenApi]:
        pins = PinFile(self._pins or default_pins_path())
        async with XenApi(host.url, pins=pins, originator="xolite-qt") as api:
            await api.login(host.user, secrets.password(host))
            yield api

    # Restores

    async def _restore(self, params: RestoreParams) -> Ended:
        saved, repository = await self._open(params.repository_id)
        try:
            backup = await asyncio.to_thread(repository.backup, params.backup)
            if params.what == "file":
                return await asyncio.to_thread(self._to_file, repository, params)
            if params.host is None:
                raise RunImpossible("it is not said which host to restore to")
            host = params.host
            secrets = self._secrets.over(
                await asyncio.to_thread(lambda: Secrets.load(hosts=[host]))
            )
            item = self._recorder.item("vm", backup.vm_name, uuid=backup.vm_uuid)
            disks: dict[str, str] = {}

            def progress(disk: Any, done: int, total: int) -> None:
                name = "XVA" if disk is None else disk.name
                key = "" if disk is None else disk.uuid
                if key not in disks:
                    disks[key] = self._recorder.item(
                        "disk", name, parent=item, uuid=key, total=total
                    )
                self._recorder.progress(disks[key], done, total=total, transferred_bytes=done)
                if done == total:
                    self._recorder.done(disks[key], transferred_bytes=done)

            async with self._signed_in(host, secrets) as api:
                restore = HostRestore(
                    api,
                    repository,
                    told=lambda text: self._recorder.note(text, id=item),
                    progress=progress,
                    stop=self._stop,
                )
                try:
                    result = await self._onto_host(api, restore, repository, params)
                except BaseException as error:
                    cancelled = isinstance(error, Cancelled) or self._stop.is_set()
                    self._recorder.done(
                        item, "cancelled" if cancelled else "failure", error=str(error)
                    )
                    raise
            self._recorder.done(item, transferred_bytes=restore.sent_bytes)
            return "success", "", {**result, "sent_bytes": restore.sent_bytes, "from": saved.name}
        finally:
            repository.storage.close()

    async def _onto_host(
        self, api: XenApi, restore: HostRestore, repository: Repository, params: RestoreParams
    ) -> dict[str, Any]:
        backup = await asyncio.to_thread(repository.backup, params.backup)
        name = params.name or None
        if params.what == "disk":
            sr = params.srs.get(params.disk) or params.srs.get("", "")
            ref = await restore.disk(backup, backup.disk(params.disk), sr, name)
            return {"vdi": {"uuid": await api.call("VDI.get_uuid", ref)}}
        wish = RestoreWish(
            sr=params.srs,
            networks=params.networks,
            name=name,
            start=params.start,
            keep_macs=params.keep_macs,
            snapshot=params.snapshot if params.what == "revert" else "",
        )
        ref = await restore.vm(backup, wish)
        return {
            "vm": {
                "uuid": await api.call("VM.get_uuid", ref),
                "name": await api.call("VM.get_name_label", ref),
            }
        }

    def _to_file(self, repository: Repository, params: RestoreParams) -> Ended:
        backup = repository.backup(params.backup)
        disk = backup.disk(params.disk)
        item = self._recorder.item("disk", disk.name, uuid=disk.uuid, unit="blocks")
        made = restore_disk_to_file(
            repository,
            backup,
            disk,
            Path(params.path),
            form=params.format,
            progress=lambda done, total: self._recorder.progress(item, done, total=total),
            stop=self._stop,
        )
        self._recorder.done(item, facts={"file": str(made.path), "proven": str(made.proven)})
        return "success", "", {"path": str(made.path), "size": made.size_bytes}

    # Repositories

    async def _open(self, repository_id: str) -> tuple[SavedRepository, Repository]:
        saved, url, key = await self._address(repository_id)
        policy = RetryPolicy(budget_s=saved.write_budget_s)
        opened = await asyncio.to_thread(
            lambda: Repository.open(open_storage(url, policy=policy), key)
        )
        return saved, opened

    async def _address(self, repository_id: str) -> tuple[SavedRepository, str, str | None]:
        saved = self._repositories.get(repository_id)
        if saved is None:
            raise RunImpossible("the repository is no longer in the list")
        secrets = self._secrets.over(
            await asyncio.to_thread(lambda: Secrets.load(repositories=[saved]))
        )
        return saved, secrets.repository_url(saved), secrets.repository_key(saved)

    async def _merge(self, params: RepositoryParams) -> Ended:
        saved, url, key = await self._address(params.repository_id)
        item = self._recorder.item("merge", f"Merge in {saved.name}", unit="blocks")
        news = MergeNews(self._recorder, item)

        def work() -> Any:
            return merge_repository(
                url,
                key,
                vm_uuids=params.vms or None,
                concurrency=params.concurrency,
                budget_s=saved.write_budget_s,
                progress=news,
                stop=self._stop,
            )

        with self._part(item):
            outcomes = await asyncio.to_thread(work)
        errors = [error for outcome in outcomes for error in outcome.errors]
        merged = [one for outcome in outcomes for one in outcome.merged]
        self._recorder.done(item, "failure" if errors else "success", error="; ".join(errors))
        result = {"merged": len(merged), "blocks": sum(one.blocks for one in merged)}
        return ("failure" if errors else "success"), "; ".join(errors), result

    @contextlib.contextmanager
    def _part(self, item: str) -> Any:
        try:
            yield
        except Cancelled:
            self._recorder.done(item, "cancelled")
            raise
        except BackupError as error:
            self._recorder.done(item, "failure", error=str(error))
            raise

    def _look_after(self, kind: str, params: RepositoryParams) -> Ended:
        saved = self._repositories.get(params.repository_id)
        if saved is None:
            raise RunImpossible("the repository is no longer in the list")
        secrets = self._secrets.over(Secrets.load(repositories=[saved]))
        storage = open_storage(
            secrets.repository_url(saved), policy=RetryPolicy(budget_s=saved.write_budget_s)
        )
        try:
            repository = Repository.open(storage, secrets.repository_key(saved))
            item = self._recorder.item("repository", saved.name, unit="blocks")
            with self._part(item):
                if kind == "forget":
                    return self._forget(repository, params, item)
                return self._prove(repository, kind, params, item)
        finally:
            storage.close()

    def _forget(self, repository: Repository, params: RepositoryParams, item: str) -> Ended:
        removed = forget(repository, params.backups, stop=self._stop)
        self._recorder.done(item)
        return "success", "", {"removed": removed}

    def _prove(
        self, repository: Repository, kind: str, params: RepositoryParams, item: str
    ) -> Ended:
        if kind == "check":
            report = check(repository, vm_uuids=params.vms or None, stop=self._stop)
        else:
            report = verify(
                repository,
                vm_uuids=params.vms or None,
                backup_ids=params.backups or None,
                progress=lambda done, total: self._recorder.progress(item, done, total=total),
                stop=self._stop,
            )
        for problem in report.problems:
            self._recorder.note(f"{problem.path}: {problem.what}", id=item, level="error")
        error = "" if report.ok else f"{len(report.problems)} problems"
        self._recorder.done(item, "success" if report.ok else "failure", error=error)
        return ("success" if report.ok else "failure"), error, report.to_json()


def order_of(job: Job) -> VmOrder:
    """How a job backs its VMs up."""
    return VmOrder(
        job_id=job.id,
        schedule_id=job.schedule_id,
        job_name=job.name,
        mode=job.mode,
        nbd=job.nbd,
        compression=job.xva_compression,
        retention=job.retention,
        timezone=job.schedule.timezone,
        full_interval=job.full_interval,
        memory=job.memory,
        offline=job.offline,
    )


def _params(spec: RunSpec, kind: type[P]) -> P:
    try:
        found: P = msgspec.convert(spec.params, kind)
        return found
    except msgspec.MsgspecError as error:
        raise RunImpossible(f"it is not said properly what to do: {error}") from None
