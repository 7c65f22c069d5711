"""Screens over RFB, which VNC speaks: a client on asyncio streams. Knows nothing of hosts or Qt.

client = RfbClient(reader, writer)
await client.connect()
async for event in client.events():
    match event:
        case FrameDamaged(rects): show(client.framebuffer.pixels, rects)
        case Resized(width, height): ...
"""

from __future__ import annotations

from .client import RfbClient
from .errors import (
    RfbClosed,
    RfbError,
    RfbMalformed,
    RfbRefused,
    RfbSecurityUnsupported,
    RfbTimeout,
)
from .events import Bell, CursorShape, CutText, Event, FrameDamaged, Renamed, Resized
from .framebuffer import Framebuffer, Rect
from .layouts import LAYOUTS, Stroke, TypedText, american_keysym, strokes_of

__all__ = [
    "LAYOUTS",
    "Bell",
    "CursorShape",
    "CutText",
    "Event",
    "FrameDamaged",
    "Framebuffer",
    "Rect",
    "Renamed",
    "Resized",
    "RfbClient",
    "RfbClosed",
    "RfbError",
    "RfbMalformed",
    "RfbRefused",
    "RfbSecurityUnsupported",
    "RfbTimeout",
    "Stroke",
    "TypedText",
    "american_keysym",
    "strokes_of",
]
