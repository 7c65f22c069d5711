"""The pickers of the pool's and the hosts' SRs for new disks, suspended VMs and crash dumps."""

from __future__ import annotations

import asyncio

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.gui.pages.conftest import Bench
from tests.gui.pages.system.kit import entry, pick
from xolite_qt.ui.models.sr_roles import Role
from xolite_qt.ui.views.page import PAGES, Kind
from xolite_qt.ui.views.pool.system.follow import SrPicker
from xolite_qt.ui.views.pool.system.page import PoolSystem
from xolite_qt.xen_api import NULL_REF

POOL = pytest.mark.parametrize("bench", [{"generate": (3, 2)}], indirect=True)
GIB = 1024**3


def pool_of(bench: Bench) -> dict[str, object]:
    ref = next(iter(bench.db.refs("pool")))
    found: dict[str, object] = bench.db.get("pool", ref)
    return found


def add_local_sr(bench: Bench, host: str) -> str:
    """A new SR that one host has on a disk of its own."""
    db = bench.db
    sr = db.create(
        "SR",
        name_label="Own disk",
        type="ext",
        content_type="user",
        physical_size=500 * GIB,
        physical_utilisation=10 * GIB,
    )
    db.create("PBD", SR=sr, host=host, currently_attached=True)
    return str(sr)


async def open_page(bench: Bench) -> PoolSystem:
    ref = next(iter(bench.db.refs("pool")))
    page = await bench.show(PoolSystem, ref)
    await bench.until(lambda: page.storage.pickers[Role.DEFAULT].options)
    return page


def crash(page: PoolSystem) -> SrPicker:
    return page.storage.pickers[Role.CRASH_DUMP]


async def settled(bench: Bench, picker: SrPicker) -> None:
    await bench.until(lambda: not picker.follow.is_waiting)


def shown(picker: SrPicker) -> str:
    return picker.combo.currentText().replace("\u00a0", " ")


def note(picker: SrPicker) -> str:
    return picker.note.text().replace("\u00a0", " ")


def test_system_stands_behind_what_is_looked_at_first() -> None:
    tabs = [spec.tab_id for spec in PAGES[Kind.POOL]]
    assert tabs[:4] == ["dashboard", "alarms", "stats", "system"]


async def test_a_choice_is_busy_until_its_event_and_then_shown(bench: Bench) -> None:
    page = await open_page(bench)
    picker = crash(page)
    nas = await bench.ref_of("SR", "NAS brightwater-nas")
    pick(picker.combo, nas)
    assert picker.follow.is_waiting
    assert picker.busy.isVisible()
    assert not picker.combo.isEnabled()
    assert shown(picker).startswith("NAS brightwater-nas")
    await bench.until(lambda: not picker.follow.is_waiting)
    assert pool_of(bench)["crash_dump_SR"] == nas
    assert bench.calls("pool.set_") == ["pool.set_crash_dump_SR"]
    assert picker.combo.isEnabled()
    assert shown(picker).startswith("NAS brightwater-nas")
    assert not picker.busy.isVisible()


async def test_the_field_waits_for_the_event_not_for_the_answer(bench: Bench) -> None:
    page = await open_page(bench)
    picker = crash(page)
    nas = await bench.ref_of("SR", "NAS brightwater-nas")
    await bench.api.events.stop()
    pick(picker.combo, nas)
    await bench.until(lambda: any("Crash dump SR changed" in text for text in bench.told))
    await asyncio.sleep(0.1)
    assert picker.follow.is_waiting
    bench.api.events.start()
    await bench.until(lambda: not picker.follow.is_waiting)
    assert shown(picker).startswith("NAS brightwater-nas")


async def test_a_refusal_brings_the_old_choice_back_with_its_reason(bench: Bench) -> None:
    page = await open_page(bench)
    picker = crash(page)
    nas = await bench.ref_of("SR", "NAS brightwater-nas")
    before = shown(picker)
    bench.running.host.faults.fail("pool.set_crash_dump_SR", "RBAC_PERMISSION_DENIED", "x", "y")
    pick(picker.combo, nas)
    await bench.until(lambda: not picker.follow.is_waiting)
    assert shown(picker) == before
    assert note(picker).startswith("Not changed: ")
    assert picker.combo.accessibleDescription() == picker.note.text()
    assert pool_of(bench)["crash_dump_SR"] != nas
    # The next one goes through, and the reason goes.
    pick(picker.combo, nas)
    await bench.until(lambda: shown(picker).startswith("NAS") and not picker.follow.is_waiting)
    assert "Not changed" not in note(picker)


