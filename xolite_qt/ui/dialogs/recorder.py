"""The flight recorder on screen: the calls of the last hour, to copy, to save, to play again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from PySide6.QtWidgets import QHBoxLayout, QWidget

from xolite_qt.recorder import CallItem, FlightRecorder
from xolite_qt.recorder.redact import redact_params
from xolite_qt.ui import format as fmt
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.models.column import Column, Kind
from xolite_qt.ui.models.record_table import RecordTableModel
from xolite_qt.ui.widgets import DataTable, IconButton, SearchField, TextLabel


class CallRow(msgspec.Struct, frozen=True):
    """A call in the table."""

    ref: str
    call: CallItem


def _params(row: CallRow) -> str:
    # What is on the screen, and in what is copied from it, others may see.
    shown = redact_params(row.call.method, row.call.params)
    return ", ".join(_short(param) for param in shown)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


COLUMNS = (
    Column[CallRow](
        id="at",
        title="Time",
        value=lambda row: row.call.at_s,
        text=lambda row: fmt.clock(row.call.at_s, seconds=True),
        kind=Kind.TIME,
        width=110,
    ),
    Column[CallRow](id="method", title="Call", value=lambda row: row.call.method, width=230),
    Column[CallRow](id="params", title="With", value=_params, width=240),
    Column[CallRow](
        id="took",
        title="Took",
        value=lambda row: row.call.took_s,
        text=lambda row: f"{row.call.took_s * 1000:.0f} ms",
        kind=Kind.NUMBER,
        width=80,
    ),
    Column[CallRow](id="error", title="Refused with", value=lambda row: row.call.error, width=170),
)


class RecorderDialog(Dialog):
    """What was called, and what can be done with the recording.

    Args:
        recorder: of this connection.
        save: asks for a file and writes the recording there.
        replay: plays it in a window of its own.
        show_script: shows calls as scripts.
    """

    def __init__(
        self,
        recorder: FlightRecorder,
        *,
        save: Callable[[], object],
        replay: Callable[[], object],
        show_script: Callable[[Sequence[CallItem]], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(self.tr("Flight recorder"), icon="history", width=900, parent=parent)
        self.setModal(False)
        self._recorder = recorder
        self.about = TextLabel("", tone="secondary", wrap=True)
        self.body.addWidget(self.about)
        bar = QHBoxLayout()
        self.search = SearchField(self.tr("Search calls"))
        self.search.setMaximumWidth(320)
        bar.addWidget(self.search)
        bar.addStretch(1)
        self.again = IconButton("refresh", self.tr("Read again"), self.refresh)
        bar.addWidget(self.again)
        self.body.addLayout(bar)
        self.model = RecordTableModel(COLUMNS)
        self.model.setParent(self)
        self.model.sort_by("at", descending=True)
        self.table = DataTable(self.model, says=self.tr("Calls"))
        self.table.setMinimumHeight(320)
        self.body.addWidget(self.table, 1)
        self.script = self.add_button(self.tr("Show as script"), "tertiary")
        self.script.clicked.connect(lambda: show_script(self.chosen()))
        self.save = self.add_button(self.tr("Save recording…"))
        self.save.clicked.connect(lambda: save())
        self.replay = self.add_button(self.tr("Replay"))
        self.replay.set_tip(self.tr("Plays it in a window of its own, where nothing can be done"))
        self.replay.clicked.connect(lambda: replay())
        self.close_button = self.add_button(self.tr("Close"), "primary")
        self.close_button.clicked.connect(self.reject)
        self.search.searched.connect(self.model.set_filter)
        self.table.selection_changed.connect(lambda _refs: self._judge())
        self.refresh()
        self._judge()

    def refresh(self) -> None:
        """Shows what is kept now."""
        calls = self._recorder.calls()
        self.model.replace([CallRow(f"{number}", call) for number, call in enumerate(calls)])
        self.about.set_text(
            self.tr(
                "The last {0} of what this window heard from the host and asked of it, in {1} of "
                "memory; {2}. Passwords and keys are left out when it is saved; names and "
                "addresses are not."
            ).format(
                fmt.duration(self._recorder.span_s),
                fmt.size(self._recorder.size_bytes),
                fmt.plural(len(calls), "call", "calls"),
            )
        )

    def chosen(self) -> list[CallItem]:
        """The selected calls, in the order in which they were made."""
        rows = [self.model.get(ref) for ref in self.table.selected_refs()]
        return sorted((row.call for row in rows if row is not None), key=lambda call: call.at_s)

    def _judge(self) -> None:
        self.script.set_reason(None if self.chosen() else self.tr("Select calls first."))
