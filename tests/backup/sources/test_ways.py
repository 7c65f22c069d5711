"""Each way of reading a disk hands on exactly what the disk holds."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from tests.backup.sources.conftest import MIB, SIZE_BYTES, Bench, Taken
from xolite_qt.backup.errors import SourceUnavailable
from xolite_qt.backup.sources import BLOCK_BYTES, Base, Way, open_source

ODD_BYTES = SIZE_BYTES + 7 * 512


@pytest.mark.parametrize("size_bytes", [SIZE_BYTES, ODD_BYTES])
@pytest.mark.parametrize("way", [Way.NBD_BAT, Way.EXPORT])
async def test_a_whole_disk(bench: Bench, way: Way, size_bytes: int) -> None:
    await bench.use_nbd()
    disk = await bench.snapshot(await bench.disk(size_bytes))
    source = await bench.open(disk, nbd="off" if way is Way.EXPORT else "on")
    assert (source.way, source.base_uuid, source.size_bytes) == (way, None, disk.size_bytes)
    taken = Taken()
    reading = await bench.read(source, taken)
    await bench.check_whole(disk, taken)
    assert reading.blocks == len(taken.blocks) == 4
    assert 4 * BLOCK_BYTES - MIB * 2 <= reading.transferred_bytes < size_bytes
    assert bench.told == []
    await bench.check_nothing_left(disk)


async def test_zeros_of_a_whole_disk_are_left_out(bench: Bench) -> None:
    """Written zeros are in the table of the host's VHD, too."""
    await bench.use_nbd()
    vdi = await bench.disk()
    await bench.write(vdi, {6 * MIB: bytes(3 * MIB)})
    disk = await bench.snapshot(vdi)
    for nbd in ("on", "off"):
        taken = Taken()
        await bench.read(await bench.open(disk, nbd=nbd), taken)
        await bench.check_whole(disk, taken)


