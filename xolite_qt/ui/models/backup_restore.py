"""What a restore can choose from, what was chosen, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from xolite_qt.stores.backup_rows import BackupRow
from xolite_qt.ui import format as fmt

if TYPE_CHECKING:
    from xolite_qt.stores import Stores

What = Literal["vm", "disk", "file", "revert"]


@dataclass(frozen=True, slots=True)
class SrChoice:
    """A storage that disks can be restored to.

    Attributes:
        free_bytes: what fits in; disks may be thin, so this is a careful figure.
        reason: why it cannot be used at all; empty where it can.
    """

    uuid: str
    name: str
    free_bytes: int
    shared: bool
    is_default: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SnapshotChoice:
    """A snapshot on the host that a differential restore can build on.

    Attributes:
        uuid: of the snapshot.
        name: its name.
        taken_s: when, seconds since 1970.
    """

    uuid: str
    name: str
    taken_s: float


@dataclass(frozen=True, slots=True)
class NicFact:
    """A network card in a backup.

    Attributes:
        uuid: of the VIF.
        device: "0".
        network: name of the network that it was on; "" where nobody knows.
        network_uuid: of that network.
    """

    uuid: str
    device: str
    mac: str
    network: str
    network_uuid: str = ""


@dataclass(frozen=True, slots=True)
class BackupFacts:
    """What the metadata of a backup says beyond its list entry."""

    nics: tuple[NicFact, ...] = ()
    memory_bytes: int = 0
    vcpus: int = 0
    description: str = ""


@dataclass(frozen=True, slots=True)
class Around:
    """What the host offers.

    Attributes:
        srs: all that hold disks, those first that can be used.
        networks: (uuid, name).
        snapshots: of the VM in question, newest first.
        vm_names: names that VMs have already.
    """

    srs: tuple[SrChoice, ...] = ()
    networks: tuple[tuple[str, str], ...] = ()
    snapshots: tuple[SnapshotChoice, ...] = ()
    vm_names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RestoreWish:
    """What is to be restored, and how.

    Attributes:
        what: "vm": a new VM; "disk": one disk; "file": one disk into a file; "revert": the
            difference onto a snapshot.
        disk: uuid of the one disk.
        srs: disk uuid to SR uuid; of a full backup the key is "".
        networks: VIF uuid to network uuid; "" leaves the card out.
        path, format: of the file.
        snapshot: uuid of the snapshot to build on.
    """

    row: BackupRow
    what: What = "vm"
    disk: str = ""
    srs: Mapping[str, str] = field(default_factory=dict)
    networks: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    start: bool = False
    keep_macs: bool = False
    path: str = ""
    format: Literal["raw", "vhd", "qcow2"] = "raw"
    snapshot: str = ""


def facts(metadata: Mapping[str, Any]) -> BackupFacts:
    """The facts of a backup's metadata; what is missing or odd in it is passed over."""
    vifs = metadata.get("vifs")
    nics = []
    for ref, vif in (vifs if isinstance(vifs, Mapping) else {}).items():
        if isinstance(vif, Mapping):
            nics.append(
                NicFact(
                    str(vif.get("uuid") or ref),
                    str(vif.get("device", "")),
                    str(vif.get("MAC", "")),
                    str(vif.get("$network$name_label") or ""),
                    str(vif.get("$network$uuid") or ""),
                )
            )
    nics.sort(key=lambda nic: (len(nic.device), nic.device))
    vm = metadata.get("vm")
    vm = vm if isinstance(vm, Mapping) else {}
    return BackupFacts(
        tuple(nics),
        _number(vm.get("memory_dynamic_max")),
        _number(vm.get("VCPUs_at_startup")),
        str(vm.get("name_description") or ""),
    )


def _number(value: object) -> int:
    try:
        return int(value)  # type: ignore[call-overload, no-any-return]
    except (TypeError, ValueError):
        return 0


def around(stores: Stores, vm_uuid: str, snapshot_disks: frozenset[str]) -> Around:
    """What the host offers now.

    Args:
        snapshot_disks: uuids of snapshot disks that backups in the same repository were made of.
    """
    from xolite_qt.xen_api.times import to_datetime

    pool = stores.the_pool()
    srs = []
    for row in stores.sr_rows.records.values():
        sr = row.sr
        if sr.content_type == "iso" or sr.physical_size <= 0 or sr.type in ("iso", "udev"):
            continue
        reason = ""
        if not any(pbd.currently_attached for pbd in row.pbds):
            reason = "not connected to any host"
        srs.append(
            SrChoice(
                sr.uuid,
                sr.name_label,
                max(0, sr.physical_size - sr.physical_utilisation),
                sr.shared,
                pool is not None and pool.default_sr == sr.ref,
                reason,
            )
        )
    srs.sort(key=lambda sr: (bool(sr.reason), not sr.is_default, not sr.shared, -sr.free_bytes))
    networks = sorted(
        ((net.uuid, net.name_label) for net in stores.network.records.values()),
        key=lambda net: net[1].casefold(),
    )
    vm = stores.vm.by_uuid(vm_uuid)
    snapshots = []
    for snapshot in stores.vm_snapshot.records.values():
        if vm is None or snapshot.snapshot_of != vm.ref:
            continue
        vbds = (stores.vbd.get(ref) for ref in snapshot.vbds)
        vdis = (stores.vdi.get(vbd.vdi) for vbd in vbds if vbd is not None)
        if any(vdi is not None and vdi.uuid in snapshot_disks for vdi in vdis):
            taken = to_datetime(snapshot.snapshot_time)
            snapshots.append(
                SnapshotChoice(
                    snapshot.uuid, snapshot.name_label, taken.timestamp() if taken else 0.0
                )
            )
    snapshots.sort(key=lambda one: -one.taken_s)
    names = frozenset(one.name_label for one in stores.vm.records.values())
    return Around(tuple(srs), tuple(networks), tuple(snapshots), names)


def too_small(
    srs: Sequence[SrChoice], chosen: Mapping[str, str], sizes: Mapping[str, int]
) -> dict[str, str]:
    """Per SR, why the disks chosen for it do not fit; empty where they all do."""
    wanted: dict[str, int] = {}
    for disk, sr in chosen.items():
        wanted[sr] = wanted.get(sr, 0) + sizes.get(disk, 0)
    free = {sr.uuid: sr for sr in srs}
    return {
        uuid: f"{free[uuid].name} has {fmt.size(free[uuid].free_bytes)} free; "
        f"the disks take up to {fmt.size(total)}"
        for uuid, total in wanted.items()
        if uuid in free and total > free[uuid].free_bytes
    }


def sizes(row: BackupRow) -> dict[str, int]:
    """Disk uuid to virtual size; of a full backup only the size of its file is known."""
    if row.backup.mode == "full":
        return {"": row.backup.size_bytes}
    return {disk.uuid: disk.size_bytes for disk in row.backup.disks}
