"""Every point of a chain is what the guest had, whichever way its disks were read."""

from __future__ import annotations

from pathlib import Path

import pytest

from xolite_qt.backup.jobs.model import NbdSettings, Retention

from .places import KEY, MIB, Place, an_order

WAYS = {
    "nbd+cbt": NbdSettings("on"),
    "nbd+bat": NbdSettings("on"),
    "vhd-export": NbdSettings("off"),
}


@pytest.mark.parametrize(
    ("way", "kept"),
    [
        ("nbd+cbt", "blocks"),
        ("nbd+cbt", "encrypted"),
        ("nbd+bat", "vhd"),
        ("vhd-export", "vhd"),
    ],
)
async def test_every_point_that_is_kept_restores_to_what_the_guest_had(
    place: Place, way: str, kept: str
) -> None:
    target = place.open(key=KEY if kept == "encrypted" else None, vhd_files=kept == "vhd")
    order = an_order(nbd=WAYS[way], retention=Retention(last=2))
    kinds, first_bytes = [], 0
    for number in range(4):
        if number:
            await place.write(number, offset=number * MIB + 5)
            await place.write(number, offset=8 * MIB - 3000, disk=1)
        if way == "nbd+bat":
            # Where changes cannot be asked for, the table of each snapshot's file says more.
            place.faults.fail_changed_blocks(10)
        result = await place.run(target, order=order)
        assert (result.outcome, result.errors) == ("success", [])
        disks = result.vms[0].disks
        first = number == 0
        expected = "nbd+bat" if first and way == "nbd+cbt" else way
        assert {disk.way for disk in disks} == {expected}
        kinds.append({disk.kind for disk in disks})
        moved = sum(disk.transferred_bytes for disk in disks)
        if first:
            first_bytes = moved
        elif way != "nbd+bat":
            assert moved < first_bytes
        place.one_base()
    assert kinds[0] == {"full"}
    if way != "nbd+bat":
        assert kinds[1:] == [{"delta"}] * 3
    backups = await place.proven(target)
    assert len(backups) == 2


async def test_a_later_image_of_the_whole_disk(place: Place, tmp_path: Path) -> None:
    target = place.open()
    await place.run(target)
    later = tmp_path / "later.raw"
    later.write_bytes((tmp_path / "image-0.raw").read_bytes()[::-1])
    place.running.host.disks.swap(place.disks[0], later)
    result = await place.run(target)
    assert result.outcome == "success"
    assert [disk.kind for disk in result.vms[0].disks] == ["delta", "delta"]
    assert result.vms[0].disks[1].blocks == 0
    assert len(await place.proven(target)) == 2
