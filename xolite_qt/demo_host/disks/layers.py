"""What is on a disk: layers of 64 KiB blocks over an image. Freezing one takes no time.

A disk has a layer of its own on top. A snapshot makes that layer one that nobody writes to and puts
a new, empty one over it, for the disk and for the snapshot each. Layers that only one other stands
on are taken into it when a disk is deleted, so that towers stay low.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple

from .files import BLOCK_BYTES, ZERO, BlockFile, Files, Image, Runs, split

ZEROS = bytes(BLOCK_BYTES)
# Above so many blocks, runs of data are looked up instead of blocks one by one.
_MANY = 4096


class Extent(NamedTuple):
    """A part of a disk that lies in one piece.

    Attributes:
        offset: on the disk, in bytes.
        file: where it is, or None for zeros.
        position: in the file, in bytes.
    """

    offset: int
    length: int
    file: BlockFile | None
    position: int

    def read(self) -> bytes:
        return (
            bytes(self.length) if self.file is None else self.file.read(self.position, self.length)
        )


class Layer:
    """Blocks over those of a parent, or over an image where there is no parent."""

    __slots__ = ("blocks", "children", "image", "parent")

    def __init__(self, parent: Layer | None = None) -> None:
        self.parent = parent
        self.blocks: dict[int, int] = {}
        self.children: set[Layer] = set()
        self.image: Image | None = None
        if parent is not None:
            parent.children.add(self)

    def place(self, block: int) -> int:
        layer: Layer | None = self
        while layer is not None:
            found = layer.blocks.get(block)
            if found is not None:
                return found
            if layer.image is not None:
                return layer.image.place(block)
            layer = layer.parent
        return ZERO


class Contents:
    """The bytes of one disk, without an end: beyond what was written there are zeros.

    Every method may be called from any thread.

    Attributes:
        new_bytes: written into blocks that were empty before; whoever books room sets it to 0.
    """

    def __init__(
        self,
        files: Files,
        *,
        lock: threading.RLock | None = None,
        image: Callable[[], Image] | None = None,
    ) -> None:
        """Args:
        files: where blocks are kept.
        lock: shared by all disks of a host.
        image: makes what is under it, when somebody first looks.
        """
        self._files = files
        self._lock = lock or threading.RLock()
        self._top = Layer()
        self._pending = None if image is None else _Pending(image, self._top)
        self.new_bytes = 0

    # Layers

    def branch(self) -> Contents:
        """A second disk that holds the same from now on; both can be written."""
        made = Contents(self._files, lock=self._lock)
        with self._lock:
            made._pending = self._pending
            if self._top.blocks or self._top.parent is None:
                self._top = Layer(self._top)
            parent = self._top.parent
            assert parent is not None
            made._top = Layer(parent)
        return made

    def release(self) -> None:
        """The disk is no more: what only it held is given back."""
        with self._lock:
            layer: Layer | None = self._top
            while layer is not None and not layer.children:
                self._files.give_back(list(layer.blocks.values()))
                parent = layer.parent
                if parent is not None:
                    parent.children.discard(layer)
                layer = parent
            if layer is not None and len(layer.children) == 1:
                self._absorb(layer)

    def _absorb(self, layer: Layer) -> None:
        """Take a layer into the only one that stands on it."""
        if layer.parent is None and not (self._pending is None or self._pending.made):
            # Its image is to come still.
            return
        (child,) = layer.children
        shadowed = [layer.blocks[block] for block in layer.blocks.keys() & child.blocks.keys()]
        child.blocks = {**layer.blocks, **child.blocks}
        child.parent, child.image = layer.parent, layer.image
        if layer.parent is not None:
            layer.parent.children.discard(layer)
            layer.parent.children.add(child)
        layer.children.clear()
        self._files.give_back(shadowed)

    def _look(self) -> None:
        if self._pending is not None:
            self._pending.make()

    # Reading

    def read(self, offset: int, length: int) -> bytes:
        """Bytes from an offset. Blocks."""
        with self._files:
            parts = [extent.read() for extent in self.extents(offset, length)]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def extents(self, offset: int, length: int) -> list[Extent]:
        """Where a part of the disk is, in order and without gaps.

        To be read within `with files:`, lest a place is used for something else meanwhile.
        """
        self._look()
        first, last = offset // BLOCK_BYTES, -(-(offset + length) // BLOCK_BYTES)
        pieces: list[tuple[int, int, int]] = []
        with self._lock:
            blocks: Iterable[int] = range(first, last)
            if last - first > _MANY:
                runs = self._runs()
                blocks = (b for a, e in runs for b in range(max(a, first), min(e, last)))
            at = first
            for block in blocks:
                if block > at:
                    pieces.append((at, block, ZERO))
                place = self._top.place(block)
                at = block + 1
                if pieces:
                    begin, end, start = pieces[-1]
                    follows = start + (block - begin) if start else ZERO
                    if end == block and place == follows:
                        pieces[-1] = (begin, at, start)
                        continue
                pieces.append((block, at, place))
            if at < last:
                pieces.append((at, last, ZERO))
        return list(self._cut(pieces, offset, offset + length))

    def _cut(self, pieces: list[tuple[int, int, int]], start: int, stop: int) -> Iterable[Extent]:
        for begin, end, place in pieces:
            low, high = max(begin * BLOCK_BYTES, start), min(end * BLOCK_BYTES, stop)
            if place == ZERO:
                yield Extent(low, high - low, None, 0)
                continue
            number, position = split(place)
            file = self._files[number]
            position += low - begin * BLOCK_BYTES
            # The last block of an image may be a part of one.
            there = high - low
            if not self._files.is_own(place):
                there = max(0, min(there, file.size_bytes - position))
            if there:
                yield Extent(low, there, file, position)
            if there < high - low:
                yield Extent(low + there, high - low - there, None, 0)

    def data_runs(self) -> Runs:
        """Runs of 64 KiB blocks (first, one past the last) that hold data, sorted."""
        self._look()
        with self._lock:
            return self._runs()

    def _runs(self) -> Runs:
        own, image = self._overlay()
        runs: Runs = []

        def add(first: int, end: int) -> None:
            if runs and runs[-1][1] >= first:
                runs[-1] = (runs[-1][0], max(runs[-1][1], end))
            else:
                runs.append((first, end))

        marks, at = sorted(own), 0
        for first, end in [*(image.runs if image else ()), (1 << 62, 1 << 62)]:
            while at < len(marks) and marks[at] < first:
                if own[marks[at]]:
                    add(marks[at], marks[at] + 1)
                at += 1
            while at < len(marks) and marks[at] < end:
                if not own[marks[at]]:
                    if first < marks[at]:
                        add(first, marks[at])
                    first = marks[at] + 1
                at += 1
            if first < end:
                add(first, end)
        return runs

    def _overlay(self) -> tuple[dict[int, int], Image | None]:
        tower = [self._top]
        while (below := tower[-1].parent) is not None:
            tower.append(below)
        own: dict[int, int] = {}
        for layer in reversed(tower):
            own.update(layer.blocks)
        return own, tower[-1].image

    def data_bytes(self) -> int:
        """How much holds data, in whole blocks."""
        return sum(end - first for first, end in self.data_runs()) * BLOCK_BYTES

    def changed_since(self, other: Contents) -> list[int]:
        """Blocks that were written since both were one, sorted; those that differ otherwise."""
        self._look()
        other._look()
        with self._lock:
            (mine, image), (theirs, base) = self._overlay(), other._overlay()
            candidates = mine.keys() | theirs.keys()
            if image is not base:
                for one in (image, base):
                    for first, end in one.runs if one else ():
                        candidates |= set(range(first, end))
            return sorted(b for b in candidates if self._top.place(b) != other._top.place(b))

    # Writing

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> list[int]:
        """Put bytes at an offset. Blocks.

        Returns:
            The blocks that were touched.
        """
        self._look()
        view = memoryview(data)
        first, last = offset // BLOCK_BYTES, -(-(offset + len(view)) // BLOCK_BYTES)
        pieces: list[tuple[int, bytes]] = []
        with self._lock:
            for block in range(first, last):
                start = block * BLOCK_BYTES - offset
                piece = bytes(view[max(start, 0) : start + BLOCK_BYTES])
                if len(piece) < BLOCK_BYTES:
                    old = self.read(block * BLOCK_BYTES, BLOCK_BYTES)
                    inner = max(-start, 0)
                    piece = old[:inner] + piece + old[inner + len(piece) :]
                pieces.append((block, piece))
            self._put(pieces)
        return list(range(first, last))

    def _put(self, pieces: list[tuple[int, bytes]]) -> None:
        own = self._top.blocks
        fresh: list[tuple[int, bytes]] = []
        for block, piece in pieces:
            before = self._top.place(block)
            here = own.get(block, ZERO)
            if piece == ZEROS:
                if before != ZERO:
                    self._files.give_back([here])
                    own[block] = ZERO
                continue
            if before == ZERO:
                self.new_bytes += BLOCK_BYTES
            if here and self._files.is_own(here):
                self._files.write([here], [piece])
            else:
                fresh.append((block, piece))
        if fresh:
            places = self._files.take(len(fresh))
            self._files.write(places, [piece for _, piece in fresh])
            own.update(zip((block for block, _ in fresh), places, strict=True))

    def adopt(self, image: Image, blocks: Iterable[int]) -> None:
        """Let some blocks be those of another image."""
        self._look()
        with self._lock:
            own = self._top.blocks
            for block in blocks:
                if own.get(block):
                    self._files.give_back([own[block]])
                place = image.place(block)
                if place and self._top.place(block) == ZERO:
                    self.new_bytes += BLOCK_BYTES
                own[block] = place

    def become(self, other: Contents) -> list[int]:
        """Hold from now on what another disk holds.

        Returns:
            The blocks that changed by it.
        """
        changed = other.changed_since(self)
        with self._lock:
            copy = other.branch()
            self._top, copy._top = copy._top, self._top
            self._pending, copy._pending = copy._pending, self._pending
            copy.release()
        return changed


class _Pending:
    """An image that is made when somebody first looks at a disk."""

    def __init__(self, make: Callable[[], Image], root: Layer) -> None:
        self._make = make
        self._root = root
        self._lock = threading.Lock()
        self.made = False

    def make(self) -> None:
        if self.made:
            return
        with self._lock:
            if not self.made:
                self._root.image = self._make()
                self.made = True
