"""The second half of an NBD connection: requests and what is read for them.

Source: the NBD protocol.
"""

from __future__ import annotations

import os
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import wire
from .handshake import LARGEST_BYTES, Agreed, Hangup, receive
from .wire import Chunk, Command, CommandFlag, Error

if TYPE_CHECKING:
    from xolite_qt.demo_host.disks import Extent
    from xolite_qt.demo_host.host import DemoHost

_ZEROS = memoryview(bytes(1 << 20))
_PIECE_BYTES = 1 << 20
_MORE = getattr(socket, "MSG_MORE", 0)
_STATUS_LIMIT = 4096


class Connection:
    """Serves the requests of one client, in the order in which they come."""

    def __init__(self, host: DemoHost, agreed: Agreed, stop: threading.Event) -> None:
        self._host = host
        self._agreed = agreed
        self._socket = agreed.connection
        self._contents = host.disks.contents(agreed.disk.vdi)
        self._size = agreed.disk.size_bytes
        self._stop = stop
        self._left = host.faults.take_drop_nbd()
        # TLS encrypts in this process; plain data goes from file to socket in the kernel.
        self._in_kernel = sys.platform == "linux" and not isinstance(self._socket, ssl.SSLSocket)

    def serve(self) -> None:
        """Answer until the client goes.

        Raises:
            Hangup: it went.
            OSError: the connection broke.
        """
        while True:
            data = receive(self._socket, wire.REQUEST.size)
            magic, flags, command, handle, offset, length = wire.REQUEST.unpack(data)
            if magic != wire.REQUEST_MAGIC or command == Command.DISCONNECT:
                raise Hangup
            if command == Command.WRITE:
                self._swallow(length)
            self._request(command, flags, handle, offset, length)

    def _swallow(self, length: int) -> None:
        while length:
            length -= len(receive(self._socket, min(length, _PIECE_BYTES)))

    def _request(self, command: int, flags: int, handle: int, offset: int, length: int) -> None:
        if command in (Command.WRITE, Command.TRIM, Command.WRITE_ZEROES):
            self._fail(handle, Error.EPERM)
        elif command == Command.FLUSH:
            self._done(handle)
        elif command not in (Command.READ, Command.BLOCK_STATUS, Command.CACHE):
            self._fail(handle, Error.ENOTSUP)
        elif not length or offset + length > self._size:
            self._fail(handle, Error.EINVAL)
        elif command == Command.CACHE:
            self._done(handle)
        elif command == Command.BLOCK_STATUS:
            self._status(handle, offset, length, one=bool(flags & CommandFlag.ONE_EXTENT))
        elif length > LARGEST_BYTES:
            self._fail(handle, Error.EINVAL)
        elif self._host.faults.take_nbd_error():
            self._fail(handle, Error.EIO)
        else:
            with self._host.disks.files:
                self._read(handle, offset, length, whole=bool(flags & CommandFlag.DONT_FRAGMENT))
            self._rest(length)

    def _rest(self, length: int) -> None:
        """Be as slow as the faults say."""
        if rate := self._host.faults.bytes_per_s:
            until = time.monotonic() + length / rate
            while (left := until - time.monotonic()) > 0 and not self._stop.is_set():
                time.sleep(min(left, 0.05))

    # Answers

    def _done(self, handle: int) -> None:
        if self._agreed.structured:
            chunk = (wire.CHUNK_MAGIC, wire.CHUNK_DONE, Chunk.NONE, handle, 0)
            self._socket.sendall(wire.CHUNK.pack(*chunk))
        else:
            self._socket.sendall(wire.REPLY.pack(wire.REPLY_MAGIC, Error.NONE, handle))

    def _fail(self, handle: int, error: Error) -> None:
        if self._agreed.structured:
            chunk = (wire.CHUNK_MAGIC, wire.CHUNK_DONE, Chunk.ERROR, handle, 6)
            self._socket.sendall(wire.CHUNK.pack(*chunk) + struct.pack(">IH", error, 0))
        else:
            self._socket.sendall(wire.REPLY.pack(wire.REPLY_MAGIC, error, handle))

    def _status(self, handle: int, offset: int, length: int, *, one: bool) -> None:
        if not self._agreed.allocation:
            self._fail(handle, Error.EINVAL)
            return
        joined: list[list[int]] = []
        for extent in self._contents.extents(offset, length):
            status = wire.HOLE_AND_ZERO if extent.file is None else 0
            if joined and joined[-1][1] == status:
                joined[-1][0] += extent.length
            elif joined and (one or len(joined) == _STATUS_LIMIT):
                break
            else:
                joined.append([extent.length, status])
        payload = struct.pack(">I", wire.ALLOCATION_ID)
        payload += b"".join(wire.EXTENT.pack(*pair) for pair in joined)
        head = (wire.CHUNK_MAGIC, wire.CHUNK_DONE, Chunk.BLOCK_STATUS, handle, len(payload))
        self._socket.sendall(wire.CHUNK.pack(*head) + payload)

    def _read(self, handle: int, offset: int, length: int, *, whole: bool) -> None:
        extents = self._contents.extents(offset, length)
        if not self._agreed.structured:
            head = wire.REPLY.pack(wire.REPLY_MAGIC, Error.NONE, handle)
            self._socket.sendall(head, _MORE if self._in_kernel else 0)
            self._send(extents)
            return
        groups = [extents] if whole else list(_by_kind(extents))
        for number, group in enumerate(groups):
            done = wire.CHUNK_DONE if number == len(groups) - 1 else 0
            start, size = group[0].offset, sum(extent.length for extent in group)
            if group[0].file is None and not whole:
                kind, payload, size = Chunk.OFFSET_HOLE, struct.pack(">QI", start, size), 0
            else:
                kind, payload = Chunk.OFFSET_DATA, struct.pack(">Q", start)
            head = wire.CHUNK.pack(wire.CHUNK_MAGIC, done, kind, handle, len(payload) + size)
            self._socket.sendall(head + payload, _MORE if size and self._in_kernel else 0)
            if size:
                self._send(group)

    def _send(self, extents: list[Extent]) -> None:
        for extent in extents:
            at, stop = extent.position, extent.position + extent.length
            while at < stop:
                most = min(stop - at, _PIECE_BYTES)
                if self._left is not None:
                    if not self._left:
                        raise Hangup
                    most = min(most, self._left)
                    self._left -= most
                at += self._send_piece(extent, at, most)

    def _send_piece(self, extent: Extent, at: int, length: int) -> int:
        if extent.file is None:
            self._socket.sendall(_ZEROS[:length])
            return length
        if self._in_kernel:
            end = min(at + length, at + max(0, extent.file.size_now() - at))
            start = at
            while at < end:
                at += os.sendfile(self._socket.fileno(), extent.file.fd, at, end - at)
            length -= end - start
            if length:
                # The file became shorter behind our back.
                self._socket.sendall(_ZEROS[:length])
            return end - start + length
        self._socket.sendall(extent.file.read(at, length))
        return length


def _by_kind(extents: list[Extent]) -> Iterator[list[Extent]]:
    """Runs of data and runs of zeros."""
    group: list[Extent] = []
    for extent in extents:
        if group and (extent.file is None) != (group[0].file is None):
            yield group
            group = []
        group.append(extent)
    if group:
        yield group
