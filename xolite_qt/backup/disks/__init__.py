"""Disks in a repository, in Xen Orchestra's formats: reading, writing, chains."""

from __future__ import annotations

from .alias import ALIAS_SUFFIX, delete_disk, is_alias, read_alias, write_alias
from .chain import DiskChain, check_parent, open_chain
from .coding import Compression
from .stored import DirectoryDisk, FileDisk, Kind, StoredDisk, block_path, open_disk
from .writer import DiskWriter, Written, create_disk, disk_name, spare_entries, write_table

__all__ = [
    "ALIAS_SUFFIX",
    "Compression",
    "DirectoryDisk",
    "DiskChain",
    "DiskWriter",
    "FileDisk",
    "Kind",
    "StoredDisk",
    "Written",
    "block_path",
    "check_parent",
    "create_disk",
    "delete_disk",
    "disk_name",
    "is_alias",
    "open_chain",
    "open_disk",
    "read_alias",
    "spare_entries",
    "write_alias",
    "write_table",
]
