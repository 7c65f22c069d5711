"""Pages of backups on a demo host, over files in a folder of the test's own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import pytest_asyncio
from PySide6.QtWidgets import QDialog

from tests.gui.pages.conftest import (  # noqa: F401 -- the loop of the pages is theirs too
    Bench,
    bench,
    dressed,
    one_loop,
    pytest_asyncio_loop_factories,
)
from xolite_qt.backup.jobs.model import HostRef, Job, SavedRepository, Schedule, Selection
from xolite_qt.backup.runs.events import Item, RunSpec, Started
from xolite_qt.backup.runs.store import RunWriter
from xolite_qt.ui.models.backup_inventory import inventory
from xolite_qt.ui.views.backups.deeds import BackupDeeds
from xolite_qt.ui.views.backups.examples import write_examples
from xolite_qt.ui.views.backups.page import BackupsPage

D = TypeVar("D", bound=QDialog)


class Desk:
    """The page of backups, and what a user does with it.

    Attributes:
        bench: the connection.
        folder: where the example repository lies.
    """

    def __init__(self, bench: Bench, folder: Path) -> None:  # noqa: F811
        self.bench = bench
        self.folder = folder

    @property
    def deeds(self) -> BackupDeeds:
        deeds: BackupDeeds = self.bench.context.services["backups"]
        return deeds

    async def page(self, part: str = "jobs") -> BackupsPage:
        """The page at a part, with everything loaded."""
        page = await self.bench.show(BackupsPage)
        page.open_part(part)
        await self.bench.until(lambda: not page.busy)
        return page

    async def dialog(self, kind: type[D]) -> D:
        """Waits for a dialog to be on screen."""
        found: list[D] = []

        def look() -> bool:
            found[:] = [d for d in self.bench.window.findChildren(kind) if d.isVisible()]
            return bool(found)

        await self.bench.until(look)
        return found[0]

    def host(self) -> HostRef:
        """The demo host."""
        return HostRef(self.bench.api.url, "root", "demo")

    def save_job(self, name: str = "Nightly", **fields: Any) -> Job:
        """A job in its file."""
        job = Job(
            id=f"job-{name.lower().replace(' ', '-')}",
            schedule_id="s",
            name=name,
            host=fields.pop("host", self.host()),
            selection=fields.pop("selection", Selection("all_but")),
            schedule=fields.pop("schedule", Schedule(enabled=False)),
            **fields,
        )
        self.bench.backups.job_files.save(job)
        return job

    def save_repository(self, name: str = "NAS", **fields: Any) -> SavedRepository:
        """A repository in its file; its folder is there."""
        place = self.folder / "repository"
        place.mkdir(exist_ok=True)
        url = fields.pop("url", f"file://{place}")
        saved = SavedRepository(id=f"br-{name.lower()}", name=name, url=url, **fields)
        self.bench.backups.repository_files.save(saved)
        return saved

    def start_run(self, title: str = "Nightly", **fields: Any) -> tuple[RunSpec, RunWriter]:
        """A run at work in this process: a VM with one disk of 1000 bytes."""
        spec = self.bench.backups.run_files.create("backup", title, **fields)
        writer = self.bench.backups.run_files.writer(spec)
        now_s = time.time()
        writer.write(Started(now_s, 1, "0"))
        writer.write(Item(at_s=now_s, id="1", kind="vm", name="web01"))
        writer.write(Item(at_s=now_s, id="2", kind="disk", name="root", parent="1", total=1000))
        return spec, writer

    async def examples(self) -> None:
        """The jobs, repositories, backups and runs of the tour."""
        here = self.bench.stores
        with here.vm.subscribe(), here.vbd.subscribe(), here.vdi.subscribe():
            for store in (here.vm, here.vbd, here.vdi):
                await store.settled()
            vms = sorted(inventory(here), key=lambda vm: -len(vm.disks))
        self._end = await asyncio.to_thread(
            write_examples, self.bench.backups, self.folder, self.host(), vms
        )

    def end(self) -> None:
        """Lets go of the example run."""
        end = getattr(self, "_end", None)
        if end is not None:
            end()


@pytest_asyncio.fixture
async def desk(bench: Bench, tmp_path: Path) -> AsyncIterator[Desk]:  # noqa: F811
    made = Desk(bench, tmp_path)
    yield made
    for dialog in bench.window.findChildren(QDialog):
        QDialog.reject(dialog)
    made.end()


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A keyring in memory."""
    kept: dict[str, str] = {}
    monkeypatch.setattr("xolite_qt.credentials.load", kept.get)
    monkeypatch.setattr("xolite_qt.credentials.store", kept.__setitem__)
    monkeypatch.setattr("xolite_qt.credentials.forget", lambda account: kept.pop(account, None))
    return kept
