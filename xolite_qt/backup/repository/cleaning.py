"""Removing backups, and what was left by somebody who did not finish.

Nothing here removes what a description names, however damaged it is: that is the admin's choice.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from xolite_qt.backup.disks import delete_disk, is_alias
from xolite_qt.backup.errors import Damaged, NotFound, StorageError
from xolite_qt.backup.storage import Storage
from xolite_qt.backup.storage.paths import parent_of

from .cache import Entries, change_cache, entry_of, read_cache, write_cache
from .layout import cache_path, is_metadata, vm_folder
from .metadata import Backup, pack_metadata
from .repository import Repository
from .scan import VmScan, scan_vm


@dataclass
class Cleaned:
    """What was done in a VM's folder.

    Attributes:
        removed: files and folders.
        corrected: descriptions whose size or kind was put right.
        due: chains that wait to be merged, see `VmScan.due_merges`.
        held: why others are not, a sentence per file; see `VmScan.held_merges`.
    """

    removed: list[str] = field(default_factory=list)
    corrected: list[str] = field(default_factory=list)
    due: list[list[str]] = field(default_factory=list)
    held: list[str] = field(default_factory=list)


def clean_vm(
    repository: Repository, vm_uuid: str, *, stop: threading.Event | None = None
) -> Cleaned:
    """Removes left-overs of a VM and puts descriptions, hashes and the cache right.

    Hold the VM's lock. Merges are not done here.

    Raises:
        StorageError: the storage does not answer, or does not let go of a file.
        Cancelled: `stop` was set.
    """
    storage = repository.storage
    scan = scan_vm(storage, vm_uuid, stop=stop)
    done = Cleaned(due=scan.due_merges(), held=_held(scan))
    _must_be_as_scanned(storage, scan)
    # Otherwise who knows whose they are.
    useless = [p for p in scan.useless_disks() if _free(scan, p)] if scan.is_clear else []
    for path in useless:
        _delete(storage, scan, path, set(useless))
        done.removed.append(path)
    _remove_broken(storage, scan, done)
    for folder in scan.folders:
        for path in folder.unfinished:
            storage.delete(path)
            done.removed.append(path)
        for path in folder.orphan_data if _is_known(scan, folder.path) else ():
            storage.delete_tree(path)
            done.removed.append(path)
    for path in scan.unfinished + (scan.stray if scan.is_clear else []):
        storage.delete(path)
        done.removed.append(path)
    for backup in scan.backups:
        if _correct(storage, scan, backup):
            done.corrected.append(backup.id)
    _tidy_manifests(repository, scan, set(useless))
    _true_cache(storage, vm_uuid, scan)
    return done


def _must_be_as_scanned(storage: Storage, scan: VmScan) -> None:
    """A mount that was away while descriptions were listed, and came back before the disks were,
    would make them all seem to be nobody's."""
    folder = vm_folder(scan.vm_uuid)
    there = {f"{folder}/{e.name}" for e in storage.list(folder) if is_metadata(e.name)}
    if there != {backup.path for backup in scan.backups} | set(scan.damaged):
        raise StorageError(folder, "its backups changed while they were looked at")


def _delete(storage: Storage, scan: VmScan, path: str, useless: set[str]) -> None:
    """Removes a disk; of two aliases that lead to the same blocks only the alias."""
    data = scan.disks[path].data_path
    if any(d.data_path == data for p, d in scan.disks.items() if p not in useless):
        storage.delete(path)
    else:
        delete_disk(storage, path)


def _held(scan: VmScan) -> list[str]:
    if not scan.held_merges():
        return []
    what = "nothing is merged before this backup is repaired or forgotten"
    count = Counter(path for backup in scan.backups for path in backup.files)
    doubted = scan.unseen | {path for path, times in count.items() if times > 1}
    named = [backup.path for backup in scan.backups if not doubted.isdisjoint(backup.files)]
    return [f"{path}: cannot be read: {what}" for path in scan.damaged] + [
        f"{path}: a file of it is missing, or is another backup's: {what}" for path in named
    ]


def _free(scan: VmScan, path: str) -> bool:
    """Whether a disk takes part in no merge, and no spoilt one of its folder may lie over it."""
    folder = parent_of(path)
    opaque = scan.used & set(scan.broken) - set(scan.disks)
    return not any(path in f.states for f in scan.folders) and not any(
        parent_of(other) == folder for other in opaque
    )


def _is_known(scan: VmScan, folder: str) -> bool:
    """Whether it is clear which blocks in a folder belong to whom: every alias can be read, and
    all that a backup names were seen."""
    spoilt = scan.unseen | {path for path in scan.broken if is_alias(path)}
    return not any(path.startswith(f"{folder}/") for path in spoilt)


