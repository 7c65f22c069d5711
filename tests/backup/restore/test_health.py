"""Health checks: a backup boots, and nothing of it stays."""

from __future__ import annotations

import asyncio
import threading

import pytest

from xolite_qt.backup.errors import Cancelled
from xolite_qt.backup.restore import RestoreError, check_health, remove_leftovers
from xolite_qt.demo_host.ops import guests

from .hosts import Place


@pytest.mark.parametrize("mode", ["incremental", "full"])
async def test_a_backup_that_boots_is_removed_again(place: Place, mode: str) -> None:
    backup = await place.back_up("full" if mode == "full" else "incremental")
    before = place.things()
    seen: list[str] = []
    guest = place.db.get("VM_guest_metrics", place.db.get("VM", place.vm)["guest_metrics"])
    told = {key: value for key, value in guest.items() if key != "uuid"}

    def look(cls: str, ref: str) -> None:
        name = _name(place, cls, ref)
        if name.startswith("[health check]") and name not in seen:
            # The host does not look into the disks to know that there is a system with tools.
            guests.install_guest(place.running.host, ref, told)
        seen.append(name)

    place.db.on_change(look)
    took_s = await check_health(place.api, place.repository, backup, timeout_s=20.0)
    assert 0.0 <= took_s < 20.0
    assert place.new_things(before) == []
    assert f"[health check] {backup.vm_name}" in seen
    assert place.db.get("VM", place.vm)["power_state"] == "Running"


def _name(place: Place, cls: str, ref: str) -> str:
    if cls != "VM" or not place.db.exists(cls, ref):
        return ""
    record = place.db.get(cls, ref)
    if record["name_label"].startswith("[health check]") and record["power_state"] == "Running":
        # It must not answer on the net in place of the real one.
        assert record["VIFs"] == []
    return str(record["name_label"])


async def test_tools_that_never_answer_fail_it_and_it_is_removed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = await place.back_up()
    before = place.things()
    monkeypatch.setattr(guests, "_report", lambda *_: None)
    with pytest.raises(RestoreError, match="no tools answered"):
        await check_health(place.api, place.repository, backup, timeout_s=0.5)
    assert place.new_things(before) == []


async def test_a_stop_while_it_boots_removes_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = await place.back_up()
    before = place.things()
    monkeypatch.setattr(guests, "_report", lambda *_: None)
    stop = threading.Event()
    running = asyncio.create_task(
        check_health(place.api, place.repository, backup, timeout_s=30.0, stop=stop)
    )
    while not any(
        one["name_label"].startswith("[health check]") and one["power_state"] == "Running"
        for one in place.db.records("VM").values()
    ):
        await place.db.next_write(5.0)
    # It is at work: nobody else removes it.
    assert await remove_leftovers(place.api) == []
    stop.set()
    with pytest.raises(Cancelled):
        await running
    assert place.new_things(before) == []
