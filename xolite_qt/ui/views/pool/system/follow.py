"""Fields that change something on the host at once, and show what the host says of it.

Nothing is believed before its event: a field shows what was asked for with a busy mark, then what
the host reports; after a refusal it goes back, with the reason beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import shiboken6
from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QStandardItem, QStandardItemModel, QWheelEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from xolite_qt.ui.actions import Question
from xolite_qt.ui.deeds import Deed
from xolite_qt.ui.errors import explain
from xolite_qt.ui.models.sr_roles import SrOption, option_of
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.widgets import Spinner, TextLabel, plain_tooltip
from xolite_qt.xen_api import TaskCancelled

EVENT_S = 15.0
"""So long after the answer its event may come; then the field shows again what is known."""

Value = str | bool
Make = Callable[[str], Deed]
MakeSwitch = Callable[[bool], Deed]


class Follow(QObject):
    """One value that was asked for, until the host reports it or refuses.

    Signals:
        changed: waiting began or ended, or there is another problem.

    Attributes:
        wanted: what was asked for and is not reported yet; None while nothing is.
        problem: why the last wish did not come true, or "".
    """

    changed = Signal()

    def __init__(self, context: PageContext, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self.wanted: Value | None = None
        self.problem = ""
        self._seen: Value | None = None
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.timeout.connect(self._no_event)

    @property
    def is_waiting(self) -> bool:
        """Whether something was asked for that is not reported yet."""
        return self.wanted is not None

    def ask(self, value: Value, deed: Deed, question: Question | None = None) -> None:
        """Do it; `value` is what the host will report then."""
        blocked = self._context.actions.blocked
        if blocked is not None:
            self._settle(blocked)
            return
        self.wanted, self.problem = value, ""
        self.changed.emit()
        self._context.tasks.spawn(self._work(deed, question), f"{deed.label} {deed.name}")

    def saw(self, value: Value) -> None:
        """What the host reports now."""
        was, self._seen = self._seen, value
        if self.wanted is not None:
            if value == self.wanted:
                self._settle("")
        elif self.problem and value != was:
            self._settle("")

    async def _work(self, deed: Deed, question: Question | None) -> None:
        outcomes = await self._context.actions.do([deed], question)
        if not shiboken6.isValid(self):
            return
        if outcomes is None:
            self._settle("")
        elif (error := outcomes[0].error) is not None:
            explained = explain(error)
            cancelled = isinstance(error, TaskCancelled)
            self._settle("" if cancelled else f"Not changed: {explained.summary}")
        elif self.is_waiting:
            self._late.start(int(EVENT_S * 1000))

    def _no_event(self) -> None:
        self._settle("The host took the change, but does not report it.")

    def _settle(self, problem: str) -> None:
        self._late.stop()
        self.wanted, self.problem = None, problem
        self.changed.emit()


class _Combo(QComboBox):
    """A combo whose choice costs a call: it is made in the opened list only."""

    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(10)
        self.setMaximumWidth(560)

    @property
    def is_open(self) -> bool:
        return self.view().isVisible()

    def hidePopup(self) -> None:
        """Override QComboBox::hidePopup."""
        super().hidePopup()
        self.closed.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Override QComboBox::wheelEvent: the page scrolls."""
        event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Override QComboBox::keyPressEvent: arrows and letters open the list."""
        moves = event.key() in (
            Qt.Key.Key_Up,
            Qt.Key.Key_Down,
            Qt.Key.Key_PageUp,
            Qt.Key.Key_PageDown,
            Qt.Key.Key_Home,
            Qt.Key.Key_End,
        )
        if moves or (event.text().strip() and event.text().isprintable()):
            self.showPopup()
        else:
            super().keyPressEvent(event)


class _Noted(QWidget):
    """A field with its busy mark, and a line below."""

    def __init__(self, context: PageContext, field: QWidget, hint: str) -> None:
        super().__init__()
        self.follow = Follow(context, self)
        self._hint = hint
        self.busy = Spinner(16, says=self.tr("Waiting for the host"))
        keeps = self.busy.sizePolicy()
        keeps.setRetainSizeWhenHidden(True)
        self.busy.setSizePolicy(keeps)
        self.busy.hide()
        self.note = TextLabel("", kind="small", tone="secondary", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        row = QHBoxLayout()
        row.setSpacing(8)
        # As wide as it may, and the mark right behind it.
        row.addWidget(field, 0 if isinstance(field, QCheckBox) else 100)
        row.addWidget(self.busy)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(self.note)
        self.field = field
        self.follow.changed.connect(self._dress)

    def _dress(self) -> None:
        waiting = self.follow.is_waiting
        self.busy.setVisible(waiting)
        self.field.setEnabled(not waiting)
        if self.follow.problem:
            self._say(self.follow.problem, "danger")
        else:
            warning = self.warning()
            self._say(warning or self._hint, "warning" if warning else "secondary")

    def warning(self) -> str:
        """What speaks against the value as it is."""
        return ""

    def _say(self, text: str, tone: str) -> None:
        self.note.set_text(text)
        self.note.set_tone(tone)  # type: ignore[arg-type]  # one of its literals
        self.note.setVisible(bool(text))
        self.field.setAccessibleDescription(text)


class SrPicker(_Noted):
    """Chooses an SR for a role; what can't serve stays visible, greyed, with its reason.

    Args:
        says: what is chosen, for screen readers: "Crash dump SR of the pool".
        make: what sets it, from a reference.
        hint: shown below while nothing is wrong.
    """

    def __init__(self, context: PageContext, says: str, make: Make, hint: str = "") -> None:
        self.combo = _Combo()
        super().__init__(context, self.combo, hint)
        self._make = make
        self._options: list[SrOption] = []
        self._current = ""
        self._filled: list[SrOption] = []
        self.combo.setAccessibleName(says)
        self.combo.activated.connect(self._picked)
        self.combo.closed.connect(self._dress)

    @property
    def options(self) -> Sequence[SrOption]:
        """What is offered now."""
        return tuple(self._options)

    def show_options(self, offered: Sequence[SrOption], current: str) -> None:
        """Show what may be chosen, and what the host reports as chosen."""
        self._options, self._current = list(offered), current
        self.follow.saw(current)
        self._dress()

    def warning(self) -> str:
        """What is wrong with the SR that serves now."""
        option = option_of(self._current, self._options)
        if option.missing:
            return f"{option.reason} Choose another one, or None."
        if option.reason is not None:
            return f"It can't serve now: {option.reason}."
        return option.warning

    def _dress(self) -> None:
        # An open list stays as it is until it is closed.
        if not self.combo.is_open and self._options:
            self._fill()
            wanted = self.follow.wanted if self.follow.is_waiting else self._current
            self.combo.setCurrentIndex(self.combo.findData(wanted))
            self.combo.setToolTip(plain_tooltip(self.combo.currentText()))
        super()._dress()

    def _fill(self) -> None:
        if self._filled == self._options:
            return
        self._filled = list(self._options)
        model = QStandardItemModel(self.combo)
        for option in self._options:
            item = QStandardItem(option.text)
            item.setData(option.ref, Qt.ItemDataRole.UserRole)
            item.setToolTip(plain_tooltip(option.reason or option.warning))
            if option.reason is not None:
                item.setFlags(Qt.ItemFlag.ItemIsSelectable)
                item.setEnabled(False)
            model.appendRow(item)
        # The combo deletes the model before: it is its child.
        self.combo.setModel(model)
        # The list may be wider than the field: reasons are read there.
        self.combo.view().setMinimumWidth(min(self.combo.view().sizeHintForColumn(0) + 40, 720))

    def _picked(self, at: int) -> None:
        ref = self.combo.itemData(at)
        if isinstance(ref, str) and ref != self._current:
            self.follow.ask(ref, self._make(ref))


class Switch(_Noted):
    """A yes or no that is set at once.

    Args:
        text: beside the box.
        make: what sets it.
        hint: shown below while nothing is wrong.
    """

    def __init__(self, context: PageContext, text: str, make: MakeSwitch, hint: str = "") -> None:
        self.box = QCheckBox(text)
        super().__init__(context, self.box, hint)
        self._make = make
        self._current = False
        self._reason: str | None = None
        # Under the words, not under the box.
        self.note.setContentsMargins(28, 0, 0, 0)
        self.box.setAccessibleName(text)
        self.box.clicked.connect(self._clicked)

    def show_value(self, current: bool, reason: str | None = None) -> None:
        """Show what the host reports, and why it may not be changed now, if so."""
        self._current, self._reason = current, reason
        self.follow.saw(current)
        self._dress()

    def _dress(self) -> None:
        wanted = self.follow.wanted
        self.box.setChecked(wanted if isinstance(wanted, bool) else self._current)
        super()._dress()
        if self._reason is not None and not self.follow.is_waiting:
            self.box.setEnabled(False)
            self.box.setToolTip(plain_tooltip(self._reason))
            if not self.follow.problem:
                self._say(self._reason, "secondary")
        else:
            self.box.setToolTip("")

    def _clicked(self, on: bool) -> None:
        if on != self._current:
            self.follow.ask(on, self._make(on))
