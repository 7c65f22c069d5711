"""What a client says, as bytes."""

from __future__ import annotations

import struct
from collections.abc import Sequence

RAW, COPY_RECT, HEXTILE, TIGHT, ZRLE = 0, 1, 5, 7, 16
DESKTOP_SIZE, LAST_RECT, CURSOR = -223, -224, -239
EXTENDED_KEYS, DESKTOP_NAME, EXTENDED_DESKTOP_SIZE = -258, -307, -308
# Little effort: on a local network the server's processor is the narrow place.
COMPRESSION_LEVEL = -254

ENCODINGS = (COPY_RECT, TIGHT, ZRLE, HEXTILE, RAW)
PSEUDO_ENCODINGS = (
    DESKTOP_SIZE,
    EXTENDED_DESKTOP_SIZE,
    CURSOR,
    LAST_RECT,
    EXTENDED_KEYS,
    DESKTOP_NAME,
    COMPRESSION_LEVEL,
)
_MOST_TEXT_BYTES = 1 << 20
_U16 = 0xFFFF


def set_pixel_format() -> bytes:
    """32 bits per pixel, in memory B, G, R and an unused byte."""
    return struct.pack(">B3x4B3H3B3x", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)


def set_encodings(encodings: Sequence[int]) -> bytes:
    """The encodings that are understood, best first."""
    return struct.pack(f">BxH{len(encodings)}i", 2, len(encodings), *encodings)


def update_request(width: int, height: int, *, incremental: bool) -> bytes:
    """Asks for what changed, or for all of it."""
    return struct.pack(">BB4H", 3, incremental, 0, 0, width, height)


def key(keysym: int, down: bool) -> bytes:
    """A key by its meaning."""
    return struct.pack(">BBxxI", 4, down, keysym)


def extended_key(keysym: int, scancode: int, down: bool) -> bytes:
    """A key by its place: `scancode` of the XT set, 0x80 set where it is prefixed by 0xE0."""
    return struct.pack(">BBHII", 255, 0, down, keysym, scancode)


def pointer(x: int, y: int, mask: int) -> bytes:
    """Where the pointer is, and which buttons are down."""
    return struct.pack(">BBHH", 5, mask & 0xFF, min(max(x, 0), _U16), min(max(y, 0), _U16))


def cut_text(text: str) -> bytes:
    """A text for the guest's clipboard; what Latin-1 has not becomes `?`."""
    data = text.encode("latin-1", "replace")[:_MOST_TEXT_BYTES]
    return struct.pack(">B3xI", 6, len(data)) + data


def set_desktop_size(width: int, height: int, screen_id: int = 0, flags: int = 0) -> bytes:
    """Asks for another size, with one monitor."""
    head = struct.pack(">BxHHBx", 251, width, height, 1)
    return head + struct.pack(">IHHHHI", screen_id, 0, 0, width, height, flags)
