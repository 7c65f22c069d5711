"""A whole VM as the host exports it, into every repository at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Literal

from xolite_qt.backup.errors import BackupError, Cancelled, SourceError
from xolite_qt.backup.repository import BackupWriter
from xolite_qt.backup.run.recorder import Recorder
from xolite_qt.backup.run.targets import Target
from xolite_qt.backup.storage import StreamWriter
from xolite_qt.xen_api import TransportError, XapiError, XenApi
from xolite_qt.xen_api.transfers import Door, aborted_by, open_export, transfer_task

from .snapshots import Snapshot

_PIECE_BYTES = 1024 * 1024
_MIB = 1024 * 1024
Failed = Callable[[Target, BackupError], None]


def longest_xva(disk_bytes: int) -> int:
    """An upper bound of the length of an XVA file. Source: backup-repository.md 2.1."""
    return disk_bytes + 1536 * (disk_bytes // _MIB + 1) + 64 * _MIB


async def copy_xva(
    api: XenApi,
    snapshot: Snapshot,
    compression: Literal["zstd", "gzip", "none"],
    outputs: list[tuple[Target, BackupWriter]],
    recorder: Recorder,
    parent: str,
    failed: Failed,
) -> None:
    """Exports a snapshot into repositories; the files are there, their backups not yet.

    Raises:
        SourceError: the host could not export it.
        BackupError: no repository takes it.
        Cancelled: the run is to end.
    """
    size = sum(disk.size_bytes for disk in snapshot.disks)
    name = str(snapshot.vm_record["name_label"])
    item = recorder.item("step", f"Export of {name}", parent=parent, total=size)
    door = await api.door()
    try:
        async with transfer_task(api, f"Backup of {name}") as task:
            query = {
                "ref": snapshot.ref,
                "use_compression": "false" if compression == "none" else compression,
                "task_id": task.ref,
            }
            copy = _Copy(door, query, outputs, longest_xva(size), recorder, item, failed)
            try:
                moved = await _in_thread(copy.run, recorder.stop)
                await task.finish()
            except TransportError as error:
                if recorder.stop.is_set():
                    raise Cancelled from None
                raise SourceError(f"the export of the VM broke off: {error}") from error
            except XapiError as error:
                raise SourceError(f"the host could not export the VM: {error}") from error
    except BaseException as error:
        outcome: Literal["cancelled", "failure"] = "failure"
        if isinstance(error, Cancelled):
            outcome = "cancelled"
        recorder.done(item, outcome, error=str(error))
        raise
    recorder.done(
        item,
        read_bytes=size,
        transferred_bytes=moved,
        written_bytes=moved * len(outputs),
        facts={"way": "xva", "compression": compression},
    )


class _Copy:
    def __init__(
        self,
        door: Door,
        query: dict[str, str],
        outputs: list[tuple[Target, BackupWriter]],
        size_hint_bytes: int,
        recorder: Recorder,
        item: str,
        failed: Failed,
    ) -> None:
        self._door, self._query, self._outputs = door, query, outputs
        self._hint, self._recorder, self._item = size_hint_bytes, recorder, item
        self._failed = failed

    def run(self) -> int:
        """Returns the bytes that were moved."""
        stop = self._recorder.stop
        with (
            open_export(self._door, "/export", self._query) as body,
            aborted_by(stop, body.abort),
            ExitStack() as files,
        ):
            open_: list[tuple[Target, StreamWriter, ExitStack]] = []
            for target, writer in self._outputs:
                one = files.enter_context(ExitStack())
                try:
                    open_.append((target, one.enter_context(writer.open_xva(self._hint)), one))
                except BackupError as error:
                    self._failed(target, error)
            while piece := body.read(_PIECE_BYTES):
                if stop.is_set():
                    raise Cancelled
                self._write(piece, open_)
                self._recorder.progress(
                    self._item,
                    body.received_bytes,
                    transferred_bytes=body.received_bytes,
                    written_bytes=body.received_bytes * len(open_),
                )
            if stop.is_set():
                raise Cancelled
            return body.received_bytes

    def _write(self, piece: bytes, open_: list[tuple[Target, StreamWriter, ExitStack]]) -> None:
        for entry in list(open_):
            target, file, one = entry
            try:
                file.write(piece)
            except BackupError as error:
                open_.remove(entry)
                self._failed(target, error)
                # The file ends as one that failed: nothing of it stays.
                one.__exit__(type(error), error, error.__traceback__)
                if not open_:
                    raise


async def _in_thread(work: Callable[[], int], stop: threading.Event) -> int:
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait({running})
        running.exception()
        raise
