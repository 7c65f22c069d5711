"""Small marks: states, tags, counters."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QAccessible, QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from xolite_qt.ui import format as fmt
from xolite_qt.ui import theme
from xolite_qt.ui.icons import disc_pixmap, names, pixmap
from xolite_qt.ui.models.column import one_line
from xolite_qt.ui.widgets.flow import FlowLayout
from xolite_qt.ui.widgets.text import TextLabel, Tone, plain_tooltip, set_tooltip, text_width

__all__ = ["Counter", "IconLabel", "StateBadge", "Tag", "Tags"]


class IconLabel(QLabel):
    """An icon in a layout, redrawn when the theme changes.

    Args:
        name: the icon's name.
        size: logical px.
        color: token; see `icons.icon`.
        state: disc at the lower right.
        says: accessible name; an icon that only repeats the text beside it has none.
    """

    def __init__(
        self,
        name: str,
        size: int = 16,
        *,
        color: str = "txt",
        state: str | None = None,
        says: str = "",
    ) -> None:
        super().__init__()
        self._what: tuple[str, str, str | None]
        self._size = size
        self.set_icon(name, color=color, state=state)
        self.setFixedSize(size, size)
        self.setAccessibleName(says)
        if says:
            set_tooltip(self, says)
        theme.changed().connect(self._dress)

    def set_icon(self, name: str, *, color: str = "txt", state: str | None = None) -> None:
        """Show another icon.

        Raises:
            KeyError: no icon, or no colour, of this name.
        """
        if name not in names():
            raise KeyError(name)
        theme.color(color)
        self._what = (name, color, state)
        self.update()

    def _dress(self, _theme: object) -> None:
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw at the screen's own resolution."""
        name, color, state = self._what
        made = pixmap(name, self._size, color, state, dpr=self.devicePixelRatioF())
        QPainter(self).drawPixmap(0, 0, made)


class _Disc(QWidget):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.state = "unknown"
        self.setFixedSize(size, size)
        theme.changed().connect(self._dress)

    def _dress(self, _theme: object) -> None:
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.drawPixmap(
            0, 0, disc_pixmap(self.state, self.width(), dpr=self.devicePixelRatioF())
        )


class StateBadge(QWidget):
    """A coloured disc with the state's word beside it: never colour alone.

    Args:
        state: one of `icons.STATES` or a XAPI power state.
        text: the words; by default `format.power_state(state)`.
    """

    accessible_role = QAccessible.Role.StaticText

    def __init__(self, state: str = "unknown", text: str | None = None, *, size: int = 16) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self._disc = _Disc(size)
        self._label = TextLabel(elide=True)
        row.addWidget(self._disc)
        row.addWidget(self._label)
        row.addStretch(1)
        self.set_state(state, text)

    def set_state(self, state: str, text: str | None = None) -> None:
        """Show another state."""
        self._disc.state = state
        self._disc.update()
        words = fmt.power_state(state) if text is None else text
        self._label.set_text(words)
        self.setAccessibleName(words)

    def text(self) -> str:
        """The state in words."""
        return self._label.text()


