"""A demo host with disks, and a client signed in to it."""

from __future__ import annotations

import asyncio
import collections
import os
import threading
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest_asyncio

from xolite_qt.backup.sources import BLOCK_BYTES, Base, Disk, DiskSource, Reading, open_source
from xolite_qt.demo_host import Running, start_demo_host
from xolite_qt.xen_api import MemoryPins, XenApi

MIB = 1 << 20
SIZE_BYTES = 20 * MIB


class Taken:
    """What was consumed: blocks by index, and how often each came."""

    def __init__(self) -> None:
        self.blocks: dict[int, bytes] = {}
        self.counts: collections.Counter[int] = collections.Counter()
        self._lock = threading.Lock()

    def __call__(self, index: int, data: bytes) -> None:
        with self._lock:
            assert len(data) == BLOCK_BYTES
            self.blocks[index] = data
            self.counts[index] += 1


@dataclass
class Bench:
    """A host and what a test does with it.

    Attributes:
        pins: what was accepted.
        told: what users hear about ways that are not possible.
    """

    running: Running
    api: XenApi
    pins: MemoryPins
    tasks_before: frozenset[str]
    told: list[str] = field(default_factory=list)

    @property
    def host(self) -> Any:
        """The demo host."""
        return self.running.host

    async def use_nbd(self, purpose: str = "nbd") -> None:
        """Lets the first network be for NBD."""
        await self.api.call("network.add_purpose", self.host.db.refs("network")[0], purpose)

    async def disk(self, size_bytes: int = SIZE_BYTES, *, tracked: bool = False) -> str:
        """A new disk with data in blocks 0, 1 (a little), 5 and the last one."""
        record = {
            "name_label": "to be read",
            "SR": next(iter(self.host.db.records("pool").values()))["default_SR"],
            "virtual_size": size_bytes,
            "type": "user",
            "sharable": False,
            "read_only": False,
            "other_config": {},
        }
        vdi = str(await self.api.call("VDI.create", record))
        if tracked:
            await self.api.call("VDI.enable_cbt", vdi)
        data = {0: os.urandom(2 * MIB), 3 * MIB + 9: b"few", 10 * MIB: os.urandom(MIB)}
        await self.write(vdi, {**data, size_bytes - 3: b"end"})
        return vdi

    async def write(self, vdi: str, data: Mapping[int, bytes]) -> None:
        """As a guest would."""
        for offset, piece in data.items():
            await asyncio.to_thread(self.host.disks.write, vdi, offset, piece)

    async def snapshot(self, vdi: str) -> Disk:
        """What is to be read."""
        ref = str(await self.api.call("VDI.snapshot", vdi, {}))
        record = self.host.db.get("VDI", ref)
        size, tracked = int(record["virtual_size"]), bool(record["cbt_enabled"])
        return Disk(ref, record["uuid"], size, tracked)

    async def open(self, disk: Disk, base: Disk | Base | None = None, **more: Any) -> DiskSource:
        """See `open_source`."""
        below = Base(base.ref, base.uuid, base.tracked) if isinstance(base, Disk) else base
        return await open_source(self.api, disk, base=below, told=self.told.append, **more)

    async def read(
        self, source: DiskSource, taken: Taken, stop: threading.Event | None = None
    ) -> Reading:
        """Reads in a thread and closes."""
        try:
            return await asyncio.to_thread(source.read, taken, stop or threading.Event())
        finally:
            source.close()

    async def blocks_of(self, vdi: str) -> dict[int, bytes]:
        """All of a disk; the last block padded."""
        size = int(self.host.db.get("VDI", vdi)["virtual_size"])
        data = await asyncio.to_thread(self.host.disks.read, vdi, 0, size)
        starts = range(0, size, BLOCK_BYTES)
        return {
            i: data[at : at + BLOCK_BYTES].ljust(BLOCK_BYTES, b"\0") for i, at in enumerate(starts)
        }

    async def check_whole(self, disk: Disk, taken: Taken) -> None:
        """All blocks but zeros came, once."""
        blocks = await self.blocks_of(disk.ref)
        zeros = bytes(BLOCK_BYTES)
        assert taken.blocks == {i: data for i, data in blocks.items() if data != zeros}
        assert set(taken.counts.values()) == {1}

    async def check_difference(self, base: Disk, disk: Disk, taken: Taken) -> None:
        """All blocks that differ came, as they are now; each that came, came once."""
        old, new = await self.blocks_of(base.ref), await self.blocks_of(disk.ref)
        assert {i for i, data in new.items() if old.get(i) != data} <= set(taken.blocks)
        assert taken.blocks == {i: new[i] for i in taken.blocks}
        assert set(taken.counts.values()) <= {1}

    async def check_nothing_left(self, disk: Disk) -> None:
        """No task, and no disk in the control domain, shortly after."""
        until = time.monotonic() + 2.0

        def left() -> list[Any]:
            tasks = [task for task in self.host.db.refs("task") if task not in self.tasks_before]
            drives = self.host.db.get("VDI", disk.ref)["VBDs"]
            return [*tasks, *drives, *([disk.ref] if disk.ref in self.host.disks.holds else [])]

        while left() and time.monotonic() < until:  # noqa: ASYNC110 - threads change it, too
            await asyncio.sleep(0.02)
        assert left() == []


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    """Over TLS, as hosts are."""
    async with start_demo_host(speed=0.01) as running:
        pins = MemoryPins()
        url = urlsplit(running.url)
        pins.accept(url.hostname or "", url.port or 443, running.fingerprint)
        async with XenApi(running.url, pins=pins) as api:
            await api.login(running.user, running.password)
            yield Bench(running, api, pins, frozenset(running.host.db.refs("task")))
