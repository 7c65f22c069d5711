"""What differs between a point in time and a snapshot that the host still has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xolite_qt.backup.disks import StoredDisk, open_chain, open_disk
from xolite_qt.backup.errors import BackupError
from xolite_qt.backup.repository import BackupDisk, Repository
from xolite_qt.backup.storage.paths import parent_of


@dataclass(frozen=True)
class Difference:
    """A disk on the host that a restore can build on.

    Attributes:
        vdi: its reference.
        uuid: its uuid.
        indices: blocks that differ at most, ascending.
    """

    vdi: str
    uuid: str
    indices: list[int]


def find_difference(
    repository: Repository, disk: BackupDisk, on_host: Mapping[str, str]
) -> Difference | None:
    """The disk on the host that was backed up in the same chain, and what may differ from it.

    Args:
        repository: where the chain is.
        disk: the point in time that is wanted.
        on_host: references of the snapshot's disks by uuid.

    Returns:
        None where no disk on the host is of this chain, or sizes differ.
    """
    storage = repository.storage
    chain = open_chain(storage, disk.path)
    place = {link.uuid: at for at, link in enumerate(chain.links)}
    for uuid, vdi in on_host.items():
        if uuid in place:
            # The host has an older state: what was written since must be put over it.
            since = chain.links[place[uuid] + 1 :]
            if chain.links[place[uuid]].size_bytes != chain.size_bytes:
                return None
            return Difference(vdi, uuid, _blocks(since))
    # The host has a newer state: what was written since must be put back.
    folder = parent_of(disk.path)
    names = [
        e.name
        for e in storage.list(folder)
        if not e.is_folder and e.name.endswith(".vhd") and not e.name.startswith(".")
    ]
    for name in names:
        path = f"{folder}/{name}"
        if path <= disk.path:
            continue
        try:
            if open_disk(storage, path).uuid not in on_host:
                continue
            newer = open_chain(storage, path)
        except BackupError:
            continue
        paths = [link.path for link in newer.links]
        if disk.path not in paths or newer.size_bytes != chain.size_bytes:
            continue
        since = newer.links[paths.index(disk.path) + 1 :]
        uuid = newer.tip.uuid
        return Difference(on_host[uuid], uuid, _blocks(since))
    return None


def _blocks(links: list[StoredDisk]) -> list[int]:
    return sorted({index for link in links for index in link.allocated()})
