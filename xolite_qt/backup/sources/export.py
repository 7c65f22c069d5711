"""A disk as the host exports it: a VHD from begin to end. The slowest way, and the one that always
works: the host turns its VHD into raw and back into VHD for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import wait
from typing import Any, NoReturn, TypeVar

from xolite_qt.backup.errors import Cancelled, SourceError
from xolite_qt.backup.sources.base import BLOCK_BYTES, Consumer, Reading, Way
from xolite_qt.vhd import SECTOR_BYTES, VhdError
from xolite_qt.vhd.stream import FULL_BITMAP, VhdStream
from xolite_qt.xen_api import TransportError, XapiError, XenApi, XenApiError
from xolite_qt.xen_api.transfers import Door, aborted_by, open_export, transfer_task

ReadParent = Callable[[int], bytes | None]
"""The 2 MiB that a block has in the parent; None for zeros."""

_ZEROS = bytes(BLOCK_BYTES)
_WAIT_S = 1.0
_LOOK_S = 0.2

T = TypeVar("T")


class ExportSource:
    """The VHD export of a disk; see `DiskSource`."""

    way = Way.EXPORT

    def __init__(
        self,
        api: XenApi,
        loop: asyncio.AbstractEventLoop,
        vdi: str,
        *,
        size_bytes: int,
        base: tuple[str, str] | None,
        read_parent: ReadParent | None = None,
    ) -> None:
        """Args:
        api: signed in.
        loop: the one that `api` lives on; it runs while `read` blocks its thread.
        vdi: reference of the disk.
        size_bytes: of it.
        base: reference and uuid of the disk to which the difference is wanted.
        read_parent: for hosts that send blocks only in part.
        """
        self.size_bytes = size_bytes
        self.base_uuid = base[1] if base else None
        self.expected_blocks: int | None = None
        self._api, self._loop, self._vdi, self._base = api, loop, vdi, base
        self._read_parent = read_parent

    def read(self, consume: Consumer, stop: threading.Event) -> Reading:
        """See `DiskSource.read`."""
        running = asyncio.run_coroutine_threadsafe(self._run(consume, stop), self._loop)
        # A wait of its own: `result` with a time-out cannot tell that it ran out from a transfer
        # that ended in the same moment.
        while not running.done():
            wait([running], timeout=_WAIT_S)
        return running.result()

    async def _run(self, consume: Consumer, stop: threading.Event) -> Reading:
        try:
            door = await _unless(stop, self._api.door())
            async with transfer_task(self._api, "Backup of a disk") as task:
                query = {"vdi": self._vdi, "format": "vhd", "task_id": task.ref}
                if self._base is not None:
                    query["base"] = self._base[0]
                try:
                    reading = await asyncio.to_thread(self._stream, door, query, consume, stop)
                except (TransportError, VhdError) as error:
                    if stop.is_set():
                        raise Cancelled from None
                    # Why it broke off is told in the task, if anywhere.
                    await _unless(stop, _said(task.finish, error))
                # A stream may end as if all was well: the task knows better.
                await _unless(stop, task.finish())
        except XenApiError as error:
            raise SourceError(f"the host could not export the disk: {error}") from error
        return reading

    def _stream(
        self, door: Door, query: Mapping[str, str], consume: Consumer, stop: threading.Event
    ) -> Reading:
        with (
            open_export(door, "/export_raw_vdi", query) as body,
            aborted_by(stop, body.abort),
        ):
            vhd = VhdStream(body.read)
            check_export(vhd, self.size_bytes, difference=self._base is not None)
            self.expected_blocks = len(vhd.allocated)
            handed_on = 0
            for index, bitmap, data in vhd.blocks():
                if stop.is_set():
                    raise Cancelled
                whole = data if bitmap == FULL_BITMAP else self._filled(index, bitmap, data)
                if self._base is None and whole == _ZEROS:
                    continue
                handed_on += 1
                consume(index, whole)
            vhd.finish()
            return Reading(body.received_bytes, handed_on)

    def _filled(self, index: int, bitmap: bytes, data: bytes) -> bytes:
        """A block of which the host sends only some sectors."""
        if self._base is None:
            body = bytearray(BLOCK_BYTES)
        elif self._read_parent is not None:
            body = bytearray(self._read_parent(index) or _ZEROS)
        else:
            raise SourceError(f"the host sends block {index} only in part")
        for sector in range(BLOCK_BYTES // SECTOR_BYTES):
            if bitmap[sector // 8] & (0x80 >> sector % 8):
                at = sector * SECTOR_BYTES
                body[at : at + SECTOR_BYTES] = data[at : at + SECTOR_BYTES]
        return bytes(body)

    def close(self) -> None:
        """Nothing is open between reads."""


def check_export(vhd: VhdStream, size_bytes: int, *, difference: bool) -> None:
    """Compares what the host sends with what was asked for.

    Raises:
        SourceError: it is another disk, or the whole one instead of a difference.
    """
    found, has_parent = vhd.footer.current_size_bytes, vhd.header.parent_uuid is not None
    if found != size_bytes:
        raise SourceError(f"the host exports {found} bytes of a disk of {size_bytes}")
    if has_parent and not difference:
        raise SourceError("the host exports a difference where the whole disk was asked for")
    if difference and not has_parent:
        raise SourceError("the host exports the whole disk where a difference was asked for")


async def _unless(stop: threading.Event, work: Coroutine[Any, Any, T]) -> T:
    """What it brings.

    Raises:
        Cancelled: `stop` was set before.
        Whatever it raises.
    """
    running = asyncio.create_task(work)
    try:
        while not running.done():
            if stop.is_set():
                raise Cancelled
            await asyncio.wait([running], timeout=_LOOK_S)
        return running.result()
    finally:
        running.cancel()


async def _said(finish: Callable[..., Any], error: TransportError | VhdError) -> NoReturn:
    """Raises what the host's task says, else the error of the stream."""
    try:
        await finish(timeout_s=5.0)
    except XapiError as told:
        raise SourceError(f"the host could not export the disk: {told}") from told
    except TransportError:
        pass
    raise SourceError(f"the export of the disk broke off: {error}") from error
