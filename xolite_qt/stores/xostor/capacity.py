"""How much an XOSTOR of given disks holds."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Capacity(msgspec.Struct, frozen=True):
    """What disks are worth once they are replicated.

    Attributes:
        raw_bytes: all disks together.
        usable_bytes: for the disks of VMs: the smallest host's times hosts by copies.
        largest_vdi_bytes: a VDI has whole copies: it must fit on as many hosts as it has copies.
    """

    raw_bytes: int = 0
    usable_bytes: int = 0
    largest_vdi_bytes: int = 0


def capacity(bytes_by_host: Mapping[str, int], redundancy: int) -> Capacity:
    """What the disks of hosts are worth together.

    Args:
        bytes_by_host: all chosen disks of each host; hosts without any count for nothing.
        redundancy: copies of each VDI, 1 to 3.

    Returns:
        Nothing usable where fewer hosts have disks than there are to be copies.
    """
    sizes = sorted((size for size in bytes_by_host.values() if size > 0), reverse=True)
    raw = sum(sizes)
    if redundancy < 1 or len(sizes) < redundancy:
        return Capacity(raw)
    return Capacity(raw, sizes[-1] * len(sizes) // redundancy, sizes[redundancy - 1])
