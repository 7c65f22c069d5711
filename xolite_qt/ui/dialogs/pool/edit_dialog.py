"""A form that stays open until the host has taken what it says: a refusal loses nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import shiboken6
from PySide6.QtWidgets import QHBoxLayout, QWidget

from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.dialogs.backups.form import Form, Row
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.errors import explain
from xolite_qt.ui.widgets.badges import IconLabel
from xolite_qt.ui.widgets.text import TextLabel

if TYPE_CHECKING:
    from xolite_qt.ui.actions import Question
    from xolite_qt.ui.context import PageContext


class EditDialog(Dialog):
    """Rows of fields, and one verb. A subclass fills `form` and overrides `check` and `deed`.

    Args:
        context: of the page that opens it.
        title: what is edited.
        verb: the word on the button.
        icon: beside the title.
        width: of the content in px.
    """

    def __init__(
        self,
        context: PageContext,
        title: str,
        verb: str = "Save",
        *,
        icon: str = "edit",
        width: int = 600,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(title, icon=icon, width=width, parent=parent)
        self.context = context
        self.form = Form()
        self.body.addWidget(self.form)
        self._sign = IconLabel("danger", 16, color="danger")
        self.refusal = TextLabel("", tone="danger", wrap=True, selectable=True)
        self._refused = QWidget()
        line = QHBoxLayout(self._refused)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        line.addWidget(self._sign)
        line.addWidget(self.refusal, 1)
        self._refused.hide()
        self.body.addWidget(self._refused)
        self.body.addStretch(1)
        self.cancel = self.add_button("Cancel")
        self.cancel.clicked.connect(self.reject)
        self.save = self.add_button(verb, "primary", default=True)
        self.save.clicked.connect(self._save)

    def check(self) -> dict[Row, str]:
        """What is wrong with which row; empty where all is well."""
        return {}

    def deed(self) -> Deed | None:
        """What is to be done; None where nothing was changed."""
        raise NotImplementedError

    def question(self) -> Question | None:
        """What is asked first, if anything."""
        return None

    def _save(self) -> None:
        problems = self.check()
        for row in self.form.findChildren(Row):
            row.set_problem(problems.get(row, ""))
        if problems:
            first = next(iter(problems))
            first.fields[0].setFocus()
            self.bring_into_sight(first)
            return
        blocked = self.context.actions.blocked
        if blocked is not None:
            self._refuse(blocked)
            return
        deed = self.deed()
        if deed is None:
            self.accept()
            return
        self._refuse("")
        self.context.tasks.spawn(self._do(deed), f"{deed.label} {deed.name}")

    async def _do(self, deed: Deed) -> None:
        self.save.set_busy(True, "Saving…")
        self.form.setEnabled(False)
        outcomes = await self.context.actions.do([deed], self.question())
        # The window may have been closed meanwhile; the work goes on without it.
        if not shiboken6.isValid(self):
            return
        self.form.setEnabled(True)
        self.save.set_busy(False)
        if outcomes is None:
            return
        error = outcomes[0].error
        if error is None:
            self.accept()
            return
        explained = explain(error)
        self._refuse(f"{explained.summary} {explained.advice}".strip())

    def _refuse(self, why: str) -> None:
        self.refusal.set_text(why)
        self._refused.setVisible(bool(why))
        if why:
            self.bring_into_sight(self._refused)
