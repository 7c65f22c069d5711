"""`PUT /import_raw_vdi`: what a client sends is written onto a disk.

Source: `xapi.md` 1.12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from xolite_qt.demo_host.datamodel import Type
from xolite_qt.demo_host.disks import Contents
from xolite_qt.demo_host.ops.disks import vdi_create
from xolite_qt.demo_host.ops.space import settle_disk
from xolite_qt.demo_host.registry import Failure, http_route

from .transfer import Transfer, find, in_thread, pour
from .vhd import BadVhd, VhdReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from xolite_qt.demo_host.host import DemoHost

FORMS = ("raw", "vhd")


@http_route("PUT", "/import_raw_vdi")
async def import_raw_vdi(host: DemoHost, request: web.Request) -> web.StreamResponse:
    """Write a disk; the answer is there before the body is read, success is in the task."""
    return await Transfer(host, request, "Importing raw VDI").run(_import)


async def _import(transfer: Transfer) -> None:
    host, request = transfer.host, transfer.request
    length, form = request.content_length, request.query.get("format", "raw")
    if length is None:
        transfer.refused_as = 404
        raise Failure("INTERNAL_ERROR", "import_raw_vdi: chunked encoding is not taken")
    if form not in FORMS:
        transfer.refused_as = 404
        raise Failure("INTERNAL_ERROR", f"Unknown format {form}")
    vdi = await _target(transfer, form, length)
    transfer.start_import()
    transfer.expected_bytes = length
    await transfer.send_headers(Content_Type="text/plain")
    try:
        with transfer.holding(vdi, write=True):
            contents = await in_thread(host.disks.contents, vdi)
            await _receive(transfer, contents, vdi, form)
    except Failure:
        await transfer.hang_up()
        raise
    finally:
        if host.db.exists("VDI", vdi):
            settle_disk(host, vdi)
    if "vdi" not in request.query:
        transfer.result = (vdi, Type("ref", "VDI"))


async def _target(transfer: Transfer, form: str, length: int) -> str:
    """The disk that is written: the one that was named, or a new one."""
    host, query = transfer.host, transfer.request.query
    if "vdi" in query:
        return find(host, "VDI", query["vdi"])
    if form != "raw" or "sr_id" not in query:
        raise Failure("INTERNAL_ERROR", "neither vdi nor sr_id, or sr_id for a VHD")
    fields = {
        "name_label": "VDI import",
        "name_description": "",
        "SR": find(host, "SR", query["sr_id"]),
        "virtual_size": length,
        "type": "user",
        "sharable": False,
        "read_only": False,
        "other_config": {},
    }
    return await vdi_create(transfer.call, fields)


async def _receive(transfer: Transfer, contents: Contents, vdi: str, form: str) -> None:
    disks, size = transfer.host.disks, transfer.host.disks.size(vdi)

    def write(offset: int, piece: memoryview) -> None:
        disks.changes.note(vdi, contents.write(offset, piece))

    if form == "raw" and transfer.expected_bytes > size:
        raise Failure("VDI_IO_ERROR", "Device I/O errors")
    writer = VhdReader(size, write) if form == "vhd" else RawWriter(write)
    try:
        await pour(transfer.body(), writer.feed)
        writer.finish()
    except BadVhd as error:
        raise Failure("INTERNAL_ERROR", f"Vhd_format.Vhd.Invalid({error.what})") from None


class RawWriter:
    """Writes what comes, one piece after the other.

    Attributes:
        at: where the next one goes.
    """

    def __init__(self, write: Callable[[int, memoryview], None]) -> None:
        self._write = write
        self.at = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes. Blocks."""
        self._write(self.at, memoryview(data))
        self.at += len(data)

    def finish(self) -> None:
        """Nothing is missing: the disk may be longer than what came."""
