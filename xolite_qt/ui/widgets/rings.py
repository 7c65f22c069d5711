"""Rings and donuts: parts of a whole, always with their numbers beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QAccessible, QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui import theme
from xolite_qt.ui.icons import pixmap
from xolite_qt.ui.widgets.text import TextLabel

__all__ = ["Donut", "Part", "Ring", "RingStat"]


@dataclass(frozen=True)
class Part:
    """One part of a donut.

    Attributes:
        name: shown in the legend.
        number: how many.
        color: token: `success-item`, `info-item`, `danger-item`, `outline`, `track`, …
    """

    name: str
    number: int
    color: str = "info-item"


class Ring(QWidget):
    """A ring of coloured parts around an icon or a short text.

    Args:
        icon: name of the icon in the middle, or None.
        size: diameter in logical px.
    """

    accessible_role = QAccessible.Role.Chart

    def __init__(self, *, icon: str | None = None, size: int = 84, thickness: int = 9) -> None:
        super().__init__()
        self._icon = icon
        self._size = size
        self._thickness = thickness
        self._parts: tuple[Part, ...] = ()
        self._middle = ""
        self.setFont(theme.font("small-bold"))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed().connect(self._dress)

    def _dress(self, _theme: object) -> None:
        self.update()

    def set_parts(self, parts: Sequence[Part], *, middle: str = "") -> None:
        """Show these parts; none, or only zeros, leave an empty ring."""
        self._parts, self._middle = tuple(parts), middle
        words = ", ".join(f"{part.name}: {fmt.count(part.number)}" for part in parts)
        self.setAccessibleName(words)
        self.update()

    def set_fraction(self, fraction: float, *, color: str = "success-item") -> None:
        """Show one fraction of 1, with its percentage in the middle."""
        whole = 10_000
        done = round(min(1.0, max(0.0, fraction)) * whole)
        self._parts = (Part("", done, color), Part("", whole - done, "track"))
        self._middle = "" if self._icon else fmt.percent(fraction)
        self.setAccessibleName(fmt.percent(fraction))
        self.update()

    def sizeHint(self) -> QSize:
        """A square."""
        return QSize(self._size, self._size)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw arcs from the top, clockwise."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        half = self._thickness / 2
        box = QRectF(self.rect()).adjusted(half, half, -half, -half)
        pen = QPen(QColor(theme.current().track), self._thickness)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        painter.drawEllipse(box)
        total = sum(part.number for part in self._parts)
        start = 90 * 16.0
        for part in self._parts:
            if total <= 0 or part.number <= 0:
                continue
            span = -360 * 16 * part.number / total
            pen.setColor(theme.color(part.color))
            painter.setPen(pen)
            painter.drawArc(box, round(start), round(span))
            start += span
        if self._icon:
            side = self._size // 4
            corner = QPointF((self.width() - side) / 2, (self.height() - side) / 2)
            made = pixmap(self._icon, side, dpr=self.devicePixelRatioF())
            painter.drawPixmap(corner, made)
        elif self._middle:
            painter.setPen(QColor(theme.current().txt))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._middle)


class _Legend(QWidget):
    """Coloured dots, names and numbers, the numbers in one column at the right."""

    def __init__(self, title: str) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        self.title = TextLabel(title, kind="caption-small", tone="secondary")
        column.addWidget(self.title)
        self.title.setVisible(bool(title))
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        column.addLayout(self._grid)
        self._rows: list[tuple[_LegendDot, TextLabel, TextLabel]] = []

    def set_parts(self, parts: Sequence[Part]) -> None:
        for at, part in enumerate(parts):
            if at == len(self._rows):
                row = (_LegendDot(), TextLabel(kind="small", elide=True),
                       TextLabel(kind="small-bold"))  # fmt: skip
                row[2].setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                for place, widget in enumerate(row):
                    self._grid.addWidget(widget, at, place)
                self._rows.append(row)
            dot, name, number = self._rows[at]
            dot.set_color(part.color)
            name.set_text(part.name)
            number.set_text(fmt.count(part.number))
        for at, row in enumerate(self._rows):
            for widget in row:
                widget.setVisible(at < len(parts))


class _LegendDot(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self._color = "info-item"
        self.setFixedSize(8, 8)
        theme.changed().connect(self._dress)

    def set_color(self, token: str) -> None:
        if token != self._color:
            self._color = token
            self.update()

    def _dress(self, _theme: object) -> None:
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(self._color))
        painter.drawEllipse(self.rect())


class Donut(QWidget):
    """A ring with a legend and the total.

    Args:
        title: caption of the legend, such as "VMs".
        icon: in the middle of the ring.
        total: word before the sum; "" leaves the sum out.
    """

    def __init__(self, title: str = "", *, icon: str | None = None, total: str = "Total") -> None:
        super().__init__()
        self.ring = Ring(icon=icon, size=72, thickness=8)
        self._legend = _Legend(title)
        self._total_word = total
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addWidget(self.ring, 0, Qt.AlignmentFlag.AlignVCenter)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addStretch(1)
        right.addWidget(self._legend)
        bottom = QHBoxLayout()
        self._word = TextLabel(total, kind="caption-small", tone="secondary")
        self._sum = TextLabel(kind="body-bold")
        bottom.addWidget(self._word)
        bottom.addStretch(1)
        bottom.addWidget(self._sum)
        if total:
            right.addLayout(bottom)
        else:
            self._word.setParent(self)
            self._sum.setParent(self)
            self._word.hide()
            self._sum.hide()
        right.addStretch(1)
        row.addLayout(right, 1)
        self._title = title

    def set_parts(self, parts: Sequence[Part]) -> None:
        """Show these parts."""
        total = sum(part.number for part in parts)
        self.ring.set_parts(parts)
        self._legend.set_parts(parts)
        self._sum.set_text(fmt.count(total))
        said = self.ring.accessibleName()
        self.setAccessibleName(f"{self._title}: {said}" if self._title else said)


class RingStat(Donut):
    """Active, inactive and total, as on the status card.

    Args:
        title: what is counted, such as "Hosts".
        icon: in the middle of the ring.
    """

    def set_counts(
        self, active: int, inactive: int, *, active_word: str = "", inactive_word: str = ""
    ) -> None:
        """Show how many are active and how many are not."""
        self.set_parts(
            (
                Part(active_word or self.tr("Active"), active, "success-item"),
                Part(inactive_word or self.tr("Inactive"), inactive, "outline"),
            )
        )
