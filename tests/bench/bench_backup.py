"""A whole backup as a command: its memory on a disk of 1 TiB, its pace on a disk of a GiB."""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from tests.bench.report import Finding, say

MIB = 1024 * 1024
TIB = 1024**4
VM = "mail"


def sparse_image(path: Path, size_bytes: int, written_mib: int, seed: int) -> None:
    """A raw image with `written_mib` pieces of 1 MiB spread over it, half of each random."""
    chance = random.Random(seed)
    with path.open("wb") as file:
        file.truncate(size_bytes)
        for _ in range(written_mib):
            file.seek(chance.randrange(size_bytes // MIB) * MIB)
            file.write(chance.randbytes(MIB // 2) + b"log line\n" * (MIB // 18))


@contextmanager
def demo_host(vdi: str, image: Path) -> Iterator[dict[str, str]]:
    """A demo host in a process of its own with one disk backed by an image."""
    process = subprocess.Popen(
        [sys.executable, "-m", "xolite_qt", "demo-host", "--disk", f"{vdi}={image}"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield cast("dict[str, str]", json.loads(cast("IO[str]", process.stdout).readline()))
    finally:
        process.terminate()
        process.wait(timeout=30)
        cast("IO[str]", process.stdout).close()


def run_backup(host: dict[str, str], folder: Path, *more: str) -> tuple[dict[str, Any], float, int]:
    """Runs `backup run`; returns its answer, its seconds, and its largest resident set in KiB."""
    secret = folder / "password"
    secret.write_text(host["password"] + "\n")
    command = [sys.executable, "-m", "xolite_qt", "backup", "run", "--host", host["url"]]
    command += ["--user", host["user"], "--password-file", str(secret)]
    command += ["--fingerprint", host["fingerprint"], "--vm", VM]
    command += ["--repo", (folder / "repository").as_uri(), "--json", *more]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    out = cast("IO[str]", process.stdout).read()
    _, status, usage = os.wait4(process.pid, 0)
    cast("IO[str]", process.stdout).close()
    seconds = time.monotonic() - began
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"the backup failed: {out}")
    return cast("dict[str, Any]", json.loads(out)), seconds, usage.ru_maxrss


def memory_of_a_large_disk(nbd: str) -> Finding:
    """The largest resident set while a sparse disk of 1 TiB with 400 MiB on it is backed up."""
    with tempfile.TemporaryDirectory(prefix="xolite-bench-") as place:
        folder = Path(place)
        image = folder / "large.raw"
        sparse_image(image, TIB, 400, 1)
        with demo_host("mail disk 0", image) as host:
            answer, seconds, peak_kib = run_backup(host, folder, "--nbd", nbd)
    disks = answer["backups"][0]["disks"]
    written = sum(disk["written_bytes"] for disk in disks) / MIB
    return Finding(
        f"memory of the backup of a sparse 1 TiB disk, --nbd {nbd}",
        peak_kib / 1024,
        "MiB",
        400,
        f"{written:.0f} MiB written in {seconds:.1f} s by {disks[0]['way']}",
    )


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for nbd in ("auto", "off"):
        say(memory_of_a_large_disk(nbd).line())


if __name__ == "__main__":
    main()
