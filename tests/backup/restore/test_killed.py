"""Restores that are killed: the repository is unharmed, and the next one removes what they left."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time

import msgspec
import pytest

from xolite_qt.backup.repository import check
from xolite_qt.backup.restore import HostRestore, RestoreWish, remove_leftovers
from xolite_qt.backup.restore.leftovers import CLONING, MARK, PREFIX, TRIAL_PREFIX, mark_text
from xolite_qt.backup.storage.folder_lock import Holder

from .hosts import MIB, Place, answer_of, command

KILLS = int(os.environ.get("XOLITE_KILLS", "4"))


async def a_restore(place: Place, *more: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    line = await asyncio.to_thread(command, place, *more)
    return await asyncio.create_subprocess_exec(sys.executable, *line, stdout=pipe, stderr=pipe)


# asyncio logs an error of its own where a peer is killed in the middle of TLS.
@pytest.mark.logs_warnings
@pytest.mark.timeout(120 + 20 * KILLS)
@pytest.mark.parametrize("way", ["disks", "onto a snapshot", "full"])
async def test_a_kill_at_any_moment_leaves_nothing_half_made(place: Place, way: str) -> None:
    backup = await place.back_up("full" if way == "full" else "incremental")
    more = ["--backup", backup.id, "--name", "again"]
    if way == "onto a snapshot":
        snapshot = place.db.get("VM", place.vm)["snapshots"][0]
        # Enough differs that there is something to send.
        await place.write(1, offset=0, length=24 * MIB)
        await place.back_up()
        snapshot = place.db.get("VM", place.vm)["snapshots"][0]
        more += ["--onto-snapshot", place.db.get("VM", snapshot)["uuid"]]
    place.running.host.faults.limit_transfers(64 * MIB)
    began = time.monotonic()
    process = await a_restore(place, *more)
    out, err = await process.communicate()
    assert process.returncode == 0, (out, err)
    whole_s = time.monotonic() - began
    made = answer_of(out)
    refs = [place.db.by_uuid("VM", made["vm"]["uuid"])]
    before = place.things()
    kills = max(1, KILLS if way == "disks" else KILLS // 2)
    for number in range(kills):
        seed = random.Random(f"{way} {number} {os.environ.get('XOLITE_SEED', '')}")
        process = await a_restore(place, *more)
        try:
            await asyncio.wait_for(process.wait(), seed.uniform(0.25, 1.02) * whole_s)
        except TimeoutError:
            process.kill()
        await process.communicate()
        left = place.new_things(before)
        removed = await remove_leftovers(place.api)
        assert all(removed)
        await place.settled_but(before, "again")
        assert place.marks() == [], left
        for ref in set(place.db.refs("VM")) - before["VM"]:
            # It was done, or all but: whole.
            refs.append(ref)
        before = place.things()
    for ref in refs:
        assert await place.sums(place.disks_of(ref)) == place.checksums[backup.id]
        assert place.db.get("VM", ref)["blocked_operations"] == {}
    report = await asyncio.to_thread(check, place.repository)
    assert report.problems == []
    # And it can be restored as if nothing had happened.
    vm = await HostRestore(place.api, place.repository).vm(backup, RestoreWish(name="at last"))
    assert await place.sums(place.disks_of(vm)) == place.checksums[backup.id]


# What is removed, and what never


def gone(machine: str = "") -> str:
    """The mark of a process that is no more."""
    holder = msgspec.json.decode(mark_text(), type=Holder)
    return msgspec.json.encode(
        Holder(holder.owner, machine or holder.machine, 2**22 - 1, "1-12345678")
    ).decode()


async def a_disk(place: Place, name: str, config: dict[str, str]) -> str:
    record = {
        "name_label": name,
        "SR": place.db.get("VDI", place.disks[0])["SR"],
        "virtual_size": MIB,
        "type": "user",
        "sharable": False,
        "read_only": False,
        "other_config": config,
    }
    return str(await place.api.call("VDI.create", record))


async def test_only_what_is_half_made_by_a_dead_process_of_this_machine_goes(place: Place) -> None:
    dead = gone()
    half = await a_disk(place, f"{PREFIX}half", {MARK: dead})
    clone = await a_disk(place, "just cloned", {CLONING: dead})
    at_work = await a_disk(place, f"{PREFIX}at work", {MARK: mark_text()})
    elsewhere = await a_disk(place, f"{PREFIX}elsewhere", {MARK: gone("another-machine")})
    whole = await a_disk(place, "whole", {MARK: dead, "mine": "1"})
    spoilt = await a_disk(place, f"{PREFIX}spoilt", {MARK: "{not json"})
    named = await a_disk(place, f"{PREFIX}by hand", {})
    removed = await remove_leftovers(place.api)
    assert sorted(removed) == [f"{PREFIX}half", "just cloned"]
    assert not place.db.exists("VDI", half)
    assert not place.db.exists("VDI", clone)
    for kept in (at_work, elsewhere, whole, spoilt, named):
        assert place.db.exists("VDI", kept)
    assert place.db.get("VDI", whole)["other_config"] == {"mine": "1"}
    assert await remove_leftovers(place.api) == []


async def test_a_snapshot_that_was_being_cloned_stays(place: Place) -> None:
    await place.back_up()
    snapshot = place.db.get("VM", place.vm)["snapshots"][0]
    vdi = place.disks_of(snapshot)[0]
    await place.api.call("VDI.add_to_other_config", vdi, CLONING, gone())
    clone = await place.api.call("VDI.clone", vdi, {})
    used = await place.api.call("VM.clone", snapshot, "an admin's clone")
    assert await remove_leftovers(place.api) == [place.db.get("VDI", vdi)["name_label"]]
    assert not place.db.exists("VDI", clone)
    assert CLONING not in place.db.get("VDI", vdi)["other_config"]
    disks = place.disks_of(used)
    assert [CLONING in place.db.get("VDI", one)["other_config"] for one in disks] == [False] * 2


async def test_a_running_vm_is_never_taken_for_half_made(place: Place) -> None:
    name = place.db.get("VM", place.vm)["name_label"]
    await place.api.call("VM.add_to_other_config", place.vm, MARK, gone())
    assert await remove_leftovers(place.api) == []
    assert MARK not in place.db.get("VM", place.vm)["other_config"]
    await place.api.call("VM.add_to_other_config", place.vm, MARK, gone())
    await place.api.call("VM.set_name_label", place.vm, PREFIX + name)
    assert await remove_leftovers(place.api) == []
    assert place.db.get("VM", place.vm)["power_state"] == "Running"


async def test_a_dead_health_check_goes_with_its_disks(place: Place) -> None:
    backup = await place.back_up()
    before = place.things()
    work = HostRestore(place.api, place.repository)
    vm = await work.vm(backup, RestoreWish(trial=True))
    await place.api.call("VM.start", vm, False, False)
    await place.api.call("VM.remove_from_other_config", vm, MARK)
    await place.api.call("VM.add_to_other_config", vm, MARK, gone())
    assert await remove_leftovers(place.api) == [f"{TRIAL_PREFIX}{backup.vm_name}"]
    assert place.new_things(before) == []


async def test_the_next_restore_and_the_next_backup_tidy_up(place: Place) -> None:
    backup = await place.back_up()
    half = await a_disk(place, f"{PREFIX}half", {MARK: gone()})
    notes: list[str] = []
    work = HostRestore(place.api, place.repository, told=notes.append)
    await work.disk(backup, backup.disks[0], "", "copy")
    assert not place.db.exists("VDI", half)
    assert f"{PREFIX}half" in " ".join(notes)
    half = await a_disk(place, f"{PREFIX}half", {MARK: gone()})
    await place.back_up()
    assert not place.db.exists("VDI", half)