class Tag(QWidget):
    """A small filled chip of plain text.

    Args:
        accent: None for neutral, else an accent's name.
    """

    accessible_role = QAccessible.Role.StaticText

    def __init__(self, text: str, *, accent: str | None = None, icon: str | None = None) -> None:
        super().__init__()
        self._text = one_line(text)
        self._accent = accent
        self._icon = icon
        self.setFont(theme.font("small"))
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self._text)
        theme.changed().connect(self._dress)

    def _dress(self, _theme: object) -> None:
        self.update()

    def text(self) -> str:
        """What the chip says."""
        return self._text

    def set_text(self, text: str, *, accent: str | None = None) -> None:
        """Say something else."""
        self._text, self._accent = one_line(text), accent
        self.setAccessibleName(self._text)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Text and padding, at most 240 px wide."""
        extra = 18 if self._icon else 0
        width = text_width(self.font(), self._text) + 16 + extra
        return QSize(min(240, width), 24)

    def minimumSizeHint(self) -> QSize:
        """Room for a few letters."""
        return QSize(min(48, self.sizeHint().width()), 24)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw chip and text."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        back, text = _chip_colours(self._accent)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(back)
        painter.drawRoundedRect(QRectF(self.rect()), 4, 4)
        box = self.rect().adjusted(8, 0, -8, 0)
        if self._icon:
            ratio = self.devicePixelRatioF()
            colour = self._accent or "secondary"
            painter.drawPixmap(
                8, (self.height() - 12) // 2, pixmap(self._icon, 12, colour, dpr=ratio)
            )
            box.setLeft(box.left() + 18)
        painter.setPen(text)
        shown = self.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideRight, box.width())
        if shown != self._text and not self.toolTip():
            self.setToolTip(plain_tooltip(self._text))
        painter.drawText(
            box, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), shown
        )


def _chip_colours(accent: str | None) -> tuple[QColor, QColor]:
    now = theme.current()
    if accent is None:
        return QColor(now.brand.bg), QColor(now.txt)
    found = now.accent(accent)
    # The stronger shade: the base one misses 4.5:1 on some of the pale grounds.
    return QColor(found.bg), QColor(found.txt_hover)


class Tags(QWidget):
    """A wrapping row of chips; says "–" where there is none."""

    def __init__(self, tags: Sequence[str] = ()) -> None:
        super().__init__()
        self._flow = FlowLayout(self, spacing=6)
        self._tags: tuple[str, ...] | None = None
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.set_tags(tags)

    def set_tags(self, tags: Sequence[str]) -> None:
        """Show these tags."""
        wanted = tuple(tags)
        if wanted == self._tags:
            return
        self._tags = wanted
        self._flow.clear()
        for tag in wanted[:60]:
            self._flow.addWidget(Tag(tag))
        if not wanted:
            self._flow.addWidget(TextLabel(fmt.NONE, tone="secondary"))
        self.setAccessibleName(", ".join(wanted))


class Counter(QWidget):
    """A pill with a number.

    Args:
        accent: `brand`, `danger`, …
    """

    accessible_role = QAccessible.Role.StaticText

    def __init__(self, number: int = 0, *, accent: str = "brand", says: str = "") -> None:
        super().__init__()
        self._number = number
        self._accent = accent
        self._says = says
        self.setFont(theme.font("small-bold"))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed().connect(self._dress)
        self.set_number(number)

    def _dress(self, _theme: object) -> None:
        self.update()

    @property
    def number(self) -> int:
        """The number shown."""
        return self._number

    def set_number(self, number: int, *, accent: str | None = None) -> None:
        """Show another number."""
        self._number = number
        self._accent = accent or self._accent
        self.setAccessibleName(f"{fmt.count(number)} {self._says}".strip())
        self.updateGeometry()
        self.update()

    def _text(self) -> str:
        return fmt.count(self._number) if self._number < 10_000 else "9999+"

    def sizeHint(self) -> QSize:
        """A circle for one digit, a pill for more."""
        return QSize(max(22, text_width(self.font(), self._text()) + 13), 22)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw pill and number."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        back, text = _chip_colours(self._accent)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(back)
        painter.drawRoundedRect(QRectF(self.rect()), self.height() / 2, self.height() / 2)
        painter.setPen(text)
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._text())


class IconText(QWidget):
    """An icon and a text in one line; the text elides."""

    def __init__(
        self,
        icon: str,
        text: str = "",
        *,
        state: str | None = None,
        color: str = "txt",
        kind: theme.FontKind = "body",
        tone: Tone = "txt",
    ) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.icon = IconLabel(icon, color=color, state=state)
        self.label = TextLabel(text, kind=kind, tone=tone, elide=True)
        row.addWidget(self.icon)
        row.addWidget(self.label, 1)
