"""A demo host with a small VM, backups of it, and what is on the host."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from xolite_qt.backup.repository import Backup, Repository
from xolite_qt.backup.run.adhoc import adhoc_ids, find_vms
from xolite_qt.backup.run.job import JobRun
from xolite_qt.backup.run.targets import Target, open_target
from xolite_qt.backup.run.vm import VmOrder
from xolite_qt.backup.runs.recorder import RunRecorder
from xolite_qt.demo_host import Running, start_demo_host
from xolite_qt.xen_api import MemoryPins, XenApi

MIB = 1 << 20
DISKS, DISK_BYTES = 2, 24 * MIB
VM_NAME = "mail"


@dataclass
class Place:
    """A host with one VM that is backed up.

    Attributes:
        running: the host.
        api: signed in to it.
        target: the repository of the backups.
        vm: reference of the VM.
        disks: references of its disks, in order.
        checksums: of the disks, by id of the backup.
    """

    running: Running
    api: XenApi
    target: Target
    folder: Path
    vm: str = ""
    disks: list[str] = field(default_factory=list)
    checksums: dict[str, list[str]] = field(default_factory=dict)

    @property
    def db(self) -> Any:
        """Of the host."""
        return self.running.host.db

    @property
    def repository(self) -> Repository:
        """Of the backups."""
        return self.target.repository

    def disks_of(self, vm: str) -> list[str]:
        """References of a VM's disks, in order of their devices."""
        drives = [self.db.get("VBD", ref) for ref in self.db.get("VM", vm)["VBDs"]]
        found = [drive for drive in drives if drive["type"] == "Disk"]
        return [drive["VDI"] for drive in sorted(found, key=lambda one: int(one["userdevice"]))]

    async def sums(self, disks: list[str]) -> list[str]:
        """SHA-256 of disks."""
        return [await asyncio.to_thread(self.running.host.disks.checksum, vdi) for vdi in disks]

    async def back_up(
        self, mode: Literal["full", "incremental"] = "incremental", *, memory: bool = False
    ) -> Backup:
        """Backs the VM up as a run does; nothing writes meanwhile."""
        sums = await self.sums(self.disks)
        job_id, schedule_id = adhoc_ids([self.repository])
        order = VmOrder(
            job_id=job_id, schedule_id=schedule_id, job_name="test", mode=mode, memory=memory
        )
        with RunRecorder(None) as recorder:
            job = JobRun(self.api, order, [self.target], recorder)
            result = await job.run(await find_vms(self.api, [VM_NAME]))
            recorder.finish(result.outcome)
        assert result.errors == []
        backup = result.vms[0].backups[self.target.name]
        self.checksums[backup.id] = sums
        return backup

    async def write(self, seed: int, offset: int = 5 * MIB, length: int = 3000) -> None:
        """The guest writes a little onto each disk."""
        data = random.Random(seed).randbytes(length)
        for vdi in self.disks:
            await asyncio.to_thread(self.running.host.disks.write, vdi, offset, data)

    def things(self) -> dict[str, set[str]]:
        """What is on the host that a restore could leave."""
        kinds = ("VM", "VDI", "VBD", "VIF", "task")
        return {kind: set(self.db.refs(kind)) for kind in kinds}

    def marks(self) -> list[str]:
        """Names of whatever has a mark of a restore."""
        return [
            record["name_label"]
            for kind in ("VM", "VDI", "task")
            for record in self.db.records(kind).values()
            if any(key.startswith("xolite:restoring") for key in record["other_config"])
            or "xolite:cloning" in record["other_config"]
            or record["name_label"].startswith("[Restoring]")
        ]

    async def settled(self, before: dict[str, set[str]], within_s: float = 3.0) -> None:
        """Waits until the host has nothing of a restore that it did not have before."""
        deadline = time.monotonic() + within_s
        # The host tells nobody when it is done.
        while self.new_things(before) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        assert self.new_things(before) == []

    async def settled_but(self, before: dict[str, set[str]], name: str) -> None:
        """As `settled`, where one whole VM of this name may have come, with all that is its own."""
        made = {
            ref
            for ref in set(self.db.refs("VM")) - before["VM"]
            if self.db.get("VM", ref)["name_label"] in (name, VM_NAME)
        }
        allowed = {kind: set(refs) for kind, refs in before.items()}
        allowed["VM"] |= made
        for vm in made:
            record = self.db.get("VM", vm)
            allowed["VBD"] |= set(record["VBDs"])
            allowed["VIF"] |= set(record["VIFs"])
            allowed["VDI"] |= set(self.disks_of(vm))
        await self.settled(allowed)

    def new_things(self, before: dict[str, set[str]]) -> list[str]:
        """Names of what is there that was not."""
        found = []
        for kind, refs in before.items():
            for ref in set(self.db.refs(kind)) - refs:
                record = self.db.get(kind, ref)
                if kind == "task" and "Restore" not in record["name_label"]:
                    continue
                found.append(f"{kind} {record.get('name_label', record.get('device'))}")
        return found


def small_images(folder: Path, size_bytes: int = DISK_BYTES) -> dict[str, Path]:
    """Images for the disks of the VM; a part of each is empty."""
    made = {}
    for number in range(DISKS):
        path = folder / f"image-{number}.raw"
        with path.open("wb") as file:
            file.truncate(size_bytes)
            for at in range(0, size_bytes, 6 * MIB):
                file.seek(at)
                file.write(random.Random(at + number).randbytes(3 * MIB))
        made[f"{VM_NAME} disk {number}"] = path
    return made


@asynccontextmanager
async def a_place(folder: Path, size_bytes: int = DISK_BYTES) -> AsyncIterator[Place]:
    """A host whose VM has two disks, and an empty repository."""
    images = small_images(folder, size_bytes)
    async with start_demo_host(speed=0.001, disks=images) as running:
        pins = MemoryPins()
        url = (folder / "repository").as_uri()
        target = await asyncio.to_thread(open_target, "here", url, None)
        async with XenApi(running.url, pins=pins, originator="test") as api:
            pins.accept(*api.address, running.fingerprint or "")
            await api.login(running.user, running.password)
            place = Place(running, api, target, folder)
            records = place.db.records("VM").items()
            place.vm = next(ref for ref, one in records if one["name_label"] == VM_NAME)
            place.disks = place.disks_of(place.vm)
            try:
                yield place
            finally:
                target.repository.storage.close()


def command(place: Place, *more: str) -> list[str]:
    """A restore to the host as an admin types it."""
    password = place.folder / "password"
    password.touch(mode=0o600)
    password.write_text(place.running.password + "\n")
    where = ["--repo", (place.folder / "repository").as_uri()]
    host = ["--host", place.running.url, "--user", place.running.user]
    host += ["--password-file", str(password), "--fingerprint", place.running.fingerprint or ""]
    return ["-m", "xolite_qt", "restore", *where, *host, *more, "--json"]


def answer_of(out: bytes) -> dict[str, Any]:
    """What a command said with --json."""
    found = json.loads(out)
    assert isinstance(found, dict)
    return found
