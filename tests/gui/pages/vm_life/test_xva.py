"""VMs out into files and back again, from the menus, on a demo host that really streams them."""

from __future__ import annotations

import asyncio
import hashlib
import tarfile
from pathlib import Path

import pytest

from tests.gui.pages.conftest import Bench
from tests.gui.pages.vm_life.kit import disks, in_state, name, records, told
from xolite_qt.ui.deeds import Choice
from xolite_qt.ui.dialogs.vm.export import ExportVmsDialog
from xolite_qt.ui.dialogs.vm.import_vm import ImportVmDialog
from xolite_qt.ui.dialogs.vm.transfers import JobState, Transfers, transfers_of
from xolite_qt.xen_api.vm_transfers import Compression


def small(bench: Bench, state: str = "Halted", least: int = 1) -> list[str]:
    """VMs whose disks are small enough to be moved in a test."""
    for ref in bench.db.refs("VDI"):
        if bench.db.get("VDI", ref)["physical_utilisation"] > 1 << 24:
            bench.db.set("VDI", ref, physical_utilisation=1 << 24)
    found = in_state(bench, state, least)
    for ref in found:
        for vdi in disks(bench, ref)[1:]:
            for vbd in bench.db.get("VDI", vdi)["VBDs"]:
                bench.db.destroy("VBD", vbd)
    return found


async def choice(bench: Bench, ident: str, kind: str, *refs: str) -> Choice:
    found: list[Choice] = bench.context.actions.choices(kind, await records(bench, *refs))
    return next(one for one in found if one.id == ident)


async def begin_export(bench: Bench, folder: Path, *refs: str) -> ExportVmsDialog:
    bench.context.services["xva_folder"] = folder
    chosen = await choice(bench, "vm.export", "vm", *refs)
    assert chosen.reason is None, chosen.reason
    bench.context.actions.choose(chosen)
    dialog = await bench.dialog(ExportVmsDialog)
    await bench.until(lambda: dialog.place is not None)
    return dialog


async def begin_import(bench: Bench, path: Path) -> ImportVmDialog:
    bench.context.actions.choose(await choice(bench, "pool.import_vm", "pool"))
    dialog = await bench.dialog(ImportVmDialog)
    dialog.file.edit.setText(str(path))
    await bench.until(lambda: dialog.found is not None)
    return dialog


def transfers(bench: Bench) -> Transfers:
    return transfers_of(bench.context)


def left_in(folder: Path, pattern: str = "*.xva*") -> list[str]:
    return sorted(path.name for path in folder.glob(pattern))


def has_ended(bench: Bench, *, at: int = 0) -> bool:
    jobs = transfers(bench).jobs
    return len(jobs) > at and not jobs[at].under_way


async def export(bench: Bench, folder: Path, ref: str) -> Path:
    dialog = await begin_export(bench, folder, ref)
    dialog.packed.setCurrentIndex(dialog.packed.findData(Compression.NONE))
    (target,) = dialog.targets()
    dialog.go.click()
    await bench.until(lambda: has_ended(bench))
    return target


async def test_a_vm_goes_out_whole_and_comes_back(bench: Bench, tmp_path: Path) -> None:
    ref = small(bench)[0]
    target = await export(bench, tmp_path, ref)
    assert transfers(bench).jobs[0].state is JobState.DONE, transfers(bench).jobs[0].words
    await bench.until(lambda: told(bench, f"{name(bench, ref)}: exported."))
    with tarfile.open(target) as tar:
        assert tar.getnames()[0] == "ova.xml"
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    beside = target.with_name(f"{target.name}.sha256")
    assert beside.read_text() == f"{digest}  {target.name}\n"
    assert left_in(tmp_path) == [target.name, beside.name]
    before = set(bench.db.refs("VM"))
    dialog = await begin_import(bench, target)
    assert "checksum beside it first" in dialog.about.text()
    dialog.go.click()
    await bench.until(lambda: has_ended(bench, at=1))
    assert transfers(bench).jobs[1].state is JobState.DONE, transfers(bench).jobs[1].words
    (made,) = set(bench.db.refs("VM")) - before
    assert name(bench, made) == name(bench, ref)
    assert bench.db.get("VM", made)["uuid"] != bench.db.get("VM", ref)["uuid"]
    assert len(disks(bench, made)) == len(disks(bench, ref))


