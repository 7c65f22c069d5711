"""Sending a disk or a VM to a host, in threads, while it is read and proved."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from xolite_qt.backup.errors import Cancelled, Damaged
from xolite_qt.backup.repository import Backup, Repository
from xolite_qt.vhd import DiskType, Footer
from xolite_qt.vhd.writing import VhdLayout, block_parts
from xolite_qt.xen_api import TransportError, XapiError, XenApi
from xolite_qt.xen_api.transfers import Door, aborted_by, open_import, transfer_task

from .point import DiskPoint

T = TypeVar("T")
Progress = Callable[[int, int], None]
"""Takes (bytes sent, bytes in all)."""

_PIECE_BYTES = 1024 * 1024


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
    async with transfer_task(api, f"Restore of {point.disk.name}") as task:
        query = {"vdi": vdi, "format": "vhd", "task_id": task.ref}
        try:
            await _in_thread(lambda: _send_blocks(door, query, point, layout, progress, stop), stop)
        except TransportError as error:
            await _told_by(task.finish, error)
        await task.finish()
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
) -> list[str]:
    """Imports an XVA file; returns references of the VMs that came out of it.

    Raises:
        Damaged: the file is not what was backed up: what the host made of it is removed.
        XapiError, TransportError, Cancelled, StorageError: as `send_disk`.
    """
    door = await api.door()
    async with transfer_task(api, f"Restore of {backup.vm_name}") as task:
        query = {
            "sr_id": sr,
            "restore": "true" if keep_macs else "false",
            "force": "false",
            "task_id": task.ref,
        }
        wrong = ""
        try:
            wrong = await _in_thread(
                lambda: _send_file(door, query, repository, backup, progress, stop), stop
            )
        except TransportError as error:
            await _told_by(task.finish, error)
        refs = await task.finish()
    found = [refs] if isinstance(refs, str) else list(refs or [])
    if wrong:
        for ref in found:
            await _destroy_vm(api, ref)
        assert backup.xva_path is not None
        raise Damaged(backup.xva_path, wrong)
    return found


def _send_file(
    door: Door,
    query: dict[str, str],
    repository: Repository,
    backup: Backup,
    progress: Progress,
    stop: threading.Event,
) -> str:
    path = backup.xva_path
    assert path is not None
    known = repository.manifests(backup.vm_uuid).read_xva(path)
    stat = repository.storage.stat(path)
    if stat is None:
        raise Damaged(path, "is missing")
    digest, total = hashlib.sha256(), stat.size_bytes
    with (
        repository.storage.open_read(path) as file,
        open_import(door, "/import", query, total) as body,
        aborted_by(stop, body.abort),
    ):
        try:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
                body.write(piece)
                progress(body.sent_bytes, total)
        except TransportError:
            if stop.is_set():
                raise Cancelled from None
            raise
    if known is not None and known.sha256 != digest.hexdigest():
        return "is not what was backed up (its hash differs)"
    return ""


async def _destroy_vm(api: XenApi, vm: str) -> None:
    record = await api.call("VM.get_record", vm)
    for vbd in record["VBDs"]:
        drive = await api.call("VBD.get_record", vbd)
        if drive["type"] == "Disk" and drive["VDI"] != "OpaqueRef:NULL":
            await api.call("VDI.destroy", drive["VDI"], timeout_s=120.0)
    await api.call("VM.destroy", vm, timeout_s=120.0)


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


async def _told_by(finish: Callable[..., Awaitable[object]], error: TransportError) -> None:
    """A broken connection is what the host's task says it is, where it says something."""
    try:
        await finish(timeout_s=5.0)
    except XapiError:
        raise
    except TransportError:
        raise error from None
    raise error
