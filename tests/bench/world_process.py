"""A demo host in a process of its own, driven over standard input: its work is not the app's.

Commands, one a line: `storm CHANGES_PER_S SECONDS`, `touch`, `rename`, `quit`. Each is answered by
one JSON line.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, cast

from xolite_qt.demo_host import start_demo_host


def _answer(**values: Any) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


async def serve(hosts: int, vms: int, alarms: int) -> None:
    """Serves a generated world (the default one for `vms` 0) until `quit` or end of input."""
    generate = (hosts, vms) if vms else None
    async with start_demo_host(generate=generate, seed=7, plain_http=True) as running:
        host = running.host
        if alarms:
            store_alarms(host, alarms)
        vm_refs = [
            ref
            for ref in host.db.refs("VM")
            if not host.db.get("VM", ref)["is_a_template"]
            and not host.db.get("VM", ref)["is_control_domain"]
            and not host.db.get("VM", ref)["is_a_snapshot"]
        ]
        _answer(url=running.url, user=running.user, password=running.password, vms=len(vm_refs))
        loop = asyncio.get_running_loop()
        lines = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while line := (await lines.readline()).decode().split():
            match line:
                case ["storm", rate, seconds]:
                    changes = await storm(host, vm_refs, int(rate), float(seconds))
                    _answer(changes=changes)
                case ["rename", index]:
                    ref = vm_refs[int(index) % len(vm_refs)]
                    stamp = time.monotonic()
                    host.db.set("VM", ref, name_label=f"changed at {stamp!r}")
                    _answer(ref=ref, stamp=stamp)
                case ["traffic"]:
                    _answer(calls=[[c.method, list(c.classes), c.bytes_out] for c in host.calls])
                case _:
                    break


def store_alarms(host: Any, count: int) -> None:
    from xolite_qt.demo_host.worlds.generated import store_alarms as store

    store(host, count)


async def storm(host: Any, vm_refs: list[str], rate: int, seconds: float) -> int:
    """Changes `rate` random VMs a second for so many seconds; returns how many it changed."""
    changes = 0
    start = time.monotonic()
    while (elapsed := time.monotonic() - start) < seconds:
        while changes < elapsed * rate:
            ref = host.rng.choice(vm_refs)
            changes += 1
            host.db.set("VM", ref, name_description=f"change {changes}")
        await asyncio.sleep(0.01)
    return changes


@dataclass
class World:
    """The other end: a running world process."""

    process: subprocess.Popen[str]
    url: str
    user: str
    password: str
    vms: int

    def send(self, *words: object) -> None:
        stdin = cast("IO[str]", self.process.stdin)
        stdin.write(" ".join(map(str, words)) + "\n")
        stdin.flush()

    def receive(self) -> dict[str, Any]:
        stdout = cast("IO[str]", self.process.stdout)
        return cast("dict[str, Any]", json.loads(stdout.readline()))

    def ask(self, *words: object) -> dict[str, Any]:
        self.send(*words)
        return self.receive()


@contextmanager
def world(*, hosts: int = 1, vms: int = 0, alarms: int = 0) -> Iterator[World]:
    """Starts a world process and stops it at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.world_process", str(hosts), str(vms), str(alarms)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        hello = json.loads(cast("IO[str]", process.stdout).readline())
        yield World(process, hello["url"], hello["user"], hello["password"], hello["vms"])
    finally:
        if process.poll() is None:
            cast("IO[str]", process.stdin).close()
        process.wait(timeout=20)
        cast("IO[str]", process.stdout).close()


if __name__ == "__main__":
    asyncio.run(serve(*map(int, sys.argv[1:4])))
