"""Bars: one fraction, the top five of many."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QSizePolicy, QVBoxLayout, QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui import theme
from xolite_qt.ui.widgets.text import LinkLabel, TextLabel, set_tooltip

__all__ = ["ProgressBar", "Thresholds", "Usage", "UsageBars", "paint_bar"]


@dataclass(frozen=True)
class Thresholds:
    """From which fraction a bar warns."""

    warning: float = 0.8
    danger: float = 0.9

    def accent(self, fraction: float) -> str:
        """`info`, `warning` or `danger`."""
        if fraction >= self.danger:
            return "danger"
        return "warning" if fraction >= self.warning else "info"


NEVER = Thresholds(float("inf"), float("inf"))
"""For progress, which is good when it is high."""


def paint_bar(painter: QPainter, box: QRectF, fraction: float, accent: str) -> None:
    """A rounded bar; fractions over 1 fill it."""
    now = theme.current()
    radius = min(4.0, box.height() / 2)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(now.track))
    painter.drawRoundedRect(box, radius, radius)
    part = min(1.0, max(0.0, fraction)) * box.width()
    if part > 0:
        filled = QRectF(box.left(), box.top(), max(part, min(3.0, box.width())), box.height())
        painter.setBrush(theme.color(f"{accent}-item"))
        painter.drawRoundedRect(filled, radius, radius)
    painter.restore()


class ProgressBar(QProgressBar):
    """A 12-px bar of a fraction of 1.

    Args:
        thresholds: None for progress of work; `Thresholds()` for usage that warns.
        says: what it measures, for assistive technology.
    """

    def __init__(
        self,
        fraction: float = 0.0,
        *,
        thresholds: Thresholds | None = None,
        says: str = "",
        height: int = 12,
    ) -> None:
        super().__init__()
        self._thresholds = thresholds or NEVER
        self._height = height
        self.accent = "info"
        self.setRange(0, 1000)
        self.setTextVisible(False)
        self.setFixedHeight(height)
        self.setAccessibleName(says)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._fraction = -1.0
        theme.changed().connect(self._dress)
        self.set_fraction(fraction)

    def _dress(self, _theme: object) -> None:
        self.update()

    @property
    def fraction(self) -> float:
        """What is shown; may be over 1."""
        return self._fraction

    def set_fraction(self, fraction: float, text: str = "") -> None:
        """Show a fraction of 1, with a reading for assistive technology."""
        self._fraction = fraction
        self.accent = self._thresholds.accent(fraction)
        self.setValue(round(min(1.0, max(0.0, fraction)) * 1000))
        self.setAccessibleDescription(text or fmt.percent(fraction))

    def sizeHint(self) -> QSize:
        """As wide as there is room."""
        return QSize(160, self._height)

    def minimumSizeHint(self) -> QSize:
        """A bar that still reads as one."""
        return QSize(40, self._height)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw track and part."""
        painter = QPainter(self)
        paint_bar(painter, QRectF(self.rect()), self._fraction, self.accent)


@dataclass(frozen=True)
class Usage:
    """One bar of `UsageBars`.

    Attributes:
        name: whose usage it is.
        fraction: of 1; may be over it.
        text: the reading; by default the fraction as percent.
        ref: what `UsageBars.opened` tells when the name is clicked; "" for no link.
    """

    name: str
    fraction: float
    text: str = ""
    ref: str = ""


class _UsageRow(QWidget):
    def __init__(self, thresholds: Thresholds, on_open: Callable[[str], object]) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.bar = ProgressBar(thresholds=thresholds)
        self.dot = _Dot()
        self.name = LinkLabel(kind="small")
        self.plain = TextLabel(kind="small", elide=True)
        self.value = TextLabel(kind="small-bold", tone="secondary")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.dot)
        row.addWidget(self.name, 1)
        row.addWidget(self.plain, 1)
        row.addWidget(self.value)
        column.addWidget(self.bar)
        column.addLayout(row)
        self.ref = ""
        self.name.opened.connect(lambda: on_open(self.ref))

    def show_usage(self, usage: Usage) -> None:
        text = usage.text or fmt.percent(usage.fraction)
        self.ref = usage.ref
        self.bar.set_fraction(usage.fraction, text)
        self.bar.setAccessibleName(usage.name[:200])
        self.name.set_text(usage.name)
        self.plain.set_text(usage.name)
        self.name.setVisible(bool(usage.ref))
        self.plain.setVisible(not usage.ref)
        self.value.set_text(text)
        self.dot.accent = self.bar.accent
        self.dot.update()
        set_tooltip(self.bar, f"{usage.name[:200]}: {text}")


class _Dot(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.accent = "info"
        self.setFixedSize(8, 8)
        theme.changed().connect(self._dress)

    def _dress(self, _theme: object) -> None:
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(f"{self.accent}-item"))
        painter.drawEllipse(self.rect())


class UsageBars(QWidget):
    """The largest usages as bars, with a scale above.

    Args:
        top: how many are shown, largest first.
        thresholds: from where a bar turns orange and red.
        scale: whether 0 %, 50 % and 100 % stand above the bars.
    """

    opened = Signal(str)
    """A name was clicked; carries its `Usage.ref`."""

    def __init__(
        self,
        *,
        top: int = 5,
        thresholds: Thresholds | None = None,
        scale: bool = True,
    ) -> None:
        super().__init__()
        self._top = top
        self._thresholds = thresholds or Thresholds()
        self._rows: list[_UsageRow] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(10)
        if scale:
            row = QHBoxLayout()
            sides = (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter,
                     Qt.AlignmentFlag.AlignRight)  # fmt: skip
            for fraction, side in zip((0.0, 0.5, 1.0), sides, strict=True):
                label = TextLabel(fmt.percent(fraction), kind="small", tone="secondary")
                row.addWidget(label, 1, side)
            self._column.addLayout(row)
        self._column.addStretch(1)

    def set_usages(self, usages: Iterable[Usage]) -> None:
        """Show the largest of these; rows are reused."""
        shown = sorted(usages, key=lambda usage: (-usage.fraction, usage.name))[: self._top]
        while len(self._rows) < len(shown):
            row = _UsageRow(self._thresholds, self.opened.emit)
            self._column.insertWidget(self._column.count() - 1, row)
            self._rows.append(row)
        for at, row in enumerate(self._rows):
            row.setVisible(at < len(shown))
            if at < len(shown):
                row.show_usage(shown[at])

    @property
    def accents(self) -> list[str]:
        """`info`, `warning` or `danger` of the shown bars, in order."""
        return [row.bar.accent for row in self._rows if not row.isHidden()]
