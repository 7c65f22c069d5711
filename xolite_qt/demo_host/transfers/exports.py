"""`GET /export_raw_vdi`: what is on a disk, as VHD or raw.

Source: `xapi.md` 1.12.
"""

from __future__ import annotations

import uuid as uuids
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aiohttp import web

from xolite_qt.demo_host.disks import BLOCK_BYTES, Contents
from xolite_qt.demo_host.ops.disks import LARGEST_BYTES
from xolite_qt.demo_host.registry import Failure, http_route

from .transfer import PIECE_BYTES, Bytes, Transfer, find, in_thread
from .vhd import (
    BITMAP,
    DIFFERENCING,
    DYNAMIC,
    VHD_BLOCK_BYTES,
    make_footer,
    make_header,
    make_table,
)

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

TYPES = {"vhd": "application/vhd", "raw": "application/octet-stream"}
_PER_BLOCK = VHD_BLOCK_BYTES // BLOCK_BYTES
_AT_ONCE = PIECE_BYTES // VHD_BLOCK_BYTES


@http_route("GET", "/export_raw_vdi")
async def export_raw_vdi(host: DemoHost, request: web.Request) -> web.StreamResponse:
    """Send a disk, or with `base` what differs from another one."""
    return await Transfer(host, request, "Exporting raw VDI").run(_export)


async def _export(transfer: Transfer) -> None:
    host, query = transfer.host, transfer.request.query
    form = query.get("format", "raw")
    if form not in TYPES:
        transfer.refused_as = 404
        raise Failure("INTERNAL_ERROR", f"Unknown format {form}")
    vdi = find(host, "VDI", query.get("vdi", ""))
    base = find(host, "VDI", query["base"]) if query.get("base") and form == "vhd" else ""
    uuid = str(host.db.get("VDI", vdi)["uuid"])
    transfer.start_export()
    await transfer.send_headers(
        Content_Type=TYPES[form], Content_Disposition=f'attachment; filename="{uuid}.{form}"'
    )
    for ref in filter(None, (vdi, base)):
        check_type(host, ref)
    size = host.disks.size(vdi)
    if form == "vhd" and size > LARGEST_BYTES:
        raise Failure("VDI_TOO_LARGE", size, LARGEST_BYTES)
    with transfer.holding(vdi):
        contents = await in_thread(host.disks.contents, vdi)
        if form == "raw":
            transfer.expected_bytes = size
            await send_raw(transfer, contents, size)
        else:
            await _send_vhd(transfer, contents, vdi, base)


def check_type(host: DemoHost, vdi: str) -> None:
    """Raises: Failure: VDI_INCOMPATIBLE_TYPE, the disk has no data any more."""
    kind = host.db.get("VDI", vdi)["type"]
    if kind == "cbt_metadata":
        raise Failure("VDI_INCOMPATIBLE_TYPE", vdi, kind)


async def send_raw(transfer: Transfer, contents: Contents, size_bytes: int) -> None:
    """Every byte of a disk; holes are not read."""
    zeros = memoryview(bytes(PIECE_BYTES))
    for offset, length, data in stretches(await in_thread(contents.data_runs), size_bytes):
        for at in range(offset, offset + length, PIECE_BYTES):
            piece = min(PIECE_BYTES, offset + length - at)
            await transfer.send(
                await in_thread(contents.read, at, piece) if data else zeros[:piece]
            )


def stretches(runs: list[tuple[int, int]], size_bytes: int) -> Iterator[tuple[int, int, bool]]:
    """A disk from its start to its end: offset, length, and whether it holds data there."""
    at = 0
    for first, end in [*runs, (1 << 62, 1 << 62)]:
        start, stop = (min(block * BLOCK_BYTES, size_bytes) for block in (first, end))
        if at < start:
            yield at, start - at, False
        if start < stop:
            yield start, stop - start, True
        at = stop


def data_blocks(runs: list[tuple[int, int]], size_bytes: int) -> list[int]:
    """Blocks of 2 MiB that hold data, ascending."""
    blocks: list[int] = []
    last = -(-size_bytes // VHD_BLOCK_BYTES)
    for first, end in runs:
        start = max(first // _PER_BLOCK, blocks[-1] + 1 if blocks else 0)
        blocks += range(start, min(-(-end // _PER_BLOCK), last))
    return blocks


def changed_blocks(contents: Contents, base: Contents, size_bytes: int) -> list[int]:
    """Blocks of 2 MiB in which a disk differs from another one, ascending. Blocks."""
    last = -(-size_bytes // VHD_BLOCK_BYTES)
    touched = {block // _PER_BLOCK for block in contents.changed_since(base)}
    return sorted(block for block in touched if block < last)


async def _send_vhd(transfer: Transfer, contents: Contents, vdi: str, base: str) -> None:
    host = transfer.host
    size, now_s = host.disks.size(vdi), host.clock.time_s()
    entries = -(-size // VHD_BLOCK_BYTES)
    if base:
        below = await in_thread(host.disks.contents, base)
        blocks = await in_thread(changed_blocks, contents, below, size)
        name = str(host.db.get("VDI", base)["uuid"])
        header = make_header(entries, uuids.UUID(name).bytes, f"{name}.vhd", now_s)
    else:
        blocks = data_blocks(await in_thread(contents.data_runs), size)
        header = make_header(entries)
    uuid = uuids.UUID(str(host.db.get("VDI", vdi)["uuid"])).bytes
    footer = make_footer(size, uuid, DIFFERENCING if base else DYNAMIC, now_s)
    table = await in_thread(make_table, entries, blocks)
    start = footer + header + table
    transfer.expected_bytes = (
        len(start) + len(footer) + len(blocks) * (len(BITMAP) + VHD_BLOCK_BYTES)
    )
    await transfer.send(start)
    for number in range(0, len(blocks), _AT_ONCE):
        batch = blocks[number : number + _AT_ONCE]
        for piece in await in_thread(_read_blocks, contents, batch, size):
            await transfer.send(piece)
    await transfer.send(footer)


def _read_blocks(contents: Contents, blocks: list[int], size_bytes: int) -> list[Bytes]:
    """Bitmap and data of blocks, each of them whole: zeros beyond the end of the disk."""
    pieces: list[Bytes] = []
    for block in blocks:
        offset = block * VHD_BLOCK_BYTES
        data = contents.read(offset, min(VHD_BLOCK_BYTES, size_bytes - offset))
        pieces += [BITMAP, data, bytes(VHD_BLOCK_BYTES - len(data))]
    return [piece for piece in pieces if piece]
