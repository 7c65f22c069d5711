"""What is done with the flight recorder: shown, saved, played."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QProcess
from PySide6.QtWidgets import QFileDialog

from xolite_qt.recorder import BundleError, CallItem, FlightRecorder, write_bundle
from xolite_qt.ui import format as fmt
from xolite_qt.ui.dialogs.calls import CallsDialog
from xolite_qt.ui.dialogs.recorder import RecorderDialog
from xolite_qt.ui.errors import explain
from xolite_qt.ui.rehearsal import PlannedCall
from xolite_qt.ui.scripts import names_of
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.page import PageContext
from xolite_qt.xen_api import XenApiError


class RecorderView:
    """The recorder of one connection."""

    def __init__(self, context: PageContext, recorder: FlightRecorder) -> None:
        self._context = context
        self._recorder = recorder

    def open(self) -> RecorderDialog:
        """Opens the window of the recorder."""
        dialog = RecorderDialog(
            self._recorder,
            save=self.choose_file,
            replay=lambda: self._spawn(self._replay(), "replay"),
            show_script=lambda calls: self._spawn(self._show_script(calls), "show script"),
            parent=self._context.actions.window,
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.fit()
        dialog.show()
        return dialog

    def _spawn(self, work: object, name: str) -> None:
        self._context.tasks.spawn(work, name)  # type: ignore[arg-type]

    def choose_file(self) -> QFileDialog:
        """Asks where to, then writes."""
        dialog = QFileDialog(self._context.actions.window, "Save recording")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("flight.zip")
        dialog.setNameFilter("Recordings (*.flight.zip)")
        dialog.selectFile("xolite.flight.zip")
        dialog.fileSelected.connect(
            lambda path: self._spawn(self.save(Path(path)), "save recording")
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog

    async def save(self, path: Path) -> bool:
        """Writes the recording; whether that went well."""
        try:
            flight = await asyncio.to_thread(self._recorder.take)
            size = await asyncio.to_thread(write_bundle, path, flight)
        except BundleError as error:
            self._context.notify(
                "The recording could not be saved.", level="danger", details=str(error)
            )
            return False
        self._context.notify(f"Saved as {path.name} ({fmt.size(size)})", level="success")
        return True

    async def _replay(self) -> None:
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="xolite-qt-"))
        path = folder / "replay.flight.zip"
        if not await self.save(path):
            return
        # A window of its own, and a process of its own: it must not be taken for the real host.
        args = ["-m", "xolite_qt", "--demo", "--world", str(path)]
        if not QProcess.startDetached(sys.executable, args)[0]:
            self._context.notify("The replay could not be started.", level="danger")

    async def _show_script(self, calls: Sequence[CallItem]) -> None:
        planned = [PlannedCall(call.method.removeprefix("Async."), call.params) for call in calls]
        try:
            names = await names_of(self._context.stores.api, planned)
        except XenApiError as error:
            self._context.notify(explain(error).summary, level="danger")
            return
        title = f"{fmt.plural(len(calls), 'call', 'calls')} as a script"
        about = "These calls were made. What is run again may find another world."
        window = self._context.actions.window
        await ask(CallsDialog(title, planned, names, about=about, parent=window))
