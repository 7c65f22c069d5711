"""Example jobs, repositories, backups and runs for the tour, as files in a folder of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from xolite_qt.backup.errors import Unreachable
from xolite_qt.backup.jobs.model import (
    HostRef,
    Job,
    Report,
    Retention,
    SavedRepository,
    Schedule,
    Selection,
)
from xolite_qt.backup.runs.events import (
    Event,
    Finished,
    Item,
    ItemDone,
    Note,
    Progress,
    RunSpec,
    Started,
)
from xolite_qt.ui.models.backup_inventory import VmChoice

if TYPE_CHECKING:
    from xolite_qt.stores.backup_catalogue import Readable
    from xolite_qt.stores.backups import BackupStores

_DAY_S = 86_400
_GIB = 1024**3
NIGHTLY, ARCHIVE, BY_HAND = (f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))
CELLAR, CLOUD = (f"00000000-0000-4000-8000-00000000001{n}" for n in (1, 2))


def open_example(saved: SavedRepository) -> Readable:
    """Opens an example repository: folders are there, everything else is out of reach.

    Raises:
        Unreachable: it is not a folder.
    """
    from xolite_qt.backup.repository import Repository
    from xolite_qt.backup.storage import open_storage

    if not saved.url.startswith("file:"):
        raise Unreachable("", "s3.eu-central-2.wasabisys.com did not answer within 20 s")
    return Repository.open(open_storage(saved.url))


def write_examples(
    stores: BackupStores, folder: Path, host: HostRef, vms: Sequence[VmChoice]
) -> Callable[[], None]:
    """Writes everything; blocks.

    Args:
        stores: whose files it becomes.
        folder: where the example repository lies.
        host: the connected one.
        vms: its VMs; backups are of the first few.

    Returns:
        What ends the run that goes on.
    """
    place = folder / "repository"
    place.mkdir()
    save = stores.repository_files.save
    save(SavedRepository(id=CELLAR, name="NAS in the cellar", url=f"file://{place}"))
    save(
        SavedRepository(
            id=CLOUD,
            name="Wasabi, encrypted",
            url="s3://s3.eu-central-2.wasabisys.com/example-backups/pool#eu-central-2",
            encrypted=True,
        )
    )
    for job in _jobs(host, vms):
        stores.job_files.save(job)
    for number, vm in enumerate(vms[:6]):
        _write_backups(place, vm, points=14 - 2 * number)
    return _write_runs(stores, vms)


def _jobs(host: HostRef, vms: Sequence[VmChoice]) -> tuple[Job, ...]:
    keep = Retention(last=7, weekly=4, monthly=6)
    return (
        Job(
            id=NIGHTLY,
            schedule_id=NIGHTLY,
            name="Nightly",
            host=host,
            selection=Selection("all_but", tags=("no-backup",)),
            repositories=(CELLAR,),
            schedule=Schedule("0 2 * * *", "Europe/Berlin"),
            retention=keep,
            full_interval=30,
        ),
        Job(
            id=ARCHIVE,
            schedule_id=ARCHIVE,
            name="Weekly archive",
            host=host,
            selection=Selection("tags", tags=("critical",)),
            mode="full",
            repositories=(CELLAR, CLOUD),
            schedule=Schedule("0 3 * * 0", "Europe/Berlin"),
            retention=Retention(last=4, monthly=12),
            report=Report("always", targets=("ops mail",)),
        ),
        Job(
            id=BY_HAND,
            schedule_id=BY_HAND,
            name="Before upgrades",
            host=host,
            selection=Selection(vms=tuple(vm.uuid for vm in vms[:2])),
            repositories=(CELLAR,),
            schedule=Schedule(enabled=False),
        ),
    )


def _write_backups(place: Path, vm: VmChoice, *, points: int) -> None:
    """Descriptions as a repository has them; the tour restores none, so no disks."""
    folder = place / "xo-vm-backups" / vm.uuid
    folder.mkdir(parents=True)
    night_s = int(time.time()) // _DAY_S * _DAY_S + 2 * 3600
    if night_s > time.time():
        night_s -= _DAY_S
    for back in range(points):
        made_s = night_s - back * _DAY_S
        key = back % 7 == 6 or back == points - 1
        stamp = datetime.fromtimestamp(made_s, UTC).strftime("%Y%m%dT%H%M%SZ")
        body = {
            "mode": "delta",
            "version": "2.0.0",
            "jobId": NIGHTLY,
            "scheduleId": NIGHTLY,
            "timestamp": made_s * 1000,
            "size": int((20 if key else 0.4 + back % 5 / 4) * _GIB),
            "tags": [],
            "vm": {
                "uuid": vm.uuid,
                "name_label": vm.name,
                "name_description": "",
                "VCPUs_at_startup": "2",
                "memory_dynamic_max": str(4 * _GIB),
            },
            "vifs": {
                "vif-0": {
                    "uuid": f"{vm.uuid[:-1]}0",
                    "device": "0",
                    "MAC": "52:54:00:12:34:56",
                    "$network$name_label": "Pool-wide network",
                }
            },
            "vdis": {
                disk.uuid: {
                    "uuid": f"{disk.uuid[:-1]}{back % 10}",
                    "$snapshot_of$uuid": disk.uuid,
                    "name_label": disk.name,
                    "virtual_size": disk.size_bytes,
                }
                for disk in vm.disks
            },
            "vhds": {
                disk.uuid: f"vdis/{NIGHTLY}/{disk.uuid}/{stamp}.alias.vhd" for disk in vm.disks
            },
            "isVhdDifferencing": {disk.uuid: not key for disk in vm.disks},
        }
        (folder / f"{stamp}.json").write_bytes(msgspec.json.encode(body))


# ---------------------------------------------------------------------------- runs


class _Log:
    """The events of an example run, with a clock of its own."""

    def __init__(self, started_s: float) -> None:
        self.now_s = started_s
        self.events: list[Event] = [Started(started_s, 4711, "0.0.0")]

    def item(self, ident: str, kind: str, name: str, **more: Any) -> None:
        self.now_s += 1
        self.events.append(Item(at_s=self.now_s, id=ident, kind=kind, name=name, **more))

    def progress(self, ident: str, fraction: float, total: int) -> None:
        for step in (0.5, 0.75, 1.0):
            self.now_s += 3
            done = int(total * fraction * step)
            self.events.append(
                Progress(
                    at_s=self.now_s,
                    id=ident,
                    done=done,
                    read_bytes=done,
                    transferred_bytes=done // 3,
                    written_bytes=done // 5,
                )
            )

    def done(
        self, ident: str, outcome: Any = "success", *, seconds: float = 40, **more: Any
    ) -> None:
        self.now_s += seconds
        self.events.append(ItemDone(at_s=self.now_s, id=ident, outcome=outcome, **more))

    def note(self, ident: str | None, text: str, level: Any = "info") -> None:
        self.events.append(Note(at_s=self.now_s, text=text, id=ident, level=level))

    def finished(self, outcome: Any, error: str = "") -> None:
        self.now_s += 1
        self.events.append(Finished(at_s=self.now_s, outcome=outcome, error=error))


def _vm_done(log: _Log, number: int, vm: VmChoice, *, way: str = "nbd+cbt") -> None:
    top = f"vm{number}"
    log.item(top, "vm", vm.name, uuid=vm.uuid)
    for at, disk in enumerate(vm.disks):
        ident = f"{top}.d{at}"
        log.item(ident, "disk", disk.name, parent=top, uuid=disk.uuid, total=disk.size_bytes)
        read = disk.size_bytes // 20
        log.done(
            ident,
            read_bytes=disk.size_bytes,
            transferred_bytes=read,
            written_bytes=read // 2,
            facts={"way": way},
        )
    log.done(top, seconds=1)


def _write_runs(stores: BackupStores, vms: Sequence[VmChoice]) -> Callable[[], None]:
    now_s = time.time()
    nightly = {"job_id": NIGHTLY}
    for days in (3, 2):
        log = _Log(now_s - days * _DAY_S)
        for number, vm in enumerate(vms[:5]):
            _vm_done(log, number, vm)
        log.finished("success")
        _ended(stores, "backup", "Nightly", log, job_id=NIGHTLY, by="schedule", params=nightly)
    log = _Log(now_s - 1.5 * _DAY_S)
    log.item("check", "repository", "NAS in the cellar", total=312, unit="items")
    log.done("check", seconds=95)
    log.finished("success")
    _ended(stores, "verify", "Verification of NAS in the cellar", log,
           params={"repository_id": CELLAR})  # fmt: skip
    log = _Log(now_s - _DAY_S)
    _vm_done(log, 0, vms[0])
    log.item("vm1", "vm", vms[1].name, uuid=vms[1].uuid)
    log.item("vm1.d0", "disk", vms[1].disks[0].name if vms[1].disks else "system", parent="vm1",
             total=32 * _GIB)  # fmt: skip
    log.note("vm1.d0", "No network of this pool serves NBD: the disk is exported", "warning")
    log.progress("vm1.d0", 0.4, 32 * _GIB)
    refused = "s3.eu-central-2.wasabisys.com did not answer within 600 s"
    log.done("vm1.d0", "failure", error=refused, details="Unreachable: connect timed out")
    log.done("vm1", "failure", error=refused, seconds=1)
    log.finished("failure", f"1 of 2 VMs failed: {refused}")
    _ended(stores, "backup", "Weekly archive", log, job_id=ARCHIVE, by="schedule",
           params={"job_id": ARCHIVE})  # fmt: skip
    log = _Log(now_s - 60)
    _vm_done(log, 0, vms[0])
    log.now_s = now_s - 20
    for number, vm in enumerate(vms[1:3], 1):
        log.item(f"vm{number}", "vm", vm.name, uuid=vm.uuid)
        for at, disk in enumerate(vm.disks[:2]):
            ident = f"vm{number}.d{at}"
            log.item(ident, "disk", disk.name, parent=f"vm{number}", total=disk.size_bytes)
    for number, vm in enumerate(vms[1:3], 1):
        for at, disk in enumerate(vm.disks[:2]):
            log.progress(f"vm{number}.d{at}", 0.2 + 0.3 * number - 0.1 * at, disk.size_bytes)
    return _going_on(stores, "Nightly", log, nightly)


def _spec(kind: Any, title: str, log: _Log, **more: Any) -> RunSpec:
    begun_s = log.events[0].at_s
    stamp = datetime.fromtimestamp(begun_s, UTC).strftime("%Y%m%dT%H%M%SZ")
    return RunSpec(
        id=f"{stamp}-{int(begun_s):08x}", kind=kind, title=title, created_s=begun_s, **more
    )


def _ended(stores: BackupStores, kind: str, title: str, log: _Log, **more: Any) -> None:
    spec = _spec(kind, title, log, **more)
    with stores.run_files.writer(spec) as out:
        for event in log.events:
            out.write(event)


def _going_on(
    stores: BackupStores, title: str, log: _Log, params: dict[str, Any]
) -> Callable[[], None]:
    spec = _spec("backup", title, log, job_id=NIGHTLY, params=params)
    out = stores.run_files.writer(spec)
    for event in log.events:
        out.write(event)
    return out.close
