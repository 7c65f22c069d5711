"""Changed-block tracking: which 64 KiB blocks of a disk were written since its last snapshot.

A disk that is tracked has a log. A snapshot takes the disk's log over and the disk gets a new one;
who came after whom is kept, so that the changes between two of them are those of all logs on the
way. A log outlives the data of its snapshot.

Source: `xapi.md` 1.12.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable

from .files import BLOCK_BYTES

_PAGE = 8192


class Bitmap:
    """Numbers of blocks; empty stretches take no room."""

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}

    def add(self, blocks: Iterable[int]) -> None:
        for block in blocks:
            page = self._pages.get(block // _PAGE)
            if page is None:
                page = self._pages[block // _PAGE] = bytearray(_PAGE // 8)
            page[block % _PAGE // 8] |= 0x80 >> block % 8

    def merge(self, other: Bitmap) -> None:
        """Take the numbers of another one too."""
        for number, theirs in other._pages.items():
            mine = self._pages.get(number, bytes(_PAGE // 8))
            joined = int.from_bytes(mine) | int.from_bytes(theirs)
            self._pages[number] = bytearray(joined.to_bytes(_PAGE // 8))

    def bits(self, size_bytes: int) -> bytes:
        """One bit per block of a disk of this size, the first in the highest bit."""
        length = -(-size_bytes // (8 * BLOCK_BYTES))
        bits = bytearray(length)
        for number, page in self._pages.items():
            start = number * _PAGE // 8
            part = page[: max(0, length - start)]
            bits[start : start + len(part)] = part
        return bytes(bits)


class Log:
    """Changes of one disk since the snapshot before it; neighbours by reference, or ""."""

    __slots__ = ("after", "before", "changed")

    def __init__(self, before: str = "", after: str = "") -> None:
        self.before, self.after = before, after
        self.changed = Bitmap()


class ChangeLogs:
    """The logs of all disks that are tracked, by VDI reference."""

    def __init__(self) -> None:
        self._logs: dict[str, Log] = {}

    def __contains__(self, vdi: str) -> bool:
        return vdi in self._logs

    def start(self, vdi: str) -> None:
        """Track a disk from now on; nothing changes where it is tracked."""
        self._logs.setdefault(vdi, Log())

    def stop(self, vdi: str) -> None:
        """Track it no more; what came before it and after it is no longer related."""
        log = self._logs.pop(vdi, None)
        if log is not None:
            self._join(log.before, log.after, related=False)

    def note(self, vdi: str, blocks: Iterable[int]) -> None:
        """Blocks of a disk were written."""
        log = self._logs.get(vdi)
        if log is not None:
            log.changed.add(blocks)

    def snapshot(self, vdi: str, made: str) -> None:
        """A snapshot of a disk was made."""
        log = self._logs.get(vdi)
        if log is None:
            return
        self._logs[made] = log
        if log.before in self._logs:
            self._logs[log.before].after = made
        log.after = vdi
        self._logs[vdi] = Log(before=made)

    def drop(self, vdi: str) -> None:
        """A disk is no more: what changed in it now counts for the one after it."""
        log = self._logs.pop(vdi, None)
        if log is None:
            return
        if log.after in self._logs:
            self._logs[log.after].changed.merge(log.changed)
        self._join(log.before, log.after, related=True)

    def _join(self, before: str, after: str, *, related: bool) -> None:
        if before in self._logs:
            self._logs[before].after = after if related else ""
        if after in self._logs:
            self._logs[after].before = before if related else ""

    def between(self, first: str, last: str, size_bytes: int) -> str | None:
        """What changed from one disk or snapshot to a later one.

        Args:
            size_bytes: of the later one.

        Returns:
            Base64, or None where the later one does not come after the first.
        """
        total, at = Bitmap(), first
        while (at := self._logs[at].after) in self._logs:
            total.merge(self._logs[at].changed)
            if at == last:
                return base64.b64encode(total.bits(size_bytes)).decode()
        return None
