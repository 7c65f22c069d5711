"""XVA files on this computer, the checksums beside them, and how far a transfer of one is."""

from __future__ import annotations

import errno
import hashlib
import shutil
import threading
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from .errors import XenApiError

PIECE_BYTES = 1024 * 1024
# So much stays free on the disk that is written to: a full one stops the whole computer.
_SPARE_BYTES = 128 * 1024 * 1024
_SUM_SUFFIX = ".sha256"
_GZIP, _ZSTD, _TAR_NAME = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"ova.xml\0"


class Phase(StrEnum):
    """What a transfer is at, in words."""

    WAITING = "Waiting"
    CHECKING = "Checking the file"
    SNAPSHOT = "Taking a snapshot"
    MOVING = "Transferring"
    ENDING = "Finishing"


class FileTrouble(XenApiError):  # noqa: N818 - as the other errors here
    """A file on this computer cannot be used as wanted; the text says why."""


class TransferStopped(XenApiError):  # noqa: N818 - as the other errors here
    """The user ended a transfer; nothing of it was kept."""

    def __init__(self) -> None:
        super().__init__("It was cancelled; nothing was kept.")


@dataclass
class Meter:
    """How far a transfer is; written by its thread, read by whoever shows it.

    Attributes:
        phase: what it is at.
        moved_bytes: in this phase.
        total_bytes: about so much in this phase; 0 where nobody knows.
        host_fraction: how far the host says it is with this phase; 0 where it says nothing.
        stop: set it to end the transfer.
    """

    phase: Phase = Phase.WAITING
    moved_bytes: int = 0
    total_bytes: int = 0
    host_fraction: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)

    def begin(self, phase: Phase, total_bytes: int = 0) -> None:
        """Goes on to the next phase."""
        self.phase, self.moved_bytes, self.total_bytes = phase, 0, total_bytes
        self.host_fraction = 0.0

    @property
    def fraction(self) -> float | None:
        """How far this phase is; None where nobody knows."""
        if self.host_fraction > 0:
            return min(1.0, self.host_fraction)
        if self.total_bytes > 0:
            return min(1.0, self.moved_bytes / self.total_bytes)
        return None

    def check(self) -> None:
        """Raises: TransferStopped: the user has ended it."""
        if self.stop.is_set():
            raise TransferStopped


@dataclass(frozen=True)
class Saved:
    """A file that was written.

    Attributes:
        path: of it.
        size_bytes: of it.
        sha256: in hexadecimal; also in the file beside it.
    """

    path: Path
    size_bytes: int
    sha256: str


def part_of(target: Path) -> Path:
    """The name of a file that is not whole yet."""
    return target.with_name(f"{target.name}.part")


def sum_of(path: Path) -> Path:
    """The file with the checksum of a file, as `sha256sum` writes and reads it."""
    return path.with_name(f"{path.name}{_SUM_SUFFIX}")


def free_bytes(folder: Path) -> int:
    """What can still be written there. Blocks.

    Raises:
        OSError: there is no such folder.
    """
    return max(0, shutil.disk_usage(folder).free - _SPARE_BYTES)


def look_at(source: Path) -> int:
    """The size in bytes of a file that begins like an XVA. Blocks.

    Raises:
        FileTrouble: it cannot be read, or is something else.
    """
    try:
        size = source.stat().st_size
        with source.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise FileTrouble(file_words(source, error)) from error
    if not head:
        raise FileTrouble(f"{source.name} is empty.")
    if not head.startswith((_GZIP, _ZSTD, _TAR_NAME)):
        if source.suffix.lower() in (".ova", ".ovf"):
            raise FileTrouble(
                f"{source.name} is an OVF appliance, which hosts do not import; it has to be an "
                "XVA file."
            )
        raise FileTrouble(f"{source.name} is no XVA file: it does not begin like one.")
    return size


def known_sum(source: Path) -> str | None:
    """The checksum that stands beside a file, or None. Blocks.

    Raises:
        FileTrouble: there is a file beside it, but no checksum in it.
    """
    beside = sum_of(source)
    try:
        with beside.open("rb") as file:
            words = file.read(4096).decode("utf-8", "replace").split()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileTrouble(file_words(beside, error)) from error
    if not words or len(words[0]) != 64 or set(words[0].lower()) - set("0123456789abcdef"):
        raise FileTrouble(f"{beside.name} has no SHA-256 checksum in it.")
    return words[0].lower()


def check_file(source: Path, meter: Meter) -> int:
    """Compares a file with the checksum beside it, if there is one. Blocks.

    Returns:
        Its size in bytes.

    Raises:
        FileTrouble: as `import_vm`.
        TransferStopped: the user has ended it.
    """
    size, wanted = look_at(source), known_sum(source)
    if wanted is None:
        return size
    meter.begin(Phase.CHECKING, size)
    digest = hashlib.sha256()
    try:
        with source.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                digest.update(piece)
                meter.moved_bytes += len(piece)
                meter.check()
    except OSError as error:
        raise FileTrouble(file_words(source, error)) from error
    if digest.hexdigest() != wanted:
        raise FileTrouble(
            f"{source.name} is damaged: its checksum is not the one in {sum_of(source).name}."
        )
    return size


def file_words(path: Path, error: OSError) -> str:
    """What the system has against a file, in words."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return f"There is no room left for it in {path.parent}."
        case errno.EFBIG:
            return f"The file system of {path.parent} takes no file of this size."
        case errno.EACCES | errno.EPERM:
            return f"You may not use {path}: its permissions do not allow it."
        case errno.EROFS:
            return f"{path.parent} can only be read."
        case errno.ENOENT:
            return f"{path} is not there."
        case errno.EISDIR:
            return f"{path} is a folder."
        case _:
            return f"{path.name}: {error.strerror or error}."
