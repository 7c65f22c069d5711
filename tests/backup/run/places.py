"""A demo host with a small VM, and runs of backups against it in this process."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xolite_qt.backup.jobs.model import HealthCheck, NbdSettings, Retention
from xolite_qt.backup.repository import Backup, check, verify
from xolite_qt.backup.restore import restore_disk_to_file
from xolite_qt.backup.run.adhoc import find_vms
from xolite_qt.backup.run.job import JobResult, JobRun
from xolite_qt.backup.run.targets import Target, open_target
from xolite_qt.backup.run.vm import VmOrder
from xolite_qt.backup.runs.events import Event
from xolite_qt.backup.runs.recorder import RunRecorder
from xolite_qt.backup.runs.state import RunState
from xolite_qt.demo_host import Running, start_demo_host
from xolite_qt.xen_api import MemoryPins, XenApi

MIB = 1 << 20
DISKS_BYTES = (12 * MIB, 8 * MIB)
VM_NAME = "mail"
KEY = "0123456789abcdef0123456789abcdef"
JOB, OTHER_JOB = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
SCHEDULE = "33333333-3333-4333-8333-333333333333"


@dataclass
class Place:
    """A host with one VM that is backed up.

    Attributes:
        running: the host.
        api: signed in to it.
        folder: for repositories and restored files.
        vm: reference of the VM.
        sums: what the guest had, SHA-256 by uuid of the disk, by the time of a backup.
        state: of the last run.
        targets: all that were opened, closed at the end.
    """

    running: Running
    api: XenApi
    folder: Path
    vm: str = ""
    sums: dict[int, dict[str, str]] = field(default_factory=dict)
    state: RunState = field(default_factory=RunState)
    targets: list[Target] = field(default_factory=list)

    @property
    def db(self) -> Any:
        """Of the host."""
        return self.running.host.db

    @property
    def faults(self) -> Any:
        """Of the host."""
        return self.running.host.faults

    def open(
        self, name: str = "here", *, key: str | None = None, vhd_files: bool = False
    ) -> Target:
        """A repository in a folder of this name."""
        url = (self.folder / name).as_uri()
        target = open_target(name, url, key, budget_s=2.0, vhd_files=vhd_files)
        self.targets.append(target)
        return target

    @property
    def disks(self) -> list[str]:
        """References of the VM's disks, in order of their devices."""
        return self.disks_of(self.vm)

    def disks_of(self, vm: str) -> list[str]:
        """References of a VM's disks, in order of their devices."""
        drives = [self.db.get("VBD", ref) for ref in self.db.get("VM", vm)["VBDs"]]
        found = [drive for drive in drives if drive["type"] == "Disk"]
        return [drive["VDI"] for drive in sorted(found, key=lambda one: int(one["userdevice"]))]

    async def write(
        self, seed: int, offset: int = 5 * MIB, length: int = 3000, disk: int | None = None
    ) -> None:
        """The guest writes a little onto one disk, or each."""
        data = random.Random(seed).randbytes(length)
        for vdi in self.disks if disk is None else [self.disks[disk]]:
            await asyncio.to_thread(self.running.host.disks.write, vdi, offset, data)

    async def guest_has(self) -> dict[str, str]:
        """SHA-256 of the disks, by their uuid."""
        found = {}
        for vdi in self.disks:
            sum_ = await asyncio.to_thread(self.running.host.disks.checksum, vdi)
            found[self.db.get("VDI", vdi)["uuid"]] = sum_
        return found

    async def run(
        self,
        *targets: Target,
        order: VmOrder | None = None,
        on_event: Callable[[Event], None] | None = None,
        recorder: RunRecorder | None = None,
        health: HealthCheck | None = None,
        vms: tuple[str, ...] = (VM_NAME,),
    ) -> JobResult:
        """Backs the VM up as a run does; nothing writes meanwhile."""
        sums = await self.guest_has()
        with recorder or RunRecorder(None, on_event=on_event) as recorder:
            job = JobRun(self.api, order or an_order(), list(targets), recorder, health=health)
            result = await job.run(await find_vms(self.api, vms))
            recorder.finish(result.outcome, error="; ".join(result.errors))
            self.state = recorder.state
        for vm in result.vms:
            for backup in vm.backups.values():
                self.sums[backup.timestamp_ms] = sums
        return result

    def notes(self) -> str:
        """Everything that the last run told."""
        items = [note for item in self.state.items.values() for note in item.notes]
        return "\n".join(note.text for note in [*self.state.notes, *items])

    async def proven(self, target: Target) -> list[Backup]:
        """Every backup restores to what the guest had, and the repository has no problems."""
        return await asyncio.to_thread(self._proven, target)

    def _proven(self, target: Target) -> list[Backup]:
        repository = target.repository
        for report in (check(repository), verify(repository)):
            assert report.problems == [], report.problems
            assert report.notes == [], report.notes
        backups = repository.backups()
        for backup in backups:
            if backup.mode == "full":
                continue
            for disk in backup.disks:
                out = self.folder / "restored.raw"
                restore_disk_to_file(repository, backup, disk, out)
                assert sha256(out) == self.sums[backup.timestamp_ms][disk.uuid], backup.id
                out.unlink()
        return backups

    def snapshots(self) -> list[dict[str, Any]]:
        """Records of the VM's snapshots."""
        return [self.db.get("VM", ref) for ref in self.db.get("VM", self.vm)["snapshots"]]

    def disk_snapshots(self) -> list[dict[str, Any]]:
        """Records of the snapshots of its disks."""
        refs = [ref for vdi in self.disks for ref in self.db.get("VDI", vdi)["snapshots"]]
        return [self.db.get("VDI", ref) for ref in refs]

    def counts(self) -> dict[str, int]:
        """How many of everything that a backup makes for a while are on the host."""
        return {kind: len(self.db.refs(kind)) for kind in ("VM", "VDI", "VBD")}

    def one_base(self, *, more: int = 0) -> None:
        """Exactly one snapshot of a job is on the host, whole, and nothing hangs anywhere."""
        found = self.snapshots()
        assert len(found) == 1 + more, [one["name_label"] for one in found]
        assert len(self.disk_snapshots()) == len(self.disks) * (1 + more)
        self.nothing_attached()

    def no_snapshot(self) -> None:
        """None is there, of the VM or of its disks, and nothing hangs anywhere."""
        assert [one["name_label"] for one in self.snapshots()] == []
        assert [one["name_label"] for one in self.disk_snapshots()] == []
        self.nothing_attached()

    def nothing_attached(self) -> None:
        """No disk hangs at the control domain, and no snapshot's disk is in use."""
        for vbd in self.db.records("VBD").values():
            domain = self.db.get("VM", vbd["VM"])
            assert not domain["is_control_domain"], vbd
            assert not (domain["is_a_snapshot"] and vbd["currently_attached"]), vbd


