"""Sending a disk or a VM to a host, in threads, while it is read and proved."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from xolite_qt.backup.errors import Cancelled, Damaged
from xolite_qt.backup.repository import Backup, Repository
from xolite_qt.vhd import DiskType, Footer
from xolite_qt.vhd.writing import VhdLayout, block_parts
from xolite_qt.xen_api import MalformedAnswer, TransportError, XapiError, XenApi
from xolite_qt.xen_api.transfers import Door, aborted_by, open_import, transfer_task

from .leftovers import made_by, mark
from .point import DiskPoint

T = TypeVar("T")
Progress = Callable[[int, int], None]
"""Takes (bytes sent, bytes in all)."""

_PIECE_BYTES = 1024 * 1024
_LOOK_S = 0.2


async def send_disk(
    api: XenApi,
    point: DiskPoint,
    vdi: str,
    indices: Sequence[int],
    size_bytes: int,
    *,
    parent_uuid: str | None,
    progress: Progress,
    stop: threading.Event,
) -> int:
    """Writes blocks of a point in time into a disk of the host, as a VHD.

    Args:
        api: signed in.
        point: where blocks come from.
        vdi: reference of the disk.
        indices: which blocks, ascending.
        size_bytes: of the disk.
        parent_uuid: for a difference: uuid of the disk that it is one to.
        progress: told of bytes.
        stop: ends it.

    Returns:
        How many bytes were sent.

    Raises:
        XapiError: the host says that it went wrong.
        TransportError: the connection broke.
        Cancelled, Damaged, StorageError: as ever.
    """
    kind = DiskType.DYNAMIC if parent_uuid is None else DiskType.DIFFERENCING
    footer = Footer.make(size_bytes, kind, point.chain.tip.uuid)
    layout = VhdLayout.plan(
        footer, indices, parent_uuid=parent_uuid, parent_name="parent.vhd" if parent_uuid else ""
    )
    door = await api.door()
    async with transfer_task(api, f"Restore of {point.disk.name}", marks=mark()) as task:
        query = {"vdi": vdi, "format": "vhd", "task_id": task.ref}
        try:
            await _in_thread(lambda: _send_blocks(door, query, point, layout, progress, stop), stop)
        except TransportError as error:
            await _told_by(task.finish, error)
        await _unless_stopped(task.finish(), stop)
    return layout.total_bytes


def _send_blocks(
    door: Door,
    query: dict[str, str],
    point: DiskPoint,
    layout: VhdLayout,
    progress: Progress,
    stop: threading.Event,
) -> None:
    total = layout.total_bytes
    if stop.is_set():
        raise Cancelled
    with (
        open_import(door, "/import_raw_vdi", query, total) as body,
        aborted_by(stop, body.abort),
    ):
        try:
            body.write(layout.head())
            for _, data in point.in_order(layout.allocated, stop=stop):
                for part in block_parts(data):
                    body.write(part)
                progress(body.sent_bytes, total)
            body.write(layout.tail())
        except TransportError:
            if stop.is_set():
                raise Cancelled from None
            raise
        progress(total, total)


async def send_xva(
    api: XenApi,
    repository: Repository,
    backup: Backup,
    sr: str,
    *,
    keep_macs: bool,
    progress: Progress,
    stop: threading.Event,
    imported: Callable[[str], Awaitable[object]],
) -> int:
    """Imports an XVA file.

    Args:
        api: signed in.
        repository: where the backup is.
        backup: a full one.
        sr: reference of the storage.
        keep_macs: the VM is the same as before: uuid and MAC addresses.
        progress: told of bytes.
        stop: ends it.
        imported: told of each VM that came out of it, before the task of the import is gone.

    Returns:
        How many bytes were sent.

    Raises:
        Damaged: the file is not what was backed up; the host is never sent the end of it, and so
            makes no VM of it.
        XapiError, TransportError, Cancelled, StorageError: as `send_disk`.
    """
    door = await api.door()
    async with transfer_task(api, f"Restore of {backup.vm_name}", marks=mark()) as task:
        query = {
            "sr_id": sr,
            "restore": "true" if keep_macs else "false",
            "force": "false",
            "task_id": task.ref,
        }
        try:
            sent = await _in_thread(
                lambda: _send_file(door, query, repository, backup, progress, stop), stop
            )
        except TransportError as error:
            await _told_by(task.finish, error)
            raise
        found = await _unless_stopped(task.finish(), stop)
        refs = made_by(found)
        if not refs:
            raise MalformedAnswer("the host's task names no VM that the import made")
        for ref in refs:
            await imported(ref)
    return sent


def _send_file(
    door: Door,
    query: dict[str, str],
    repository: Repository,
    backup: Backup,
    progress: Progress,
    stop: threading.Event,
) -> int:
    path = backup.xva_path
    assert path is not None
    known = repository.manifests(backup.vm_uuid).read_xva(path)
    stat = repository.storage.stat(path)
    if stat is None:
        raise Damaged(path, "is missing")
    digest, total = hashlib.sha256(), stat.size_bytes
    if stop.is_set():
        raise Cancelled
    with (
        repository.storage.open_read(path) as file,
        open_import(door, "/import", query, total) as body,
        aborted_by(stop, body.abort),
    ):
        try:
            piece = file.read(_PIECE_BYTES)
            while piece:
                digest.update(piece)
                following = file.read(_PIECE_BYTES)
                # The last piece only goes out when the whole is known to be right.
                if not following and known is not None and known.sha256 != digest.hexdigest():
                    raise Damaged(path, "is not what was backed up (its hash differs)")
                body.write(piece)
                progress(body.sent_bytes, total)
                piece = following
        except TransportError:
            if stop.is_set():
                raise Cancelled from None
            raise
    if body.sent_bytes != total:
        raise Damaged(path, f"has {body.sent_bytes} bytes and not {total}")
    return total


async def _in_thread(work: Callable[[], T], stop: threading.Event) -> T:
    """Runs in a thread. If the caller is cancelled the thread is told to stop, and awaited."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait({running})
        running.exception()
        raise


async def _unless_stopped(waiting: Coroutine[Any, Any, T], stop: threading.Event) -> T:
    """Waits for the host, which may need minutes after the last byte."""
    running = asyncio.create_task(waiting)
    try:
        while not running.done():
            await asyncio.wait({running}, timeout=_LOOK_S)
            if stop.is_set() and not running.done():
                raise Cancelled
    finally:
        running.cancel()
    return running.result()


async def _told_by(finish: Callable[..., Awaitable[object]], error: TransportError) -> None:
    """A broken connection is what the host's task says it is, where it says something."""
    try:
        await finish(timeout_s=5.0)
    except XapiError:
        raise
    except TransportError:
        raise error from None
    raise error
