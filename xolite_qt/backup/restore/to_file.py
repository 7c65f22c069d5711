"""One disk of a backup into a file of this machine: raw, VHD, or qcow2."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from xolite_qt.backup.errors import BackupError, Cancelled, NoSpace
from xolite_qt.backup.repository import Backup, BackupDisk, Repository
from xolite_qt.vhd import BLOCK_BYTES, DiskType, Footer
from xolite_qt.vhd.writing import VhdLayout, block_parts

from .point import DiskPoint

Format = Literal["raw", "vhd", "qcow2"]
Progress = Callable[[int, int], None]
"""Takes (blocks done, blocks in all)."""

_ZEROS = bytes(BLOCK_BYTES)
# The hosts' own. Programs such as qemu trust the size of the files of some creators, and reckon it
# from cylinders for all others, which is not the same.
_CREATOR = b"tap\0"


class RestoreError(BackupError):
    """A restore did not work; the sentence says why."""


@dataclass(frozen=True)
class RestoredFile:
    """What was written.

    Attributes:
        path: the file.
        size_bytes: virtual size of the disk.
        blocks: that hold something.
        proven: of those, how many were compared with a known hash.
    """

    path: Path
    size_bytes: int
    blocks: int
    proven: int


def restore_disk_to_file(
    repository: Repository,
    backup: Backup,
    disk: BackupDisk,
    out: Path,
    *,
    form: Format = "raw",
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> RestoredFile:
    """Writes a disk into a new file; it gets its name when it is whole.

    Args:
        repository: where the backup is.
        backup: which point in time.
        disk: which of its disks.
        out: the file; nothing may be there.
        form: "raw" (sparse), "vhd" (dynamic), or "qcow2" (needs qemu-img).
        progress: told after each block.
        stop: ends it and removes what was written.

    Raises:
        RestoreError: there is a file already, or no qemu-img.
        NoSpace: the disk of this machine is full.
        Damaged, BrokenChain: the backup is not what it was; names the file.
        StorageError, Cancelled: as ever.
    """
    _check_free(out)
    if form == "qcow2" and shutil.which("qemu-img") is None:
        raise RestoreError("for qcow2 the program qemu-img is needed, and is not installed here")
    point = DiskPoint(repository, backup, disk)
    hidden = out.with_name(f".{out.name}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if form == "vhd":
            _write_vhd(point, hidden, progress, stop)
        else:
            _write_raw(point, hidden, progress, stop)
        if form == "qcow2":
            hidden = _to_qcow2(hidden, stop)
        if stop is not None and stop.is_set():
            raise Cancelled
        _name(hidden, out)
    except OSError as error:
        raise NoSpace(str(out), (error.strerror or str(error)).lower()) from error
    finally:
        hidden.unlink(missing_ok=True)
    return RestoredFile(out, point.size_bytes, len(point.indices()), point.proven)


def _check_free(out: Path) -> None:
    # A link that leads nowhere is somebody's, too.
    if os.path.lexists(out):
        raise RestoreError(f"{out} is there already")


def _name(hidden: Path, out: Path) -> None:
    """Gives a file its name; one that came meanwhile is left alone."""
    try:
        os.link(hidden, out)
    except FileExistsError:
        raise RestoreError(f"{out} is there already") from None
    except OSError:
        # A file system without hard links, such as those of cameras and shares.
        _check_free(out)
        os.replace(hidden, out)


def _write_raw(
    point: DiskPoint, path: Path, progress: Progress | None, stop: threading.Event | None
) -> None:
    total, lock, done = len(point.indices()), threading.Lock(), 0
    with path.open("wb", buffering=0) as file:
        file.truncate(point.size_bytes)

        def put(index: int, data: bytes) -> None:
            nonlocal done
            at = index * BLOCK_BYTES
            if data != _ZEROS:
                body = memoryview(data)[: point.size_bytes - at]
                with lock:
                    file.seek(at)
                    while len(body):
                        body = body[file.write(body) :]
            with lock:
                done += 1
                if progress is not None:
                    progress(done, total)

        point.each(put, stop=stop)
        os.fsync(file.fileno())


def _write_vhd(
    point: DiskPoint, path: Path, progress: Progress | None, stop: threading.Event | None
) -> None:
    indices = point.indices()
    made = Footer.make(point.size_bytes, DiskType.DYNAMIC, point.chain.tip.uuid)
    footer = replace(made, creator=_CREATOR)
    layout = VhdLayout.plan(footer, indices)
    with path.open("wb", buffering=1 << 20) as file:
        file.write(layout.head())
        for done, (_, data) in enumerate(point.in_order(indices, stop=stop), 1):
            for part in block_parts(data):
                file.write(part)
            if progress is not None:
                progress(done, len(indices))
        file.write(layout.tail())
        file.flush()
        os.fsync(file.fileno())


def _to_qcow2(raw: Path, stop: threading.Event | None) -> Path:
    made = raw.with_name(f"{raw.name}.qcow2")
    # Absolute: otherwise a name with a colon would be a protocol to it, one with a dash an option.
    names = [os.fspath(raw.absolute()), os.fspath(made.absolute())]
    command = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", *names]
    process = subprocess.Popen(  # noqa: S603 - no shell, and both names are ours
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    said = b""
    try:
        while True:
            try:
                _, said = process.communicate(timeout=0.5)
                break
            except subprocess.TimeoutExpired:
                if stop is not None and stop.is_set():
                    raise Cancelled from None
        if process.returncode:
            text = said.decode(errors="replace").strip()[-300:]
            raise RestoreError(f"qemu-img could not convert the disk: {text}")
    except BaseException:
        process.kill()
        process.wait()
        made.unlink(missing_ok=True)
        raise
    finally:
        raw.unlink(missing_ok=True)
    return made
