"""Disks over HTTP: out, in, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import struct
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.needs import needs
from xolite_qt.demo_host.transfers.vhd import (
    DIFFERENCING,
    UNUSED,
    VHD_BLOCK_BYTES,
    VhdReader,
)

MIB = 1 << 20
BLOCK = VHD_BLOCK_BYTES
UUID = bytes(range(16))


async def a_disk(wire: Any, size: int = 24 * MIB, writes: dict[int, bytes] | None = None) -> str:
    record = {
        "name_label": "transfer",
        "SR": wire.db.refs("SR")[0],
        "virtual_size": size,
        "type": "user",
        "sharable": False,
        "read_only": False,
        "other_config": {},
    }
    vdi = str(await wire.call("VDI.create", record))
    for offset, data in (writes or {}).items():
        await asyncio.to_thread(wire.host.disks.write, vdi, offset, data)
    return vdi


async def get(wire: Any, vdi: str, form: str = "vhd", **more: str) -> tuple[bytes, Any, str]:
    """Body, headers and reference of the task."""
    params = {"session_id": wire.session, "vdi": vdi, "format": form, **more}
    url = f"{wire.running.url}/export_raw_vdi"
    async with wire.client.get(url, params=params) as response:
        assert response.status == 200
        return await response.read(), response.headers, response.headers["task-id"]


async def put(wire: Any, body: Any, path: str = "/import_raw_vdi", **more: Any) -> str:
    """Send a body; answers the reference of the task."""
    params = {"session_id": wire.session, **more}
    task = ""
    data = io.BytesIO(body) if isinstance(body, bytes) else body
    try:
        url = f"{wire.running.url}{path}"
        async with wire.client.put(url, params=params, data=data) as response:
            assert response.status == 200
            task = response.headers["task-id"]
            await response.read()
    except aiohttp.ClientError:
        # The host hung up, as it does where it fails.
        pass
    return task or str(more.get("task_id", ""))


async def ended(wire: Any, task: str) -> dict[str, Any]:
    """The record of a task once it has ended."""
    while (record := wire.db.get("task", task))["status"] in ("pending", "cancelling"):
        assert await wire.db.next_write(3.0), f"the task does not end: {record}"
    return dict(record)


def places(data: bytes) -> list[int]:
    """Blocks that a VHD holds."""
    entries = struct.unpack_from(">I", data, 512 + 28)[0]
    table = struct.unpack_from(f">{entries}I", data, 1536)
    return [block for block, at in enumerate(table) if at != UNUSED]


def unpacked(data: bytes, size: int, below: bytes = b"") -> bytes:
    """The disk that a VHD holds."""
    disk = bytearray(below or bytes(size))

    def write(offset: int, piece: memoryview) -> None:
        disk[offset : offset + len(piece)] = piece

    reader = VhdReader(size, write)
    reader.feed(data)
    reader.finish()
    return bytes(disk)


async def test_a_vhd_holds_what_the_disk_holds(wire: Any) -> None:
    writes = {5: b"start", 9 * MIB + 3: os.urandom(3 * MIB), 24 * MIB - 4: b"last"}
    vdi = await a_disk(wire, writes=writes)
    record = wire.db.get("VDI", vdi)
    data, headers, task = await get(wire, record["uuid"])
    assert headers["Connection"] == "close"
    assert "Content-Length" not in headers
    assert "Transfer-Encoding" not in headers
    assert headers["Content-Type"] == "application/vhd"
    assert headers["Content-Disposition"] == f'attachment; filename="{record["uuid"]}.vhd"'
    # 3 MiB from just beyond 9 MiB on end just beyond 12 MiB.
    assert places(data) == [0, 4, 5, 6, 11]
    disk = unpacked(data, 24 * MIB)
    assert hashlib.sha256(disk).hexdigest() == wire.host.disks.checksum(vdi)
    assert (await ended(wire, task))["status"] == "success"
    assert vdi not in wire.host.disks.holds


async def test_raw_is_every_byte(wire: Any) -> None:
    vdi = await a_disk(wire, writes={1: b"one", 13 * MIB: os.urandom(MIB)})
    data, headers, task = await get(wire, vdi, "raw")
    assert headers["Content-Type"] == "application/octet-stream"
    assert hashlib.sha256(data).hexdigest() == wire.host.disks.checksum(vdi)
    assert (await ended(wire, task))["status"] == "success"


async def test_a_difference_holds_what_changed_and_nothing_else(plain: Any) -> None:
    vdi = await a_disk(plain, writes={0: b"x", 6 * MIB: b"gone" * 20000, 20 * MIB: b"same"})
    base = await plain.call("VDI.snapshot", vdi, {})
    old = await asyncio.to_thread(plain.host.disks.read, base, 0, 24 * MIB)
    for offset, data in ((10 * MIB - 1, b"12"), (6 * MIB, bytes(80000)), (24 * MIB - 1, b"e")):
        await asyncio.to_thread(plain.host.disks.write, vdi, offset, data)
    snapshot = await plain.call("VDI.snapshot", vdi, {})
    task = await plain.call("task.create", "mine", "")
    data, _, used = await get(plain, snapshot, base=plain.db.get("VDI", base)["uuid"], task_id=task)
    assert used == task
    assert places(data) == [3, 4, 5, 11]
    reader = VhdReader(24 * MIB, lambda offset, piece: None)
    reader.feed(data)
    assert reader.shape is not None
    assert reader.shape.kind == DIFFERENCING
    assert str(reader.shape.parent.hex()) == plain.db.get("VDI", base)["uuid"].replace("-", "")
    new = unpacked(data, 24 * MIB, old)
    assert hashlib.sha256(new).hexdigest() == plain.host.disks.checksum(snapshot)
    assert (await ended(plain, task))["status"] == "success"
    same, _, _ = await get(plain, snapshot, base=snapshot)
    assert places(same) == []


async def test_a_large_empty_disk_takes_no_time(plain: Any) -> None:
    vdi = await a_disk(plain, 1 << 40, {(1 << 40) - 1: b"!"})
    async with asyncio.timeout(3):
        data, _, _ = await get(plain, vdi)
    assert places(data) == [(1 << 19) - 1]


async def test_what_cannot_be_exported(plain: Any) -> None:
    url = f"{plain.running.url}/export_raw_vdi"
    vdi = await a_disk(plain)
    params = {"session_id": plain.session, "vdi": vdi, "format": "cow"}
    async with plain.client.get(url, params=params) as response:
        assert response.status == 404
    task = await plain.call("task.create", "mine", "")
    params = {"session_id": plain.session, "vdi": "none", "format": "vhd", "task_id": task}
    async with plain.client.get(url, params=params) as response:
        assert response.status == 500
    assert (await ended(plain, task))["error_info"] == ["UUID_INVALID", "VDI", "none"]
    plain.client.cookie_jar.clear()
    async with plain.client.get(url, params={"vdi": vdi}) as response:
        assert response.status == 401
    plain.db.set("VDI", vdi, virtual_size=(2040 << 30) + 512)
    data, _, task = await get(plain, vdi)
    failed = await ended(plain, task)
    assert (data, failed["error_info"][0]) == (b"", "VDI_TOO_LARGE")
    plain.db.set("VDI", vdi, type="cbt_metadata", virtual_size=MIB)
    data, _, task = await get(plain, vdi)
    assert (await ended(plain, task))["error_info"][0] == "VDI_INCOMPATIBLE_TYPE"
    running = plain.db.get("VBD", plain.db.refs("VBD")[0])["VDI"]
    (vbd,) = plain.db.get("VDI", running)["VBDs"]
    plain.db.set("VBD", vbd, currently_attached=True, mode="RW")
    _, _, task = await get(plain, running)
    assert (await ended(plain, task))["error_info"][0] == "VDI_IN_USE"


async def test_faults_of_exports(wire: Any) -> None:
    vdi = await a_disk(wire, writes={0: os.urandom(6 * MIB)})
    wire.host.faults.fail_export(3 * MIB)
    data, _, task = await get(wire, vdi)
    assert len(data) == 3 * MIB
    assert (await ended(wire, task))["error_info"][0] == "VDI_IO_ERROR"
    wire.host.faults.cut_export(MIB)
    task = await wire.call("task.create", "mine", "")
    try:
        data, _, _ = await get(wire, vdi, task_id=task)
        assert len(data) == MIB
    except aiohttp.ClientError:
        pass
    assert (await ended(wire, task))["status"] == "failure"
    assert vdi not in wire.host.disks.holds


async def test_a_client_that_hangs_up_frees_the_disk(wire: Any) -> None:
    vdi = await a_disk(wire, writes={0: os.urandom(8 * MIB)})
    wire.host.faults.limit_transfers(4 * MIB)
    params = {"session_id": wire.session, "vdi": vdi, "format": "vhd"}
    async with wire.client.get(f"{wire.running.url}/export_raw_vdi", params=params) as response:
        await response.content.readexactly(1000)
        assert vdi in wire.host.disks.holds
        with pytest.raises(wire.failed):
            await wire.call("VDI.destroy", vdi)
        task = response.headers["task-id"]
        response.close()
    assert (await ended(wire, task))["status"] == "failure"
    assert vdi not in wire.host.disks.holds


async def test_cancelled(plain: Any) -> None:
    vdi = await a_disk(plain, writes={0: os.urandom(8 * MIB)})
    plain.host.faults.limit_transfers(4 * MIB)
    task = await plain.call("task.create", "mine", "")
    export = asyncio.create_task(get(plain, vdi, task_id=task))
    while not plain.db.get("task", task)["progress"]:
        await plain.db.next_write(1.0)
    await plain.call("task.cancel", task)
    data, _, _ = await export
    assert len(data) < 8 * MIB
    assert (await ended(plain, task))["status"] == "cancelled"


async def test_a_vhd_comes_back(wire: Any) -> None:
    vdi = await a_disk(wire, writes={5: b"start", 9 * MIB + 3: os.urandom(3 * MIB)})
    data, _, _ = await get(wire, vdi)
    copy = await a_disk(wire)
    task = await put(wire, data, vdi=copy, format="vhd")
    assert (await ended(wire, task))["status"] == "success"
    assert wire.host.disks.checksum(copy) == wire.host.disks.checksum(vdi)
    assert wire.db.get("VDI", copy)["physical_utilisation"] > 3 * MIB
    assert copy not in wire.host.disks.holds


async def test_a_difference_goes_over_what_is_there(plain: Any) -> None:
    vdi = await a_disk(plain, writes={0: os.urandom(3 * MIB), 20 * MIB: b"stays"})
    base = await plain.call("VDI.snapshot", vdi, {})
    full, _, _ = await get(plain, base)
    await asyncio.to_thread(plain.host.disks.write, vdi, 2 * MIB, bytes(MIB))
    await asyncio.to_thread(plain.host.disks.write, vdi, 9 * MIB, b"new")
    last = await plain.call("VDI.snapshot", vdi, {})
    delta, _, _ = await get(plain, last, base=base)
    copy = await a_disk(plain)
    await plain.call("VDI.enable_cbt", copy)
    for body in (full, delta):
        task = await put(plain, body, vdi=plain.db.get("VDI", copy)["uuid"], format="vhd")
        assert (await ended(plain, task))["status"] == "success"
    assert plain.host.disks.checksum(copy) == plain.host.disks.checksum(vdi)


async def test_raw_goes_in_and_makes_a_disk(wire: Any) -> None:
    data = os.urandom(5 * MIB) + bytes(4 * MIB) + b"end" * 1000
    task = await put(wire, data, format="raw", sr_id=wire.db.refs("SR")[0])
    record = await ended(wire, task)
    assert record["status"] == "success"
    vdi = record["result"].removeprefix("<value>").removesuffix("</value>")
    assert wire.host.disks.read(vdi, 0, len(data)) == data
    assert wire.db.get("VDI", vdi)["virtual_size"] == 10 * MIB
    task = await put(wire, b"over", vdi=vdi, format="raw")
    assert (await ended(wire, task))["status"] == "success"
    assert wire.host.disks.read(vdi, 0, 8) == b"over" + data[4:8]


async def test_what_cannot_be_imported(plain: Any) -> None:
    vdi = await a_disk(plain, 4 * MIB)

    async def refused(body: Any, **params: str) -> str:
        task = await plain.call("task.create", "mine", "")
        await put(plain, body, task_id=task, **params)
        record = await ended(plain, task)
        assert record["status"] == "failure"
        assert vdi not in plain.host.disks.holds
        return str(record["error_info"][0])

    whole, _, _ = await get(plain, vdi)
    larger, _, _ = await get(plain, await a_disk(plain, 8 * MIB))
    assert await refused(larger, vdi=vdi, format="vhd") == "INTERNAL_ERROR"
    assert await refused(whole[:-1], vdi=vdi, format="vhd") == "INTERNAL_ERROR"
    assert await refused(b"x" + whole[1:], vdi=vdi, format="vhd") == "INTERNAL_ERROR"
    assert await refused(bytes(5 * MIB), vdi=vdi, format="raw") == "VDI_IO_ERROR"
    plain.host.disks.holds.hold(vdi)
    task = await put(plain, whole, vdi=vdi, format="vhd")
    assert (await ended(plain, task))["error_info"][0] == "VDI_IN_USE"
    plain.host.disks.holds.let_go(vdi)


async def test_chunks_are_refused(plain: Any) -> None:
    vdi = await a_disk(plain, 4 * MIB)
    task = await plain.call("task.create", "mine", "")

    async def pieces() -> Any:
        yield b"x" * 1000

    params = {"session_id": plain.session, "vdi": vdi, "format": "raw", "task_id": task}
    url = f"{plain.running.url}/import_raw_vdi"
    async with plain.client.put(url, params=params, data=pieces()) as response:
        assert response.status == 404
    assert (await ended(plain, task))["error_info"][0] == "INTERNAL_ERROR"


async def test_the_answer_is_there_before_the_body(plain: Any) -> None:
    vdi = await a_disk(plain, 4 * MIB)
    task = await plain.call("task.create", "mine", "")
    query = f"session_id={plain.session}&vdi={vdi}&format=raw&task_id={task}"
    head = f"PUT /import_raw_vdi?{query} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
    answer = await plain.exchange(head.encode())
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"task-id: {task}".encode() in answer
    # And then it hung up: four bytes are missing.
    assert (await ended(plain, task))["status"] == "failure"
    assert vdi not in plain.host.disks.holds


async def test_faults_of_imports(wire: Any) -> None:
    vdi = await a_disk(wire, writes={0: os.urandom(8 * MIB)})
    data, _, _ = await get(wire, vdi)
    copy = await a_disk(wire)
    for set_fault, value, code in (
        (wire.host.faults.cut_import, MIB, "VDI_IO_ERROR"),
        (wire.host.faults.full_on_import, 1, "SR_BACKEND_FAILURE_44"),
    ):
        set_fault(value)
        task = await wire.call("task.create", "mine", "")
        await put(wire, data, vdi=copy, format="vhd", task_id=task)
        assert (await ended(wire, task))["error_info"][0] == code
    task = await put(wire, data, vdi=copy, format="vhd")
    assert (await ended(wire, task))["status"] == "success"
    assert wire.host.disks.checksum(copy) == wire.host.disks.checksum(vdi)


async def test_a_host_that_stops_ends_what_is_under_way(plain: Any) -> None:
    vdi = await a_disk(plain, writes={0: os.urandom(8 * MIB)})
    plain.host.faults.limit_transfers(MIB)
    params = {"session_id": plain.session, "vdi": vdi, "format": "vhd"}
    async with plain.client.get(f"{plain.running.url}/export_raw_vdi", params=params) as response:
        await response.content.readexactly(1000)
        await plain.host.stop()
        assert vdi not in plain.host.disks.holds
        response.close()


async def test_qemu_reads_an_export(plain: Any, tmp_path: Path) -> None:
    needs("qemu-img")
    vdi = await a_disk(plain, writes={3 * MIB: os.urandom(MIB), 24 * MIB - 5: b"last!"})
    data, _, _ = await get(plain, vdi)
    vhd, raw = tmp_path / "disk.vhd", tmp_path / "disk.raw"
    vhd.write_bytes(data)
    command = ["qemu-img", "convert", "-f", "vpc", "-O", "raw", str(vhd), str(raw)]
    await asyncio.to_thread(subprocess.run, command, check=True)
    assert hashlib.sha256(raw.read_bytes()).hexdigest() == plain.host.disks.checksum(vdi)
