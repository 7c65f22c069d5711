"""One viewer of one screen."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncGenerator, Sequence

import numpy as np

from . import messages
from .errors import RfbClosed, RfbError, RfbMalformed, RfbTimeout
from .events import Bell, CursorShape, CutText, Event, FrameDamaged, Renamed, Resized
from .framebuffer import OPAQUE, Framebuffer, Rect, merged
from .handshake import greet
from .hextile import paint_hextile
from .plain import paint_copy, paint_raw
from .tight import TightDecoder
from .wire import Wire
from .zrle import ZrleDecoder

GREETING_S = 15.0
_RECT = struct.Struct(">HHHHi")
_UPDATE, _COLOURS, _BELL, _CUT_TEXT = range(4)
_MOST_CURSOR_SIDE = 512
_MOST_TEXT_BYTES = 1 << 20
_MOST_IGNORED_BYTES = 64 << 20
_MOST_NAME_BYTES = 64 * 1024
# A server that does not read what is sent gets no more; the pointer's ways are the first to go.
_MOST_UNSENT_POINTER_BYTES = 64 * 1024
_MOST_UNSENT_BYTES = 16 << 20


class RfbClient:
    """Speaks with a VNC server over a pair of asyncio streams.

        client = RfbClient(reader, writer)
        await client.connect()
        async for event in client.events():
            ...  # client.framebuffer has been painted already

    All methods belong to one event loop. While an update comes in, big rectangles are painted by a
    thread: a picture that is shown meanwhile may be half new, and is told again once it is whole.

    Attributes:
        framebuffer: the screen as it is now; another object after each `Resized`.
        name: of the screen.
        version: 3, 7 or 8 of RFB 3.x.
        extended_keys: the server takes keys by their place (QEMU); known soon after connecting.
        resizable: the server takes wishes for another size.
        frames: updates painted so far.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        encodings: Sequence[int] = messages.ENCODINGS,
    ) -> None:
        """Takes the streams over; `close` closes them.

        Args:
            reader, writer: connected to the server.
            encodings: of pixels, best first.
        """
        self._wire = Wire(reader)
        self._writer = writer
        self._encodings = tuple(encodings)
        self._zrle = ZrleDecoder()
        self._tight = TightDecoder()
        self._paused = False
        self._owes_request = False
        self._closed = False
        self._amid = False
        self._screen_id = self._screen_flags = 0
        self.framebuffer = Framebuffer(0, 0)
        self.name = ""
        self.version = 0
        self.extended_keys = False
        self.resizable = False
        self.frames = 0

    @property
    def received_bytes(self) -> int:
        """From the server, so far."""
        return self._wire.received_bytes

    async def connect(self, shared: bool = True, *, timeout_s: float = GREETING_S) -> None:
        """Greets the server and asks for the whole picture; hangs up if that fails.

        Args:
            shared: whether others may go on watching.
            timeout_s: for all of it.

        Raises:
            RfbError: the server refuses, wants a password, is none, or hung up.
        """
        try:
            async with asyncio.timeout(timeout_s):
                greeting = await greet(self._wire, self._writer, shared=shared)
            self.framebuffer = Framebuffer(greeting.width, greeting.height)
        except TimeoutError:
            self._abort()
            raise RfbTimeout(timeout_s) from None
        except BaseException:
            self._abort()
            raise
        self.version, self.name = greeting.version, greeting.name
        self._send(messages.set_pixel_format())
        self._send(messages.set_encodings((*self._encodings, *messages.PSEUDO_ENCODINGS)))
        self._request(incremental=False)

    async def events(self) -> AsyncGenerator[Event, None]:
        """What the server tells, for as long as it does; for one reader only.

        A reader that is slow gets fewer frames, not older ones. Who is cancelled while waiting
        may have to connect anew: in the middle of a message the client closes then.

        Raises:
            RfbError: the connection ended, or the server sent nonsense; the client is closed then.
        """
        try:
            while True:
                kind = await self._wire.u8()
                self._amid = True
                events = await self._message(kind)
                self._amid = False
                for event in events:
                    yield event
                await self._wire.breathe()
        except RfbError:
            self._abort()
            raise
        finally:
            # Whoever was cancelled in the middle of a message left its rest behind.
            if self._amid:
                self._abort()

    # What is sent

    def send_key(self, keysym: int, down: bool, scancode: int = 0) -> None:
        """A key goes down or up.

        Args:
            keysym: its meaning, as X has it.
            down: or up.
            scancode: its place on a PC keyboard (XT set 1; 0xE0 as bit 7), used where the server
                takes it, so that the guest's own layout applies; 0 where it is not known.
        """
        if scancode and self.extended_keys:
            self._send(messages.extended_key(keysym, scancode, down))
        else:
            self._send(messages.key(keysym, down))

    def send_pointer(self, x: int, y: int, mask: int) -> None:
        """Where the pointer is, in pixels of the screen, and which buttons are down.

        Args:
            x, y: cut to the screen.
            mask: 1 left, 2 middle, 4 right, 8 and 16 the wheel up and down, 32 and 64 sidewards.
        """
        if self._writer.transport.get_write_buffer_size() > _MOST_UNSENT_POINTER_BYTES:
            return
        x = min(max(x, 0), max(self.framebuffer.width - 1, 0))
        y = min(max(y, 0), max(self.framebuffer.height - 1, 0))
        self._send(messages.pointer(x, y, mask))

    def send_cut_text(self, text: str) -> None:
        """A text for the guest's clipboard; what Latin-1 has not becomes `?`."""
        self._send(messages.cut_text(text))

    def request_size(self, width: int, height: int) -> bool:
        """Asks the guest for another size of its screen.

        Returns:
            Whether the server takes such wishes; a `Resized` tells whether it was granted.
        """
        if not self.resizable:
            return False
        self._send(messages.set_desktop_size(width, height, self._screen_id, self._screen_flags))
        return True

    def refresh(self) -> None:
        """Asks for the whole picture again."""
        self._request(incremental=False)

    def pause(self) -> None:
        """Asks for no more updates: nobody looks."""
        self._paused = True

    def resume(self) -> None:
        """Asks for updates again."""
        self._paused = False
        if self._owes_request:
            self._request(incremental=True)

    async def drain(self) -> None:
        """Waits until what was sent is on its way.

        Raises:
            RfbClosed: it never will be.
        """
        try:
            await self._writer.drain()
        except OSError:
            raise RfbClosed("the connection broke") from None

    async def close(self) -> None:
        """Hangs up; whoever reads events gets `RfbClosed`. Harmless when repeated."""
        self._abort()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def _abort(self) -> None:
        self._closed = True
        self._writer.transport.abort()

    def _send(self, data: bytes) -> None:
        # What is written to a connection that is gone is told by the reading side.
        if self._closed or self._writer.is_closing():
            return
        if self._writer.transport.get_write_buffer_size() > _MOST_UNSENT_BYTES:
            self._abort()
            return
        self._writer.write(data)

    def _request(self, *, incremental: bool) -> None:
        self._owes_request = False
        self._send(
            messages.update_request(
                self.framebuffer.width, self.framebuffer.height, incremental=incremental
            )
        )

    # What comes

    async def _message(self, kind: int) -> list[Event]:
        if kind == _UPDATE:
            return await self._update()
        if kind == _BELL:
            return [Bell()]
        if kind == _CUT_TEXT:
            text = await self._cut_text()
            return [] if text is None else [CutText(text)]
        if kind == _COLOURS:
            raise RfbMalformed("a colour map for true colours")
        raise RfbMalformed(f"a message of kind {kind}")

    async def _cut_text(self) -> str | None:
        await self._wire.take(3)
        length = await self._wire.u32()
        if length > _MOST_IGNORED_BYTES:
            raise RfbMalformed("a text without end")
        if length > _MOST_TEXT_BYTES:
            await self._wire.skip(length)
            return None
        return (await self._wire.take(length)).decode("latin-1")

    async def _update(self) -> list[Event]:
        wire = self._wire
        await wire.take(1)
        count = int.from_bytes(await wire.take(2), "big")
        # The next one is asked for before this one is painted: the server works meanwhile.
        if self._paused:
            self._owes_request = True
        else:
            self._request(incremental=True)
        # One of each kind: an update may bring thousands.
        events: dict[type, Event] = {}
        damage: list[Rect] = []
        number = 0
        while number < count:
            number += 1
            x, y, width, height, encoding = await wire.fields(_RECT)
            rect = Rect(x, y, width, height)
            if encoding >= 0:
                await self._paint(encoding, rect)
                damage.append(rect)
                if len(damage) > 1024:
                    damage = list(merged(damage))
            elif encoding == messages.LAST_RECT:
                break
            else:
                event = await self._pseudo(encoding, rect)
                if isinstance(event, Resized):
                    # What was painted before has other places now.
                    damage = [Rect(0, 0, event.width, event.height)]
                if event is not None:
                    events[type(event)] = event
            await wire.breathe()
        rects = merged(damage)
        if rects:
            self.frames += 1
            events[FrameDamaged] = FrameDamaged(rects)
        return list(events.values())

    async def _paint(self, encoding: int, rect: Rect) -> None:
        wire, screen = self._wire, self.framebuffer
        if encoding == messages.RAW:
            await paint_raw(wire, screen, rect)
        elif encoding == messages.COPY_RECT:
            await paint_copy(wire, screen, rect)
        elif encoding == messages.TIGHT:
            await self._tight.paint(wire, screen, rect)
        elif encoding == messages.ZRLE:
            await self._zrle.paint(wire, screen, rect)
        elif encoding == messages.HEXTILE:
            await paint_hextile(wire, screen, rect)
        else:
            raise RfbMalformed(f"pixels of kind {encoding}")

    async def _pseudo(self, encoding: int, rect: Rect) -> Event | None:
        if encoding == messages.DESKTOP_SIZE:
            return self._resize(rect.width, rect.height)
        if encoding == messages.EXTENDED_DESKTOP_SIZE:
            return await self._extended_size(rect)
        if encoding == messages.CURSOR:
            return await self._cursor(rect)
        if encoding == messages.EXTENDED_KEYS:
            self.extended_keys = True
            return None
        if encoding == messages.DESKTOP_NAME:
            length = await self._wire.u32()
            if length > _MOST_NAME_BYTES:
                raise RfbMalformed("a name without end")
            self.name = (await self._wire.take(length)).decode("utf-8", "replace")
            return Renamed(self.name)
        raise RfbMalformed(f"a message in pixels of kind {encoding}")

    def _resize(self, width: int, height: int) -> Resized | None:
        if (width, height) == (self.framebuffer.width, self.framebuffer.height):
            return None
        self.framebuffer = self.framebuffer.resized(width, height)
        # What was asked for before was of the old size.
        if not self._paused:
            self._request(incremental=False)
        return Resized(width, height)

    async def _extended_size(self, rect: Rect) -> Resized | None:
        count = await self._wire.u8()
        await self._wire.take(3)
        screens = await self._wire.take(count * 16)
        self.resizable = True
        if count:
            self._screen_id, self._screen_flags = struct.unpack(">I8xI", screens[:16])
        # As the answer to a wish of ours (x is 1), with a status in y: 0 is granted.
        if rect.x == 1 and rect.y != 0:
            return None
        return self._resize(rect.width, rect.height)

    async def _cursor(self, rect: Rect) -> CursorShape:
        width, height = rect.width, rect.height
        if width > _MOST_CURSOR_SIDE or height > _MOST_CURSOR_SIDE:
            raise RfbMalformed(f"a pointer of {width}x{height}")
        row_bytes = (width + 7) // 8
        data = await self._wire.take(width * height * 4)
        mask = await self._wire.take(row_bytes * height)
        colours = np.frombuffer(data, "<u4").reshape(height, width) | OPAQUE
        bits = np.unpackbits(np.frombuffer(mask, np.uint8).reshape(height, row_bytes), axis=1)
        pixels = np.where(bits[:, :width] != 0, colours, np.uint32(0)).astype("<u4")
        return CursorShape(pixels, min(rect.x, width), min(rect.y, height))
