"""Colours, fonts and sizes, light and dark, and how the whole application takes them on.

`apply_theme(app, "system")` once at start; afterwards `current()` gives the `Theme` in force and
`changed()` a signal for whatever paints itself. Colours are `#rrggbb` strings, so that they go into
style sheets as well as into QColor.

Source: specs/xo-lite.md 5 (tokens).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal, SignalInstance
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from xolite_qt.ui.style_sheet import style_sheet
from xolite_qt.ui.tokens import DARK, LIGHT, Accent, AccentName, Theme

__all__ = [
    "ACCENTS",
    "DARK",
    "LIGHT",
    "Accent",
    "AccentName",
    "Choice",
    "FontKind",
    "Theme",
    "apply_theme",
    "changed",
    "color",
    "current",
    "font",
    "load_fonts",
    "mono_font",
    "reduced_motion",
    "resource",
    "set_reduced_motion",
]

Choice = Literal["light", "dark", "system"]
FontKind = Literal[
    "h1", "h2", "h3", "h4", "h5", "h6", "body", "body-bold", "small", "small-bold", "caption",
    "caption-small",
]  # fmt: skip

_SCHEMES: Mapping[Choice, Qt.ColorScheme] = {
    "light": Qt.ColorScheme.Light,
    "dark": Qt.ColorScheme.Dark,
    "system": Qt.ColorScheme.Unknown,
}

ACCENTS: tuple[AccentName, ...] = ("brand", "info", "success", "warning", "danger")

FAMILY = "Poppins"
ICON_FAMILY = "Font Awesome 6 Free"
_FONT_FILES = (
    "Poppins_400Regular.ttf",
    "Poppins_500Medium.ttf",
    "Poppins_600SemiBold.ttf",
    "fa-solid-900.ttf",
)

# kind: px, weight, upper case
_FONTS: Mapping[FontKind, tuple[int, QFont.Weight, bool]] = {
    "h1": (36, QFont.Weight.DemiBold, False),
    "h2": (28, QFont.Weight.DemiBold, False),
    "h3": (24, QFont.Weight.DemiBold, False),
    "h4": (20, QFont.Weight.Medium, False),
    "h5": (18, QFont.Weight.Medium, False),
    "h6": (16, QFont.Weight.Medium, False),
    "body": (14, QFont.Weight.Normal, False),
    "body-bold": (14, QFont.Weight.Medium, False),
    "small": (13, QFont.Weight.Normal, False),
    "small-bold": (13, QFont.Weight.Medium, False),
    "caption": (14, QFont.Weight.DemiBold, True),
    "caption-small": (12, QFont.Weight.DemiBold, True),
}


_MONO = ("SF Mono", "Menlo", "Consolas", "DejaVu Sans Mono", "Liberation Mono", "monospace")


class _Watch(QObject):
    """Tells that another theme came into force, and follows the system while asked to."""

    changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.theme = LIGHT
        self.choice: Choice = "light"
        self.app: QApplication | None = None
        self.fallbacks: list[str] = []
        self.fonts_in: QGuiApplication | None = None
        self.still: bool | None = None

    def follow(self, scheme: Qt.ColorScheme) -> None:
        """The desktop changed its mind; heard only while the choice is `system`."""
        if self.choice == "system" and self.app is not None:
            _put_on(self.app, DARK if scheme == Qt.ColorScheme.Dark else LIGHT)


_PARTS = {"": "txt", "item": "item", "bg": "bg", "on": "on_item"}

_watch = _Watch()


def resource(name: str) -> Path:
    """Path of a bundled file, in a checkout or in an installed wheel.

    Args:
        name: path below `resources/`, such as `fonts/fa-solid-900.ttf`.

    Raises:
        FileNotFoundError: it is in neither place: the installation is broken.
    """
    package = Path(__file__).resolve().parents[1]
    for base in (package / "resources", package.parent / "resources"):
        path = base / name
        if path.exists():
            return path
    raise FileNotFoundError(f"the bundled file {name} is missing")


def current() -> Theme:
    """The theme in force."""
    return _watch.theme


def changed() -> SignalInstance:
    """Signal with the new `Theme`; connect a method of a QObject, which lets go by itself."""
    return _watch.changed


def apply_theme(app: QApplication, choice: Choice = "system") -> Theme:
    """Dress the application; with `system` it goes on following the desktop's light and dark.

    Returns:
        The theme now in force.
    """
    load_fonts(app)
    hints = app.styleHints()
    if _watch.app is not app:
        hints.colorSchemeChanged.connect(_watch.follow)
    _watch.app, _watch.choice = app, choice
    # Window frames and native dialogs are the system's own: tell it, too.
    hints.setColorScheme(_SCHEMES[choice])
    if choice == "system":
        theme = DARK if hints.colorScheme() == Qt.ColorScheme.Dark else LIGHT
    else:
        theme = DARK if choice == "dark" else LIGHT
    _put_on(app, theme)
    return theme


def _put_on(app: QApplication, theme: Theme) -> None:
    before, _watch.theme = _watch.theme, theme
    if app.style().objectName() != "fusion":
        app.setStyle("Fusion")
    app.setFont(font("body"))
    app.setPalette(palette(theme))
    sheet = style_sheet(
        theme,
        {
            "arrow_down": resource(f"ui/arrow-down-{theme.name}.svg").as_posix(),
            "sort_up": resource(f"ui/sort-up-{theme.name}.svg").as_posix(),
            "sort_down": resource(f"ui/sort-down-{theme.name}.svg").as_posix(),
            "check": resource("ui/check.svg").as_posix(),
        },
    )
    if app.styleSheet() != sheet:
        app.setStyleSheet(sheet)
    if before is not theme:
        _watch.changed.emit(theme)


def load_fonts(app: QGuiApplication) -> None:
    """Register the bundled fonts; harmless to call again."""
    if _watch.fonts_in is app:
        return
    _watch.fonts_in = app
    system = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont).family()
    _watch.fallbacks = [name for name in (system, "sans-serif") if name and name != FAMILY]
    for name in _FONT_FILES:
        QFontDatabase.addApplicationFont(str(resource(f"fonts/{name}")))


def font(kind: FontKind = "body") -> QFont:
    """A font of the type scale, in px; the system's sans steps in for scripts it lacks."""
    size_px, weight, upper = _FONTS[kind]
    made = QFont()
    made.setFamilies([FAMILY, *_watch.fallbacks])
    made.setPixelSize(size_px)
    made.setWeight(weight)
    if upper:
        made.setCapitalization(QFont.Capitalization.AllUppercase)
        made.setLetterSpacing(QFont.SpacingType.PercentageSpacing, 104)
    return made


