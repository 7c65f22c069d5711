"""A TigerVNC server of its own, with programs on its screen."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from xolite_qt.rfb import Event, FrameDamaged, RfbClient
from xolite_qt.rfb.messages import ENCODINGS

_UP_S = 5.0
LIMIT_S = 8.0


class Watched(RfbClient):
    """A client whose events somebody takes at all times."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        encodings: Sequence[int],
    ) -> None:
        super().__init__(reader, writer, encodings=encodings)
        self._seen: asyncio.Queue[Event] = asyncio.Queue()

    async def pump(self) -> None:
        async for event in self.events():
            self._seen.put_nowait(event)

    async def until(self, wanted: Callable[[Event], bool]) -> Event:
        """The next event that is wanted."""
        async with asyncio.timeout(LIMIT_S):
            while not wanted(event := await self._seen.get()):
                continue
            return event

    async def settled(self, quiet_s: float = 0.25) -> None:
        """Takes what comes until nothing changes any more."""
        async with asyncio.timeout(LIMIT_S):
            with contextlib.suppress(TimeoutError):
                while True:
                    await asyncio.wait_for(self._seen.get(), quiet_s)


@dataclass
class Xvnc:
    """A server that runs.

    Attributes:
        port: of RFB, on loopback.
        display: as X programs want it.
    """

    port: int
    display: str
    home: Path
    programs: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Runs an X program until the server ends."""
        program = subprocess.Popen(
            words,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.programs.append(program)
        return program

    async def run(self, *words: str) -> None:
        """Runs an X program to its end."""
        program = await asyncio.create_subprocess_exec(
            *words, env=self.environment, stderr=subprocess.DEVNULL
        )
        assert await program.wait() == 0

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "DISPLAY": self.display, "HOME": str(self.home)}

    @asynccontextmanager
    async def client(self, *encodings: int) -> AsyncIterator[Watched]:
        """A client that has the first picture."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        client = Watched(reader, writer, encodings=encodings or ENCODINGS)
        await client.connect()
        pump = asyncio.create_task(client.pump())
        try:
            await client.until(lambda event: isinstance(event, FrameDamaged))
            yield client
        finally:
            await client.close()
            await asyncio.gather(pump, return_exceptions=True)


def _start(width: int, height: int, port: int, writes: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            *("Xvnc", "-displayfd", str(writes), "-SecurityTypes", "None", "-localhost"),
            *("-interface", "127.0.0.1", "-rfbport", str(port), "-depth", "24"),
            *("-geometry", f"{width}x{height}", "-nolisten", "tcp", "-br"),
            *("-AcceptSetDesktopSize=1", "-FrameRate", "60", "-RawKeyboard"),
        ],
        pass_fds=(writes,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


async def appears(path: Path, lines: int = 1, limit_s: float = LIMIT_S) -> str:
    """The text of a file, as soon as it has so many whole lines."""
    async with asyncio.timeout(limit_s):
        while (text := _text_of(path)).count("\n") < lines:  # noqa: ASYNC110 - a file tells nobody that it grew
            await asyncio.sleep(0.03)
    return text


def _text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""


@asynccontextmanager
async def xvnc(home: Path, width: int = 800, height: int = 600) -> AsyncIterator[Xvnc]:
    """Runs a server on a free display."""
    reads, writes = os.pipe()
    listener = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()
    server = _start(width, height, port, writes)
    os.close(writes)
    running = Xvnc(port, "", home)
    try:
        async with asyncio.timeout(_UP_S):
            number = await asyncio.to_thread(os.read, reads, 16)
        running.display = f":{int(number)}"
        yield running
    finally:
        os.close(reads)
        for program in running.programs:
            program.terminate()
        server.terminate()
        for process in (*running.programs, server):
            try:
                await asyncio.to_thread(process.wait, _UP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
