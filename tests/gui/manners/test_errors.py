"""An error says what, why and what to do; what the host said is there for those who ask."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QPlainTextEdit
from pytestqt.qtbot import QtBot

from xolite_qt.ui.dialogs.error import ErrorDialog
from xolite_qt.ui.errors import explain
from xolite_qt.ui.widgets.text import TextLabel
from xolite_qt.xen_api import XapiError


def test_details_have_the_hosts_own_words_and_can_be_copied(qtbot: QtBot) -> None:
    error = XapiError("HOST_NOT_ENOUGH_FREE_MEMORY", ("8589934592", "1073741824"))
    explained = explain(error)
    assert "HOST_NOT_ENOUGH_FREE_MEMORY" not in explained.summary
    assert explained.advice
    dialog = ErrorDialog("Start web-1", explained)
    qtbot.addWidget(dialog)
    dialog.open()
    said = [label.text() for label in dialog.findChildren(TextLabel)]
    assert explained.summary in said
    assert explained.advice in said
    (details,) = dialog.findChildren(QPlainTextEdit)
    assert "HOST_NOT_ENOUGH_FREE_MEMORY" in details.toPlainText()
    assert "8589934592" in details.toPlainText()
    (copy,) = [one for one in dialog.findChildren(QAbstractButton) if one.text() == "Copy"]
    copy.click()
    assert "HOST_NOT_ENOUGH_FREE_MEMORY" in QGuiApplication.clipboard().text()
    dialog.reject()
