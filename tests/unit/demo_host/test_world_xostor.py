"""The worlds with LINSTOR, and what their plug-in answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from xolite_qt.demo_host import WORLDS, DemoHost
from xolite_qt.demo_host.registry import Failure
from xolite_qt.demo_host.sessions import Session
from xolite_qt.stores.xostor.answers import read_health, read_interfaces
from xolite_qt.stores.xostor.findings import findings

GROUP = {"groupName": "linstor_group/thin_device"}


class Pool:
    def __init__(self, name: str) -> None:
        self.host = DemoHost(speed=0.0)
        WORLDS[name](self.host)
        self.session: Session = self.host.sessions.open("root", "unit")

    async def ask(self, plugin: str, function: str, **args: str) -> Any:
        params = (self.host.this_host, plugin, function, {**GROUP, **args})
        return await self.host.dispatch(self.session, "host.call_plugin", params)

    async def health(self, mode: str = "") -> Any:
        await self.ask("xolite-demo", "linstor", mode=mode)
        return read_health(await self.ask("linstor-manager", "healthCheck"))


async def test_three_hosts_are_well() -> None:
    health = await Pool("xostor3").health()
    assert health.all_nodes == ("xostor-1", "xostor-2", "xostor-3")
    assert len(health.resources) == 8
    assert health.database is not None
    assert findings(health, 2) == ()


async def test_four_hosts_are_in_trouble() -> None:
    said = [finding.what for finding in findings(await Pool("xostor4").health(), 2)]
    assert "xostor-4 is offline" in said
    assert "xostor-2 has less than 10 % free" in said
    assert any("tie-breaker" in line for line in said)
    assert any("belongs to no VDI" in line for line in said)
    assert any("1 of 2 current copies" in line for line in said)


async def test_a_disk_is_in_use_where_its_vm_runs() -> None:
    pool = Pool("xostor3")
    health = await pool.health()
    vm = next(r for r in pool.host.db.records("VM").values() if r["power_state"] == "Running")
    on = pool.host.db.get("host", vm["resident_on"])["hostname"]
    vdi = pool.host.db.get("VBD", vm["VBDs"][0])["VDI"]
    uuid = pool.host.db.get("VDI", vdi)["uuid"]
    disk = next(resource for resource in health.resources if resource.vdi_uuid == uuid)
    assert [replica.node for replica in disk.replicas if replica.in_use] == [on]


@pytest.mark.parametrize("mode", ["old", "bug", "odd", "unreachable"])
async def test_answers_of_bad_plugins_can_be_read(mode: str) -> None:
    health = await Pool("xostor3").health(mode)
    assert health.errors or health.oddities or not health.has_resources
    assert findings(health, 2)


@pytest.mark.parametrize("mode", ["failure", "missing"])
async def test_calls_that_fail(mode: str) -> None:
    with pytest.raises(Failure) as failed:
        await Pool("xostor3").health(mode)
    assert failed.value.code in ("XENAPI_PLUGIN_FAILURE", "XENAPI_MISSING_PLUGIN")


async def test_no_such_mode() -> None:
    with pytest.raises(Failure):
        await Pool("xostor3").ask("xolite-demo", "linstor", mode="purple")


async def test_interfaces_come_and_go() -> None:
    pool = Pool("xostor3")
    node = {"hostname": "xostor-2"}
    pif = next(iter(pool.host.db.records("PIF").values()))

    async def names() -> list[str]:
        text = await pool.ask("linstor-manager", "listNodeInterfaces", **node)
        return [interface.name for interface in read_interfaces("xostor-2", text)]

    assert await names() == ["default", "replication"]
    made = {**node, "name": "third", "pifUuid": pif["uuid"]}
    await pool.ask("linstor-manager", "createNodeInterface", **made)
    assert await names() == ["default", "replication", "third"]
    await pool.ask("linstor-manager", "setNodePreferredInterface", **made)
    assert await pool.ask("linstor-manager", "getNodePreferredInterface", **node) == "third"
    await pool.ask("linstor-manager", "modifyNodeInterface", **made)
    await pool.ask("linstor-manager", "destroyNodeInterface", **made)
    assert await pool.ask("linstor-manager", "getNodePreferredInterface", **node) == "default"
    with pytest.raises(Failure):
        await pool.ask("linstor-manager", "destroyNodeInterface", **node, name="default")


async def test_disks_that_linstor_has_are_taken() -> None:
    pool = Pool("xostor3")
    devices = json.loads(await pool.ask("lsblk.py", "list_block_devices"))["blockdevices"]
    assert all(device.get("children") for device in devices)


async def test_the_small_business_has_no_linstor() -> None:
    with pytest.raises(Failure) as failed:
        await Pool("small-business").ask("linstor-manager", "healthCheck")
    assert failed.value.code == "XENAPI_MISSING_PLUGIN"
