"""VMs on their way to and from files: what is under way, and the window that shows it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, QUrl, Signal
from PySide6.QtGui import QCloseEvent, QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.errors import explain
from xolite_qt.ui.widgets.badges import IconLabel
from xolite_qt.ui.widgets.button import Button
from xolite_qt.ui.widgets.card import Card
from xolite_qt.ui.widgets.progress import ProgressBar
from xolite_qt.ui.widgets.text import TextLabel, set_tooltip
from xolite_qt.xen_api import TaskCancelled, XenApiError
from xolite_qt.xen_api.xva_files import Meter, Phase, TransferStopped

# A host compresses with few cores, and disks and lines are shared: more at once are not faster.
_AT_ONCE = 2
_TURN_S = 0.2
_TICK_MS = 250


class JobState(StrEnum):
    """How a transfer stands."""

    WAITING = "Waiting"
    RUNNING = "Under way"
    DONE = "Done"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


@dataclass
class Job:
    """One VM and one file.

    Attributes:
        title: "Export of web-1".
        path: the file.
        run: does it, with a connection and the meter; returns words for the good end.
        begin: begins it again from its start.
        meter: how far it is.
        state: how it stands.
        words: what is said at its end.
    """

    title: str
    path: Path
    run: Callable[[Any, Meter], Awaitable[str]]
    begin: Callable[[], object] = lambda: None
    meter: Meter = field(default_factory=Meter)
    state: JobState = JobState.WAITING
    words: str = ""

    @property
    def under_way(self) -> bool:
        """Whether it would be lost if the connection ended."""
        return self.state in (JobState.WAITING, JobState.RUNNING)


class Transfers(QObject):
    """All transfers of a connection.

    Signals:
        changed: a transfer began, ended, or left the list.
    """

    changed = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._shown: TransfersWindow | None = None
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self.jobs: list[Job] = []

    def losses(self) -> list[str]:
        """What ends unfinished if the connection ends now."""
        return [job.title for job in self.jobs if job.under_way]

    def show(self) -> TransfersWindow:
        """Shows the window with all of them."""
        if self._shown is None:
            self._shown = TransfersWindow(self, self._window)
        self._shown.open_beside()
        return self._shown

    def clear(self) -> None:
        """Takes those that have ended off the list."""
        self.jobs = [job for job in self.jobs if job.under_way]
        self.changed.emit()

    async def work(self, job: Job, api: Any) -> None:
        """Does it, when its turn has come.

        Raises:
            TaskCancelled: the user ended it.
            XenApiError: it failed; what was begun is gone.
        """
        job.meter, job.state, job.words = Meter(), JobState.WAITING, ""
        if job not in self.jobs:
            self.jobs.append(job)
        self.show()
        self.changed.emit()
        try:
            await self._turn(job)
            try:
                job.state = JobState.RUNNING
                self.changed.emit()
                job.words = await job.run(api, job.meter)
            finally:
                self._slots.release()
            job.state = JobState.DONE
        except TransferStopped as error:
            job.state, job.words = JobState.CANCELLED, str(error)
            raise TaskCancelled("TASK_CANCELLED", []) from error
        except XenApiError as error:
            explained = explain(error)
            job.state = JobState.FAILED
            job.words = f"{explained.summary} {explained.advice}".strip()
            raise
        except asyncio.CancelledError:
            job.state, job.words = JobState.CANCELLED, "The connection was closed."
            raise
        finally:
            self.changed.emit()

    async def _turn(self, job: Job) -> None:
        taking = asyncio.ensure_future(self._slots.acquire())
        try:
            while not taking.done():
                await asyncio.wait({taking}, timeout=_TURN_S)
                job.meter.check()
        except BaseException:
            if not taking.cancel() and not taking.cancelled():
                self._slots.release()
            raise


def transfers_of(context: Any) -> Transfers:
    """The transfers of a connection; made when first asked for."""
    services: dict[str, Any] = context.services
    if "vm_transfers" not in services:
        made = Transfers(context.actions.window)
        services["vm_transfers"] = made
        services.setdefault("losses", []).append(made.losses)
    found: Transfers = services["vm_transfers"]
    return found


class TransfersWindow(Dialog):
    """A card per transfer. Closing it hides it: everything goes on."""

    def __init__(self, transfers: Transfers, parent: QWidget | None = None) -> None:
        super().__init__("VM exports and imports", icon="download", width=620, parent=parent)
        self.setModal(False)
        self._transfers = transfers
        self.cards: list[JobCard] = []
        self.empty = TextLabel("No VM is being exported or imported.", tone="secondary")
        self._column = QVBoxLayout()
        self._column.setSpacing(8)
        self.body.addWidget(self.empty)
        self.body.addLayout(self._column)
        self.body.addStretch(1)
        self.clear = self.add_button("Clear finished", "tertiary")
        self.clear.clicked.connect(transfers.clear)
        self.close_button = self.add_button("Hide", "primary", default=True)
        self.close_button.clicked.connect(self.close)
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._tick)
        transfers.changed.connect(self._follow)
        self._follow()

    def _follow(self) -> None:
        jobs = self._transfers.jobs
        for card in [card for card in self.cards if card.job not in jobs]:
            self.cards.remove(card)
            self._column.removeWidget(card)
            card.hide()
            card.deleteLater()
        known = [card.job for card in self.cards]
        for job in jobs:
            if job not in known:
                card = JobCard(job)
                self.cards.append(card)
                self._column.addWidget(card)
        self.empty.setVisible(not jobs)
        ended = any(not job.under_way for job in jobs)
        self.clear.set_reason(None if ended else "Nothing has ended yet.")
        self._tick()
        if self._transfers.losses():
            self._timer.start()
        else:
            self._timer.stop()

    def _tick(self) -> None:
        for card in self.cards:
            card.show_state()

    def open_beside(self) -> None:
        """Shows it; the work behind it goes on."""
        if not self.isVisible():
            self.fit()
            self.resize(self.width(), max(self.height(), 360))
            self.show()

    def reject(self) -> None:
        """Override QDialog::reject: Esc hides it."""
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Override QDialog::closeEvent: everything goes on unseen."""
        event.accept()


