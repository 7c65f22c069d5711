"""Runs that meet trouble: what can be saved is, the rest is told, and nothing half stays."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from xolite_qt.backup.errors import AccessDenied, NoSpace, RepositoryError, WrongKey
from xolite_qt.backup.jobs.model import NbdSettings
from xolite_qt.backup.repository import check
from xolite_qt.backup.run.adhoc import NoSuchVm, find_vms
from xolite_qt.backup.run.job import JobRun, NothingToDo
from xolite_qt.backup.run.targets import Target, open_target
from xolite_qt.backup.runs.events import Event, Item, Note, Progress
from xolite_qt.backup.runs.recorder import RunRecorder
from xolite_qt.backup.storage import folder_lock
from xolite_qt.backup.storage.local import LocalStorage

from .places import KEY, MIB, Place, an_order


def files(folder: Path) -> list[str]:
    """Everything in a repository."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


class Breaking:
    """A repository in a folder whose writes fail from some moment on."""

    def __init__(
        self, target: Target, monkeypatch: pytest.MonkeyPatch, error: Exception, after: int
    ) -> None:
        self.left, self.writes = after, 0
        storage = target.repository.storage
        assert isinstance(storage, LocalStorage)
        original = storage.write

        def write(path: str, *args: object, **more: object) -> None:
            self.left -= 1
            self.writes += 1
            if self.left < 0 and "/blocks/" in path:
                raise error
            original(path, *args, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(storage, "write", write)


async def test_one_of_two_repositories_breaks(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = place.open("good"), place.open("bad")
    await place.run(good, bad)
    await place.write(1, length=3 * MIB, offset=3 * MIB)
    with monkeypatch.context() as broken:
        Breaking(bad, broken, NoSpace("x", "the disk is full"), 2)
        result = await place.run(good, bad)
    assert result.outcome == "failure"
    assert result.errors == ["mail: bad: x: the disk is full"]
    assert set(result.vms[0].backups) == {"good"}
    assert "bad: x: the disk is full" in place.notes()
    place.one_base()
    assert len(await place.proven(good)) == 2
    assert len(await place.proven(bad)) == 1
    # Both get the next one: a full, as one has not what it would go on from.
    fresh = [place.open("good"), place.open("bad")]
    await place.write(2)
    result = await place.run(*fresh)
    assert (result.outcome, {d.kind for d in result.vms[0].disks}) == ("success", {"full"})
    await place.write(3)
    result = await place.run(*fresh)
    assert (result.outcome, {d.kind for d in result.vms[0].disks}) == ("success", {"delta"})
    for target, number in zip(fresh, (4, 3), strict=True):
        assert len(await place.proven(target)) == number
    place.one_base()


async def test_a_full_backup_into_two_repositories_of_which_one_breaks(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = place.open("good"), place.open("bad")

    class Full:
        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def write(self, _: bytes) -> None:
            raise NoSpace("x", "the disk is full")

    monkeypatch.setattr(bad.repository.storage, "open_write", lambda *_, **__: Full())
    result = await place.run(good, bad, order=an_order(mode="full"))
    assert (result.outcome, set(result.vms[0].backups)) == ("failure", {"good"})
    assert result.errors == ["mail: bad: x: the disk is full"]
    place.no_snapshot()
    assert len(await place.proven(good)) == 1
    assert await place.proven(bad) == []


async def test_access_denied_ends_the_part_of_a_repository(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = place.open()
    counted = Breaking(target, monkeypatch, AccessDenied("x", "refused"), 0)
    began = time.monotonic()
    result = await place.run(target)
    assert time.monotonic() - began < 5
    assert result.outcome == "failure"
    assert isinstance(target.dead, AccessDenied)
    # Not once for each of the blocks: threads that were at it see it at most once more.
    assert counted.writes < 20
    place.no_snapshot()


async def test_a_wrong_key_opens_nothing(place: Place) -> None:
    place.open(key=KEY)
    with pytest.raises(WrongKey):
        place.open(key=KEY[::-1])
    with pytest.raises(WrongKey):
        place.open()
    plain = place.open("plain")
    await place.run(plain)
    with pytest.raises(RepositoryError, match="only an empty repository"):
        open_target("plain", (place.folder / "plain").as_uri(), KEY)


async def test_no_such_vm(place: Place) -> None:
    with pytest.raises(NoSuchVm, match="the host has no VM 'nobody'"):
        await find_vms(place.api, ["nobody"])
    target = place.open()
    vm = (await find_vms(place.api, ["mail"]))[0]
    await place.api.call("VM.hard_shutdown", place.vm)
    await place.api.call("VM.destroy", place.vm)
    with RunRecorder(None) as recorder:
        result = await JobRun(place.api, an_order(), [target], recorder).run([vm])
        recorder.finish(result.outcome)
    assert result.outcome == "failure"
    assert len(result.errors) == 1
    assert result.errors[0].startswith("mail: ")
    with pytest.raises(NothingToDo):
        await JobRun(place.api, an_order(), [target], recorder).run([])


async def test_a_snapshot_that_the_host_refuses(place: Place) -> None:
    target = place.open()
    await place.run(target)
    before = [one["uuid"] for one in place.snapshots()]

    await place.api.call("VM.add_to_blocked_operations", place.vm, "snapshot", "not now")
    result = await place.run(target)
    assert result.outcome == "failure"
    assert "mail: " in result.errors[0]
    assert "not now" in result.errors[0]
    # The old base stays, and the next one goes on from it.
    assert [one["uuid"] for one in place.snapshots()] == before
    await place.api.call("VM.remove_from_blocked_operations", place.vm, "snapshot")
    await place.write(1)
    result = await place.run(target)
    assert {disk.kind for disk in result.vms[0].disks} == {"delta"}
    await place.proven(target)


@pytest.mark.parametrize(
    ("fault", "mode"),
    [
        ("cut_export", "incremental"),
        ("fail_export", "full"),
        ("drop_connections", "incremental"),
        ("drop_connections", "full"),
        ("expire", "incremental"),
    ],
)
async def test_a_host_that_fails_on_the_way(place: Place, fault: str, mode: str) -> None:
    target = place.open()
    await place.run(target)
    await place.write(1, length=3 * MIB, offset=3 * MIB)
    # More often than anybody tries again.
    if fault in ("cut_export", "fail_export"):
        getattr(place.faults, fault)(after_bytes=MIB, count=20)
    else:
        place.faults.limit_transfers(8 * MIB)

    left = [3]

    def trouble(event: Event) -> None:
        if isinstance(event, Progress) and event.done and left[0]:
            left[0] -= 1
            if fault == "drop_connections":
                loop.call_soon_threadsafe(place.faults.drop_connections)
            elif fault == "expire":
                loop.call_soon_threadsafe(place.faults.expire_sessions)

    loop = asyncio.get_running_loop()
    order = an_order(nbd=NbdSettings("off"), mode=mode)
    result = await place.run(target, order=order, on_event=trouble)
    place.faults.clear()
    if result.outcome == "failure":
        assert result.errors
        # The old base is there still.
        place.one_base()
    had_base = bool(place.snapshots())
    await place.proven(target)
    result = await place.run(target)
    assert (result.outcome, result.errors) == ("success", [])
    assert {disk.kind for disk in result.vms[0].disks} == {"delta" if had_base else "full"}
    place.one_base()
    await place.proven(target)


async def test_nbd_that_breaks_falls_back_to_the_export(place: Place) -> None:
    target = place.open()
    place.faults.refuse_nbd(count=100)
    result = await place.run(target)
    assert (result.outcome, {d.way for d in result.vms[0].disks}) == ("success", {"vhd-export"})
    assert place.notes()
    await place.write(1)
    place.faults.clear()
    result = await place.run(target)
    assert {(d.kind, d.way) for d in result.vms[0].disks} == {("delta", "nbd+cbt")}
    place.faults.refuse_nbd(count=100)
    result = await place.run(target, order=an_order(nbd=NbdSettings("on")))
    assert result.outcome == "failure"
    place.faults.clear()
    place.one_base()
    await place.proven(target)


async def test_a_lock_that_somebody_took_away_makes_no_backup(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_lock, "TOUCH_S", 0.1)
    target = place.open()
    uuid = place.db.get("VM", place.vm)["uuid"]
    lock = place.folder / "here" / "xo-vm-backups" / f"{uuid}.lock"
    place.faults.limit_transfers(2 * MIB)
    gone = threading.Event()

    def steal(event: Event) -> None:
        if isinstance(event, Progress) and not gone.is_set():
            gone.set()
            shutil.rmtree(lock)

    result = await place.run(target, on_event=steal)
    assert gone.is_set()
    assert result.outcome == "failure"
    assert "somebody else took the lock" in result.errors[0]
    assert await asyncio.to_thread(target.repository.backups) == []
    place.no_snapshot()


# Cancelling


def _stage(name: str, event: Event) -> bool:
    match name, event:
        case "begun", Item(kind="vm"):
            return True
        case "disk", Progress() | Item(kind="disk"):
            return isinstance(event, Progress)
        case "second disk", Item(kind="disk", name="mail disk 1"):
            return True
        case "export", Progress():
            return True
        case "told", Note():
            return True
        case _:
            return False


@pytest.mark.parametrize(
    ("stage", "second"),
    [
        ("begun", False),
        ("disk", False),
        ("second disk", True),
        ("export", False),
        ("full", False),
    ],
)
async def test_cancel(place: Place, stage: str, second: bool) -> None:
    target = place.open()
    if second:
        await place.run(target)
        await place.write(1, length=4 * MIB, offset=2 * MIB)
    place.faults.limit_transfers(4 * MIB)
    cancelled_s: list[float] = []
    recorder: RunRecorder

    def cancel(event: Event) -> None:
        if not cancelled_s and _stage("export" if stage == "full" else stage, event):
            cancelled_s.append(time.monotonic())
            recorder.stop.set()

    recorder = RunRecorder(None, on_event=cancel)
    nbd = NbdSettings("off" if stage == "export" else "auto")
    mode = "full" if stage == "full" else "incremental"
    result = await place.run(target, order=an_order(nbd=nbd, mode=mode), recorder=recorder)
    assert time.monotonic() - cancelled_s[0] < 2.5
    assert result.outcome == "cancelled"
    assert result.errors == []
    place.faults.clear()
    if second:
        place.one_base()
    else:
        place.no_snapshot()
    assert len(await place.proven(target)) == second
    report = await asyncio.to_thread(check, target.repository)
    assert report.notes == []
    result = await place.run(target)
    assert result.outcome == "success"
    assert {d.kind for d in result.vms[0].disks} == {"delta" if second else "full"}
    await place.proven(target)
    place.one_base()


async def test_cancel_while_another_has_the_lock(place: Place) -> None:
    target, other = place.open(), place.open()
    uuid = place.db.get("VM", place.vm)["uuid"]
    recorder = RunRecorder(None)
    with other.repository.lock_vm(uuid, "merge"):
        running = asyncio.ensure_future(place.run(target, recorder=recorder))
        await asyncio.sleep(0.5)
        began = time.monotonic()
        recorder.stop.set()
        result = await running
        assert time.monotonic() - began < 2.5
    assert result.outcome == "cancelled"
    place.no_snapshot()
    assert os.listdir(place.folder / "here")
