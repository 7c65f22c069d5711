"""Room on storages: what disks take, and when there is none left.

Source: `xapi.md` 1.5, 1.12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xolite_qt.demo_host.registry import Failure

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

MIB = 1 << 20
_THICK = frozenset({"lvm", "lvmoiscsi", "lvmohba"})
# What a snapshot takes at once; it grows with what changes later.
SNAPSHOT_BYTES = 20 * MIB


def use_space(host: DemoHost, sr: str, size_bytes: int, virtual_bytes: int = 0) -> None:
    """Take room on a storage, or give it back with negative sizes.

    Raises:
        Failure: SR_FULL [requested, free].
    """
    if not host.db.exists("SR", sr):
        return
    record = host.db.get("SR", sr)
    if record["physical_size"] <= 0:
        return
    free = record["physical_size"] - record["physical_utilisation"]
    if size_bytes > max(0, free):
        raise Failure("SR_FULL", size_bytes, free)
    host.db.set(
        "SR",
        sr,
        physical_utilisation=max(0, record["physical_utilisation"] + size_bytes),
        virtual_allocation=max(0, record["virtual_allocation"] + virtual_bytes),
    )


def first_size(host: DemoHost, sr: str, virtual_bytes: int) -> int:
    """What an empty disk takes on a storage, in bytes."""
    thick = host.db.exists("SR", sr) and host.db.get("SR", sr)["type"] in _THICK
    return virtual_bytes + 8 * MIB if thick else min(virtual_bytes, 64 * 1024)


def drop_disk(host: DemoHost, vdi: str) -> None:
    """Delete a disk, if it is there, and give its room back."""
    if not host.db.exists("VDI", vdi):
        return
    record = host.db.get("VDI", vdi)
    use_space(host, record["SR"], -record["physical_utilisation"], -record["virtual_size"])
    host.db.destroy("VDI", vdi)


def settle_disk(host: DemoHost, vdi: str) -> None:
    """Book what was written to a disk since the last time, as far as there is room."""
    if not host.db.exists("VDI", vdi):
        return
    contents, record = host.disks.contents(vdi), host.db.get("VDI", vdi)
    used = record["physical_utilisation"]
    grown = min(used + contents.new_bytes, record["virtual_size"] + 8 * MIB) - used
    contents.new_bytes = 0
    if grown <= 0:
        return
    sr = host.db.get("SR", record["SR"]) if host.db.exists("SR", record["SR"]) else {}
    if sr and sr["physical_size"] > 0:
        grown = max(0, min(grown, sr["physical_size"] - sr["physical_utilisation"]))
        use_space(host, record["SR"], grown)
    host.db.set("VDI", vdi, physical_utilisation=used + grown)
