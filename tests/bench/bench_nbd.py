"""Reads over NBD: ours against nbdcopy, from the same nbdkit, turn by turn.

nbdcopy reads holes without asking for their bytes where it may (`--no-extents` forbids it); we are
told by the host which blocks to read, so that the comparison is the one without.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.report import Finding, median, say
from xolite_qt.nbd import NbdConnection, TlsSettings, read_extents

MIB = 1024 * 1024
BLOCK_BYTES = 2 * MIB
SIZE_BYTES = int(os.environ.get("BENCH_NBD_MIB", "1024")) * MIB
ROUNDS = int(os.environ.get("BENCH_NBD_ROUNDS", "3"))


@dataclass(frozen=True)
class Server:
    """An nbdkit that runs.

    Attributes:
        port: on loopback.
        tls: for our side.
        folder: of certificates, for nbdcopy.
    """

    port: int
    tls: TlsSettings | None
    folder: str

    def uri(self) -> str:
        """For nbdcopy."""
        if self.tls is None:
            return f"nbd://127.0.0.1:{self.port}"
        return f"nbds://localhost:{self.port}/?tls-certificates={self.folder}"


@contextmanager
def nbdkit(folder: str, *plugin: str, secure: bool) -> Iterator[Server]:
    """Serves it on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    more = ["--tls=require", f"--tls-certificates={folder}"] if secure else []
    command = ["nbdkit", "-f", "-r", "-i", "127.0.0.1", "-p", str(port), *more, *plugin]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        tls = TlsSettings((Path(folder) / "server-cert.pem").read_text(), "localhost")
        yield Server(port, tls if secure else None, folder)
    finally:
        process.terminate()
        process.wait()


def ours(server: Server, connections: int) -> None:
    """All of it, block by block, thrown away."""

    def connect(stop: threading.Event) -> NbdConnection:
        return NbdConnection("127.0.0.1", server.port, "", tls=server.tls, stop=stop)

    extents = ((i, at, BLOCK_BYTES) for i, at in enumerate(range(0, SIZE_BYTES, BLOCK_BYTES)))
    read_extents(connect, extents, lambda number, data: None, connections=connections)


def nbdcopy(*options: str) -> Callable[[Server, int], None]:
    """All of it to nowhere."""

    def run(server: Server, connections: int) -> None:
        command = ["nbdcopy", *options, f"--connections={connections}", server.uri(), "null:"]
        subprocess.run(command, check=True)

    return run


def certificates(folder: str) -> None:
    """A server's own certificate, which signs itself, for both sides."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command += ["-keyout", f"{folder}/server-key.pem", "-out", f"{folder}/server-cert.pem"]
    subprocess.run(command, check=True, capture_output=True)
    shutil.copy(f"{folder}/server-cert.pem", f"{folder}/ca-cert.pem")


def image(folder: str) -> str:
    """A file without holes, in the page cache."""
    path = Path(folder) / "disk.raw"
    with path.open("wb") as out:
        for _ in range(SIZE_BYTES // (16 * MIB)):
            out.write(os.urandom(16 * MIB))
    return str(path)


def cpu_s() -> float:
    """What this process and the programs that it ran have used so far; not the server."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def main() -> None:
    for program in ("nbdkit", "nbdcopy", "openssl"):
        if shutil.which(program) is None:
            raise SystemExit(f"{program} is not installed")
    ways = {
        "ours": ours,
        "nbdcopy --no-extents": nbdcopy("--no-extents"),
        "nbdcopy": nbdcopy(),
    }
    # Beside the images that are measured elsewhere: on a disk, not in memory.
    with tempfile.TemporaryDirectory(prefix="xolite-bench-", dir="/var/tmp") as folder:
        certificates(folder)
        plugins = {
            "pattern": ("pattern", str(SIZE_BYTES)),
            "file": ("file", image(folder)),
        }
        for secure in (False, True):
            for name, plugin in plugins.items():
                for connections in (1, 4):
                    with nbdkit(folder, *plugin, secure=secure) as server:
                        compare(ways, server, name, connections)


def compare(
    ways: dict[str, Callable[[Server, int], None]], server: Server, name: str, connections: int
) -> None:
    """Each way in turn, as often as `ROUNDS` says; the first turn warms up."""
    taken: dict[str, list[float]] = {way: [] for way in ways}
    worked: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(ROUNDS + 1):
        for way, run in ways.items():
            began, worked_before = time.monotonic(), cpu_s()
            run(server, connections)
            if turn:
                taken[way].append(time.monotonic() - began)
                worked[way].append(cpu_s() - worked_before)
    pace = {way: SIZE_BYTES / MIB / median(seconds) for way, seconds in taken.items()}
    safety = "plain" if server.tls is None else "TLS"
    for way in ("nbdcopy --no-extents", "nbdcopy"):
        title = f"NBD reads, {name}, {safety}, connections: {connections}; ours / {way}"
        detail = f"{pace['ours']:.0f} MiB/s against {pace[way]:.0f} MiB/s; of our processor "
        detail += f"{median(worked['ours']):.2f} s against {median(worked[way]):.2f} s"
        say(Finding(title, pace["ours"] / pace[way], "ratio", None, detail, 0.9).line())


if __name__ == "__main__":
    main()
