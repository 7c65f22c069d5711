"""Disks, drives, cards and storages: what changes, what is refused, and with which words.

Source: `xapi.md` 1.5, 1.12.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.demo_host.conftest import Caller
from xolite_qt.demo_host import DemoHost, Failure
from xolite_qt.demo_host.datamodel import NULL_REF
from xolite_qt.demo_host.ops.device_rules import device_name
from xolite_qt.demo_host.worlds import build_default_world

GIB = 1 << 30
MIB = 1 << 20


class Practice(Caller):
    """The default world, with its objects by name."""

    def named(self, cls: str, name: str) -> str:
        for ref, record in self.db.records(cls).items():
            if record["name_label"] == name and not record.get("is_a_snapshot"):
                return ref
        raise KeyError(name)

    def disk_of(self, vm: str) -> str:
        """The first disk's drive of a VM."""
        drives = self.db.get("VM", vm)["VBDs"]
        return str(next(ref for ref in drives if self.db.get("VBD", ref)["type"] == "Disk"))

    async def refused(self, name: str, *params: Any) -> list[str]:
        with pytest.raises(Failure) as caught:
            await self(name, *params)
        return caught.value.description


@pytest_asyncio.fixture
async def practice() -> AsyncIterator[Practice]:
    host = DemoHost(speed=0.0)
    build_default_world(host)
    yield Practice(host)
    await host.stop()


async def new_disk(practice: Practice, sr: str, size: int = GIB) -> str:
    record = {
        "name_label": "new",
        "name_description": "",
        "SR": sr,
        "virtual_size": size,
        "type": "user",
        "sharable": False,
        "read_only": False,
        "other_config": {},
    }
    made: str = await practice("VDI.create", record)
    return made


async def new_drive(practice: Practice, vm: str, vdi: str, **fields: Any) -> str:
    record = {
        "VM": vm,
        "VDI": vdi,
        "userdevice": "autodetect",
        "bootable": False,
        "mode": "RW",
        "type": "Disk",
        "empty": False,
        "other_config": {},
        "qos_algorithm_type": "",
        "qos_algorithm_params": {},
    }
    made: str = await practice("VBD.create", {**record, **fields})
    return made


# Disks


async def test_a_disk_takes_room_and_gives_it_back(practice: Practice) -> None:
    for name, takes in (("Old SATA disks", GIB + 8 * MIB), ("Local NVMe", 64 * 1024)):
        sr = practice.named("SR", name)
        before = practice.db.get("SR", sr)["physical_utilisation"]
        vdi = await new_disk(practice, sr)
        assert vdi in practice.db.get("SR", sr)["VDIs"]
        assert practice.db.get("SR", sr)["physical_utilisation"] == before + takes
        assert practice.db.get("VDI", vdi)["location"] == practice.db.get("VDI", vdi)["uuid"]
        await practice("VDI.destroy", vdi)
        assert practice.db.get("SR", sr)["physical_utilisation"] == before


async def test_a_full_storage_says_how_much_is_left(practice: Practice) -> None:
    sr = practice.named("SR", "Old SATA disks")
    record = practice.db.get("SR", sr)
    free = record["physical_size"] - record["physical_utilisation"]
    wanted = free + GIB
    with pytest.raises(Failure) as caught:
        await new_disk(practice, sr, wanted)
    assert caught.value.description == ["SR_FULL", str(wanted + 8 * MIB), str(free)]


async def test_storages_that_take_no_disks(practice: Practice) -> None:
    iso, dvd = (practice.named("SR", n) for n in ("Installation discs", "DVD drives"))
    with pytest.raises(Failure) as caught:
        await new_disk(practice, dvd)
    assert caught.value.description == ["SR_OPERATION_NOT_SUPPORTED", dvd]
    # A library takes images; it makes no copies of disks.
    image = await new_disk(practice, iso)
    assert await practice.refused("VDI.clone", image, {}) == ["SR_OPERATION_NOT_SUPPORTED", iso]


async def test_a_disk_in_use(practice: Practice) -> None:
    mail = practice.named("VM", "mail")
    vdi = practice.db.get("VBD", practice.disk_of(mail))["VDI"]
    assert "destroy" not in practice.db.get("VDI", vdi)["allowed_operations"]
    assert await practice.refused("VDI.destroy", vdi) == ["VDI_IN_USE", vdi, "destroy"]
    assert await practice.refused("VDI.resize", vdi, 1 << 42) == ["VDI_IN_USE", vdi, "resize"]
    assert await practice.refused("VDI.forget", vdi) == ["VDI_IN_USE", vdi, "forget"]
    await practice("VM.clean_shutdown", mail)
    assert "destroy" in practice.db.get("VDI", vdi)["allowed_operations"]
    await practice("VDI.destroy", vdi)
    # The drives that it was in are gone too.
    assert all(practice.db.get("VBD", ref)["VDI"] != vdi for ref in practice.db.refs("VBD"))


