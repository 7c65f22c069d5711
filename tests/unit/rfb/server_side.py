"""The other side of the wire, for tests: encoders of its own, and a client fed from memory."""

from __future__ import annotations

import asyncio
import random
import struct
import zlib

import numpy as np
import numpy.typing as npt

from xolite_qt.rfb import Event, RfbClient, RfbClosed

Picture = npt.NDArray[np.uint32]
GREETING_NONE = b"RFB 003.008\n" + b"\x01\x01" + struct.pack(">I", 0)


def server_init(width: int, height: int, name: bytes = b"test") -> bytes:
    return struct.pack(">HH16xI", width, height, len(name)) + name


def rect(x: int, y: int, width: int, height: int, encoding: int, body: bytes = b"") -> bytes:
    return struct.pack(">HHHHi", x, y, width, height, encoding) + body


def update(*rects: bytes, count: int | None = None) -> bytes:
    return struct.pack(">BxH", 0, len(rects) if count is None else count) + b"".join(rects)


class Sink(asyncio.Transport):
    """Keeps what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = bytearray()
        self.closed = False
        self.protocol: asyncio.Protocol | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 0

    def abort(self) -> None:
        if not self.closed and self.protocol is not None:
            self.protocol.connection_lost(None)
        self.closed = True

    close = abort


class Writer(asyncio.StreamWriter):
    """Writes to memory: nothing is lost when nobody closes it."""

    def __del__(self) -> None:
        """Says nothing."""


def client_of(*pieces: bytes, ends: bool = True) -> tuple[RfbClient, Sink]:
    """A client that gets these bytes, then the end, or nothing any more."""
    reader = asyncio.StreamReader()
    for piece in pieces:
        reader.feed_data(piece)
    if ends:
        reader.feed_eof()
    sink = Sink()
    protocol = asyncio.StreamReaderProtocol(reader)
    sink.protocol = protocol
    protocol.connection_made(sink)
    loop = asyncio.get_running_loop()
    return RfbClient(reader, Writer(sink, protocol, reader, loop)), sink


async def all_events(client: RfbClient) -> list[Event]:
    """What it tells until the server hangs up."""
    seen: list[Event] = []
    try:
        async for event in client.events():
            seen.append(event)
    except RfbClosed:
        return seen
    raise AssertionError("it does not end")


async def shown(width: int, height: int, *messages: bytes) -> tuple[RfbClient, list[Event]]:
    """A client after these messages."""
    client, _ = client_of(GREETING_NONE, server_init(width, height), *messages)
    await client.connect()
    return client, await all_events(client)


# Encoders


def raw(part: Picture) -> bytes:
    return (part & 0xFFFFFF).astype("<u4").tobytes()


def bgr(colours: Picture) -> bytes:
    return b"".join(int(c).to_bytes(4, "little")[:3] for c in colours.reshape(-1))


def rgb(colours: Picture) -> bytes:
    return b"".join((int(c) & 0xFFFFFF).to_bytes(3, "big") for c in colours.reshape(-1))


def hextile(part: Picture, rng: random.Random) -> bytes:
    """Any of the forms that fit, by chance."""
    out = bytearray()
    background = foreground = -1
    for top in range(0, part.shape[0], 16):
        for left in range(0, part.shape[1], 16):
            tile = part[top : top + 16, left : left + 16]
            counts = sorted({int(c) for c in tile.reshape(-1)})
            if len(counts) > 20 or rng.random() < 0.1:
                out += b"\x01" + raw(tile)
                continue
            kind, head = 0, b""
            if counts[0] != background or rng.random() < 0.2:
                background, kind = counts[0], kind | 2
                head += background.to_bytes(4, "little")
            boxes = [
                (x, y, int(tile[y, x]))
                for y in range(tile.shape[0])
                for x in range(tile.shape[1])
                if int(tile[y, x]) != background
            ]
            if len(boxes) > 255:
                background = -1
                out += b"\x01" + raw(tile)
                continue
            if not boxes:
                out += bytes([kind]) + head
            elif len(counts) == 2:
                kind |= 8
                if boxes[0][2] != foreground:
                    foreground, kind = boxes[0][2], kind | 4
                    head += foreground.to_bytes(4, "little")
                body = b"".join(bytes([x << 4 | y, 0]) for x, y, _ in boxes)
                out += bytes([kind]) + head + bytes([len(boxes)]) + body
            else:
                body = b"".join(
                    c.to_bytes(4, "little") + bytes([x << 4 | y, 0]) for x, y, c in boxes
                )
                out += bytes([kind | 24]) + head + bytes([len(boxes)]) + body
    return bytes(out)


def runs_of(flat: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for value in flat:
        if runs and runs[-1][0] == value:
            runs[-1] = (value, runs[-1][1] + 1)
        else:
            runs.append((value, 1))
    return runs


def run_length(length: int) -> bytes:
    return b"\xff" * ((length - 1) // 255) + bytes([(length - 1) % 255])


def zrle_tile(tile: Picture, form: str) -> bytes:
    flat = [int(c) for c in tile.reshape(-1)]
    palette = sorted(set(flat))
    if form == "solid" and len(palette) == 1:
        return b"\x01" + bgr(tile[:1, :1])
    if form == "packed" and 2 <= len(palette) <= 16:
        bits = 1 if len(palette) == 2 else 2 if len(palette) <= 4 else 4
        body = b""
        for row in tile:
            text = "".join(f"{palette.index(int(c)):0{bits}b}" for c in row)
            text += "0" * (-len(text) % 8)
            body += int(text, 2).to_bytes(len(text) // 8, "big")
        return bytes([len(palette)]) + bgr(np.array(palette, np.uint32)) + body
    if form == "runs":
        return b"\x80" + b"".join(
            colour.to_bytes(4, "little")[:3] + run_length(length)
            for colour, length in runs_of(flat)
        )
    if form == "palette runs" and 2 <= len(palette) <= 127:
        body = b"".join(
            bytes([palette.index(colour)])
            if length == 1
            else bytes([palette.index(colour) | 128]) + run_length(length)
            for colour, length in runs_of(flat)
        )
        return bytes([128 + len(palette)]) + bgr(np.array(palette, np.uint32)) + body
    return b"\x00" + bgr(tile)


def zrle(part: Picture, stream: zlib._Compress, rng: random.Random) -> bytes:
    """Any of the forms that fit, by chance."""
    plain = b"".join(
        zrle_tile(
            part[top : top + 64, left : left + 64],
            rng.choice(("solid", "packed", "runs", "palette runs", "plain")),
        )
        for top in range(0, part.shape[0], 64)
        for left in range(0, part.shape[1], 64)
    )
    data = stream.compress(plain) + stream.flush(zlib.Z_SYNC_FLUSH)
    return struct.pack(">I", len(data)) + data


def compact(length: int) -> bytes:
    if length < 0x80:
        return bytes([length])
    if length < 0x4000:
        return bytes([length & 0x7F | 0x80, length >> 7])
    return bytes([length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14])


def tight(part: Picture, streams: list[zlib._Compress], form: str, number: int) -> bytes:
    """One rectangle in the given form; plain where it does not fit."""
    palette = sorted({int(c) for c in part.reshape(-1)})
    if form == "fill" and len(palette) == 1:
        return b"\x80" + rgb(part[:1, :1])
    if form == "palette" and 2 <= len(palette) <= 256:
        head = bytes([0x40 | number << 4, 1, len(palette) - 1])
        head += rgb(np.array(palette, np.uint32))
        indices = np.searchsorted(np.array(palette), part).astype(np.uint8)
        rows = np.packbits(indices, axis=1) if len(palette) == 2 else indices
        return head + _deflated(rows.tobytes(), streams[number])
    if form == "gradient":
        return bytes([0x40 | number << 4, 2]) + _deflated(_gradient(part), streams[number])
    return bytes([number << 4]) + _deflated(rgb(part), streams[number])


def _deflated(plain: bytes, stream: zlib._Compress) -> bytes:
    if len(plain) < 12:
        return plain
    data = stream.compress(plain) + stream.flush(zlib.Z_SYNC_FLUSH)
    return compact(len(data)) + data


def _gradient(part: Picture) -> bytes:
    height, width = part.shape
    colours = np.frombuffer(rgb(part), np.uint8).reshape(height, width, 3).astype(int)
    out = bytearray()
    for y in range(height):
        for x in range(width):
            for c in range(3):
                above = colours[y - 1, x, c] if y else 0
                left = colours[y, x - 1, c] if x else 0
                corner = colours[y - 1, x - 1, c] if x and y else 0
                guess = min(max(above + left - corner, 0), 255)
                out.append((int(colours[y, x, c]) - guess) & 255)
    return bytes(out)