async def test_nothing_is_tried_without_a_connection(bench: Bench) -> None:
    page = await open_page(bench)
    picker = crash(page)
    before = shown(picker)
    bench.context.actions.blocked = "The connection is down."
    pick(picker.combo, NULL_REF)
    assert note(picker) == "The connection is down."
    assert shown(picker) == before
    assert not bench.calls("pool.set_")


async def test_none_writes_the_null_reference(bench: Bench) -> None:
    page = await open_page(bench)
    for picker in page.storage.pickers.values():
        pick(picker.combo, NULL_REF)
        await settled(bench, picker)
        assert shown(picker) == "None"
    pool = pool_of(bench)
    assert {pool[key] for key in ("default_SR", "suspend_image_SR", "crash_dump_SR")} == {NULL_REF}


async def test_what_cannot_serve_stays_visible_with_its_reason(bench: Bench) -> None:
    db = bench.db
    nas = await bench.ref_of("SR", "NAS brightwater-nas")
    iso = await bench.ref_of("SR", "Installation discs")
    old = await bench.ref_of("SR", "Old SATA disks")
    dvd = await bench.ref_of("SR", "DVD drives")
    local = await bench.ref_of("SR", "Local NVMe")
    tools = db.create("SR", name_label="XCP-ng Tools", type="iso", is_tools_sr=True)
    empty = db.create("SR", name_label="Empty", type="dummy", content_type="user", physical_size=0)
    mute = db.create("SR", name_label="Mute", type="x", content_type="user", physical_size=-1)
    lost = db.create("SR", name_label="Lost", type="nfs", content_type="user", physical_size=GIB)
    for ref in db.get("SR", old)["PBDs"]:
        db.set("PBD", ref, currently_attached=False)
    size = db.get("SR", nas)["physical_size"]
    db.set("SR", nas, physical_utilisation=size - 1024)
    page = await open_page(bench)
    combo = crash(page).combo
    said = {
        ref: (text.split(" · ", 1)[-1].replace("\u00a0", " "), on)
        for ref in (nas, iso, old, dvd, local, tools, empty, mute, lost)
        for text, on in [entry(combo, ref)]
    }
    assert said[local][1]
    assert said.pop(local)[0].endswith("free")
    assert said == {
        nas: ("full (1 KiB free)", False),
        iso: ("holds ISO images only", False),
        old: ("detached on brightwater-1", False),
        dvd: ("holds ISO images only", False),
        tools: ("holds the guest tools only", False),
        empty: ("has no room of its own (size 0)", False),
        mute: ("its driver tells no size", False),
        lost: ("connected to no host", False),
    }


async def test_a_dangling_reference_shows_as_missing(bench: Bench) -> None:
    ref = next(iter(bench.db.refs("pool")))
    page = await open_page(bench)
    picker = crash(page)
    gone = "OpaqueRef:1badcafe-0000-4000-8000-000000000000"
    bench.db.set("pool", ref, crash_dump_SR=gone)
    await bench.until(lambda: shown(picker).startswith("Missing SR"))
    assert shown(picker) == "Missing SR (1badcafe-0000-4000-8000-000000000000)"
    assert "does not know this SR any more" in note(picker)
    assert not entry(picker.combo, gone)[1]
    pick(picker.combo, NULL_REF)
    await bench.until(lambda: not picker.follow.is_waiting)
    assert shown(picker) == "None"
    assert picker.combo.findData(gone) < 0
    assert pool_of(bench)["crash_dump_SR"] == NULL_REF


async def test_an_sr_that_is_forgotten_meanwhile_shows_as_missing(bench: Bench) -> None:
    page = await open_page(bench)
    old = await bench.ref_of("SR", "Old SATA disks")
    picker = crash(page)
    pick(picker.combo, old)
    await bench.until(lambda: not picker.follow.is_waiting)
    bench.db.destroy("SR", old)
    # The host keeps the reference; if its database clears it, None is right as well.
    held = pool_of(bench)["crash_dump_SR"]
    wanted = "None" if held == NULL_REF else "Missing SR"
    await bench.until(lambda: shown(picker).startswith(wanted))


