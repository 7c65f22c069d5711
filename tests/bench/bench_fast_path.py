"""One disk by its two ways, turn by turn: NBD with the table of the VHD, and the VHD export.

The host is a demo host in a process of its own, so that both sides' processor time can be told
apart. A real host turns its VHD into raw and back into VHD for an export, which the demo host does
not: what it costs us is comparable, what it costs the host is not.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import urlsplit

from tests.bench.report import Finding, median, say
from xolite_qt.backup.sources import BLOCK_BYTES, Disk, open_source
from xolite_qt.xen_api import MemoryPins, XenApi

MIB = 1024 * 1024
ROUNDS = int(os.environ.get("BENCH_FAST_PATH_ROUNDS", "3"))
USUAL_IMAGE = Path("/var/tmp/vmdisks/A1.raw")
CONNECTIONS = 2


@dataclass
class Cost:
    """What a reading took.

    Attributes:
        seconds: from opening the disk to its last block.
        own_cpu_s: of this process.
        host_cpu_s: of the host's.
        useful_bytes: of the blocks that were handed on.
    """

    seconds: float
    own_cpu_s: float
    host_cpu_s: float
    useful_bytes: int


@contextmanager
def image() -> Iterator[Path]:
    """A real disk where there is one, else 1 GiB with 400 MiB of data in it."""
    named = os.environ.get("XOLITE_DISK", "")
    if named or USUAL_IMAGE.exists():
        yield Path(named) if named else USUAL_IMAGE
        return
    with tempfile.TemporaryDirectory(prefix="xolite-bench-", dir="/var/tmp") as folder:
        path, chance = Path(folder) / "disk.raw", random.Random(1)
        with path.open("wb") as out:
            out.truncate(1024 * MIB)
            for piece in chance.sample(range(256), 100):
                out.seek(piece * 4 * MIB)
                out.write(chance.randbytes(4 * MIB))
        yield path


@contextmanager
def demo_host(disk: Path, *, secure: bool) -> Iterator[tuple[int, dict[str, Any]]]:
    """Its process, and what it says of itself."""
    command = [sys.executable, "-m", "xolite_qt", "demo-host", "--disk", f"mail disk 0={disk}"]
    command += [] if secure else ["--plain-http"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        line = cast("IO[str]", process.stdout).readline()
        yield process.pid, json.loads(line)
    finally:
        process.terminate()
        process.wait()
        cast("IO[str]", process.stdout).close()


def cpu_of(pid: int) -> float:
    """Seconds of processor time of another process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def cost(api: XenApi, disk: Disk, pid: int, nbd: Any) -> Cost:
    """Reads the disk once and throws it away."""
    began, own, host = time.monotonic(), time.process_time(), cpu_of(pid)
    source = await open_source(api, disk, nbd=nbd, connections=CONNECTIONS, told=say)
    reading = await asyncio.to_thread(source.read, lambda index, data: None, threading.Event())
    source.close()
    seconds, used = time.monotonic() - began, time.process_time() - own
    return Cost(seconds, used, cpu_of(pid) - host, reading.blocks * BLOCK_BYTES)


async def compare(path: Path, *, secure: bool) -> None:
    """Both ways in turn; the first turn warms up."""
    with demo_host(path, secure=secure) as (pid, hello):
        pins, url = MemoryPins(), urlsplit(hello["url"])
        if secure:
            pins.accept(url.hostname or "", url.port or 443, hello["fingerprint"])
        async with XenApi(hello["url"], pins=pins) as api:
            await api.login(hello["user"], hello["password"])
            (network, *_) = await api.call("network.get_all")
            await api.call("network.add_purpose", network, "nbd" if secure else "insecure_nbd")
            (vdi,) = await api.call("VDI.get_by_name_label", "mail disk 0")
            ref = await api.call("VDI.snapshot", vdi, {})
            record = await api.call("VDI.get_record", ref)
            disk = Disk(ref, record["uuid"], int(record["virtual_size"]))
            taken: dict[str, list[Cost]] = {"on": [], "off": []}
            for turn in range(ROUNDS + 1):
                for nbd, costs in taken.items():
                    one = await cost(api, disk, pid, nbd)
                    if turn:
                        costs.append(one)
            await api.call("VDI.destroy", ref)
    tell(taken["on"], taken["off"], f"{path.name}, {'TLS' if secure else 'plain'}")


def tell(nbd: list[Cost], export: list[Cost], where: str) -> None:
    """The ratios, and which side was busy."""

    def words(costs: list[Cost]) -> str:
        seconds = median([one.seconds for one in costs])
        own, host = (
            median([one.own_cpu_s for one in costs]),
            median([one.host_cpu_s for one in costs]),
        )
        return (
            f"{seconds:.2f} s (processor: ours {own:.2f} s, the host's {host:.2f} s) "
            f"for {costs[0].useful_bytes / MIB:.0f} MiB"
        )

    detail = f"NBD {words(nbd)}; export {words(export)}"
    faster = median([one.seconds for one in export]) / median([one.seconds for one in nbd])
    say(Finding(f"VHD export / NBD, seconds, {where}", faster, "ratio", None, detail, 2.0).line())
    pace = [
        costs[0].useful_bytes / MIB / median([one.own_cpu_s for one in costs])
        for costs in (nbd, export)
    ]
    detail = f"{pace[0]:.0f} against {pace[1]:.0f} MiB for each second of our processor"
    title = f"NBD / VHD export, bytes for our processor's time, {where}"
    say(Finding(title, pace[0] / pace[1], "ratio", None, detail, 1.0).line())


def main() -> None:
    with image() as path:
        for secure in (True, False):
            asyncio.run(compare(path, secure=secure))


if __name__ == "__main__":
    main()
