"""Which way a disk is read: the fastest that works, and a word about every one that does not."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import wait
from dataclasses import dataclass
from typing import Any, Literal

from xolite_qt.backup.errors import Cancelled, SourceError, SourceUnavailable
from xolite_qt.backup.sources.base import BLOCK_BYTES, Consumer, DiskSource, Reading, Way
from xolite_qt.nbd import NbdError, TlsSettings
from xolite_qt.vhd import VhdError
from xolite_qt.vhd.stream import VhdStream
from xolite_qt.xen_api import XapiError, XenApi, XenApiError
from xolite_qt.xen_api.transfers import Door, open_export, transfer_task

from .export import ExportSource, ReadParent, check_export
from .nbd import NbdPlace, NbdSource

CHANGE_BYTES = 64 * 1024
"""What one bit of changed-block tracking stands for."""

# A server that is there answers soon; the next one, or the export, is waiting.
_FIRST_ANSWER_S = 15.0
_HANG_UP_S = 10.0
_LOOK_S = 0.2

Told = Callable[[str], None]
Use = Literal["auto", "on", "off"]


@dataclass(frozen=True)
class Disk:
    """A disk on the host that is to be read: a snapshot.

    Attributes:
        ref, uuid: of the VDI.
        size_bytes: the virtual size.
        tracked: whether changed blocks are known of it.
    """

    ref: str
    uuid: str
    size_bytes: int
    tracked: bool = False


@dataclass(frozen=True)
class Base:
    """The snapshot that was backed up last.

    Attributes:
        ref, uuid: of the VDI.
        tracked: whether changed blocks are known of it.
        has_data: False where only the tracking data is left of it.
    """

    ref: str
    uuid: str
    tracked: bool = False
    has_data: bool = True


async def open_source(
    api: XenApi,
    disk: Disk,
    *,
    base: Base | None = None,
    nbd: Use = "auto",
    connections: int = 2,
    told: Told,
    read_parent: ReadParent | None = None,
) -> DiskSource:
    """The fastest way to read a disk, with the slower ones behind it.

    Args:
        api: signed in; its loop must run while the source is read in a thread.
        disk: what to read.
        base: only the difference to it is wanted.
        nbd: "on": NBD or nothing; "off": never.
        connections: of NBD.
        told: hears of every way that is not possible, and why.
        read_parent: what a block has in the parent, see `ExportSource`.

    Raises:
        SourceUnavailable: no way is left; with a base, the whole disk may still be readable.
        SourceError: the host does not answer.
    """
    ways: list[Way] = []
    if nbd != "off":
        if base is not None and base.tracked and disk.tracked:
            ways.append(Way.NBD_CBT)
        if base is None or base.has_data:
            ways.append(Way.NBD_BAT)
    if nbd != "on" and (base is None or base.has_data):
        ways.append(Way.EXPORT)
    chooser = _Chooser(api, disk, base, connections, told, read_parent)
    source = ResilientSource(chooser, ways, told)
    await source.open_next()
    return source


class _Chooser:
    """Opens a disk in each of the ways."""

    def __init__(
        self,
        api: XenApi,
        disk: Disk,
        base: Base | None,
        connections: int,
        told: Told,
        read_parent: ReadParent | None,
    ) -> None:
        self.api, self.disk, self.base = api, disk, base
        self.loop = asyncio.get_running_loop()
        self._connections, self._told, self._read_parent = connections, told, read_parent

    async def open(self, way: Way) -> DiskSource:
        """Raises: SourceUnavailable, SourceError."""
        base = self.base
        if way is Way.EXPORT:
            return ExportSource(
                self.api,
                self.loop,
                self.disk.ref,
                size_bytes=self.disk.size_bytes,
                base=(base.ref, base.uuid) if base else None,
                read_parent=self._read_parent,
            )
        place = await self._place()
        blocks = await (self._changed() if way is Way.NBD_CBT else self._exported())
        return NbdSource(
            place,
            way=way,
            size_bytes=self.disk.size_bytes,
            base_uuid=base.uuid if base else None,
            blocks=blocks,
            connections=self._connections,
        )

    async def _place(self) -> NbdPlace:
        """The first server that takes a connection."""
        try:
            infos = await self.api.call("VDI.get_nbd_info", self.disk.ref)
        except XapiError as error:
            raise SourceUnavailable(f"the host offers no NBD for it ({error})") from None
        if not infos:
            raise SourceUnavailable("no network of the host is for NBD")
        why = ""
        for info in infos:
            for place in await self._places(info):
                try:
                    size = await asyncio.to_thread(_size_of, place)
                except NbdError as error:
                    why = error.what
                    continue
                if size < self.disk.size_bytes:
                    why = f"the NBD server has {size} bytes of {self.disk.size_bytes}"
                    continue
                return place
        raise SourceUnavailable(why)

    async def _places(self, info: dict[str, Any]) -> list[NbdPlace]:
        """One server, with TLS where its network wants it: plain only where it is allowed."""
        address, port, export = info["address"], int(info["port"]), info["exportname"]
        secure = NbdPlace(address, port, export, TlsSettings(info["cert"], info["subject"]))
        if await self._may_be_plain():
            return [secure, NbdPlace(address, port, export, None)]
        return [secure]

    async def _may_be_plain(self) -> bool:
        networks = await self.api.call("network.get_all_records")
        return any("insecure_nbd" in record.get("purpose", ()) for record in networks.values())

    async def _changed(self) -> list[int]:
        assert self.base is not None
        try:
            bitmap = await self.api.call(
                "VDI.list_changed_blocks", self.base.ref, self.disk.ref, timeout_s=600.0
            )
        except XapiError as error:
            what = f"the host does not know which blocks have changed ({error.code})"
            raise SourceUnavailable(what) from None
        try:
            return changed_blocks(bitmap, self.disk.size_bytes)
        except ValueError as error:
            raise SourceUnavailable(str(error)) from None

    async def _exported(self) -> list[int]:
        """Blocks of the VHD export; it is hung up once its table was read."""
        door = await self.api.door()
        query = {"vdi": self.disk.ref, "format": "vhd"}
        if self.base is not None:
            query["base"] = self.base.ref
        try:
            async with transfer_task(self.api, "Blocks of a disk") as task:
                query["task_id"] = task.ref
                blocks = await asyncio.to_thread(_table, door, query, self.disk.size_bytes)
                # Until the host has noticed, it holds the disk.
                with contextlib.suppress(XenApiError):
                    await self.api.call("task.cancel", task.ref)
                with contextlib.suppress(XenApiError):
                    await task.finish(timeout_s=_HANG_UP_S)
                return blocks
        except (XenApiError, VhdError, SourceError) as error:
            what = f"the table of its VHD export cannot be read ({error})"
            raise SourceUnavailable(what) from None


def _size_of(place: NbdPlace) -> int:
    with place.connect(timeout_s=_FIRST_ANSWER_S) as connection:
        return connection.size_bytes


def _table(door: Door, query: dict[str, str], size_bytes: int) -> list[int]:
    with open_export(door, "/export_raw_vdi", query) as body:
        vhd = VhdStream(body.read)
        check_export(vhd, size_bytes, difference="base" in query)
        return vhd.allocated


def changed_blocks(bitmap: str, size_bytes: int) -> list[int]:
    """Blocks of 2 MiB in which something changed.

    Args:
        bitmap: base64; a bit per 64 KiB, the first one highest.
        size_bytes: of the disk.

    Raises:
        ValueError: it is no bitmap, or one of another disk.
    """
    try:
        bits = base64.b64decode(bitmap, validate=True)
    except binascii.Error:
        raise ValueError("the list of changed blocks cannot be read") from None
    most = -(-size_bytes // BLOCK_BYTES)
    per_block = BLOCK_BYTES // CHANGE_BYTES // 8
    if len(bits) < -(-size_bytes // CHANGE_BYTES) // 8:
        raise ValueError("the list of changed blocks is too short for this disk")
    # What it says nothing of may have changed: bits in the last byte may be missing.
    bits = bits.ljust(most * per_block, b"\xff")
    return [i for i in range(most) if any(bits[i * per_block : (i + 1) * per_block])]


class ResilientSource:
    """A source that goes on in the next way when one breaks; see `DiskSource`."""

    def __init__(self, chooser: _Chooser, ways: list[Way], told: Told) -> None:
        self._chooser, self._ways, self._told = chooser, ways, told
        self._open: DiskSource | None = None
        self._why = "it can be read in no way that is allowed"

    async def open_next(self) -> None:
        """Opens the next way that works.

        Raises:
            SourceUnavailable: none is left.
        """
        while self._ways:
            way = self._ways.pop(0)
            try:
                self._open = await self._chooser.open(way)
            except SourceUnavailable as error:
                self._lost(way, error.reason)
            except XenApiError as error:
                # A certificate that has changed, too: nobody else's disk is read.
                raise SourceError(f"the host does not answer: {error}") from error
            else:
                return
        raise SourceUnavailable(self._why)

    def _lost(self, way: Way, reason: str) -> None:
        self._why = f"{way} is not possible: {reason}"
        after = f"; reading by {self._ways[0]}" if self._ways else ""
        self._told(self._why + after)

    @property
    def _now(self) -> DiskSource:
        assert self._open is not None
        return self._open

    @property
    def way(self) -> Way:
        """The one in use."""
        return self._now.way

    @property
    def size_bytes(self) -> int:
        """The virtual size."""
        return self._now.size_bytes

    @property
    def base_uuid(self) -> str | None:
        """What the blocks are the difference to."""
        return self._now.base_uuid

    @property
    def expected_blocks(self) -> int | None:
        """How many will come, where that is known."""
        return self._now.expected_blocks

    def read(self, consume: Consumer, stop: threading.Event) -> Reading:
        """See `DiskSource.read`; every block is handed on once, whatever breaks."""
        seen: set[int] = set()
        lock = threading.Lock()
        transferred = 0

        def once(index: int, data: bytes) -> None:
            nonlocal transferred
            with lock:
                known = index in seen
                seen.add(index)
                transferred += BLOCK_BYTES
            if not known:
                consume(index, data)

        before = 0
        while True:
            try:
                reading = self._now.read(once, stop)
            except SourceUnavailable as error:
                self._now.close()
                before, transferred = before + transferred, 0
                self._lost(self._now.way, error.reason)
                self._next_way(stop)
            except SourceError:
                self._now.close()
                raise
            else:
                return Reading(before + reading.transferred_bytes, len(seen))

    def _next_way(self, stop: threading.Event) -> None:
        opening = asyncio.run_coroutine_threadsafe(self.open_next(), self._chooser.loop)
        while not opening.done() and not stop.is_set():
            wait([opening], timeout=_LOOK_S)
        if stop.is_set():
            opening.cancel()
            raise Cancelled
        opening.result()

    def close(self) -> None:
        """See `DiskSource.close`."""
        if self._open is not None:
            self._open.close()
