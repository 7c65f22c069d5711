"""From a repository back: to a file of this machine, or to a host."""

from __future__ import annotations

from .cards import find_network
from .health import check_health
from .leftovers import remove_leftovers
from .point import DiskPoint
from .to_file import RestoredFile, RestoreError, restore_disk_to_file
from .to_host import HostRestore, RestoreWish, find_sr

__all__ = [
    "DiskPoint",
    "HostRestore",
    "RestoreError",
    "RestoreWish",
    "RestoredFile",
    "check_health",
    "find_network",
    "find_sr",
    "remove_leftovers",
    "restore_disk_to_file",
]
