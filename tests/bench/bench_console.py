"""A moving screen: ours against TigerVNC's viewer, one after the other on the same server.

BENCH_CONSOLE_S is how long each of them watches. The server itself says how many updates
each was sent. Ours copies what changed into a second picture, in the place of painting.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.bench.report import Finding, median, say
from xolite_qt.rfb import FrameDamaged, Resized, RfbClient

WATCHED_S = float(os.environ.get("BENCH_CONSOLE_S", "60"))
FIRST_FRAMES = 15
SIZE = "1920x1080"
PROGRAMS = ("Xvnc", "Xvfb", "vncviewer", "xterm", "ico")
UP_S = 10.0
UPDATES = re.compile(r"Framebuffer updates: (\d+)")
# A terminal that scrolls colours, and an animation over it.
SCROLL = (
    "i=0; while :; do i=$((i+1));"
    ' printf "\\033[%dm%d the quick brown fox jumps over the lazy dog 0123456789 %d\\033[0m\\r\\n"'
    " $((31+i%7)) $i $((i*7919)); sleep 0.02; done"
)


@dataclass(frozen=True)
class Watched:
    """What one viewer did.

    Attributes:
        updates: that the server sent to it.
        seconds: it watched for.
        cpu_s: it used.
    """

    updates: int
    seconds: float
    cpu_s: float

    @property
    def per_second(self) -> float:
        return self.updates / self.seconds

    @property
    def load(self) -> float:
        """Share of one core."""
        return self.cpu_s / self.seconds


class Screen:
    """A server with something that moves on it."""

    def __init__(self, home: Path) -> None:
        self.log = home / "xvnc.log"
        self._log = self.log.open("wb")
        self._processes: list[subprocess.Popen[bytes]] = []
        self.port = _free_port()
        common = ("-SecurityTypes", "None", "-localhost", "-interface", "127.0.0.1")
        self.display = self._serve(
            *("Xvnc", "-rfbport", str(self.port), "-geometry", SIZE, "-depth", "24", *common),
            *("-FrameRate", "60", "-Log", "*:stderr:100"),
        )
        self.other_display = self._serve("Xvfb", "-screen", "0", "1920x1200x24")
        environment = {**os.environ, "DISPLAY": self.display, "HOME": str(home)}
        self._run(environment, "xterm", "-geometry", "180x60+10+10", "-e", "sh", "-c", SCROLL)
        self._run(environment, "ico", "-faces", "-geometry", "500x500+1350+500", "-sleep", "0.02")
        time.sleep(1.0)

    def _serve(self, *words: str) -> str:
        reads, writes = os.pipe()
        with open(reads, "rb") as told:
            self._processes.append(
                subprocess.Popen(
                    [*words, "-displayfd", str(writes)],
                    pass_fds=(writes,),
                    stdout=subprocess.DEVNULL,
                    stderr=self._log,
                )
            )
            os.close(writes)
            return f":{int(told.readline())}"

    def _run(self, environment: dict[str, str], *words: str) -> None:
        self._processes.append(
            subprocess.Popen(
                words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        )

    def updates_of_last(self, seen_before: int) -> int:
        """Updates that the server sent to the viewer that has just gone."""
        ends = time.monotonic() + UP_S
        while len(found := UPDATES.findall(self.log.read_text(errors="replace"))) <= seen_before:
            if time.monotonic() > ends:
                raise RuntimeError("the server does not tell how many updates it sent")
            time.sleep(0.05)
        return int(found[-1])

    def told(self) -> int:
        """Viewers that have gone so far."""
        return len(UPDATES.findall(self.log.read_text(errors="replace")))

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
            process.wait()
        self._log.close()


@contextlib.contextmanager
def moving_screen() -> Iterator[Screen]:
    with tempfile.TemporaryDirectory() as home:
        screen = Screen(Path(home))
        try:
            yield screen
        finally:
            screen.stop()


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def first_frame_ms(port: int) -> float:
    """From connecting to the first whole picture."""
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    client = RfbClient(reader, writer)
    try:
        await client.connect()
        async for event in client.events():
            if isinstance(event, FrameDamaged):
                return (time.perf_counter() - began) * 1000
    finally:
        await client.close()
    raise AssertionError("no picture")


async def watch(port: int, seconds: float) -> None:
    """Our viewer; says how much processor it used, without the start of Python."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    client = RfbClient(reader, writer)
    before = resource.getrusage(resource.RUSAGE_SELF)
    await client.connect()
    shown = client.framebuffer.pixels.copy()
    try:
        async with asyncio.timeout(seconds):
            async for event in client.events():
                if isinstance(event, Resized):
                    shown = client.framebuffer.pixels.copy()
                elif isinstance(event, FrameDamaged):
                    for x, y, width, height in event.rects:
                        part = np.s_[y : y + height, x : x + width]
                        shown[part] = client.framebuffer.pixels[part]
    except TimeoutError:
        after = resource.getrusage(resource.RUSAGE_SELF)
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        say(json.dumps({"cpu_s": cpu_s, "frames": client.frames}))
    finally:
        await client.close()


def ours(screen: Screen) -> Watched:
    before = screen.told()
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.bench_console", str(screen.port), str(WATCHED_S)],
        check=True,
        capture_output=True,
    )
    cpu_s = float(json.loads(done.stdout)["cpu_s"])
    return Watched(screen.updates_of_last(before), WATCHED_S, cpu_s)


def theirs(screen: Screen) -> Watched:
    """TigerVNC's viewer with the same encoding, and without loss."""
    before = screen.told()
    viewer = subprocess.Popen(
        [
            *("vncviewer", "-SecurityTypes", "None", "-Shared", "-AutoSelect=0", "-NoJPEG"),
            *("-PreferredEncoding", "Tight", "-FullColor", "-RemoteResize=0"),
            f"127.0.0.1::{screen.port}",
        ],
        env={**os.environ, "DISPLAY": screen.other_display},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(WATCHED_S)
    fields = Path(f"/proc/{viewer.pid}/stat").read_text().rpartition(") ")[2].split()
    cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    viewer.terminate()
    viewer.wait()
    return Watched(screen.updates_of_last(before), WATCHED_S, cpu_s)


async def first_frames(port: int) -> list[float]:
    return [await first_frame_ms(port) for _ in range(FIRST_FRAMES)]


def main() -> None:
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        say(f"not installed: {', '.join(missing)}")
        return
    with moving_screen() as screen:
        firsts = asyncio.run(first_frames(screen.port))
        us, them = ours(screen), theirs(screen)
    say(
        Finding(
            f"first frame of a {SIZE} console after connecting, slowest of {FIRST_FRAMES}",
            max(firsts),
            "ms",
            300,
            f"median {median(firsts):.0f} ms",
        ).line()
    )
    detail = f"{WATCHED_S:g} s each: ours {us.per_second:.1f}, TigerVNC {them.per_second:.1f} per s"
    say(
        Finding(
            "frames per second, ours to TigerVNC's viewer",
            us.per_second / them.per_second,
            "ratio",
            None,
            detail,
            least=0.9,
        ).line()
    )
    loads = f"ours {us.load * 100:.0f} %, TigerVNC {them.load * 100:.0f} % of one core"
    say(
        Finding(
            "processor per frame, ours to TigerVNC's viewer",
            (us.cpu_s / us.updates) / (them.cpu_s / them.updates),
            "ratio",
            None,
            loads,
        ).line()
    )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        asyncio.run(watch(int(sys.argv[1]), float(sys.argv[2])))
    else:
        main()
