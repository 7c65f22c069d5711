"""Qt's event loop with asyncio in it, ended by the application and never by Qt."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from PySide6.QtWidgets import QApplication

from xolite_qt import __version__
from xolite_qt.ui.garbage import GarbageCollector

T = TypeVar("T")

# In detail it writes down whatever is handed to a thread; a password for the keyring, too.
logging.getLogger("qasync").setLevel(logging.INFO)


def make_qt_application() -> QApplication:
    """The QApplication, dressed; closing windows does not end it: `Application` does."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("xolite-qt")
    app.setApplicationDisplayName("xolite-qt")
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("xolite-qt")
    # Qt would stop the loop with the last window, even a dialog's, and no clean-up could run.
    app.setQuitOnLastWindowClosed(False)
    return app


def run_in_loop(main: Callable[[QApplication], Coroutine[Any, Any, T]]) -> T:
    """Runs a coroutine in Qt's event loop, and returns when it has ended and cleaned up."""
    import qasync

    app = make_qt_application()

    async def guarded() -> T:
        garbage = GarbageCollector()
        try:
            return await interruptible()
        finally:
            garbage.close()

    async def interruptible() -> T:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, task.cancel)
        return await main(app)

    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner:
        return runner.run(guarded())
