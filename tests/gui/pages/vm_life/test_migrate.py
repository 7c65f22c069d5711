"""Moving VMs: hosts with reasons, disks and networks where wanted or needed."""

from __future__ import annotations

import pytest

from tests.gui.pages.conftest import Bench
from tests.gui.pages.vm_life.kit import choose, disks, in_state, name, told
from xolite_qt.ui.dialogs.vm.migrate import MigrateDialog

pytestmark = pytest.mark.parametrize("bench", [{"generate": (3, 24)}], indirect=True)


def elsewhere(bench: Bench, vm: str) -> list[str]:
    """The other hosts, by name as the dialog has them."""
    here = bench.db.get("VM", vm)["resident_on"]
    others = [host for host in bench.db.refs("host") if host != here]
    return sorted(others, key=lambda host: name(bench, host, "host"))


def shared_only(bench: Bench) -> str:
    """A running VM whose disks all hosts see."""
    for ref in in_state(bench, "Running"):
        srs = [bench.db.get("VDI", vdi)["SR"] for vdi in disks(bench, ref)]
        if all(bench.db.get("SR", sr)["shared"] for sr in srs):
            return ref
    raise AssertionError("shared disks")


def roomy(bench: Bench) -> None:
    for metrics in bench.db.refs("host_metrics"):
        bench.db.set("host_metrics", metrics, memory_free=1 << 42, memory_total=1 << 42)


async def test_without_disks_to_move_it_is_a_plain_live_migration(bench: Bench) -> None:
    roomy(bench)
    ref = shared_only(bench)
    host = elsewhere(bench, ref)[0]
    await choose(bench, "Migrate to…", ref)
    dialog = await bench.dialog(MigrateDialog)
    assert dialog.chosen == host
    assert not dialog.move_disks.isChecked()
    dialog.go.click()
    await bench.until(lambda: told(bench, "migrated."))
    assert bench.db.get("VM", ref)["resident_on"] == host
    assert "Async.VM.pool_migrate" in bench.calls()


async def test_a_host_without_room_is_closed_with_the_reason(bench: Bench) -> None:
    roomy(bench)
    ref = shared_only(bench)
    small, other = elsewhere(bench, ref)
    bench.db.set("host_metrics", bench.db.get("host", small)["metrics"], memory_free=1 << 20)
    await choose(bench, "Migrate to…", ref)
    dialog = await bench.dialog(MigrateDialog)
    await bench.until(lambda: dialog.chosen == other)
    texts = [item.text() for item in (dialog.list.item(at) for at in range(3)) if item]
    assert any("of free memory" in text for text in texts)
    assert any("it is there already" in text for text in texts)
    dialog.reject()


async def test_disks_and_networks_move_too(bench: Bench) -> None:
    roomy(bench)
    ref = shared_only(bench)
    host = elsewhere(bench, ref)[0]
    vdi = disks(bench, ref)[0]
    vif = bench.db.get("VM", ref)["VIFs"][0]
    await choose(bench, "Migrate to…", ref)
    dialog = await bench.dialog(MigrateDialog)
    dialog.move_disks.click()
    _row, picker, _vdis = dialog._disks[0]
    assert picker.current() == bench.db.get("VDI", vdi)["SR"]
    assert "stays there" in picker.currentText()
    wanted = next(
        entry
        for entry in dialog.around.storages(1, host)
        if entry.reason is None and entry.ref != picker.current()
    )
    picker.choose(wanted.ref)
    dialog.change_networks.click()
    _row, choice, _vif = dialog._cards[0]
    other = next(
        choice.itemData(at)
        for at in range(choice.count())
        if choice.itemData(at) != choice.current()
    )
    choice.set_current(other)
    dialog.go.click()
    await bench.until(lambda: told(bench, "migrated."))
    assert bench.db.get("VM", ref)["resident_on"] == host
    assert bench.db.get("VDI", vdi)["SR"] == wanted.ref
    assert bench.db.get("VIF", vif)["network"] == other
    assert "host.migrate_receive" in bench.calls()


async def test_local_disks_have_to_move_and_the_form_says_why(bench: Bench) -> None:
    roomy(bench)
    ref = shared_only(bench)
    vdi = disks(bench, ref)[0]
    local = bench.db.get("VDI", vdi)["SR"]
    here = bench.db.get("VM", ref)["resident_on"]
    for pbd in bench.db.get("SR", local)["PBDs"]:
        if bench.db.get("PBD", pbd)["host"] != here:
            bench.db.set("PBD", pbd, currently_attached=False)
    await choose(bench, "Migrate to…", ref)
    dialog = await bench.dialog(MigrateDialog)
    assert dialog.move_disks.isChecked()
    assert not dialog.move_disks.isEnabled()
    assert name(bench, local, "SR") in dialog.move_disks.toolTip()
    assert not dialog.disk_form.isHidden()
    target = dialog._disks[0][1].current()
    assert target not in ("", local)
    dialog.go.click()
    await bench.until(lambda: told(bench, "migrated."))
    assert bench.db.get("VDI", vdi)["SR"] == target


async def test_several_go_to_one_host(bench: Bench) -> None:
    roomy(bench)
    first, second = in_state(bench, "Running", 2)[:2]
    await choose(bench, "Migrate to…", first, second)
    dialog = await bench.dialog(MigrateDialog)
    host = dialog.chosen
    assert len(dialog._disks) == 1
    dialog.go.click()
    await bench.until(
        lambda: {bench.db.get("VM", ref)["resident_on"] for ref in (first, second)} == {host},
    )