@pytest.mark.parametrize("size_bytes", [SIZE_BYTES, ODD_BYTES])
@pytest.mark.parametrize("way", list(Way))
async def test_a_difference(bench: Bench, way: Way, size_bytes: int) -> None:
    """With blocks that have become zero: they hide what the parent has."""
    await bench.use_nbd()
    vdi = await bench.disk(size_bytes, tracked=way is Way.NBD_CBT)
    base = await bench.snapshot(vdi)
    changes = {BLOCK_BYTES * 2 - 1: b"ab", 10 * MIB: bytes(BLOCK_BYTES), size_bytes - 1: b"!"}
    await bench.write(vdi, changes)
    disk = await bench.snapshot(vdi)
    source = await bench.open(disk, base, nbd="off" if way is Way.EXPORT else "auto")
    assert (source.way, source.base_uuid) == (way, base.uuid)
    taken = Taken()
    reading = await bench.read(source, taken)
    await bench.check_difference(base, disk, taken)
    assert set(taken.blocks) == {1, 2, 5, (size_bytes - 1) // BLOCK_BYTES}
    assert taken.blocks[5] == bytes(BLOCK_BYTES)
    assert source.expected_blocks == reading.blocks == 4
    assert bench.told == []
    await bench.check_nothing_left(disk)
    await bench.check_nothing_left(base)


@pytest.mark.parametrize("way", list(Way))
async def test_a_difference_of_nothing(bench: Bench, way: Way) -> None:
    await bench.use_nbd()
    vdi = await bench.disk(tracked=way is Way.NBD_CBT)
    base = await bench.snapshot(vdi)
    disk = await bench.snapshot(vdi)
    taken = Taken()
    source = await bench.open(disk, base, nbd="off" if way is Way.EXPORT else "on")
    reading = await bench.read(source, taken)
    assert source.way is way
    assert (taken.blocks, reading.blocks) == ({}, 0)


@pytest.mark.parametrize("way", list(Way))
async def test_a_disk_that_has_grown(bench: Bench, way: Way) -> None:
    await bench.use_nbd()
    vdi = await bench.disk(tracked=way is Way.NBD_CBT)
    base = await bench.snapshot(vdi)
    await bench.api.call("VDI.resize", vdi, str(SIZE_BYTES + 9 * MIB))
    await bench.write(vdi, {SIZE_BYTES - 1: b"over", SIZE_BYTES + 6 * MIB: b"new"})
    disk = await bench.snapshot(vdi)
    assert disk.size_bytes == SIZE_BYTES + 9 * MIB or disk.size_bytes == SIZE_BYTES + 10 * MIB
    taken = Taken()
    source = await bench.open(disk, base, nbd="off" if way is Way.EXPORT else "on")
    await bench.read(source, taken)
    assert source.way is way
    old, new = await bench.blocks_of(base.ref), await bench.blocks_of(disk.ref)
    zeros = bytes(BLOCK_BYTES)
    assert {i for i in new if old.get(i, zeros) != new[i]} <= set(taken.blocks)
    assert taken.blocks == {i: new[i] for i in taken.blocks}


async def test_a_base_without_data_can_only_be_compared_by_tracking(bench: Bench) -> None:
    await bench.use_nbd()
    vdi = await bench.disk(tracked=True)
    base = await bench.snapshot(vdi)
    await bench.write(vdi, {8 * MIB: b"new"})
    disk = await bench.snapshot(vdi)
    old = await bench.blocks_of(base.ref)
    await bench.api.call("VDI.data_destroy", base.ref)
    below = Base(base.ref, base.uuid, tracked=True, has_data=False)
    source = await bench.open(disk, base=below)
    taken = Taken()
    await bench.read(source, taken)
    new = await bench.blocks_of(disk.ref)
    assert source.way is Way.NBD_CBT
    assert set(taken.blocks) == {i for i in new if old[i] != new[i]} == {4}
    bench.host.faults.fail_changed_blocks()
    with pytest.raises(SourceUnavailable, match="changed"):
        await bench.open(disk, base=below)
    with pytest.raises(SourceUnavailable):
        await bench.open(disk, base=below, nbd="off")
    untracked = dataclasses.replace(below, tracked=False)
    with pytest.raises(SourceUnavailable):
        await bench.open(disk, base=untracked)


async def test_plain_nbd_where_its_network_is_for_that(bench: Bench) -> None:
    await bench.use_nbd("insecure_nbd")
    disk = await bench.snapshot(await bench.disk())
    taken = Taken()
    source = await bench.open(disk, nbd="on")
    await bench.read(source, taken)
    await bench.check_whole(disk, taken)
    await bench.check_nothing_left(disk)


async def test_hosts_that_know_nothing_but_names(bench: Bench) -> None:
    await bench.use_nbd()
    bench.host.faults.old_nbd()
    disk = await bench.snapshot(await bench.disk())
    taken = Taken()
    await bench.read(await bench.open(disk, nbd="on"), taken)
    await bench.check_whole(disk, taken)


async def test_several_disks_at_once(bench: Bench) -> None:
    await bench.use_nbd()
    disks = [await bench.snapshot(await bench.disk()) for _ in range(4)]
    sources = [await bench.open(disk, connections=3) for disk in disks]
    taken = [Taken() for _ in disks]
    await asyncio.gather(*(bench.read(s, t) for s, t in zip(sources, taken, strict=True)))
    for disk, its in zip(disks, taken, strict=True):
        await bench.check_whole(disk, its)


async def test_a_base_that_is_unknown_is_no_whole_disk(bench: Bench) -> None:
    """The whole disk is another request: whoever wants a difference is told that there is none."""
    await bench.use_nbd()
    disk = await bench.snapshot(await bench.disk())
    gone = Base("OpaqueRef:gone", "gone")
    source = await open_source(bench.api, disk, base=gone, told=bench.told.append)
    taken = Taken()
    with pytest.raises(Exception, match="export"):
        await bench.read(source, taken)
    assert taken.blocks == {}
    await bench.check_nothing_left(disk)
