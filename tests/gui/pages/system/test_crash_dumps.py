"""Crash dumps: of a host, on its System tab; of VMs, on the pool's."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QFileDialog

from tests.gui.pages.conftest import Bench
from tests.gui.pages.system.kit import dialog
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.dialogs.host_edit.download_window import DownloadWindow
from xolite_qt.ui.dialogs.host_edit.send_dump import SendDumpDialog
from xolite_qt.ui.dialogs.results import ResultState, ResultsWindow
from xolite_qt.ui.views.host.system import HostSystem
from xolite_qt.ui.views.pool.system.page import PoolSystem

KIB = 1024


def host_of(bench: Bench) -> str:
    return str(bench.running.host.this_host)


def shrink(bench: Bench) -> None:
    """Dumps that are fetched in no time."""
    for number, ref in enumerate(sorted(bench.db.refs("host_crashdump"))):
        bench.db.set("host_crashdump", ref, size=(64 + number) * KIB)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


async def open_page(bench: Bench) -> HostSystem:
    page = await bench.show(HostSystem, host_of(bench))
    await bench.until(lambda: page.dumps.state == "ready")
    return page


def texts(model: Any) -> list[list[str]]:
    return [
        [text.replace("\u00a0", " ") for text in model.texts(at)] for at in range(model.rowCount())
    ]


async def test_dumps_are_listed_newest_first_with_their_sizes(bench: Bench) -> None:
    page = await open_page(bench)
    rows = texts(page.dumps.model)
    assert [row[2] for row in rows] == ["38 MiB", "212 MiB"]
    assert rows[0][0] > rows[1][0]
    assert page.dumps._info.text().replace("\u00a0", " ") == "2 dumps · 250 MiB"


async def test_a_new_dump_comes_by_its_event_and_another_hosts_is_not_shown(bench: Bench) -> None:
    page = await open_page(bench)
    bench.db.create("host_crashdump", host=host_of(bench), size=KIB, timestamp="20260101T00:00:00Z")
    bench.db.create("host_crashdump", host="OpaqueRef:other", size=KIB)
    await bench.until(lambda: page.dumps.model.total() == 3)


async def test_one_is_deleted_after_a_question(bench: Bench) -> None:
    page = await open_page(bench)
    card = page.dumps
    assert not card.delete.isEnabled()
    assert "Choose one or more dumps first." in card.delete.toolTip()
    ref = card.model.rows()[0].ref
    assert card.table.select_ref(ref)
    assert card.delete.isEnabled()
    card.delete.click()
    asked = await dialog(bench, ConfirmDialog)
    assert asked.go.text() == "Delete"
    assert "why the host crashed" in asked.question.text
    asked.cancel.click()
    await bench.until(lambda: not bench.window.findChildren(ConfirmDialog))
    assert bench.db.exists("host_crashdump", ref)
    card.delete.click()
    (await dialog(bench, ConfirmDialog)).go.click()
    await bench.until(lambda: card.model.total() == 1)
    assert not bench.db.exists("host_crashdump", ref)


async def test_all_are_deleted_and_one_that_fails_keeps_none_of_the_others(bench: Bench) -> None:
    page = await open_page(bench)
    bench.running.host.faults.fail("host_crashdump.destroy", "INTERNAL_ERROR", "disk is full")
    page.dumps.delete_all.click()
    asked = await dialog(bench, ConfirmDialog)
    assert len(asked.question.objects) == 2
    asked.go.click()
    await bench.until(lambda: page.dumps.model.total() == 1)
    results = await dialog(bench, ResultsWindow)
    await bench.until(lambda: ResultState.FAILED in {results.state(0), results.state(1)})
    assert "disk is full" in results.text()
    results.close()
    page.dumps.delete_all.click()
    (await dialog(bench, ConfirmDialog)).go.click()
    await bench.until(lambda: page.dumps.state == "good")
    assert page.dumps.hero.text() == "No crash dumps"


async def download(bench: Bench, page: HostSystem, target: Path) -> DownloadWindow:
    page.dumps.download.click()
    chooser = await dialog(bench, QFileDialog)
    chooser.fileSelected.emit(str(target))
    chooser.reject()
    return await dialog(bench, DownloadWindow)


async def test_the_download_is_a_tar_with_the_dumps(bench: Bench, tmp_path: Path) -> None:
    shrink(bench)
    page = await open_page(bench)
    target = tmp_path / "dumps.tar"
    window = await download(bench, page, target)
    assert not window.isModal()
    await bench.until(target.exists)
    await bench.until(lambda: window.close_button.text() == "Close")
    with tarfile.open(target) as tar:
        sizes = sorted(member.size for member in tar if member.name.endswith("dom0.core"))
        assert not any("xensource-inventory" in member.name for member in tar)
    assert sizes == [64 * KIB, 65 * KIB]
    assert any("Saved as dumps.tar" in text for text in bench.told)
    assert bench.calls("GET /system-status")
    window.close()
    assert files(tmp_path) == ["dumps.tar"]


async def test_a_download_that_breaks_off_leaves_no_file(bench: Bench, tmp_path: Path) -> None:
    shrink(bench)
    page = await open_page(bench)
    bench.running.host.faults.cut_export(after_bytes=70_000)
    window = await download(bench, page, tmp_path / "dumps.tar")
    await bench.until(lambda: window.close_button.text() == "Close")
    assert window.words.text()
    assert any(text.startswith("danger: dumps.tar") for text in bench.told)
    assert not files(tmp_path)
    window.close()


async def test_a_cancelled_download_leaves_no_file(bench: Bench, tmp_path: Path) -> None:
    page = await open_page(bench)
    bench.running.host.faults.limit_transfers(1_000_000)
    window = await download(bench, page, tmp_path / "dumps.tar")
    await bench.until(lambda: window._received_bytes > 0)
    window.stop.click()
    await bench.until(lambda: window.close_button.text() == "Close")
    assert window.words.text() == "Cancelled; nothing was kept."
    assert not files(tmp_path)
    window.close()


async def test_a_folder_that_cannot_be_written_is_told(bench: Bench, tmp_path: Path) -> None:
    shrink(bench)
    page = await open_page(bench)
    window = await download(bench, page, tmp_path / "nowhere" / "dumps.tar")
    await bench.until(lambda: window.close_button.text() == "Close")
    assert "could not be written" in window.words.text()
    window.close()


async def test_the_host_sends_one_where_the_user_says(bench: Bench) -> None:
    page = await open_page(bench)
    card = page.dumps
    assert "Choose one dump first." in card.send.toolTip()
    card.table.select_ref(card.model.rows()[0].ref)
    card.send.click()
    form = await dialog(bench, SendDumpDialog)
    form.save.click()
    assert form.url_row.problem == "It begins with ftp://, http:// or https://."
    form.url.setText("ftp://")
    form.save.click()
    assert form.url_row.problem == "It names no server."
    form.url.setText("ftp://files.example.org/in/")
    bench.running.host.faults.fail("host_crashdump.upload", "INTERNAL_ERROR", "exited with 7")
    form.save.click()
    await bench.until(lambda: form.refusal.text())
    assert form.url.text() == "ftp://files.example.org/in/"
    form.save.click()
    await bench.until(lambda: any("sent." in text for text in bench.told))
    assert bench.calls("Async.host_crashdump.upload")


@pytest.fixture
def vm_dump(bench: Bench) -> str:
    db = bench.db
    vm = next(ref for ref, vm in db.records("VM").items() if not vm["is_a_template"])
    sr = next(iter(db.refs("SR")))
    vdi = db.create(
        "VDI",
        name_label="Memory of a crash",
        SR=sr,
        virtual_size=8 * KIB * KIB,
        physical_utilisation=4 * KIB * KIB,
        managed=True,
        type="crashdump",
    )
    return str(db.create("crashdump", VM=vm, VDI=vdi))


async def test_dumps_of_vms_are_listed_and_deleted_with_their_disks(
    bench: Bench, vm_dump: str
) -> None:
    page = await bench.show(PoolSystem)
    card = page.dumps
    await bench.until(lambda: any("4 MiB" in row[2] for row in texts(card.model)))
    disk = bench.db.get("crashdump", vm_dump)["VDI"]
    assert texts(card.model)[0][1] == "Memory of a crash"
    card.table.select_ref(vm_dump)
    card.delete.click()
    asked = await dialog(bench, ConfirmDialog)
    assert asked.question.consequences == ("Memory of a crash (4\u00a0MiB)",)
    asked.go.click()
    await bench.until(lambda: card.state == "good")
    assert not bench.db.exists("VDI", disk)


async def test_without_any_the_card_says_that_they_are_deprecated(bench: Bench) -> None:
    page = await bench.show(PoolSystem)
    await bench.until(lambda: page.dumps.state == "good")
    assert "deprecate them" in page.dumps.hero._details.text()