_ICONS = {
    JobState.WAITING: ("hourglass", "secondary"),
    JobState.RUNNING: ("spinner", "info"),
    JobState.DONE: ("success", "success"),
    JobState.FAILED: ("danger", "danger"),
    JobState.CANCELLED: ("close", "secondary"),
}


class JobCard(Card):
    """One transfer: how far it is, and what can be done with it."""

    def __init__(self, job: Job) -> None:
        super().__init__(job.title)
        self.job = job
        self._phase = job.meter.phase
        self._began_s = time.monotonic()
        self.path = TextLabel(str(job.path), tone="secondary", kind="small", elide=True)
        set_tooltip(self.path, str(job.path))
        self.bar = ProgressBar(says=job.title)
        self.mark = IconLabel("hourglass", 16)
        self.words = TextLabel("", wrap=True, selectable=True)
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.mark)
        row.addWidget(self.words, 1)
        for widget in (self.path, self.bar, line):
            self.add(widget)
        self.stop = Button("Cancel", "tertiary-danger", small=True, on_click=self._stop)
        self.again = Button("Retry from the start", "secondary", small=True, on_click=self._again)
        self.folder = Button("Open folder", "tertiary", small=True, on_click=self._open)
        for button in (self.again, self.folder, self.stop):
            self.add_action(button)
        self.show_state()

    def _stop(self) -> None:
        self.job.meter.stop.set()
        self.show_state()

    def _again(self) -> None:
        self.job.begin()

    def _open(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.job.path.parent)))

    def show_state(self) -> None:
        """Shows how it stands now."""
        job = self.job
        if job.meter.phase != self._phase:
            self._phase, self._began_s = job.meter.phase, time.monotonic()
        self.bar.setVisible(job.state is JobState.RUNNING)
        self.bar.set_fraction(job.meter.fraction or 0.0)
        glyph, color = _ICONS[job.state]
        self.mark.set_icon(glyph, color=color)
        self.words.set_text(self._text())
        self.words.set_tone("danger" if job.state is JobState.FAILED else "txt")
        self.stop.setVisible(job.under_way)
        stopping = job.meter.stop.is_set()
        self.stop.set_reason("It is being cancelled." if stopping else None)
        self.again.setVisible(job.state in (JobState.FAILED, JobState.CANCELLED))
        self.folder.setVisible(job.state is JobState.DONE)

    def _text(self) -> str:
        job, meter = self.job, self.job.meter
        if not job.under_way:
            return job.words
        if meter.stop.is_set():
            return "Cancelling…"
        if job.state is JobState.WAITING:
            return "Waiting for another transfer to end."
        parts = [f"{meter.phase.value}…"]
        if meter.moved_bytes:
            parts = [fmt.size(meter.moved_bytes)]
            if meter.phase is Phase.CHECKING:
                parts = [f"{meter.phase.value}: {parts[0]}"]
            seconds = time.monotonic() - self._began_s
            if seconds > 1:
                parts.append(fmt.rate(meter.moved_bytes / seconds))
            fraction = meter.fraction
            if fraction and seconds > 5 and fraction > 0.01:
                parts.append(f"{fmt.duration(seconds * (1 - fraction) / fraction)} left")
        return ", ".join(parts)
