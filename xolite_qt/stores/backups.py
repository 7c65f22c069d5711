"""What the backup pages live on: jobs, repositories, runs and points in time, out of files.

The window, the agent and the commands share those files, so nothing here is the truth for longer
than a second: each store looks again while somebody is subscribed, and not a moment longer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xolite_qt.backup.errors import BackupError
from xolite_qt.backup.runs.events import Event, RunSpec
from xolite_qt.backup.runs.state import RunState
from xolite_qt.stores.backup_catalogue import CatalogueStore, Open, RepositoryRowStore
from xolite_qt.stores.backup_rows import JobRow, RunRow, run_row, without_news
from xolite_qt.stores.base import Store, Subscription
from xolite_qt.stores.change import Change, StoreState
from xolite_qt.stores.polled import PERIOD_S, PolledStore
from xolite_qt.stores.task_owner import OwnedTasks

if TYPE_CHECKING:
    from pathlib import Path

    from xolite_qt.backup.jobs.model import Job, SavedRepository
    from xolite_qt.backup.jobs.store import JobStore, RepositoryStore
    from xolite_qt.backup.runs.store import RunFollower, RunStore

MOST_RUNS = 500
"""Runs shown, newest first."""
FOLLOW_S = 0.3
"""How often a run on screen is asked for news."""
AHEAD_S = 20.0
"""How often the next run of each job is computed anew."""

_ERRORS = (OSError, ValueError, BackupError)


@dataclass(frozen=True, slots=True)
class Saved:
    """A job or repository as a row of a store."""

    ref: str
    value: Any


class RunReader:
    """Reads the list of runs; used by one thread at a time.

    What a run that has ended says never changes, so it is read once; one that goes on is followed.
    """

    def __init__(self, files: RunStore) -> None:
        self._files = files
        self._ended: dict[str, RunRow] = {}
        self._followed: dict[str, RunFollower] = {}

    def read(self) -> Iterable[RunRow]:
        """All runs, newest first."""
        specs = self._files.all(MOST_RUNS)
        known = {spec.id for spec in specs}
        for gone in [ref for ref in self._followed if ref not in known]:
            del self._followed[gone]
        rows = []
        for spec in specs:
            row = self._ended.get(spec.id)
            if row is None:
                row = self._row(spec)
                if row.outcome is not None and row.outcome != "interrupted":
                    self._ended[spec.id] = row
            rows.append(row)
        return rows

    def _row(self, spec: Any) -> RunRow:
        follower = self._followed.get(spec.id)
        if follower is None:
            follower = self._files.follow(spec.id)
            alive = follower.alive
            row = run_row(spec, self._files.summary(spec.id), alive=alive)
            if row.outcome is not None:
                return row
            self._followed[spec.id] = follower
        # In this order: a process that ends in between has said so by then.
        alive = follower.alive
        follower.poll()
        row = run_row(spec, follower.state, alive=alive)
        if row.outcome is not None:
            self._followed.pop(spec.id, None)
        return row


class JobRowStore(Store[JobRow]):
    """Jobs with their last and next run."""

    def __init__(
        self,
        tasks: OwnedTasks,
        jobs: PolledStore[Saved],
        repositories: PolledStore[Saved],
        runs: PolledStore[RunRow],
        *,
        linger_s: float = 1.0,
    ) -> None:
        super().__init__("backup_jobs", linger_s=linger_s)
        self._owner = tasks
        self._sources: tuple[Store[Any], ...] = (jobs, repositories, runs)
        self._jobs, self._repositories, self._runs = jobs, repositories, runs
        self._holds: list[Subscription[Any]] = []
        self._clock: asyncio.Task[None] | None = None

    def retry(self) -> None:
        """Looks at the files now."""
        for source in self._sources:
            source.retry()

    def _begin(self) -> None:
        self._go(StoreState.LOADING)
        self._holds = [
            source.subscribe(lambda _change: self.refresh(), lambda _state: self.refresh())
            for source in self._sources
        ]
        self._clock = self._owner.spawn(self._tick(), "next runs of backup jobs")
        self.refresh()

    def _end(self) -> None:
        for hold in self._holds:
            hold.close()
        self._holds = []
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(AHEAD_S)
            self.refresh()

    def refresh(self) -> None:
        """Computes all rows: there are few, and none of it asks anybody."""
        failed = next((s for s in self._sources if s.state is StoreState.FAILED), None)
        if failed is not None and not failed.records:
            self._go(StoreState.FAILED, failed.error)
            return
        if any(source.state is StoreState.LOADING for source in self._sources):
            return
        newest: dict[str, RunRow] = {}
        active: dict[str, RunRow] = {}
        for run in sorted(self._runs.records.values(), key=lambda run: run.ref):
            if run.spec.job_id is None or run.spec.kind != "backup":
                continue
            if run.is_active:
                active[run.spec.job_id] = run
            else:
                newest[run.spec.job_id] = run
        rows = {
            saved.ref: self._row(saved.value, newest.get(saved.ref), active.get(saved.ref))
            for saved in self._jobs.records.values()
        }
        self._apply(rows, [ref for ref in self.records if ref not in rows])
        self._go(StoreState.READY)

    def _row(self, job: Job, last: RunRow | None, active: RunRow | None) -> JobRow:
        from xolite_qt.backup.jobs.schedule import CronError, next_runs

        trouble = ""
        next_s: float | None = None
        if job.schedule.enabled:
            try:
                coming = next_runs(job.schedule.cron, job.schedule.timezone, time.time(), 1)
                next_s = next((_seconds(when) for when in coming), None)
            except CronError as error:
                trouble = f"The schedule cannot be used: {error}"
        names = []
        for ref in job.repositories:
            saved = self._repositories.records.get(ref)
            if saved is None:
                trouble = trouble or "One of its repositories is no longer in the list"
            else:
                names.append(saved.value.name)
        if not job.repositories:
            trouble = trouble or "It has no repository"
        return JobRow(
            job.id,
            job,
            tuple(names),
            last,
            without_news(active) if active is not None else None,
            next_s,
            trouble,
        )


def _seconds(when: Any) -> float:
    return float(when.timestamp()) if hasattr(when, "timestamp") else float(when)


class RunWatch:
    """One run followed closely while it is on screen.

    Attributes:
        state: folded from what was read so far; changes in the caller's thread alone.
        row: the same in one line; None before the first look.
        error: why the log cannot be read; empty where it can.
    """

    def __init__(
        self,
        tasks: OwnedTasks,
        files: RunStore,
        run_id: str,
        on_news: Callable[[list[Event]], None],
    ) -> None:
        self.run_id = run_id
        self.state = RunState()
        self.row: RunRow | None = None
        self.error = ""
        self._files = files
        self._on_news = on_news
        self._task: asyncio.Task[None] | None = tasks.spawn(self._follow(), f"follow {run_id}")

    def close(self) -> None:
        """Looks no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    async def _follow(self) -> None:
        opened: tuple[RunSpec, RunFollower] | None = None
        while True:
            try:
                if opened is None:
                    opened = await asyncio.to_thread(self._open)
                spec, follower = opened
                alive, news = await asyncio.to_thread(_look, follower)
            except _ERRORS as error:
                self.error = str(error)
                self._on_news([])
                return
            self.state.apply(news)
            self.row = run_row(spec, self.state, alive=alive)
            if news or not self.row.is_active:
                self._on_news(news)
            if not self.row.is_active:
                return
            await asyncio.sleep(FOLLOW_S)

    def _open(self) -> tuple[RunSpec, RunFollower]:
        spec = next((s for s in self._files.all(MOST_RUNS) if s.id == self.run_id), None)
        if spec is None:
            raise FileNotFoundError("this run is no longer in the list")
        return spec, self._files.follow(self.run_id)


