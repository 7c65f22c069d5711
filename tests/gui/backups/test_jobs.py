"""Jobs: how one begins, what is said when something is missing, and what the list tells."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from tests.gui.backups.conftest import Desk
from xolite_qt.backup.jobs.model import HostRef, Retention, Schedule, Selection
from xolite_qt.ui.dialogs.backups.job_editor import JobEditor
from xolite_qt.ui.dialogs.backups.repository_dialog import RepositoryDialog
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.views.backups.jobs import JobsPart
from xolite_qt.ui.views.backups.page import BackupsPage
from xolite_qt.ui.widgets import Button, TextLabel


def button(page: QWidget, text: str) -> Button:
    found: list[Button] = [
        one for one in page.findChildren(Button) if one.text() == text and one.isVisible()
    ]
    assert found, text
    return found[0]


def part(page: BackupsPage) -> JobsPart:
    assert isinstance(page.part, JobsPart)
    return page.part


async def test_without_a_job_the_page_says_how_to_begin(desk: Desk) -> None:
    page = await desk.page()
    hero = part(page).table.hero
    assert hero.isVisible()
    assert hero.kind == "empty"
    said = " ".join(label.text() for label in hero.findChildren(TextLabel))
    assert "which VMs are backed up" in said
    hero.button.click()
    editor = await desk.dialog(JobEditor)
    assert editor.windowTitle() == "New backup job"


async def test_actions_say_why_they_cannot_run(desk: Desk) -> None:
    desk.save_job("No place")
    page = await desk.page()
    await desk.bench.until(lambda: part(page).model.rowCount() == 1)
    run = button(page, "Run now")
    assert not run.isEnabled()
    assert "Select a job first" in run.accessibleDescription()
    part(page).table.select_ref("job-no-place")
    assert not run.isEnabled()
    assert "No place has no repository" in run.accessibleDescription()
    assert button(page, "Edit…").isEnabled()


async def test_a_new_job_is_made_with_its_repository_from_the_editor(desk: Desk) -> None:
    page = await desk.page()
    button(page, "New job…").click()
    editor = await desk.dialog(JobEditor)
    editor.save()
    assert editor.problems().keys() == {"name", "vms", "where"}
    assert editor.isVisible()
    assert "Give the job a name" in editor.banner.text()
    editor.name.setText("Nightly")
    await desk.bench.until(lambda: editor.vms.vms.model.rowCount() > 0)
    editor.vms.vms.model.tick_shown(on=True)
    editor.where.add.click()
    place = desk.folder / "nas"
    place.mkdir()
    repository = await desk.dialog(RepositoryDialog)
    repository.name.setText("NAS")
    repository.folder.setText(str(place))
    repository.go.click()
    await desk.bench.until(lambda: bool(editor.where.repositories.model.ticks()))
    editor.when.enabled.setChecked(False)
    editor.go.click()
    await desk.bench.until(lambda: part(page).model.rowCount() == 1)
    (job,) = desk.bench.backups.job_files.all()
    (saved,) = desk.bench.backups.repository_files.all()
    assert job.name == "Nightly"
    assert job.repositories == (saved.id,)
    assert saved.url == f"file://{place}"
    assert job.host.url == desk.bench.api.url
    assert len(job.selection.vms) == len(desk.bench.stores.vm.records)


async def test_a_bad_cron_line_is_said_beside_it_and_not_saved(desk: Desk) -> None:
    saved = desk.save_repository()
    desk.save_job(repositories=(saved.id,), schedule=Schedule("0 2 * * *", "UTC"))
    page = await desk.page()
    await desk.bench.until(lambda: part(page).model.rowCount() == 1)
    part(page).table.select_ref("job-nightly")
    button(page, "Edit…").click()
    editor = await desk.dialog(JobEditor)
    editor.tabs.set_current("when")
    editor.when.cron.selectAll()
    QTest.keyClicks(editor.when.cron, "61 2 * * *")
    assert editor.when.problem()
    editor.go.click()
    assert editor.isVisible()
    assert "when" in editor.problems()
    assert "!" in editor.tabs.tabText(2)
    (job,) = desk.bench.backups.job_files.all()
    assert job.schedule.cron == "0 2 * * *"


async def test_what_would_be_kept_follows_the_numbers(desk: Desk) -> None:
    desk.save_job(
        retention=Retention(last=3), schedule=Schedule("0 2 * * *", "UTC"), repositories=("x",)
    )
    page = await desk.page()
    await desk.bench.until(lambda: part(page).model.rowCount() == 1)
    part(page).table.opened.emit("job-nightly")
    editor = await desk.dialog(JobEditor)
    editor.tabs.set_current("keep")
    await desk.bench.until(
        lambda: "3\N{NO-BREAK SPACE}backups of each VM" in editor.keep.words.text()
    )
    editor.keep.weekly.setValue(4)
    await desk.bench.until(lambda: "4 weekly" in editor.keep.words.text())


async def test_health_next_run_and_foreign_pools_are_told(desk: Desk) -> None:
    saved = desk.save_repository()
    desk.save_job("Broken", schedule=Schedule("0 2 * *", "UTC"), repositories=(saved.id,))
    desk.save_job("Elsewhere", host=HostRef("https://other.example.org"), repositories=(saved.id,))
    desk.save_job("Tagged", selection=Selection("tags", tags=("windows",)), repositories=("gone",))
    page = await desk.page()
    model = part(page).model
    await desk.bench.until(lambda: model.rowCount() == 3)
    rows = {row.job.name: row for row in model.rows()}
    assert "schedule cannot be used" in rows["Broken"].trouble
    assert "no longer in the list" in rows["Tagged"].trouble
    await desk.bench.until(lambda: "now" in _texts(page)["Tagged"][1])
    texts = _texts(page)
    assert "Not understood" in texts["Broken"][2]
    assert "now" not in texts["Elsewhere"][1]
    assert "2\N{NO-BREAK SPACE}jobs need a look" in page.now.text()


def _texts(page: BackupsPage) -> dict[str, tuple[str, ...]]:
    model = part(page).model
    return {model.row_at(at).job.name: model.texts(at) for at in range(model.rowCount())}


async def test_a_job_is_deleted_only_after_the_question(desk: Desk) -> None:
    desk.save_job(repositories=("x",))
    page = await desk.page()
    await desk.bench.until(lambda: part(page).model.rowCount() == 1)
    part(page).table.select_ref("job-nightly")
    button(page, "Delete…").click()
    question = await desk.dialog(ConfirmDialog)
    assert "Delete Nightly?" in question.windowTitle()
    question.reject()
    await desk.bench.until(lambda: not question.isVisible())
    assert desk.bench.backups.job_files.all()
    button(page, "Delete…").click()
    (await desk.dialog(ConfirmDialog)).go.click()
    await desk.bench.until(lambda: part(page).model.total() == 0)
    assert not desk.bench.backups.job_files.all()


async def test_everything_is_reached_by_keyboard(desk: Desk) -> None:
    desk.save_job(repositories=("x",))
    page = await desk.page()
    await desk.bench.until(lambda: part(page).model.rowCount() == 1)
    page.activateWindow()
    page.tabs.setFocus()
    QTest.keyClick(page.tabs, Qt.Key.Key_Right)
    assert page.tabs.current() == "runs"
    QTest.keyClick(page.tabs, Qt.Key.Key_Left)
    reached: list[QWidget] = []
    widget: QWidget | None = page.tabs
    for _ in range(200):
        widget = widget.nextInFocusChain() if widget is not None else None
        if widget is None or widget is page.tabs:
            break
        wanted = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
        if wanted and widget.isVisibleTo(page) and widget.isEnabled():
            reached.append(widget)
    texts = {w.text() for w in reached if isinstance(w, Button)}
    assert {"Restore…", "NBD…", "New job…"} >= texts & {"Restore…", "NBD…", "New job…"}
    assert {"NBD…", "New job…"} <= texts
    assert part(page).table.view in reached
    assert part(page).search in reached
    view = part(page).table.view
    view.setFocus()
    view.selectRow(0)
    QTest.keyClick(view, Qt.Key.Key_Return)
    assert "Nightly" in (await desk.dialog(JobEditor)).windowTitle()


async def test_a_file_that_cannot_be_read_is_named(desk: Desk) -> None:
    desk.save_job(repositories=("x",))
    folder: Path = desk.bench.backups.job_files.path
    (folder / "spoilt.json").write_text("{")
    page = await desk.page()
    await desk.bench.until(lambda: part(page).model.rowCount() == 1)
    await desk.bench.until(lambda: "spoilt.json" in part(page).banner.text())
