"""Runs: followed while they go on, cancelled, and looked at afterwards."""

from __future__ import annotations

import time

from tests.gui.backups.conftest import Desk
from tests.gui.backups.test_jobs import button
from xolite_qt.backup.runs.events import Finished, ItemDone, Progress
from xolite_qt.ui.dialogs.backups.run_dialog import RunDialog
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.views.backups.page import BackupsPage
from xolite_qt.ui.views.backups.runs import RunsPart


def part(page: BackupsPage) -> RunsPart:
    assert isinstance(page.part, RunsPart)
    return page.part


async def test_nothing_has_run_yet(desk: Desk) -> None:
    page = await desk.page("runs")
    assert "Nothing has run yet" in part(page).table.hero.text()
    assert not part(page).live.isVisible()


async def test_a_run_is_followed_disk_by_disk(desk: Desk) -> None:
    spec, writer = desk.start_run()
    with writer:
        page = await desk.page("runs")
        await desk.bench.until(lambda: part(page).live.isVisible())
        (card,) = part(page).live.cards.values()
        await desk.bench.until(lambda: card.lines[0].name.text() == "web01: root")
        assert page.tabs.tabText(1) == "Runs 1"
        writer.write(Progress(at_s=time.time(), id="2", done=500, transferred_bytes=500))
        await desk.bench.until(lambda: "50%" in card.lines[0].number.text())
        await desk.bench.until(lambda: "50%" in part(page).model.texts(0)[1])
        assert button(card, "Cancel run…").accessibleName() != ""
        now_s = time.time()
        writer.write(ItemDone(at_s=now_s, id="2", outcome="failure", error="it broke"))
        writer.write(ItemDone(at_s=now_s, id="1", outcome="failure", error="it broke"))
        writer.write(Finished(at_s=now_s, outcome="failure", error="web01 failed: it broke"))
    await desk.bench.until(lambda: not part(page).live.isVisible())
    row = part(page).model.row_at(0)
    assert row.ref == spec.id
    assert row.outcome == "failure"
    assert "web01 failed: it broke" in part(page).model.texts(0)
    assert page.tabs.tabText(1) == "Runs"


async def test_the_window_of_a_run_lives_and_is_opened_once(desk: Desk) -> None:
    spec, writer = desk.start_run()
    with writer:
        page = await desk.page("runs")
        await desk.bench.until(lambda: part(page).model.rowCount() == 1)
        part(page).table.select_ref(spec.id)
        button(part(page).card, "Open…").click()
        dialog = await desk.dialog(RunDialog)
        await desk.bench.until(lambda: dialog.view.model.rowCount() == 1)
        button(part(page).card, "Open…").click()
        assert len(desk.bench.window.findChildren(RunDialog)) == 1
        assert dialog.cancel_button.isVisible()
        writer.write(Finished(at_s=time.time(), outcome="success"))
        await desk.bench.until(lambda: not dialog.cancel_button.isVisible())
    assert "Done" in dialog.view.log()
    dialog.close()
    await desk.bench.until(lambda: not desk.deeds._runs)


async def test_a_run_is_cancelled_after_a_question(desk: Desk) -> None:
    spec, writer = desk.start_run()
    with writer:
        page = await desk.page("runs")
        await desk.bench.until(lambda: part(page).model.rowCount() == 1)
        cancel = button(part(page).card, "Cancel run…")
        assert not cancel.isEnabled()
        part(page).table.select_ref(spec.id)
        assert cancel.isEnabled()
        cancel.click()
        question = await desk.dialog(ConfirmDialog)
        assert not writer.cancel_wanted
        question.go.click()
        await desk.bench.until(lambda: writer.cancel_wanted)
        writer.write(Finished(at_s=time.time(), outcome="cancelled"))
    await desk.bench.until(lambda: not cancel.isEnabled())
    assert "ended already" in cancel.accessibleDescription()


async def test_a_run_whose_process_is_gone_is_interrupted(desk: Desk) -> None:
    _spec, writer = desk.start_run()
    writer.close()
    page = await desk.page("runs")
    await desk.bench.until(lambda: part(page).model.rowCount() == 1)
    await desk.bench.until(lambda: part(page).model.row_at(0).outcome == "interrupted")
    assert not part(page).live.isVisible()


async def test_a_job_at_work_is_not_started_twice_nor_deleted(desk: Desk) -> None:
    saved = desk.save_repository()
    job = desk.save_job(repositories=(saved.id,))
    _spec, writer = desk.start_run(job_id=job.id)
    with writer:
        page = await desk.page("jobs")
        table = page.part.table  # type: ignore[attr-defined]
        await desk.bench.until(lambda: table.model.rowCount() == 1)
        table.select_ref(job.id)
        await desk.bench.until(
            lambda: "at work already" in button(page, "Run now").accessibleDescription()
        )
        assert "cancel its run first" in button(page, "Delete…").accessibleDescription()
        assert "Nightly at work" in page.now.text()
