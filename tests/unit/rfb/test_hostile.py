"""Servers that mean no good: whatever they send, only RfbError comes of it, and soon."""

from __future__ import annotations

import asyncio
import random
import struct
import time
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.rfb.server_side import (
    GREETING_NONE,
    client_of,
    compact,
    hextile,
    rect,
    server_init,
    tight,
    update,
    zrle,
)
from xolite_qt.rfb import RfbClient, RfbError, RfbMalformed

ENCODINGS = (0, 1, 5, 7, 16, -223, -224, -239, -258, -307, -308, 99, -1)


async def watched(client: RfbClient) -> None:
    await client.connect()
    async for _ in client.events():
        continue


async def survives(*pieces: bytes) -> None:
    client, sink = client_of(*pieces)
    with pytest.raises(RfbError):
        await watched(client)
    assert client.framebuffer.pixels.nbytes < 150 << 20
    assert len(sink.sent) < 1 << 20


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
async def test_garbage_in_the_greeting(data: bytes) -> None:
    await survives(data)
    await survives(b"RFB 003.008\n" + data)
    await survives(GREETING_NONE + data)


@given(st.binary(max_size=400))
@settings(max_examples=100, deadline=None)
async def test_garbage_after_the_greeting(data: bytes) -> None:
    await survives(GREETING_NONE, server_init(40, 30), data)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(ENCODINGS),
            st.integers(0, 70),
            st.integers(0, 70),
            st.integers(0, 80),
            st.integers(0, 80),
            st.binary(max_size=300),
        ),
        max_size=4,
    ),
)
@settings(max_examples=300, deadline=None)
async def test_garbage_in_rectangles(rects: list[tuple[int, int, int, int, int, bytes]]) -> None:
    await survives(
        GREETING_NONE,
        server_init(140, 70),
        update(*(rect(x, y, w, h, kind, body) for kind, x, y, w, h, body in rects)),
    )


@given(st.binary(max_size=600), st.sampled_from((7, 16)))
@settings(max_examples=300, deadline=None)
async def test_garbage_that_was_compressed_well(plain: bytes, encoding: int) -> None:
    stream = zlib.compressobj()
    data = stream.compress(plain) + stream.flush(zlib.Z_SYNC_FLUSH)
    body = struct.pack(">I", len(data)) if encoding == 16 else b"\x00" + compact(len(data))
    await survives(
        GREETING_NONE, server_init(90, 70), update(rect(0, 0, 90, 70, encoding, body + data))
    )


@given(st.integers(0, 2**32), st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1))
@settings(max_examples=50, deadline=None)
async def test_spoiled_pixels(seed: int, spoils: list[tuple[int, int]]) -> None:
    rng = random.Random(seed)
    picture = np.random.default_rng(seed).integers(0, 5, (70, 90)).astype(np.uint32)
    streams = [zlib.compressobj(0) for _ in range(4)]
    data = bytearray(
        update(
            rect(0, 0, 90, 70, 5, hextile(picture, rng)),
            rect(0, 0, 90, 70, 16, zrle(picture, zlib.compressobj(0), rng)),
            rect(0, 0, 90, 70, 7, tight(picture, streams, "palette", 1)),
        )
    )
    for at, value in spoils:
        data[at % len(data)] = value
    await survives(GREETING_NONE, server_init(90, 70), bytes(data))


async def test_a_bomb_of_zlib_is_small_in_memory() -> None:
    stream = zlib.compressobj(9)
    bomb = stream.compress(bytes(64 << 20)) + stream.flush(zlib.Z_SYNC_FLUSH)
    for body, encoding in (
        (struct.pack(">I", len(bomb)) + bomb, 16),
        (b"\x00" + compact(len(bomb)) + bomb, 7),
    ):
        tracemalloc.start()
        client, _ = client_of(
            GREETING_NONE, server_init(40, 40), update(rect(0, 0, 40, 40, encoding, body))
        )
        await client.connect()
        with pytest.raises(RfbMalformed, match="without end"):
            await anext(client.events())
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 4 << 20


