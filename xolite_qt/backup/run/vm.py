"""Backing one VM up: a snapshot, its disks or an XVA into every repository, then tidying up."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Literal

from xolite_qt.backup.disks import DiskChain, StoredDisk, open_chain
from xolite_qt.backup.errors import BackupError, Busy, Cancelled, SourceUnavailable
from xolite_qt.backup.jobs.model import NbdSettings, Retention
from xolite_qt.backup.repository import Backup, BackupWriter, clean_vm, forget_locked
from xolite_qt.backup.retention import plan
from xolite_qt.backup.run.recorder import Recorder
from xolite_qt.backup.run.targets import Target, locked
from xolite_qt.backup.sources import Base, Disk, DiskSource, open_source
from xolite_qt.xen_api import VM, XenApi

from . import snapshots, tidying
from .disk import DiskCopy, DiskResult
from .snapshots import Known, Snapshot, SnapshotDisk
from .xva import copy_xva


@dataclass(frozen=True)
class VmOrder:
    """How a VM is backed up.

    Attributes:
        job_id, schedule_id: uuids.
        job_name: for the snapshot's name.
        mode: "incremental" or "full".
        nbd: how disks are read.
        compression: of XVA files.
        retention, timezone: what stays afterwards.
        full_interval: a full after so many incrementals; 0: never by itself.
        memory, offline: how the snapshot is taken.
    """

    job_id: str
    schedule_id: str
    job_name: str
    mode: Literal["incremental", "full"]
    nbd: NbdSettings = field(default_factory=NbdSettings)
    compression: Literal["zstd", "gzip", "none"] = "zstd"
    retention: Retention = field(default_factory=Retention)
    timezone: str = "UTC"
    full_interval: int = 0
    memory: bool = False
    offline: bool = False


@dataclass
class VmResult:
    """What became of a VM.

    Attributes:
        vm_uuid, vm_name: of it.
        backups: what was made, by the name of the repository.
        errors: why repositories have none.
        disks: of incrementals.
        removed: ids of older backups that went, by the name of the repository.
        warnings: what is not as it should be, though the backup is there.
    """

    vm_uuid: str
    vm_name: str
    backups: dict[str, Backup] = field(default_factory=dict)
    errors: dict[str, BackupError] = field(default_factory=dict)
    disks: list[DiskResult] = field(default_factory=list)
    removed: dict[str, list[str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


class VmBackup:
    """One backup of one VM."""

    def __init__(
        self,
        api: XenApi,
        vm: VM,
        order: VmOrder,
        targets: list[Target],
        recorder: Recorder,
        item: str,
    ) -> None:
        """Args:
        api: signed in.
        vm: what to back up.
        order: how.
        targets: where to; those that are dead are passed over.
        recorder: hears of it.
        item: id of the VM's part in the run.
        """
        self._api, self._vm, self._order = api, vm, order
        self._targets = [target for target in targets if target.dead is None]
        self._recorder, self._item = recorder, item
        self._stop = recorder.stop
        self._lost: dict[int, threading.Event] = {}
        self.result = VmResult(vm.uuid, vm.name_label)

    def _told(self, text: str) -> None:
        self._recorder.note(text, id=self._item)

    def _warned(self, text: str) -> None:
        self.result.warnings.append(text)
        self._recorder.note(text, id=self._item, level="warning")

    async def run(self) -> VmResult:
        """Does it. Errors of single repositories are in the result.

        Raises:
            BackupError: no repository has a backup.
            XenApiError: the host does not do it.
        """
        with ExitStack() as locks:
            try:
                await self._lock(locks)
                await self._backup()
            finally:
                await asyncio.shield(asyncio.to_thread(locks.close))
        return self.result

    async def _lock(self, locks: ExitStack) -> None:
        for target in list(self._targets):
            try:
                await asyncio.to_thread(self._enter, locks, target)
            except Cancelled:
                raise
            except BackupError as error:
                self._failed(target, error)
        self._any_left()

    def _enter(self, locks: ExitStack, target: Target) -> None:
        lock = locked(target, self._vm.uuid, "backup", self._stop)
        self._lost[id(target)] = locks.enter_context(lock)
        clean_vm(target.repository, self._vm.uuid, stop=self._stop)

    def _failed(self, target: Target, error: BackupError) -> None:
        target.judge(error)
        if target in self._targets:
            self._targets.remove(target)
        self.result.errors[target.name] = error
        self._recorder.note(f"{target.name}: {error}", id=self._item, level="error")

    def _any_left(self) -> None:
        if not self._targets:
            raise next(iter(self.result.errors.values()))

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise Cancelled

    # The whole

    async def _backup(self) -> None:
        api, order, vm = self._api, self._order, self._vm.ref
        await tidying.remove_unfinished(api, vm, order.job_id, self._told)
        known: dict[str, list[Known]] = {}
        if order.mode == "incremental":
            known = await snapshots.known_disks(api, vm, order.job_id)
            if order.nbd.use != "off":
                await snapshots.enable_tracking(api, vm, self._told)
        self._check_stop()
        timestamp_ms = await self._moment()
        marks = {
            "datetime": snapshots.datetime_mark(timestamp_ms),
            "job": order.job_id,
            "schedule": order.schedule_id,
            "vm": self._vm.uuid,
        }
        taken = await snapshots.take_snapshot(
            api,
            vm,
            label=f"[XO Backup {order.job_name}] {self._vm.name_label}",
            marks=marks,
            memory=order.memory,
            offline=order.offline,
            told=self._told,
        )
        kept = None
        try:
            snapshot = await snapshots.read_snapshot(api, vm, taken)
            if order.mode == "incremental":
                await self._incremental(snapshot, known, timestamp_ms, marks)
                kept = await self._keep(snapshot)
            else:
                await self._full(snapshot, timestamp_ms)
        except BaseException:
            await asyncio.shield(self._destroy(taken))
            raise
        tracking = order.mode == "incremental" and order.nbd.purge_snapshot_data
        if kept is None and not tracking:
            await self._destroy(taken)
        await tidying.remove_old(api, vm, order.job_id, kept, self._warned, tracking=tracking)
        # One that a killed run had asked for may have come into being only now.
        await tidying.remove_unfinished(api, vm, order.job_id, self._told)
        await asyncio.to_thread(self._retain)

    async def _destroy(self, snapshot: str) -> None:
        try:
            await tidying.destroy_snapshot(self._api, snapshot)
        except BackupError as error:
            self._warned(str(error))

    async def _moment(self) -> int:
        """Now, milliseconds since 1970, in a second of which there is no backup yet."""
        while True:
            now_ms = int(time.time() * 1000)
            taken = await asyncio.to_thread(self._seconds)
            if now_ms // 1000 not in taken:
                return now_ms
            await asyncio.sleep(0.1)

    def _seconds(self) -> set[int]:
        found = set()
        for target in list(self._targets):
            try:
                backups = target.repository.backups(self._vm.uuid)
            except BackupError as error:
                self._failed(target, error)
            else:
                found |= {backup.timestamp_ms // 1000 for backup in backups}
        self._any_left()
        return found

    async def _keep(self, snapshot: Snapshot) -> str | None:
        """The snapshot as the next base, unless only its tracking data stays."""
        if self._order.nbd.purge_snapshot_data and any(d.tracked for d in snapshot.disks):
            await tidying.keep_tracking_only(self._api, snapshot, self._warned)
            return None
        return snapshot.ref

    # Disks

    async def _incremental(
        self,
        snapshot: Snapshot,
        known: dict[str, list[Known]],
        timestamp_ms: int,
        marks: dict[str, str],
    ) -> None:
        """Writes all disks, and marks the snapshot as the next base."""
        writers = self._writers(snapshot, "delta", timestamp_ms)
        deltas = 0
        try:
            for disk in snapshot.disks:
                self._check_stop()
                base = await asyncio.to_thread(self._base_of, disk, known)
                result = await self._one_disk(disk, base, writers)
                self.result.disks.append(result)
                if result.base_uuid is not None and base is not None:
                    deltas = max(deltas, base[0].deltas + 1)
            for writer in writers.values():
                writer.set_devices(snapshot.vbds, snapshot.vifs, [])
            # Before the backups are there: if this process is killed in between, the next run finds
            # a base either way, as one counts only if the repositories have its disk.
            exported = {**marks, "deltaChainLength": str(deltas)}
            await snapshots.mark_exported(self._api, snapshot, exported)
            await self._finish(writers)
        finally:
            # Of repositories that failed, or of all.
            await asyncio.shield(asyncio.to_thread(self._abort, writers))

    def _writers(
        self, snapshot: Snapshot, mode: Literal["full", "delta"], timestamp_ms: int
    ) -> dict[int, BackupWriter]:
        made = {}
        for target in list(self._targets):
            try:
                made[id(target)] = target.repository.new_backup(
                    vm=snapshot.vm_record,
                    vm_snapshot=snapshot.record,
                    job_id=self._order.job_id,
                    schedule_id=self._order.schedule_id,
                    mode=mode,
                    timestamp_ms=timestamp_ms,
                )
            except BackupError as error:
                self._failed(target, error)
        self._any_left()
        return made

    def _base_of(
        self, disk: SnapshotDisk, known: dict[str, list[Known]]
    ) -> tuple[Known, dict[int, StoredDisk]] | None:
        """A snapshot on the host that is the newest disk in every repository; None: a full."""
        order = self._order
        for one in known.get(disk.origin_uuid, ()):
            if order.full_interval and one.deltas + 1 >= order.full_interval:
                self._told(f"{disk.name}: a full one is due after {one.deltas} incrementals")
                return None
            parents: dict[int, StoredDisk] = {}
            for target in self._targets:
                link = target.repository.newest_link(
                    self._vm.uuid, order.job_id, disk.origin_uuid, one.uuid, target.kind
                )
                if link is not None and link.size_bytes <= disk.size_bytes:
                    parents[id(target)] = link
            if len(parents) == len(self._targets):
                return one, parents
        if known.get(disk.origin_uuid):
            self._told(f"{disk.name}: not every repository has what its snapshot goes on from")
        return None

    async def _one_disk(
        self,
        disk: SnapshotDisk,
        base: tuple[Known, dict[int, StoredDisk]] | None,
        writers: dict[int, BackupWriter],
    ) -> DiskResult:
        item = self._recorder.item(
            "disk", disk.name, parent=self._item, uuid=disk.origin_uuid, total=disk.size_bytes
        )
        try:
            source = await self._source(disk, base)
            if source is None:
                base = None
                source = await self._source(disk, None)
            assert source is not None
            copy = DiskCopy(
                disk,
                source,
                [(t, writers[id(t)], (base[1] if base else {}).get(id(t))) for t in self._targets],
                self._recorder,
                item,
                self._failed,
            )
            result = await _in_thread(copy.run, self._stop)
        except Cancelled:
            self._recorder.done(item, "cancelled")
            raise
        except BaseException as error:
            self._recorder.done(item, "failure", error=str(error))
            raise
        self._recorder.done(
            item,
            read_bytes=result.read_bytes,
            transferred_bytes=result.transferred_bytes,
            written_bytes=result.written_bytes,
            facts={"way": result.way, "kind": result.kind, "blocks": str(result.blocks)},
        )
        return result

    async def _source(
        self, disk: SnapshotDisk, base: tuple[Known, dict[int, StoredDisk]] | None
    ) -> DiskSource | None:
        """How the disk is read; None where only the whole disk can be read."""
        known = base[0] if base else None
        use = self._order.nbd.use
        try:
            return await open_source(
                self._api,
                Disk(disk.ref, disk.uuid, disk.size_bytes, disk.tracked),
                base=Base(known.ref, known.uuid, known.tracked, known.has_data) if known else None,
                nbd=use,
                connections=self._order.nbd.connections,
                told=lambda text: self._told(f"{disk.name}: {text}"),
                read_parent=_reader(base[1]) if base else None,
            )
        except SourceUnavailable as error:
            if known is None:
                raise
            self._told(f"{disk.name}: the whole disk is read: {error.reason}")
            return None

    # Whole VMs

    async def _full(self, snapshot: Snapshot, timestamp_ms: int) -> None:
        writers = self._writers(snapshot, "full", timestamp_ms)
        try:
            await copy_xva(
                self._api,
                snapshot,
                self._order.compression,
                [(target, writers[id(target)]) for target in self._targets],
                self._recorder,
                self._item,
                self._failed,
            )
            self._any_left()
            await self._finish(writers)
        finally:
            await asyncio.shield(asyncio.to_thread(self._abort, writers))

    # The end

    async def _finish(self, writers: dict[int, BackupWriter]) -> None:
        self._any_left()
        # From here on it is done in every repository: a backup in some would break their chains.
        self._check_stop()
        for target in list(self._targets):
            writer = writers[id(target)]
            try:
                backup = await asyncio.to_thread(self._finish_one, target, writer)
            except BackupError as error:
                self._failed(target, error)
            else:
                self.result.backups[target.name] = backup
        self._any_left()

    def _finish_one(self, target: Target, writer: BackupWriter) -> Backup:
        if self._lost[id(target)].is_set():
            raise Busy("", "somebody else took the lock of this VM meanwhile")
        times = [b.timestamp_ms for b in self._own(target)]
        kept = plan([*times, writer.timestamp_ms], self._order.retention, self._order.timezone)
        return writer.finish(list(kept.tags.get(writer.timestamp_ms, ())))

    def _abort(self, writers: dict[int, BackupWriter]) -> None:
        for writer in writers.values():
            if writer.is_finished:
                continue
            try:
                writer.abort()
            except BackupError as error:
                self._told(f"something is left of the attempt, the next run removes it: {error}")

    def _own(self, target: Target) -> list[Backup]:
        mode = "delta" if self._order.mode == "incremental" else "full"
        return [
            backup
            for backup in target.repository.backups(self._vm.uuid)
            if backup.job_id == self._order.job_id and backup.mode == mode
        ]

    def _retain(self) -> None:
        """Forgets what the retention lets go, as Xen Orchestra counts it."""
        for target in self._targets:
            try:
                own = self._own(target)
                kept = plan(
                    [b.timestamp_ms for b in own], self._order.retention, self._order.timezone
                )
                gone = [b.id for b in own if b.timestamp_ms not in kept.stay]
                if gone:
                    forget_locked(target.repository, self._vm.uuid, gone)
                    clean_vm(target.repository, self._vm.uuid, stop=self._stop)
                    self.result.removed[target.name] = gone
            except Cancelled:
                return
            except BackupError as error:
                self._warned(f"{target.name}: older backups could not be removed: {error}")


async def _in_thread(work: Callable[[], DiskResult], stop: threading.Event) -> DiskResult:
    """Runs in a thread. If the caller is cancelled the thread is told to stop, and awaited."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait({running})
        running.exception()
        raise


def _reader(parents: Mapping[int, StoredDisk]) -> Callable[[int], bytes | None]:
    """Reads blocks of what a disk is the difference to, for hosts that send them only in part."""
    parent = next(iter(parents.values()))
    chain: list[DiskChain] = []

    def read(index: int) -> bytes | None:
        if not chain:
            chain.append(open_chain(parent.storage, parent.path))
        return chain[0].read_block(index)

    return read
