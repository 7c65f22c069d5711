"""Starting jobs when they are due. The agent and the window may both run: a run starts once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping

import filelock

from xolite_qt.backup.errors import BackupError
from xolite_qt.backup.runs.events import RunSpec
from xolite_qt.backup.runs.store import RunStore, is_at_work, is_starting

from .model import Job
from .schedule import CronError, last_run
from .store import JobStore

TICK_S = 30.0
# A run that is late by less than that counts as on time, whatever `catch_up` says.
_ON_TIME_S = 300.0
_LOOK_BACK_S = 400 * 86_400.0
_LATEST_RUNS = 500

Told = Callable[[str], None]
Start = Callable[[RunStore, RunSpec], object]


def due(job: Job, last_started_s: float | None, known_since_s: float, now_s: float) -> bool:
    """Whether a job is to start now.

    Args:
        job: which.
        last_started_s: when its schedule started it last, seconds since 1970.
        known_since_s: since when it has this schedule; times before that were not missed.
        now_s: now.

    Raises:
        CronError: its schedule cannot be used.
    """
    if not job.schedule.enabled:
        return False
    since_s = max(last_started_s or 0.0, known_since_s, now_s - _LOOK_BACK_S)
    planned_s = last_run(job.schedule.cron, job.schedule.timezone, now_s, since_s)
    if planned_s is None:
        return False
    return job.schedule.catch_up or now_s - planned_s < _ON_TIME_S


def last_starts(runs: Iterable[RunSpec]) -> dict[str, float]:
    """Per job when its schedule started it last."""
    found: dict[str, float] = {}
    for run in runs:
        if run.job_id is not None and run.kind == "backup" and run.by == "schedule":
            found[run.job_id] = max(found.get(run.job_id, 0.0), run.created_s)
    return found


def at_work(store: RunStore, runs: Iterable[RunSpec]) -> set[str]:
    """Jobs that run now, or are about to."""
    found = set()
    for run in runs:
        if run.job_id is None or run.job_id in found:
            continue
        folder = store.folder(run.id)
        if is_starting(folder, run.created_s) or is_at_work(folder):
            found.add(run.job_id)
    return found


def start_due(
    jobs: JobStore,
    runs: RunStore,
    start: Start,
    told: Told,
    *,
    now_s: float | None = None,
    troubles: Mapping[str, str] | None = None,
) -> list[RunSpec]:
    """Starts what is due, once, however many agents look at the same time.

    Args:
        jobs, runs: where they are.
        start: starts a run.
        told: hears of starts and of what cannot be started.
        now_s: seconds since 1970; the clock's where None.
        troubles: what was told already, by job, so that it is not told again.

    Returns:
        What was started.
    """
    now_s = time.time() if now_s is None else now_s
    runs.path.mkdir(parents=True, exist_ok=True)
    started: list[RunSpec] = []
    known = troubles if isinstance(troubles, dict) else {}
    try:
        with filelock.FileLock(runs.path / ".agent.lock", timeout=0):
            specs = runs.all(_LATEST_RUNS)
            starts, busy = last_starts(specs), at_work(runs, specs)
            for spoilt in jobs.troubles():
                if known.get(spoilt) is None:
                    told(spoilt)
                known[spoilt] = spoilt
            for job in jobs.all():
                if job.id in busy:
                    continue
                trouble = ""
                try:
                    if due(job, starts.get(job.id), jobs.saved_s(job.id), now_s):
                        spec = runs.create(
                            "backup", job.name, {"job_id": job.id}, job.id, by="schedule"
                        )
                        start(runs, spec)
                        started.append(spec)
                        told(f"started {job.name}")
                except CronError as error:
                    trouble = f"{job.name} is passed over: {error}"
                except BackupError as error:
                    trouble = f"{job.name} could not be started: {error}"
                if trouble and known.get(job.id) != trouble:
                    told(trouble)
                known[job.id] = trouble
    except filelock.Timeout:
        return started
    return started


def run_agent(
    stop: threading.Event,
    *,
    once: bool = False,
    told: Told = lambda _: None,
    jobs: JobStore | None = None,
    runs: RunStore | None = None,
    start: Start | None = None,
    tick_s: float = TICK_S,
) -> None:
    """Looks every half minute by the wall clock, so that a wake-up after sleep is seen at once.

    Args:
        stop: ends it.
        once: looks once.
        told: hears of starts and of what cannot be started.
        jobs, runs: the user's own where None.
        start: starts a run; in a process of its own where None.
        tick_s: seconds between two looks.
    """
    if start is None:
        from xolite_qt.backup.run.start import start_run

        start = start_run
    jobs, runs = jobs or JobStore(), runs or RunStore()
    troubles: dict[str, str] = {}
    while True:
        start_due(jobs, runs, start, told, troubles=troubles)
        if once or stop.wait(tick_s):
            return