@pytest.mark.parametrize(
    "message",
    [
        b"\x03\0\0\0\xff\xff\xff\xff",
        update(rect(0, 0, 8, 8, 16, b"\xff\xff\xff\xff")),
        update(rect(0, 0, 8, 8, 7, b"\x00\xff\xff\xff")),
        update(rect(0, 0, 60000, 60000, -223)),
        update(rect(0, 0, 60000, 60000, -239)),
        update(rect(0, 0, 0, 0, -307, b"\xff\xff\xff\xff")),
        update(rect(1, 0, 8, 8, 0)),
        update(rect(0, 0, 8, 8, 1, b"\0\x01\0\0")),
        update(rect(0, 0, 8, 8, 7, b"\x90")),
        update(rect(0, 0, 8, 8, 7, b"\x40\x07")),
        update(rect(0, 0, 8, 8, 5, b"\x08\x01\xff\xff")),
        update(rect(0, 0, 8, 8, 42)),
        b"\x01\0\0\0\0\0",
        b"\xfa",
    ],
    ids=range(14),
)
async def test_too_much_or_out_of_place_is_refused_at_once(message: bytes) -> None:
    client, _ = client_of(GREETING_NONE, server_init(8, 8), message)
    await client.connect()
    with pytest.raises(RfbMalformed):
        await anext(client.events())


async def test_thousands_of_pointers_are_one() -> None:
    cursor = rect(0, 0, 64, 64, -239, bytes(64 * 64 * 4 + 8 * 64))
    client, _ = client_of(GREETING_NONE, server_init(8, 8), update(*[cursor] * 300))
    await client.connect()
    events = client.events()
    assert type(await anext(events)).__name__ == "CursorShape"
    with pytest.raises(RfbError):
        await anext(events)


async def test_the_loop_is_not_held_by_a_big_picture() -> None:
    """At 1920x1080, in every encoding, with detail everywhere."""
    width, height = 1920, 1080
    rng = np.random.default_rng(1)
    small = rng.integers(0, 2**24, (height // 4, width // 4)).astype(np.uint32)
    picture = small.repeat(4, axis=0).repeat(4, axis=1)
    tiles = b"".join(_tight_strips(picture))
    stream = zlib.compressobj(1)
    plain = b"".join(
        b"\x00"
        + picture[y : y + 64, x : x + 64]
        .astype("<u4")
        .view(np.uint8)
        .reshape(-1, 4)[:, :3]
        .tobytes()
        for y in range(0, height, 64)
        for x in range(0, width, 64)
    )
    packed = stream.compress(plain) + stream.flush(zlib.Z_SYNC_FLUSH)
    body = struct.pack(">I", len(packed)) + packed
    strips = update(tiles, count=-(-height // 32))
    boxes = b"".join(b"\x1e" + bytes(8) + b"\x10" + _boxes(16) for _ in range(120 * 68))
    for message in (
        update(rect(0, 0, width, height, 0, picture.astype("<u4").tobytes())),
        update(rect(0, 0, width, height, 5, boxes)),
        strips,
        update(rect(0, 0, width, height, 16, body)),
    ):
        client, _ = client_of(GREETING_NONE, server_init(width, height), message)
        await client.connect()
        assert await _longest_hold_s(client) < 0.008


def _tight_strips(picture: np.typing.NDArray[np.uint32]) -> list[bytes]:
    streams = [zlib.compressobj(1)]
    return [
        rect(0, y, picture.shape[1], len(picture[y : y + 32]), 7,
             _fast_tight(picture[y : y + 32], streams[0]))
        for y in range(0, picture.shape[0], 32)
    ]  # fmt: skip


def _fast_tight(part: np.typing.NDArray[np.uint32], stream: zlib._Compress) -> bytes:
    plain = part.astype(">u4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
    data = stream.compress(plain) + stream.flush(zlib.Z_SYNC_FLUSH)
    return b"\x00" + compact(len(data)) + data


def _boxes(count: int) -> bytes:
    return b"".join(struct.pack("<IBB", n * 999, n << 4 | (n & 7), 0) for n in range(count))


async def _longest_hold_s(client: RfbClient) -> float:
    """How long the loop's thread worked on nothing else, at most, while a picture came in.

    In time of the processor: other processes share the machine.
    """
    longest = 0.0
    over = False

    async def watch() -> None:
        nonlocal longest
        while not over:
            began = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - began)
            await asyncio.sleep(0.0005)

    watcher = asyncio.create_task(watch())
    await asyncio.sleep(0)
    await anext(client.events())
    over = True
    await watcher
    return longest