async def test_a_running_vm_goes_by_a_snapshot_that_is_gone_afterwards(
    bench: Bench, tmp_path: Path
) -> None:
    ref = small(bench, "Running")[0]
    vms, vdis = set(bench.db.refs("VM")), set(bench.db.refs("VDI"))
    target = await export(bench, tmp_path, ref)
    assert transfers(bench).jobs[0].state is JobState.DONE, transfers(bench).jobs[0].words
    assert target.exists()
    assert "VM.set_is_a_template" in bench.calls()
    assert set(bench.db.refs("VM")) == vms
    assert set(bench.db.refs("VDI")) == vdis


async def test_several_go_into_a_folder(bench: Bench, tmp_path: Path) -> None:
    refs = small(bench, least=2)[:2]
    bench.db.set("VM", refs[1], name_label=name(bench, refs[0]))
    dialog = await begin_export(bench, tmp_path, *refs)
    first, second = dialog.targets()
    assert second.name == f"{first.stem} (2).xva"
    dialog.go.click()
    await bench.until(lambda: has_ended(bench) and has_ended(bench, at=1))
    assert first.exists()
    assert second.exists()


async def test_a_cancelled_export_leaves_nothing(bench: Bench, tmp_path: Path) -> None:
    ref = small(bench)[0]
    bench.running.host.faults.limit_transfers(2_000_000)
    dialog = await begin_export(bench, tmp_path, ref)
    dialog.go.click()
    await bench.until(lambda: transfers(bench).jobs and transfers(bench).jobs[0].meter.moved_bytes)
    assert left_in(tmp_path, "*.part")
    assert transfers(bench).losses() == [f"Export of {name(bench, ref)}"]
    window = transfers(bench).show()
    (card,) = window.cards
    card.stop.click()
    assert "being cancelled" in card.stop.toolTip()
    await bench.until(lambda: has_ended(bench))
    assert transfers(bench).jobs[0].state is JobState.CANCELLED
    assert not left_in(tmp_path)
    assert transfers(bench).losses() == []
    bench.running.host.faults.limit_transfers(0)
    card.again.click()
    await bench.until(lambda: transfers(bench).jobs[0].state is JobState.DONE)
    assert left_in(tmp_path, "*.xva")
    window.clear.click()
    assert not window.cards


async def test_an_export_that_breaks_off_says_so_and_leaves_nothing(
    bench: Bench, tmp_path: Path
) -> None:
    ref = small(bench)[0]
    bench.running.host.faults.cut_export(after_bytes=1 << 20)
    await export(bench, tmp_path, ref)
    (job,) = transfers(bench).jobs
    assert job.state is JobState.FAILED
    assert job.words
    assert not left_in(tmp_path)
    # One that ends as if that was all is known by its task.
    bench.running.host.faults.fail_export(after_bytes=1 << 20)
    transfers(bench).show().cards[0].again.click()
    await bench.until(lambda: job.under_way)
    await bench.until(lambda: not job.under_way)
    assert job.state is JobState.FAILED
    assert not left_in(tmp_path)


async def test_what_is_there_is_replaced_only_when_wanted(bench: Bench, tmp_path: Path) -> None:
    ref = small(bench)[0]
    (tmp_path / f"{name(bench, ref)}.xva").write_text("old")
    dialog = await begin_export(bench, tmp_path, ref)
    assert not dialog.go.isEnabled()
    assert "is there already" in dialog.go.toolTip()
    dialog.replace.click()
    assert dialog.go.isEnabled()
    dialog.where.edit.setText(str(tmp_path / "nowhere" / "x.xva"))
    await bench.until(lambda: dialog.place is not None)
    assert "There is no folder" in dialog.trouble.text()
    dialog.where.edit.setText("here.xva")
    assert "whole path" in dialog.trouble.text()
    dialog.reject()


