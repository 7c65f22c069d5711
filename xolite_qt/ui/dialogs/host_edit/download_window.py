"""A file on its way from a host to this computer, in a window that nobody has to wait in."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.errors import explain
from xolite_qt.ui.widgets.progress import ProgressBar
from xolite_qt.ui.widgets.text import TextLabel
from xolite_qt.xen_api import XenApiError
from xolite_qt.xen_api.transfers import ExportBody, open_export, transfer_task

if TYPE_CHECKING:
    from xolite_qt.xen_api.door import Door

_PIECE_BYTES = 1024 * 1024


class DownloadWindow(Dialog):
    """Writes what a host sends into a file, which has its name only once it is whole.

    Closing it hides it: the download goes on, and its end is told.

    Args:
        title: what comes.
        target: the file.
        notify: tells the end.
        expected_bytes: about so much will come; 0 where nobody knows.
    """

    def __init__(
        self,
        title: str,
        target: Path,
        notify: Callable[..., None],
        *,
        expected_bytes: int = 0,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(title, icon="download", parent=parent)
        self.setModal(False)
        self.target = target
        self._part = target.with_name(f"{target.name}.part")
        self._notify = notify
        self._expected_bytes = expected_bytes
        self._received_bytes = 0
        self._body: ExportBody | None = None
        self._stopped = False
        self._ended = False
        self._began_s = time.monotonic()
        self.body.addWidget(TextLabel(str(target), tone="secondary", wrap=True, selectable=True))
        self.bar = ProgressBar(says=title)
        self.bar.setVisible(expected_bytes > 0)
        self.body.addWidget(self.bar)
        self.words = TextLabel("Asking the host…", wrap=True, selectable=True)
        self.body.addWidget(self.words)
        self.body.addStretch(1)
        self.stop = self.add_button("Cancel download")
        self.stop.clicked.connect(self._stop)
        self.close_button = self.add_button("Hide")
        self.close_button.clicked.connect(self.close)
        self._timer = QTimer(self)
        self._timer.setInterval(250)
        self._timer.timeout.connect(self._tell)

    async def work(self, api: Any, door: Door, path: str, query: Mapping[str, str]) -> bool:
        """Fetches it.

        Args:
            api: the connection; the transfer has a task of its own there.
            door: of the host that has it.
            path: on the host.
            query: of the request.

        Returns:
            Whether all of it is there.
        """
        self.fit()
        self.show()
        self._timer.start()
        name = self.target.name
        try:
            async with transfer_task(api, f"xolite-qt: {self.windowTitle()}") as task:
                await asyncio.to_thread(self._fetch, door, path, {**query, "task_id": task.ref})
                # Without a length in the answer, only the task tells whether it was cut short.
                await task.finish()
            await asyncio.to_thread(self._part.replace, self.target)
        except XenApiError as error:
            self._drop()
            if self._stopped:
                self._end("Cancelled; nothing was kept.")
                return False
            explained = explain(error)
            self._end(f"{explained.summary} {explained.advice}".strip(), failed=True)
            self._notify(f"{name}: {explained.summary}", level="danger", details=explained.details)
            return False
        except OSError as error:
            self._drop()
            self._end(f"The file could not be written: {error.strerror or error}", failed=True)
            self._notify(f"{name} could not be written.", level="danger", details=str(error))
            return False
        except asyncio.CancelledError:
            # The connection ends: the thread must not outlive it.
            self._abort()
            raise
        self.bar.set_fraction(1.0)
        self._end(f"{fmt.size(self._received_bytes)} saved.")
        self._notify(f"Saved as {name}", level="success")
        return True

    def _fetch(self, door: Door, path: str, query: Mapping[str, str]) -> None:
        # Runs in a thread; the window only looks at the numbers.
        try:
            with open_export(door, path, query) as body, self._part.open("wb") as file:
                self._body = body
                if self._stopped:
                    body.abort()
                while piece := body.read(_PIECE_BYTES):
                    file.write(piece)
                    self._received_bytes = body.received_bytes
        except (XenApiError, OSError):
            self._drop()
            raise

    def _drop(self) -> None:
        with contextlib.suppress(OSError):
            self._part.unlink(missing_ok=True)

    def _abort(self) -> None:
        self._stopped = True
        if self._body is not None:
            self._body.abort()

    def _stop(self) -> None:
        self.stop.set_reason("It is being cancelled.")
        self._abort()

    def _tell(self) -> None:
        got = self._received_bytes
        if not got:
            return
        seconds = max(time.monotonic() - self._began_s, 0.001)
        if self._expected_bytes:
            self.bar.set_fraction(min(got / self._expected_bytes, 1.0))
        self.words.set_text(f"{fmt.size(got)} so far, {fmt.rate(got / seconds)}")

    def _end(self, text: str, *, failed: bool = False) -> None:
        self._timer.stop()
        self._ended = True
        self.words.set_text(text)
        self.words.set_tone("danger" if failed else "txt")
        self.stop.hide()
        self.close_button.setText("Close")
        if not self.isVisible():
            self.deleteLater()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Override QDialog::closeEvent: the download goes on unseen."""
        self._close()
        event.accept()

    def reject(self) -> None:
        """Override QDialog::reject: Esc hides it too."""
        self._close()
        super().reject()

    def _close(self) -> None:
        if self._ended:
            self.deleteLater()
