"""The VHD format, as Xen Orchestra and XAPI have it: structures, streams, files. Knows nobody."""

from __future__ import annotations

from .structs import (
    BITMAP_BYTES,
    BLOCK_BYTES,
    FOOTER_BYTES,
    HEADER_BYTES,
    SECTOR_BYTES,
    DiskType,
    Footer,
    Header,
    VhdError,
    blocks_of,
    geometry,
)

__all__ = [
    "BITMAP_BYTES",
    "BLOCK_BYTES",
    "FOOTER_BYTES",
    "HEADER_BYTES",
    "SECTOR_BYTES",
    "DiskType",
    "Footer",
    "Header",
    "VhdError",
    "blocks_of",
    "geometry",
]
