"""`GET /export` and `PUT /import`: whole VMs as XVA.

Source: `xapi.md` 1.12.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from aiohttp import web

from xolite_qt.demo_host.datamodel import NULL_REF, Type
from xolite_qt.demo_host.disks import Contents
from xolite_qt.demo_host.ops.disks import check_storage
from xolite_qt.demo_host.ops.space import settle_disk
from xolite_qt.demo_host.ops.vm_power import operating
from xolite_qt.demo_host.registry import Failure, http_route

from .ova import Exported, Imported, collect, read_ova, write_ova
from .transfer import PIECE_BYTES, Transfer, find, in_thread, pour
from .xva import (
    CHUNK_BYTES,
    END,
    Chunk,
    Compressor,
    Unpacker,
    XvaReader,
    chunks_with_data,
    compressor,
    pack,
    tar_file,
)

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

_AT_ONCE = PIECE_BYTES // CHUNK_BYTES
_VMS = Type("set", args=(Type("ref", "VM"),))


@http_route("GET", "/export")
async def export(host: DemoHost, request: web.Request) -> web.StreamResponse:
    """Send a VM that does not run."""
    return await Transfer(host, request, "Export of VM").run(_export)


async def _export(transfer: Transfer) -> None:
    host, query = transfer.host, transfer.request.query
    vm = find(host, "VM", query.get("ref") or query.get("uuid", ""))
    transfer.refused_as = 403
    async with operating(transfer.call, vm, "export"):
        transfer.start_export()
        await transfer.send_headers(
            Content_Type="application/octet-stream",
            Content_Disposition=f'attachment; filename="{host.db.get("VM", vm)["uuid"]}.xva"',
        )
        exported = collect(host, vm)
        with ExitStack() as held:
            for disk in exported.disks:
                held.enter_context(transfer.holding(disk))
            await _send(transfer, exported, compressor(query.get("use_compression", "false")))


async def _send(transfer: Transfer, exported: Exported, packer: Compressor | None) -> None:
    host = transfer.host

    async def send(data: bytes) -> None:
        if data:
            await transfer.send(data)

    def packed(contents: Contents, name: str, numbers: list[int], size: int) -> bytes:
        data = pack(contents, name, numbers, size)
        return data if packer is None else packer.compress(data)

    start = b"".join(tar_file("ova.xml", write_ova(host, exported)))
    await send(start if packer is None else packer.compress(start))
    plans = []
    for disk in exported.disks:
        contents = await in_thread(host.disks.contents, disk)
        size = host.disks.size(disk)
        numbers = chunks_with_data(await in_thread(contents.data_runs), size)
        plans.append((exported.ids["VDI", disk], contents, size, numbers))
    done, total = 0, sum(len(numbers) for *_, numbers in plans)
    for name, contents, size, numbers in plans:
        for at in range(0, len(numbers), _AT_ONCE):
            batch = numbers[at : at + _AT_ONCE]
            await send(await in_thread(packed, contents, name, batch, size))
            done += len(batch)
            transfer.task.check()
            transfer.show(done, total)
    await send(END if packer is None else packer.compress(END) + packer.flush())


@http_route("PUT", "/import")
async def import_(host: DemoHost, request: web.Request) -> web.StreamResponse:
    """Make VMs of an XVA; the answer is there before the body is read, success is in the task."""
    return await Transfer(host, request, "Import of VM").run(_import)


async def _import(transfer: Transfer) -> None:
    host, query = transfer.host, transfer.request.query
    sr = _storage(host, query.get("sr_id", ""))
    check_storage(transfer.call, sr)
    transfer.start_import()
    transfer.expected_bytes = transfer.request.content_length or 0
    await transfer.send_headers(Content_Type="text/plain")
    made = Imported(transfer.call, sr, restore=query.get("restore") == "true")
    contents: dict[str, Contents] = {}

    def on_ova(text: bytes) -> None:
        objects = read_ova(text)
        host.on_loop(lambda: made.make(objects))
        contents.update({name: host.disks.contents(ref) for name, ref in made.disks.items()})

    def on_chunk(chunk: Chunk) -> None:
        disk = made.disks.get(chunk.disk)
        if disk is None:
            raise Failure("IMPORT_ERROR_FAILED_TO_FIND_OBJECT", chunk.disk)
        if chunk.offset + len(chunk.data) > host.disks.size(disk):
            raise Failure("IMPORT_ERROR_GENERIC", f"{chunk.disk} is larger than ova.xml says")
        if chunk.data:
            contents[chunk.disk].write(chunk.offset, chunk.data)

    reader = XvaReader(on_ova, on_chunk)
    try:
        await pour(transfer.body(), Unpacker(reader.feed).feed)
        reader.finish()
    except Failure:
        made.undo()
        await transfer.hang_up()
        raise
    except BaseException:
        made.undo()
        raise
    for disk in made.disks.values():
        settle_disk(host, disk)
    made.let_go()
    transfer.result = (made.vms, _VMS)


def _storage(host: DemoHost, name: str) -> str:
    """The storage of that name, or the pool's default.

    Raises:
        Failure: HANDLE_INVALID, UUID_INVALID, DEFAULT_SR_NOT_FOUND [sr].
    """
    if name:
        return find(host, "SR", name)
    pools = host.db.records("pool").values()
    default = next((str(pool["default_SR"]) for pool in pools), NULL_REF)
    if not host.db.exists("SR", default):
        raise Failure("DEFAULT_SR_NOT_FOUND", default)
    return default
