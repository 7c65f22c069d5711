"""What lies in the repositories: read in threads, again after a run that may have changed it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from xolite_qt.backup.errors import AccessDenied, BackupError, Unreachable, WrongKey
from xolite_qt.stores.backup_rows import BackupRow, RepositoryRow, RunRow, without_news
from xolite_qt.stores.base import Store, Subscription
from xolite_qt.stores.change import StoreState

if TYPE_CHECKING:
    from xolite_qt.backup.jobs.model import SavedRepository
    from xolite_qt.backup.repository import Backup
    from xolite_qt.stores.polled import PolledStore
    from xolite_qt.stores.task_owner import OwnedTasks


class Readable(Protocol):
    """What is asked of an opened repository."""

    def backups(self, vm_uuid: str | None = None) -> Sequence[Backup]:
        """All points in time."""
        ...


Open = Callable[["SavedRepository"], Readable]
"""Opens a saved repository for reading; blocks, so it runs in a thread."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What is known of a repository's content.

    Attributes:
        loading: it is being read now.
        error, advice: why it could not be read.
        rows: its backups; None before they were read once.
        free_bytes: of the file system that it lies on; None where nobody knows.
    """

    loading: bool = False
    error: str = ""
    advice: str = ""
    rows: tuple[BackupRow, ...] | None = None
    free_bytes: int | None = None


class CatalogueStore(Store[BackupRow]):
    """Points in time of all saved repositories. One that cannot be read hides no other.

    Attributes:
        contents: per repository id, what is known of it.
    """

    def __init__(
        self,
        tasks: OwnedTasks,
        repositories: PolledStore[Any],
        runs: PolledStore[RunRow],
        *,
        open_repository: Open | None = None,
        linger_s: float = 1.0,
    ) -> None:
        super().__init__("backup_points", linger_s=linger_s)
        self._owner = tasks
        self._repositories = repositories
        self._runs = runs
        self._open = open_repository or open_saved
        self._holds: list[Subscription[Any]] = []
        self._readings: dict[str, asyncio.Task[None]] = {}
        self._read_as: dict[str, SavedRepository] = {}
        self._ended: frozenset[str] | None = None
        self.contents: dict[str, Contents] = {}
        self._listeners: list[Callable[[], None]] = []

    def on_contents(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Calls `listener` whenever `contents` changed; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def retry(self) -> None:
        """Reads all repositories again."""
        for ref in list(self._read_as):
            self.read_again(ref)

    def read_again(self, ref: str) -> None:
        """Reads one repository again."""
        saved = self._repositories.records.get(ref)
        if saved is None or not self.is_active:
            return
        reading = self._readings.pop(ref, None)
        if reading is not None:
            reading.cancel()
        self._read_as[ref] = saved.value
        self._note(ref, replace(self.contents.get(ref, Contents()), loading=True))
        self._readings[ref] = self._owner.spawn(self._read(saved.value), f"read {saved.ref}")

    def _begin(self) -> None:
        self._go(StoreState.LOADING)
        self._ended = None
        self._holds = [
            self._repositories.subscribe(lambda _c: self._look(), lambda _s: self._look()),
            self._runs.subscribe(lambda _c: self._look_at_runs(), lambda _s: self._look_at_runs()),
        ]
        self._look()
        self._look_at_runs()

    def _end(self) -> None:
        for hold in self._holds:
            hold.close()
        self._holds = []
        for reading in self._readings.values():
            reading.cancel()
        self._readings = {}
        self._read_as = {}
        self.contents = {}

    def _look(self) -> None:
        if self._repositories.state is StoreState.FAILED:
            self._go(StoreState.FAILED, self._repositories.error)
            return
        if self._repositories.state is not StoreState.READY:
            return
        known = {row.ref: row.value for row in self._repositories.records.values()}
        for gone in [ref for ref in self._read_as if ref not in known]:
            del self._read_as[gone]
            reading = self._readings.pop(gone, None)
            if reading is not None:
                reading.cancel()
            self.contents.pop(gone, None)
        for ref, saved in known.items():
            if self._read_as.get(ref) != saved:
                self.read_again(ref)
        self._show()

    def _look_at_runs(self) -> None:
        """A run that ended may have changed any repository."""
        if self._runs.state is not StoreState.READY:
            return
        ended = frozenset(run.ref for run in self._runs.records.values() if not run.is_active)
        before, self._ended = self._ended, ended
        if before is not None and ended - before:
            self.retry()

    async def _read(self, saved: SavedRepository) -> None:
        try:
            contents = await asyncio.to_thread(self._read_one, saved)
        except (BackupError, OSError, ValueError) as error:
            before = self.contents.get(saved.id, Contents())
            contents = Contents(error=_sentence(error), advice=_advice(error), rows=before.rows)
        self._readings.pop(saved.id, None)
        self._note(saved.id, contents)

    def _read_one(self, saved: SavedRepository) -> Contents:
        if not is_there(saved.url):
            raise FileNotFoundError(f"{saved.url.removeprefix('file://')} is not there")
        backups = self._open(saved).backups()
        return Contents(rows=tuple(rows_of(saved, backups)), free_bytes=_free_bytes(saved.url))

    def _note(self, ref: str, contents: Contents) -> None:
        self.contents[ref] = contents
        self._show()

    def _show(self) -> None:
        rows = {
            row.ref: row for contents in self.contents.values() for row in (contents.rows or ())
        }
        self._apply(rows, [ref for ref in self.records if ref not in rows])
        if all(c.rows is not None or not c.loading for c in self.contents.values()):
            self._go(StoreState.READY)
        for listener in tuple(self._listeners):
            listener()


def rows_of(saved: SavedRepository, backups: Iterable[Backup]) -> list[BackupRow]:
    """Rows of one repository, with the length of each chain."""
    lengths: dict[tuple[str, str], int] = {}
    rows = []
    for backup in sorted(backups, key=lambda backup: backup.timestamp_ms):
        key = (backup.vm_uuid, backup.job_id)
        differs = any(backup.differencing.values()) if backup.mode == "delta" else False
        chain = lengths.get(key, 0) + 1 if differs else 1
        if backup.mode == "delta":
            lengths[key] = chain
        rows.append(BackupRow(f"{saved.id}|{backup.id}", saved, backup, chain))
    return rows


class RepositoryRowStore(Store[RepositoryRow]):
    """Repositories with what is known of their contents and of the work in them."""

    def __init__(
        self,
        repositories: PolledStore[Any],
        runs: PolledStore[RunRow],
        points: CatalogueStore,
        *,
        linger_s: float = 1.0,
    ) -> None:
        super().__init__("backup_repositories", linger_s=linger_s)
        self._repositories, self._runs, self._points = repositories, runs, points
        self._holds: list[Subscription[Any]] = []
        self._unlisten: Callable[[], None] | None = None

    def retry(self) -> None:
        """Looks at the files now, and reads all repositories again."""
        self._repositories.retry()
        self._points.retry()

    def _begin(self) -> None:
        self._go(StoreState.LOADING)
        self._holds = [
            source.subscribe(lambda _change: self.refresh(), lambda _state: self.refresh())
            for source in (self._repositories, self._runs)
        ]
        self._unlisten = self._points.on_contents(self.refresh)
        self._holds.append(self._points.subscribe())
        self.refresh()

    def _end(self) -> None:
        for hold in self._holds:
            hold.close()
        self._holds = []
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None

    def refresh(self) -> None:
        """Computes all rows."""
        if self._repositories.state is StoreState.FAILED and not self._repositories.records:
            self._go(StoreState.FAILED, self._repositories.error)
            return
        if StoreState.LOADING in (self._repositories.state, self._runs.state):
            return
        checked: dict[str, RunRow] = {}
        active: dict[str, RunRow] = {}
        for run in sorted(self._runs.records.values(), key=lambda run: run.ref):
            place = run.spec.params.get("repository_id")
            if not isinstance(place, str):
                continue
            if run.is_active:
                active[place] = without_news(run)
            elif run.spec.kind in ("check", "verify") and run.outcome in ("success", "failure"):
                checked[place] = run
        rows = {
            saved.ref: self._row(saved.value, checked.get(saved.ref), active.get(saved.ref))
            for saved in self._repositories.records.values()
        }
        self._apply(rows, [ref for ref in self.records if ref not in rows])
        self._go(StoreState.READY)

    def _row(
        self, saved: SavedRepository, checked: RunRow | None, active: RunRow | None
    ) -> RepositoryRow:
        contents = self._points.contents.get(saved.id, Contents(loading=True))
        rows = contents.rows
        return RepositoryRow(
            saved.id,
            saved,
            loading=contents.loading,
            error=contents.error,
            advice=contents.advice,
            backups=None if rows is None else len(rows),
            vms=None if rows is None else len({row.backup.vm_uuid for row in rows}),
            used_bytes=None if rows is None else sum(row.backup.size_bytes for row in rows),
            free_bytes=contents.free_bytes,
            checked=checked,
            active=active,
        )


def open_saved(saved: SavedRepository) -> Readable:
    """Opens a repository with what the keyring has for it; nothing is written.

    Raises:
        BackupError: it cannot be opened.
    """
    from xolite_qt.backup.repository import Repository
    from xolite_qt.backup.run.secrets import Secrets
    from xolite_qt.backup.storage import open_storage

    secrets = Secrets.load(repositories=[saved])
    return Repository.open(
        open_storage(secrets.repository_url(saved)), secrets.repository_key(saved)
    )


def is_there(url: str) -> bool:
    """Whether the folder of a repository is there; of one elsewhere that is found out by asking.

    A share that is not mounted must not look like an empty repository.
    """
    return not url.startswith("file://") or Path(url.removeprefix("file://")).is_dir()


def _free_bytes(url: str) -> int | None:
    if not url.startswith("file://"):
        return None
    try:
        return shutil.disk_usage(url.removeprefix("file://")).free
    except OSError:
        return None


def _sentence(error: Exception) -> str:
    text = str(error) or type(error).__name__
    # A path or the name of a machine stays as it is.
    return text[:1].upper() + text[1:] if text.partition(" ")[0].isalpha() else text


def _advice(error: Exception) -> str:
    match error:
        case WrongKey():
            return "Edit the repository and give its encryption key."
        case AccessDenied():
            return "Check the access key and secret, and what they may do in this bucket."
        case Unreachable():
            return "Check the address, and whether the machine and the network are up."
        case FileNotFoundError():
            return "Is the disk or share mounted?"
        case _:
            return ""
