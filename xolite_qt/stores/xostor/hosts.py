"""What a host has for LINSTOR: disks, packages, versions. Asked with calls that only read.

Source: peers.md 3.2, 3.3 (`lsblk.py`, `updater.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from xolite_qt.xen_api import Host, MalformedAnswer, XenApiError

PACKAGE = "xcp-ng-linstor"
"""What a host needs installed; it brings the rest."""
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50}


class Disk(msgspec.Struct, frozen=True):
    """A block device of a host.

    Attributes:
        name: such as "sdb".
        size_bytes: 0 where not told.
        model: of the maker; often empty.
        reasons: why it can't be used; none if it can.
    """

    name: str
    size_bytes: int = 0
    model: str = ""
    reasons: tuple[str, ...] = ()

    @property
    def is_usable(self) -> bool:
        """Whether LINSTOR may have it."""
        return not self.reasons

    @property
    def path(self) -> str:
        """Of the device node."""
        return f"/dev/{self.name}"


class HostProbe(msgspec.Struct, frozen=True):
    """What one host said of itself.

    Attributes:
        ref: of the host.
        uuid: of the host.
        name: for people.
        hostname: LINSTOR's name for it.
        address: of its management.
        brand: such as "XCP-ng".
        version: such as "8.3.0".
        enabled: whether it takes VMs.
        is_master: of the pool.
        asked: whether the calls ended, well or badly.
        disks: None while not known.
        linstor_version: of the package; empty if not installed, None while not known.
        errors: what the calls failed with, by plug-in.
    """

    ref: str
    uuid: str = ""
    name: str = ""
    hostname: str = ""
    address: str = ""
    brand: str = ""
    version: str = ""
    enabled: bool = True
    is_master: bool = False
    asked: bool = False
    disks: tuple[Disk, ...] | None = None
    linstor_version: str | None = None
    errors: dict[str, XenApiError] = {}

    @property
    def usable_disks(self) -> tuple[Disk, ...]:
        """Disks that LINSTOR may have."""
        return tuple(disk for disk in self.disks or () if disk.is_usable)


def face_of(host: Host, master: str) -> HostProbe:
    """What a host's record tells without asking it.

    Args:
        host: its record.
        master: reference of the pool's master.
    """
    version = host.software_version
    return HostProbe(
        ref=host.ref,
        uuid=host.uuid,
        name=host.name_label,
        hostname=host.hostname,
        address=host.address,
        brand=version.get("product_brand", ""),
        version=version.get("product_version", ""),
        enabled=host.enabled,
        is_master=host.ref == master,
    )


def read_disks(answer: object) -> tuple[Disk, ...]:
    """Reads the answer of `lsblk.py list_block_devices`.

    Raises:
        MalformedAnswer: something else.
    """
    found = _json(answer, "list_block_devices")
    devices = found.get("blockdevices") if isinstance(found, dict) else None
    if not isinstance(devices, list):
        raise MalformedAnswer("list_block_devices: no list of devices")
    rows = [item for item in devices if isinstance(item, dict) and item.get("name")]
    # Some versions list partitions beside their disk, and name it as their parent.
    parents = {str(row.get("pkname")) for row in rows if row.get("pkname")}
    return tuple(
        _disk(row, has_parts=str(row["name"]) in parents) for row in rows if not row.get("pkname")
    )


def read_linstor_version(answer: object) -> str:
    """Reads the answer of `updater.py query_installed`; empty if it is not installed.

    Raises:
        MalformedAnswer: something else.
    """
    found = _json(answer, "query_installed")
    if not isinstance(found, dict):
        raise MalformedAnswer("query_installed: the answer is not an object")
    version = found.get(PACKAGE)
    return version if isinstance(version, str) else ""


def _disk(row: Mapping[str, Any], *, has_parts: bool) -> Disk:
    name, kind = str(row["name"]), str(row.get("type") or "")
    reasons = []
    if name.startswith("td"):
        reasons.append("a VM's disk")
    if kind != "disk" and not kind.startswith("raid"):
        reasons.append(f"of type {kind}" if kind else "of unknown type")
    if str(row.get("ro", "0")).lower() not in ("0", "false", ""):
        reasons.append("read-only")
    if row.get("mountpoint"):
        reasons.append("mounted")
    if row.get("children") or has_parts:
        reasons.append("has partitions")
    model = row.get("model")
    return Disk(
        name.removeprefix("/dev/"),
        read_size(row.get("size")),
        model.strip() if isinstance(model, str) else "",
        tuple(reasons),
    )


def read_size(value: object) -> int:
    """Bytes, from a number or from text such as "931.5G"; 0 where it is neither."""
    if isinstance(value, int) and not isinstance(value, bool):
        return max(value, 0)
    found = re.fullmatch(r"\s*(\d{1,18}(?:[.,]\d{1,6})?)\s*([KMGTP]?)i?B?\s*", str(value or ""))
    if found is None:
        return 0
    return int(float(found[1].replace(",", ".")) * _UNITS[found[2]])


def _json(answer: object, what: str) -> Any:
    if not isinstance(answer, str):
        raise MalformedAnswer(f"{what}: the answer is not a text")
    try:
        return msgspec.json.decode(answer)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedAnswer(f"{what}: the answer is not JSON") from error
