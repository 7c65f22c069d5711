"""Icons drawn from the bundled glyph font, sharp at every scale, following the theme.

`icon("vm", state="running")` is a QIcon for buttons, menus and item views; `pixmap(...)` a picture
for labels; `paint(...)` draws straight into a painter. A colour is a token name (`txt`,
`secondary`, `brand`, `danger`, …) or `#rrggbb`; tokens follow a change of theme by themselves.
A state adds the small disc at the lower right (see `STATES`).

Source: specs/xo-lite.md 5 (icons and state discs).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QIcon,
    QIconEngine,
    QPainter,
    QPainterPath,
    QPixmap,
    QTransform,
)

from xolite_qt.ui import theme as themes

__all__ = ["GLYPHS", "STATES", "Disc", "icon", "names", "paint", "pixmap"]

GLYPHS: dict[str, int] = {
    # objects
    "pool": 0xF64F, "host": 0xF233, "vm": 0xF390, "sr": 0xF1C0, "vdi": 0xF0A0,
    "network": 0xF6FF, "pif": 0xF796, "template": 0xF12E, "task": 0xF828, "snapshot": 0xF030,
    "console": 0xF120, "settings": 0xF013, "alarm": 0xF0F3, "bell": 0xF0F3, "cd": 0xF51F,
    "cpu": 0xF2DB, "memory": 0xF538, "gpu": 0xF26C, "user": 0xF007, "users": 0xF0C0,
    "key": 0xF084, "certificate": 0xF0A3, "patch": 0xF462, "tag": 0xF02B, "tags": 0xF02C,
    "backup": 0xF187, "schedule": 0xF073, "disks": 0xF5FD, "chart": 0xF201, "dashboard": 0xF625,
    "message": 0xF0E0, "log": 0xF15C, "folder": 0xF07C, "file": 0xF15B, "bond": 0xF0C1,
    # actions
    "play": 0xF04B, "start": 0xF04B, "pause": 0xF04C, "stop": 0xF04D, "shutdown": 0xF04D,
    "moon": 0xF186, "suspend": 0xF186, "resume": 0xF051, "reboot": 0xF01E, "bolt": 0xF0E7,
    "force": 0xF0E7, "power": 0xF011, "migrate": 0xF362, "copy": 0xF0C5, "clone": 0xF24D,
    "edit": 0xF304, "trash": 0xF2ED, "delete": 0xF2ED, "download": 0xF019, "upload": 0xF093,
    "export": 0xF56E, "import": 0xF56F, "plus": 0xF067, "add": 0xF067, "minus": 0xF068,
    "close": 0xF00D, "check": 0xF00C, "search": 0xF002, "filter": 0xF0B0, "refresh": 0xF021,
    "columns": 0xF0DB, "external": 0xF08E, "ellipsis": 0xF141, "ellipsis-v": 0xF142,
    "menu": 0xF0C9, "list": 0xF03A, "lock": 0xF023, "unlock": 0xF09C, "logout": 0xF2F5,
    "login": 0xF2F6, "plug": 0xF1E6, "connect": 0xF0C1, "disconnect": 0xF127, "revert": 0xF2EA,
    "history": 0xF1DA, "wrench": 0xF0AD, "maintenance": 0xF7D9, "eye": 0xF06E,
    "eye-slash": 0xF070, "pin": 0xF08D, "save": 0xF0C7, "keyboard": 0xF11C, "expand": 0xF065,
    "compress": 0xF066, "link": 0xF0C1, "home": 0xF015, "send": 0xF1D8, "cancel": 0xF05E,
    "sort": 0xF0DC, "sort-up": 0xF0DE, "sort-down": 0xF0DD, "broom": 0xF51A,
    # signs
    "info": 0xF05A, "warning": 0xF071, "danger": 0xF06A, "success": 0xF058, "error": 0xF057,
    "question": 0xF059, "star": 0xF005, "ban": 0xF05E, "clock": 0xF017, "hourglass": 0xF252,
    "spinner": 0xF1CE, "wifi": 0xF1EB, "offline": 0xF127, "shield": 0xF3ED, "lightbulb": 0xF0EB,
    "sun": 0xF185, "theme": 0xF042, "fingerprint": 0xF577, "circle": 0xF111, "square": 0xF0C8,
    "exclamation": 0x21, "help": 0xF1CD, "flag": 0xF024, "snowflake": 0xF2DC, "inbox": 0xF01C,
    "satellite": 0xF7C0,
    # arrows
    "chevron-down": 0xF078, "chevron-up": 0xF077, "chevron-left": 0xF053,
    "chevron-right": 0xF054, "arrow-up": 0xF062, "arrow-down": 0xF063, "arrow-left": 0xF060,
    "arrow-right": 0xF061, "left-right": 0xF362,
}  # fmt: skip
"""Every name that may be asked for, with its code point."""


@dataclass(frozen=True)
class Disc:
    """What stands in a state's disc: a glyph, the token of the disc and that of the glyph."""

    glyph: str
    fill: str
    on: str


