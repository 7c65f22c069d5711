"""What a job asks for beyond the usual: purged snapshots, intervals, left-out disks, memory."""

from __future__ import annotations

import asyncio
from typing import Any

from xolite_qt.backup.jobs.model import HealthCheck, NbdSettings, Retention
from xolite_qt.demo_host.ops import guests

from .places import MIB, OTHER_JOB, Place, an_order

PURGING = NbdSettings("auto", purge_snapshot_data=True)


async def test_purged_snapshots_leave_tracking_data_only(place: Place) -> None:
    target = place.open()
    order = an_order(nbd=PURGING)
    for number in range(3):
        result = await place.run(target, order=order)
        assert (result.outcome, result.errors) == ("success", [])
        assert place.snapshots() == []
        left = place.disk_snapshots()
        assert [one["type"] for one in left] == ["cbt_metadata"] * 2
        place.nothing_attached()
        if number:
            assert {(d.kind, d.way) for d in result.vms[0].disks} == {("delta", "nbd+cbt")}
        await place.write(number, offset=number * MIB)
    assert len(await place.proven(target)) == 3
    # Without it there is one snapshot again, and none of the tracking data.
    result = await place.run(target)
    assert {d.kind for d in result.vms[0].disks} == {"delta"}
    place.one_base()
    assert {one["type"] for one in place.disk_snapshots()} != {"cbt_metadata"}


async def test_a_snapshot_whose_space_was_never_freed_is_not_kept_for_ever(place: Place) -> None:
    target = place.open()
    await place.run(target)
    # As if the process was killed between the machine's end and that of its disks' data.
    for snapshot in place.db.get("VM", place.vm)["snapshots"]:
        await place.api.call("VM.destroy", snapshot)
    assert len(place.disk_snapshots()) == 2
    await place.write(1)
    result = await place.run(target, order=an_order(nbd=PURGING))
    assert (result.outcome, {d.kind for d in result.vms[0].disks}) == ("success", {"delta"})
    assert [one["type"] for one in place.disk_snapshots()] == ["cbt_metadata"] * 2
    await place.run(target)
    place.one_base()
    await place.proven(target)


async def test_a_full_one_comes_after_so_many_incrementals(place: Place) -> None:
    target = place.open()
    kinds = []
    for number in range(3):
        await place.write(number, length=100)
        result = await place.run(target, order=an_order(full_interval=2))
        kinds.append({disk.kind for disk in result.vms[0].disks}.pop())
        place.one_base()
    assert kinds == ["full", "delta", "full"]
    await place.proven(target)


async def test_full_backups_leave_no_snapshot(place: Place) -> None:
    target = place.open()
    await place.run(target)
    place.one_base()
    order = an_order(mode="full", retention=Retention(last=1))
    for _ in range(2):
        result = await place.run(target, order=order)
        assert (result.outcome, result.errors) == ("success", [])
        place.no_snapshot()
    backups = await place.proven(target)
    # The retention of each mode is its own.
    assert sorted(backup.mode for backup in backups) == ["delta", "full"]
    # And incrementals begin anew.
    result = await place.run(target, order=an_order(nbd=PURGING))
    assert {disk.kind for disk in result.vms[0].disks} == {"full"}
    await place.run(target, order=an_order(mode="full"))
    place.no_snapshot()


async def test_each_job_has_a_base_of_its_own(place: Place) -> None:
    here, there = place.open("here"), place.open("there")
    other = an_order(job_id=OTHER_JOB)
    await place.run(here)
    await place.run(there, order=other)
    await place.write(1)
    results = [await place.run(here), await place.run(there, order=other)]
    assert {disk.kind for r in results for disk in r.vms[0].disks} == {"delta"}
    place.one_base(more=1)
    for target in (here, there):
        assert len(await place.proven(target)) == 2


async def test_a_disk_marked_nobak_is_left_out(place: Place) -> None:
    target = place.open()
    await place.api.call("VDI.set_name_label", place.disks[1], "swap [NOBAK]")
    await place.api.call("VDI.disable_cbt", place.disks[1])
    for _ in range(2):
        result = await place.run(target)
        assert result.outcome == "success"
        assert [disk.name for disk in result.vms[0].disks] == ["mail disk 0"]
        assert len(place.disk_snapshots()) == 1
    assert not place.db.get("VDI", place.disks[1])["cbt_enabled"]
    for backup in await place.proven(target):
        assert [disk.name for disk in backup.disks] == ["mail disk 0"]
        assert len(backup.metadata["vbds"]) == len(place.db.get("VM", place.vm)["VBDs"]) - 1


async def test_with_memory(place: Place) -> None:
    target = place.open()
    saved = _memories(place)
    for number in range(2):
        await place.write(number)
        result = await place.run(target, order=an_order(memory=True))
        assert (result.outcome, result.errors) == ("success", [])
        disks = result.vms[0].disks
        assert len(disks) == 3
        # Memory has nothing in common with that of earlier snapshots.
        assert disks[2].kind == "full"
        assert len(place.snapshots()) == 1
        assert place.snapshots()[0]["power_state"] == "Suspended"
    assert len(_memories(place)) == len(saved) + 1
    assert place.db.get("VM", place.vm)["power_state"] == "Running"


