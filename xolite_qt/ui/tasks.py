"""Owners for asynchronous work in the ui, and dialogs that are awaited."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QDialog

_log = logging.getLogger(__name__)

OnError = Callable[[Exception], None]


class TaskOwner(QObject):
    """Starts tasks and ends them with itself.

    A task that fails is told to `on_error`; where nobody listens it is logged. Nothing that fails
    here is lost, and nothing goes on once the owner was closed.
    """

    def __init__(self, parent: QObject | None = None, *, on_error: OnError | None = None) -> None:
        super().__init__(parent)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._on_error = on_error
        self._closed = False

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(
        self, work: Coroutine[Any, Any, Any], name: str, *, on_error: OnError | None = None
    ) -> asyncio.Task[Any] | None:
        """Starts `work`; None where the owner was closed already (the work is dropped then).

        Args:
            work: what to do.
            name: for logs: "start web-1".
            on_error: who hears of a failure instead of the owner's own listener.
        """
        if self._closed:
            work.close()
            return None
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._ended(done, on_error or self._on_error))
        return task

    def _ended(self, task: asyncio.Task[Any], on_error: OnError | None) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            return
        if isinstance(error, Exception) and on_error is not None and not self._closed:
            on_error(error)
        else:
            _log.error("%s failed", task.get_name(), exc_info=error)

    def cancel_all(self) -> None:
        """Cancels what runs; the owner can be used on."""
        for task in tuple(self._tasks):
            task.cancel()

    async def close(self) -> None:
        """Cancels what runs, waits until it has ended, and starts nothing any more."""
        self._closed = True
        self.cancel_all()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def ask(dialog: QDialog) -> bool:
    """Opens a dialog and waits for its end, without a nested event loop.

    Returns:
        Whether it was accepted. A cancelled wait closes the dialog.
    """
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def on_finished(result: int) -> None:
        if not ended.done():
            ended.set_result(result)

    dialog.finished.connect(on_finished)
    dialog.open()
    try:
        return await ended == QDialog.DialogCode.Accepted
    except asyncio.CancelledError:
        dialog.reject()
        raise
    finally:
        dialog.finished.disconnect(on_finished)
        dialog.deleteLater()