STATES: dict[str, Disc] = {
    "running": Disc("play", "success-item", "success-on"),
    "paused": Disc("pause", "info-item", "info-on"),
    "suspended": Disc("moon", "outline", "#ffffff"),
    "halted": Disc("stop", "danger-item", "danger-on"),
    "crashed": Disc("exclamation", "danger-item", "danger-on"),
    "disabled": Disc("ban", "outline", "#ffffff"),
    "unknown": Disc("exclamation", "outline", "#ffffff"),
    "warning": Disc("exclamation", "warning-item", "warning-on"),
    "danger": Disc("exclamation", "danger-item", "danger-on"),
    "success": Disc("check", "success-item", "success-on"),
    "connected": Disc("check", "success-item", "success-on"),
    "disconnected": Disc("close", "danger-item", "danger-on"),
    "partial": Disc("exclamation", "warning-item", "warning-on"),
    "pending": Disc("hourglass", "info-item", "info-on"),
    "primary": Disc("star", "info-item", "info-on"),
    "force": Disc("bolt", "warning-item", "warning-on"),
    "snapshot": Disc("snapshot", "outline", "#ffffff"),
}
"""State discs; `state` may also be a XAPI power state (`Running`), whatever its case."""

_UNIT = 512
_CACHE_SIZE = 600
_cache: OrderedDict[tuple[object, ...], QPixmap] = OrderedDict()


def names() -> frozenset[str]:
    """All icon names."""
    return frozenset(GLYPHS)


def icon(name: str, color: str | None = None, state: str | None = None) -> QIcon:
    """An icon that takes its colour when it is painted, so that it follows the theme.

    Args:
        name: one of `GLYPHS`.
        color: token or `#rrggbb`; by default the text colour.
        state: one of `STATES`, for the disc at the lower right.

    Raises:
        KeyError: no icon of this name.
    """
    return _icon(name, color, _state(state))


@lru_cache(maxsize=512)
def _icon(name: str, color: str | None, state: str | None) -> QIcon:
    if name not in GLYPHS:
        raise KeyError(name)
    return QIcon(_Engine(name, color or "txt", state))


def pixmap(
    name: str,
    size: int = 16,
    color: str | None = None,
    state: str | None = None,
    *,
    dpr: float = 1.0,
) -> QPixmap:
    """A picture of `size` logical px, made of `size * dpr` real ones.

    Raises:
        KeyError: no icon of this name.
    """
    return _drawn(name, size, size, color or "txt", _state(state), dpr)


def paint(
    painter: QPainter,
    rect: QRect,
    name: str,
    color: str | None = None,
    state: str | None = None,
) -> None:
    """Draw an icon into `rect`, at the painter's own resolution.

    Raises:
        KeyError: no icon of this name.
    """
    ratio = painter.device().devicePixelRatioF()
    made = _drawn(name, rect.width(), rect.height(), color or "txt", _state(state), ratio)
    painter.drawPixmap(rect.topLeft(), made)


def _state(state: str | None) -> str | None:
    if not state:
        return None
    state = state.lower()
    return state if state in STATES else "unknown"


@lru_cache(maxsize=256)
def glyph_path(name: str) -> QPainterPath:
    """Outline of a glyph around the origin, in a square of `_UNIT * 1.25`."""
    face = QFont()
    face.setFamilies([themes.ICON_FAMILY])
    face.setWeight(QFont.Weight.Black)
    face.setPixelSize(_UNIT)
    path = QPainterPath()
    path.addText(0, 0, face, chr(GLYPHS[name]))
    middle = path.boundingRect().center()
    return path.translated(-middle.x(), -middle.y())


