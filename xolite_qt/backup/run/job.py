"""A job from its VMs to its report: backups, merges, health checks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from xolite_qt.backup.errors import BackupError, Cancelled
from xolite_qt.backup.jobs.model import HealthCheck, Selection
from xolite_qt.backup.merge import MergeProgress, merge_repository
from xolite_qt.backup.restore import check_health, remove_leftovers
from xolite_qt.backup.run.recorder import Recorder
from xolite_qt.backup.run.targets import Target
from xolite_qt.backup.runs.events import Outcome
from xolite_qt.xen_api import VM, XenApi, XenApiError

from .vm import VmBackup, VmOrder, VmResult

_SEVERITY: tuple[Outcome, ...] = ("success", "skipped", "warning", "cancelled", "failure")


class NothingToDo(BackupError):  # noqa: N818 - says what is the matter
    """A job that matches no VM, or has no repository."""


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The most serious one."""
    return max(outcomes, key=_SEVERITY.index, default="success")


async def select_vms(api: XenApi, selection: Selection) -> list[VM]:
    """The VMs that a job means, by name; templates and snapshots never.

    Raises:
        XenApiError: the host does not answer.
    """
    vms = await api.get_all_records(VM)
    return sorted(
        (vm for vm in vms.values() if _is_machine(vm) and matches(selection, vm.uuid, vm.tags)),
        key=lambda vm: (vm.name_label.casefold(), vm.uuid),
    )


def _is_machine(vm: VM) -> bool:
    return not (vm.is_a_template or vm.is_a_snapshot or vm.is_control_domain)


def matches(selection: Selection, uuid: str, tags: Iterable[str]) -> bool:
    """Whether a job means a VM."""
    tagged = not set(selection.tags).isdisjoint(tags)
    match selection.how:
        case "chosen":
            return uuid in selection.vms
        case "tags":
            return tagged
        case _:
            return uuid not in selection.vms and not tagged


@dataclass
class JobResult:
    """What became of a job.

    Attributes:
        vms: per VM.
        errors: sentences, for VMs without any backup and repositories that failed.
        outcome: of the whole.
    """

    vms: list[VmResult] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    outcome: Outcome = "success"

    def to_json(self) -> dict[str, Any]:
        """As a command prints it."""
        return {
            "backups": [
                {
                    "id": backup.id,
                    "repository": name,
                    "vm": {"uuid": vm.vm_uuid, "name": vm.vm_name},
                    "timestamp": backup.timestamp_ms,
                    "mode": backup.mode,
                    "size": backup.size_bytes,
                    "disks": [
                        {
                            "uuid": disk.uuid,
                            "name": disk.name,
                            "size": disk.size_bytes,
                            "kind": disk.kind,
                            "way": disk.way,
                            "blocks": disk.blocks,
                            "read_bytes": disk.read_bytes,
                            "transferred_bytes": disk.transferred_bytes,
                            "written_bytes": disk.written_bytes,
                        }
                        for disk in vm.disks
                    ],
                    "removed": vm.removed.get(name, []),
                }
                for vm in self.vms
                for name, backup in vm.backups.items()
            ],
            "errors": self.errors,
            "warnings": [w for vm in self.vms for w in vm.warnings],
        }