def mono_font(size_px: int = 13) -> QFont:
    """A fixed-pitch font, for fingerprints, identifiers and code."""
    made = QFont()
    # By name: off screen, and on some desktops, the system's own answer is no fixed-pitch one.
    made.setFamilies(
        [*_MONO, QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family()]
    )
    made.setStyleHint(QFont.StyleHint.Monospace)
    made.setPixelSize(size_px)
    return made


def color(name: str, theme: Theme | None = None) -> QColor:
    """A colour by token: `txt`, `secondary`, `border`, `bg`, `page`, an accent, or `#rrggbb`.

    An accent's name alone (`danger`) means its text colour, which is readable on every background
    of the theme; `danger-item` means the colour of filled shapes.

    Raises:
        KeyError: no such token.
    """
    if name.startswith("#"):
        return QColor(name)
    theme = theme or _watch.theme
    plain = theme.plain(name)
    if plain is not None:
        return QColor(plain)
    accent, _, part = name.partition("-")
    return QColor(getattr(theme.accent(accent), _PARTS[part]))


def palette(theme: Theme) -> QPalette:
    """The tokens as Fusion's palette, for everything that the style sheet does not name."""
    made = QPalette()
    role = QPalette.ColorRole
    colours = {
        role.Window: theme.page,
        role.WindowText: theme.txt,
        role.Base: theme.bg,
        role.AlternateBase: theme.page,
        role.Text: theme.txt,
        role.Button: theme.bg,
        role.ButtonText: theme.txt,
        role.BrightText: theme.danger.txt,
        role.ToolTipBase: theme.bg,
        role.ToolTipText: theme.txt,
        role.PlaceholderText: theme.secondary,
        role.Highlight: theme.brand.bg_active,
        role.HighlightedText: theme.txt,
        role.Link: theme.brand.txt,
        role.LinkVisited: theme.brand.txt,
        role.Mid: theme.border,
        role.Midlight: theme.border,
        role.Dark: theme.border,
        role.Light: theme.bg,
        role.Shadow: "#000000",
        role.Accent: theme.brand.item,
    }
    for which, value in colours.items():
        made.setColor(which, QColor(value))
    for which in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        made.setColor(QPalette.ColorGroup.Disabled, which, QColor(theme.muted))
    return made


def reduced_motion() -> bool:
    """True where the user wants no animation (setting, environment or the style's own hint)."""
    if _watch.still is not None:
        return _watch.still
    if os.environ.get("XOLITE_QT_REDUCED_MOTION"):
        return True
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        return True
    return not app.isEffectEnabled(Qt.UIEffect.UI_General)


def set_reduced_motion(still: bool | None) -> None:
    """Force animation off or on; None goes back to what the system says."""
    _watch.still = still
