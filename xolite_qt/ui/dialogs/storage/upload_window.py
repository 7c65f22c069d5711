"""An image on its way from this computer to a host, in a window that nobody has to wait in."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
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
from xolite_qt.xen_api import SR, XenApiError
from xolite_qt.xen_api.transfers import aborted_by, open_import, transfer_task

if TYPE_CHECKING:
    from xolite_qt.xen_api.door import Door

_PIECE_BYTES = 1 << 20
_MIB = 1 << 20
_TRIES, _REST_S = 20, 0.5


class UploadWindow(Dialog):
    """Makes a disc on the host and sends an image into it; what is not whole is removed again.

    Closing it hides it: the upload goes on, and its end is told.
    """

    def __init__(
        self,
        path: Path,
        size_bytes: int,
        sr: SR,
        notify: Callable[..., None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            self.tr("Upload {0} to {1}").format(path.name, sr.name_label),
            icon="upload",
            parent=parent,
        )
        self.setModal(False)
        self._path, self._size_bytes, self._sr, self._notify = path, size_bytes, sr, notify
        self._sent_bytes = 0
        self._stop = threading.Event()
        self._ended = False
        self._began_s = time.monotonic()
        self.body.addWidget(TextLabel(str(path), tone="secondary", wrap=True, selectable=True))
        self.bar = ProgressBar(says=self.windowTitle())
        self.body.addWidget(self.bar)
        self.words = TextLabel(self.tr("Asking the host…"), wrap=True, selectable=True)
        self.body.addWidget(self.words)
        self.body.addStretch(1)
        self.stop = self.add_button(self.tr("Cancel upload"))
        self.stop.clicked.connect(self._cancel)
        self.close_button = self.add_button(self.tr("Hide"))
        self.close_button.clicked.connect(self.close)
        self._timer = QTimer(self)
        self._timer.setInterval(250)
        self._timer.timeout.connect(self._tell)

    async def work(self, api: Any) -> bool:
        """Sends it; whether all of it arrived."""
        self.fit()
        self.show()
        self._timer.start()
        name, vdi = self._path.name, ""
        try:
            vdi = await api.run("VDI.create", self._record())
            async with transfer_task(api, f"xolite-qt: {self.windowTitle()}") as task:
                query = {"vdi": vdi, "format": "raw", "task_id": task.ref}
                await asyncio.to_thread(self._send, await api.door(), query)
                await task.finish()
        except (XenApiError, OSError) as error:
            await self._remove(api, vdi)
            self._failed(name, error)
            return False
        except asyncio.CancelledError:
            # The connection ends: the thread must not outlive it.
            self._stop.set()
            raise
        self.bar.set_fraction(1.0)
        self._end(self.tr("{0} sent.").format(fmt.size(self._sent_bytes)))
        self._notify(
            self.tr("{0} is on {1} now.").format(name, self._sr.name_label), level="success"
        )
        return True

    def _record(self) -> dict[str, Any]:
        return {
            "name_label": self._path.name,
            "name_description": "",
            "SR": self._sr.ref,
            "virtual_size": -(-self._size_bytes // _MIB) * _MIB,
            "type": "user",
            "sharable": False,
            "read_only": False,
            "other_config": {},
            "xenstore_data": {},
            "sm_config": {},
            "tags": [],
        }

    def _send(self, door: Door, query: dict[str, str]) -> None:
        # Runs in a thread; the window only looks at the numbers.
        total = -(-self._size_bytes // _MIB) * _MIB
        with (
            self._path.open("rb") as file,
            open_import(door, "/import_raw_vdi", query, total) as body,
            aborted_by(self._stop, body.abort),
        ):
            while self._sent_bytes < total:
                piece = file.read(_PIECE_BYTES)
                # Disks are whole megabytes: the rest of the last one is nothing.
                piece = piece.ljust(min(_PIECE_BYTES, total - self._sent_bytes), b"\0")
                body.write(piece)
                self._sent_bytes = body.sent_bytes

    async def _remove(self, api: Any, vdi: str) -> None:
        if not vdi:
            return
        for turn in range(_TRIES):
            try:
                await api.run("VDI.destroy", vdi)
            except XenApiError as error:
                # The host holds it for a moment after the transfer was cut.
                if turn + 1 < _TRIES:
                    await asyncio.sleep(_REST_S)
                    continue
                text = f"{self._path.name}: what was begun could not be removed."
                self._notify(text, level="warning", details=explain(error).details)
            return

    def _failed(self, name: str, error: Exception) -> None:
        if self._stop.is_set():
            self._end(self.tr("Cancelled; nothing was kept."))
            return
        explained = explain(error)
        self._end(f"{explained.summary} {explained.advice}".strip())
        self._notify(f"{name}: {explained.summary}", level="danger", details=explained.details)

    def _cancel(self) -> None:
        self.stop.set_reason(self.tr("It is being cancelled."))
        self._stop.set()

    def _tell(self) -> None:
        if not self._sent_bytes:
            return
        seconds = max(time.monotonic() - self._began_s, 0.001)
        self.bar.set_fraction(min(1.0, self._sent_bytes / self._size_bytes))
        sent, speed = fmt.size(self._sent_bytes), fmt.rate(self._sent_bytes / seconds)
        self.words.set_text(f"{sent} of {fmt.size(self._size_bytes)}, {speed}")

    def _end(self, text: str) -> None:
        self._timer.stop()
        self._ended = True
        self.words.set_text(text)
        self.stop.hide()
        self.close_button.setText(self.tr("Close"))
        if not self.isVisible():
            self.deleteLater()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Override QWidget::closeEvent: the upload goes on unseen."""
        if self._ended:
            self.deleteLater()
        event.accept()

    def reject(self) -> None:
        """Override QDialog::reject: Esc hides it too."""
        if self._ended:
            self.deleteLater()
        super().reject()
