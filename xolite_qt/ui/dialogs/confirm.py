"""The question before an action that hurts: the more harm, the more one has to do to go on."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit, QWidget

from xolite_qt.ui.actions import Harm, Question
from xolite_qt.ui.dialogs.base import Dialog
from xolite_qt.ui.widgets.text import TextLabel

_SHOWN = 12


class ConfirmDialog(Dialog):
    """Names what it is about and what goes with it; the button is the verb.

    A destructive question wants a name typed, and Enter never answers it.
    """

    def __init__(self, question: Question, parent: QWidget | None = None) -> None:
        destructive = question.harm is Harm.DESTRUCTIVE
        super().__init__(
            question.title,
            icon="warning" if not destructive else "danger",
            accent="danger" if destructive else "warning",
            parent=parent,
        )
        self.question = question
        if question.text:
            self.body.addWidget(TextLabel(question.text, wrap=True))
        if len(question.objects) > 1:
            self._add_list(self.tr("This concerns:"), question.objects)
        if question.consequences:
            self._add_list(self.tr("Also deleted:"), question.consequences)
        self.typed: QLineEdit | None = None
        if question.type_this:
            label = TextLabel(
                self.tr("To go on, type: {0}").format(question.type_this),
                wrap=True,
                selectable=True,
            )
            self.typed = QLineEdit()
            self.typed.setAccessibleName(self.tr("Type the name to go on"))
            self.typed.textChanged.connect(self._typed)
            self.body.addWidget(label)
            self.body.addWidget(self.typed)
        self.body.addStretch(1)
        self.cancel = self.add_button(self.tr("Cancel"))
        self.cancel.clicked.connect(self.reject)
        self.go = self.add_button(question.verb, "danger")
        self.go.clicked.connect(self.accept)
        self._typed()
        if self.typed is None:
            self.cancel.setFocus()

    def _add_list(self, caption: str, names: tuple[str, ...]) -> None:
        self.body.addWidget(TextLabel(caption, kind="body-bold"))
        lines = [f"•  {name}" for name in names[:_SHOWN]]
        if len(names) > _SHOWN:
            lines.append(self.tr("… and {0} more").format(len(names) - _SHOWN))
        self.body.addWidget(TextLabel("\n".join(lines), tone="secondary", wrap=True))

    def _typed(self) -> None:
        ready = self.typed is None or self.typed.text().strip() == self.question.type_this
        self.go.set_reason(None if ready else self.tr("Type the name first."))