def _look(follower: RunFollower) -> tuple[bool, list[Event]]:
    alive = follower.alive
    return alive, list(follower.poll())


class BackupStores:
    """Everything about backups that pages subscribe to.

    Attributes:
        job_files, repository_files, run_files: the files themselves, for whoever changes them (in
            a thread).
        jobs: `JobRow`s.
        runs: `RunRow`s, the newest `MOST_RUNS`.
        repositories: `RepositoryRow`s; counts come as the repositories are read.
        points: `BackupRow`s of all repositories.
    """

    def __init__(
        self,
        config: Path | None = None,
        data: Path | None = None,
        *,
        open_repository: Open | None = None,
        linger_s: float = 1.0,
        period_s: float = PERIOD_S,
    ) -> None:
        """Stores that do nothing yet.

        Args:
            config: folder of jobs and repositories; the user's own where None.
            data: folder of runs; likewise.
            open_repository: opens a saved repository for reading; by default with the secrets of
                the keyring.
        """
        from xolite_qt.backup.jobs.store import JobStore, RepositoryStore
        from xolite_qt.backup.runs.store import RunStore

        self._tasks = OwnedTasks()
        self._job_troubles: tuple[str, ...] = ()
        self._repository_troubles: tuple[str, ...] = ()
        self.job_files: JobStore = JobStore(config and config / "jobs")
        self.repository_files: RepositoryStore = RepositoryStore(config and config / "repositories")
        self.run_files: RunStore = RunStore(data and data / "runs")
        self.saved_jobs: PolledStore[Saved] = PolledStore(
            "saved_jobs",
            self._tasks,
            tag=self.job_files.changed_tag,
            read=self._read_jobs,
            errors=_ERRORS,
            period_s=period_s,
            linger_s=linger_s,
        )
        self.saved_repositories: PolledStore[Saved] = PolledStore(
            "saved_repositories",
            self._tasks,
            tag=self.repository_files.changed_tag,
            read=self._read_repositories,
            errors=_ERRORS,
            period_s=period_s,
            linger_s=linger_s,
        )
        self.runs: PolledStore[RunRow] = PolledStore(
            "backup_runs",
            self._tasks,
            tag=None,
            read=RunReader(self.run_files).read,
            errors=_ERRORS,
            period_s=period_s,
            linger_s=linger_s,
        )
        self.jobs = JobRowStore(
            self._tasks, self.saved_jobs, self.saved_repositories, self.runs, linger_s=linger_s
        )
        self.points = CatalogueStore(
            self._tasks,
            self.saved_repositories,
            self.runs,
            open_repository=open_repository,
            linger_s=linger_s,
        )
        self.repositories = RepositoryRowStore(
            self.saved_repositories, self.runs, self.points, linger_s=linger_s
        )

    @property
    def troubles(self) -> tuple[str, ...]:
        """A sentence for each file of a job or repository that could not be understood."""
        return (*self._job_troubles, *self._repository_troubles)

    def _read_jobs(self) -> list[Saved]:
        self._job_troubles = tuple(self.job_files.troubles())
        return [Saved(job.id, job) for job in self.job_files.all()]

    def _read_repositories(self) -> list[Saved]:
        self._repository_troubles = tuple(self.repository_files.troubles())
        return [Saved(saved.id, saved) for saved in self.repository_files.all()]

    def watch(self, run_id: str, on_news: Callable[[list[Event]], None]) -> RunWatch:
        """Follows one run closely until the watch is closed."""
        return RunWatch(self._tasks, self.run_files, run_id, on_news)

    def known_repositories(self) -> list[SavedRepository]:
        """Those loaded now, by name."""
        values = [saved.value for saved in self.saved_repositories.records.values()]
        return sorted(values, key=lambda saved: (saved.name.casefold(), saved.id))

    def active_runs(self) -> list[RunRow]:
        """Those that go on, oldest first."""
        rows = [run for run in self.runs.records.values() if run.is_active]
        return sorted(rows, key=lambda run: run.ref)

    async def close(self) -> None:
        """Ends all subscriptions and looks no more."""
        for store in (self.repositories, self.points, self.jobs):
            store.close()
        for files in (self.runs, self.saved_repositories, self.saved_jobs):
            files.close()
        await self._tasks.close()


RunChange = Change[RunRow]
