"""Hosts may send blocks only in part: what is missing is zero in a whole disk, and the parent's in
a difference."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.backup.sources.conftest import SIZE_BYTES, Bench, Taken
from xolite_qt.backup.errors import SourceError
from xolite_qt.backup.sources import BLOCK_BYTES, Base, Disk, Way
from xolite_qt.vhd import SECTOR_BYTES, DiskType, Footer
from xolite_qt.vhd.stream import FULL_BITMAP
from xolite_qt.vhd.writing import VhdLayout
from xolite_qt.xen_api import HandleInvalid

PARENT = "11111111-2222-4333-8444-555555555555"
SECTORS = {0, 7, 8, 4095}
SENT, BELOW = os.urandom(BLOCK_BYTES), os.urandom(BLOCK_BYTES)


def bitmap_of(sectors: set[int]) -> bytes:
    """One bit per sector, the first one highest."""
    bitmap = bytearray(SECTOR_BYTES)
    for sector in sectors:
        bitmap[sector // 8] |= 0x80 >> sector % 8
    return bytes(bitmap)


def mixed(below: bytes) -> bytes:
    """A block of which `SECTORS` were sent."""
    body = bytearray(below)
    for sector in SECTORS:
        at = sector * SECTOR_BYTES
        body[at : at + SECTOR_BYTES] = SENT[at : at + SECTOR_BYTES]
    return bytes(body)


def a_vhd(size_bytes: int, *, difference: bool) -> bytes:
    """Block 1 in part, block 2 whole, block 4 with nothing in it."""
    kind = DiskType.DIFFERENCING if difference else DiskType.DYNAMIC
    footer = Footer.make(size_bytes, kind, "99999999-2222-4333-8444-555555555555")
    layout = VhdLayout.plan(footer, [1, 2, 4], parent_uuid=PARENT if difference else None)
    bitmaps = (bitmap_of(SECTORS), FULL_BITMAP, bytes(SECTOR_BYTES))
    return layout.head() + b"".join(bitmap + SENT for bitmap in bitmaps) + layout.tail()


@contextlib.contextmanager
def sending(stream: bytes) -> Iterator[int]:
    """A host that answers its one request with it; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            # Whoever finds a mistake hangs up in the middle.
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + stream)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            thread.join()


async def read(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    *,
    difference: bool,
    read_parent: Callable[[int], bytes | None] | None = None,
) -> Taken:
    """What is handed on of an export like `a_vhd`."""
    taken = Taken()
    with sending(a_vhd(SIZE_BYTES, difference=difference)) as port:
        own = await bench.api.door()
        door = dataclasses.replace(own, host="127.0.0.1", port=port, tls=False, fingerprint="")

        async def other_door() -> object:
            return door

        monkeypatch.setattr(bench.api, "door", other_door)
        disk = Disk("OpaqueRef:any", "any", SIZE_BYTES)
        base = Base("OpaqueRef:base", PARENT) if difference else None
        source = await bench.open(disk, base, nbd="off", read_parent=read_parent)
        assert source.way is Way.EXPORT
        reading = asyncio.create_task(bench.read(source, taken))
        # As a host does at its end; the client waits for that, unless it found a mistake before.
        while not (made := set(bench.host.db.refs("task")) - bench.tasks_before):
            if reading.done():
                break
            await asyncio.sleep(0.01)
        for task in made:
            with contextlib.suppress(HandleInvalid):
                await bench.api.call("task.set_status", task, "success")
        await reading
    return taken


async def test_what_is_missing_of_a_whole_disk_is_zero(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = await read(bench, monkeypatch, difference=False)
    assert taken.blocks == {1: mixed(bytes(BLOCK_BYTES)), 2: SENT}


async def test_what_is_missing_of_a_difference_is_the_parents(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for only where something is missing; where the parent has nothing, it is zero."""
    asked: list[int] = []

    def read_parent(index: int) -> bytes | None:
        asked.append(index)
        return BELOW if index == 1 else None

    taken = await read(bench, monkeypatch, difference=True, read_parent=read_parent)
    assert taken.blocks == {1: mixed(BELOW), 2: SENT, 4: bytes(BLOCK_BYTES)}
    assert asked == [1, 4]


async def test_without_the_parent_a_part_of_a_block_is_an_error(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceError, match="block 1 only in part"):
        await read(bench, monkeypatch, difference=True)
