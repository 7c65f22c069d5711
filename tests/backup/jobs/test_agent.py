"""The agent: starts what is due, once, whoever else looks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from xolite_qt.backup.jobs.agent import run_agent, start_due
from xolite_qt.backup.jobs.model import HostRef, Job, Schedule
from xolite_qt.backup.jobs.store import JobStore
from xolite_qt.backup.runs.events import RunSpec
from xolite_qt.backup.runs.store import RunError, RunStore

DAY_S = 86_400.0

LOOKER = """
import sys, time
from pathlib import Path
from xolite_qt.backup.jobs.agent import start_due
from xolite_qt.backup.jobs.store import JobStore
from xolite_qt.backup.runs.store import RunStore
jobs, runs = JobStore(Path(sys.argv[1])), RunStore(Path(sys.argv[2]))
time.sleep(max(0.0, float(sys.argv[3]) - time.time()))
for _ in range(30):
    for spec in start_due(jobs, runs, lambda store, spec: None, lambda text: None):
        print(spec.id, flush=True)
"""


class Bench:
    """Stores in a folder, and what was started."""

    def __init__(self, folder: Path) -> None:
        self.jobs, self.runs = JobStore(folder / "jobs"), RunStore(folder / "runs")
        self.started: list[RunSpec] = []
        self.told: list[str] = []
        self.troubles: dict[str, str] = {}

    def job(self, ident: str = "a", *, age_s: float = 10 * DAY_S, cron: str = "* * * * *") -> Job:
        job = Job(
            id=ident,
            schedule_id="s",
            name=f"Job {ident}",
            host=HostRef("https://h"),
            schedule=Schedule(cron=cron),
        )
        self.jobs.save(job)
        then = time.time() - age_s
        os.utime(self.jobs.path / f"{ident}.json", (then, then))
        return job

    def start(self, runs: RunStore, spec: RunSpec) -> None:
        self.started.append(spec)

    def look(self, now_s: float | None = None) -> list[RunSpec]:
        return start_due(
            self.jobs, self.runs, self.start, self.told.append, now_s=now_s, troubles=self.troubles
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_what_is_due_is_started_once(bench: Bench) -> None:
    job = bench.job(cron="0 0 * * *")
    assert [spec.job_id for spec in bench.look()] == [job.id]
    assert bench.look() == []
    spec = bench.started[0]
    assert (spec.kind, spec.by, spec.params, spec.title) == (
        "backup",
        "schedule",
        {"job_id": "a"},
        "Job a",
    )
    assert bench.told == ["started Job a"]
    # After days of sleep: once, however many were missed.
    woke_s = time.time() + 5 * DAY_S
    with bench.runs.writer(spec):
        # Still at work: never a second one beside it.
        assert bench.look(woke_s) == []
    assert len(bench.look(woke_s)) == 1


def test_a_run_by_hand_holds_back_the_schedule(bench: Bench) -> None:
    job = bench.job()
    spec = bench.runs.create("backup", job.name, {"job_id": job.id}, job.id)
    # Its process has not even begun.
    assert bench.look() == []
    with bench.runs.writer(spec):
        assert bench.look() == []
    assert len(bench.look()) == 1


def test_two_agents_at_once_start_it_once(bench: Bench) -> None:
    for ident in "abc":
        bench.job(ident, cron="0 0 * * *")
    at_s = str(time.time() + 1.5)
    line = [sys.executable, "-c", LOOKER, str(bench.jobs.path), str(bench.runs.path), at_s]
    looking = [subprocess.Popen(line, stdout=subprocess.PIPE) for _ in range(3)]
    started: list[bytes] = []
    for process in looking:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        started += out.split()
    assert len(started) == 3
    assert {spec.job_id for spec in bench.runs.all()} == {"a", "b", "c"}
    assert len(bench.runs.all()) == 3


def test_troubles_are_told_once_and_hold_back_nobody(bench: Bench) -> None:
    bench.job("a", cron="99 * * * *")
    bench.job("b", cron="0 0 * * *")
    (bench.jobs.path / "c.json").write_text("{")
    assert [spec.job_id for spec in bench.look()] == ["b"]
    bench.look()
    assert len([text for text in bench.told if "passed over" in text]) == 1


def test_a_run_that_cannot_be_started_is_told(bench: Bench) -> None:
    bench.job("a")
    bench.job("b")

    def refuse(runs: RunStore, spec: RunSpec) -> None:
        raise RunError("no")

    assert start_due(bench.jobs, bench.runs, refuse, bench.told.append) == []
    assert bench.told == ["Job a could not be started: no", "Job b could not be started: no"]


def test_a_rare_job_beside_a_busy_one_starts_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last run is not among the newest any more, and then it is deleted."""
    bench.job("monthly", cron="0 0 1 * *", age_s=40 * DAY_S)
    assert len(bench.look()) == 1
    monkeypatch.setattr("xolite_qt.backup.jobs.agent._LATEST_RUNS", 3)
    for _ in range(4):
        time.sleep(0.01)
        bench.runs.create("backup", "Often", {}, "often", by="schedule")
    later_s = time.time() + 60
    assert bench.look(later_s) == []
    bench.runs.delete_old(0)
    assert bench.runs.all() == []
    assert bench.look(later_s) == []


@pytest.mark.parametrize("noted", ["", "soon", "nan", "\xff"])
def test_a_spoilt_note_of_a_start_holds_nothing_back(bench: Bench, noted: str) -> None:
    job = bench.job(cron="0 0 * * *")
    (bench.runs.path / ".jobs").mkdir(parents=True)
    (bench.runs.path / ".jobs" / f"{job.id}.start").write_text(noted, encoding="latin-1")
    assert len(bench.look()) == 1
    assert bench.look() == []


def test_a_folder_that_cannot_be_written_is_told_once_and_tried_again(bench: Bench) -> None:
    bench.job(cron="0 0 * * *")
    bench.runs.path.parent.mkdir(exist_ok=True)
    bench.runs.path.write_text("a file")
    assert (bench.look(), bench.look()) == ([], [])
    assert len(bench.told) == 1
    assert bench.told[0].startswith("no job can be started: ")
    bench.runs.path.unlink()
    assert len(bench.look()) == 1


def test_jobs_that_are_switched_off_or_new_wait(bench: Bench) -> None:
    bench.job("new", age_s=0.0, cron="0 0 1 1 *")
    assert bench.look() == []


def test_the_agent_ends_when_told(bench: Bench) -> None:
    bench.job(cron="0 0 * * *")
    stop = threading.Event()
    agent = threading.Thread(
        target=run_agent,
        args=(stop,),
        kwargs={"jobs": bench.jobs, "runs": bench.runs, "start": bench.start, "tick_s": 0.01},
    )
    agent.start()
    deadline = time.monotonic() + 5
    while not bench.started and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.set()
    agent.join(2)
    assert not agent.is_alive()
    assert len(bench.started) == 1
