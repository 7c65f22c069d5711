"""Names in a repository. Source: backup-repository.md 1.1."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

BACKUPS = "xo-vm-backups"
OURS = ".xolite"
REPOSITORY_FILE = f"{OURS}/repository.json"
CACHE = "cache.json.gz"

_STAMP = re.compile(r"\d{8}T\d{6}Z")
_METADATA = re.compile(r"\d{8}T\d{6}Z\.json")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# `.1767319200000.name` or `.1767319200000.12-3.name`: a file that was being written.
_HIDDEN = re.compile(r"\.\d{10,}\..+")


def stamp_of(timestamp_ms: int) -> str:
    """The name of a moment: `YYYYMMDDTHHMMSSZ`."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(timestamp_ms // 1000))


def moment_of(stamp: str) -> int:
    """Milliseconds since 1970 of such a name.

    Raises:
        ValueError: it is none.
    """
    if not _STAMP.fullmatch(stamp):
        raise ValueError(stamp)
    moment = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1000


def vm_folder(vm_uuid: str) -> str:
    """Where everything of a VM is."""
    return f"{BACKUPS}/{vm_uuid}"


def cache_path(vm_uuid: str) -> str:
    """The list of a VM's backups that Xen Orchestra reads in place of the files."""
    return f"{BACKUPS}/{vm_uuid}/{CACHE}"


def disk_folder(vm_uuid: str, job_id: str, vdi_uuid: str) -> str:
    """Where the chain of a disk is."""
    return f"{BACKUPS}/{vm_uuid}/vdis/{job_id}/{vdi_uuid}"


def manifest_folder(vm_uuid: str) -> str:
    """Where the hashes of a VM's backups are."""
    return f"{OURS}/manifests/{vm_uuid}"


def lease_path(vm_uuid: str) -> str:
    """The lock of a VM where no folder can be one."""
    return f"{OURS}/leases/{vm_uuid}.json"


def yield_path(vm_uuid: str) -> str:
    """While this file is there somebody waits for a merge to let go of the VM."""
    return f"{OURS}/yield/{vm_uuid}"


def is_vm(name: str) -> bool:
    """Whether a folder's name is one of a VM (`.queue`, locks and so on are not)."""
    return _UUID.fullmatch(name) is not None


def is_metadata(name: str) -> bool:
    """Whether a file is one of a backup."""
    return _METADATA.fullmatch(name) is not None


def is_unfinished(name: str) -> bool:
    """Whether a file was being written by somebody who did not finish."""
    return _HIDDEN.fullmatch(name) is not None
