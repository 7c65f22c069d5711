"""What is on disks: writes, snapshots, images, and what a property test finds in between."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from xolite_qt.demo_host.disks.files import BLOCK_BYTES, DiskFileError, Files
from xolite_qt.demo_host.disks.layers import Contents

KIB = 1024
SIZE = 9 * BLOCK_BYTES


@pytest.fixture
def files() -> Iterator[Files]:
    made = Files()
    yield made
    made.close()


def test_a_new_disk_is_zeros_and_takes_nothing(files: Files) -> None:
    disk = Contents(files)
    far = (1 << 40) - 100
    assert disk.read(far, 50) == bytes(50)
    (whole,) = disk.extents(0, 1 << 40)
    assert (whole.offset, whole.length, whole.file) == (0, 1 << 40, None)
    disk.write(far, b"end")
    assert disk.read(far - 1, 5) == b"\0end\0"
    assert disk.data_bytes() == BLOCK_BYTES
    assert sum(extent.length for extent in disk.extents(0, 1 << 40)) == 1 << 40
    assert files.written_bytes == BLOCK_BYTES


def test_zeros_take_no_room(files: Files) -> None:
    disk = Contents(files)
    disk.write(0, bytes(64 * BLOCK_BYTES))
    assert (disk.data_bytes(), files.written_bytes) == (0, 0)
    disk.write(0, b"x" * BLOCK_BYTES)
    disk.write(0, bytes(BLOCK_BYTES))
    assert disk.data_bytes() == 0
    disk.write(0, b"y")
    assert files.written_bytes == BLOCK_BYTES


def test_a_snapshot_keeps_what_was(files: Files) -> None:
    disk = Contents(files)
    disk.write(10, b"before")
    kept = disk.branch()
    disk.write(10, b"after!")
    kept.write(0, b"own")
    assert disk.read(0, 16) == bytes(10) + b"after!"
    assert kept.read(0, 16) == b"own" + bytes(7) + b"before"
    assert disk.changed_since(kept) == [0]


def test_images_keep_their_holes(files: Files, tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    with path.open("wb") as file:
        file.truncate(64 << 20)
        file.seek(5 * BLOCK_BYTES + 7)
        file.write(b"data")
        file.seek(0, os.SEEK_END)
        file.write(b"tail")
    image = files.image(path)
    disk = Contents(files, image=lambda: image)
    assert disk.data_runs() == [(5, 6), (1024, 1025)]
    assert disk.read(5 * BLOCK_BYTES + 6, 6) == b"\0data\0"
    # Beyond the end of the file there are zeros.
    assert disk.read(64 << 20, 10) == b"tail" + bytes(6)
    disk.write((64 << 20) + 2, b"XY")
    assert disk.read(64 << 20, 6) == b"taXY\0\0"
    assert path.stat().st_size == (64 << 20) + 4
    with pytest.raises(DiskFileError) as caught:
        files.image(path)
    assert "already" in caught.value.what


def test_an_image_is_made_when_somebody_looks(files: Files, tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    path.write_bytes(b"image")
    made = []

    def image() -> Any:
        made.append(1)
        return files.image(path)

    disk = Contents(files, image=image)
    first, second = disk.branch(), disk.branch()
    first.release()
    assert made == []
    assert second.read(0, 5) == disk.read(0, 5) == b"image"
    second.release()
    disk.branch().release()
    assert disk.read(0, 6) == b"image\0"
    assert made == [1]


def test_places_are_not_used_anew_while_somebody_reads(files: Files) -> None:
    disk = Contents(files)
    disk.write(0, b"a" * BLOCK_BYTES)
    with files:
        (extent,) = disk.extents(0, BLOCK_BYTES)
        disk.release()
        other = Contents(files)
        other.write(0, b"b" * BLOCK_BYTES)
        assert extent.read() == b"a" * BLOCK_BYTES
    Contents(files).write(0, b"c" * BLOCK_BYTES)
    assert files.written_bytes == 2 * BLOCK_BYTES


def test_threads_write_and_read_beside_snapshots(files: Files) -> None:
    disk = Contents(files)
    stop = threading.Event()
    wrong: list[int] = []

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            disk.write(0, number.to_bytes(4) * (4 * BLOCK_BYTES // 4))

    def read() -> None:
        while not stop.is_set():
            kept = disk.branch()
            data = kept.read(0, 4 * BLOCK_BYTES)
            if data != data[:4] * (len(data) // 4):
                wrong.append(1)
            kept.release()

    threads = [threading.Thread(target=one) for one in (write, read, read)]
    for thread in threads:
        thread.start()
    stop.wait(0.5)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    # Room is used anew: hundreds of rounds take that of a few.
    assert files.written_bytes < 200 * BLOCK_BYTES


class Disks(RuleBasedStateMachine):
    """Disks beside plain bytes: whatever happens to them, they hold the same."""

    disks = Bundle("disks")

    def __init__(self) -> None:
        super().__init__()
        self.files = Files()
        self.lock = threading.RLock()
        self.alive: list[tuple[Contents, bytearray]] = []

    def teardown(self) -> None:
        self.files.close()

    def _add(self, contents: Contents, model: bytearray) -> tuple[Contents, bytearray]:
        self.alive.append((contents, model))
        return self.alive[-1]

    @rule(target=disks)
    def create(self) -> Any:
        return self._add(Contents(self.files, lock=self.lock), bytearray(SIZE))

    @rule(
        disk=disks,
        offset=st.integers(0, SIZE),
        length=st.integers(0, 5 * BLOCK_BYTES),
        seed=st.integers(0, 5),
    )
    def write(self, disk: Any, offset: int, length: int, seed: int) -> None:
        contents, model = disk
        length = min(length, SIZE - offset)
        data = random.Random(seed).randbytes(length) if seed else bytes(length)
        if length:
            contents.write(offset, data)
            model[offset : offset + length] = data

    @rule(target=disks, disk=disks)
    def branch(self, disk: Any) -> Any:
        contents, model = disk
        return self._add(contents.branch(), bytearray(model))

    @rule(disk=disks, source=disks)
    def become(self, disk: Any, source: Any) -> None:
        changed = disk[0].become(source[0])
        for block in range(SIZE // BLOCK_BYTES):
            part = slice(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES)
            assert block in changed or disk[1][part] == source[1][part]
        disk[1][:] = source[1]

    @rule(disk=consumes(disks))
    def release(self, disk: Any) -> None:
        disk[0].release()
        self.alive = [one for one in self.alive if one is not disk]

    @rule(disk=disks, offset=st.integers(0, SIZE), length=st.integers(1, SIZE))
    def read(self, disk: Any, offset: int, length: int) -> None:
        contents, model = disk
        length = min(length, SIZE - offset)
        assert contents.read(offset, length) == bytes(model[offset : offset + length])

    @rule(one=disks, other=disks)
    def compare(self, one: Any, other: Any) -> None:
        changed = set(one[0].changed_since(other[0]))
        for block in range(SIZE // BLOCK_BYTES):
            part = slice(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES)
            assert block in changed or one[1][part] == other[1][part]

    @invariant()
    def all_hold_what_they_should(self) -> None:
        for contents, model in self.alive:
            assert contents.read(0, SIZE) == bytes(model)
            data = {b for first, end in contents.data_runs() for b in range(first, end)}
            for block in range(SIZE // BLOCK_BYTES):
                if block not in data:
                    assert not any(model[block * BLOCK_BYTES : (block + 1) * BLOCK_BYTES])


TestDisks = Disks.TestCase
TestDisks.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
