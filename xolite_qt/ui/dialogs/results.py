"""What became of each of many objects: a small window beside the work, while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QPlainTextEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from xolite_qt.ui import theme
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.errors import explain
from xolite_qt.ui.host_reasons import notes_of
from xolite_qt.ui.icons import icon
from xolite_qt.ui.models.column import one_line
from xolite_qt.ui.widgets.progress import ProgressBar
from xolite_qt.ui.widgets.text import TextLabel, plain_tooltip
from xolite_qt.xen_api import TaskCancelled

_ROW_PX = 32


class ResultState(StrEnum):
    """How far one object is."""

    WAITING = "Waiting"
    RUNNING = "Running"
    DONE = "Done"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


_GLYPH = {
    ResultState.WAITING: ("hourglass", None),
    ResultState.RUNNING: ("spinner", "info"),
    ResultState.DONE: ("success", "success"),
    ResultState.FAILED: ("danger", "danger"),
    ResultState.CANCELLED: ("close", None),
}
_ENDED = (ResultState.DONE, ResultState.FAILED, ResultState.CANCELLED)


def words_of(error: Exception) -> str:
    """All that is known of a failure: words, advice, hosts one by one, the host's code."""
    explained = explain(error)
    lines = [f"{explained.summary} {explained.advice}".strip(), *notes_of(error)]
    return "\n".join([*lines, explained.details])


class ResultsWindow(Dialog):
    """A row per object. Closing it ends nothing.

    Args:
        title: what is done: "Start 3 objects".
        names: of the objects, in their order.
        done: words for the good end: "started".
        retry: does the objects with these numbers again.
    """

    def __init__(
        self,
        title: str,
        names: Sequence[str],
        done: str,
        retry: Callable[[list[int]], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(title, icon="columns", width=620, parent=parent)
        self.setModal(False)
        self._names = list(names)
        self._done, self._retry = done, retry
        self._states = [ResultState.WAITING] * len(self._names)
        self._errors: list[Exception | None] = [None] * len(self._names)
        self.bar = ProgressBar(says=self.tr("Progress"))
        self.words = TextLabel("", tone="secondary")
        self.table = QTreeWidget()
        self.table.setAccessibleName(self.tr("Results"))
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.setColumnCount(2)
        self.table.setHeaderLabels([self.tr("Object"), self.tr("Result")])
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        self.table.header().setStretchLastSection(True)
        self.table.header().resizeSection(0, 220)
        for name in self._names:
            self.table.addTopLevelItem(QTreeWidgetItem([one_line(name), ""]))
        self.table.setMinimumHeight(min(8, len(self._names) + 1) * _ROW_PX + 12)
        self.table.currentItemChanged.connect(lambda: self._show_details())
        self.details = QPlainTextEdit()
        self.details.setReadOnly(True)
        self.details.setFont(theme.mono_font(12))
        self.details.setAccessibleName(self.tr("Details"))
        self.details.setMinimumHeight(130)
        self.details.hide()
        self.body.addWidget(self.bar)
        self.body.addWidget(self.words)
        self.body.addWidget(self.table, 1)
        self.body.addWidget(self.details)
        self.more = self.add_button(self.tr("Details"), "tertiary")
        self.more.setCheckable(True)
        self.more.toggled.connect(self._toggle_details)
        self.copy = self.add_button(self.tr("Copy"), "tertiary")
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text()))
        self.again = self.add_button(self.tr("Retry failed"))
        self.again.clicked.connect(self._again)
        self.close_button = self.add_button(self.tr("Close"), "primary", default=True)
        self.close_button.clicked.connect(self.close)
        for at in range(len(self._names)):
            self.tell(at, ResultState.WAITING)

    # ------------------------------------------------------------------ state

    def state(self, at: int) -> ResultState:
        """How far an object is."""
        return self._states[at]

    def tell(self, at: int, state: ResultState, error: Exception | None = None) -> None:
        """Shows how far an object is; a failure comes with its error."""
        if isinstance(error, TaskCancelled):
            state = ResultState.CANCELLED
        self._states[at], self._errors[at] = state, error
        item = self.table.topLevelItem(at)
        assert item is not None
        text = self._line(at)
        item.setText(1, one_line(text))
        item.setToolTip(1, plain_tooltip(text))
        glyph, colour = _GLYPH[state]
        item.setIcon(1, icon(glyph, colour) if colour else icon(glyph))
        self._judge()

    def _line(self, at: int) -> str:
        state, error = self._states[at], self._errors[at]
        if state is ResultState.DONE:
            return self._done[:1].upper() + self._done[1:]
        if state is ResultState.FAILED and error is not None:
            return explain(error).summary
        return state.value

    def _judge(self) -> None:
        count = len(self._names)
        ended = sum(state in _ENDED for state in self._states)
        failed = [at for at, state in enumerate(self._states) if state is ResultState.FAILED]
        well = sum(state is ResultState.DONE for state in self._states)
        self.bar.set_fraction(ended / count)
        text = self.tr("{0} of {1} done").format(well, count)
        if failed:
            text += self.tr(", {0} failed").format(len(failed))
        self.words.set_text(f"{text}.")
        self.words.set_tone("danger" if failed else "secondary")
        running = ended < count
        why: str | None = None
        if running:
            why = self.tr("Wait for the others to end first.")
        elif not failed:
            why = self.tr("Nothing has failed.")
        self.again.set_reason(why)
        self.more.set_reason(None if failed else self.tr("Nothing has failed."))
        first = self.table.topLevelItem(failed[0]) if failed and not running else None
        if first is not None and self._current() not in failed:
            self.table.setCurrentItem(first)
        self._show_details()

    def _again(self) -> None:
        failed = [at for at, state in enumerate(self._states) if state is ResultState.FAILED]
        for at in failed:
            self.tell(at, ResultState.WAITING)
        self._retry(failed)

    # ------------------------------------------------------------------ words

    def text(self) -> str:
        """All results as text."""
        lines = [self.windowTitle()]
        for at, name in enumerate(self._names):
            error = self._errors[at]
            told = words_of(error) if error is not None else self._line(at)
            lines.append(f"{name}: {told}")
        return "\n".join(lines)

    def _toggle_details(self, on: bool) -> None:
        self.details.setVisible(on)
        if on:
            self._show_details()
            self.fit()

    def _current(self) -> int:
        item = self.table.currentItem()
        return self.table.indexOfTopLevelItem(item) if item is not None else -1

    def _show_details(self) -> None:
        at = self._current()
        error = self._errors[at] if at >= 0 else None
        text = words_of(error) if error is not None else self.tr("Select one that failed.")
        if text != self.details.toPlainText():
            self.details.setPlainText(text)

    # ------------------------------------------------------------------ window

    def open_beside(self) -> None:
        """Shows it without taking the focus from the work."""
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.fit()
        self.show()

    def reject(self) -> None:
        """Override QDialog::reject: Esc closes it for good."""
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Override QDialog::closeEvent: the work goes on unseen."""
        event.accept()
