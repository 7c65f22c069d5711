"""VMs over HTTP as XVA: out, in again, and what is refused."""

from __future__ import annotations

import asyncio
import io
import os
import re
import tarfile
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

MIB = 1 << 20


async def a_vm(wire: Any) -> tuple[str, str]:
    """A halted VM and its disk, which holds something at its start, middle and end."""
    vm = next(ref for ref, vm in wire.db.records("VM").items() if vm["power_state"] == "Halted")
    vdi = wire.db.get("VBD", wire.db.get("VM", vm)["VBDs"][0])["VDI"]
    wire.db.set("VDI", vdi, virtual_size=12 * MIB)
    vif = wire.db.get("VM", vm)["VIFs"][0]
    wire.db.set("VIF", vif, MAC="aa:bb:cc:00:11:22")
    wire.db.set("VM", vm, name_label="häuschen & <so>", tags=["a"], other_config={"k": "v"})
    await asyncio.to_thread(wire.host.disks.write, vdi, 5 * MIB - 3, os.urandom(2 * MIB))
    await asyncio.to_thread(wire.host.disks.write, vdi, 12 * MIB - 3, b"end")
    return vm, vdi


async def export(wire: Any, vm: str, **more: str) -> tuple[bytes, str]:
    params = {"session_id": wire.session, "uuid": wire.db.get("VM", vm)["uuid"], **more}
    async with wire.client.get(f"{wire.running.url}/export", params=params) as response:
        assert response.status == 200
        return await response.read(), response.headers["task-id"]


async def send_in(wire: Any, body: Any, **more: str) -> dict[str, Any]:
    """Import; answers the task's record."""
    task = await wire.call("task.create", "mine", "")
    params = {"session_id": wire.session, "task_id": task, **more}
    data = io.BytesIO(body) if isinstance(body, bytes) else body
    try:
        url = f"{wire.running.url}/import"
        async with wire.client.put(url, params=params, data=data) as response:
            assert response.status == 200
            await response.read()
    except aiohttp.ClientError:
        # It hangs up where it fails.
        pass
    return await ended(wire, task)


async def ended(wire: Any, task: str) -> dict[str, Any]:
    while (record := wire.db.get("task", task))["status"] in ("pending", "cancelling"):
        assert await wire.db.next_write(3.0), f"the task does not end: {record}"
    return dict(record)


def made_by(record: dict[str, Any]) -> str:
    """The VM that an import made."""
    pattern = r"<value><array><data><value>(OpaqueRef:[^<]+)</value></data></array></value>"
    found = re.fullmatch(pattern, record["result"])
    assert found is not None, record
    return found[1]


@pytest.mark.parametrize("packed", ["false", "gzip", "zstd"])
async def test_a_vm_goes_out_and_comes_back(wire: Any, packed: str) -> None:
    vm, vdi = await a_vm(wire)
    data, task = await export(wire, vm, use_compression=packed)
    assert (await ended(wire, task))["status"] == "success"
    assert wire.db.get("VM", vm)["current_operations"] == {}
    other = await wire.call("SR.get_all")
    record = await send_in(wire, data, sr_id=other[0])
    assert record["status"] == "success"
    made = made_by(record)
    old, new = wire.db.get("VM", vm), wire.db.get("VM", made)
    for field in ("name_label", "tags", "other_config", "memory_static_max", "VCPUs_max"):
        assert new[field] == old[field]
    assert new["uuid"] != old["uuid"]
    assert "start" in new["allowed_operations"]
    (vbd,), (vif,) = new["VBDs"], new["VIFs"]
    copy = wire.db.get("VBD", vbd)["VDI"]
    assert wire.db.get("VDI", copy)["virtual_size"] == 12 * MIB
    assert wire.host.disks.checksum(copy) == wire.host.disks.checksum(vdi)
    assert wire.db.get("VIF", vif)["MAC"] != "aa:bb:cc:00:11:22"
    assert wire.db.get("VIF", vif)["network"] == wire.db.refs("network")[0]
    assert copy not in wire.host.disks.holds
    await wire.call("VM.start", made, False, False)


