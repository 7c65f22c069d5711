"""A saved job in a process of its own, which nobody holds, and the report that it sends."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from xolite_qt.backup.jobs.model import HostRef, Job, Report, SavedRepository, Selection
from xolite_qt.backup.jobs.store import JobStore, RepositoryStore
from xolite_qt.backup.run.execute import execute
from xolite_qt.backup.run.secrets import Secrets
from xolite_qt.backup.run.start import start_run
from xolite_qt.backup.runs.events import RunKind, RunSpec
from xolite_qt.backup.runs.recorder import RunRecorder
from xolite_qt.backup.runs.state import RunState
from xolite_qt.backup.runs.store import RunStore, is_at_work
from xolite_qt.credentials import host_account
from xolite_qt.trust import PinFile, default_pins_path

from .places import JOB, KEY, MIB, SCHEDULE, Place


class Desk:
    """A user's own jobs, repositories, pins and runs, and the secrets of them."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.jobs, self.repositories, self.runs = JobStore(), RepositoryStore(), RunStore()
        self.host = HostRef(place.running.url, place.running.user, "demo")
        account = host_account(self.host.url, self.host.user)
        self.secrets = Secrets(hosts={account: place.running.password})
        pins = PinFile(default_pins_path())
        pins.accept(*place.api.address, place.running.fingerprint or "")

    def repository(self, name: str, *, encrypted: bool = False) -> str:
        """A saved one in a folder."""
        url = (self.place.folder / name).as_uri()
        saved = SavedRepository(id=name, name=name, url=url, encrypted=encrypted, write_budget_s=2)
        self.repositories.save(saved)
        if encrypted:
            self.secrets.keys[name] = KEY
        return name

    def job(self, *repositories: str, **more: Any) -> Job:
        """A saved one for the VM."""
        uuid = self.place.db.get("VM", self.place.vm)["uuid"]
        known: dict[str, Any] = {
            "id": JOB,
            "schedule_id": SCHEDULE,
            "name": "Nightly",
            "host": self.host,
            "selection": Selection("chosen", (uuid,)),
            "repositories": repositories,
        }
        job = Job(**{**known, **more})
        self.jobs.save(job)
        return job

    def spec(self, kind: RunKind = "backup", **params: Any) -> RunSpec:
        """A run that nobody works on yet."""
        if kind == "backup":
            return self.runs.create(kind, "Nightly", {"job_id": JOB, **params}, JOB)
        return self.runs.create(kind, kind, params)

    async def over(self, spec: RunSpec, within_s: float = 30.0) -> RunState:
        """Waits for a run in another process."""
        deadline = time.monotonic() + within_s
        follower = self.runs.follow(spec.id)
        while follower.state.outcome is None:
            output = self.runs.folder(spec.id) / "output.txt"
            assert time.monotonic() < deadline, output.read_text()
            assert follower.alive, output.read_text()
            await asyncio.sleep(0.1)
            follower.poll()
        for _ in range(100):
            if not is_at_work(self.runs.folder(spec.id)):
                break
            await asyncio.sleep(0.05)
        return follower.state

    async def here(self, spec: RunSpec) -> RunState:
        """Works on a run in this process."""
        with RunRecorder(self.runs.writer(spec)) as recorder:
            await execute(spec, recorder, self.secrets)
        return self.runs.summary(spec.id)


@pytest.fixture
def desk(place: Place) -> Desk:
    return Desk(place)


async def test_a_detached_process_backs_up_verifies_and_merges(desk: Desk) -> None:
    place = desk.place
    desk.job(desk.repository("plain"), desk.repository("sealed", encrypted=True))
    spec = desk.spec()
    for number in range(2):
        await place.write(number)
        sums = await place.guest_has()
        spec = desk.spec() if number else spec
        pid = await asyncio.to_thread(start_run, desk.runs, spec, desk.secrets)
        state = await desk.over(spec)
        assert (state.outcome, state.error, state.pid) == ("success", "", pid)
        made = state.result["backups"]
        assert {one["repository"] for one in made} == {"plain", "sealed"}
        assert {d["kind"] for one in made for d in one["disks"]} == {"delta" if number else "full"}
        place.sums[made[0]["timestamp"]] = sums
    for target in (place.open("plain"), place.open("sealed", key=KEY)):
        assert len(await place.proven(target)) == 2
    place.one_base()
    folder = desk.runs.folder(spec.id)
    texts = [path.read_text() for path in folder.iterdir() if path.is_file()]
    assert not any(place.running.password in text or KEY in text for text in texts)
    for kind in ("verify", "check", "merge"):
        state = await desk.here(desk.spec(kind, repository_id="sealed"))
        assert (state.outcome, state.error) == ("success", "")


