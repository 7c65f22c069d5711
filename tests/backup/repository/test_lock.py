"""Only one at a time changes a VM's folder, and nobody waits for the dead."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.backup.repository.small import VM, in_memory, three
from tests.conftest import ROOT
from xolite_qt.backup.errors import Busy, Cancelled
from xolite_qt.backup.repository import Repository, forget
from xolite_qt.backup.storage.local import LocalStorage

_HOLD = """
import sys, time
from pathlib import Path
from xolite_qt.backup.repository import Repository
from xolite_qt.backup.storage.local import LocalStorage

with Repository.open(LocalStorage(Path(sys.argv[1]))).lock_vm(sys.argv[2], "another run"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds the lock of the VM until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(root), VM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"held\n"
        yield process
    finally:
        process.kill()
        process.stdin.close()
        process.stdout.close()
        process.wait()


def end(process: subprocess.Popen[bytes]) -> None:
    """Lets it go in peace."""
    assert process.stdin is not None
    process.stdin.close()
    process.wait(10)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.create(LocalStorage(tmp_path / "r"))


def lock_of(repository: Repository) -> Path:
    assert isinstance(repository.storage, LocalStorage)
    return repository.storage.root / "xo-vm-backups" / f"{VM}.lock"


def test_one_process_at_a_time(repository: Repository) -> None:
    lock = lock_of(repository)
    with another_process(lock.parents[1]) as other:
        began = time.monotonic()
        with pytest.raises(Busy, match=f"another run.*process {other.pid}"):
            repository.lock_vm(VM, "test").__enter__()
        assert time.monotonic() - began < 1
        assert lock.is_dir()
        end(other)
        with repository.lock_vm(VM, "test", wait_s=5):
            assert lock.is_dir()
    assert not lock.exists()


def test_whoever_waits_gets_it(repository: Repository) -> None:
    with another_process(lock_of(repository).parents[1]) as other:
        timer = threading.Timer(0.5, end, [other])
        timer.start()
        with repository.lock_vm(VM, "test", wait_s=10) as lost:
            assert other.wait(10) == 0
            assert not lost.is_set()
        timer.join()


def test_the_lock_of_a_killed_process_is_taken_at_once(repository: Repository) -> None:
    with another_process(lock_of(repository).parents[1]) as other:
        other.kill()
        other.wait()
        assert lock_of(repository).is_dir()
        began = time.monotonic()
        with repository.lock_vm(VM, "test"):
            assert time.monotonic() - began < 1
    assert not lock_of(repository).exists()


def test_waiting_can_be_stopped(repository: Repository) -> None:
    stop = threading.Event()
    with another_process(lock_of(repository).parents[1]):
        timer = threading.Timer(0.3, stop.set)
        timer.start()
        with pytest.raises(Cancelled):
            repository.lock_vm(VM, "test", wait_s=60, stop=stop).__enter__()
        timer.join()


def test_xen_orchestras_lock_is_respected(repository: Repository) -> None:
    vm = three(repository)
    lock = lock_of(repository)
    lock.mkdir()
    with pytest.raises(Busy, match="Xen Orchestra"):
        forget(repository, list(vm.points), wait_s=0.3)
    assert lock.is_dir()
    vm.assert_reads()
    # Not touched for so long: whoever held it is gone.
    os.utime(lock, (time.time() - 11, time.time() - 11))
    with repository.lock_vm(VM, "test"):
        pass
    assert not lock.exists()


def test_xen_orchestra_took_over_from_a_dead_run_of_ours(repository: Repository) -> None:
    lock = lock_of(repository)
    with another_process(lock.parents[1]) as other:
        other.kill()
        other.wait()
    # It found the lock stale, and has its own now; our note of the dead run is still there.
    note = lock.parents[1] / ".xolite" / "locks" / f"{VM}.json"
    os.utime(note, (time.time() - 15, time.time() - 15))
    lock.rmdir()
    lock.mkdir()
    with pytest.raises(Busy, match="Xen Orchestra"):
        repository.lock_vm(VM, "test", wait_s=0.3).__enter__()
    assert lock.is_dir()


def test_many_threads_one_lock(repository: Repository) -> None:
    inside, most, done = 0, 0, 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, most, done
        with repository.lock_vm(VM, "test", wait_s=60):
            with guard:
                inside += 1
                most = max(most, inside)
            time.sleep(0.01)
            with guard:
                inside -= 1
                done += 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, done) == (1, 4)


def test_without_folders_too() -> None:
    repository = in_memory()
    with repository.lock_vm(VM, "one"), pytest.raises(Busy):
        repository.lock_vm(VM, "two").__enter__()
    with repository.lock_vm(VM, "two"):
        pass
