"""Every widget test is dressed in the light theme, without animation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from xolite_qt.ui import theme


@pytest.fixture(autouse=True)
def dressed(qapp: QApplication) -> Iterator[None]:
    theme.apply_theme(qapp, "light")
    theme.set_reduced_motion(True)
    yield
    # Without an event loop nobody else deletes what a test is done with.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    theme.apply_theme(qapp, "light")
    theme.set_reduced_motion(None)
