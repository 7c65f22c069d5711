"""What each kind of run is told (`RunSpec.params`); never a secret."""

from __future__ import annotations

from typing import Literal

import msgspec

from xolite_qt.backup.jobs.model import AtLeastOne, HostRef


class BackupParams(msgspec.Struct, frozen=True):
    """Of "backup" and "health".

    Attributes:
        job_id: of a saved job.
        vms: only these of its VMs (uuids); all where empty.
    """

    job_id: str
    vms: tuple[str, ...] = ()


class RestoreParams(msgspec.Struct, frozen=True, kw_only=True):
    """Of "restore".

    Attributes:
        repository_id: of a saved repository.
        backup: id of the backup in it.
        what: "vm": a new VM; "disk": one disk; "file": one disk into a file; "revert": a new VM
            that builds on a snapshot, so that only the difference is sent.
        host: where to; None for a file.
        disk: uuid of the one disk.
        srs: disk uuid to SR uuid; "" as a key for all others.
        networks: VIF uuid to network uuid; "" leaves the card out.
        name: of the new VM or disk; the old one where empty.
        start: whether the VM starts afterwards.
        keep_macs: also those that another VM has.
        path, format: of the file.
        snapshot: uuid of the snapshot to build on.
    """

    repository_id: str
    backup: str
    what: Literal["vm", "disk", "file", "revert"] = "vm"
    host: HostRef | None = None
    disk: str = ""
    srs: dict[str, str] = {}
    networks: dict[str, str] = {}
    name: str = ""
    start: bool = False
    keep_macs: bool = False
    path: str = ""
    format: Literal["raw", "vhd", "qcow2"] = "raw"
    snapshot: str = ""


class RepositoryParams(msgspec.Struct, frozen=True):
    """Of "check", "verify", "merge" and "forget".

    Attributes:
        repository_id: of a saved repository.
        backups: ids, for "forget" and "verify"; all where empty, but none for "forget".
        vms: only these VMs (uuids); all where empty.
        concurrency: merges at once.
    """

    repository_id: str
    backups: tuple[str, ...] = ()
    vms: tuple[str, ...] = ()
    concurrency: AtLeastOne = 2
