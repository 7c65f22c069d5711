"""Reading disks from a host: over NBD where it can, else as the VHD that it exports."""

from __future__ import annotations

from .base import BLOCK_BYTES, Consumer, DiskSource, Reading, Way
from .choose import Base, Disk, changed_blocks, open_source

__all__ = [
    "BLOCK_BYTES",
    "Base",
    "Consumer",
    "Disk",
    "DiskSource",
    "Reading",
    "Way",
    "changed_blocks",
    "open_source",
]
