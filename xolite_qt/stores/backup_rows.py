"""Rows of the backup pages: jobs, runs, repositories and points in time."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from xolite_qt.backup.jobs.model import Job, SavedRepository
from xolite_qt.backup.runs.events import Outcome, RunSpec
from xolite_qt.backup.runs.state import ItemState, RunState

if TYPE_CHECKING:
    from xolite_qt.backup.repository import Backup

STARTING_S = 30.0
"""So long a run whose process has not said anything yet counts as starting, not as dead."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in a list.

    Attributes:
        ref: the run's id.
        spec: what it was to do.
        started_s, ended_s: seconds since 1970, or None.
        outcome: None while it goes on; "interrupted" where its process is gone.
        error: one sentence.
        done, total: of all its disks, in bytes (or whatever its parts count); total 0 if unknown.
        read_bytes, transferred_bytes, written_bytes: of all its disks.
        speed_bytes_per_s: lately, over the wire, of all disks at work.
        now: what it is doing: the names of the parts at work.
        warnings: how many notes were more than information.
        vms: how many VMs it is about.
    """

    ref: str
    spec: RunSpec
    started_s: float | None = None
    ended_s: float | None = None
    outcome: Outcome | None = None
    error: str = ""
    done: int = 0
    total: int = 0
    read_bytes: int = 0
    transferred_bytes: int = 0
    written_bytes: int = 0
    speed_bytes_per_s: float = 0.0
    now: str = ""
    warnings: int = 0
    vms: int = 0

    @property
    def is_active(self) -> bool:
        """Whether it goes on."""
        return self.outcome is None

    @property
    def fraction(self) -> float | None:
        """0 to 1 while it goes on and its size is known."""
        if self.outcome is not None or not self.total:
            return None
        return min(1.0, self.done / self.total)

    @property
    def at_s(self) -> float:
        """When it began, or was asked for."""
        return self.started_s or self.spec.created_s


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job in a list.

    Attributes:
        ref: the job's id.
        job: as saved.
        repositories: names of its repositories; those that are no longer known are missing.
        last: its newest run, or None.
        active: its run that goes on, or None.
        next_s: when it runs next, seconds since 1970; None if never by itself.
        trouble: why it cannot run as it stands (an unknown repository, a bad schedule).
    """

    ref: str
    job: Job
    repositories: tuple[str, ...] = ()
    last: RunRow | None = None
    active: RunRow | None = None
    next_s: float | None = None
    trouble: str = ""

    @property
    def health(self) -> Outcome | None:
        """How its newest ended run went; None before the first."""
        return self.last.outcome if self.last is not None else None


@dataclass(frozen=True, slots=True)
class RepositoryRow:
    """A repository in a list.

    Attributes:
        ref: its id in our own list.
        saved: as saved.
        loading: it is being read.
        error: why it could not be read.
        advice: what may help.
        backups, vms: how many; None while unknown.
        used_bytes: by its backups; None while unknown.
        free_bytes: where it lies; None where nobody knows (S3).
        checked: its newest check or verification.
        active: a run at work in it.
    """

    ref: str
    saved: SavedRepository
    loading: bool = False
    error: str = ""
    advice: str = ""
    backups: int | None = None
    vms: int | None = None
    used_bytes: int | None = None
    free_bytes: int | None = None
    checked: RunRow | None = None
    active: RunRow | None = None


@dataclass(frozen=True, slots=True)
class BackupRow:
    """A point in time of a VM in a repository.

    Attributes:
        ref: unique over all repositories.
        repository: where it lies.
        backup: what it is.
        chain: how many links back to the last full one, itself included; 1 for a full.
    """

    ref: str
    repository: SavedRepository
    backup: Backup
    chain: int = 1


def run_row(spec: RunSpec, state: RunState, *, alive: bool, now_s: float | None = None) -> RunRow:
    """A run's row from its folded log.

    Args:
        alive: whether its process is there; one that is gone without a word was interrupted.
    """
    outcome = state.outcome
    if outcome is None and not alive:
        age_s = (time.time() if now_s is None else now_s) - spec.created_s
        if state.started_s is not None or age_s > STARTING_S:
            outcome = "interrupted"
    leaves = [item for item in state.items.values() if not item.children]
    counted = [item for item in leaves if item.total]
    unit = "bytes" if any(item.item.unit == "bytes" for item in counted) else None
    if unit is not None:
        counted = [item for item in counted if item.item.unit == unit]
    at_work = [item for item in leaves if item.outcome is None and outcome is None]
    return RunRow(
        ref=spec.id,
        spec=spec,
        started_s=state.started_s,
        ended_s=state.ended_s,
        outcome=outcome,
        error=state.error,
        done=sum(done_of(item) for item in counted),
        total=sum(item.total or 0 for item in counted),
        read_bytes=sum(item.read_bytes for item in leaves),
        transferred_bytes=state.transferred_bytes,
        written_bytes=state.written_bytes,
        speed_bytes_per_s=sum(item.speed_bytes_per_s or 0.0 for item in at_work),
        now=", ".join(item.item.name for item in at_work[:3]),
        warnings=sum(
            note.level != "info"
            for notes in (state.notes, *(item.notes for item in state.items.values()))
            for note in notes
        ),
        vms=sum(item.item.kind == "vm" for item in state.items.values()),
    )


def done_of(item: ItemState) -> int:
    """How much of a part counts as done; all of it once it has ended."""
    if item.outcome is not None:
        return item.total or item.done
    return min(item.done, item.total or item.done)


def without_news(row: RunRow) -> RunRow:
    """A run as it matters to a list of jobs: without the numbers that change all the time."""
    if row.outcome is not None:
        return row
    return replace(row, done=0, read_bytes=0, transferred_bytes=0, written_bytes=0, now="",
                   speed_bytes_per_s=0.0)  # fmt: skip
