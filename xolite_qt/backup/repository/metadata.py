"""What the description of a backup says. Source: backup-repository.md 1.2."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from xolite_qt.backup.errors import Damaged, StorageError
from xolite_qt.backup.storage.paths import parent_of, resolve

# A description with hundreds of disks has less; more is no description.
MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class BackupDisk:
    """One disk of a backup.

    Attributes:
        uuid: of the VM's own disk.
        snapshot_uuid: of the snapshot that was read; the footer of the VHD has it too.
        name: as the host had it; never to be taken for rich text.
        size_bytes: the virtual size.
        path: of the alias or VHD file in the repository.
        ref: the key of the disk in the description.
    """

    uuid: str
    snapshot_uuid: str
    name: str
    size_bytes: int
    path: str
    ref: str


@dataclass(frozen=True)
class Backup:
    """One point in time of a VM.

    Attributes:
        id: `/xo-vm-backups/<vm>/<date>.json`.
        vm_uuid, vm_name: of the VM.
        timestamp_ms: since 1970.
        mode: "full" (XVA) or "delta" (disks).
        job_id, schedule_id: who made it.
        size_bytes: as the description says.
        tags: of long-term retention, such as "daily=2026-01-02".
        disks: of a delta.
        xva_path: of a full.
        differencing: per disk (key), whether it needs a parent.
        metadata: the whole description.
    """

    id: str
    vm_uuid: str
    vm_name: str
    timestamp_ms: int
    mode: Literal["full", "delta"]
    job_id: str
    schedule_id: str
    size_bytes: int
    tags: tuple[str, ...] = ()
    disks: tuple[BackupDisk, ...] = ()
    xva_path: str | None = None
    differencing: dict[str, bool] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def path(self) -> str:
        """The description's file."""
        return self.id.lstrip("/")

    @property
    def files(self) -> set[str]:
        """Paths of the disks and the XVA file that it names."""
        xva = {self.xva_path} if self.xva_path is not None else set()
        return {disk.path for disk in self.disks} | xva

    def disk(self, name: str) -> BackupDisk:
        """The disk with this uuid, its own or the snapshot's, or the only one with this name.

        Raises:
            Damaged: none has, or several have.
        """
        for disk in self.disks:
            if name in (disk.uuid, disk.snapshot_uuid):
                return disk
        named = [disk for disk in self.disks if disk.name == name]
        if len(named) == 1:
            return named[0]
        count = "several disks are" if named else "no disk is"
        raise Damaged(self.id, f"{count} called {name!r}")


class _Record(msgspec.Struct):
    uuid: str
    name_label: str = ""


class _Vdi(msgspec.Struct, rename={"origin": "$snapshot_of$uuid"}):
    uuid: str
    name_label: str = ""
    virtual_size: int | float = 0
    origin: str | None = None


class _Metadata(msgspec.Struct, rename="camel"):
    mode: Literal["full", "delta"]
    timestamp: int | float
    vm: _Record
    job_id: str = ""
    schedule_id: str = ""
    size: int | float = 0
    tags: list[str] = []
    vdis: dict[str, _Vdi] = {}
    vhds: dict[str, str] = {}
    is_vhd_differencing: dict[str, bool] = {}
    xva: str | None = None


def read_metadata(raw: bytes, path: str) -> Backup:
    """A backup out of its description.

    Raises:
        Damaged: this is no description; names the file.
    """
    try:
        if len(raw) > MOST_BYTES:
            raise ValueError(f"it has {len(raw)} bytes")
        whole = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Damaged(path, "is no description of a backup: it is not JSON") from None
    return from_dict(whole, path)


def from_dict(whole: dict[str, Any], path: str) -> Backup:
    """A backup out of a decoded description.

    Raises:
        Damaged: as `read_metadata`.
    """
    path = path.lstrip("/")
    try:
        found = msgspec.convert(whole, _Metadata, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Damaged(path, f"is no description of a backup: {error}") from None
    folder = parent_of(path)
    disks = []
    try:
        for ref, vhd in found.vhds.items():
            vdi = found.vdis.get(ref)
            if vdi is None:
                raise Damaged(path, f"names the file {vhd!r} but no disk that it belongs to")
            disks.append(
                BackupDisk(
                    uuid=vdi.origin or vdi.uuid,
                    snapshot_uuid=vdi.uuid,
                    name=vdi.name_label,
                    size_bytes=int(vdi.virtual_size),
                    path=resolve(folder, vhd),
                    ref=ref,
                )
            )
        xva = resolve(folder, found.xva) if found.xva else None
    except StorageError as error:
        raise Damaged(path, f"names a file that cannot be: {error}") from None
    if found.mode == "full" and xva is None:
        raise Damaged(path, "is a full backup that names no XVA file")
    return Backup(
        id=f"/{path}",
        vm_uuid=found.vm.uuid,
        vm_name=found.vm.name_label,
        timestamp_ms=int(found.timestamp),
        mode=found.mode,
        job_id=found.job_id,
        schedule_id=found.schedule_id,
        size_bytes=int(found.size),
        tags=tuple(found.tags),
        disks=tuple(disks),
        xva_path=xva,
        differencing=dict(found.is_vhd_differencing),
        metadata=whole,
    )


def pack_metadata(metadata: dict[str, Any]) -> bytes:
    """A description as it is stored."""
    return msgspec.json.encode(metadata)
