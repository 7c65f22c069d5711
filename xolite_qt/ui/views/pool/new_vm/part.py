"""A card of the form for a new VM."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from xolite_qt.ui import theme
from xolite_qt.ui.models.new_vm import NewVmForm
from xolite_qt.ui.models.new_vm_world import World
from xolite_qt.ui.views.pool.new_vm.session import NewVmSession
from xolite_qt.ui.widgets import Card

Problems = Mapping[str, str]


class Part(Card):
    """Some fields of the form; they write into it as they are used.

    Signals:
        changed: the form is another one.
        rebuilt: fields came or went; the order of the Tab key follows.
    """

    changed = Signal()
    rebuilt = Signal()

    def __init__(self, title: str, session: NewVmSession, description: str = "") -> None:
        super().__init__(title, description)
        self.session = session
        self.world = World()
        self._filling = False

    @property
    def form(self) -> NewVmForm:
        """The draft."""
        return self.session.form

    def fill(self, world: World) -> None:
        """Shows the form as it is, and what the pool offers now."""
        self.world = world
        self._filling = True
        try:
            self.show_form()
        finally:
            self._filling = False

    def show_form(self) -> None:
        """Overridden: puts the form into the fields; `told` is deaf meanwhile."""

    def take(self) -> None:
        """Overridden: puts the fields into the form."""

    def judge(self, problems: Problems) -> None:
        """Overridden: says what is wrong at its field, and why choices are closed."""

    def field_of(self, problem: str) -> QWidget | None:
        """Overridden: where a problem is put right; None where that is not here."""
        return None

    def told(self, *_news: object) -> None:
        """To be connected to the fields."""
        if not self._filling:
            self.take()
            self.changed.emit()


class CodeField(QPlainTextEdit):
    """A few lines of fixed pitch; Tab goes on to the next field."""

    def __init__(self, says: str, lines: int) -> None:
        super().__init__()
        self.setFont(theme.mono_font())
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setAccessibleName(says)
        self.setFixedHeight(self.fontMetrics().lineSpacing() * lines + 24)

    def set_text(self, text: str) -> None:
        """Show a text; the same one leaves the cursor where it is."""
        if text != self.toPlainText():
            self.setPlainText(text)


def first_of(problems: Problems, *names: str) -> str:
    """The first problem of several fields."""
    return next((problems[name] for name in names if name in problems), "")
