"""What is on the disks of a demo host: bytes, snapshots, changed blocks."""

from __future__ import annotations

from .files import BLOCK_BYTES, BlockFile, DiskFileError
from .layers import Contents, Extent
from .store import Disks

__all__ = ["BLOCK_BYTES", "BlockFile", "Contents", "DiskFileError", "Disks", "Extent"]