async def test_resize(practice: Practice) -> None:
    sr = practice.named("SR", "Local NVMe")
    vdi = await new_disk(practice, sr)
    await practice("VDI.resize", vdi, 3 * GIB)
    assert practice.db.get("VDI", vdi)["virtual_size"] == 3 * GIB
    assert (await practice.refused("VDI.resize", vdi, GIB))[0] == "INVALID_VALUE"
    assert (await practice.refused("VDI.resize", vdi, 3 << 40))[0] == "VDI_TOO_LARGE"


async def test_snapshot_copy_and_move_of_a_disk(practice: Practice) -> None:
    local, nas = practice.named("SR", "Local NVMe"), practice.named("SR", "NAS brightwater-nas")
    vdi = await new_disk(practice, local)
    kept = await practice("VDI.snapshot", vdi)
    assert practice.db.get("VDI", kept)["snapshot_of"] == vdi
    assert practice.db.get("VDI", vdi)["snapshots"] == [kept]
    copied = await practice("VDI.copy", kept, nas)
    record = practice.db.get("VDI", copied)
    assert (record["SR"], record["is_a_snapshot"], record["snapshot_of"]) == (nas, False, NULL_REF)
    assert await practice("VDI.pool_migrate", vdi, nas, {}) == vdi
    assert practice.db.get("VDI", vdi)["SR"] == nas
    assert vdi not in practice.db.get("SR", local)["VDIs"]


