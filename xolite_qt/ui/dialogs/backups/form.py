"""Rows of a form: caption, field, and what is said of it: a hint, or what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from xolite_qt.ui.widgets.badges import IconLabel
from xolite_qt.ui.widgets.number_field import NumberField
from xolite_qt.ui.widgets.text import TextLabel, Tone

CAPTION_PX = 168


class Row(QWidget):
    """One or more fields side by side, with a line below.

    The line shows the hint; a problem takes its place, with a sign before it.
    """

    def __init__(self, fields: Sequence[QWidget], hint: str = "") -> None:
        super().__init__()
        self._hint = hint
        self._tone: Tone = "secondary"
        self.problem = ""
        self.fields = tuple(fields)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.line = QHBoxLayout()
        self.line.setSpacing(8)
        for field in fields:
            self.line.addWidget(field)
        column.addLayout(self.line)
        line = QHBoxLayout()
        line.setSpacing(6)
        self._sign = IconLabel("danger", 14, color="danger")
        self._text = TextLabel(hint, kind="small", tone="secondary", wrap=True)
        line.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(self._text, 1)
        column.addLayout(line)
        self.set_problem("")

    def set_problem(self, problem: str) -> None:
        """Say what is wrong with the field, or nothing."""
        self.problem = problem
        self._sign.setVisible(bool(problem))
        self._say(problem or self._hint, "danger" if problem else self._tone)
        accent = "danger" if problem else ""
        for field in self.fields:
            if isinstance(field, QLineEdit | QComboBox | QSpinBox) and (
                (field.property("accent") or "") != accent
            ):
                field.setProperty("accent", accent)
                field.style().unpolish(field)
                field.style().polish(field)
            field.setAccessibleDescription(problem or self._hint)

    def set_hint(self, hint: str, tone: Tone = "secondary") -> None:
        """Say something else while nothing is wrong."""
        self._hint, self._tone = hint, tone
        if not self.problem:
            self._say(hint, tone)

    def _say(self, text: str, tone: Tone) -> None:
        self._text.set_text(text)
        self._text.set_tone(tone)
        self._text.setVisible(bool(text))


class Form(QWidget):
    """Captions at the left, fields at the right."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(12)
        self._grid.setColumnMinimumWidth(0, CAPTION_PX)
        self._grid.setColumnStretch(1, 1)

    def add(self, caption: str, *fields: QWidget, hint: str = "", narrow: bool = False) -> Row:
        """Append a row; `narrow` keeps its fields from filling it."""
        row = Row(fields, hint)
        if narrow:
            for field in fields:
                field.setMaximumWidth(300)
            row.line.addStretch(1)
        for field in fields:
            if not field.accessibleName():
                field.setAccessibleName(caption)
        at = self._grid.rowCount()
        label = TextLabel(caption, wrap=True)
        label.setBuddy(fields[0])
        label.setContentsMargins(0, 7, 0, 0)
        self._grid.addWidget(label, at, 0, Qt.AlignmentFlag.AlignTop)
        self._grid.addWidget(row, at, 1)
        return row

    def add_wide(self, widget: QWidget) -> None:
        """Append a widget over both columns."""
        self._grid.addWidget(widget, self._grid.rowCount(), 0, 1, 2)

    def set_row_visible(self, row: Row, *, visible: bool) -> None:
        """Show or hide a row with its caption."""
        at = self._grid.indexOf(row)
        line = self._grid.getItemPosition(at)[0]  # type: ignore[index]  # the stub says object
        item = self._grid.itemAtPosition(line, 0)
        caption = item.widget() if item is not None else None
        row.setVisible(visible)
        if caption is not None:
            caption.setVisible(visible)


class PageStack(QWidget):
    """Pages of which one is seen, and which is as high as that one: the longest makes no other
    scroll."""

    def __init__(self) -> None:
        super().__init__()
        self._pages: list[QWidget] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)

    def add(self, page: QWidget) -> None:
        """Append a page; the first one is seen."""
        page.setVisible(not self._pages)
        self._pages.append(page)
        self._column.addWidget(page)

    @property
    def current(self) -> int:
        """Number of the page that is seen."""
        return next((at for at, page in enumerate(self._pages) if not page.isHidden()), -1)

    def show_page(self, number: int) -> None:
        """See another page."""
        for at, page in enumerate(self._pages):
            page.setVisible(at == number)


def number(least: int, most: int, value: int, *, suffix: str = "", says: str = "") -> QSpinBox:
    """A field of a whole number; the wheel passes over it to the page, unless it has the focus."""
    field = NumberField()
    field.setRange(least, most)
    field.setValue(value)
    field.setSuffix(suffix)
    field.setFixedWidth(110)
    field.setAlignment(Qt.AlignmentFlag.AlignRight)
    if says:
        field.setAccessibleName(says)
    return field


_LEAST_CHOICE_PX = 160


class Choice(QComboBox):
    """A field of one of a few values, known by their ids."""

    def __init__(
        self,
        values: Sequence[tuple[str, str]],
        current: str = "",
        on_change: Callable[[], object] | None = None,
    ) -> None:
        super().__init__()
        for ident, words in values:
            self.addItem(words, ident)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.set_current(current)
        if on_change is not None:
            self.currentIndexChanged.connect(lambda _at: on_change())

    def minimumSizeHint(self) -> QSize:
        """One long value makes no dialog wider than its screen: the open list shows it whole."""
        hint = super().minimumSizeHint()
        return QSize(min(hint.width(), _LEAST_CHOICE_PX), hint.height())

    def current(self) -> str:
        """Id of the chosen value; "" without any."""
        data = self.currentData()
        return data if isinstance(data, str) else ""

    def set_current(self, ident: str) -> bool:
        """Choose by id; False where there is none."""
        at = self.findData(ident)
        if at >= 0:
            self.setCurrentIndex(at)
        return at >= 0

    def wheelEvent(self, event: object) -> None:
        """Override QComboBox::wheelEvent: scrolling the form must not change it."""
        if self.hasFocus():
            super().wheelEvent(event)  # type: ignore[arg-type]
        else:
            event.ignore()  # type: ignore[attr-defined]
