"""The first bytes: version, security, size of the screen."""

from __future__ import annotations

import asyncio
import re
import struct
from dataclasses import dataclass

from .errors import RfbMalformed, RfbRefused, RfbSecurityUnsupported
from .wire import Wire

_NONE = 1
_REASON_LIMIT_BYTES = 4096
_NAME_LIMIT_BYTES = 64 * 1024
_SERVER_INIT = struct.Struct(">HH16xI")


@dataclass(frozen=True)
class Greeting:
    """What is known once the server has let us in.

    Attributes:
        version: 3, 7 or 8: of RFB 3.x as it is spoken.
        width, height: of the screen in pixels.
        name: of the screen.
    """

    version: int
    width: int
    height: int
    name: str


async def greet(wire: Wire, writer: asyncio.StreamWriter, *, shared: bool) -> Greeting:
    """Speaks with a server until the screen's size is known.

    Args:
        wire: from the server.
        writer: to the server.
        shared: whether others may go on watching.

    Raises:
        RfbMalformed: it is no RFB server.
        RfbRefused: it says no.
        RfbSecurityUnsupported: it wants a password.
        RfbClosed: it hung up.
    """
    banner = await wire.take(12)
    match = re.fullmatch(rb"RFB (\d{3})\.(\d{3})\n", banner)
    if match is None:
        raise RfbMalformed("no RFB greeting")
    major, minor = int(match[1]), int(match[2])
    if (major, minor) < (3, 3):
        raise RfbMalformed(f"RFB {major}.{minor} is too old")
    # 3.5 is 3.3 by another name; whatever is newer than 3.8 speaks 3.8 to those who ask for it.
    version = 8 if major > 3 or minor >= 8 else 7 if minor == 7 else 3
    writer.write(f"RFB 003.{version:03d}\n".encode("ascii"))
    await (_security_3_3(wire) if version == 3 else _security(wire, writer, version))
    writer.write(bytes([shared]))
    width, height, length = await wire.fields(_SERVER_INIT)
    if length > _NAME_LIMIT_BYTES:
        raise RfbMalformed("a name without end")
    name = (await wire.take(length)).decode("utf-8", "replace")
    return Greeting(version, width, height, name)


async def _security_3_3(wire: Wire) -> None:
    kind = await wire.u32()
    if kind == 0:
        raise RfbRefused(await _reason(wire))
    if kind != _NONE:
        raise RfbSecurityUnsupported((kind,))


async def _security(wire: Wire, writer: asyncio.StreamWriter, version: int) -> None:
    count = await wire.u8()
    if count == 0:
        raise RfbRefused(await _reason(wire))
    kinds = tuple(await wire.take(count))
    if _NONE not in kinds:
        raise RfbSecurityUnsupported(kinds)
    writer.write(bytes([_NONE]))
    if version == 8 and await wire.u32() != 0:
        raise RfbRefused(await _reason(wire))


async def _reason(wire: Wire) -> str:
    length = await wire.u32()
    text = await wire.take(min(length, _REASON_LIMIT_BYTES))
    return "".join(c for c in text.decode("utf-8", "replace") if c.isprintable()).strip()
