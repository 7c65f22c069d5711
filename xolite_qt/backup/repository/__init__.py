"""A repository: what backups it holds, and changing that, in Xen Orchestra's layout."""

from __future__ import annotations

from .checking import check, verify
from .cleaning import Cleaned, clean_vm, forget, forget_locked
from .manifest import Expected, Manifest, Manifests
from .metadata import Backup, BackupDisk
from .report import Problem, Report
from .repository import Listing, Repository
from .scan import VmScan, scan_vm
from .writing import BackupWriter

__all__ = [
    "Backup",
    "BackupDisk",
    "BackupWriter",
    "Cleaned",
    "Expected",
    "Listing",
    "Manifest",
    "Manifests",
    "Problem",
    "Report",
    "Repository",
    "VmScan",
    "check",
    "clean_vm",
    "forget",
    "forget_locked",
    "scan_vm",
    "verify",
]
