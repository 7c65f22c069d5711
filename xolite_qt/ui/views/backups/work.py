"""What the backup pages change: files of jobs and repositories, secrets, and runs.

All of it reads or writes files, asks the keyring or a storage, so all of it runs in threads.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import msgspec

from xolite_qt import credentials
from xolite_qt.backup.errors import BackupError
from xolite_qt.backup.jobs.model import HostRef, Job, SavedRepository
from xolite_qt.backup.runs.events import RunKind, RunSpec
from xolite_qt.stores.backup_catalogue import is_there
from xolite_qt.stores.backup_rows import BackupRow
from xolite_qt.ui.dialogs.backups.repository_dialog import RepositoryWish, Step
from xolite_qt.ui.models import backup_place
from xolite_qt.ui.models.backup_restore import BackupFacts, facts

if TYPE_CHECKING:
    from xolite_qt.backup.run.secrets import Secrets
    from xolite_qt.stores.backups import BackupStores

TROUBLE = (OSError, ValueError, BackupError)
"""What may go wrong with files and storages; each says what in a sentence."""

STEPS = (
    "List the folder",
    "Write a file",
    "Read it back",
    "Rename it",
    "Write only where nothing is",
    "Delete it",
)
"""The steps of a connection test, so that those that were not reached can be named."""
TEST_BUDGET_S = 20.0
"""So long one step of a connection test is tried."""


def said(error: BaseException) -> str:
    """An error as a sentence."""
    text = (str(error) or type(error).__name__).rstrip(".")
    # A path or the name of a machine stays as it is.
    return f"{text[:1].upper()}{text[1:]}." if text.partition(" ")[0].isalpha() else f"{text}."


class BackupWork:
    """Changes files, secrets and runs.

    Args:
        stores: whose files are changed; they look again at once.
    """

    def __init__(self, stores: BackupStores) -> None:
        self.stores = stores

    # ------------------------------------------------------------------ jobs

    async def save_job(self, job: Job, addresses: Mapping[str, str] | None = None) -> str:
        """Saves a job, after the new addresses of its reports; why not, or nothing."""
        try:
            for name, address in (addresses or {}).items():
                account = credentials.report_account(name)
                await asyncio.to_thread(credentials.store, account, address)
            await asyncio.to_thread(self.stores.job_files.save, job)
        except credentials.CredentialsError as error:
            return f"The address of a report could not be stored. {said(error)}"
        except TROUBLE as error:
            return f"The job could not be saved: {said(error)}"
        self.stores.saved_jobs.retry()
        return ""

    async def delete_job(self, job: Job) -> str:
        """Removes a job; its backups stay. Why not, or nothing."""
        try:
            await asyncio.to_thread(self.stores.job_files.delete, job.id)
        except TROUBLE as error:
            return f"{job.name} could not be deleted: {said(error)}"
        self.stores.saved_jobs.retry()
        return ""

    async def knows_password(self, host: HostRef) -> bool:
        """Whether the keyring has what a run by itself signs in with."""
        account = credentials.host_account(host.url, host.user)
        return (await asyncio.to_thread(credentials.load, account)) is not None

    async def keep_password(self, host: HostRef, password: str) -> str:
        """Puts a host's password into the keyring; why not, or nothing."""
        account = credentials.host_account(host.url, host.user)
        try:
            await asyncio.to_thread(credentials.store, account, password)
        except credentials.CredentialsError as error:
            return f"{said(error)} Runs by schedule cannot sign in without it."
        return ""

    # ------------------------------------------------------------------ repositories

    async def wish_of(self, saved: SavedRepository) -> RepositoryWish:
        """A repository as its form has it, with what the keyring holds."""
        there = backup_place.place(saved.url)
        if there.kind == "s3":
            login = await _secret(credentials.repository_login_account(saved.id))
            access, _, secret = login.partition(":")
            there = replace(there, key=unquote(access), secret=unquote(secret))
        key = ""
        if saved.encrypted:
            key = await _secret(credentials.repository_key_account(saved.id))
        return RepositoryWish(saved.name, there, key)

    async def save_repository(
        self, wish: RepositoryWish, old: SavedRepository | None
    ) -> tuple[SavedRepository | None, str]:
        """Saves a repository and its secrets; (what was saved or None, why not or nothing)."""
        saved = SavedRepository(
            id=old.id if old is not None else str(uuid.uuid4()),
            name=wish.name,
            url=wish.place.url(with_secrets=False),
            encrypted=bool(wish.key),
            write_budget_s=old.write_budget_s if old is not None else 600,
        )
        try:
            await asyncio.to_thread(_store_secrets, saved.id, wish)
            await asyncio.to_thread(self.stores.repository_files.save, saved)
        except credentials.CredentialsError as error:
            return None, (
                f"{said(error)} Without a keyring, a repository with secrets cannot be used."
            )
        except TROUBLE as error:
            return None, f"The repository could not be saved: {said(error)}"
        self.stores.saved_repositories.retry()
        return saved, ""

    async def forget_repository(self, saved: SavedRepository) -> str:
        """Takes a repository from the list, with its secrets; nothing in it is touched."""
        try:
            await asyncio.to_thread(self.stores.repository_files.delete, saved.id)
        except TROUBLE as error:
            return f"{saved.name} could not be removed: {said(error)}"
        for account in (
            credentials.repository_login_account(saved.id),
            credentials.repository_key_account(saved.id),
        ):
            await asyncio.to_thread(credentials.forget, account)
        self.stores.saved_repositories.retry()
        return ""

    async def test(self, wish: RepositoryWish) -> Sequence[Step]:
        """Tries everything that a backup needs of a place, step by step."""
        return await asyncio.to_thread(_test, wish)

    # ------------------------------------------------------------------ points in time

    async def look(self, row: BackupRow) -> tuple[BackupFacts, str]:
        """What is particular to a backup; the listing has read its description already."""
        return facts(row.backup.metadata), ""

    # ------------------------------------------------------------------ runs

    async def start(
        self,
        kind: RunKind,
        title: str,
        params: msgspec.Struct,
        *,
        job_id: str | None = None,
        secrets: Secrets | None = None,
    ) -> tuple[RunSpec | None, str]:
        """Starts a run in a process of its own; (its spec or None, why not or nothing).

        Args:
            secrets: what the keyring may not have.
        """
        spec, trouble = await asyncio.to_thread(self._start, kind, title, params, job_id, secrets)
        # Here, not in the thread: stores belong to the loop.
        self.stores.runs.retry()
        return spec, trouble

    def _start(
        self,
        kind: RunKind,
        title: str,
        params: msgspec.Struct,
        job_id: str | None,
        secrets: Secrets | None,
    ) -> tuple[RunSpec | None, str]:
        from xolite_qt.backup.run.start import start_run

        runs = self.stores.run_files
        try:
            spec = runs.create(kind, title, msgspec.to_builtins(params), job_id, "user")
            start_run(runs, spec, secrets)
        except TROUBLE as error:
            return None, f"{title} could not be started: {said(error)}"
        return spec, ""

    async def cancel(self, run_id: str) -> str:
        """Asks a run to stop; why that was not possible, or nothing."""
        try:
            await asyncio.to_thread(self.stores.run_files.request_cancel, run_id)
        except TROUBLE as error:
            return f"The run could not be told to stop: {said(error)}"
        return ""


