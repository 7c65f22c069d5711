"""The shell lives in Qt's own event loop, on a demo host that speaks TLS."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtWidgets import QApplication

from tests.gui.pages.conftest import OneLoop
from xolite_qt.ui import theme


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    def make() -> asyncio.AbstractEventLoop:
        app = QApplication.instance() or QApplication([])
        assert isinstance(app, QApplication)
        app.setQuitOnLastWindowClosed(False)
        return OneLoop(app)

    return {"qt": make}


@pytest.fixture(autouse=True)
def dressed(qapp: QApplication) -> Iterator[None]:
    theme.apply_theme(qapp, "light")
    theme.set_reduced_motion(True)
    yield
    theme.apply_theme(qapp, "light")
    theme.set_reduced_motion(None)


@pytest.fixture(autouse=True)
def one_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest-qt turns Qt's crank between the phases of a test, where no asyncio loop runs: what
    the connection does then would find none."""
    monkeypatch.setattr("pytestqt.plugin._process_events", lambda: None)
