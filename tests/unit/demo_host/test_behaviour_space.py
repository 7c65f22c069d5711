"""Room on a storage: what disks take is booked once, and given back when a call is cancelled.

Source: `xapi.md` 1.5, 1.12.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from xolite_qt.demo_host import Failure
from xolite_qt.demo_host.datamodel import NULL_REF

GIB = 1 << 30
USED = 3 * GIB


def unaccounted(caller: Any) -> dict[str, tuple[int, int]]:
    """What each storage books beyond the disks that are on it, real and virtual."""
    db = caller.db
    return {
        ref: (
            sr["physical_utilisation"] - sum(db.get("VDI", d)["physical_utilisation"] for d in on),
            sr["virtual_allocation"] - sum(db.get("VDI", d)["virtual_size"] for d in on),
        )
        for ref, sr in db.records("SR").items()
        for on in [sr["VDIs"]]
    }


@pytest.fixture
def disk(caller: Any) -> str:
    """A free disk of 10 GiB with 3 GiB in it, on a storage that gives whole sizes at once."""
    (sr,) = caller.db.refs("SR")
    (host,) = caller.db.refs("host")
    caller.db.set("SR", sr, type="lvm", virtual_allocation=100 * GIB)
    other = caller.db.create("SR", name_label="other", type="ext", physical_size=100 * GIB)
    caller.db.create("PBD", host=host, SR=other, currently_attached=True)
    ref = str(caller.db.refs("VDI")[1])
    caller.db.set("VDI", ref, physical_utilisation=USED)
    return ref


def other_storage(caller: Any) -> str:
    return str(next(ref for ref, sr in caller.db.records("SR").items() if sr["type"] == "ext"))


def calls(caller: Any, disk: str) -> dict[str, tuple[Any, ...]]:
    new = {
        "name_label": "new",
        "SR": caller.db.get("VDI", disk)["SR"],
        "virtual_size": 5 * GIB,
        "type": "user",
        "sharable": False,
        "read_only": False,
        "other_config": {},
    }
    return {
        "VDI.create": (new,),
        "VDI.resize": (disk, 20 * GIB),
        "VDI.copy": (disk, NULL_REF),
        "VDI.snapshot": (disk,),
        "VDI.clone": (disk,),
        "VDI.pool_migrate": (disk, other_storage(caller), {}),
        "VDI.destroy": (disk,),
    }


NAMES = (
    "VDI.create",
    "VDI.resize",
    "VDI.copy",
    "VDI.snapshot",
    "VDI.clone",
    "VDI.pool_migrate",
    "VDI.destroy",
)


@pytest.mark.parametrize("name", NAMES)
async def test_room_is_booked_once(caller: Any, disk: str, name: str) -> None:
    before = unaccounted(caller)
    await caller(name, *calls(caller, disk)[name])
    assert unaccounted(caller) == before


@pytest.mark.parametrize("name", NAMES)
async def test_a_cancelled_call_keeps_no_room(caller: Any, disk: str, name: str) -> None:
    caller.host.speed = 5.0
    storages = caller.db.records("SR")
    before = {ref: (sr["physical_utilisation"], sr["VDIs"]) for ref, sr in storages.items()}
    disks = len(caller.db.refs("VDI"))
    task = await caller(f"Async.{name}", *calls(caller, disk)[name])
    async with asyncio.timeout(5):
        while "cancel" not in caller.db.get("task", task)["allowed_operations"]:
            await caller.db.next_write(5)
        await caller("task.cancel", task)
        while caller.db.get("task", task)["status"] == "cancelling":
            await caller.db.next_write(5)
    assert caller.db.get("task", task)["status"] == "cancelled"
    storages = caller.db.records("SR")
    assert before == {ref: (sr["physical_utilisation"], sr["VDIs"]) for ref, sr in storages.items()}
    assert len(caller.db.refs("VDI")) == disks


async def test_room_is_held_while_a_copy_is_under_way(caller: Any, disk: str) -> None:
    other = other_storage(caller)
    caller.db.set("SR", other, physical_size=USED + GIB)
    caller.host.speed = 0.05
    first = asyncio.create_task(caller("VDI.copy", disk, other))
    async with asyncio.timeout(5):
        while caller.db.get("SR", other)["physical_utilisation"] == 0:
            await caller.db.next_write(5)
    with pytest.raises(Failure) as caught:
        await caller("VDI.copy", disk, other)
    assert caught.value.description == ["SR_FULL", str(USED), str(GIB)]
    made = await first
    assert caller.db.get("SR", other)["VDIs"] == [made]
    assert caller.db.get("SR", other)["physical_utilisation"] == USED