async def test_changed_blocks(practice: Practice) -> None:
    sr = practice.named("SR", "Local NVMe")
    vdi = await new_disk(practice, sr, 10 * GIB + MIB)
    first = await practice("VDI.snapshot", vdi)
    assert await practice.refused("VDI.list_changed_blocks", first, vdi) == [
        "VDI_NO_CBT_METADATA",
        first,
    ]
    await practice("VDI.enable_cbt", vdi)
    await practice("VDI.enable_cbt", vdi)
    first, second = [await practice("VDI.snapshot", vdi) for _ in range(2)]
    bitmap = base64.b64decode(await practice("VDI.list_changed_blocks", first, second))
    assert len(bitmap) == -(-(10 * GIB + MIB) // 65536) // 8
    assert not any(bitmap)
    practice.host.disks.write(vdi, 5 * 65536 + 1, b"changed")
    practice.host.disks.write(vdi, 10 * GIB, b"changed")
    bitmap = base64.b64decode(await practice("VDI.list_changed_blocks", first, vdi))
    assert (bitmap[0], bitmap[-2], sum(bitmap)) == (4, 128, 132)
    await practice("VDI.data_destroy", first)
    assert practice.db.get("VDI", first)["type"] == "cbt_metadata"
    assert await practice.refused("VDI.get_nbd_info", first) == [
        "VDI_INCOMPATIBLE_TYPE",
        first,
        "cbt_metadata",
    ]
    assert await practice("VDI.list_changed_blocks", first, second)


async def test_nbd_needs_a_network_for_it(practice: Practice) -> None:
    vdi = await new_disk(practice, practice.named("SR", "Local NVMe"))
    assert await practice("VDI.get_nbd_info", vdi) == []
    management = next(r for r in practice.db.records("PIF").values() if r["management"])
    await practice("network.add_purpose", management["network"], "nbd")
    (info,) = await practice("VDI.get_nbd_info", vdi)
    uuid = practice.db.get("VDI", vdi)["uuid"]
    assert info["exportname"] == f"/{uuid}?session_id={practice.session.ref}"
    assert info["address"] == "127.0.0.1"
    assert info["port"] > 0
    assert info["subject"] == "localhost"
    assert info["cert"].startswith("-----BEGIN CERTIFICATE-----")


# Drives


@given(st.integers(0, 254))
def test_device_names(number: int) -> None:
    name = device_name(str(number))
    letters = name.removeprefix("xvd")
    assert name.startswith("xvd")
    assert letters.islower()
    assert len(letters) == (1 if number < 26 else 2)
    value = 0
    for letter in letters:
        value = value * 26 + ord(letter) - 96
    assert value - 1 == number


async def test_a_drive_comes_and_goes_while_the_vm_runs(practice: Practice) -> None:
    mail = practice.named("VM", "mail")
    vdi = await new_disk(practice, practice.named("SR", "Local NVMe"))
    free = await practice("VM.get_allowed_VBD_devices", mail)
    vbd = await new_drive(practice, mail, vdi)
    record = practice.db.get("VBD", vbd)
    assert record["userdevice"] == free[0]
    assert "plug" in record["allowed_operations"]
    await practice("VBD.plug", vbd)
    assert record["currently_attached"]
    assert record["device"] == device_name(free[0])
    assert "unplug" in record["allowed_operations"]
    assert await practice.refused("VBD.plug", vbd) == ["DEVICE_ALREADY_ATTACHED", vbd]
    assert await practice.refused("VBD.destroy", vbd) == ["DEVICE_ALREADY_ATTACHED", vbd]
    await practice("VBD.unplug", vbd)
    assert await practice.refused("VBD.unplug", vbd) == ["DEVICE_ALREADY_DETACHED", vbd]
    await practice("VBD.destroy", vbd)
    assert practice.db.exists("VDI", vdi)
    assert vbd not in practice.db.get("VM", mail)["VBDs"]


async def test_drives_that_cannot_be(practice: Practice) -> None:
    mail, lab = practice.named("VM", "mail"), practice.named("VM", "rocky-lab")
    busy = practice.db.get("VBD", practice.disk_of(mail))["VDI"]
    taken = practice.db.get("VBD", practice.disk_of(lab))["userdevice"]
    vdi = await new_disk(practice, practice.named("SR", "Local NVMe"))

    async def code(vm: str, disk: str, **fields: Any) -> list[str]:
        with pytest.raises(Failure) as caught:
            await new_drive(practice, vm, disk, **fields)
        return caught.value.description

    assert await code(lab, vdi, userdevice=taken) == ["DEVICE_ALREADY_EXISTS", taken]
    assert await code(lab, vdi, userdevice="x") == ["INVALID_DEVICE", "x"]
    assert await code(lab, busy) == ["VDI_IN_USE", busy, "attach"]
    assert await code(lab, "OpaqueRef:no") == ["HANDLE_INVALID", "VDI", "OpaqueRef:no"]
    vbd = await new_drive(practice, lab, vdi)
    assert await practice.refused("VBD.plug", vbd) == [
        "VM_BAD_POWER_STATE",
        lab,
        "running",
        "halted",
    ]


async def test_discs(practice: Practice) -> None:
    lab = practice.named("VM", "rocky-lab")
    drive = next(
        ref
        for ref in practice.db.get("VM", lab)["VBDs"]
        if practice.db.get("VBD", ref)["type"] == "CD"
    )
    iso = practice.named("VDI", "debian-12.5.0-amd64-netinst.iso")
    assert await practice.refused("VBD.eject", drive) == ["VBD_IS_EMPTY", drive]
    assert "insert" in practice.db.get("VBD", drive)["allowed_operations"]
    await practice("VBD.insert", drive, iso)
    assert practice.db.get("VBD", drive)["VDI"] == iso
    assert "eject" in practice.db.get("VBD", drive)["allowed_operations"]
    assert await practice.refused("VBD.insert", drive, iso) == ["VBD_NOT_EMPTY", drive]
    await practice("VBD.eject", drive)
    assert practice.db.get("VBD", drive)["VDI"] == NULL_REF
    disk = practice.disk_of(lab)
    assert await practice.refused("VBD.eject", disk) == ["VBD_NOT_REMOVABLE_MEDIA", disk]


# Cards


async def new_card(practice: Practice, vm: str, network: str, **fields: Any) -> str:
    record = {
        "VM": vm,
        "network": network,
        "device": "autodetect",
        "MAC": "",
        "MTU": 1500,
        "other_config": {},
        "qos_algorithm_type": "",
        "qos_algorithm_params": {},
    }
    made: str = await practice("VIF.create", {**record, **fields})
    return made


async def test_cards(practice: Practice) -> None:
    mail, voip = practice.named("VM", "mail"), practice.named("VM", "Telephone system")
    network = practice.db.get("VIF", practice.db.get("VM", mail)["VIFs"][0])["network"]
    vif = await new_card(practice, mail, network)
    record = practice.db.get("VIF", vif)
    assert record["MAC_autogenerated"]
    assert int(record["MAC"][:2], 16) & 3 == 2
    await practice("VIF.plug", vif)
    assert record["allowed_operations"] == ["attach", "unplug"]
    assert await practice.refused("VIF.destroy", vif) == ["DEVICE_ALREADY_ATTACHED", vif]
    await practice("VIF.unplug", vif)
    await practice("VIF.destroy", vif)
    # Without tools nothing comes or goes.
    other = await new_card(practice, voip, network, MAC="02:00:00:00:00:01")
    assert not practice.db.get("VIF", other)["MAC_autogenerated"]
    assert await practice.refused("VIF.plug", other) == ["VM_MISSING_PV_DRIVERS", voip]
    with pytest.raises(Failure) as caught:
        await new_card(practice, mail, network, MAC="no mac")
    assert caught.value.description == ["MAC_INVALID", "no mac"]


async def test_at_most_seven_cards(practice: Practice) -> None:
    lab = practice.named("VM", "rocky-lab")
    network = practice.db.refs("network")[0]
    for _ in await practice("VM.get_allowed_VIF_devices", lab):
        await new_card(practice, lab, network)
    assert await practice("VM.get_allowed_VIF_devices", lab) == []
    with pytest.raises(Failure) as caught:
        await new_card(practice, lab, network)
    assert caught.value.code == "DEVICE_ALREADY_EXISTS"


# Storages


async def test_a_storage_of_its_own(practice: Practice) -> None:
    host = practice.db.refs("host")[0]

    async def create(kind: str, config: dict[str, str]) -> str:
        made: str = await practice(
            "SR.create", host, config, 0, "new", "", kind, "user", kind == "nfs", {}
        )
        return made

    with pytest.raises(Failure) as caught:
        await create("carpet", {})
    assert caught.value.description == ["SR_UNKNOWN_DRIVER", "carpet"]
    with pytest.raises(Failure) as caught:
        await create("nfs", {"server": "10.0.0.1"})
    assert caught.value.code == "SR_BACKEND_FAILURE_101"
    sr = await create("nfs", {"server": "10.0.0.1", "serverpath": "/x"})
    (pbd,) = practice.db.get("SR", sr)["PBDs"]
    assert practice.db.get("PBD", pbd)["currently_attached"]
    await practice("SR.scan", sr)
    vdi = await new_disk(practice, sr)
    assert await practice.refused("SR.forget", sr) == ["SR_HAS_PBD", sr]
    assert await practice.refused("PBD.destroy", pbd) == [
        "OPERATION_NOT_ALLOWED",
        "PBD is attached; unplug it first",
    ]
    await practice("PBD.unplug", pbd)
    assert await practice.refused("SR.scan", sr) == ["SR_NO_PBDS", sr]
    assert await practice.refused("SR.destroy", sr) == ["SR_NOT_EMPTY"]
    await practice("SR.forget", sr)
    assert not any(practice.db.exists(*what) for what in (("SR", sr), ("PBD", pbd), ("VDI", vdi)))


async def test_introduce_and_plug(practice: Practice) -> None:
    host, uuid = practice.db.refs("host")[0], "12345678-0000-4000-8000-000000000000"
    sr = await practice("SR.introduce", uuid, "back", "", "ext", "user", False, {})
    assert practice.db.get("SR", sr)["uuid"] == uuid
    assert await practice.refused("SR.introduce", uuid, "", "", "ext", "user", False, {}) == [
        "SR_UUID_EXISTS",
        uuid,
    ]
    record = {"host": host, "SR": sr, "device_config": {"device": "/dev/sdb"}, "other_config": {}}
    pbd = await practice("PBD.create", record)
    assert await practice.refused("PBD.create", record) == ["PBD_EXISTS", sr, host, pbd]
    with pytest.raises(Failure) as caught:
        await new_disk(practice, sr)
    assert caught.value.description == ["SR_NO_PBDS", sr]
    await practice("PBD.plug", pbd)
    assert practice.db.get("PBD", pbd)["currently_attached"]


async def test_a_storage_in_use_stays_plugged(practice: Practice) -> None:
    sr = practice.named("SR", "Local NVMe")
    (pbd,) = practice.db.get("SR", sr)["PBDs"]
    answer = await practice.refused("PBD.unplug", pbd)
    assert (answer[0], answer[2]) == ("VDI_IN_USE", "detach")
    assert answer[1] in practice.db.get("SR", sr)["VDIs"]


async def test_probing(practice: Practice) -> None:
    host = practice.db.refs("host")[0]
    nas = practice.db.get("SR", practice.named("SR", "NAS brightwater-nas"))
    found = await practice(
        "SR.probe", host, {"server": "10.20.0.10", "serverpath": "/volume1/xcp"}, "nfs", {}
    )
    assert nas["uuid"] in found
    asked = {"target": "10.20.0.20"}
    assert (await practice.refused("SR.probe", host, asked, "lvmoiscsi", {}))[0] == (
        "SR_BACKEND_FAILURE_96"
    )
    asked["targetIQN"] = "iqn.2020-01.example.san:volume1"
    code, _, _, luns = await practice.refused("SR.probe", host, asked, "lvmoiscsi", {})
    assert code == "SR_BACKEND_FAILURE_107"
    assert "<SCSIid>" in luns
