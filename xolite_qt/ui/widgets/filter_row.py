"""A line of small fields above a table's columns, one per column."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QSizePolicy, QTableView, QWidget

from xolite_qt.ui.models.column import NUMERIC
from xolite_qt.ui.models.roles import KIND_ROLE
from xolite_qt.ui.widgets.text import plain_tooltip

__all__ = ["FilterRow"]


class _Field(QLineEdit):
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
            return
        super().keyPressEvent(event)


class FilterRow(QWidget):
    """Fields that follow the columns of `view` and write into its model's `set_column_filter`."""

    def __init__(self, view: QTableView) -> None:
        super().__init__()
        self._view = view
        self._fields: dict[int, _Field] = {}
        self.setFixedHeight(34)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setProperty("panel", "bg")
        view.horizontalScrollBar().valueChanged.connect(self.follow)

    def sizeHint(self) -> QSize:
        """As wide as the table."""
        return QSize(0, 34)

    def rebuild(self) -> None:
        """Make the fields for the model's columns."""
        for field in self._fields.values():
            field.deleteLater()
        self._fields = {}
        model = self._view.model()
        if not hasattr(model, "set_column_filter"):
            return
        for at in range(model.columnCount()):
            title = str(model.headerData(at, Qt.Orientation.Horizontal) or "")
            field = _Field(self)
            field.setProperty("dense", True)
            field.setMaxLength(200)
            field.setPlaceholderText(self.tr("Filter"))
            field.setAccessibleName(self.tr("Filter %1").replace("%1", title))
            numeric = model.headerData(at, Qt.Orientation.Horizontal, KIND_ROLE) in NUMERIC
            field.setToolTip(
                plain_tooltip(
                    self.tr("Text, >8G, <=50% or !text") if numeric
                    else self.tr("Text, =exact text or !without text")
                )
            )  # fmt: skip
            field.textChanged.connect(lambda text, at=at: self._typed(at, text))
            field.show()
            self._fields[at] = field
        self.follow()

    def _typed(self, at: int, text: str) -> None:
        model = self._view.model()
        columns = getattr(model, "columns", ())
        write = getattr(model, "set_column_filter", None)
        if callable(write) and at < len(columns):
            write(columns[at].id, text)

    def field(self, at: int) -> QLineEdit:
        """The field of a column.

        Raises:
            KeyError: no such column.
        """
        return self._fields[at]

    def clear(self) -> None:
        """Empty all fields."""
        for field in self._fields.values():
            field.clear()

    def focus_first(self) -> None:
        """Go to the first visible field."""
        for at in sorted(self._fields, key=self._view.columnViewportPosition):
            if not self._view.isColumnHidden(at):
                self._fields[at].setFocus(Qt.FocusReason.ShortcutFocusReason)
                return

    def follow(self, *_what: object) -> None:
        """Stand above the columns as they are now."""
        for at, field in self._fields.items():
            field.setVisible(not self._view.isColumnHidden(at))
            left = self._view.columnViewportPosition(at)
            field.setGeometry(left + 4, 3, max(20, self._view.columnWidth(at) - 8), 28)
