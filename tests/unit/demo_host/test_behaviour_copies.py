"""Snapshots, checkpoints, reverts, clones, copies, templates: what is copied and what stays.

Source: `xapi.md` 1.5, 1.9, 1.10, 1.12.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from xolite_qt.demo_host import Failure
from xolite_qt.demo_host.datamodel import NULL_REF

GIB = 1 << 30
COUNTED = ("VM", "VM_metrics", "VM_guest_metrics", "VBD", "VIF", "VDI", "console")


def counts(caller: Any) -> dict[str, int]:
    return {cls: len(caller.db.refs(cls)) for cls in COUNTED}


def disks(caller: Any, vm: str) -> list[str]:
    vbds = [caller.db.get("VBD", ref) for ref in caller.db.get("VM", vm)["VBDs"]]
    return [vbd["VDI"] for vbd in vbds if vbd["type"] == "Disk"]


@pytest.fixture
def vm(caller: Any) -> str:
    """A halted VM with one disk of which 8 GiB are used."""
    ref = str(caller.db.refs("VM")[1])
    caller.host.speed = 0.0
    caller.db.set("VDI", disks(caller, ref)[0], physical_utilisation=8 * GIB)
    return ref


async def test_a_snapshot_points_at_its_vm(caller: Any, vm: str) -> None:
    await caller("VM.start", vm, False, False)
    first = await caller("VM.snapshot", vm, "first", [])
    second = await caller("VM.snapshot", vm, "second", [])
    record = await caller("VM.get_record", first)
    assert record["is_a_snapshot"]
    assert record["is_a_template"]
    assert (record["snapshot_of"], record["name_label"]) == (vm, "first")
    assert (record["power_state"], record["domid"]) == ("Halted", -1)
    assert record["snapshot_time"] > "2020"
    assert record["snapshot_info"]["power-state-at-snapshot"] == "Running"
    assert "disk-snapshot-type" in record["snapshot_info"]
    assert caller.db.get("VM", vm)["snapshots"] == [first, second]
    # The VM goes on from the last one, which came after the first one.
    assert caller.db.get("VM", vm)["parent"] == second
    assert caller.db.get("VM", second)["parent"] == first
    assert caller.db.get("VM", first)["children"] == [second]
    (disk,), (kept,) = disks(caller, vm), disks(caller, first)
    assert caller.db.get("VDI", kept)["is_a_snapshot"]
    assert caller.db.get("VDI", kept)["snapshot_of"] == disk
    assert kept in caller.db.get("VDI", disk)["snapshots"]
    listed = set(record["allowed_operations"])
    assert {"revert", "clone", "copy", "export", "destroy"} <= listed
    assert not listed & {"start", "snapshot", "checkpoint", "suspend", "provision"}


async def test_a_snapshot_without_some_disks(caller: Any, vm: str) -> None:
    snapshot = await caller("VM.snapshot", vm, "bare", disks(caller, vm))
    assert disks(caller, snapshot) == []
    assert len(disks(caller, vm)) == 1


async def test_a_checkpoint_keeps_the_memory(caller: Any, vm: str) -> None:
    await caller("VM.start", vm, False, False)
    snapshot = await caller("VM.checkpoint", vm, "kept")
    record = caller.db.get("VM", snapshot)
    assert record["power_state"] == "Suspended"
    image = caller.db.get("VDI", record["suspend_VDI"])
    assert (image["type"], image["virtual_size"]) == ("suspend", GIB)
    assert caller.db.get("VM", vm)["power_state"] == "Running"
    await caller("VM.hard_shutdown", vm)
    await caller("VM.revert", snapshot)
    back = caller.db.get("VM", vm)
    assert back["power_state"] == "Suspended"
    # Each has saved memory of its own: resuming the one leaves the other whole.
    assert back["suspend_VDI"] != record["suspend_VDI"]
    await caller("VM.resume", vm, False, False)
    assert caller.db.get("VM", vm)["power_state"] == "Running"
    assert caller.db.exists("VDI", caller.db.get("VM", snapshot)["suspend_VDI"])


async def test_a_revert_brings_the_old_settings_back(caller: Any, vm: str) -> None:
    before = await caller("VM.get_record", vm)
    mac = caller.db.get("VIF", before["VIFs"][0])["MAC"]
    snapshot = await caller("VM.snapshot", vm, "before the change", [])
    await caller("VM.set_name_description", vm, "changed")
    await caller("VM.set_VCPUs_at_startup", vm, 1)
    await caller("VM.start", vm, False, False)
    await caller("VM.revert", snapshot)
    after = await caller("VM.get_record", vm)
    assert after["power_state"] == "Halted"
    assert not after["is_a_snapshot"]
    assert not after["is_a_template"]
    for field in ("uuid", "name_label", "name_description", "VCPUs_at_startup"):
        assert after[field] == before[field]
    assert after["snapshots"] == [snapshot]
    assert after["parent"] == snapshot
    assert [caller.db.get("VIF", ref)["MAC"] for ref in after["VIFs"]] == [mac]
    assert len(disks(caller, vm)) == 1
    await caller("VM.start", vm, False, False)


async def test_only_snapshots_are_reverted(caller: Any, vm: str) -> None:
    with pytest.raises(Failure) as caught:
        await caller("VM.revert", vm)
    assert caught.value.description == ["ONLY_REVERT_SNAPSHOT"]


@pytest.mark.parametrize("name", ["clone", "copy"])
async def test_a_second_vm_has_nothing_in_common(caller: Any, vm: str, name: str) -> None:
    params = ("second",) if name == "clone" else ("second", NULL_REF)
    made = await caller(f"VM.{name}", vm, *params)
    first, second = caller.db.get("VM", vm), caller.db.get("VM", made)
    assert (second["name_label"], second["power_state"]) == ("second", "Halted")
    assert not second["is_a_template"]
    assert not second["is_a_snapshot"]
    for field in ("uuid", "metrics"):
        assert first[field] != second[field]
    for field in ("VBDs", "VIFs"):
        assert len(first[field]) == len(second[field]) == 1
        assert not set(first[field]) & set(second[field])
    assert not set(disks(caller, vm)) & set(disks(caller, made))
    macs = {caller.db.get("VIF", ref)["MAC"] for ref in (*first["VIFs"], *second["VIFs"])}
    assert len(macs) == 2
    # A clone shares what both have in common; a copy takes all the room again.
    used = caller.db.get("VDI", disks(caller, made)[0])["physical_utilisation"]
    assert used < GIB if name == "clone" else used <= 8 * GIB
    await caller("VM.start", made, False, False)


async def test_a_copy_goes_where_it_is_told(caller: Any, vm: str) -> None:
    other = caller.db.create("SR", name_label="other", type="ext", physical_size=100 * GIB)
    made = await caller("VM.copy", vm, "second", other)
    (disk,) = disks(caller, made)
    assert caller.db.get("VDI", disk)["SR"] == other
    assert caller.db.get("SR", other)["physical_utilisation"] == 8 * GIB


async def test_a_copy_without_room_leaves_nothing_behind(caller: Any, vm: str) -> None:
    full = caller.db.create(
        "SR", name_label="full", type="ext", physical_size=10 * GIB, physical_utilisation=9 * GIB
    )
    before = counts(caller)
    with pytest.raises(Failure) as caught:
        await caller("VM.copy", vm, "second", full)
    assert caught.value.description == ["SR_FULL", str(8 * GIB), str(GIB)]
    assert counts(caller) == before
    assert caller.db.get("SR", full)["physical_utilisation"] == 9 * GIB
    assert caller.db.get("VM", vm)["current_operations"] == {}


async def test_a_copy_with_room_for_one_disk_of_two(caller: Any, vm: str) -> None:
    (disk,) = disks(caller, vm)
    sr = caller.db.get("VDI", disk)["SR"]
    second = caller.db.create("VDI", SR=sr, virtual_size=GIB, physical_utilisation=GIB)
    caller.db.create("VBD", VM=vm, VDI=second, type="Disk", userdevice="1")
    other = caller.db.create("SR", name_label="small", type="ext", physical_size=8 * GIB)
    before = counts(caller)
    with pytest.raises(Failure) as caught:
        await caller("VM.copy", vm, "second", other)
    assert caught.value.code == "SR_FULL"
    assert counts(caller) == before
    assert caller.db.get("SR", other)["physical_utilisation"] == 0


async def test_a_running_vm_is_not_cloned_or_destroyed(caller: Any, vm: str) -> None:
    await caller("VM.start", vm, False, False)
    for name, params, states in (
        ("clone", ("second",), "halted"),
        ("copy", ("second", NULL_REF), "halted"),
        ("destroy", (), "halted, suspended"),
    ):
        with pytest.raises(Failure) as caught:
            await caller(f"VM.{name}", vm, *params)
        assert caught.value.description == ["VM_BAD_POWER_STATE", vm, states, "running"]


async def test_destroy_leaves_the_disks(caller: Any, vm: str) -> None:
    (disk,) = disks(caller, vm)
    vbds, vifs = caller.db.get("VM", vm)["VBDs"], caller.db.get("VM", vm)["VIFs"]
    await caller("VM.destroy", vm)
    assert not caller.db.exists("VM", vm)
    assert not any(caller.db.exists("VBD", ref) for ref in vbds)
    assert not any(caller.db.exists("VIF", ref) for ref in vifs)
    assert caller.db.exists("VDI", disk)
    assert caller.db.get("VDI", disk)["VBDs"] == []


async def test_destroying_a_snapshot_closes_the_gap(caller: Any, vm: str) -> None:
    first, second, third = [await caller("VM.snapshot", vm, str(n), []) for n in range(3)]
    await caller("VM.destroy", second)
    assert caller.db.get("VM", third)["parent"] == first
    assert caller.db.get("VM", first)["children"] == [third]
    assert caller.db.get("VM", vm)["snapshots"] == [first, third]


async def test_a_vm_from_a_default_template(caller: Any, vm: str) -> None:
    caller.db.set("VM", vm, is_a_template=True, is_default_template=True)
    for vbd in list(caller.db.get("VM", vm)["VBDs"]):
        caller.db.destroy("VBD", vbd)
    (sr,) = caller.db.refs("SR")
    uuid = caller.db.get("SR", sr)["uuid"]
    wanted = f'<provision><disk device="0" size="{10 * GIB}" sr="{uuid}" bootable="true"/>'
    caller.db.set("VM", vm, other_config={"disks": f"{wanted}</provision>"})
    with pytest.raises(Failure) as caught:
        await caller("VM.destroy", vm)
    assert caught.value.description == ["VM_CANNOT_DELETE_DEFAULT_TEMPLATE", vm]
    made = await caller("VM.clone", vm, "from the template")
    assert caller.db.get("VM", made)["is_a_template"]
    assert not caller.db.get("VM", made)["is_default_template"]
    await caller("VM.provision", made)
    assert not caller.db.get("VM", made)["is_a_template"]
    (disk,) = disks(caller, made)
    assert caller.db.get("VDI", disk)["virtual_size"] == 10 * GIB
    with pytest.raises(Failure) as caught:
        await caller("VM.provision", made)
    assert caught.value.description == ["ONLY_PROVISION_TEMPLATE"]
    await caller("VM.start", made, False, False)


async def test_clones_may_overlap(caller: Any, vm: str) -> None:
    caller.host.speed = 0.02
    made = await asyncio.gather(*(caller("VM.clone", vm, f"clone {n}") for n in range(3)))
    assert len(set(made)) == 3
    assert caller.db.get("VM", vm)["current_operations"] == {}


async def test_names_come_back_as_they_were_given(caller: Any, vm: str) -> None:
    for name in ("<b>bold</b> & co", "東京 サーバー", "x" * 300, "", "a'b\"c"):
        made = await caller("VM.clone", vm, name)
        assert await caller("VM.get_name_label", made) == name
        assert made in await caller("VM.get_by_name_label", name)
