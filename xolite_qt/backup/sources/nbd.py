"""A disk over NBD, when it is known which blocks to read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xolite_qt.backup.errors import Cancelled, SourceUnavailable
from xolite_qt.backup.sources.base import BLOCK_BYTES, Consumer, Reading, Way
from xolite_qt.nbd import NbdConnection, NbdError, TlsSettings, read_extents
from xolite_qt.nbd.reader import Stopped

_ZEROS = bytes(BLOCK_BYTES)


@dataclass(frozen=True)
class NbdPlace:
    """Where a host serves a disk.

    Attributes:
        address, port: of the server.
        export: its name; it holds the session, so it is never shown.
        tls: how the server proves itself; None on a network for plain NBD.
    """

    address: str
    port: int
    export: str
    tls: TlsSettings | None

    def __repr__(self) -> str:
        return f"NbdPlace({self.address}:{self.port})"

    def connect(
        self, stop: threading.Event | None = None, *, timeout_s: float = 60.0
    ) -> NbdConnection:
        """A connection; blocks.

        Args:
            stop: gives up meanwhile.
            timeout_s: of silence, see `NbdConnection`.

        Raises:
            NbdError: see there.
        """
        return NbdConnection(
            self.address, self.port, self.export, tls=self.tls, timeout_s=timeout_s, stop=stop
        )


class NbdSource:
    """Blocks of a disk over NBD; see `DiskSource`."""

    def __init__(
        self,
        place: NbdPlace,
        *,
        way: Way,
        size_bytes: int,
        base_uuid: str | None,
        blocks: Sequence[int],
        connections: int,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        """Args:
        place: of the disk.
        way: how the blocks were found out.
        size_bytes: of the disk.
        base_uuid: what the blocks are the difference to; None for the whole disk.
        blocks: to read.
        connections: at most so many.
        on_close: called once by `close`.
        """
        self.way, self.size_bytes, self.base_uuid = way, size_bytes, base_uuid
        self._place, self._blocks, self._connections = place, blocks, connections
        self._on_close = on_close

    @property
    def expected_blocks(self) -> int | None:
        """All that will be read."""
        return len(self._blocks)

    def read(self, consume: Consumer, stop: threading.Event) -> Reading:
        """See `DiskSource.read`."""
        lock, transferred, handed_on = threading.Lock(), 0, 0
        whole = self.base_uuid is None

        def take(index: int, data: bytes) -> None:
            nonlocal transferred, handed_on
            with lock:
                transferred += len(data)
            if len(data) < BLOCK_BYTES:
                data = data.ljust(BLOCK_BYTES, b"\0")
            # In a difference zeros hide what the parent has there.
            if whole and data == _ZEROS:
                return
            with lock:
                handed_on += 1
            consume(index, data)

        extents = (
            (index, index * BLOCK_BYTES, min(BLOCK_BYTES, self.size_bytes - index * BLOCK_BYTES))
            for index in self._blocks
        )
        try:
            read_extents(
                self._place.connect, extents, take, connections=self._connections, stop=stop
            )
        except Stopped:
            raise Cancelled from None
        except NbdError as error:
            raise SourceUnavailable(error.what) from None
        return Reading(transferred, handed_on)

    def close(self) -> None:
        """See `DiskSource.close`."""
        done, self._on_close = self._on_close, None
        if done is not None:
            done()
