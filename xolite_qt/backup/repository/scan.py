"""Everything in a VM's folder, and how it hangs together.

Source: backup-repository.md 1.4 to 1.6.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from xolite_qt.backup.disks import FileDisk, StoredDisk, is_alias, open_disk, read_alias
from xolite_qt.backup.disks.chain import TORN, check_parent
from xolite_qt.backup.disks.merge_state import MergeState, is_merge_state, merged_into, read_state
from xolite_qt.backup.errors import (
    BrokenChain,
    Cancelled,
    Damaged,
    NotFound,
    RepositoryError,
)
from xolite_qt.backup.parallel import for_each
from xolite_qt.backup.storage import Entry, Storage
from xolite_qt.backup.storage.paths import name_of

from .layout import (
    CACHE,
    is_metadata,
    is_unfinished,
    vm_folder,
)
from .metadata import Backup, read_metadata

_OPEN_AT_ONCE = 8


@dataclass
class DiskFolder:
    """One chain's folder.

    Attributes:
        path: of the folder.
        disks: those that could be opened, by path, oldest first.
        children: path of a disk to those that lie over it.
        states: merges under way, by the path of the disk that is merged into.
        state_errors: state files that cannot be read, by path.
        data_folders: folders of blocks that are there.
        used_data: those that an alias leads to.
        unfinished: files and folders that nobody finished.
    """

    path: str
    disks: dict[str, StoredDisk] = field(default_factory=dict)
    children: dict[str, list[str]] = field(default_factory=dict)
    states: dict[str, MergeState] = field(default_factory=dict)
    state_errors: dict[str, Damaged] = field(default_factory=dict)
    data_folders: list[str] = field(default_factory=list)
    used_data: set[str] = field(default_factory=set)
    unfinished: list[str] = field(default_factory=list)

    @property
    def orphan_data(self) -> list[str]:
        """Folders of blocks that belong to nobody."""
        return [path for path in self.data_folders if path not in self.used_data]


@dataclass
class VmScan:
    """What is in a VM's folder.

    Attributes:
        vm_uuid: of the VM.
        backups: whose description can be read, oldest first.
        damaged: descriptions that cannot be read, by path.
        folders: chains.
        broken: disks that cannot be used, by path, with the reason.
        unfinished: files that nobody finished, in the VM's own folder.
        stray: files that belong to no backup: XVA files and their checksums.
        xva_sizes: of each XVA file that is there, by path.
    """

    vm_uuid: str
    backups: list[Backup] = field(default_factory=list)
    damaged: dict[str, Damaged] = field(default_factory=dict)
    folders: list[DiskFolder] = field(default_factory=list)
    broken: dict[str, RepositoryError] = field(default_factory=dict)
    unfinished: list[str] = field(default_factory=list)
    stray: list[str] = field(default_factory=list)
    xva_sizes: dict[str, int] = field(default_factory=dict)

    @property
    def disks(self) -> dict[str, StoredDisk]:
        """All that could be opened, by path."""
        return {path: disk for folder in self.folders for path, disk in folder.disks.items()}

    @property
    def used(self) -> set[str]:
        """Paths of disks that a backup names."""
        return {disk.path for backup in self.backups for disk in backup.disks}

    @property
    def unseen(self) -> set[str]:
        """Files that a backup names and that are not there, nor about to be by a merge."""
        merging = {path for f in self.folders for chain in _interrupted(f) for path in chain}
        lost = self.used - set(self.disks) - set(self.broken) - merging
        fulls = {backup.xva_path for backup in self.backups if backup.xva_path is not None}
        return lost | (fulls - set(self.xva_sizes))

    @property
    def is_clear(self) -> bool:
        """Whether it is sure what belongs to which backup: every description can be read, and
        what it names is there and no other's. Otherwise a file may belong to the one that is
        spoilt."""
        named = [path for backup in self.backups for path in backup.files]
        return not self.damaged and not self.unseen and len(named) == len(set(named))

    def is_whole(self, backup: Backup) -> bool:
        """Whether everything that a backup names is there and hangs together."""
        if backup.xva_path is not None:
            return self.xva_sizes.get(backup.xva_path) == backup.size_bytes
        disks = self.disks
        return all(d.path in disks and d.path not in self.broken for d in backup.disks)

    def due_merges(self) -> list[list[str]]:
        """Chains to merge: paths oldest first, the last is one that a backup names.

        Interrupted merges come first, as they were begun; others only while `is_clear`.
        """
        begun = [chain for folder in self.folders for chain in _interrupted(folder)]
        return begun + (self._new_merges() if self.is_clear else [])

    def held_merges(self) -> list[list[str]]:
        """Chains that would be merged if it were clear that no backup is lost by that."""
        return [] if self.is_clear else self._new_merges()

    def _new_merges(self) -> list[list[str]]:
        used, due = self.used, []
        for folder in self.folders:
            busy = {path for chain in _interrupted(folder) for path in chain}
            for path in folder.disks:
                if path not in used or path in busy or path in self.broken:
                    continue
                chain = _orphans_below(folder, path, used | busy)
                if chain and not any(link in self.broken for link in chain):
                    due.append([*chain, path])
        return due

    def useless_disks(self) -> list[str]:
        """Disks that no backup needs, also not as a parent; newest first."""
        needed = set()
        parents = {path: disk.parent_path for path, disk in self.disks.items()}
        merging = {
            path for folder in self.folders for chain in _interrupted(folder) for path in chain
        }
        for start in self.used | merging:
            at: str | None = start
            while at is not None and at not in needed:
                needed.add(at)
                at = parents.get(at)
        return sorted((path for path in parents if path not in needed), reverse=True)


def _interrupted(folder: DiskFolder) -> list[list[str]]:
    chains = []
    for parent, state in folder.states.items():
        if state.chain is not None:
            chain = [f"{folder.path}/{name}" for name in state.chain]
        else:
            # As older versions of Xen Orchestra wrote it: the child is found by its uuid.
            chain = [parent]
            chain += [p for p, d in folder.disks.items() if d.uuid == state.child.uuid][:1]
        if len(chain) > 1:
            chains.append(chain)
    return chains


def _orphans_below(folder: DiskFolder, path: str, used: set[str]) -> list[str]:
    """The run of disks without a backup right under one, oldest first."""
    run: list[str] = []
    at = folder.disks[path].parent_path
    while at is not None and at in folder.disks and at not in used:
        run.append(at)
        at = folder.disks[at].parent_path
    return run[::-1]


def scan_vm(storage: Storage, vm_uuid: str, *, stop: threading.Event | None = None) -> VmScan:
    """Reads descriptions, headers and tables of everything of a VM; no blocks.

    Raises:
        StorageError: the storage does not answer.
        Cancelled: `stop` was set.
    """
    found = VmScan(vm_uuid)
    folder = vm_folder(vm_uuid)
    entries = storage.list(folder)
    for entry in entries:
        path = f"{folder}/{entry.name}"
        if entry.is_folder:
            continue
        if is_metadata(entry.name):
            try:
                found.backups.append(read_metadata(storage.read(path), path))
            except Damaged as error:
                found.damaged[path] = error
            except NotFound as error:
                # Removed meanwhile; or the storage is away, and then its disks must not seem to
                # be nobody's.
                names = {e.name for e in storage.list(folder)}
                if not names or entry.name in names:
                    found.damaged[path] = Damaged(path, error.what)
        elif is_unfinished(entry.name):
            found.unfinished.append(path)
    _files_of_fulls(found, folder, entries)
    vdis = f"{folder}/vdis"
    for job in _folders(storage, vdis):
        for vdi in _folders(storage, job):
            if stop is not None and stop.is_set():
                raise Cancelled
            found.folders.append(_scan_disks(storage, vdi, found.broken, stop))
    return found


def _folders(storage: Storage, path: str) -> list[str]:
    return [f"{path}/{e.name}" for e in storage.list(path) if e.is_folder and e.name[0] != "."]


def _files_of_fulls(found: VmScan, folder: str, entries: list[Entry]) -> None:
    named = {backup.xva_path for backup in found.backups}
    for entry in entries:
        path = f"{folder}/{entry.name}"
        if entry.is_folder or entry.name.startswith(".") or entry.name == CACHE:
            continue
        if entry.name.endswith(".xva"):
            found.xva_sizes[path] = entry.size_bytes
        is_part = entry.name.endswith((".xva", ".xva.checksum"))
        if is_part and path.removesuffix(".checksum") not in named:
            found.stray.append(path)


def _scan_disks(
    storage: Storage,
    path: str,
    broken: dict[str, RepositoryError],
    stop: threading.Event | None,
) -> DiskFolder:
    found = DiskFolder(path)
    names = []
    for entry in storage.list(path):
        if entry.is_folder:
            continue
        if is_merge_state(entry.name):
            _read_state(storage, f"{path}/{entry.name}", found)
        elif is_unfinished(entry.name):
            found.unfinished.append(f"{path}/{entry.name}")
        elif entry.name.endswith(".vhd") and not entry.name.startswith("."):
            names.append(f"{path}/{entry.name}")
    found.data_folders = [f for f in _folders(storage, f"{path}/data") if f.endswith(".vhd")]
    opened: dict[str, StoredDisk] = {}

    def one(disk_path: str) -> None:
        try:
            if is_alias(disk_path):
                found.used_data.add(read_alias(storage, disk_path))
            opened[disk_path] = open_disk(storage, disk_path)
        except (NotFound, Damaged) as error:
            what = error.what if error.path == disk_path else str(error)
            broken[disk_path] = Damaged(disk_path, what)

    for_each(names, one, stop=stop, parallel=min(_OPEN_AT_ONCE, storage.abilities.parallel))
    found.disks = {name: opened[name] for name in names if name in opened}
    _judge_parents(found, broken)
    return found


def _read_state(storage: Storage, path: str, found: DiskFolder) -> None:
    parent = f"{found.path}/{merged_into(name_of(path))}"
    try:
        state = read_state(storage, parent)
    except Damaged as error:
        found.state_errors[path] = error
        return
    if state is not None:
        found.states[parent] = state


def _judge_parents(found: DiskFolder, broken: dict[str, RepositoryError]) -> None:
    merging = {path for chain in _interrupted(found) for path in chain}
    for path, disk in found.disks.items():
        if isinstance(disk, FileDisk) and disk.torn and path not in merging:
            broken[path] = Damaged(path, TORN)
            continue
        if disk.parent_path is None:
            continue
        parent = found.disks.get(disk.parent_path)
        if disk.parent_path in broken:
            broken[path] = BrokenChain(path, f"its parent {disk.parent_path} is damaged")
        elif parent is None:
            if path not in merging:
                broken[path] = BrokenChain(path, f"its parent {disk.parent_path} is missing")
        else:
            found.children.setdefault(parent.path, []).append(path)
            # A merge that stopped after it wrote the footer has changed who the parent is.
            if path in merging and parent.path in merging:
                continue
            try:
                check_parent(disk, parent)
            except (BrokenChain, Damaged) as error:
                broken[path] = error
    # Paths sort as their dates do, so one pass finds all that lie over a broken one.
    for path, disk in found.disks.items():
        if disk.parent_path in broken and path not in broken:
            what = f"a disk that it lies over, {disk.parent_path}, is not whole"
            broken[path] = BrokenChain(path, what)
