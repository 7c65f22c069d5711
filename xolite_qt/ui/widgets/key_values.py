"""Facts in two columns: what it is, and its value, which copies itself on click."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSizePolicy, QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui import theme
from xolite_qt.ui.widgets.badges import IconLabel, StateBadge, Tags
from xolite_qt.ui.widgets.text import LinkLabel, TextLabel, ValueLabel

__all__ = ["KeyValues"]


class KeyValues(QWidget):
    """Rows of label and value.

    Call `set(...)` again with the same label to change a value; rows keep the order in which they
    were first set. Empty values read "–" and can't be copied.

    Args:
        columns: how many label/value pairs stand beside each other where there is room; rows run
            down the first column, then down the second.
        min_column: narrowest pair in px; narrower, and there is one column less.
    """

    def __init__(self, *, columns: int = 1, min_column: int = 300) -> None:
        super().__init__()
        self._most = columns
        self._min_column = min_column
        self._columns = columns
        self._rows: dict[str, tuple[TextLabel, QWidget]] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(8)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def set(
        self,
        label: str,
        value: str | None,
        *,
        icon: str | None = None,
        state: str | None = None,
        on_open: Callable[[], object] | None = None,
        tip: str = "",
        mono: bool = False,
    ) -> None:
        """Set one value.

        Args:
            label: what it is; also the row's name.
            value: shown as plain text; None or "" reads "–".
            icon: before the value, with `state` as its disc.
            on_open: makes the value a link that calls this.
            tip: tooltip, such as the absolute time of a relative one.
            mono: fixed-pitch, for identifiers and fingerprints.
        """
        found = self._rows.get(label)
        cell = found[1] if found else None
        kind = "link" if on_open and value else "value" if value else "none"
        kind += "-icon" if icon else ""
        if cell is None or cell.property("cell") != kind:
            cell = _Cell(kind, mono=mono)
            self._put(label, cell)
        assert isinstance(cell, _Cell)
        cell.show_value(value or fmt.NONE, icon, state, on_open, tip, label)

    def set_widget(self, label: str, widget: QWidget) -> None:
        """Set any widget as value; setting the same one again does nothing."""
        found = self._rows.get(label)
        if found is None or found[1] is not widget:
            self._put(label, widget)

    def set_state(self, label: str, state: str, text: str | None = None) -> None:
        """Set a state badge as value."""
        found = self._rows.get(label)
        badge = found[1] if found else None
        if isinstance(badge, StateBadge):
            badge.set_state(state, text)
        else:
            self._put(label, StateBadge(state, text))

    def set_tags(self, label: str, tags: Sequence[str]) -> None:
        """Set tag chips as value."""
        found = self._rows.get(label)
        chips = found[1] if found else None
        if isinstance(chips, Tags):
            chips.set_tags(tags)
        else:
            self._put(label, Tags(tags))

    def remove(self, label: str) -> None:
        """Take a row away; the others move up."""
        found = self._rows.pop(label, None)
        if found is None:
            return
        for widget in found:
            self._grid.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self._arrange()

    def value(self, label: str) -> str:
        """The shown text of a row.

        Raises:
            KeyError: no such row.
        """
        cell = self._rows[label][1]
        if isinstance(cell, _Cell):
            return cell.label.text()
        return cell.text() if isinstance(cell, StateBadge) else cell.accessibleName()

    def labels(self) -> list[str]:
        """All labels in order."""
        return list(self._rows)

    def cell(self, label: str) -> QWidget:
        """The widget that shows a value.

        Raises:
            KeyError: no such row.
        """
        return self._rows[label][1]

    def _put(self, label: str, cell: QWidget) -> None:
        found = self._rows.get(label)
        if found is None:
            name = TextLabel(label, tone="secondary")
            name.setMinimumHeight(22)
            self._rows[label] = (name, cell)
            name.setParent(self)
            cell.setParent(self)
            self._arrange()
            return
        name, old = found
        self._rows[label] = (name, cell)
        self._grid.replaceWidget(old, cell)
        self._grid.setAlignment(cell, Qt.AlignmentFlag.AlignTop)
        old.hide()
        old.deleteLater()

    def _arrange(self) -> None:
        top = Qt.AlignmentFlag.AlignTop
        for row in self._rows.values():
            for widget in row:
                self._grid.removeWidget(widget)
        height = -(-len(self._rows) // self._columns)
        for at, (name, cell) in enumerate(self._rows.values()):
            column, row_at = divmod(at, height)
            self._grid.addWidget(name, row_at, column * 2, top)
            self._grid.addWidget(cell, row_at, column * 2 + 1, top)
            name.show()
            cell.show()
        for column in range(self._most):
            used = column < self._columns
            self._grid.setColumnStretch(column * 2 + 1, 1 if used else 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Find the number of columns anew."""
        super().resizeEvent(event)
        columns = max(1, min(self._most, event.size().width() // self._min_column))
        if columns != self._columns:
            self._columns = columns
            self._arrange()


class _Cell(QWidget):
    """One value: an icon where wanted, and a label that copies or leads somewhere."""

    def __init__(self, kind: str, *, mono: bool) -> None:
        super().__init__()
        self.setProperty("cell", kind)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.icon = IconLabel("info") if kind.endswith("-icon") else None
        if self.icon is not None:
            row.addWidget(self.icon)
        self.label: TextLabel
        if kind.startswith("link"):
            self.label = LinkLabel()
        elif kind.startswith("value"):
            self.label = ValueLabel()
        else:
            self.label = TextLabel(tone="secondary")
        if mono:
            self.label.setFont(theme.mono_font())
        self.label.setMinimumHeight(22)
        # A link's click area ends with its words, a value may take the whole row.
        self.label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        row.addWidget(self.label)
        row.addStretch(1)

    def show_value(
        self,
        value: str,
        icon: str | None,
        state: str | None,
        on_open: Callable[[], object] | None,
        tip: str,
        label: str,
    ) -> None:
        if self.icon is not None and icon is not None:
            self.icon.set_icon(icon, state=state)
        self.label.set_text(value)
        self.label.set_tip(tip)
        self.label.setAccessibleName(f"{label}: {self.label.text()}")
        if isinstance(self.label, LinkLabel):
            self.label.set_target(on_open)
