"""Whole VMs as XVA files: from a host to this computer's disk, and back.

The wire cannot resume: xapi makes the XVA anew for each request, in an order and with a compression
of its own, and knows no ranges. A transfer that broke off is begun again from its start, and what
came before is dropped: there is nothing to go on from.

Bytes move in a thread, through `transfers`; what the host thinks of them is known from its task.
Source: xapi.md 1.12.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .door import Door
from .errors import MalformedAnswer, TransportError, XapiError, XenApiError
from .transfers import TransferTask, aborted_by, open_export, open_import, transfer_task
from .xva_files import (
    PIECE_BYTES,
    FileTrouble,
    Meter,
    Phase,
    Saved,
    check_file,
    file_words,
    free_bytes,
    part_of,
    sum_of,
)

if TYPE_CHECKING:
    from .client import XenApi

T = TypeVar("T")

_LOOK_S = 0.2
_ASK_S = 1.0
_LOOK_AT_ROOM_BYTES = 64 * 1024 * 1024


class Compression(StrEnum):
    """How the host packs an XVA; the values are those of the request."""

    NONE = "false"
    GZIP = "gzip"
    ZSTD = "zstd"


# ---------------------------------------------------------------------- export


async def export_vm(
    api: XenApi,
    vm: str,
    target: Path,
    *,
    compression: Compression,
    meter: Meter,
    snapshot_as: str | None = None,
    expected_bytes: int = 0,
) -> Saved:
    """Writes a VM into a file, which has its name only once it is whole.

    Args:
        api: signed in.
        vm: reference of a VM that does not run, unless a snapshot is taken.
        target: the file; one that is there is replaced in the end.
        compression: what the host does to it.
        meter: is told how far it is, and told to stop by.
        snapshot_as: name of a snapshot that is exported instead and removed again; None for none.
        expected_bytes: about so much will come; 0 where nobody knows.

    Raises:
        TransferStopped: `meter.stop` was set.
        FileTrouble: the file cannot be written, or its disk has no room.
        XapiError: the host could not export it.
        TransportError: the connection broke. It cannot be resumed.
    """
    async with _source(api, vm, snapshot_as, meter) as source:
        meter.check()
        meter.begin(Phase.MOVING, expected_bytes)
        door = await api.door()
        async with transfer_task(api, f"xolite-qt: export to {target.name}") as task:
            query = {"ref": source, "use_compression": compression.value, "task_id": task.ref}
            try:
                async with _followed(api, task, meter):
                    got = await _in_thread(lambda: _fetch(door, query, target, meter), meter)
                meter.begin(Phase.ENDING)
                await _unless_stopped(task.finish(), meter)
                return await asyncio.to_thread(_keep, target, *got)
            except XenApiError as error:
                _drop(part_of(target))
                meter.check()
                if isinstance(error, TransportError):
                    await _told_by(task, error)
                raise
            except BaseException:
                _drop(part_of(target))
                raise


@contextlib.asynccontextmanager
async def _followed(api: XenApi, task: TransferTask, meter: Meter) -> AsyncIterator[None]:
    """Asks how far the host is: nobody else knows how long an export will be."""

    async def look() -> None:
        while True:
            await asyncio.sleep(_ASK_S)
            with contextlib.suppress(XenApiError):
                meter.host_fraction = float(await api.call("task.get_progress", task.ref))

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()


@contextlib.asynccontextmanager
async def _source(
    api: XenApi, vm: str, snapshot_as: str | None, meter: Meter
) -> AsyncIterator[str]:
    """The reference of what is exported; a snapshot goes away again afterwards."""
    if snapshot_as is None:
        yield vm
        return
    meter.begin(Phase.SNAPSHOT)
    snapshot = await api.run("VM.snapshot", vm, snapshot_as)
    try:
        # Else what is imported from the file would be a template.
        await api.call("VM.set_is_a_template", snapshot, False)
        yield snapshot
    except BaseException:
        # What it broke off for is told, not what follows from it.
        with contextlib.suppress(XenApiError):
            await asyncio.shield(_remove(api, snapshot))
        raise
    try:
        await asyncio.shield(_remove(api, snapshot))
    except XenApiError as error:
        words = "The file is whole, but the snapshot that it was made of could not be removed."
        raise FileTrouble(words) from error


async def _remove(api: XenApi, snapshot: str) -> None:
    vdis = []
    for ref in await api.call("VM.get_VBDs", snapshot):
        if await api.call("VBD.get_type", ref) == "Disk":
            vdis.append(await api.call("VBD.get_VDI", ref))
    await api.run("VM.destroy", snapshot)
    for vdi in vdis:
        await api.run("VDI.destroy", vdi)


def _fetch(door: Door, query: dict[str, str], target: Path, meter: Meter) -> tuple[int, str]:
    # Runs in a thread.
    digest, part, next_look = hashlib.sha256(), part_of(target), 0
    try:
        with (
            open_export(door, "/export", query) as body,
            aborted_by(meter.stop, body.abort),
            part.open("wb") as file,
        ):
            while piece := body.read(PIECE_BYTES):
                if body.received_bytes >= next_look:
                    if not free_bytes(part.parent):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    next_look = body.received_bytes + _LOOK_AT_ROOM_BYTES
                file.write(piece)
                digest.update(piece)
                meter.moved_bytes = body.received_bytes
                meter.check()
            file.flush()
            os.fsync(file.fileno())
            return body.received_bytes, digest.hexdigest()
    except OSError as error:
        raise FileTrouble(file_words(part, error)) from error


def _keep(target: Path, size_bytes: int, sha256: str) -> Saved:
    """The file gets its name; the checksum of one that was there goes before it can be wrong."""
    try:
        sum_of(target).unlink(missing_ok=True)
        part_of(target).replace(target)
        sum_part = part_of(sum_of(target))
        sum_part.write_text(f"{sha256}  {target.name}\n", encoding="utf-8")
        sum_part.replace(sum_of(target))
    except OSError as error:
        raise FileTrouble(file_words(target, error)) from error
    return Saved(target, size_bytes, sha256)


def _drop(part: Path) -> None:
    with contextlib.suppress(OSError):
        part.unlink(missing_ok=True)


# ---------------------------------------------------------------------- import


async def import_vm(
    api: XenApi,
    source: Path,
    sr: str,
    *,
    restore: bool,
    meter: Meter,
) -> list[str]:
    """Makes VMs of a file; its checksum is compared first, where there is one beside it.

    Args:
        api: signed in.
        source: an XVA file.
        sr: reference of the storage for the disks.
        restore: keep the identity that the VM had: uuid and MAC addresses.
        meter: is told how far it is, and told to stop by.

    Returns:
        References of the VMs.

    Raises:
        TransferStopped: `meter.stop` was set; the host removes what it has made.
        FileTrouble: it cannot be read, is no XVA, or is not what its checksum says.
        XapiError: the host does not take it.
        TransportError: the connection broke. It cannot be resumed.
    """
    size = await _in_thread(lambda: check_file(source, meter), meter)
    meter.begin(Phase.MOVING, size)
    door = await api.door()
    async with transfer_task(api, f"xolite-qt: import of {source.name}") as task:
        query = {
            "sr_id": sr,
            "restore": "true" if restore else "false",
            "force": "false",
            "task_id": task.ref,
        }
        try:
            await _in_thread(lambda: _send(door, query, source, size, meter), meter)
            meter.begin(Phase.ENDING)
            found = await _unless_stopped(task.finish(), meter)
        except XenApiError as error:
            meter.check()
            if isinstance(error, TransportError):
                await _told_by(task, error)
            raise
    refs = found if isinstance(found, list) else [found]
    if not refs or not all(isinstance(ref, str) for ref in refs):
        raise MalformedAnswer("the host's task names no VM that the import made")
    return refs


def _send(door: Door, query: dict[str, str], source: Path, size: int, meter: Meter) -> None:
    # Runs in a thread.
    try:
        with (
            source.open("rb") as file,
            open_import(door, "/import", query, size) as body,
            aborted_by(meter.stop, body.abort),
        ):
            while body.sent_bytes < size and (
                piece := file.read(min(PIECE_BYTES, size - body.sent_bytes))
            ):
                meter.check()
                body.write(piece)
                meter.moved_bytes = body.sent_bytes
            if body.sent_bytes < size:
                raise FileTrouble(f"{source.name} became shorter while it was read.")
    except OSError as error:
        raise FileTrouble(file_words(source, error)) from error


# ---------------------------------------------------------------------- both


async def _in_thread(work: Callable[[], T], meter: Meter) -> T:
    """Runs in a thread. If the caller is cancelled the thread is told to stop, and awaited."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        meter.stop.set()
        await asyncio.wait({running})
        running.exception()
        raise


async def _unless_stopped(waiting: Coroutine[Any, Any, T], meter: Meter) -> T:
    """Waits for the host, which may need minutes after the last byte."""
    running = asyncio.create_task(waiting)
    try:
        while not running.done():
            await asyncio.wait({running}, timeout=_LOOK_S)
            if not running.done():
                meter.check()
    finally:
        running.cancel()
    return running.result()


async def _told_by(task: TransferTask, error: TransportError) -> None:
    """A broken connection is what the host's task says it is, where it says something."""
    finish: Callable[..., Awaitable[object]] = task.finish
    try:
        await finish(timeout_s=5.0)
    except XapiError:
        raise
    except TransportError:
        raise error from None
