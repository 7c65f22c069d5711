"""The design tokens: every colour of the light and the dark theme.

Source: specs/xo-lite.md 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

AccentName = Literal["brand", "info", "success", "warning", "danger"]


@dataclass(frozen=True)
class Accent:
    """The shades of one meaning, as `#rrggbb`.

    Attributes:
        txt: text and line icons, readable on `Theme.bg`, `Theme.page` and `bg`.
        bg: pale background of what is selected or marked with this meaning.
        item: filled shapes (buttons, bars, discs).
        on_item: text and icons on `item`.
        item_disabled: `item` of what can't be used now.
    """

    txt: str
    txt_hover: str
    txt_active: str
    bg: str
    bg_hover: str
    bg_active: str
    item: str
    item_hover: str
    item_active: str
    on_item: str
    item_disabled: str


@dataclass(frozen=True)
class Theme:
    """All tokens of one theme.

    Attributes:
        txt, secondary: text, and text of less weight.
        muted: text of what is disabled.
        bg: background of cards, tables and the tree.
        page: background of the page behind the cards.
        track: unfilled part of bars and rings, disabled fields.
        border: lines that only divide.
        outline: lines that tell where a control is (3:1 against what is around them).
        series: line colours of charts, in order.
    """

    name: Literal["light", "dark"]
    txt: str
    secondary: str
    muted: str
    bg: str
    page: str
    track: str
    border: str
    outline: str
    mark: str
    shadow: str
    brand: Accent
    info: Accent
    success: Accent
    warning: Accent
    danger: Accent
    series: tuple[str, ...]

    @property
    def is_dark(self) -> bool:
        """True for light text on dark ground."""
        return self.name == "dark"

    def accent(self, name: str) -> Accent:
        """An accent by name.

        Raises:
            KeyError: no such accent.
        """
        if name not in ("brand", "info", "success", "warning", "danger"):
            raise KeyError(name)
        return cast(Accent, getattr(self, name))

    def plain(self, name: str) -> str | None:
        """A neutral colour by name, or None where the name is no neutral."""
        if name in _NEUTRALS:
            return cast(str, getattr(self, name))
        return None


_NEUTRALS = frozenset(
    {"txt", "secondary", "muted", "bg", "page", "track", "border", "outline", "mark", "shadow"}
)

LIGHT = Theme(
    name="light",
    txt="#1a1b38",
    secondary="#5a5b6c",
    muted="#85869a",
    bg="#ffffff",
    page="#f8f8f8",
    track="#e4e4e7",
    border="#d0d0d5",
    outline="#85869a",
    mark="#282467",
    shadow="#1a1b38",
    brand=Accent(
        "#6b63bf", "#564f99", "#403b73", "#f4f3ff", "#e9e6ff", "#dddaff",
        "#8f84ff", "#a59dff", "#bcb5ff", "#030029", "#d2ceff",
    ),
    info=Accent(
        "#1f76af", "#195e8c", "#134769", "#eaf6fe", "#d5edfc", "#c0e3fb",
        "#2ca3f2", "#56b5f5", "#80c8f7", "#041018", "#abdafa",
    ),
    success=Accent(
        "#217e5a", "#1a6548", "#144c36", "#eaf6f2", "#d5eee4", "#c0e5d6",
        "#2ca878", "#56b993", "#80cbae", "#092017", "#abdcc9",
    ),
    warning=Accent(
        "#aa5b11", "#88490e", "#66370a", "#fdf2e8", "#fce5d1", "#fad9ba",
        "#ef7f18", "#f29946", "#f5b274", "#261403", "#f9cca3",
    ),
    danger=Accent(
        "#a11d1d", "#811717", "#611111", "#f8e8e9", "#f2d0d3", "#ecb9bc",
        "#be1621", "#98121a", "#720d14", "#fff0f1", "#e5a2a6",
    ),
    series=(
        "#6b63bf", "#c2670f", "#217e5a", "#1f76af", "#be1621", "#8a6d00", "#9c3fa5", "#5a5b6c",
    ),
)  # fmt: skip

DARK = Theme(
    name="dark",
    txt="#f8f8f8",
    secondary="#bfbfc6",
    muted="#85869a",
    bg="#111225",
    page="#000000",
    track="#4b4c5b",
    border="#363647",
    outline="#6f7082",
    mark="#e5e5e7",
    shadow="#000000",
    brand=Accent(
        "#9b92ff", "#afa8ff", "#c3beff", "#2b284d", "#393566", "#484280",
        "#8f84ff", "#a59dff", "#bcb5ff", "#030029", "#393566",
    ),
    info=Accent(
        "#2ca3f2", "#56b5f5", "#80c8f7", "#0d3149", "#124161", "#165279",
        "#2ca3f2", "#56b5f5", "#80c8f7", "#041018", "#124161",
    ),
    success=Accent(
        "#2ca878", "#56b993", "#80cbae", "#0d3224", "#124330", "#16543c",
        "#2ca878", "#56b993", "#80cbae", "#092017", "#124330",
    ),
    warning=Accent(
        "#ef7f18", "#f29946", "#f5b274", "#482607", "#60330a", "#78400c",
        "#ef7f18", "#f29946", "#f5b274", "#261403", "#60330a",
    ),
    danger=Accent(
        "#ec535d", "#f0757d", "#f4989e", "#47191c", "#5e2125", "#762a2e",
        "#be1621", "#98121a", "#720d14", "#fff0f1", "#4c090d",
    ),
    series=(
        "#9b92ff", "#ef7f18", "#2ca878", "#2ca3f2", "#ec535d", "#d9b62c", "#d07bd8", "#bfbfc6",
    ),
)  # fmt: skip