async def test_a_detached_run_is_cancelled_by_its_file(desk: Desk) -> None:
    desk.job(desk.repository("plain"))
    desk.place.faults.limit_transfers(2 * MIB)
    spec = desk.spec()
    await asyncio.to_thread(start_run, desk.runs, spec, desk.secrets)
    follower = desk.runs.follow(spec.id)
    deadline = time.monotonic() + 20
    while not any(item.done for item in follower.state.items.values()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
        follower.poll()
    desk.runs.request_cancel(spec.id)
    began = time.monotonic()
    state = await desk.over(spec)
    assert time.monotonic() - began < 3
    assert (state.outcome, state.error) == ("cancelled", "")
    desk.place.no_snapshot()


async def test_what_a_run_cannot_do_without_is_said(desk: Desk) -> None:
    state = await desk.here(desk.spec())
    assert (state.outcome, state.error) == ("failure", "the job is no longer there")
    desk.job()
    state = await desk.here(desk.spec())
    assert (state.outcome, state.error) == ("failure", "Nightly has no repository")
    desk.job(desk.repository("plain"))
    known, desk.secrets = desk.secrets, Secrets()
    state = await desk.here(desk.spec())
    assert state.outcome == "failure"
    assert state.error.startswith("the keyring has no password of root at https://127.0.0.1")
    desk.secrets = known
    state = await desk.here(desk.spec("verify", repository_id="nowhere"))
    assert state.error == "the repository is no longer in the list"
    state = await desk.here(desk.spec("restore", what=3))
    assert state.error.startswith("it is not said properly what to do")


async def test_a_repository_that_cannot_be_opened_is_no_success(desk: Desk) -> None:
    """The others get their backup all the same."""
    desk.repository("sealed", encrypted=True)
    desk.secrets.keys.clear()
    (desk.repositories.path / "spoilt.json").write_text("{")
    desk.job(desk.repository("plain"), "sealed", "gone", "spoilt")
    state = await desk.here(desk.spec())
    assert state.outcome == "failure"
    for what in ("no encryption key of the repository sealed", "no longer in the list", "spoilt"):
        assert what in state.error
    assert [made["repository"] for made in state.result["backups"]] == ["plain"]
    desk.place.one_base()


async def test_one_run_of_a_job_at_a_time(desk: Desk) -> None:
    desk.job(desk.repository("plain"))
    with desk.runs.only_one_of(JOB):
        state = await desk.here(desk.spec())
    assert (state.outcome, state.error) == ("skipped", "this job is at work already")
    assert (await desk.here(desk.spec())).outcome == "success"


# Reports


@contextmanager
def a_web_hook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address of a server for apprise, and what it got."""
    heard: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append(json.loads(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"json://127.0.0.1:{server.server_address[1]}/hook", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# It imports what Python is about to drop.
APPRISE = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@APPRISE
async def test_reports_say_what_was_done(desk: Desk) -> None:
    with a_web_hook() as (address, heard):
        desk.secrets.reports["ops"] = address
        repository = desk.repository("plain")
        desk.job(repository, report=Report("always", False, ("ops",)))
        assert (await desk.here(desk.spec())).outcome == "success"
        desk.job(repository, report=Report("failure", False, ("ops",)))
        assert (await desk.here(desk.spec())).outcome == "success"
        assert len(heard) == 1
        desk.job(repository, "gone", report=Report("failure", False, ("ops",)))
        assert (await desk.here(desk.spec())).outcome == "failure"
        desk.job(repository, report=Report("never", False, ("ops",)))
        assert (await desk.here(desk.spec())).outcome == "success"
    assert [one["type"] for one in heard] == ["success", "failure"]
    assert heard[0]["title"] == "Backup Nightly of demo succeeded"
    assert "mail disk 0: succeeded" in heard[0]["message"]
    assert "MiB transferred" in heard[0]["message"]
    assert "no longer in the list" in heard[1]["message"]
    assert heard[1]["title"] == "Backup Nightly of demo failed"
    assert desk.place.running.password not in json.dumps(heard)


@APPRISE
async def test_a_report_that_cannot_be_sent_fails_no_backup(desk: Desk) -> None:
    desk.secrets.reports |= {"away": "json://127.0.0.1:1/secret", "odd": "nonsense"}
    report = Report("always", False, ("away", "odd", "unknown"))
    desk.job(desk.repository("plain"), report=report)
    state = await desk.here(desk.spec())
    assert state.outcome == "success"
    said = [note.text for note in state.notes if note.level == "warning"]
    assert len(said) == 3
    assert not any("secret" in text for text in said)
