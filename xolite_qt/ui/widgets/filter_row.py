"""A table's header with a line of small filter fields under the titles."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHeaderView, QLineEdit, QTableView

from xolite_qt.ui.models.column import NUMERIC
from xolite_qt.ui.models.roles import KIND_ROLE
from xolite_qt.ui.widgets.text import plain_tooltip

__all__ = ["FilterHeader"]

FIELDS_PX = 36


class _Field(QLineEdit):
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
            return
        super().keyPressEvent(event)


class FilterHeader(QHeaderView):
    """Titles, and while `filters_visible` a field under each that filters its column.

    The fields write into the model's `set_column_filter`; a model without it has no fields.
    """

    def __init__(self, view: QTableView) -> None:
        super().__init__(Qt.Orientation.Horizontal, view)
        self._view = view
        self._fields: dict[int, _Field] = {}
        self._shown = False
        self.sectionResized.connect(self.follow)
        self.sectionMoved.connect(self.follow)
        view.horizontalScrollBar().valueChanged.connect(self.follow)

    @property
    def filters_visible(self) -> bool:
        """Whether the fields are shown."""
        return self._shown

    def set_filters_visible(self, visible: bool) -> None:
        """Show or hide the fields; hiding them clears their filters."""
        if visible == self._shown:
            return
        self._shown = visible
        if not visible:
            self.clear()
        self.updateGeometries()
        self.updateGeometry()
        # The table asks its header for the height only when its own geometry is laid out.
        self._view.updateGeometries()
        self.follow()

    def sizeHint(self) -> QSize:
        """Titles, and the fields where they are shown."""
        hint = super().sizeHint()
        return QSize(hint.width(), hint.height() + (FIELDS_PX if self._shown else 0))

    def updateGeometries(self) -> None:
        """Keep room for the fields under the titles."""
        self.setViewportMargins(0, 0, 0, FIELDS_PX if self._shown else 0)
        super().updateGeometries()
        self.follow()

    def rebuild(self) -> None:
        """Make the fields for the model's columns."""
        for field in self._fields.values():
            field.hide()
            field.deleteLater()
        self._fields = {}
        model = self._view.model()
        if not hasattr(model, "set_column_filter"):
            return
        horizontal = Qt.Orientation.Horizontal
        for at in range(model.columnCount()):
            title = str(model.headerData(at, horizontal) or "")
            field = _Field(self)
            field.setProperty("dense", True)
            field.setMaxLength(200)
            field.setPlaceholderText(self.tr("Filter"))
            field.setAccessibleName(self.tr("Filter %1").replace("%1", title))
            if model.headerData(at, horizontal, KIND_ROLE) in NUMERIC:
                hint = self.tr("Text, >8G, <=50% or !text")
            else:
                hint = self.tr("Text, =exact text or !without text")
            field.setToolTip(plain_tooltip(hint))
            field.textChanged.connect(lambda text, at=at: self._typed(at, text))
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
        for at in sorted(self._fields, key=self.sectionViewportPosition):
            if not self.isSectionHidden(at):
                self._fields[at].setFocus(Qt.FocusReason.ShortcutFocusReason)
                return

    def follow(self, *_what: object) -> None:
        """Stand under the titles as they are now."""
        top = self.height() - FIELDS_PX
        for at, field in self._fields.items():
            field.setVisible(self._shown and not self.isSectionHidden(at))
            left = self.sectionViewportPosition(at)
            field.setGeometry(left + 4, top + 4, max(20, self.sectionSize(at) - 8), FIELDS_PX - 8)
