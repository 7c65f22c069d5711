"""Against TigerVNC's server: pixels, sizes, keys and pointers of a real X screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from tests.integration.rfb.xvnc import Xvnc, appears, xvnc
from tests.needs import needs
from xolite_qt.rfb import (
    LAYOUTS,
    CursorShape,
    CutText,
    FrameDamaged,
    Resized,
    strokes_of,
)
from xolite_qt.rfb.messages import COPY_RECT, HEXTILE, RAW, TIGHT, ZRLE

needs("Xvnc", "xterm", "xrandr", "xsetroot", "setxkbmap", "xlogo", "vncconfig")


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[Xvnc]:
    async with xvnc(tmp_path) as running:
        yield running


def still_picture(server: Xvnc, path: Path) -> None:
    """Text in colours, a logo, and a pattern; nothing of it moves."""
    rng = np.random.default_rng(1)
    lines = [
        f"\033[{31 + n % 7};{40 + n // 3 % 8}m{bytes(rng.integers(33, 126, 70).tolist()).decode()}"
        for n in range(30)
    ]
    path.write_text("\033[?25l" + "\r\n".join(lines) + "\033[0m")
    server.start("xsetroot", "-mod", "5", "7", "-fg", "orange", "-bg", "navy")
    server.start("xlogo", "-geometry", "260x200+520+380", "-fg", "red", "-bg", "white")
    server.start("xterm", "-geometry", "72x32+7+9", "-e", "sh", "-c", f"cat '{path}'; sleep 100")


async def test_every_encoding_gives_the_same_pixels(server: Xvnc, tmp_path: Path) -> None:
    still_picture(server, tmp_path / "text")
    async with server.client(RAW) as client:
        await client.settled()
    async with server.client(RAW) as client:
        plain = client.framebuffer.pixels.copy()
        plain_bytes = client.received_bytes
    assert len(np.unique(plain)) > 8
    for encoding in (HEXTILE, ZRLE, TIGHT):
        async with server.client(encoding) as client:
            assert (client.framebuffer.pixels == plain).all()
            assert client.received_bytes < plain_bytes / 2


@pytest.mark.parametrize("encoding", [HEXTILE, ZRLE, TIGHT])
async def test_what_moves_ends_the_same_in_every_encoding(
    server: Xvnc, tmp_path: Path, encoding: int
) -> None:
    async with server.client(COPY_RECT, encoding, RAW) as client:
        still_picture(server, tmp_path / "text")
        server.start("xterm", "-geometry", "40x10+60+300", "-e", "sh", "-c", "seq 999; sleep 99")
        await client.settled()
        async with server.client(RAW) as other:
            await other.settled()
            assert (other.framebuffer.pixels == client.framebuffer.pixels).all()


async def test_the_screen_changes_its_size_when_the_guest_wants_it(server: Xvnc) -> None:
    async with server.client() as client:
        await server.run("xrandr", "-s", "1024x768")
        assert await client.until(lambda e: isinstance(e, Resized)) == Resized(1024, 768)
        await client.until(lambda e: isinstance(e, FrameDamaged))
        assert client.framebuffer.pixels.shape == (768, 1024)


async def test_the_screen_changes_its_size_when_we_want_it(server: Xvnc) -> None:
    async with server.client() as client:
        assert client.request_size(900, 500)
        assert await client.until(lambda e: isinstance(e, Resized)) == Resized(900, 500)
        await client.until(lambda e: isinstance(e, FrameDamaged))


async def test_the_pointer_has_a_shape(server: Xvnc) -> None:
    async with server.client() as client:
        client.send_pointer(300, 200, 0)
        server.start("xsetroot", "-cursor_name", "watch")
        shape = await client.until(lambda e: isinstance(e, CursorShape) and bool(e.pixels.any()))
        assert isinstance(shape, CursorShape)
        assert 8 <= shape.pixels.shape[0] <= 64
        assert shape.hot_x <= shape.pixels.shape[1]


TEXT = "".join(map(chr, range(0x21, 0x7F))) + " éèàçñ äöüß ÄÉñô €§°£µ ok"


async def test_typed_texts_arrive_in_guests_of_all_layouts(server: Xvnc, tmp_path: Path) -> None:
    """The keyboard maps are X's own; keys go by their place."""
    out = tmp_path / "typed"
    server.start(
        *("xterm", "-u8", "-e", "env", "LC_ALL=C.UTF-8", "sh", "-c"),
        f"while IFS= read -r line; do printf '%s\\n' \"$line\" >> '{out}'; done",
    )
    typed = ""
    wanted: list[str] = []
    async with server.client() as client:
        await client.settled()
        client.send_pointer(100, 100, 0)
        await client.settled()
        assert client.extended_keys
        for layout in LAYOUTS:
            await server.run("setxkbmap", layout)
            missing = strokes_of(TEXT, layout).missing
            assert not set(missing) & set(TEXT[:94])
            wanted.append(f"{layout}: " + "".join(c for c in TEXT if c not in missing))
            for stroke in strokes_of(wanted[-1] + "\n", layout).strokes:
                client.send_key(stroke.keysym, stroke.down, stroke.scancode)
                await client.drain()
            # The next map must not come before the keys of this one were read.
            typed = await appears(out, len(wanted))
    assert typed.splitlines() == wanted


async def test_keys_by_their_meaning_and_buttons_arrive(server: Xvnc, tmp_path: Path) -> None:
    out = tmp_path / "typed"
    server.start(
        "xterm", "-e", "sh", "-c", f"read -r x; echo $x > '{out}.new'; mv '{out}.new' '{out}'"
    )
    async with server.client() as client:
        await client.settled()
        client.send_pointer(100, 100, 0)
        for letter in "Hello":
            client.send_key(ord(letter), True)
            client.send_key(ord(letter), False)
        client.send_key(0xFF0D, True)
        client.send_key(0xFF0D, False)
        assert await appears(out) == "Hello\n"


async def test_texts_go_both_ways(server: Xvnc, tmp_path: Path) -> None:
    """A double click selects a word in a terminal; the middle button pastes ours there."""
    out = tmp_path / "pasted"
    server.start(
        *("xterm", "-b", "0", "-geometry", "60x20+0+0", "-e", "sh", "-c"),
        f"echo wonderful; read -r x; echo $x > '{out}.new'; mv '{out}.new' '{out}'",
    )
    server.start("vncconfig", "-nowin")
    async with server.client() as client:
        await client.settled()
        for mask in (0, 1, 0, 1, 0):
            client.send_pointer(30, 6, mask)
            await asyncio.sleep(0.03)
        assert await client.until(lambda e: isinstance(e, CutText)) == CutText("wonderful")
        client.send_cut_text("grand")
        await asyncio.sleep(0.2)
        for mask in (0, 2, 0):
            client.send_pointer(30, 60, mask)
            await asyncio.sleep(0.05)
        client.send_key(0xFF0D, True)
        client.send_key(0xFF0D, False)
        assert await appears(out) == "grand\n"
