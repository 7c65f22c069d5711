"""When a way breaks, the next one goes on, loudly; when none is left, it is said; and nothing
stays behind on the host."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from tests.backup.sources.conftest import MIB, Bench, Taken
from xolite_qt.backup.errors import Cancelled, SourceError, SourceUnavailable
from xolite_qt.backup.sources import BLOCK_BYTES, Way
from xolite_qt.nbd import reader


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are tried again as often, but sooner."""
    defaults = {**(reader.read_extents.__kwdefaults__ or {}), "first_wait_s": 0.01}
    monkeypatch.setattr(reader.read_extents, "__kwdefaults__", defaults)


async def test_no_network_for_nbd(bench: Bench) -> None:
    disk = await bench.snapshot(await bench.disk())
    source = await bench.open(disk)
    assert source.way is Way.EXPORT
    (line,) = bench.told
    assert "nbd+bat is not possible: no network of the host is for NBD" in line
    assert "reading by vhd-export" in line
    taken = Taken()
    await bench.read(source, taken)
    await bench.check_whole(disk, taken)
    with pytest.raises(SourceUnavailable, match="no network of the host is for NBD"):
        await bench.open(disk, nbd="on")
    await bench.check_nothing_left(disk)


async def test_nbd_that_refuses(bench: Bench) -> None:
    await bench.use_nbd()
    bench.host.faults.refuse_nbd(100)
    disk = await bench.snapshot(await bench.disk())
    taken = Taken()
    source = await bench.open(disk)
    await bench.read(source, taken)
    assert source.way is Way.EXPORT
    assert "hung up" in bench.told[0]
    assert "OpaqueRef" not in "".join(bench.told)
    await bench.check_whole(disk, taken)


async def test_changed_blocks_that_are_not_known(bench: Bench) -> None:
    await bench.use_nbd()
    vdi = await bench.disk(tracked=True)
    base = await bench.snapshot(vdi)
    await bench.write(vdi, {5: b"changed"})
    disk = await bench.snapshot(vdi)
    bench.host.faults.fail_changed_blocks()
    source = await bench.open(disk, base)
    assert source.way is Way.NBD_BAT
    assert "SR_BACKEND_FAILURE_460" in bench.told[0]
    taken = Taken()
    await bench.read(source, taken)
    await bench.check_difference(base, disk, taken)
    await bench.check_nothing_left(disk)


@pytest.mark.parametrize("connections", [1, 2, 4])
async def test_connections_that_break_go_on(bench: Bench, connections: int) -> None:
    await bench.use_nbd()
    disk = await bench.snapshot(await bench.disk())
    source = await bench.open(disk, connections=connections)
    bench.host.faults.drop_nbd(BLOCK_BYTES + 100, 3)
    bench.host.faults.nbd_errors(2)
    taken = Taken()
    await bench.read(source, taken)
    assert source.way is Way.NBD_BAT
    assert bench.told == []
    await bench.check_whole(disk, taken)
    await bench.check_nothing_left(disk)


@pytest.mark.parametrize("tracked", [False, True])
async def test_nbd_that_breaks_forever_in_the_middle(bench: Bench, tracked: bool) -> None:
    """The export goes on, and no block is consumed twice."""
    await bench.use_nbd()
    vdi = await bench.disk(tracked=tracked)
    base = await bench.snapshot(vdi) if tracked else None
    await bench.write(vdi, {block * BLOCK_BYTES: b"new" for block in range(6)})
    disk = await bench.snapshot(vdi)
    source = await bench.open(disk, base)
    bench.host.faults.drop_nbd(BLOCK_BYTES * 2 + 5, 1)
    bench.host.faults.drop_nbd(0, 1000)
    taken = Taken()
    reading = await bench.read(source, taken)
    assert source.way is Way.EXPORT
    assert "hung up" in bench.told[0]
    assert "reading by vhd-export" in bench.told[-1]
    assert len(bench.told) == (2 if tracked else 1)
    if base is None:
        await bench.check_whole(disk, taken)
    else:
        await bench.check_difference(base, disk, taken)
    assert reading.blocks == len(taken.blocks)
    assert reading.transferred_bytes > len(taken.blocks) * BLOCK_BYTES
    await bench.check_nothing_left(disk)


