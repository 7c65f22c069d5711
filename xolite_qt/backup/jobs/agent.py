"""Starting jobs when they are due. The agent and the window may both run: a run starts once."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, MutableMapping

import filelock

from xolite_qt.backup.errors import BackupError
from xolite_qt.backup.runs.events import RunSpec
from xolite_qt.backup.runs.store import RunError, RunStore, is_at_work, is_starting

from .model import Job
from .schedule import CronError, last_run
from .store import JobStore

TICK_S = 30.0
# A run that is late by less than that counts as on time, whatever `catch_up` says.
_ON_TIME_S = 300.0
_LOOK_BACK_S = 400 * 86_400.0
_LATEST_RUNS = 500
_AHEAD_S = 86_400.0

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
    known = [at_s for at_s in (last_started_s or 0.0, known_since_s) if _is_believed(at_s, now_s)]
    since_s = max([now_s - _LOOK_BACK_S, *known])
    planned_s = last_run(job.schedule.cron, job.schedule.timezone, now_s, since_s)
    if planned_s is None:
        return False
    return job.schedule.catch_up or now_s - planned_s < _ON_TIME_S


def last_start(job_id: str, store: RunStore, runs: Iterable[RunSpec], now_s: float) -> float | None:
    """When a job's schedule started it last, seconds since 1970; None if it never did.

    Args:
        job_id: which.
        store: has a note of it, which outlives the runs.
        runs: the newest ones, for jobs of which there is no note.
        now_s: now.
    """
    times = [
        run.created_s
        for run in runs
        if run.job_id == job_id and run.kind == "backup" and run.by == "schedule"
    ]
    noted_s = store.last_start_s(job_id)
    if noted_s is not None:
        times.append(noted_s)
    return max((at_s for at_s in times if _is_believed(at_s, now_s)), default=None)


def _is_believed(at_s: float, now_s: float) -> bool:
    # After a clock that was a year ahead a job would not run for a year.
    return at_s <= now_s + _AHEAD_S


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
    troubles: MutableMapping[str, str] | None = None,
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
    known = troubles if troubles is not None else {}
    lock = filelock.FileLock(runs.path / ".agent.lock", timeout=0)
    try:
        runs.path.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except filelock.Timeout:
        return []
    except OSError as error:
        # A disk that is full now may have room at the next look.
        _tell_once(told, known, "", f"no job can be started: {error}")
        return []
    try:
        known.pop("", None)
        return _start_due(jobs, runs, start, told, now_s, known)
    finally:
        lock.release()


def _start_due(
    jobs: JobStore,
    runs: RunStore,
    start: Start,
    told: Told,
    now_s: float,
    known: MutableMapping[str, str],
) -> list[RunSpec]:
    started: list[RunSpec] = []
    specs = runs.all(_LATEST_RUNS)
    busy = at_work(runs, specs)
    for spoilt in jobs.troubles():
        _tell_once(told, known, spoilt, spoilt)
    for job in jobs.all():
        if job.id in busy:
            continue
        trouble = ""
        try:
            if due(job, last_start(job.id, runs, specs, now_s), jobs.saved_s(job.id), now_s):
                spec = runs.create("backup", job.name, {"job_id": job.id}, job.id, by="schedule")
                with contextlib.suppress(RunError):
                    # Until it is deleted the run itself says when it started.
                    runs.note_start(job.id, spec.created_s)
                start(runs, spec)
                started.append(spec)
                told(f"started {job.name}")
        except CronError as error:
            trouble = f"{job.name} is passed over: {error}"
        except BackupError as error:
            trouble = f"{job.name} could not be started: {error}"
        _tell_once(told, known, job.id, trouble)
    return started


def _tell_once(told: Told, known: MutableMapping[str, str], about: str, trouble: str) -> None:
    if trouble and known.get(about) != trouble:
        told(trouble)
    known[about] = trouble


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
