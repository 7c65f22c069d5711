"""VMs and disks back onto a host: equal to what they were, and nothing left where it fails."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from xolite_qt.backup.errors import BackupError, Cancelled, Damaged
from xolite_qt.backup.repository import BackupDisk
from xolite_qt.backup.restore import HostRestore, RestoreError, RestoreWish, find_network, find_sr
from xolite_qt.backup.restore.leftovers import remove_vm
from xolite_qt.backup.run import tidying
from xolite_qt.xen_api import XapiError, XenApiError

from .hosts import MIB, VM_NAME, Place


def restoring(place: Place, **more: Any) -> tuple[HostRestore, list[str]]:
    notes: list[str] = []
    return HostRestore(place.api, place.repository, told=notes.append, **more), notes


# Whole VMs


async def test_a_vm_comes_back_as_it_was(place: Place) -> None:
    backup = await place.back_up()
    old = place.db.get("VM", place.vm)
    progress: list[tuple[BackupDisk | None, int, int]] = []
    work, notes = restoring(place, progress=lambda *one: progress.append(one))
    vm = await work.vm(backup, RestoreWish())
    new = place.db.get("VM", vm)
    assert vm != place.vm
    assert new["name_label"] == VM_NAME
    assert new["power_state"] == "Halted"
    for name in ("memory_static_max", "VCPUs_max", "name_description", "HVM_boot_policy", "tags"):
        assert new[name] == old[name], name
    assert new["blocked_operations"] == {}
    assert await place.sums(place.disks_of(vm)) == place.checksums[backup.id]
    shape = ("type", "userdevice", "bootable", "mode", "empty")
    drives = [
        sorted([tuple(place.db.get("VBD", ref)[key] for key in shape) for ref in one["VBDs"]])
        for one in (old, new)
    ]
    assert drives[0] == drives[1]
    assert any(drive[0] == "CD" for drive in drives[1])
    for was, made in zip(place.disks, place.disks_of(vm), strict=True):
        assert place.db.get("VDI", made)["name_label"] == place.db.get("VDI", was)["name_label"]
    assert work.sent_bytes > 2 * 12 * MIB
    assert {one[0].uuid for one in progress if one[0]} == {disk.uuid for disk in backup.disks}
    assert all(0 <= done <= total for _, done, total in progress)
    assert place.marks() == []
    # The VM is on the host still, so its card cannot have the same address.
    assert [note for note in notes if "MAC" in note]


def cards(place: Place, vm: str) -> list[tuple[str, str, str]]:
    found = [place.db.get("VIF", ref) for ref in place.db.get("VM", vm)["VIFs"]]
    return sorted((one["device"], one["MAC"], one["network"]) for one in found)


async def test_mac_addresses_are_kept_new_or_free(place: Place) -> None:
    backup = await place.back_up()
    old = cards(place, place.vm)
    work, _ = restoring(place)
    kept = await work.vm(backup, RestoreWish(keep_macs=True, name="kept"))
    assert cards(place, kept) == old
    new = await work.vm(backup, RestoreWish(name="new"))
    assert [(device, net) for device, _, net in cards(place, new)] == [
        (device, net) for device, _, net in old
    ]
    assert not {mac for _, mac, _ in cards(place, new)} & {mac for _, mac, _ in old}
    seeds = [place.db.get("VM", one)["other_config"].get("mac_seed") for one in (place.vm, new)]
    assert seeds[0] is not None
    assert seeds[0] != seeds[1]
    for vm in (kept, place.vm):
        await place.api.call("VM.hard_shutdown", vm) if vm == place.vm else None
        await place.api.call("VM.destroy", vm)
    free = await work.vm(backup, RestoreWish(name="free"))
    assert cards(place, free) == old
    assert place.db.get("VM", free)["other_config"].get("mac_seed") == seeds[0]


async def test_cards_go_where_they_are_wanted(place: Place) -> None:
    backup = await place.back_up()
    vifs = [place.db.get("VIF", ref) for ref in place.db.get("VM", place.vm)["VIFs"]]
    others = [
        (ref, record)
        for ref, record in place.db.records("network").items()
        if ref != vifs[0]["network"]
    ]
    ref, record = others[0]
    uuid = await find_network(place.api, record["uuid"])
    work, _ = restoring(place)
    vm = await work.vm(backup, RestoreWish(networks={vifs[0]["uuid"]: uuid}))
    assert cards(place, vm)[0][2] == ref
    vm = await work.vm(backup, RestoreWish(networks={vif["uuid"]: "" for vif in vifs}))
    assert cards(place, vm) == []


async def test_a_new_name_another_storage_and_a_start(place: Place) -> None:
    backup = await place.back_up()
    default = place.db.get("VDI", place.disks[0])["SR"]
    sr = next(
        one["uuid"]
        for ref, one in place.db.records("SR").items()
        if ref != default and one["content_type"] != "iso" and one["type"] in ("lvm", "ext", "nfs")
    )
    work, _ = restoring(place)
    wish = RestoreWish(sr={"": await find_sr(place.api, sr)}, name="mail again", start=True)
    vm = await work.vm(backup, wish)
    record = place.db.get("VM", vm)
    assert (record["name_label"], record["power_state"]) == ("mail again", "Running")
    for vdi in place.disks_of(vm):
        assert place.db.get("SR", place.db.get("VDI", vdi)["SR"])["uuid"] == sr


async def test_a_vm_that_does_not_start_is_there_all_the_same(place: Place) -> None:
    backup = await place.back_up()
    backup.metadata["vm"]["memory_static_max"] = backup.metadata["vm"]["memory_dynamic_max"] = (
        1 << 50
    )
    backup.metadata["vm"]["memory_dynamic_min"] = 1 << 50
    work, _ = restoring(place)
    with pytest.raises(RestoreError, match="is restored, but did not start"):
        await work.vm(backup, RestoreWish(name="large", start=True))
    assert "large" in [one["name_label"] for one in place.db.records("VM").values()]
    assert place.marks() == []


async def test_every_point_in_time_is_what_it_was(place: Place) -> None:
    backups = []
    for number in range(3):
        backups.append(await place.back_up())
        await place.write(number, offset=(2 + number) * MIB)
    work, _ = restoring(place)
    for backup in backups:
        vm = await work.vm(backup, RestoreWish(name=backup.id))
        assert await place.sums(place.disks_of(vm)) == place.checksums[backup.id]


async def test_one_disk(place: Place) -> None:
    backup = await place.back_up()
    work, _ = restoring(place)
    for number, disk in enumerate(backup.disks):
        vdi = await work.disk(backup, disk, "", f"copy {number}")
        record = place.db.get("VDI", vdi)
        assert (record["name_label"], record["VBDs"]) == (f"copy {number}", [])
        at = [place.db.get("VDI", one)["uuid"] for one in place.disks].index(disk.uuid)
        assert await place.sums([vdi]) == [place.checksums[backup.id][at]]
    assert place.marks() == []


# Building on what is there


def snapshot_of_the_backups(place: Place) -> str:
    refs = place.db.get("VM", place.vm)["snapshots"]
    assert len(refs) == 1
    return str(place.db.get("VM", refs[0])["uuid"])


async def test_an_older_point_is_put_back_onto_the_newest_snapshot(place: Place) -> None:
    first = await place.back_up()
    await place.write(1)
    second = await place.back_up()
    # What the VM holds now is in no backup and must not be in what is restored.
    await place.write(2, offset=0)
    assert second.id != first.id
    for backup in (first, second):
        work, notes = restoring(place)
        wish = RestoreWish(name=backup.id, snapshot=snapshot_of_the_backups(place))
        vm = await work.vm(backup, wish)
        assert await place.sums(place.disks_of(vm)) == place.checksums[backup.id]
        assert work.sent_bytes < 2 * 3 * MIB
        assert len([note for note in notes if "only what differs" in note]) == 2
    assert place.marks() == []


async def test_a_newer_point_is_put_onto_an_older_snapshot(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def kept(*_: Any, **__: Any) -> None:
        pass

    first = await place.back_up()
    snapshot = place.db.get("VM", place.vm)["snapshots"][0]
    uuid = place.db.get("VM", snapshot)["uuid"]
    # A run keeps its newest snapshot only; one that is killed before it removes others does not.
    monkeypatch.setattr(tidying, "remove_old", kept)
    await place.write(1)
    await place.back_up()
    await place.write(3, offset=20 * MIB)
    third = await place.back_up()
    assert place.db.exists("VM", snapshot)
    await place.write(4, offset=10 * MIB)
    work, notes = restoring(place)
    vm = await work.vm(third, RestoreWish(name="third", snapshot=uuid))
    assert await place.sums(place.disks_of(vm)) == place.checksums[third.id]
    assert place.checksums[third.id] != place.checksums[first.id]
    assert len([note for note in notes if "only what differs" in note]) == 2
    assert work.sent_bytes < 2 * 5 * MIB


async def test_a_snapshot_with_nothing_in_common_is_no_hindrance(place: Place) -> None:
    backup = await place.back_up()
    other = await place.api.call("VM.snapshot", place.vm, "by hand", [])
    uuid = place.db.get("VM", other)["uuid"]
    work, notes = restoring(place)
    vm = await work.vm(backup, RestoreWish(snapshot=uuid, name="whole"))
    assert len([note for note in notes if "nothing to build on" in note]) == 2
    assert await place.sums(place.disks_of(vm)) == place.checksums[backup.id]


async def test_what_is_not_on_the_host_is_said(place: Place) -> None:
    backup = await place.back_up()
    before = place.things()
    work, _ = restoring(place)
    for wish, words in (
        (RestoreWish(snapshot="nothing"), "no snapshot"),
        (RestoreWish(sr={"": "nothing"}), "no storage"),
    ):
        with pytest.raises(RestoreError, match=words):
            await work.vm(backup, wish)
    with pytest.raises(RestoreError, match="no storage is called"):
        await find_sr(place.api, "nothing")
    with pytest.raises(RestoreError, match="no network is called"):
        await find_network(place.api, "nothing")
    await place.settled(before)


# What goes wrong


async def test_a_stop_leaves_nothing_on_the_host_within_two_seconds(place: Place) -> None:
    backup = await place.back_up()
    before = place.things()
    for second_disk in (False, True):
        place.running.host.faults.limit_transfers((16 if second_disk else 2) * MIB)
        stop, moving = threading.Event(), threading.Event()
        wanted = backup.disks[int(second_disk)]

        def progress(
            disk: BackupDisk | None,
            *_: int,
            wanted: BackupDisk = wanted,
            moving: threading.Event = moving,
        ) -> None:
            if disk == wanted:
                moving.set()

        work, notes = restoring(place, progress=progress, stop=stop)
        running = asyncio.create_task(work.vm(backup, RestoreWish()))
        assert await asyncio.to_thread(moving.wait, 10)
        began = time.monotonic()
        stop.set()
        with pytest.raises(Cancelled):
            await running
        await place.settled(before, max(0.0, began + 2.0 - time.monotonic()))
        assert notes[-1:] == [] or "left" not in notes[-1]


async def test_a_cancelled_coroutine_leaves_nothing(place: Place) -> None:
    backup = await place.back_up()
    before = place.things()
    place.running.host.faults.limit_transfers(8 * MIB)
    for pause_s in (0.0, 0.02, 0.05, 0.1, 0.3):
        work, _ = restoring(place)
        running = asyncio.create_task(work.vm(backup, RestoreWish()))
        await asyncio.sleep(pause_s)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await place.settled(before)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (lambda faults: faults.cut_import(after_bytes=5 * MIB), "VDI_IO_ERROR"),
        (lambda faults: faults.cut_import(), "VDI_IO_ERROR"),
        (lambda faults: faults.full_on_import(), "SR_BACKEND_FAILURE_44"),
    ],
    ids=["cut", "cut at once", "full"],
)
async def test_a_transfer_that_breaks_says_why_and_leaves_nothing(
    place: Place, fault: Callable[[Any], None], code: str
) -> None:
    backup = await place.back_up()
    before = place.things()
    fault(place.running.host.faults)
    work, _ = restoring(place)
    with pytest.raises(XapiError) as caught:
        await work.vm(backup, RestoreWish())
    assert caught.value.code == code
    await place.settled(before)
    assert await place.sums(place.disks) == place.checksums[backup.id]


async def test_a_host_that_goes_away_is_said_in_time(place: Place) -> None:
    backup = await place.back_up()
    place.running.host.faults.limit_transfers(4 * MIB)
    moving = threading.Event()
    work, _ = restoring(place, progress=lambda *_: moving.set())
    running = asyncio.create_task(work.vm(backup, RestoreWish()))
    assert await asyncio.to_thread(moving.wait, 10)
    place.running.host.faults.drop_connections()
    with pytest.raises((XenApiError, BackupError)):
        await running


async def test_a_flipped_block_is_refused_by_name_and_leaves_nothing(place: Place) -> None:
    backup = await place.back_up()
    before = place.things()
    blocks = sorted((place.folder / "repository").rglob("blocks/*/*"))
    for path in blocks:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    work, _ = restoring(place)
    with pytest.raises(Damaged) as caught:
        await work.vm(backup, RestoreWish())
    assert caught.value.path
    await place.settled(before)


# Full backups


async def test_a_full_backup_comes_back(place: Place) -> None:
    backup = await place.back_up("full")
    work, _ = restoring(place)
    vm = await work.vm(backup, RestoreWish(name="whole", start=True))
    record = place.db.get("VM", vm)
    assert (record["name_label"], record["power_state"]) == ("whole", "Running")
    assert await place.sums(place.disks_of(vm)) == place.checksums[backup.id]
    assert work.sent_bytes > 2 * 12 * MIB
    assert place.marks() == []
    old = {mac for _, mac, _ in cards(place, place.vm)}
    assert not old & {mac for _, mac, _ in cards(place, vm)}
    with pytest.raises(RestoreError, match="keep its MAC"):
        await work.vm(backup, RestoreWish(keep_macs=True))


async def test_a_damaged_full_backup_makes_no_vm(place: Place) -> None:
    backup = await place.back_up("full")
    assert backup.xva_path is not None
    path = place.folder / "repository" / backup.xva_path
    before = place.things()
    data = bytearray(path.read_bytes())
    # In the padding behind the records of the tar: the host itself would not see it.
    data[-700] ^= 1
    path.write_bytes(data)
    work, _ = restoring(place)
    with pytest.raises(Damaged) as caught:
        await work.vm(backup, RestoreWish())
    assert caught.value.path == backup.xva_path
    await place.settled(before)


@pytest.mark.parametrize("way", ["stop", "cut", "full"])
async def test_a_full_backup_that_breaks_off_leaves_nothing(place: Place, way: str) -> None:
    backup = await place.back_up("full")
    before = place.things()
    stop = threading.Event()
    faults = place.running.host.faults
    if way == "cut":
        faults.cut_import(after_bytes=5 * MIB)
    elif way == "full":
        faults.full_on_import()
    else:
        faults.limit_transfers(4 * MIB)

    def progress(*_: Any) -> None:
        if way == "stop":
            stop.set()

    work, _ = restoring(place, progress=progress, stop=stop)
    with pytest.raises(Cancelled if way == "stop" else XapiError):
        await work.vm(backup, RestoreWish())
    await place.settled(before)


async def test_a_vm_comes_back_with_its_memory_or_goes_again(place: Place) -> None:
    backup = await place.back_up(memory=True)
    before = place.things()
    assert backup.metadata["vmSnapshot"]["suspend_VDI"] in {disk.ref for disk in backup.disks}
    work, _ = restoring(place)
    vm = await work.vm(backup, RestoreWish(name="asleep"))
    assert place.db.get("VM", vm)["power_state"] == "Suspended"
    await remove_vm(place.api, vm)
    place.running.host.faults.limit_transfers(16 * MIB)
    stop = threading.Event()
    work, _ = restoring(place, stop=stop, progress=lambda disk, *_: _stop_at(disk, stop))
    with pytest.raises(Cancelled):
        await work.vm(backup, RestoreWish(name="asleep"))
    await place.settled(before)


def _stop_at(disk: BackupDisk | None, stop: threading.Event) -> None:
    if disk is not None and disk.name.endswith("disk 1"):
        stop.set()