def an_order(**more: Any) -> VmOrder:
    """An incremental backup of the test's job."""
    known: dict[str, Any] = {
        "job_id": JOB,
        "schedule_id": SCHEDULE,
        "job_name": "test",
        "mode": "incremental",
        "nbd": NbdSettings(),
        "retention": Retention(last=7),
    }
    return VmOrder(**{**known, **more})


def sha256(path: Path) -> str:
    """Of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def small_images(folder: Path) -> dict[str, Path]:
    """Images for the disks of the VM; a part of each is empty."""
    made = {}
    for number, size_bytes in enumerate(DISKS_BYTES):
        path = folder / f"image-{number}.raw"
        with path.open("wb") as file:
            file.truncate(size_bytes)
            for at in range(0, size_bytes, 4 * MIB):
                file.seek(at)
                file.write(random.Random(at + number).randbytes(2 * MIB))
        made[f"{VM_NAME} disk {number}"] = path
    return made


def management_network(db: Any) -> str:
    """Reference of the network over which the host is managed."""
    return str(next(pif["network"] for pif in db.records("PIF").values() if pif["management"]))


@asynccontextmanager
async def a_place(folder: Path) -> AsyncIterator[Place]:
    """A host whose VM has two small disks."""
    async with start_demo_host(speed=0.001, disks=small_images(folder)) as running:
        pins = MemoryPins()
        async with XenApi(running.url, pins=pins, originator="test") as api:
            pins.accept(*api.address, running.fingerprint or "")
            await api.login(running.user, running.password)
            place = Place(running, api, folder)
            records = place.db.records("VM").items()
            place.vm = next(ref for ref, one in records if one["name_label"] == VM_NAME)
            await api.call("network.add_purpose", management_network(place.db), "nbd")
            try:
                yield place
            finally:
                for target in place.targets:
                    target.repository.storage.close()