async def test_with_nbd_only_it_is_an_error_in_the_middle(bench: Bench) -> None:
    await bench.use_nbd()
    disk = await bench.snapshot(await bench.disk())
    source = await bench.open(disk, nbd="on")
    bench.host.faults.drop_nbd(10, 1000)
    with pytest.raises(SourceUnavailable, match="hung up"):
        await bench.read(source, Taken())
    await bench.check_nothing_left(disk)


async def test_a_table_that_cannot_be_read(bench: Bench) -> None:
    """An export that breaks while only its table is wanted: the export is tried as a whole."""
    await bench.use_nbd()
    disk = await bench.snapshot(await bench.disk())
    bench.host.faults.cut_export(700)
    source = await bench.open(disk)
    assert source.way is Way.EXPORT
    assert "table of its VHD export" in bench.told[0]
    taken = Taken()
    await bench.read(source, taken)
    await bench.check_whole(disk, taken)
    await bench.check_nothing_left(disk)


@pytest.mark.parametrize("fault", ["cut_export", "fail_export"])
@pytest.mark.parametrize("after_bytes", [0, 600, 3 * MIB])
async def test_an_export_that_breaks_off(bench: Bench, fault: str, after_bytes: int) -> None:
    disk = await bench.snapshot(await bench.disk())
    source = await bench.open(disk, nbd="off")
    getattr(bench.host.faults, fault)(after_bytes)
    taken = Taken()
    with pytest.raises(SourceError, match="export"):
        await bench.read(source, taken)
    assert set(taken.counts.values()) <= {1}
    await bench.check_nothing_left(disk)


async def test_an_error_of_whoever_consumes_is_passed_on(bench: Bench) -> None:
    class Full(Exception):
        pass

    def consume(index: int, data: bytes) -> None:
        raise Full

    await bench.use_nbd()
    disk = await bench.snapshot(await bench.disk())
    for nbd in ("on", "off"):
        source = await bench.open(disk, nbd=nbd)
        with pytest.raises(Full):
            await asyncio.to_thread(source.read, consume, threading.Event())
        source.close()
        await bench.check_nothing_left(disk)


@pytest.mark.parametrize("nbd", ["on", "off"])
async def test_stop(bench: Bench, nbd: str) -> None:
    """In the middle of a slow host: within two seconds, and nothing stays there."""
    await bench.use_nbd()
    vdi = await bench.disk()
    disk = await bench.snapshot(vdi)
    source = await bench.open(disk, nbd=nbd)
    bench.host.faults.limit_transfers(2_000_000)
    stop = threading.Event()
    reading = asyncio.create_task(bench.read(source, Taken(), stop))
    await asyncio.sleep(0.4)
    stop.set()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        await reading
    assert time.monotonic() - began < 2.0
    bench.host.faults.clear()
    await bench.check_nothing_left(disk)


async def test_stop_between_two_ways(bench: Bench) -> None:
    await bench.use_nbd()
    disk = await bench.snapshot(await bench.disk())
    source = await bench.open(disk)
    bench.host.faults.drop_nbd(0, 1000)
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        await bench.read(source, Taken(), stop)
    await bench.check_nothing_left(disk)


@pytest.mark.parametrize("nbd", ["auto", "off"])
async def test_a_host_with_another_certificate_is_no_host_to_read_from(
    bench: Bench, nbd: str
) -> None:
    disk = await bench.snapshot(await bench.disk())
    door = await bench.api.door()
    bench.pins.accept(door.host, door.port, ":".join(["AB"] * 32))
    try:
        with pytest.raises(SourceError, match="certificate"):
            await bench.read(await bench.open(disk, nbd=nbd), Taken())
    finally:
        bench.pins.accept(door.host, door.port, door.fingerprint)
    await bench.check_nothing_left(disk)


async def test_closing_without_reading(bench: Bench) -> None:
    await bench.use_nbd()
    disk = await bench.snapshot(await bench.disk())
    source = await bench.open(disk)
    source.close()
    source.close()
    await bench.check_nothing_left(disk)