def _fill(painter: QPainter, name: str, centre: QPointF, size: float, colour: QColor) -> None:
    scale = size / (_UNIT * 1.25)
    place = QTransform.fromTranslate(centre.x(), centre.y()).scale(scale, scale)
    painter.fillPath(place.map(glyph_path(name)), colour)


def _drawn(
    name: str, width: int, height: int, colour: str, state: str | None, dpr: float
) -> QPixmap:
    key = (name, width, height, colour, state, dpr, themes.current().name)
    found = _cache.get(key)
    if found is not None:
        _cache.move_to_end(key)
        return found
    # What raises, raises before there is a painter: one that is left open ends the process.
    glyph_path(name)
    themes.color(colour)
    made = QPixmap(QSize(max(1, round(width * dpr)), max(1, round(height * dpr))))
    made.setDevicePixelRatio(dpr)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _draw(painter, QRectF(0, 0, width, height), name, colour, state)
    painter.end()
    _cache[key] = made
    if len(_cache) > _CACHE_SIZE:
        _cache.popitem(last=False)
    return made


def _draw(painter: QPainter, box: QRectF, name: str, colour: str, state: str | None) -> None:
    side = min(box.width(), box.height())
    middle = box.center()
    if state is None:
        _fill(painter, name, middle, side, themes.color(colour))
        return
    disc = STATES[state]
    # The disc overlaps the glyph by a quarter; a transparent ring parts the two.
    _fill(painter, name, middle - QPointF(side * 0.06, side * 0.06), side * 0.92,
          themes.color(colour))  # fmt: skip
    radius = side * 0.27
    centre = QPointF(middle.x() + side / 2 - radius, middle.y() + side / 2 - radius)
    ring = radius + max(0.75, side * 0.045)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Clear)
    painter.setBrush(Qt.GlobalColor.black)
    painter.drawEllipse(centre, ring, ring)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
    painter.setBrush(themes.color(disc.fill))
    painter.drawEllipse(centre, radius, radius)
    _fill(painter, disc.glyph, centre, radius * 1.35, themes.color(disc.on))


def disc_pixmap(state: str, size: int = 16, *, dpr: float = 1.0) -> QPixmap:
    """Only the disc of a state, for badges."""
    name = _state(state) or "unknown"
    key = ("disc", name, size, dpr, themes.current().name)
    found = _cache.get(key)
    if found is not None:
        return found
    made = QPixmap(QSize(round(size * dpr), round(size * dpr)))
    made.setDevicePixelRatio(dpr)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    disc = STATES[name]
    painter.setBrush(themes.color(disc.fill))
    painter.drawEllipse(QRectF(0, 0, size, size))
    _fill(painter, disc.glyph, QPointF(size / 2, size / 2), size * 0.68, themes.color(disc.on))
    painter.end()
    _cache[key] = made
    return made


class _Engine(QIconEngine):
    """Draws a glyph in the theme's colours of the moment, greyed while disabled."""

    def __init__(self, name: str, colour: str, state: str | None) -> None:
        super().__init__()
        self._what = (name, colour, state)

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, _state: QIcon.State) -> None:
        """Draw into a painter, at its device's resolution."""
        painter.drawPixmap(
            rect.topLeft(),
            self._made(rect.size(), mode, painter.device().devicePixelRatioF()),
        )

    def pixmap(self, size: QSize, mode: QIcon.Mode, _state: QIcon.State) -> QPixmap:
        """A picture of `size` real pixels."""
        return self._made(size, mode, 1.0)

    def scaledPixmap(
        self, size: QSize, mode: QIcon.Mode, _state: QIcon.State, scale: float
    ) -> QPixmap:
        """A picture for a screen of `scale`; `size` is logical (real in older Qt, harmlessly)."""
        return self._made(size, mode, scale)

    def clone(self) -> QIconEngine:
        """A second engine that draws the same."""
        return _Engine(*self._what)

    def _made(self, size: QSize, mode: QIcon.Mode, dpr: float) -> QPixmap:
        name, colour, state = self._what
        if mode == QIcon.Mode.Disabled:
            colour = "muted"
        return _drawn(name, size.width(), size.height(), colour, state, dpr)