async def test_one_button_lets_the_default_serve_for_all(bench: Bench) -> None:
    page = await open_page(bench)
    button = page.storage.for_all
    assert not button.isEnabled()
    assert "All three are the default SR already." in button.toolTip()
    nas = await bench.ref_of("SR", "NAS brightwater-nas")
    pick(page.storage.pickers[Role.DEFAULT].combo, nas)
    await bench.until(button.isEnabled)
    button.click()
    await bench.until(
        lambda: all(shown(p).startswith("NAS") for p in page.storage.pickers.values())
    )
    pool = pool_of(bench)
    assert {pool[key] for key in ("default_SR", "suspend_image_SR", "crash_dump_SR")} == {nas}
    await bench.until(lambda: not button.isEnabled())
    pick(page.storage.pickers[Role.DEFAULT].combo, NULL_REF)
    await bench.until(lambda: "Choose a default SR first." in button.toolTip())


@POOL
async def test_a_local_sr_is_warned_of_and_not_refused(bench: Bench) -> None:
    page = await open_page(bench)
    hosts = bench.db.records("host")
    picker = crash(page)
    home_ref, home = next((ref, host["name_label"]) for ref, host in hosts.items())
    local = add_local_sr(bench, home_ref)
    await bench.until(lambda: picker.combo.findData(local) >= 0)
    text, on = entry(picker.combo, local)
    assert on
    assert text.endswith(f"local to {home}")
    pick(picker.combo, local)
    await bench.until(lambda: not picker.follow.is_waiting)
    assert f"only {home} reaches it" in note(picker)
    assert pool_of(bench)["crash_dump_SR"] == local


@POOL
async def test_a_shared_sr_must_be_attached_everywhere(bench: Bench) -> None:
    page = await open_page(bench)
    picker = crash(page)
    shared = next(ref for ref, sr in bench.db.records("SR").items() if sr["shared"])
    pbds = bench.db.get("SR", shared)["PBDs"]
    bench.db.set("PBD", pbds[1], currently_attached=False)
    name = bench.db.get("host", bench.db.get("PBD", pbds[1])["host"])["name_label"]
    await bench.until(lambda: not entry(picker.combo, shared)[1])
    assert entry(picker.combo, shared)[0].endswith(f"detached on {name}")
    for ref in pbds:
        bench.db.set("PBD", ref, currently_attached=False)
    await bench.until(lambda: "detached on 3 hosts" in entry(picker.combo, shared)[0])


@POOL
async def test_hosts_have_fields_of_their_own(bench: Bench) -> None:
    page = await open_page(bench)
    card = page.storage
    await bench.until(lambda: card.host_choice.count() == 3)
    other = card.host_choice.itemData(1)
    name = card.host_choice.itemText(1)
    card.host_choice.setCurrentIndex(1)
    card.host_choice.activated.emit(1)
    picker = card.host_roles.pickers[Role.CRASH_DUMP]
    assert picker.combo.accessibleName() == f"Crash dump SR of {name}"
    shared = next(ref for ref, sr in bench.db.records("SR").items() if sr["shared"])
    pick(picker.combo, shared)
    await bench.until(lambda: not picker.follow.is_waiting)
    assert bench.db.get("host", other)["crash_dump_sr"] == shared
    assert pool_of(bench)["crash_dump_SR"] == NULL_REF
    await bench.until(lambda: name in card.differ.text())
    local_elsewhere = add_local_sr(bench, card.host_choice.itemData(2))
    await bench.until(lambda: picker.combo.findData(local_elsewhere) >= 0)
    text, on = entry(picker.combo, local_elsewhere)
    assert not on
    assert text.endswith(f"cannot be seen from {name}")


async def test_keys_and_wheel_change_nothing_in_the_closed_list(bench: Bench) -> None:
    page = await open_page(bench)
    combo = crash(page).combo
    combo.setFocus()
    QTest.keyClick(combo, Qt.Key.Key_Down)
    assert combo.is_open
    combo.hidePopup()
    QTest.keyClick(combo, Qt.Key.Key_N)
    assert combo.is_open
    combo.hidePopup()
    await asyncio.sleep(0.05)
    assert not bench.calls("pool.set_")


async def test_crash_dumps_of_vms_are_said_to_be_deprecated(bench: Bench) -> None:
    page = await open_page(bench)
    assert "deprecate crash dumps of VMs" in note(crash(page))
    assert "never use this SR" in note(crash(page))
