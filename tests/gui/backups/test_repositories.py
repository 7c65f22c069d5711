"""Repositories and what lies in them: added, tested, found broken, restored from."""

from __future__ import annotations

import shutil

import pytest

from tests.gui.backups.conftest import Desk
from tests.gui.backups.test_jobs import button
from xolite_qt.backup.jobs.store import RepositoryStore
from xolite_qt.backup.run.params import RepositoryParams, RestoreParams
from xolite_qt.ui.dialogs.backups.nbd_dialog import NbdDialog
from xolite_qt.ui.dialogs.backups.repository_dialog import RepositoryDialog, RepositoryWish
from xolite_qt.ui.dialogs.backups.restore_wizard import RestoreWizard
from xolite_qt.ui.dialogs.backups.run_dialog import RunDialog
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.models.backup_place import Place
from xolite_qt.ui.views.backups import palette
from xolite_qt.ui.views.backups.examples import CELLAR, NIGHTLY
from xolite_qt.ui.views.backups.points import ByVmPart
from xolite_qt.ui.views.backups.repositories import RepositoriesPart
from xolite_qt.ui.views.vm.backups import VmBackups
from xolite_qt.ui.widgets.text import TextLabel


class Started:
    """What would have been run: no process is started here."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
        self.kinds: list[str] = []
        self.params: list[object] = []

        async def start(kind: str, title: str, params: object, **_more: object) -> object:
            self.kinds.append(kind)
            self.params.append(params)
            return None, f"{title} is not started by tests"

        monkeypatch.setattr(desk.deeds.work, "start", start)


async def test_the_connection_test_says_each_step(desk: Desk) -> None:
    page = await desk.page("repositories")
    assert "No backup repository yet" in page.part.table.hero.text()  # type: ignore[attr-defined]
    button(page, "Add repository…").click()
    dialog = await desk.dialog(RepositoryDialog)
    place = desk.folder / "nas"
    place.mkdir()
    dialog.folder.setText(str(place))
    dialog.test.click()
    await desk.bench.until(lambda: dialog._steps.isVisible())
    said = [label.text() for label in dialog._steps.findChildren(TextLabel)]
    assert any("Write a file" in line for line in said)
    assert "empty, ready for the first backup" in said[-1]
    assert list(place.iterdir()) == []


async def test_a_test_that_fails_says_why_and_what_was_not_tried(desk: Desk) -> None:
    steps = await desk.deeds.work.test(
        RepositoryWish("x", Place("folder", folder=str(desk.folder / "no such folder")))
    )
    assert steps[0].ok is False
    assert "Is the disk or share mounted?" in steps[0].said
    assert [step.what for step in steps if step.ok is None]
    file = desk.folder / "file"
    file.touch()
    page = await desk.page("repositories")
    button(page, "Add repository…").click()
    dialog = await desk.dialog(RepositoryDialog)
    dialog.folder.setText(str(file))
    dialog.start_test()
    await desk.bench.until(lambda: dialog._steps.isVisible())
    said = [label.text() for label in dialog._steps.findChildren(TextLabel)]
    assert ": failed. " in said[0]
    assert "not tried" in said[-1]


async def test_secrets_go_to_the_keyring_and_never_into_the_file(
    desk: Desk, no_keyring: dict[str, str]
) -> None:
    place = Place("s3", endpoint="s3.example.org", bucket="b", key="AK/1", secret="s:e+c")
    saved, trouble = await desk.deeds.work.save_repository(
        RepositoryWish("Cloud", place, "k" * 32), None
    )
    assert saved is not None
    assert trouble == ""
    files = desk.bench.backups.repository_files.path.glob("*.json")
    body = "".join(path.read_text() for path in files)
    assert "AK" not in body
    assert "s:e+c" not in body
    assert "kkkk" not in body
    assert no_keyring[f"repository:{saved.id}:login"] == "AK%2F1:s%3Ae%2Bc"
    assert (await desk.deeds.work.wish_of(saved)).place == place
    assert await desk.deeds.work.forget_repository(saved) == ""
    assert no_keyring == {}


async def test_one_that_cannot_be_read_is_told_and_hides_no_other(desk: Desk) -> None:
    saved = desk.save_repository("NAS")
    gone = desk.save_repository("USB", url=f"file://{desk.folder}/unplugged")
    desk.save_job(repositories=(saved.id,))
    page = await desk.page("repositories")
    part = page.part
    assert isinstance(part, RepositoriesPart)
    await desk.bench.until(lambda: part.model.rowCount() == 2)
    await desk.bench.until(lambda: not any(row.loading for row in part.model.rows()))
    rows = {row.saved.name: row for row in part.model.rows()}
    assert rows["NAS"].error == ""
    assert "is not there" in rows["USB"].error
    await desk.bench.until(lambda: "Is the disk or share mounted?" in part.banner.text())
    part.table.select_ref(saved.id)
    remove = button(page, "Remove from list…")
    assert not remove.isEnabled()
    assert "Nightly writes to NAS" in remove.accessibleDescription()
    part.table.select_ref(gone.id)
    assert remove.isEnabled()
    remove.click()
    (await desk.dialog(ConfirmDialog)).go.click()
    await desk.bench.until(lambda: part.model.total() == 1)


async def test_work_in_a_repository_is_started_with_its_id(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = Started(monkeypatch, desk)
    saved = desk.save_repository()
    page = await desk.page("repositories")
    part = page.part
    assert isinstance(part, RepositoriesPart)
    await desk.bench.until(lambda: part.model.rowCount() == 1)
    assert not button(page, "Verify").isEnabled()
    part.table.select_ref(saved.id)
    for text in ("Check", "Verify", "Merge"):
        button(page, text).click()
    await desk.bench.until(lambda: len(started.kinds) == 3)
    assert started.kinds == ["check", "verify", "merge"]
    assert started.params == [RepositoryParams(saved.id)] * 3
    assert any("is not started by tests" in told for told in desk.bench.told)


async def test_points_in_time_are_found_restored_and_deleted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = Started(monkeypatch, desk)
    await desk.examples()
    page = await desk.page("points")
    part = page.part
    assert isinstance(part, ByVmPart)
    await desk.bench.until(lambda: part.vm_model.rowCount() == 6)
    await desk.bench.until(lambda: "Wasabi, encrypted" in part.banner.text())
    await desk.bench.until(lambda: part.points.model.rowCount() > 1)
    (newest,) = part.points.chosen()
    assert newest.ref == part.points.model.row_at(0).ref
    button(part.points, "Restore…").click()
    wizard = await desk.dialog(RestoreWizard)
    await desk.bench.until(lambda: bool(wizard.where.srs))
    await desk.bench.until(lambda: bool(desk.bench.stores.sr_rows.records))
    wizard.refresh()
    wizard.steps.set_current("summary")
    wizard.next.click()
    await desk.bench.until(lambda: started.kinds == ["restore"])
    params = started.params[0]
    assert isinstance(params, RestoreParams)
    assert params.backup == newest.backup.id
    assert params.repository_id == CELLAR
    assert params.host is not None
    assert params.host.url == desk.bench.api.url
    assert set(params.srs) == {disk.uuid for disk in newest.backup.disks}
    wizard.reject()
    part.points.table.select_ref(newest.ref)
    desk.deeds.delete_points(part.points.chosen())
    question = await desk.dialog(ConfirmDialog)
    assert question.typed is not None
    assert not question.go.isEnabled()
    question.typed.setText(newest.backup.vm_name)
    question.go.click()
    await desk.bench.until(lambda: started.kinds[-1] == "forget")
    assert started.params[-1] == RepositoryParams(CELLAR, (newest.backup.id,))


async def test_a_vm_shows_its_backups_and_is_backed_up_now(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = Started(monkeypatch, desk)
    await desk.examples()
    with desk.bench.stores.vm.subscribe():
        await desk.bench.stores.vm.settled()
        with desk.bench.backups.points.subscribe():
            await desk.bench.backups.points.settled()
            await desk.bench.until(lambda: bool(desk.bench.backups.points.records))
            uuid = next(iter(desk.bench.backups.points.records.values())).backup.vm_uuid
        vm = desk.bench.stores.vm.by_uuid(uuid)
        assert vm is not None
        page = await desk.bench.show(VmBackups, vm.ref)
        await desk.bench.until(lambda: page.part.model.rowCount() > 0)
        assert "Nightly" in page.about.text()
        button(page, "Back up now").click()
        await desk.bench.until(lambda: started.kinds == ["backup"])
    assert started.params[0].job_id in {NIGHTLY, *_ids(desk)}  # type: ignore[attr-defined]
    assert started.params[0].vms == (uuid,)  # type: ignore[attr-defined]


def _ids(desk: Desk) -> set[str]:
    return {job.id for job in desk.bench.backups.job_files.all()}


async def test_nbd_is_switched_on_from_the_page(desk: Desk) -> None:
    page = await desk.page()
    page.nbd.click()
    dialog = await desk.dialog(NbdDialog)
    await desk.bench.until(lambda: bool(dialog.cards))
    ref, card = next(iter(dialog.cards.items()))
    card.choice.set_current("nbd")
    card.choice.activated.emit(card.choice.currentIndex())
    await desk.bench.until(lambda: desk.bench.db.get("network", ref)["purpose"] == ["nbd"])
    assert "network.add_purpose" in desk.bench.calls("network.")


async def test_the_palette_offers_all_of_it_with_reasons(desk: Desk) -> None:
    desk.deeds.begin()
    found = {entry.text: entry for entry in palette.entries(desk.deeds, lambda _part: None)}
    assert "Add a repository first" in (found["Restore a backup"].reason or "")
    assert found["New backup job"].reason is None
    saved = desk.save_repository()
    desk.save_job(repositories=(saved.id,))
    shown: list[str] = []
    await desk.bench.until(lambda: bool(desk.bench.backups.jobs.records))
    found = {entry.text: entry for entry in palette.entries(desk.deeds, shown.append)}
    assert found["Run Nightly now"].reason is None
    assert "Nightly writes to NAS" in (found["Remove NAS from the list"].reason or "")
    assert {"Verify NAS", "Merge NAS", "Check NAS", "Edit NAS", "NBD per network"} <= found.keys()
    found["Go to backup runs"].run()
    assert shown == ["runs"]
    found["New backup job"].run()
    shutil.rmtree(desk.folder / "repository")


async def test_a_check_runs_in_a_process_of_its_own_and_is_followed_to_its_end(desk: Desk) -> None:
    saved = desk.save_repository()
    # The process looks where this user's repositories are, which is not the folder of the page.
    RepositoryStore().save(saved)
    page = await desk.page("repositories")
    part = page.part
    assert isinstance(part, RepositoriesPart)
    await desk.bench.until(lambda: part.model.rowCount() == 1)
    part.table.select_ref(saved.id)
    button(page, "Check").click()
    dialog = await desk.dialog(RunDialog)
    await desk.bench.until(lambda: not dialog.view.row.is_active, 30.0)
    assert dialog.view.row.outcome == "success", dialog.view.log()
    await desk.bench.until(lambda: (row := part.model.get(saved.id)) and row.checked)
    assert "never" not in part.model.texts(0)
    dialog.close()