async def test_too_little_room_is_said_and_may_be_overruled(bench: Bench, tmp_path: Path) -> None:
    ref = small(bench)[0]
    bench.db.set("VDI", disks(bench, ref)[0], physical_utilisation=1 << 60)
    dialog = await begin_export(bench, tmp_path, ref)
    assert "It may not fit there." in dialog.go.toolTip()
    dialog.despite_room.click()
    assert dialog.go.isEnabled()
    dialog.reject()


async def test_why_a_vm_cannot_be_exported(bench: Bench) -> None:
    ref = small(bench)[0]
    await bench.api.call("VM.add_to_blocked_operations", ref, "export", "true")
    chosen = await choice(bench, "vm.export", "vm", ref)
    assert "protected" in (chosen.reason or "")


async def test_files_that_are_no_xva_are_refused_in_words(bench: Bench, tmp_path: Path) -> None:
    for file, text in (
        ("empty.xva", ""),
        ("other.xva", "hello"),
        ("appliance.ova", "hello"),
    ):
        (tmp_path / file).write_text(text)
    (tmp_path / "unsaid.xva").write_bytes(b"ova.xml\0")
    (tmp_path / "unsaid.xva.sha256").write_text("nonsense")
    dialog = await begin_import(bench, tmp_path / "other.xva")
    assert "no XVA file" in dialog.trouble.text()
    for file, words in (
        ("empty.xva", "is empty"),
        ("appliance.ova", "OVF appliance"),
        ("missing.xva", "is not there"),
        ("unsaid.xva", "no SHA-256 checksum"),
    ):
        dialog.file.edit.setText(str(tmp_path / file))
        await bench.until(lambda: dialog.found is not None)
        assert words in dialog.trouble.text()
        assert not dialog.go.isEnabled()
    dialog.reject()


async def test_a_damaged_file_never_reaches_the_host(bench: Bench, tmp_path: Path) -> None:
    target = await export(bench, tmp_path, small(bench)[0])
    body = bytearray(target.read_bytes())
    body[len(body) // 2] ^= 1
    target.write_bytes(body)
    before = set(bench.db.refs("VM"))
    dialog = await begin_import(bench, target)
    dialog.go.click()
    await bench.until(lambda: has_ended(bench, at=1))
    assert "is damaged: its checksum is not the one" in transfers(bench).jobs[1].words
    assert set(bench.db.refs("VM")) == before


@pytest.mark.parametrize("fault", ["cut_import", "full_on_import"])
async def test_a_failed_import_leaves_no_vm(bench: Bench, tmp_path: Path, fault: str) -> None:
    target = await export(bench, tmp_path, small(bench)[0])
    before = set(bench.db.refs("VM")), set(bench.db.refs("VDI"))
    getattr(bench.running.host.faults, fault)()
    dialog = await begin_import(bench, target)
    dialog.go.click()
    await bench.until(lambda: has_ended(bench, at=1))
    assert transfers(bench).jobs[1].state is JobState.FAILED
    assert transfers(bench).jobs[1].words
    await bench.until(lambda: (set(bench.db.refs("VM")), set(bench.db.refs("VDI"))) == before)


async def test_the_window_hides_and_comes_back(bench: Bench, tmp_path: Path) -> None:
    entry = await choice(bench, "pool.vm_transfers", "pool")
    assert entry.reason == "None was begun yet."
    await export(bench, tmp_path, small(bench)[0])
    window = transfers(bench).show()
    window.close_button.click()
    assert not window.isVisible()
    entry = await choice(bench, "pool.vm_transfers", "pool")
    assert entry.reason is None
    bench.context.actions.choose(entry)
    await bench.until(window.isVisible)
    await asyncio.sleep(0)
