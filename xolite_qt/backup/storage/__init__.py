"""Places for files: folders, buckets, memory. Nothing here knows of disks."""

from __future__ import annotations

from .base import Abilities, Entry, Stat, Storage, StreamReader, StreamWriter, UpdateFile
from .opening import check_connection, open_storage
from .urls import BadUrl, without_secrets

__all__ = [
    "Abilities",
    "BadUrl",
    "Entry",
    "Stat",
    "Storage",
    "StreamReader",
    "StreamWriter",
    "UpdateFile",
    "check_connection",
    "open_storage",
    "without_secrets",
]
