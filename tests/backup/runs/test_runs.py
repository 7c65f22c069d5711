"""Runs in folders: one process writes, others read, whatever becomes of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from xolite_qt.backup.runs.events import Event, Finished, Item, Progress, Started
from xolite_qt.backup.runs.recorder import RunRecorder
from xolite_qt.backup.runs.store import RunError, RunStore, is_at_work

WORKER = """
import sys, time
from pathlib import Path
from xolite_qt.backup.runs.recorder import RunRecorder
from xolite_qt.backup.runs.store import RunStore
store = RunStore(Path(sys.argv[1]))
with RunRecorder(store.writer(store.spec(sys.argv[2]))) as recorder:
    item = recorder.item("vm", "mail", total=100)
    print("begun", flush=True)
    recorder.stop.wait(30)
    recorder.done(item, "cancelled")
    recorder.finish("cancelled")
"""


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


def worker(store: RunStore, run_id: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(store.path), run_id], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    return process


def end(process: subprocess.Popen[bytes]) -> int:
    code = process.wait(10)
    assert process.stdout is not None
    process.stdout.close()
    return code


def test_what_was_told_is_read(store: RunStore) -> None:
    spec = store.create("backup", "Nightly", {"job_id": "j"}, "j", by="schedule")
    assert store.spec(spec.id) == spec
    follower = store.follow(spec.id)
    assert (follower.poll(), follower.alive) == ([], True)
    heard: list[Event] = []
    with RunRecorder(store.writer(spec), on_event=heard.append) as recorder:
        vm = recorder.item("vm", "mail <b>", uuid="u")
        disk = recorder.item("disk", "root", parent=vm, total=10)
        recorder.progress(disk, 5, transferred_bytes=5, written_bytes=3)
        recorder.note("slow", id=disk, level="warning")
        recorder.note("whole")
        recorder.done(disk, transferred_bytes=10, written_bytes=7, facts={"way": "nbd"})
        recorder.done(vm)
        assert follower.alive
        recorder.finish("success", result={"backups": []})
    assert follower.poll() == heard
    assert follower.poll() == []
    assert not follower.alive
    state = store.summary(spec.id)
    assert (state.outcome, state.pid) == ("success", os.getpid())
    assert [one.item.name for one in state.roots] == ["mail <b>"]
    assert [one.item.name for one in state.roots[0].children] == ["root"]
    assert (state.transferred_bytes, state.written_bytes) == (10, 7)
    assert [note.text for note in state.notes] == ["whole"]
    assert [note.text for note in state.items[disk].notes] == ["slow"]
    assert state.items[disk].facts == {"way": "nbd"}


def test_a_run_whose_process_was_killed_is_interrupted(store: RunStore) -> None:
    spec = store.create("backup", "Nightly")
    process = worker(store, spec.id)
    follower = store.follow(spec.id)
    follower.poll()
    assert follower.alive
    with pytest.raises(RunError, match="another process"):
        store.writer(spec)
    process.kill()
    assert end(process) == -signal.SIGKILL
    follower.poll()
    assert not follower.alive
    assert follower.state.outcome is None
    listed = subprocess.run(
        [sys.executable, "-m", "xolite_qt", "backup", "list", "--json"],
        capture_output=True,
        check=True,
        env={**os.environ, "XDG_DATA_HOME": str(_data_home(store))},
    )
    assert json.loads(listed.stdout)["runs"][0]["outcome"] == "interrupted"
    # It may be taken up again.
    with RunRecorder(store.writer(spec)) as recorder:
        recorder.finish("success")
    assert store.summary(spec.id).outcome == "success"


def _data_home(store: RunStore) -> Path:
    home = store.path.parent / "data"
    (home / "xolite-qt").mkdir(parents=True)
    (home / "xolite-qt" / "runs").symlink_to(store.path)
    return home


def test_a_cancel_file_stops_the_process(store: RunStore) -> None:
    spec = store.create("backup", "Nightly")
    process = worker(store, spec.id)
    began = time.monotonic()
    store.request_cancel(spec.id)
    assert end(process) == 0
    assert time.monotonic() - began < 2
    assert store.summary(spec.id).outcome == "cancelled"


def test_lines_that_are_not_whole_wait(store: RunStore) -> None:
    spec = store.create("backup", "Nightly")
    log = store.folder(spec.id) / "log.jsonl"
    follower = store.follow(spec.id)
    line = b'{"event":"note","at_s":1.0,"text":"\xc3\xa4h"}\n'
    for number in range(len(line)):
        with log.open("ab") as file:
            file.write(line[number : number + 1])
        found = follower.poll()
        assert len(found) == (number == len(line) - 1)
    assert follower.state.notes[0].text == "äh"


def test_lines_that_nobody_understands_hide_no_others(store: RunStore) -> None:
    spec = store.create("backup", "Nightly")
    good = b'{"event":"started","at_s":1.0,"pid":1,"version":"1"}\n'
    bad = [
        b"\n",
        b"{\n",
        b"\xff\xfe\n",
        b'{"event":"note","at_s":1.0,"text":"\xff"}\n',
        b'{"event":"of tomorrow","at_s":1.0}\n',
        b'{"event":"item_done","at_s":1.0,"id":"none","outcome":"success"}\n',
        b'{"event":"progress","at_s":1.0,"id":"none","done":1}\n',
        b"\0" * 4096 + b"\n",
    ]
    finished = b'{"event":"finished","at_s":2.0,"outcome":"success"}\n'
    (store.folder(spec.id) / "log.jsonl").write_bytes(good + b"".join(bad) + finished)
    state = store.summary(spec.id)
    assert (state.pid, state.outcome) == (1, "success")


def test_progress_is_throttled_and_the_last_one_is_kept(store: RunStore) -> None:
    spec = store.create("backup", "Nightly")
    with RunRecorder(store.writer(spec)) as recorder:
        item = recorder.item("disk", "root", total=1000)

        def work() -> None:
            for number in range(1000):
                recorder.progress(item, number)

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        recorder.progress(item, 999, transferred_bytes=77)
        recorder.done(item)
    follower = store.follow(spec.id)
    events = follower.poll()
    told = [event for event in events if isinstance(event, Progress)]
    assert 1 <= len(told) <= 4
    assert (told[-1].done, told[-1].transferred_bytes) == (999, 77)
    assert follower.state.items[item].transferred_bytes == 77
    assert isinstance(events[0], Started)
    assert isinstance(events[1], Item)


def test_a_log_that_cannot_be_written_ends_no_run(store: RunStore) -> None:
    spec = store.create("backup", "Nightly")
    writer = store.writer(spec)
    with RunRecorder(writer) as recorder:
        full = open("/dev/full", "ab")  # noqa: SIM115 - the writer closes it
        writer._file.close()
        writer._file = full
        item = recorder.item("disk", "root")
        recorder.done(item)
        recorder.finish("success")
        assert recorder.state.outcome == "success"
    assert not is_at_work(store.folder(spec.id))


def test_many_runs(store: RunStore) -> None:
    specs = [store.create("backup", f"Run {number}") for number in range(8)]
    assert len({spec.id for spec in specs}) == 8
    (store.path / "not a run").mkdir()
    spoilt = store.folder(specs[0].id) / "spec.json"
    spoilt.write_bytes(b"{\xff")
    assert len(store.all()) == 7
    assert len(store.all(3)) == 3
    with pytest.raises(RunError, match="cannot be read"):
        store.spec(specs[0].id)
    for name in ("", "..", "../x", "20260101T000000Z-zzzzzzzz"):
        with pytest.raises(RunError, match="is no run"):
            store.folder(name)
    ids = sorted((spec.id for spec in specs), reverse=True)
    with store.writer(specs[ids.index(ids[-1])]):
        store.delete_old(2)
        left = {path.name for path in store.path.iterdir()}
        assert set(ids[:2]) <= left
        assert specs[ids.index(ids[-1])].id in left
        assert len(left) <= 4


def test_one_run_of_a_job_at_a_time(store: RunStore) -> None:
    again = RunStore(store.path)
    with (
        store.only_one_of("job") as first,
        again.only_one_of("job") as second,
        store.only_one_of("other") as third,
    ):
        assert (first, second, third) == (True, False, True)
    with again.only_one_of("job") as fourth:
        assert fourth


def test_the_last_word_counts(store: RunStore) -> None:
    spec = store.create("check", "Check")
    with store.writer(spec) as writer:
        writer.write(Finished(at_s=1.0, outcome="failure", error="x"))
    state = store.summary(spec.id)
    assert (state.outcome, state.error) == ("failure", "x")
