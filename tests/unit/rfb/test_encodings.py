"""Every encoding brings the pixels that its encoder was given."""

from __future__ import annotations

import random
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.rfb.server_side import (
    Picture,
    hextile,
    raw,
    rect,
    shown,
    tight,
    update,
    zrle,
    zrle_tile,
)
from xolite_qt.rfb import FrameDamaged, Rect

OPAQUE = 0xFF000000


@st.composite
def pictures(draw: st.DrawFn, most: int = 150) -> Picture:
    """Few or many colours, with runs and without."""
    width, height = draw(st.integers(1, most)), draw(st.integers(1, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    colours = rng.integers(0, 2**24, draw(st.sampled_from((1, 2, 3, 9, 16, 17, 100, 5000))))
    picture = colours[rng.integers(0, len(colours), (height, width))]
    if draw(st.booleans()):
        step = draw(st.integers(2, 70))
        picture = picture[:, ::step].repeat(step, axis=1)[:, :width]
    return picture.astype(np.uint32) | np.uint32(OPAQUE)


async def check(picture: Picture, *bodies: bytes, encoding: int) -> None:
    """One rectangle after the other, the same picture each time, in a corner of the screen."""
    height, width = picture.shape
    messages = [update(rect(3, 2, width, height, encoding, body)) for body in bodies]
    client, events = await shown(width + 5, height + 4, *messages)
    assert (client.framebuffer.pixels[2 : 2 + height, 3 : 3 + width] == picture).all()
    outside = client.framebuffer.pixels.copy()
    outside[2 : 2 + height, 3 : 3 + width] = OPAQUE
    assert (outside == OPAQUE).all()
    assert events == [FrameDamaged((Rect(3, 2, width, height),))] * len(bodies)


@given(pictures())
@settings(max_examples=20, deadline=None)
async def test_raw(picture: Picture) -> None:
    await check(picture, raw(picture), encoding=0)


@given(pictures(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
async def test_hextile(picture: Picture, rng: random.Random) -> None:
    await check(picture, hextile(picture, rng), hextile(picture, rng), encoding=5)


@given(pictures(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
async def test_zrle(picture: Picture, rng: random.Random) -> None:
    stream = zlib.compressobj()
    bodies = [zrle(picture, stream, rng) for _ in range(2)]
    await check(picture, *bodies, encoding=16)


@pytest.mark.parametrize("length", [1, 2, 254, 255, 256, 257, 510, 511, 512, 4095])
@pytest.mark.parametrize("form", ["runs", "palette runs"])
async def test_runs_of_every_length(length: int, form: str) -> None:
    flat = np.full(64 * 64, OPAQUE | 0x123456, np.uint32)
    flat[length:] = OPAQUE | 0xABCDEF
    picture = flat.reshape(64, 64)
    stream = zlib.compressobj()
    data = stream.compress(zrle_tile(picture, form)) + stream.flush(zlib.Z_SYNC_FLUSH)
    await check(picture, len(data).to_bytes(4, "big") + data, encoding=16)


@given(
    pictures(),
    st.lists(
        st.tuples(st.sampled_from(("fill", "palette", "gradient", "plain")), st.integers(0, 3)),
        min_size=1,
        max_size=3,
    ),
)
@settings(max_examples=40, deadline=None)
async def test_tight(picture: Picture, forms: list[tuple[str, int]]) -> None:
    if picture.size > 4000:
        forms = [("plain" if form == "gradient" else form, number) for form, number in forms]
    streams = [zlib.compressobj() for _ in range(4)]
    bodies = [tight(picture, streams, form, number) for form, number in forms]
    await check(picture, *bodies, encoding=7)


async def test_streams_of_tight_begin_anew_when_the_server_says_so() -> None:
    picture = np.full((40, 40), OPAQUE | 0x102030, np.uint32)
    picture[::2] = OPAQUE
    bodies = []
    for _ in range(2):
        body = tight(picture, [zlib.compressobj() for _ in range(4)], "plain", 2)
        bodies.append(bytes([body[0] | 4]) + body[1:])
    await check(picture, *bodies, encoding=7)


async def test_rectangles_beyond_a_thread_s_worth() -> None:
    rng = np.random.default_rng(5)
    picture = rng.integers(0, 2**24, (300, 700)).astype(np.uint32) | np.uint32(OPAQUE)
    stream = zlib.compressobj()
    await check(picture, zrle(picture, stream, random.Random(1)), encoding=16)
    await check(picture, tight(picture, [zlib.compressobj()], "plain", 0), encoding=7)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12), st.integers(0, 12))
@settings(max_examples=40, deadline=None)
async def test_copies_may_overlap(x: int, y: int, from_x: int, from_y: int) -> None:
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 2**24, (20, 20)).astype(np.uint32) | np.uint32(OPAQUE)
    source = from_x.to_bytes(2, "big") + from_y.to_bytes(2, "big")
    client, _ = await shown(
        20, 20, update(rect(0, 0, 20, 20, 0, raw(picture))), update(rect(x, y, 8, 8, 1, source))
    )
    wanted = picture.copy()
    wanted[y : y + 8, x : x + 8] = picture[from_y : from_y + 8, from_x : from_x + 8]
    assert (client.framebuffer.pixels == wanted).all()
