"""A backup repository: what is in it, and who may change it now."""

from __future__ import annotations

import threading
import uuid as uuids
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from xolite_qt.backup.disks import Kind, StoredDisk, open_disk
from xolite_qt.backup.encryption import (
    EncryptedStorage,
    initialise_encryption,
    open_encrypted,
)
from xolite_qt.backup.errors import AlreadyExists, Damaged, NotFound, StorageError
from xolite_qt.backup.storage import Storage
from xolite_qt.backup.storage.folder_lock import hold_folder
from xolite_qt.backup.storage.local import LocalStorage

from .cache import read_cache
from .layout import (
    BACKUPS,
    OURS,
    REPOSITORY_FILE,
    disk_folder,
    is_metadata,
    is_vm,
    lease_path,
    vm_folder,
)
from .manifest import Manifests
from .metadata import Backup, from_dict, read_metadata
from .writing import BackupWriter


class _Identity(msgspec.Struct):
    id: str
    format: int = 1


@dataclass
class Listing:
    """What a repository holds.

    Attributes:
        backups: oldest first per VM.
        damaged: descriptions that cannot be read, each with its reason.
    """

    backups: list[Backup] = field(default_factory=list)
    damaged: list[Damaged] = field(default_factory=list)


class Repository:
    """An opened repository. Methods may be called from any thread.

    Attributes:
        storage: where it lies; decrypts where it is encrypted.
        encrypted: whether it is.
        name: its URL without secrets.
    """

    def __init__(self, storage: Storage) -> None:
        """Use `open` or `create`."""
        self.storage = storage
        self.encrypted = isinstance(storage, EncryptedStorage)
        self.name = storage.name
        self._id = ""

    @classmethod
    def open(cls, storage: Storage, key: str | None = None) -> Repository:
        """A repository that is there, or that the first backup will make; nothing is written.

        Args:
            storage: where it lies.
            key: 32 characters, where it is encrypted.

        Raises:
            WrongKey: the key does not fit, or one is needed.
            StorageError: it cannot be reached.
        """
        return cls(open_encrypted(storage, key))

    @classmethod
    def create(
        cls,
        storage: Storage,
        key: str | None = None,
        algorithm: Literal["chacha20-poly1305", "aes-256-gcm"] = "chacha20-poly1305",
    ) -> Repository:
        """A new repository, encrypted where a key is given; an existing one is opened.

        Raises:
            WrongKey, StorageError: as `open`.
            RepositoryError: there are files already that are not encrypted.
        """
        if key is not None and storage.stat("encryption.json") is None:
            made = cls(initialise_encryption(storage, key, algorithm))
        else:
            made = cls.open(storage, key)
        made.id  # noqa: B018 - writes it
        return made

    @property
    def id(self) -> str:
        """A uuid that stays with the repository wherever it is copied; made if there is none."""
        if not self._id:
            known = self._read_id()
            if known is None:
                made = _Identity(str(uuids.uuid4()))
                try:
                    self.storage.write(REPOSITORY_FILE, msgspec.json.encode(made), if_absent=True)
                    known = made.id
                except AlreadyExists:
                    known = self._read_id() or made.id
            self._id = known
        return self._id

    def known_id(self) -> str | None:
        """The id, or None where nobody has written into it yet; writes nothing.

        Raises:
            Damaged, StorageError: it cannot be read.
        """
        return self._read_id()

    def _read_id(self) -> str | None:
        try:
            raw = self.storage.read(REPOSITORY_FILE)
            return msgspec.json.decode(raw, type=_Identity).id
        except NotFound:
            return None
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise Damaged(REPOSITORY_FILE, "does not say which repository this is") from None

    # What there is

    def vms(self) -> list[str]:
        """uuids of all VMs with a folder, sorted."""
        return [e.name for e in self.storage.list(BACKUPS) if e.is_folder and is_vm(e.name)]

    def listing(self, vm_uuid: str | None = None) -> Listing:
        """All backups, of one VM or of all; a damaged description hides no other.

        Raises:
            StorageError: the storage does not answer.
        """
        found = Listing()
        for vm in [vm_uuid] if vm_uuid is not None else self.vms():
            self._list_vm(vm, found)
        return found

    def _list_vm(self, vm: str, found: Listing) -> None:
        folder = vm_folder(vm)
        names = [e.name for e in self.storage.list(folder) if is_metadata(e.name)]
        if not names:
            return
        cache = read_cache(self.storage, vm) or {}
        for name in names:
            path = f"{folder}/{name}"
            try:
                known = cache.get(f"/{path}")
                found.backups.append(
                    self._one(path) if known is None else from_dict(_bare(known), path)
                )
            except NotFound:
                continue
            except Damaged as error:
                found.damaged.append(error)

    def _one(self, path: str) -> Backup:
        return read_metadata(self.storage.read(path), path)

    def backups(self, vm_uuid: str | None = None) -> list[Backup]:
        """All backups whose description can be read, oldest first per VM.

        Raises:
            StorageError: the storage does not answer.
        """
        return self.listing(vm_uuid).backups

    def backup(self, backup_id: str) -> Backup:
        """One, by its id.

        Raises:
            NotFound: there is none.
            Damaged: it cannot be read.
        """
        path = backup_id.lstrip("/")
        parts = path.split("/")
        if len(parts) != 3 or parts[0] != BACKUPS or not is_metadata(parts[2]):
            raise NotFound(backup_id, "is no backup's id: /xo-vm-backups/<vm>/<date>.json")
        return self._one(path)

    def manifests(self, vm_uuid: str) -> Manifests:
        """The hashes of a VM's backups."""
        return Manifests(self.storage, vm_uuid)

    # Who may change it

    @property
    def bare_storage(self) -> Storage:
        """The storage itself, under the encryption."""
        return self.storage.inner if isinstance(self.storage, EncryptedStorage) else self.storage

    @contextmanager
    def lock_vm(
        self,
        vm_uuid: str,
        owner: str,
        *,
        wait_s: float = 0.0,
        stop: threading.Event | None = None,
    ) -> Iterator[threading.Event]:
        """Only one at a time changes a VM's folder: among ours, and Xen Orchestra on folders.

        Gives an event that is set if the lock was lost on the way.

        Raises:
            Busy: another one has it for longer than `wait_s`.
            Cancelled: `stop` was set.
        """
        bare = self.bare_storage
        if isinstance(bare, LocalStorage):
            folder = bare.root / vm_folder(vm_uuid)
            note = bare.root / OURS / "locks" / f"{vm_uuid}.json"
            try:
                with hold_folder(folder, note, owner, wait_s=wait_s, stop=stop) as lost:
                    yield lost
            except OSError as error:
                what = (error.strerror or str(error)).lower()
                raise StorageError(vm_folder(vm_uuid), f"cannot be locked: {what}") from error
            return
        from xolite_qt.backup.storage.lease import hold_lease

        with hold_lease(bare, lease_path(vm_uuid), owner, wait_s=wait_s, stop=stop) as lease:
            yield lease.lost

    # What an incremental goes on from

    def newest_link(
        self, vm_uuid: str, job_id: str, vdi_uuid: str, footer_uuid: str, kind: Kind
    ) -> StoredDisk | None:
        """The disk that a difference to the snapshot `footer_uuid` can lie over.

        Xen Orchestra's rule: the newest of its folder, if it has this uuid and the kind that is
        written now (of folders of blocks: with brotli). None: a full one is due.
        """
        folder = disk_folder(vm_uuid, job_id, vdi_uuid)
        names = [
            e.name
            for e in self.storage.list(folder)
            if not e.is_folder and e.name.endswith(".vhd") and not e.name.startswith(".")
        ]
        if not names:
            return None
        try:
            tip = open_disk(self.storage, f"{folder}/{names[-1]}")
        except (Damaged, NotFound):
            return None
        if tip.uuid != footer_uuid or tip.kind is not kind:
            return None
        if kind is Kind.DIRECTORY and tip.compression != "brotli":
            return None
        return tip

    def new_backup(
        self,
        *,
        vm: dict[str, Any],
        vm_snapshot: dict[str, Any],
        job_id: str,
        schedule_id: str,
        mode: Literal["full", "delta"],
        timestamp_ms: int,
    ) -> BackupWriter:
        """Begins a backup; hold the lock of the VM meanwhile.

        Args:
            vm, vm_snapshot: records of the host, with `$ref` and `$type`.
            job_id, schedule_id: uuids.
            mode: "full" (XVA) or "delta" (disks).
            timestamp_ms: since 1970; moved on by whole seconds while that name is taken.
        """
        self.id  # noqa: B018 - a repository gets its name with its first backup
        return BackupWriter(
            self.storage,
            vm=vm,
            vm_snapshot=vm_snapshot,
            job_id=job_id,
            schedule_id=schedule_id,
            mode=mode,
            timestamp_ms=timestamp_ms,
        )


def _bare(entry: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in entry.items() if k not in ("_filename", "id", "isImmutable")}


def by_vm(backups: Sequence[Backup]) -> dict[str, list[Backup]]:
    """Backups by the VM they are of."""
    found: dict[str, list[Backup]] = {}
    for backup in backups:
        found.setdefault(backup.vm_uuid, []).append(backup)
    return found
