"""Against QEMU's server, which is the one of XCP-ng, with a guest of 512 bytes."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.needs import needs
from xolite_qt.rfb import FrameDamaged, RfbClient, american_keysym, strokes_of
from xolite_qt.rfb.keysyms import SCANCODES
from xolite_qt.rfb.messages import HEXTILE, RAW, TIGHT, ZRLE

needs("qemu-system-x86_64")

UP_S = 10.0
LIMIT_S = 5.0
# Paints di * di / 256 all over mode 13h, tells "R" at port 0xE9, then each byte of the keyboard.
BOOT_SECTOR = bytes.fromhex(
    "b81300 cd10 fa b800a0 8ec0 31ff 89f8 f7e7 c1e808 aa 85ff 75f4"
    "b052 e6e9 e464 a801 74fa e460 e6e9 ebf4"
)


class Guest:
    """A machine that shows a picture and tells its keys.

    Attributes:
        port: of RFB.
    """

    def __init__(self, home: Path) -> None:
        self._disk, self._told = home / "disk", home / "keys"
        self._disk.write_bytes(BOOT_SECTOR.ljust(510, b"\0") + b"\x55\xaa")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._process = subprocess.Popen(
            [
                *("qemu-system-x86_64", "-machine", "pc,accel=tcg", "-m", "16"),
                *("-nodefaults", "-vga", "std", "-display", "none", "-net", "none"),
                *("-vnc", f"127.0.0.1:{self.port - 5900},share=ignore", "-k", "en-us"),
                *("-drive", f"file={self._disk},format=raw,if=ide"),
                *("-debugcon", f"file:{self._told}"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def keys(self) -> bytes:
        """What the guest got."""
        return self._told.read_bytes() if self._told.exists() else b""

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    @asynccontextmanager
    async def client(self, *encodings: int) -> AsyncIterator[RfbClient]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        client = RfbClient(reader, writer, encodings=encodings)
        try:
            await client.connect()
            async for event in client.events():
                if isinstance(event, FrameDamaged):
                    break
            yield client
        finally:
            await client.close()


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """A guest whose picture is there."""
    running = Guest(tmp_path_factory.mktemp("guest"))
    try:
        ends = time.monotonic() + UP_S
        while running.keys()[:1] != b"R":
            assert time.monotonic() < ends
            time.sleep(0.05)
        yield running
    finally:
        running.stop()


async def test_every_encoding_gives_the_same_pixels(guest: Guest) -> None:
    async with guest.client(RAW) as client:
        plain = client.framebuffer.pixels.copy()
        plain_bytes = client.received_bytes
    assert len(np.unique(plain)) > 50
    for encoding in (HEXTILE, ZRLE, TIGHT):
        async with guest.client(encoding) as client:
            assert (client.framebuffer.pixels == plain).all()
            assert client.received_bytes != plain_bytes


async def test_keys_reach_the_places_that_are_meant(guest: Guest) -> None:
    """The server translates keysyms by the American map, as XCP-ng's does."""
    text = "Zy@^<>{|\\/~ é\n"
    wanted = b""
    async with guest.client(ZRLE) as client:
        for layout in ("us", "de", "fr", "it"):
            before = len(guest.keys())
            wanted = b""
            for stroke in strokes_of(text, layout).strokes:
                client.send_key(stroke.keysym, stroke.down, stroke.scancode)
                wanted += _set_1(stroke.scancode, stroke.down)
            assert await _typed(guest, before, len(wanted)) == wanted, layout


async def test_every_named_key_and_place_is_known_to_the_server(guest: Guest) -> None:
    places = {keysym: code for keysym, code in SCANCODES.items() if code not in UNPLAIN}
    places |= {american_keysym(code, False): code for code in (*range(2, 0x36), 0x39, 0x56)}
    async with guest.client(ZRLE) as client:
        for keysym, scancode in places.items():
            before = len(guest.keys())
            for down in (True, False):
                client.send_key(keysym, down)
            wanted = _set_1(scancode, True) + _set_1(scancode, False)
            assert (await _typed(guest, before, len(wanted))).hex() == wanted.hex(), hex(keysym)


# Locks, and what depends on them: the server presses Num Lock where it thinks that it must. Pause
# and Print are no single codes.
UNPLAIN = (
    0x3A,
    0x45,
    0x46,
    0x54,
    0xC6,
    0x52,
    0x4F,
    0x50,
    0x51,
    0x4B,
    0x4C,
    0x4D,
    0x47,
    0x48,
    0x49,
    0x53,
)


def _set_1(scancode: int, down: bool) -> bytes:
    code = scancode & 0x7F | (0 if down else 0x80)
    return bytes([0xE0, code]) if scancode & 0x80 else bytes([code])


async def _typed(guest: Guest, before: int, count: int) -> bytes:
    async with asyncio.timeout(LIMIT_S):
        while len(guest.keys()) < before + count:  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.005)
    return guest.keys()[before:]