async def _secret(account: str) -> str:
    return (await asyncio.to_thread(credentials.load, account)) or ""


def _store_secrets(ident: str, wish: RepositoryWish) -> None:
    login = credentials.repository_login_account(ident)
    if wish.place.kind == "s3":
        parts = (quote(part, safe="") for part in (wish.place.key, wish.place.secret))
        credentials.store(login, ":".join(parts))
    else:
        credentials.forget(login)
    if wish.key:
        credentials.store(credentials.repository_key_account(ident), wish.key)


def _test(wish: RepositoryWish) -> list[Step]:
    from xolite_qt.backup.repository import Repository
    from xolite_qt.backup.storage import check_connection, open_storage
    from xolite_qt.backup.storage.retry import RetryPolicy

    if not is_there(wish.place.url(with_secrets=False)):
        missing = f"{wish.place.folder} is not there. Is the disk or share mounted?"
        return _with_rest([Step("Find the folder", False, missing)])
    try:
        storage = open_storage(
            wish.place.url(with_secrets=True), policy=RetryPolicy(budget_s=TEST_BUDGET_S)
        )
    except TROUBLE as error:
        return _with_rest([Step("Open the place", False, said(error))])
    steps = [
        Step(probe.what, not probe.error, said(ValueError(probe.error)) if probe.error
             else probe.note)
        for probe in check_connection(storage)
    ]  # fmt: skip
    if all(step.ok for step in steps):
        try:
            opened = Repository.open(storage, wish.key or None)
            found = len(opened.backups())
        except TROUBLE as error:
            steps.append(Step("Open it as a repository", False, said(error)))
        else:
            steps.append(Step("Open it as a repository", True, _found(found)))
    return _with_rest(steps)


def _found(number: int) -> str:
    return "empty, ready for the first backup" if not number else f"{number} backups found"


def _with_rest(steps: list[Step]) -> list[Step]:
    """The steps with those that one that failed kept from being tried."""
    if not steps or steps[-1].ok is not False:
        return steps
    done = {step.what for step in steps}
    return [*steps, *(Step(what, None) for what in STEPS if what not in done)]
