"""The columns of the tables of what can be restored: VMs and their points in time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from xolite_qt.stores.backup_rows import BackupRow
from xolite_qt.ui import format as fmt
from xolite_qt.ui import icons
from xolite_qt.ui.models.column import Column, Kind


@dataclass(frozen=True, slots=True)
class BackedUpVm:
    """A VM that has backups.

    Attributes:
        ref: its uuid.
        name: as of its newest backup.
        newest_s: when that is of.
        points: how many.
        size_bytes: of all of them.
        repositories: where.
        exists: whether the connected host still has it.
    """

    ref: str
    name: str
    newest_s: float
    points: int
    size_bytes: int
    repositories: tuple[str, ...]
    exists: bool


def backed_up(rows: Iterable[BackupRow], known: Callable[[str], bool]) -> list[BackedUpVm]:
    """Points in time, summed up by VM.

    Args:
        known: whether the host has a VM of a uuid.
    """
    of_vm: dict[str, list[BackupRow]] = {}
    for row in rows:
        of_vm.setdefault(row.backup.vm_uuid, []).append(row)
    vms = []
    for uuid, points in of_vm.items():
        newest = max(points, key=lambda row: row.backup.timestamp_ms)
        vms.append(
            BackedUpVm(
                uuid,
                newest.backup.vm_name or uuid,
                newest.backup.timestamp_ms / 1000,
                len(points),
                sum(row.backup.size_bytes for row in points),
                tuple(sorted({row.repository.name for row in points})),
                known(uuid),
            )
        )
    return vms


def backed_up_columns() -> tuple[Column[BackedUpVm], ...]:
    """Columns of the VMs that have backups."""
    return (
        Column[BackedUpVm](
            id="name",
            title="VM",
            value=lambda vm: vm.name,
            icon=lambda vm: icons.icon("vm", None if vm.exists else "secondary"),
            tooltip=lambda vm: vm.name if vm.exists else f"{vm.name}\nNo longer on this host",
            width=150,
        ),
        Column[BackedUpVm](
            id="newest",
            title="Newest",
            value=lambda vm: vm.newest_s,
            text=lambda vm: fmt.relative(vm.newest_s),
            tooltip=lambda vm: fmt.absolute(vm.newest_s),
            kind=Kind.TIME,
            width=110,
        ),
        Column[BackedUpVm](
            id="points",
            title="Points",
            value=lambda vm: vm.points,
            kind=Kind.NUMBER,
            default_visible=False,
            width=70,
        ),
        Column[BackedUpVm](
            id="size",
            title="Size",
            value=lambda vm: vm.size_bytes,
            text=lambda vm: fmt.size(vm.size_bytes),
            kind=Kind.BYTES,
            default_visible=False,
            width=90,
        ),
    )


def point_columns(*, job_name: Callable[[BackupRow], str]) -> tuple[Column[BackupRow], ...]:
    """Columns of a VM's points in time.

    Args:
        job_name: name of the job that made it; "" where nobody knows.
    """
    return (
        Column[BackupRow](
            id="when",
            title="Point in time",
            value=lambda row: row.backup.timestamp_ms / 1000,
            text=lambda row: fmt.moment(row.backup.timestamp_ms / 1000),
            tooltip=lambda row: fmt.absolute(row.backup.timestamp_ms / 1000),
            icon=lambda row: icons.icon("history", "secondary"),
            kind=Kind.TIME,
            width=190,
        ),
        Column[BackupRow](
            id="mode",
            title="Mode",
            value=lambda row: point_mode(row),
            tooltip=lambda row: (
                "Stands alone" if row.chain == 1 else f"Builds on {row.chain - 1} before it"
            ),
            width=110,
        ),
        Column[BackupRow](
            id="size",
            title="Size",
            value=lambda row: row.backup.size_bytes,
            text=lambda row: fmt.size(row.backup.size_bytes),
            kind=Kind.BYTES,
            width=90,
        ),
        Column[BackupRow](
            id="chain",
            title="Chain",
            value=lambda row: row.chain,
            tooltip=lambda row: (
                "Stands alone" if row.chain == 1 else f"Builds on {row.chain - 1} before it"
            ),
            kind=Kind.NUMBER,
            default_visible=False,
            width=70,
        ),
        Column[BackupRow](
            id="repository",
            title="Repository",
            value=lambda row: row.repository.name,
            width=115,
        ),
        Column[BackupRow](id="job", title="Job", value=job_name, default_visible=False, width=120),
        Column[BackupRow](
            id="disks",
            title="Disks",
            value=lambda row: len(row.backup.disks) if row.backup.mode == "delta" else None,
            text=lambda row: fmt.count(len(row.backup.disks)) if row.backup.mode == "delta" else "",
            kind=Kind.NUMBER,
            default_visible=False,
            width=70,
        ),
        Column[BackupRow](
            id="tags",
            title="Tags",
            value=lambda row: tuple(row.backup.tags),
            kind=Kind.TAGS,
            default_visible=False,
            width=120,
        ),
    )


def point_mode(row: BackupRow) -> str:
    """Full, key (an incremental one that stands alone) or incremental."""
    if row.backup.mode == "full":
        return "Full"
    return "Key" if row.chain == 1 else "Incremental"
