"""Greetings, what is told besides pixels, and what is sent."""

from __future__ import annotations

import asyncio
import struct

import numpy as np
import pytest

from tests.unit.rfb.server_side import (
    GREETING_NONE,
    all_events,
    client_of,
    raw,
    rect,
    server_init,
    shown,
    update,
)
from xolite_qt.rfb import (
    Bell,
    CursorShape,
    CutText,
    FrameDamaged,
    Rect,
    Renamed,
    Resized,
    RfbClosed,
    RfbError,
    RfbMalformed,
    RfbRefused,
    RfbSecurityUnsupported,
    RfbTimeout,
)

INIT = server_init(8, 4, "Büro".encode())
REASON = struct.pack(">I", 9) + b"too many\n"


@pytest.mark.parametrize(
    ("said", "answered", "version"),
    [
        (b"RFB 003.003\n" + struct.pack(">I", 1), b"RFB 003.003\n", 3),
        (b"RFB 003.005\n" + struct.pack(">I", 1), b"RFB 003.003\n", 3),
        (b"RFB 003.007\n\x02\x02\x01", b"RFB 003.007\n\x01", 7),
        (GREETING_NONE, b"RFB 003.008\n\x01", 8),
        (b"RFB 003.889\n\x01\x01\0\0\0\0", b"RFB 003.008\n\x01", 8),
    ],
    ids=["3.3", "3.5", "3.7", "3.8", "3.889"],
)
async def test_every_version_is_greeted(said: bytes, answered: bytes, version: int) -> None:
    client, sink = client_of(said, INIT)
    await client.connect(shared=False)
    assert bytes(sink.sent).startswith(answered + b"\0" + b"\0\0\0\0\x20\x18")
    assert (client.version, client.name) == (version, "Büro")
    assert client.framebuffer.pixels.shape == (4, 8)


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        (b"RFB 003.003\n" + struct.pack(">I", 0) + REASON, RfbRefused, "too many"),
        (b"RFB 003.008\n\0" + REASON, RfbRefused, "too many"),
        (b"RFB 003.008\n\x01\x01" + struct.pack(">I", 1) + REASON, RfbRefused, "too many"),
        (b"RFB 003.003\n" + struct.pack(">I", 2), RfbSecurityUnsupported, "VNC password"),
        (b"RFB 003.008\n\x02\x02\x13", RfbSecurityUnsupported, "VNC password"),
        (b"RFB 003.008\n\x01\x13", RfbSecurityUnsupported, "not supported"),
        (b"RFB 002.000\n", RfbMalformed, "too old"),
        (b"HTTP/1.1 200 OK\r\n", RfbMalformed, "greeting"),
        (b"RFB 003", RfbClosed, "closed"),
        (GREETING_NONE + server_init(60000, 60000), RfbMalformed, "60000x60000"),
        (GREETING_NONE + struct.pack(">HH16xI", 1, 1, 2**31), RfbMalformed, "name"),
    ],
    ids=range(11),
)
async def test_who_does_not_let_us_in(said: bytes, error: type[RfbError], words: str) -> None:
    client, _ = client_of(said)
    with pytest.raises(error, match=words):
        await client.connect()


async def test_a_server_that_says_nothing() -> None:
    client, _ = client_of(ends=False)
    with pytest.raises(RfbTimeout):
        await client.connect(timeout_s=0.02)


async def test_the_next_update_is_asked_for_before_this_one_is_here() -> None:
    client, sink = client_of(GREETING_NONE, INIT, b"\0\0\0\x01")
    await client.connect()
    assert sink.sent.endswith(struct.pack(">BB4H", 3, 0, 0, 0, 8, 4))
    await all_events(client)
    assert sink.sent.endswith(struct.pack(">BB4H", 3, 1, 0, 0, 8, 4))


async def test_nothing_is_asked_for_while_nobody_looks() -> None:
    client, sink = client_of(GREETING_NONE, INIT, update(rect(0, 0, 1, 1, 0, bytes(4))))
    await client.connect()
    client.pause()
    sent = bytes(sink.sent)
    await anext(client.events())
    assert sink.sent == sent
    client.resume()
    assert sink.sent == sent + struct.pack(">BB4H", 3, 1, 0, 0, 8, 4)


