"""What all deeds of backups share: saying, asking, starting runs and showing them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from xolite_qt.backup.jobs.model import HostRef
from xolite_qt.backup.runs.events import RunKind, RunSpec
from xolite_qt.credentials import host_account
from xolite_qt.stores import Store, Subscription
from xolite_qt.stores.backup_rows import RunRow
from xolite_qt.ui import format as fmt
from xolite_qt.ui.actions import Harm, Question
from xolite_qt.ui.dialogs.confirm import ConfirmDialog
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.backups.work import BackupWork
from xolite_qt.ui.views.page import PageContext

if TYPE_CHECKING:
    from xolite_qt.backup.run.secrets import Secrets
    from xolite_qt.stores.backups import BackupStores
    from xolite_qt.ui.dialogs.backups.run_dialog import RunDialog


class Deeds(QObject):
    """What all of them share: the window, the stores, and runs, which have a window each.

    Args:
        context: of the window's pages.
        stores: what is known of backups.
        window: over which dialogs open.
    """

    def __init__(self, context: PageContext, stores: BackupStores, window: QWidget) -> None:
        super().__init__()
        self.context = context
        self.stores = stores
        self.window = window
        self.work = BackupWork(stores)
        self._holds: list[Subscription[Any]] = []
        self._runs: dict[str, RunDialog] = {}

    def begin(self) -> None:
        """Knows jobs, repositories and runs from now on: the palette offers what to do with them.

        Little is read for that: a few small files, and only when they change.
        """
        if not self._holds:
            stores = self.stores
            self._holds = [stores.jobs.subscribe(), stores.saved_repositories.subscribe()]

    def end(self) -> None:
        """Lets go of them, and of the windows of runs."""
        holds, self._holds = self._holds, []
        for hold in holds:
            hold.close()
        for dialog in list(self._runs.values()):
            dialog.close()

    def restore_reason(self) -> str | None:
        """Why nothing can be restored now."""
        if self.stores.saved_repositories.records:
            return None
        return "Add a repository first: backups are restored from there."

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        """Starts work that ends with the connection."""
        self.context.tasks.spawn(work, name)

    def tell(self, trouble: str, well: str = "") -> None:
        """Says what went wrong, or that it went well."""
        if trouble:
            self.context.notify(trouble, level="danger")
        elif well:
            self.context.notify(well, level="success")

    async def sure(self, question: Question) -> bool:
        """Asks before something that hurts."""
        return await ask(ConfirmDialog(question, self.window))

    async def started(
        self, kind: RunKind, title: str, params: msgspec.Struct, *, job_id: str | None = None
    ) -> str:
        """Starts a run and opens its window; why it could not be, or nothing."""
        spec, trouble = await self.work.start(
            kind, title, params, job_id=job_id, secrets=self.secrets()
        )
        if spec is None:
            self.tell(trouble)
        else:
            self.show_run(spec)
        return trouble

    def here(self) -> HostRef:
        """The connected host, as jobs and restores name it."""
        api, pool = self.context.stores.api, self.context.stores.the_pool()
        return HostRef(api.url, api.user or "root", pool.name_label if pool is not None else "")

    def password(self) -> str | None:
        """What a run signs in to the connected host with; None where only the keyring knows."""
        known: Callable[[], str | None] | None = self.context.services.get("password_for_runs")
        return known() if known is not None else None

    def secrets(self) -> Secrets:
        """What a run that is started now may need and the keyring may not have."""
        from xolite_qt.backup.run.secrets import Secrets

        here, password = self.here(), self.password()
        if password is None:
            return Secrets()
        return Secrets(hosts={host_account(here.url, here.user): password})

    def open_run(self, rows: Sequence[RunRow]) -> None:
        """Opens the window of a run."""
        for row in rows[:1]:
            self.show_run(row.spec)

    def show_run(self, spec: RunSpec) -> None:
        """Opens the window of a run, or raises it."""
        from xolite_qt.ui.dialogs.backups.run_dialog import RunDialog

        known = self._runs.get(spec.id)
        if known is not None:
            known.raise_()
            known.activateWindow()
            return
        dialog = RunDialog(self.stores, spec, cancel=self._cancel_one, parent=self.window)
        self._runs[spec.id] = dialog
        dialog.destroyed.connect(partial(_forget, self._runs, spec.id))
        dialog.open()

    def _cancel_one(self, run_id: str) -> None:
        self.spawn(self._cancel(run_id), f"cancel {run_id}")

    async def _cancel(self, run_id: str) -> None:
        self.tell(await self.work.cancel(run_id))

    def cancel_runs(self, rows: Sequence[RunRow]) -> None:
        """Asks runs to stop, after a question."""
        self.spawn(self._cancel_runs([row for row in rows if row.is_active]), "cancel runs")

    async def _cancel_runs(self, rows: list[RunRow]) -> None:
        names = tuple(row.spec.title for row in rows)
        question = Question(
            f"Cancel {these(names, 'run', 'runs')}?",
            "What was not finished is removed again; backups that are complete stay.",
            "Cancel run" if len(rows) == 1 else "Cancel runs",
            Harm.DISRUPTIVE,
            names,
        )
        if await self.sure(question):
            for row in rows:
                await self._cancel(row.ref)


async def loaded(store: Store[Any], patience_s: float = 3.0) -> None:
    """Waits a moment for a store; a dialog opens with what is there rather than never."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience_s):
            await store.settled()


def these(names: Sequence[str], one: str, many: str) -> str:
    """The only name, or how many there are."""
    return names[0] if len(names) == 1 else fmt.plural(len(names), one, many)


def _forget(runs: dict[str, Any], ident: str, _object: object = None) -> None:
    runs.pop(ident, None)
