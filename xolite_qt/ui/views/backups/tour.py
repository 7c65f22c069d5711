"""The part of the tour that shows backups: empty, full, at work, and every dialog."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QDialog

from xolite_qt.backup.jobs.model import HostRef
from xolite_qt.ui.dialogs.backups.job_editor import TABS, JobEditor
from xolite_qt.ui.dialogs.backups.nbd_dialog import NbdDialog
from xolite_qt.ui.dialogs.backups.repository_dialog import RepositoryDialog, Step
from xolite_qt.ui.dialogs.backups.restore_wizard import RestoreWizard
from xolite_qt.ui.dialogs.backups.run_dialog import RunDialog
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.models.backup_inventory import inventory
from xolite_qt.ui.views.backups import examples
from xolite_qt.ui.views.backups.page import BackupsPage
from xolite_qt.ui.views.backups.part import PARTS
from xolite_qt.ui.views.page import Kind
from xolite_qt.ui.views.workspace import Workspace

Shoot = Callable[[str, Any, str], Awaitable[None]]
"""Takes a picture of a widget once it is quiet: name, widget, what is shown."""
_PATIENCE_S = 20.0


class BackupTour:
    """Shows the backups of a window that is connected.

    Args:
        workspace: the connection on screen.
        window: where it is.
        folder: the tour's own, for an example repository.
        shoot: takes a picture.
    """

    def __init__(self, workspace: Workspace, window: Any, folder: Path, shoot: Shoot) -> None:
        self._workspace = workspace
        self._window = window
        self._folder = folder
        self._shoot = shoot
        self._deeds = workspace.deeds
        self._end_run: Callable[[], None] = lambda: None

    async def before(self) -> None:
        """The pages without anything, then the examples are written."""
        page = await self._page()
        for ident, text in PARTS:
            await self._part(page, ident)
            await self._shoot(f"pool.backups.{ident}.empty", self._window, f"{text}, none yet")
        here = self._workspace.stores
        with ExitStack() as stack:
            for store in (here.vm, here.vbd, here.vdi):
                stack.enter_context(store.subscribe())
            for store in (here.vm, here.vbd, here.vdi):
                await store.settled()
            vms = sorted(inventory(here), key=lambda vm: -len(vm.disks))
        pool = here.the_pool()
        host = HostRef(here.api.url, "root", pool.name_label if pool is not None else "")
        self._end_run = await asyncio.to_thread(
            examples.write_examples, self._deeds.stores, self._folder, host, vms
        )

    async def after(self) -> None:
        """The pages with the examples, a row chosen in each, then every dialog."""
        page = await self._page()
        for ident, text in PARTS:
            part = await self._part(page, ident)
            await self._until(lambda: not page.busy)
            if ident in ("jobs", "runs", "repositories"):
                await self._until(partial(_has_rows, part))
                part.table.select_ref(part.model.row_at(0).ref)
            await self._shoot(f"pool.backups.{ident}", self._window, f"Backups: {text}")
        await self._dialogs()
        self._end_run()

    async def _page(self) -> BackupsPage:
        self._workspace.open_object(Kind.POOL, "", "backups")
        page = self._workspace.page
        assert isinstance(page, BackupsPage)
        await self._until(lambda: not page.busy)
        return page

    async def _part(self, page: BackupsPage, ident: str) -> Any:
        page.open_part(ident)
        await self._until(lambda: not page.busy)
        return page.part

    async def _until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(_PATIENCE_S):
            while not true():  # noqa: ASYNC110 -- asks widgets, which have no event to wait for
                await asyncio.sleep(0.05)

    # ------------------------------------------------------------------ dialogs

    async def _dialog(self, kind: type[QDialog]) -> Any:
        found: list[QDialog] = []

        def look() -> bool:
            found[:] = [d for d in self._window.findChildren(kind) if d.isVisible()]
            return bool(found)

        await self._until(look)
        return found[0]

    async def _shut(self, dialog: QDialog) -> None:
        QDialog.reject(dialog)
        await self._until(lambda: not dialog.isVisible())

    async def _dialogs(self) -> None:
        stores, deeds = self._deeds.stores, self._deeds
        with ExitStack() as stack:
            for store in (stores.jobs, stores.repositories, stores.points, stores.runs):
                stack.enter_context(store.subscribe())
            await self._until(lambda: stores.points.is_ready and stores.jobs.is_ready)
            await self._until(lambda: not any(c.loading for c in stores.points.contents.values()))
            await self._job_editor(deeds)
            await self._repository_dialog(deeds)
            await self._restore(deeds)
            await self._runs(deeds)
            await self._questions(deeds)
        deeds.nbd()
        nbd = await self._dialog(NbdDialog)
        await self._until(lambda: bool(nbd.cards))
        await self._shoot("dialog.backups.nbd", nbd, "NBD per network")
        await self._shut(nbd)

    async def _job_editor(self, deeds: Any) -> None:
        deeds.edit_job([deeds.stores.jobs.records[examples.NIGHTLY]])
        editor = await self._dialog(JobEditor)
        for ident, text in TABS:
            editor.tabs.set_current(ident)
            await self._shoot(f"dialog.backups.job.{ident}", editor, f"Job: {text}")
        await self._shut(editor)
        deeds.new_job()
        editor = await self._dialog(JobEditor)
        editor.save()
        await self._shoot("dialog.backups.job.incomplete", editor, "A job with nothing chosen")
        editor.tabs.set_current("when")
        editor.when.cron.setText("61 2 * *")
        editor.when.cron.textEdited.emit("61 2 * *")
        await self._shoot("dialog.backups.job.bad-cron", editor, "A schedule that cannot be")
        await self._shut(editor)

    async def _repository_dialog(self, deeds: Any) -> None:
        deeds.add_repository()
        dialog = await self._dialog(RepositoryDialog)
        await self._shoot("dialog.backups.repository.new", dialog, "A new repository: a folder")
        dialog.kind.set_current("s3")
        dialog.encrypted.setChecked(True)
        dialog.generate.click()
        dialog.fit()
        await self._shoot("dialog.backups.repository.s3", dialog, "A new repository: S3")
        dialog.show_steps(
            [
                Step("List the folder", True),
                Step("Write a file", False, "The access key is not allowed to write here."),
                Step("Read it back", None),
            ]
        )
        await self._shoot("dialog.backups.repository.tested", dialog, "A connection test")
        await self._shut(dialog)

    async def _restore(self, deeds: Any) -> None:
        rows = sorted(deeds.stores.points.records.values(), key=lambda r: -r.backup.timestamp_ms)
        deeds.restore(rows[0])
        wizard = await self._dialog(RestoreWizard)
        await asyncio.sleep(0.5)
        wizard.refresh()
        for ident, text in (("which", "which"), ("what", "what"), ("where", "where to"),
                            ("summary", "summary")):  # fmt: skip
            wizard.steps.set_current(ident)
            await self._shoot(f"dialog.backups.restore.{ident}", wizard, f"Restore: {text}")
        wizard.what.kinds["file"].setChecked(True)
        wizard.steps.set_current("where")
        await self._shoot("dialog.backups.restore.file", wizard, "Restore into a file")
        await self._shut(wizard)

    async def _runs(self, deeds: Any) -> None:
        runs = sorted(deeds.stores.runs.records.values(), key=lambda run: run.ref)
        for name, outcome in (("failed", "failure"), ("done", "success"), ("at-work", None)):
            run = next(run for run in reversed(runs) if run.outcome == outcome)
            deeds.open_run([run])
            dialog = await self._dialog(RunDialog)
            await self._until(partial(_has_rows, dialog.view))
            await self._shoot(f"dialog.backups.run.{name}", dialog, f"A run: {name}")
            dialog.close()
            await asyncio.sleep(0.1)

    async def _questions(self, deeds: Any) -> None:
        stores = deeds.stores
        rows = sorted(stores.points.records.values(), key=lambda r: -r.backup.timestamp_ms)
        asks: tuple[tuple[str, Callable[[], object]], ...] = (
            ("delete-job", lambda: deeds.delete_jobs([stores.jobs.records[examples.BY_HAND]])),
            ("delete-points", lambda: deeds.delete_points(rows[:3])),
            (
                "remove-repository",
                lambda: deeds.remove_repositories([stores.repositories.records[examples.CLOUD]]),
            ),
            ("cancel-run", lambda: deeds.cancel_runs(stores.active_runs())),
        )
        for name, ask in asks:
            ask()
            question = await self._dialog(ConfirmDialog)
            await self._shoot(f"dialog.backups.{name}", question, question.windowTitle())
            await self._shut(question)


def _has_rows(shown: Any) -> bool:
    return bool(shown.model.rowCount())
