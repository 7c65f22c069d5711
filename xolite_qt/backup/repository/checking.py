"""Is everything there that a restore needs, and is it what was backed up?

`check` looks at names, headers, tables and sizes; `verify` reads every block too and compares it
with the hashes of its manifest.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from xolite_qt.backup.disks import DirectoryDisk, StoredDisk, block_path, open_chain
from xolite_qt.backup.errors import Cancelled, Damaged, NotFound, RepositoryError
from xolite_qt.backup.parallel import for_each
from xolite_qt.backup.storage import Storage
from xolite_qt.vhd import BLOCK_BYTES

from .cache import read_cache
from .layout import cache_path, vm_folder
from .manifest import ZERO_DIGEST, Expected, Manifests
from .metadata import Backup
from .report import Report
from .repository import Repository
from .scan import VmScan, scan_vm
from .xva import check_xva

Progress = Callable[[int, int], None]
"""Takes (done, total): blocks and megabytes of XVA files that were read."""
_Todo = tuple[StoredDisk, int, Expected | None]


def check(
    repository: Repository,
    *,
    vm_uuids: Iterable[str] | None = None,
    stop: threading.Event | None = None,
    parallel: int | None = None,
) -> Report:
    """Whether every backup's parts are there and fit each other; reads no blocks.

    Args:
        repository: what to check.
        vm_uuids: only these VMs.
        stop: ends it.
        parallel: VMs looked at at once; what suits the storage where None.

    Raises:
        StorageError: the storage does not answer.
        Cancelled: `stop` was set.
    """
    report = Report()
    there = repository.vms()

    def one(vm: str) -> None:
        _check_vm(repository, vm, report, stop)

    for_each(
        there if vm_uuids is None else vm_uuids,
        one,
        stop=stop,
        parallel=parallel or repository.storage.abilities.parallel,
        name="check",
    )
    _still_there(repository, there, report)
    return report


def _still_there(repository: Repository, before: list[str], report: Report) -> None:
    """A mount that went away looks like a folder with nothing in it, hence without problems."""
    for vm in set(before) - set(repository.vms()):
        report.problem(vm_folder(vm), "went away while it was looked at")


def _check_vm(
    repository: Repository, vm: str, report: Report, stop: threading.Event | None
) -> VmScan:
    storage = repository.storage
    scan = scan_vm(storage, vm, stop=stop)
    report.vm(backups=len(scan.backups), disks=len(scan.disks))
    for path, damage in scan.damaged.items():
        report.problem(path, damage.what)
    used = scan.used
    for path, error in scan.broken.items():
        (report.problem if path in used else report.note)(path, error.what)
    for backup in scan.backups:
        _check_backup(scan, backup, report)
    for folder in scan.folders:
        for parent, children in folder.children.items():
            if len(children) > 1:
                report.problem(parent, f"has {len(children)} children, Xen Orchestra wants one")
        for path, error in folder.state_errors.items():
            report.problem(path, error.what)
        moving = {
            f"{folder.path}/{name}" for s in folder.states.values() for name in s.chain or ()
        } | set(folder.states)
        for path, disk in folder.disks.items():
            if path not in moving and isinstance(disk, DirectoryDisk):
                _check_blocks(storage, disk, report, stop)
        for path in folder.orphan_data:
            report.note(path, "belongs to no backup; the next run or merge removes it")
        for path in folder.unfinished:
            report.note(path, "was not finished; the next run or merge removes it")
    for path in scan.unfinished + scan.stray + scan.useless_disks():
        report.note(path, "belongs to no backup; the next run or merge removes it")
    for chain in scan.due_merges():
        report.note(chain[0], f"waits to be merged, with {len(chain) - 1} newer")
    _check_cache(storage, scan, report)
    return scan


def _check_backup(scan: VmScan, backup: Backup, report: Report) -> None:
    if backup.vm_uuid != scan.vm_uuid:
        report.problem(backup.path, f"is of the VM {backup.vm_uuid}, in another one's folder")
    if backup.xva_path is not None:
        size = scan.xva_sizes.get(backup.xva_path)
        if size is None:
            report.problem(backup.path, f"its file {backup.xva_path} is missing")
        elif size != backup.size_bytes:
            what = f"has {size} bytes in place of {backup.size_bytes}"
            report.problem(backup.xva_path, what)
    disks = scan.disks
    for disk in backup.disks:
        found = disks.get(disk.path)
        if found is None:
            if disk.path not in scan.broken:
                report.problem(backup.path, f"its disk {disk.path} is missing")
        elif found.uuid != disk.snapshot_uuid:
            what = f"is the disk {found.uuid}, its backup wants {disk.snapshot_uuid}"
            report.problem(disk.path, what)


def _check_blocks(
    storage: Storage, disk: DirectoryDisk, report: Report, stop: threading.Event | None
) -> None:
    """Every block of the table has a file that can hold it."""
    wanted: dict[int, list[int]] = {}
    for index in disk.allocated():
        wanted.setdefault(index // 1000, []).append(index)
    for group, indices in wanted.items():
        if stop is not None and stop.is_set():
            raise Cancelled
        there = {e.name: e.size_bytes for e in storage.list(f"{disk.data_path}/blocks/{group}")}
        for index in indices:
            size = there.get(str(index % 1000))
            path = block_path(disk.data_path, index)
            if size is None:
                report.problem(path, "is missing: this block of the disk is lost")
            elif size <= 0 or (disk.compression is None and size != BLOCK_BYTES + 512):
                report.problem(path, f"has {size} bytes, which no whole block has")


def _check_cache(storage: Storage, scan: VmScan, report: Report) -> None:
    path = cache_path(scan.vm_uuid)
    if storage.stat(path) is None:
        return
    cache = read_cache(storage, scan.vm_uuid)
    if cache is None:
        report.problem(path, "cannot be read: Xen Orchestra may not see these backups")
        return
    there = {backup.id for backup in scan.backups}
    for missing in sorted(there - set(cache)):
        report.problem(path, f"does not name {missing}: Xen Orchestra does not see it")
    for gone in sorted(set(cache) - there - {f"/{p}" for p in scan.damaged}):
        report.problem(path, f"names {gone}, which is not there")


def verify(
    repository: Repository,
    *,
    vm_uuids: Iterable[str] | None = None,
    backup_ids: Iterable[str] | None = None,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    parallel: int | None = None,
) -> Report:
    """Reads every block and XVA file and compares it with its hash.

    Args:
        repository: what to verify.
        vm_uuids: only of these VMs.
        backup_ids: only what these backups need.
        progress: told now and then.
        stop: ends it.
        parallel: blocks read at once.

    Raises:
        StorageError: the storage does not answer.
        Cancelled: `stop` was set.
    """
    report = Report()
    storage = repository.storage
    only = None if backup_ids is None else set(backup_ids)
    todo: list[_Todo] = []
    fulls: list[tuple[Backup, Manifests]] = []
    there = repository.vms()
    for vm in there if vm_uuids is None else vm_uuids:
        scan = _check_vm(repository, vm, report, stop)
        manifests = repository.manifests(vm)
        links: dict[str, tuple[StoredDisk, Expected | None]] = {}
        for backup in scan.backups:
            if only is not None and backup.id not in only:
                continue
            if backup.xva_path in scan.xva_sizes:
                fulls.append((backup, manifests))
            for disk in backup.disks:
                if disk.path not in scan.disks or disk.path in scan.broken:
                    continue
                _collect(storage, disk.path, manifests, links, todo, report)
        moving = {
            f"{f.path}/{name}"
            for f in scan.folders
            for s in f.states.values()
            for name in s.chain or ()
        }
        for link, expected in links.values():
            if link.path not in moving:
                todo += [(link, index, expected) for index in link.allocated()]
        # Disks in the middle of a merge are read through the whole chain.
        for path in moving & scan.used:
            _verify_chain(
                storage, path, _expected(manifests, scan.disks[path], report), report, stop
            )
    total = len(todo) + sum(backup.size_bytes >> 20 for backup, _ in fulls)
    _read_all(todo, report, total, progress, stop, parallel or storage.abilities.parallel)
    done = len(todo)
    for backup, manifests in fulls:
        check_xva(storage, backup, manifests, report, stop)
        done += backup.size_bytes >> 20
        if progress is not None:
            progress(done, total)
    _still_there(repository, there, report)
    return report


def _expected(manifests: Manifests, link: StoredDisk, report: Report) -> Expected | None:
    try:
        return manifests.expected(link.uuid)
    except Damaged as error:
        report.problem(error.path, error.what)
        return None


def _collect(
    storage: Storage,
    path: str,
    manifests: Manifests,
    links: dict[str, tuple[StoredDisk, Expected | None]],
    todo: list[_Todo],
    report: Report,
) -> None:
    """The links of a chain; and whether each block is where the newest one is looked for."""
    try:
        chain = open_chain(storage, path)
    except (RepositoryError, NotFound) as error:
        report.problem(error.path, error.what)
        return
    for link in chain.links:
        if link.path not in links:
            links[link.path] = (link, _own(link, _expected(manifests, link, report)))
    expected = _expected(manifests, chain.tip, report)
    if expected is None:
        report.note(path, "has no manifest: its blocks are read but cannot be proved")
        return
    for index, digest in expected.digests.items():
        owner = chain.owner(index)
        if owner is None:
            if digest != ZERO_DIGEST:
                report.problem(path, f"block {index} was backed up and is not in it any more")
            continue
        known = links[owner.path][1]
        if known is None or index not in known.digests:
            todo.append((owner, index, Expected({index: digest}, complete=False)))
        elif known.digests[index] != digest:
            what = f"block {index} was backed up and is not in it any more, an older one is"
            report.problem(path, what)


def _own(link: StoredDisk, expected: Expected | None) -> Expected | None:
    """What is expected of the blocks that a link holds itself: the rest would fill memory."""
    if expected is None:
        return None
    known = expected.digests
    return Expected({i: known[i] for i in link.allocated() if i in known}, expected.complete)


def _read_all(
    todo: list[_Todo],
    report: Report,
    total: int,
    progress: Progress | None,
    stop: threading.Event | None,
    parallel: int,
) -> None:
    def one(item: _Todo) -> None:
        link, index, expected = item
        try:
            _judge(link, index, link.read_block(index), expected, report)
        except Damaged as error:
            report.problem(error.path, error.what)
        if progress is not None:
            progress(report.blocks, total)

    for_each(todo, one, stop=stop, parallel=parallel, name="verify")


def _judge(
    link: StoredDisk, index: int, data: bytes, expected: Expected | None, report: Report
) -> None:
    right = None if expected is None else expected.check(index, data)
    report.block(len(data), proven=right is True)
    if right is False:
        path = link.block_path(index) if isinstance(link, DirectoryDisk) else link.path
        report.problem(path, f"block {index} is not what was backed up (its hash differs)")


def _verify_chain(
    storage: Storage,
    path: str,
    expected: Expected | None,
    report: Report,
    stop: threading.Event | None,
) -> None:
    try:
        chain = open_chain(storage, path)
        for index in chain.allocated():
            if stop is not None and stop.is_set():
                raise Cancelled
            data = chain.read_block(index)
            if data is not None:
                _judge(chain.tip, index, data, expected, report)
    except (RepositoryError, NotFound) as error:
        report.problem(error.path, error.what)