class JobRun:
    """One run of a job."""

    def __init__(
        self,
        api: XenApi,
        order: VmOrder,
        targets: list[Target],
        recorder: Recorder,
        *,
        concurrency: int = 2,
        merge_concurrency: int = 1,
        health: HealthCheck | None = None,
    ) -> None:
        """Args:
        api: signed in.
        order: how each VM is backed up.
        targets: where to.
        recorder: hears of it.
        concurrency: VMs at once.
        merge_concurrency: merges at once, afterwards.
        health: whether the new backups are tried.
        """
        self._api, self._order, self._targets = api, order, targets
        self._recorder, self._stop = recorder, recorder.stop
        self._slots = asyncio.Semaphore(concurrency)
        self._merges = merge_concurrency
        self._health = health or HealthCheck()
        self._outcomes: list[Outcome] = []
        self.result = JobResult()

    async def run(self, vms: list[VM]) -> JobResult:
        """Does it; errors of single VMs are in the result.

        Raises:
            NothingToDo: no VM, or no repository.
        """
        if not vms:
            raise NothingToDo("no VM on the host is meant by this job")
        if not any(target.dead is None for target in self._targets):
            raise NothingToDo("none of the job's repositories can be opened")
        for name in await remove_leftovers(self._api):
            self._recorder.note(f"removed what a restore that was killed had left: {name}")
        async with asyncio.TaskGroup() as group:
            for vm in vms:
                group.create_task(self._one(vm))
        if not self._stop.is_set():
            await self._merge([vm.uuid for vm in vms])
            await self._try_out()
        if self._stop.is_set():
            self._outcomes.append("cancelled")
        self.result.outcome = worst(self._outcomes)
        return self.result

    async def _one(self, vm: VM) -> None:
        async with self._slots:
            if self._stop.is_set():
                return
            item = self._recorder.item("vm", vm.name_label, uuid=vm.uuid)
            backup = VmBackup(self._api, vm, self._order, self._targets, self._recorder, item)
            outcome, error = await self._outcome_of(backup)
            facts: dict[str, str] = {}
            for name, made in backup.result.backups.items():
                facts[f"backup in {name}"] = made.id
            self._recorder.done(item, outcome, error=error, facts=facts)
            self._outcomes.append(outcome)
            self.result.vms.append(backup.result)
            if error:
                self.result.errors.append(f"{vm.name_label}: {error}")

    async def _outcome_of(self, backup: VmBackup) -> tuple[Outcome, str]:
        try:
            result = await backup.run()
        except Cancelled:
            return "cancelled", ""
        except (BackupError, XenApiError) as error:
            if self._stop.is_set():
                return "cancelled", ""
            return "failure", str(error)
        if result.errors:
            return "failure", "; ".join(f"{n}: {e}" for n, e in result.errors.items())
        return ("warning" if result.warnings else "success"), ""

    # Afterwards

    async def _merge(self, vm_uuids: list[str]) -> None:
        for target in self._targets:
            if target.dead is not None:
                continue
            item = self._recorder.item("merge", f"Merge in {target.name}", unit="blocks")
            outcome, error = await self._merge_one(target, vm_uuids, item)
            self._outcomes.append(outcome)
            if error:
                self.result.errors.append(f"{target.name}: {error}")
            self._recorder.done(item, outcome, error=error)

    async def _merge_one(
        self, target: Target, vm_uuids: list[str], item: str
    ) -> tuple[Outcome, str]:
        news = MergeNews(self._recorder, item)
        try:
            outcomes = await asyncio.to_thread(
                merge_repository,
                target.url,
                target.key,
                vm_uuids=vm_uuids,
                concurrency=self._merges,
                budget_s=target.budget_s,
                progress=news,
                stop=self._stop,
            )
        except Cancelled:
            return "cancelled", ""
        except BackupError as error:
            return "warning", f"the merge did not work, the next run tries again: {error}"
        errors = [error for outcome in outcomes for error in outcome.errors]
        return ("warning", "; ".join(errors)) if errors else ("success", "")

    async def _try_out(self) -> None:
        if not self._health.enabled:
            return
        for vm in self.result.vms:
            name = next(iter(vm.backups), None)
            target = next((t for t in self._targets if t.name == name), None)
            if name is None or target is None or self._stop.is_set():
                continue
            item = self._recorder.item("health", f"Health check of {vm.vm_name}", uuid=vm.vm_uuid)
            outcome: Outcome = "success"
            error = ""
            try:
                await check_health(
                    self._api,
                    target.repository,
                    vm.backups[name],
                    sr=self._health.sr_uuid,
                    timeout_s=self._health.timeout_s,
                    told=lambda text, item=item: self._recorder.note(text, id=item),  # type: ignore[misc]
                    stop=self._stop,
                )
            except Cancelled:
                outcome = "cancelled"
            except (BackupError, XenApiError) as caught:
                outcome, error = "failure", str(caught)
                self.result.errors.append(f"{vm.vm_name}: health check: {error}")
            self._recorder.done(item, outcome, error=error)
            self._outcomes.append(outcome)


class MergeNews:
    """Folds the progress of many chains into one part of a run."""

    def __init__(self, recorder: Recorder, item: str) -> None:
        self._recorder, self._item = recorder, item
        self._chains: dict[str, tuple[int, int]] = {}

    def __call__(self, news: MergeProgress) -> None:
        """Takes what one chain tells."""
        self._chains[news.path] = (news.done, news.total)
        done = sum(done for done, _ in self._chains.values())
        total = sum(total for _, total in self._chains.values())
        self._recorder.progress(self._item, done, total=total)