def _memories(place: Place) -> list[str]:
    return [ref for ref, vdi in place.db.records("VDI").items() if vdi["type"] == "suspend"]


async def test_offline(place: Place) -> None:
    target = place.open()
    states: list[str] = []

    def changed(cls: str, ref: str) -> None:
        if cls == "VM" and ref == place.vm:
            states.append(place.db.get("VM", ref)["power_state"])

    place.db.on_change(changed)
    result = await place.run(target, order=an_order(offline=True))
    assert (result.outcome, result.errors) == ("success", [])
    assert "Halted" in states
    assert place.db.get("VM", place.vm)["power_state"] == "Running"
    assert place.snapshots()[0]["power_state"] == "Halted"
    # A VM that is off stays off.
    await place.api.call("VM.clean_shutdown", place.vm)
    result = await place.run(target, order=an_order(offline=True))
    assert result.outcome == "success"
    assert place.db.get("VM", place.vm)["power_state"] == "Halted"


async def test_a_disk_that_grew(place: Place) -> None:
    target = place.open()
    await place.run(target)
    await place.api.call("VM.clean_shutdown", place.vm)
    await place.api.call("VDI.resize", place.disks[0], str(16 * MIB + 5 * 512))
    await place.write(3, offset=15 * MIB, disk=0)
    result = await place.run(target)
    assert (result.outcome, result.errors) == ("success", [])
    backups = await place.proven(target)
    assert [max(disk.size_bytes for disk in backup.disks) // MIB for backup in backups] == [12, 16]
    place.one_base()


async def test_a_disk_that_was_replaced(place: Place) -> None:
    target = place.open()
    await place.run(target)
    await place.api.call("VM.clean_shutdown", place.vm)
    old = place.disks[1]
    vbd = next(v for v in place.db.get("VDI", old)["VBDs"] if not _of_snapshot(place, v))
    record = place.db.get("VBD", vbd)
    new = await asyncio.to_thread(lambda: dict(place.db.get("VDI", old)))
    ref = await place.api.call(
        "VDI.create",
        {
            "name_label": "new disk",
            "name_description": "",
            "SR": new["SR"],
            "virtual_size": str(6 * MIB),
            "type": "user",
            "sharable": False,
            "read_only": False,
            "other_config": {},
        },
    )
    await place.api.call("VBD.destroy", vbd)
    await place.api.call(
        "VBD.create",
        {
            "VM": place.vm,
            "VDI": ref,
            "userdevice": record["userdevice"],
            "bootable": False,
            "mode": "RW",
            "type": "Disk",
            "empty": False,
            "other_config": {},
            "qos_algorithm_type": "",
            "qos_algorithm_params": {},
        },
    )
    await place.write(4, offset=MIB, disk=1)
    result = await place.run(target)
    assert (result.outcome, result.errors) == ("success", [])
    assert [(d.name, d.kind) for d in result.vms[0].disks] == [
        ("mail disk 0", "delta"),
        ("new disk", "full"),
    ]
    await place.proven(target)


def _of_snapshot(place: Place, vbd: str) -> bool:
    return bool(place.db.get("VM", place.db.get("VBD", vbd)["VM"])["is_a_snapshot"])


async def test_long_term_points_say_why_they_stay(place: Place) -> None:
    target = place.open()
    order = an_order(retention=Retention(last=1, daily=2, yearly=1))
    tags: list[Any] = []
    for _ in range(3):
        await place.run(target, order=order)
        tags = [backup.metadata["tags"] for backup in target.repository.backups()]
    # The oldest of today and this year, and the newest.
    assert len(tags) == 2
    assert [tag.split("=")[0] for tag in tags[0]] == ["daily", "yearly"]
    assert tags[1] == []
    await place.proven(target)


async def test_a_health_check_boots_what_was_backed_up(place: Place) -> None:
    target = place.open()
    before = place.counts()
    health = HealthCheck(enabled=True, timeout_s=20)
    guest = place.db.get("VM_guest_metrics", place.db.get("VM", place.vm)["guest_metrics"])
    tools = {key: value for key, value in guest.items() if key != "uuid"}
    seen: set[str] = set()

    def look(cls: str, ref: str) -> None:
        if cls != "VM" or ref in seen or not place.db.exists(cls, ref):
            return
        if place.db.get(cls, ref)["name_label"].startswith("[health check]"):
            seen.add(ref)
            # The host does not look into the disks to know that there are tools.
            guests.install_guest(place.running.host, ref, tools)

    place.db.on_change(look)
    result = await place.run(target, health=health)
    assert (result.outcome, result.errors) == ("success", [])
    item = next(one for one in place.state.roots if one.item.kind == "health")
    assert (item.outcome, item.item.name) == ("success", "Health check of mail")
    after = place.counts()
    assert after["VM"] == before["VM"] + 1  # the base
    place.one_base()
    assert len(seen) == 1
    assert not any(place.db.exists("VM", ref) for ref in seen)


async def test_tools_that_never_answer_fail_the_run_but_not_the_backup(place: Place) -> None:
    target = place.open()
    result = await place.run(target, health=HealthCheck(enabled=True, timeout_s=1))
    assert result.outcome == "failure"
    assert result.errors == [
        "mail: health check: the restored VM runs, but no tools answered in 1 s"
    ]
    place.one_base()
    await place.proven(target)
