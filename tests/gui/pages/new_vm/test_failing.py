"""A VM that can't be finished leaves nothing behind, or says what."""

from __future__ import annotations

import pytest

from tests.gui.pages.conftest import Bench
from tests.gui.pages.new_vm.desk import Desk, open_form, own_template, type_into

pytestmark = pytest.mark.asyncio(loop_scope="function")


async def everything(bench: Bench) -> Desk:
    """A form that uses every step, on a template with a disk, a card and a drive."""
    sources = await own_template(bench)
    desk = Desk(bench, await open_form(bench))
    desk.template("Cloud image")
    desk.name("doomed")
    type_into(desk.page.template.description, "not for long")
    type_into(desk.page.template.tags, "short")
    desk.iso("debian")
    desk.page.firmware.firmware.set_current("uefi")
    desk.page.firmware.vtpm.setChecked(True)
    host = "" if desk.page.form.affinity else bench.db.refs("host")[0]
    desk.page.resources.host.set_current(host)
    desk.page.resources.topology.set_current("1")
    desk.page.after.auto.setChecked(not desk.page.form.auto_power)
    disks = desk.page.disks
    type_into(disks.fields[0].name, "doomed system")
    type_into(disks.fields[0].size_field, f"{(sources[0].size_bytes >> 20) + 1024} MiB")
    disks.add_button.click()
    disks.add_button.click()
    desk.page.cards.add_button.click()
    desk.page.cloud.on.setChecked(True)
    await bench.until(lambda: desk.page.form.limits.vcpus_max)
    return desk


METHODS = [
    ["VM.clone", "VBD.get_record", "VM.set_platform", "VM.remove_from_other_config"],
    ["VM.provision", "VM.set_memory_limits", "VM.set_name_description", "VM.set_tags"],
    ["VM.set_affinity", "VM.set_HVM_boot_params", "VTPM.create", "VIF.create"],
    ["VDI.set_name_label", "VDI.resize", "VDI.create", "VBD.create", "task.create"],
]


@pytest.mark.parametrize("methods", METHODS, ids=lambda methods: methods[0])
async def test_nothing_is_left_behind(bench: Bench, methods: list[str]) -> None:
    desk = await everything(bench)
    before = desk.things()
    pool = dict(bench.db.get("pool", bench.db.refs("pool")[0])["other_config"])
    for method in methods:
        bench.running.host.faults.fail(method, "INTERNAL_ERROR", "a fault on purpose")
        await desk.create()
        shown = desk.page.session.shown
        assert shown is not None, method
        assert shown.ended
        assert shown.leftovers == []
        assert desk.things() == before, method
        assert bench.db.get("pool", bench.db.refs("pool")[0])["other_config"] == pool
        said = desk.page.progress.said
        assert "doomed was not created" in said
        assert any("Something went wrong inside the host." in line for line in said)
        assert "Nothing is left behind: what was made was taken away again." in said
        # What was typed is still there.
        desk.page.progress.back.click()
        assert desk.page.template.name.text() == "doomed"
        assert len(desk.page.disks.fields) == len(desk.page.form.disks)
        assert desk.page.make.isEnabled()


async def test_an_upload_that_breaks_off(bench: Bench) -> None:
    desk = await everything(bench)
    before = desk.things()
    bench.running.host.faults.cut_import(100_000)
    await desk.create()
    assert desk.things() == before
    assert desk.page.session.shown is not None
    assert desk.page.session.shown.failure


async def test_the_second_disk_finds_no_room(bench: Bench) -> None:
    desk = await everything(bench)
    before = desk.things()
    field = desk.page.disks.fields[-1]
    type_into(field.size_field, "1900 GiB")
    field.sr.set_current(desk.sr("Old SATA disks"))
    assert any("Old SATA disks has" in text for text in desk.page.summary.warnings)
    await desk.create()
    assert desk.things() == before
    assert any("The storage is full." in line for line in desk.page.progress.said)


async def test_what_cannot_be_taken_away_is_named(bench: Bench) -> None:
    desk = await everything(bench)
    faults = bench.running.host.faults
    faults.fail("VTPM.create", "INTERNAL_ERROR", "no")
    faults.fail("VM.destroy", "OPERATION_NOT_ALLOWED", "held")
    await desk.create()
    shown = desk.page.session.shown
    assert shown is not None
    assert [left.what for left in shown.leftovers] == ["VM doomed"]
    said = desk.page.progress.said
    assert "This could not be taken away again:" in said
    assert any(line.startswith("•  VM doomed: The host does not allow this") for line in said)


async def test_it_is_cancelled_on_its_way(bench: Bench) -> None:
    desk = await everything(bench)
    before = desk.things()
    bench.running.host.speed = 1.0
    desk.page.make.click()
    await bench.until(lambda: "Async.VM.clone" in bench.calls())
    assert desk.page.cancel.isVisibleTo(desk.page)
    assert not desk.page.make.isVisibleTo(desk.page)
    desk.page.cancel.click()
    await bench.until(lambda: not desk.page.session.is_working)
    assert desk.things() == before
    assert "It was cancelled." in desk.page.progress.said
    assert "info: Create VM: cancelled." in bench.told


async def test_the_window_closes_on_its_way(bench: Bench) -> None:
    desk = await everything(bench)
    before = desk.things()
    bench.running.host.faults.slow(0.05)
    desk.page.make.click()
    await bench.until(lambda: "VM.set_platform" in bench.calls())
    await bench.context.tasks.close()
    bench.running.host.faults.slow(0.0)
    assert desk.things() == before


async def test_the_connection_is_down(bench: Bench) -> None:
    desk = await everything(bench)
    bench.context.actions.blocked = "The connection is down."
    assert not desk.page.make.isEnabled()
    assert desk.page.why_not.text() == "The connection is down."
    bench.context.actions.blocked = None
    assert desk.page.make.isEnabled()
