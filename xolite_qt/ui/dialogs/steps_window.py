"""Long work of several steps, in a window that nobody has to wait in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.errors import explain
from xolite_qt.ui.widgets.badges import IconLabel
from xolite_qt.ui.widgets.text import TextLabel
from xolite_qt.xen_api import XenApiError

Work = Callable[[Any], Awaitable[Any]]


class Stage(StrEnum):
    """How far a step is; the value is its word."""

    WAITING = "waiting"
    RUNNING = "under way"
    DONE = "done"
    FAILED = "failed"


_MARKS = {
    Stage.WAITING: ("clock", "muted"),
    Stage.RUNNING: ("refresh", "info"),
    Stage.DONE: ("check", "success"),
    Stage.FAILED: ("danger", "danger"),
}


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        title: in words.
        work: does it, with a connection or a rehearsal of one.
        may_fail: whether the steps behind it are done even where it fails.
        undo: what takes it back, offered where the work ends before its end; None for nothing.
        is_final: whether nothing before it can be taken back once it was done.
    """

    title: str
    work: Work
    may_fail: bool = False
    undo: Step | None = None
    is_final: bool = False


class _Row(QWidget):
    """A step with its mark."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        self.mark = IconLabel("clock", 16, color="muted")
        row.addWidget(self.mark, 0, Qt.AlignmentFlag.AlignTop)
        self.title = TextLabel(step.title, wrap=True, tone="secondary")
        row.addWidget(self.title, 1)
        self.word = TextLabel("", kind="small", tone="secondary")
        row.addWidget(self.word, 0, Qt.AlignmentFlag.AlignTop)
        self.stage = Stage.WAITING
        self._says = step.title
        self.set_stage(Stage.WAITING)

    @property
    def is_done(self) -> bool:
        """Whether its step was done."""
        return self.stage is Stage.DONE

    def set_stage(self, stage: Stage) -> None:
        """Shows how far the step is."""
        self.stage = stage
        name, colour = _MARKS[stage]
        self.mark.set_icon(name, color=colour)
        self.title.set_tone("secondary" if stage is Stage.WAITING else "txt")
        self.word.set_text("" if stage is Stage.WAITING else stage.value)
        self.setAccessibleName(f"{self._says}: {stage.value}")


class StepsWindow(Dialog):
    """Works through steps, one after the other; a failed one can be tried again.

    Closing it hides it: the work goes on, and its end is told. A failure brings it back. Work that
    ends half-way leaves nothing behind unasked: what was done can be taken back.

    Args:
        title: what all of it is.
        steps: what is done.
        notify: tells the end.
        done: words for a good end: "xcp1 is in maintenance."
    """

    def __init__(
        self,
        title: str,
        steps: Sequence[Step],
        notify: Callable[..., None],
        done: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(title, icon="task", parent=parent)
        self.setModal(False)
        self._steps, self._notify, self._done = tuple(steps), notify, done
        self.rows = [_Row(step) for step in self._steps]
        self.undo_rows: list[_Row] = []
        for row in self.rows:
            self.body.addWidget(row)
        self.trouble = TextLabel("", tone="danger", wrap=True, selectable=True)
        self.trouble.hide()
        self.body.addWidget(self.trouble)
        self.body.addStretch(1)
        self.stop = self.add_button(self.tr("Stop after this step"))
        self.stop.clicked.connect(self._stop)
        self.again = self.add_button(self.tr("Try again"), "primary")
        self.again.clicked.connect(lambda: self._answer(True))
        self.again.hide()
        self.back = self.add_button(self.tr("Undo what was done"), "primary")
        self.back.clicked.connect(lambda: self._answer(True))
        self.back.hide()
        self.close_button = self.add_button(self.tr("Hide"))
        self.close_button.clicked.connect(self.close)
        self._wants_stop = False
        self._ended = False
        self._choice: asyncio.Future[bool] | None = None

    @property
    def stages(self) -> list[Stage]:
        """How far each step is."""
        return [row.stage for row in self.rows]

    async def work(self, api: Any) -> bool:
        """Does the steps.

        Returns:
            Whether all of them were done.
        """
        self.fit()
        self.show()
        well = False
        try:
            well = await self._all(api)
        finally:
            self._end(well)
        undo = [] if well else self._undoing()
        if undo and await self._offer():
            await self._undo(api, undo)
        if not self.isVisible():
            self.deleteLater()
        return well

    async def _all(self, api: Any) -> bool:
        well = True
        for step, row in zip(self._steps, self.rows, strict=True):
            if self._wants_stop:
                return False
            done = await self._one(api, step, row)
            well = well and done
            if not done and not step.may_fail:
                return False
        return well

    def _undoing(self) -> list[Step]:
        """What takes back that which was done, in the order in which it was done."""
        done = [s for s, r in zip(self._steps, self.rows, strict=True) if r.stage is Stage.DONE]
        if any(step.is_final for step in done):
            return []
        return [step.undo for step in done if step.undo is not None]

    async def _offer(self) -> bool:
        """Whether to take back what was done."""
        self.back.show()
        self.show()
        self.raise_()
        self._choice = asyncio.get_running_loop().create_future()
        try:
            return await self._choice
        finally:
            self._choice = None
            self.back.hide()

    async def _undo(self, api: Any, steps: Sequence[Step]) -> None:
        self._ended = False
        self.trouble.hide()
        self.close_button.setText(self.tr("Hide"))
        rows = [_Row(step) for step in steps]
        for row in rows:
            self.body.insertWidget(self.body.indexOf(self.trouble), row)
        self.undo_rows = rows
        self.fit()
        well = True
        for step, row in zip(steps, rows, strict=True):
            # One that fails must not keep the others down.
            well = await self._one(api, replace(step, may_fail=True), row) and well
        self._ended = True
        self.close_button.setText(self.tr("Close"))
        if well:
            text = self.tr("{0}: what was done is undone.").format(self.windowTitle())
            self._notify(text, level="success")
        else:
            text = self.tr("{0}: not everything could be undone.").format(self.windowTitle())
            self._notify(text, level="danger", details=self.trouble.text())

    async def _one(self, api: Any, step: Step, row: _Row) -> bool:
        while True:
            row.set_stage(Stage.RUNNING)
            self.bring_into_sight(row)
            try:
                await step.work(api)
            except XenApiError as error:
                row.set_stage(Stage.FAILED)
                explained = explain(error)
                self.trouble.set_text(
                    f"{step.title}: {explained.summary} {explained.advice}\n{explained.details}"
                )
                self.trouble.show()
                if step.may_fail:
                    return False
                if not await self._ask():
                    return False
                self.trouble.hide()
                continue
            row.set_stage(Stage.DONE)
            return True

    async def _ask(self) -> bool:
        """What to do with a failed step: whether to try it again."""
        self.again.show()
        self.stop.setText(self.tr("Give up"))
        self.show()
        self.raise_()
        self._choice = asyncio.get_running_loop().create_future()
        try:
            return await self._choice
        finally:
            self._choice = None
            self.again.hide()
            self.stop.setText(self.tr("Stop after this step"))

    def _answer(self, again: bool) -> None:
        if self._choice is not None and not self._choice.done():
            self._choice.set_result(again)

    def _stop(self) -> None:
        self._wants_stop = True
        self.stop.set_reason(self.tr("It ends after the step that is under way."))
        self._answer(False)

    def _end(self, well: bool) -> None:
        self._ended = True
        self.stop.hide()
        self.close_button.setText(self.tr("Close"))
        if well:
            self._notify(self._done, level="success")
        else:
            done = self.stages.count(Stage.DONE)
            text = self.tr("{0}: {1} of {2} steps done.").format(
                self.windowTitle(), done, len(self.rows)
            )
            self._notify(text, level="warning", details=self.trouble.text())
        if not self.isVisible():
            self.deleteLater()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Override QWidget::closeEvent: the work goes on unseen."""
        self._close()
        event.accept()

    def reject(self) -> None:
        """Override QDialog::reject: Esc hides it too."""
        self._close()
        super().reject()

    def _close(self) -> None:
        if self._choice is not None:
            self._answer(False)
        elif self._ended:
            self.deleteLater()
