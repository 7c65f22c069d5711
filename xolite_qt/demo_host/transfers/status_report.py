"""`GET /system-status`: what a host knows about itself, as a tar of xen-bugtool.

`entries` names the parts wanted, separated by commas; without it all of them are sent. Kernel
dumps are the part `host-crashdump-dumps`, the text beside them `host-crashdump-logs`. A simulated
host has little to tell; its dumps are as long as their records say, and hold zeros.

Source: `xapi.md` 1.1; the parts are those that xen-bugtool lists with `--capabilities`.
"""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

from aiohttp import web

from xolite_qt.demo_host.registry import Failure, http_route

from .transfer import PIECE_BYTES, Transfer

if TYPE_CHECKING:
    from xolite_qt.demo_host.host import DemoHost

DUMPS = "host-crashdump-dumps"
DUMP_LOGS = "host-crashdump-logs"
INFO = "xapi"
ALL = (INFO, DUMP_LOGS, DUMPS)
_BLOCK = tarfile.BLOCKSIZE


@http_route("GET", "/system-status")
async def system_status(host: DemoHost, request: web.Request) -> web.StreamResponse:
    """Send the report of the host that is asked."""
    return await Transfer(host, request, "Retrieving system status").run(_send)


async def _send(transfer: Transfer) -> None:
    host, query = transfer.host, transfer.request.query
    entries = [part for part in query.get("entries", ",".join(ALL)).split(",") if part]
    output = query.get("output", "tar")
    if output != "tar":
        # Packing needs the program that a simulated host does not have.
        transfer.refused_as = 400
        raise Failure("INTERNAL_ERROR", f"output {output} is not made here")
    uuid = host.db.get("host", host.this_host)["uuid"]
    stamp = host.clock.iso().replace(":", "").replace("-", "")[:15]
    root = f"bug-report-{stamp}"
    transfer.start_export()
    await transfer.send_headers(
        Content_Type="application/data",
        Content_Disposition='attachment; filename="system_status.tgz"',
    )
    if INFO in entries:
        await _file(transfer, f"{root}/etc/xensource-inventory", f"INSTALLATION_UUID='{uuid}'\n")
    for record in host.db.records("host_crashdump").values():
        if record["host"] != host.this_host:
            continue
        folder = f"{root}/var/crash/{str(record['timestamp'])[:17].replace(':', '')}"
        if DUMP_LOGS in entries:
            text = f"Crash of Linux at {record['timestamp']}\n"
            await _file(transfer, f"{folder}/xen-crashdump-analyser.log", text)
        if DUMPS in entries:
            await _zeros(transfer, f"{folder}/dom0.core", int(record["size"]))
    await transfer.send(bytes(2 * _BLOCK))


async def _file(transfer: Transfer, name: str, text: str) -> None:
    data = text.encode()
    await transfer.send(_header(name, len(data)))
    await transfer.send(data + bytes(-len(data) % _BLOCK))


async def _zeros(transfer: Transfer, name: str, size_bytes: int) -> None:
    await transfer.send(_header(name, size_bytes))
    left = size_bytes + -size_bytes % _BLOCK
    zeros = memoryview(bytes(min(PIECE_BYTES, left)))
    while left:
        piece = min(left, len(zeros))
        await transfer.send(zeros[:piece])
        left -= piece


def _header(name: str, size_bytes: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size_bytes
    return info.tobuf(tarfile.GNU_FORMAT)
