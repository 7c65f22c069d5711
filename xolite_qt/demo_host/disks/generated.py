"""What is on the disks of a world that nobody gave files for: made when somebody first looks.

The same disk of the same seed holds the same on one machine. Where `mke2fs` is there it is a real
ext4 file system in a partition, with a few folders of files; elsewhere the same files lie one after
the other behind a list of them.
"""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
import tempfile
import uuid as uuids
import zlib
from pathlib import Path
from typing import IO

MIB = 1 << 20
SECTOR_BYTES = 512
PARTITION_BYTES = MIB
_LEAST_BYTES = 24 * MIB
_FILE_SYSTEM_BYTES = 192 * MIB
_TIME = "1735689600"
_WORDS = (
    *("appointment", "invoice", "patient", "reminder", "x-ray", "backup", "printer", "letter"),
    *("archive", "update", "session", "network", "error", "warning", "started", "stopped"),
    *("connected", "user", "received", "sent", "queue", "disk", "ready"),
)


def make_disk(uuid: str, name: str, seed: int, size_bytes: int) -> IO[bytes]:
    """A sparse temporary file with a partition table, a file system and files. Blocks.

    Args:
        uuid: of the disk.
        name: a label for the file system.
        seed: of the world.
        size_bytes: of the disk; tiny ones get a few bytes of text only.

    Returns:
        The open file; it is gone when closed.
    """
    rng = random.Random(f"disk {uuid} {seed}")
    file = tempfile.TemporaryFile(prefix="xolite-demo-", buffering=0)  # noqa: SIM115
    file.truncate(size_bytes)
    if size_bytes < _LEAST_BYTES:
        file.write(f"{name} {uuid}\n".encode()[:size_bytes])
        return file
    room = min(_FILE_SYSTEM_BYTES, (size_bytes - 2 * PARTITION_BYTES) // MIB * MIB)
    file.write(_master_boot_record(rng, room))
    budget = min(room // 4, rng.randrange(10 * MIB, 40 * MIB))
    files = _some_files(rng, name, budget)
    if not _ext4(file, uuid, name, room, files):
        _stand_in(file, name, files)
    return file


def _master_boot_record(rng: random.Random, room: int) -> bytes:
    """One bootable partition of Linux."""
    entry = struct.pack(
        "<B3sB3sII",
        0x80,
        b"\x20\x21\x00",
        0x83,
        b"\xfe\xff\xff",
        PARTITION_BYTES // SECTOR_BYTES,
        room // SECTOR_BYTES,
    )
    code = b"\xeb\x63\x90" + rng.randbytes(437)
    return code + rng.randbytes(4) + bytes(2) + entry + bytes(48) + b"\x55\xaa"


def _some_files(rng: random.Random, name: str, budget: int) -> dict[str, bytes]:
    """Contents by path: text that compresses well, pictures that do not."""
    files = {
        "etc/hostname": f"{name.split()[0] if name else 'guest'}\n".encode(),
        "etc/fstab": b"/dev/xvda1 / ext4 errors=remount-ro 0 1\n",
    }
    lines = [
        f"2025-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02} "
        + " ".join(rng.choices(_WORDS, k=9))
        for _ in range(500)
    ]
    left, number = budget, 0
    while left > 0:
        size = min(left, rng.choice((40_000, 200_000, 900_000, 3_000_000)))
        if number % 3 == 2:
            text = ("\n".join(rng.sample(lines, 200)) + "\n").encode()
            files[f"var/log/messages.{number}"] = (text * (size // len(text) + 1))[:size]
        else:
            files[f"srv/images/scan-{number:04}.raw"] = rng.randbytes(size)
        left, number = left - size, number + 1
    return files


def _ext4(file: IO[bytes], uuid: str, name: str, room: int, files: dict[str, bytes]) -> bool:
    """Put an ext4 file system into the partition.

    Returns:
        False where there is no `mke2fs`, or it fails.
    """
    tool = shutil.which("mke2fs", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if tool is None:
        return False
    with tempfile.TemporaryDirectory(prefix="xolite-demo-") as folder:
        root, image = Path(folder) / "root", Path(folder) / "image"
        root.mkdir()
        for path, data in files.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        for folder_or_file in root.rglob("*"):
            os.utime(folder_or_file, (int(_TIME), int(_TIME)))
        own = uuids.uuid5(uuids.NAMESPACE_URL, f"file system {uuid}")
        command = [tool, "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0", "-U", str(own)]
        command += ["-E", f"hash_seed={own},lazy_itable_init=1,lazy_journal_init=1"]
        command += ["-J", "size=4", "-L", name.encode()[:16].decode(errors="ignore")]
        command += ["-d", str(root), str(image), f"{room // 1024}k"]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": _TIME, "E2FSPROGS_FAKE_TIME": _TIME}
        done = subprocess.run(  # noqa: S603
            command, env=environment, capture_output=True, check=False, timeout=60
        )
        if done.returncode:
            return False
        _copy_data(image, file, PARTITION_BYTES)
    return True


def _copy_data(image: Path, file: IO[bytes], offset: int) -> None:
    """Copy what is not zero, so that holes stay holes."""
    piece_bytes = 64 * 1024
    with image.open("rb", buffering=0) as source:
        while piece := source.read(piece_bytes):
            if piece.count(0) != len(piece):
                file.seek(offset)
                file.write(piece)
            offset += len(piece)


def _stand_in(file: IO[bytes], name: str, files: dict[str, bytes]) -> None:
    """The files one after the other behind a list of them, from the partition's start on."""
    listed, at = [], PARTITION_BYTES + MIB
    for path, data in files.items():
        listed.append(f"{at} {len(data)} {zlib.crc32(data):08x} {path}")
        file.seek(at)
        file.write(data)
        at += -(-len(data) // 4096) * 4096
    file.seek(PARTITION_BYTES)
    file.write(f"{name}\n".encode() + "\n".join(listed).encode() + b"\n")
