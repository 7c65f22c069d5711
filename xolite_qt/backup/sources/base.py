"""What the engine wants to know of a disk that is read, whichever way its bytes come."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

BLOCK_BYTES = 2 * 1024 * 1024
"""The unit of a backup, as Xen Orchestra has it."""


class Way(StrEnum):
    """How a disk's bytes reach us, the fastest first."""

    NBD_CBT = "nbd+cbt"
    NBD_BAT = "nbd+bat"
    EXPORT = "vhd-export"


@dataclass(frozen=True)
class Reading:
    """What a disk source cost.

    Attributes:
        transferred_bytes: what came over the wire.
        blocks: how many were handed on.
    """

    transferred_bytes: int
    blocks: int


Consumer = Callable[[int, bytes], None]
"""Takes (block index, exactly BLOCK_BYTES bytes; the last block is padded with zeros).

Called from several threads at once, in any order, each block once; it blocks while it is busy.
All-zero blocks of a full disk are not handed on; in a differencing disk they are (they hide the
parent's).
"""


class DiskSource(Protocol):
    """One disk, open for reading."""

    @property
    def way(self) -> Way:
        """How it is read."""
        ...

    @property
    def size_bytes(self) -> int:
        """Its virtual size."""
        ...

    @property
    def base_uuid(self) -> str | None:
        """uuid of the VDI that the blocks are the difference to; None for the whole disk."""
        ...

    @property
    def expected_blocks(self) -> int | None:
        """How many blocks will come at most, for progress; None if that is not known before."""
        ...

    def read(self, consume: Consumer, stop: threading.Event) -> Reading:
        """Reads everything, in threads of its own; returns when every block was consumed.

        Raises:
            Cancelled: `stop` was set.
            SourceUnavailable: this way broke for good; another may still work (every block then
                comes again).
            SourceError: the disk cannot be read.
            Whatever `consume` raised.
        """
        ...

    def close(self) -> None:
        """Hangs up and detaches; safe to call twice."""
        ...