async def test_a_snapshot_comes_back_as_a_template(plain: Any) -> None:
    running = next(
        ref for ref, vm in plain.db.records("VM").items() if vm["power_state"] == "Running"
    )
    snapshot = await plain.call("VM.snapshot", running, "kept", [])
    data, _ = await export(plain, snapshot)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getnames()[0] == "ova.xml"
    made = made_by(await send_in(plain, data, restore="true", force="true"))
    record = plain.db.get("VM", made)
    assert (record["is_a_snapshot"], record["is_a_template"]) == (False, True)
    await plain.call("VM.set_is_a_template", made, False)
    await plain.call("VM.destroy", made)


async def test_saved_memory_and_macs_come_along(plain: Any) -> None:
    vm, _ = await a_vm(plain)
    await plain.call("VM.start", vm, False, False)
    checkpoint = await plain.call("VM.checkpoint", vm, "with memory")
    data, _ = await export(plain, checkpoint)
    made = made_by(await send_in(plain, data, restore="true"))
    record = plain.db.get("VM", made)
    assert record["power_state"] == "Suspended"
    assert plain.db.exists("VDI", record["suspend_VDI"])
    assert plain.db.get("VIF", record["VIFs"][0])["MAC"] == "aa:bb:cc:00:11:22"


async def test_chunked_bodies_are_taken(plain: Any) -> None:
    vm, vdi = await a_vm(plain)
    data, _ = await export(plain, vm, use_compression="true")

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 100_000):
            yield data[start : start + 100_000]

    made = made_by(await send_in(plain, pieces()))
    copy = plain.db.get("VBD", plain.db.get("VM", made)["VBDs"][0])["VDI"]
    assert plain.host.disks.checksum(copy) == plain.host.disks.checksum(vdi)


async def test_a_running_vm_is_refused(plain: Any) -> None:
    running = next(
        ref for ref, vm in plain.db.records("VM").items() if vm["power_state"] == "Running"
    )
    task = await plain.call("task.create", "mine", "")
    params = {"session_id": plain.session, "ref": running, "task_id": task}
    async with plain.client.get(f"{plain.running.url}/export", params=params) as response:
        assert response.status == 403
    assert (await ended(plain, task))["error_info"][0] == "VM_BAD_POWER_STATE"


async def test_a_failed_import_leaves_nothing(plain: Any) -> None:
    vm, _ = await a_vm(plain)
    data, _ = await export(plain, vm)
    kept = {cls: plain.db.refs(cls) for cls in ("VM", "VDI", "VBD", "VIF", "VM_metrics")}
    used = plain.db.get("SR", plain.db.refs("SR")[0])["physical_utilisation"]
    broken = bytearray(data)
    broken[len(data) // 2] ^= 1
    for body, code in (
        (data[:-5000], "IMPORT_ERROR_PREMATURE_EOF"),
        (bytes(broken), "IMPORT_ERROR_SOME_CHECKSUMS_FAILED"),
        (b"no tar at all" * 100, "IMPORT_ERROR_GENERIC"),
    ):
        record = await send_in(plain, body)
        assert record["error_info"][0] == code
    plain.host.faults.cut_import(MIB)
    assert (await send_in(plain, data))["error_info"][0] == "VDI_IO_ERROR"
    plain.host.faults.full_on_import()
    assert (await send_in(plain, data))["error_info"][0] == "SR_BACKEND_FAILURE_44"
    for cls, refs in kept.items():
        assert set(plain.db.refs(cls)) == set(refs)
    assert plain.db.get("SR", plain.db.refs("SR")[0])["physical_utilisation"] == used


async def test_faults_of_vm_exports(plain: Any) -> None:
    vm, vdi = await a_vm(plain)
    plain.host.faults.fail_export(MIB)
    data, task = await export(plain, vm)
    assert len(data) == MIB
    assert (await ended(plain, task))["status"] == "failure"
    assert vdi not in plain.host.disks.holds
    assert plain.db.get("VM", vm)["current_operations"] == {}