def _remove_broken(storage: Storage, scan: VmScan, done: Cleaned) -> None:
    """Disks that cannot be opened and that no backup names, nor any chain of one."""
    if not scan.is_clear:
        return
    needed = set(scan.used)
    for disk in scan.disks.values():
        if disk.parent_path is not None and disk.path in needed:
            needed.add(disk.parent_path)
    parents = {disk.parent_path for disk in scan.disks.values()}
    for path in scan.broken:
        if path not in scan.disks and path not in needed and path not in parents:
            delete_disk(storage, path)
            done.removed.append(path)


def _correct(storage: Storage, scan: VmScan, backup: Backup) -> bool:
    """Puts size and kind of a delta right, as a merge changes them."""
    if backup.mode != "delta" or not backup.disks or not scan.is_whole(backup):
        return False
    disks = {disk.ref: scan.disks[disk.path] for disk in backup.disks}
    moving = {
        f"{f.path}/{name}"
        for f in scan.folders
        for s in f.states.values()
        for name in s.chain or ()
    }
    if any(disk.path in moving for disk in disks.values()):
        return False
    size = sum(disk.stream_bytes for disk in disks.values())
    kinds = {ref: disk.is_differencing for ref, disk in disks.items()}
    if size == backup.size_bytes and kinds == backup.differencing:
        return False
    metadata = {**backup.metadata, "size": size, "isVhdDifferencing": kinds}
    storage.write(backup.path, pack_metadata(metadata))

    def change(entries: Entries) -> None:
        entries[backup.id] = entry_of(metadata, backup.id)

    change_cache(storage, scan.vm_uuid, change)
    return True


def _tidy_manifests(repository: Repository, scan: VmScan, removed: set[str]) -> None:
    if scan.broken or not scan.is_clear:
        return
    needed = {disk.uuid for path, disk in scan.disks.items() if path not in removed}
    repository.manifests(scan.vm_uuid).tidy(needed)


def _true_cache(storage: Storage, vm_uuid: str, scan: VmScan) -> None:
    path = cache_path(vm_uuid)
    if storage.stat(path) is None:
        return
    cache = read_cache(storage, vm_uuid)
    there = {backup.id for backup in scan.backups}
    if cache is not None and set(cache) == there:
        return
    write_cache(storage, vm_uuid, {b.id: _entry(storage, b) for b in scan.backups if b.id in there})


def _entry(storage: Storage, backup: Backup) -> dict[str, object]:
    from .metadata import read_metadata

    try:
        fresh = read_metadata(storage.read(backup.path), backup.path)
    except (NotFound, Damaged):
        fresh = backup
    return entry_of(fresh.metadata, backup.id)


def forget(
    repository: Repository,
    backup_ids: Iterable[str],
    *,
    owner: str = "forget",
    wait_s: float = 30.0,
    stop: threading.Event | None = None,
) -> list[str]:
    """Removes backups; disks that others lie over stay until they are merged.

    Returns:
        What was removed.

    Raises:
        NotFound: there is no such backup.
        Busy: somebody works on the VM.
        StorageError: the storage does not answer; what was removed is whole backups.
    """
    by_vm: dict[str, list[str]] = {}
    for backup_id in backup_ids:
        parts = backup_id.strip("/").split("/")
        if len(parts) != 3 or repository.storage.stat(backup_id) is None:
            raise NotFound(backup_id, "there is no such backup")
        by_vm.setdefault(parts[1], []).append(f"/{backup_id.strip('/')}")
    removed: list[str] = []
    for vm, ids in by_vm.items():
        with repository.lock_vm(vm, owner, wait_s=wait_s, stop=stop):
            removed += forget_locked(repository, vm, ids)
            removed += clean_vm(repository, vm, stop=stop).removed
    return removed


def forget_locked(repository: Repository, vm_uuid: str, backup_ids: Iterable[str]) -> list[str]:
    """Removes the descriptions of backups, newest first, and XVA files; hold the VM's lock."""
    storage, removed = repository.storage, []
    manifests = repository.manifests(vm_uuid)
    for backup_id in sorted(backup_ids, reverse=True):
        try:
            xva = repository.backup(backup_id).xva_path
        except (Damaged, NotFound):
            xva = None
        storage.delete(backup_id)
        removed.append(backup_id)

        def drop(entries: Entries, gone: str = backup_id) -> None:
            entries.pop(gone, None)

        change_cache(storage, vm_uuid, drop)
        if xva is not None:
            storage.delete(xva)
            storage.delete(f"{xva}.checksum")
            manifests.delete_xva(xva)
            removed.append(xva)
    return removed
