"""Listens for NBD on loopback; every connection has a thread.

Source: `xapi.md` 1.12.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import ssl
import threading
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from xolite_qt.demo_host.registry import Failure

from .connection import Connection
from .handshake import Disk, Handshake, Hangup, Terms

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

ADDRESS = "127.0.0.1"
BACKLOG = 64
# Nobody waits longer for a client that does not speak.
HANDSHAKE_S, JOIN_S = 60.0, 5.0


class NbdServer:
    """NBD of one host; listens from the first time that somebody asks where.

    Attributes:
        connections: how many there were so far, refused ones included.
    """

    def __init__(self, host: DemoHost) -> None:
        self._host = host
        self._listener: socket.socket | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._open: dict[threading.Thread, socket.socket] = {}
        self.connections = 0

    @property
    def started(self) -> bool:
        """Whether it listens."""
        return self._listener is not None

    async def start(self) -> tuple[str, int]:
        """Listen, once.

        Returns:
            Address and port.
        """
        if self._listener is None:
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            listener.bind((ADDRESS, 0))
            listener.listen(BACKLOG)
            listener.setblocking(False)
            self._listener = listener
            self._stopping.clear()
            self._host.bind_loop()
            self._host.spawn(self._accept(listener), name="nbd")
        address, port = self._listener.getsockname()
        return str(address), int(port)

    def stop(self) -> None:
        """Cut every connection and wait for their threads. Blocks."""
        self._stopping.set()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self.drop()
        with self._lock:
            threads = list(self._open)
        for thread in threads:
            thread.join(JOIN_S)

    def drop(self) -> int:
        """Cut every connection.

        Returns:
            How many were cut.
        """
        with self._lock:
            connections = list(self._open.values())
        for connection in connections:
            with contextlib.suppress(OSError):
                # Not that of a TLS connection, which would change it under its thread.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        return len(connections)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError:
                return
            self.connections += 1
            if self._host.faults.take_refused_nbd():
                connection.close()
                continue
            connection.setblocking(True)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                context = await asyncio.to_thread(self._context) if self._needs_tls() else None
            except BaseException:
                # The host stops.
                connection.close()
                raise
            serve = functools.partial(self._serve, connection, context)
            thread = threading.Thread(target=serve, name="demo-nbd", daemon=True)
            with self._lock:
                self._open[thread] = connection
            thread.start()

    def _needs_tls(self) -> bool:
        """Networks with and without TLS exclude one another, so that one tells it."""
        networks = self._host.db.records("network").values()
        return not any("insecure_nbd" in network["purpose"] for network in networks)

    def _context(self) -> ssl.SSLContext:
        return self._host.certificate.server_context()

    def _serve(self, connection: socket.socket, context: ssl.SSLContext | None) -> None:
        """One connection from greeting to end, in a thread of its own."""
        thread = threading.current_thread()
        held: list[str] = []

        def open_export(name: str) -> Disk | None:
            try:
                disk = self._host.on_loop(lambda: self._find(name))
                if disk.vdi not in held:
                    self._host.on_loop(lambda: self._host.disks.holds.hold(disk.vdi))
                    held.append(disk.vdi)
            except Failure:
                return None
            return disk

        def secured(replaced: socket.socket) -> None:
            nonlocal connection
            connection = replaced
            with self._lock:
                self._open[thread] = replaced

        try:
            connection.settimeout(HANDSHAKE_S)
            old = self._host.faults.nbd_is_old
            agreed = Handshake(connection, Terms(context, old, open_export, secured)).run()
            connection.settimeout(None)
            Connection(self._host, agreed, self._stopping).serve()
        except (Hangup, OSError, ValueError):
            # Whoever hung up, or what broke: the client sees it, and nobody else cares.
            pass
        finally:
            with contextlib.suppress(OSError):
                connection.close()
            for vdi in held:
                with contextlib.suppress(ConnectionAbortedError):
                    self._host.on_loop(functools.partial(self._host.disks.holds.let_go, vdi))
            with self._lock:
                self._open.pop(thread, None)

    def _find(self, name: str) -> Disk:
        """The disk of `/<uuid>?session_id=<session>`.

        Raises:
            Failure: no such session or disk, or one that cannot be read.
        """
        parts = urlsplit(name)
        (session,) = parse_qs(parts.query).get("session_id", [""])[:1]
        self._host.sessions.get(session)
        vdi = self._host.db.by_uuid("VDI", parts.path.removeprefix("/"))
        record = self._host.db.get("VDI", vdi)
        if record["type"] == "cbt_metadata":
            raise Failure("VDI_INCOMPATIBLE_TYPE", vdi, "cbt_metadata")
        return Disk(vdi, int(record["virtual_size"]))
