"""Merging a whole repository: its processes, who may have its locks, and how it ends."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import pytest

from tests.backup.merge.backups import KEY, Chains, assert_clean, four
from xolite_qt.backup.disks import Kind, read_alias
from xolite_qt.backup.disks.stored import DirectoryDisk, open_disk
from xolite_qt.backup.disks.writer import write_table
from xolite_qt.backup.errors import Cancelled
from xolite_qt.backup.merge import MergeProgress, merge_repository
from xolite_qt.backup.merge import repository as merge_module
from xolite_qt.backup.repository import Repository, check, forget
from xolite_qt.backup.repository.layout import yield_path
from xolite_qt.backup.storage.local import LocalStorage

KILLS = int(os.environ.get("XOLITE_KILLS", "6"))
VMS = [f"1111111{n}-0f5c-4d27-9dd9-2f4b3f1f8a10" for n in range(3)]
LONG = 350


def repository_at(root: Path, key: str | None = None, vms: int = 1) -> list[Chains]:
    """VMs with four backups each, of which the two oldest are forgotten."""
    repository = Repository.create(LocalStorage(root), key)
    found: list[Chains] = []
    for vm in VMS[:vms]:
        kinds = [Kind.DIRECTORY] if key else [Kind.DIRECTORY, Kind.FILE]
        found.append(four(repository, kinds[len(found) % len(kinds)], vm=vm))
    forget(repository, [backup_id for one in found for backup_id in one.ids[:2]])
    return found


def slow_one(root: Path) -> Chains:
    """A chain whose merge takes seconds: many blocks that have to be encoded anew."""
    from tests.backup.merge.test_chain import into_gzip

    repository = Repository.create(LocalStorage(root))
    chains = Chains(repository, Kind.DIRECTORY, vm=VMS[0])
    chains.add([0], LONG + 1)
    chains.add([1], LONG + 1)
    storage = repository.storage
    into_gzip(storage, read_alias(storage, chains.paths[1]))
    disk = open_disk(storage, chains.paths[1])
    assert isinstance(disk, DirectoryDisk)
    name = chains.contents[1][1]
    for index in range(2, LONG + 1):
        storage.link(disk.block_path(1), disk.block_path(index))
        chains.contents[1][index] = name
    entries = disk.header.max_table_entries
    write_table(storage, disk.data_path, list(range(1, LONG + 1)), entries, "gzip")
    shutil.rmtree(root / ".xolite" / "manifests")
    forget(repository, chains.ids[:1])
    return chains


@contextmanager
def merging(
    root: Path, stop: threading.Event
) -> Iterator[tuple[list[MergeProgress], list[object]]]:
    """A merge in a thread; gives its progress and, at the end, what it returned or raised."""
    told: list[MergeProgress] = []
    ended: list[object] = []

    def run() -> None:
        try:
            ended.append(
                merge_repository(
                    root.as_uri(), concurrency=1, parallel=1, progress=told.append, stop=stop
                )
            )
        except Cancelled as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait_until(lambda: bool(told) or bool(ended))
        assert not ended
        yield told, ended
    finally:
        stop.set()
        thread.join()


def wait_until(question: Callable[[], bool], seconds: float = 20.0) -> None:
    """Returns when the answer is yes."""
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def children_of(pid: int) -> set[int]:
    """Processes whose parent a process is."""
    found = set()
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                stat = Path(f"/proc/{name}/stat").read_text()
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == pid:
                found.add(int(name))
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("key", [None, KEY], ids=["clear", "encrypted"])
def test_several_vms_at_once(tmp_path: Path, key: str | None) -> None:
    root = tmp_path / "repository"
    chains = repository_at(root, key, vms=3)
    told: list[MergeProgress] = []
    outcomes = merge_repository(root.as_uri(), key, concurrency=2, progress=told.append)
    assert [outcome.vm_uuid for outcome in outcomes] == VMS
    assert [outcome.errors for outcome in outcomes] == [[], [], []]
    assert [outcome.blocks for outcome in outcomes] == [5, 5, 5]
    assert {one.vm_uuid for one in told if one.done == one.total == 5} == set(VMS)
    for one in chains:
        one.assert_reads(2)
        one.assert_reads(3)
    assert_clean(chains[0].repository)
    again = merge_repository(root.as_uri(), key)
    assert [outcome.merged for outcome in again] == [[], [], []]


def test_no_process_where_nothing_is_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chains = four(Repository.create(LocalStorage(tmp_path)), Kind.DIRECTORY)

    def refuse(_: str) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(multiprocessing, "get_context", refuse)
    assert merge_repository(tmp_path.as_uri())[0].merged == []
    chains.assert_reads(3)


def test_a_damaged_chain_is_told_and_the_others_merged(tmp_path: Path) -> None:
    chains = repository_at(tmp_path, vms=3)
    storage = chains[0].repository.storage
    lost = f"{read_alias(storage, chains[0].paths[1])}/blocks/0/5"
    storage.delete(lost)
    outcomes = merge_repository(tmp_path.as_uri(), concurrency=2)
    assert outcomes[0].errors == [
        f"{chains[0].paths[2]}: not merged: {lost}: is missing: this block of the disk is lost"
    ]
    assert [len(outcome.merged) for outcome in outcomes] == [0, 1, 1]


def test_stop_ends_it_within_two_seconds_and_leaves_no_process(tmp_path: Path) -> None:
    chains = slow_one(tmp_path)
    before, stop = children_of(os.getpid()), threading.Event()
    with merging(tmp_path, stop) as (_, ended):
        began = time.monotonic()
        stop.set()
        wait_until(lambda: bool(ended))
        seconds = time.monotonic() - began
    assert isinstance(ended[0], Cancelled)
    assert seconds < 2
    assert not children_of(os.getpid()) - before - trackers()
    chains.assert_reads(1)
    with chains.repository.lock_vm(VMS[0], "test"):
        pass


def trackers() -> set[int]:
    """Processes that Python itself keeps beside others."""
    from multiprocessing import resource_tracker

    pid = getattr(resource_tracker._resource_tracker, "_pid", None)
    return {pid} if pid else set()


def test_it_lets_go_of_a_vm_that_somebody_wants_and_goes_on_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A quick machine would be done before it looks.
    monkeypatch.setattr(merge_module, "_YIELD_LOOK_S", 0.1)
    chains = slow_one(tmp_path)
    storage = chains.repository.storage
    with merging(tmp_path, threading.Event()) as (told, ended):
        storage.write(yield_path(VMS[0]), b"")
        began = time.monotonic()
        with chains.repository.lock_vm(VMS[0], "backup", wait_s=10):
            seconds = time.monotonic() - began
            assert seconds < 4
            storage.delete(yield_path(VMS[0]))
            assert not ended
            assert told[-1].done < told[-1].total
            chains.assert_reads(1)
        wait_until(lambda: bool(ended))
    assert isinstance(ended[0], list)
    assert ended[0][0].errors == []
    assert len(ended[0][0].merged) == 1
    chains.assert_reads(1)


def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    chains = slow_one(tmp_path)
    before = children_of(os.getpid())
    with merging(tmp_path, threading.Event()) as (_, ended):
        workers = children_of(os.getpid()) - before - trackers()
        assert len(workers) == 1
        os.kill(workers.pop(), signal.SIGKILL)
        wait_until(lambda: bool(ended))
    assert isinstance(ended[0], list)
    assert ended[0][0].errors == []
    chains.assert_reads(1)


def test_it_can_be_killed_at_any_moment(tmp_path: Path) -> None:
    """After the next merge nothing is lost, and nothing is left over."""
    chance = random.Random(int(os.environ.get("XOLITE_SEED", uuid.uuid4().int % 10**6)))
    kinds = [None, KEY]
    origins = []
    for number, key in enumerate(kinds):
        origins.append((tmp_path / f"origin{number}", key))
        repository_at(origins[-1][0], key, vms=2)

    def one(number: int) -> None:
        origin, key = origins[number % len(origins)]
        kill_once(tmp_path / f"run{number}", origin, key, chance.random())

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(one, range(KILLS)))


def kill_once(root: Path, origin: Path, key: str | None, moment: float) -> None:
    shutil.copytree(origin, root)
    repository = Repository.open(LocalStorage(root), key)
    command = [sys.executable, "-m", "tests.backup.merge.merging_process", root.as_uri(), key or ""]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    out = cast("IO[str]", process.stdout)
    assert out.readline() == "begins\n"
    # Workers begin after a third of a second, and are done after half of one.
    time.sleep(0.2 + moment * 0.6)
    workers = children_of(process.pid)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 5
    while any(map(is_alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not [pid for pid in workers if is_alive(pid)], "workers outlive their parent"
    out.close()

    assert check(repository).problems == []
    outcomes = merge_repository(root.as_uri(), key, concurrency=1)
    assert [outcome.errors for outcome in outcomes] == [[], []]
    assert_clean(repository)
    shutil.rmtree(root)