async def test_sizes_change_and_keep_what_fits() -> None:
    picture = np.arange(32, dtype=np.uint32).reshape(4, 8)
    screens = struct.pack(">B3xIHHHHI", 1, 77, 0, 0, 5, 6, 9)
    client, events = await shown(
        8,
        4,
        update(rect(0, 0, 8, 4, 0, raw(picture))),
        update(rect(0, 0, 5, 6, -308, screens), rect(1, 1, 1, 1, 0, bytes(4))),
        update(rect(1, 3, 5, 9, -308, screens)),
        update(rect(0, 0, 6, 6, -223)),
    )
    assert [event for event in events if isinstance(event, Resized)] == [
        Resized(5, 6),
        Resized(6, 6),
    ]
    assert FrameDamaged((Rect(0, 0, 5, 6),)) in events
    assert client.resizable
    assert client.framebuffer.pixels[:2, :5].tolist() == [
        [0xFF000000 + n for n in range(5)],
        [0xFF000008, 0xFF000000, 0xFF00000A, 0xFF00000B, 0xFF00000C],
    ]
    assert (client.framebuffer.pixels[4:] == 0xFF000000).all()


async def test_another_size_can_be_wished_for() -> None:
    screens = struct.pack(">B3xIHHHHI", 1, 77, 0, 0, 8, 4, 9)
    client, sink = client_of(
        GREETING_NONE, INIT, update(rect(0, 0, 8, 4, -308, screens), rect(0, 0, 1, 1, 0, bytes(4)))
    )
    await client.connect()
    assert not client.request_size(640, 480)
    assert await anext(client.events()) == FrameDamaged((Rect(0, 0, 1, 1),))
    sent = bytes(sink.sent)
    assert client.request_size(640, 480)
    wish = struct.pack(">BxHHBxIHHHHI", 251, 640, 480, 1, 77, 0, 0, 640, 480, 9)
    assert sink.sent == sent + wish


async def test_what_is_told_besides_pixels() -> None:
    arrow = np.array([[1, 2], [3, 4]], "<u4").tobytes() + bytes([0b10000000, 0b11000000])
    client, events = await shown(
        8,
        4,
        update(
            rect(1, 0, 2, 2, -239, arrow),
            rect(0, 0, 0, 0, -258),
            rect(0, 0, 0, 0, -307, struct.pack(">I", 3) + b"new"),
            rect(2, 1, 1, 1, 0, b"\x01\x02\x03\x77"),
            rect(0, 0, 0, 0, -224),
            count=0xFFFF,
        ),
        b"\x02",
        b"\x03\0\0\0" + struct.pack(">I", 3) + b"h\xe9!",
        b"\x03\0\0\0" + struct.pack(">I", 2_000_000) + bytes(2_000_000),
    )
    cursor = events[0]
    assert isinstance(cursor, CursorShape)
    assert (cursor.hot_x, cursor.hot_y) == (1, 0)
    assert cursor.pixels.tolist() == [[0xFF000001, 0], [0xFF000003, 0xFF000004]]
    assert events[1:] == [Renamed("new"), FrameDamaged((Rect(2, 1, 1, 1),)), Bell(), CutText("hé!")]
    assert client.name == "new"
    assert client.extended_keys
    assert client.framebuffer.pixels[1, 2] == 0xFF030201


async def test_what_is_sent() -> None:
    client, sink = client_of(GREETING_NONE, INIT)
    await client.connect()
    before = len(sink.sent)
    client.send_key(0xFF0D, True, 0x1C)
    client.extended_keys = True
    client.send_key(0xFF0D, False, 0x1C)
    client.send_key(0xFF0D, False)
    client.send_pointer(-4, 100, 5)
    client.send_cut_text("é→")
    assert bytes(sink.sent[before:]) == (
        b"\x04\x01\0\0\0\0\xff\x0d"
        b"\xff\0\0\0\0\0\xff\x0d\0\0\0\x1c"
        b"\x04\0\0\0\0\0\xff\x0d"
        b"\x05\x05\0\0\0\x03"
        b"\x06\0\0\0\0\0\0\x02\xe9?"
    )
    await client.close()
    await client.close()
    client.send_key(1, True)
    assert sink.closed


async def test_who_is_cancelled_in_the_middle_of_a_message_has_to_connect_anew() -> None:
    client, sink = client_of(GREETING_NONE, INIT, b"\x02\x03\0", ends=False)
    await client.connect()
    events = client.events()
    assert await anext(events) == Bell()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(events), 0.02)
    assert sink.closed


async def test_who_is_cancelled_between_messages_may_go_on() -> None:
    client, sink = client_of(GREETING_NONE, INIT, b"\x02", ends=False)
    await client.connect()
    events = client.events()
    assert await anext(events) == Bell()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(events), 0.02)
    assert not sink.closed
    client._wire._reader.feed_data(b"\x02")
    assert await anext(client.events()) == Bell()
