"""Text is readable (AA) on every ground that the kit puts it on, in both themes."""

from __future__ import annotations

import pytest

from xolite_qt.ui.tokens import DARK, LIGHT, Theme

ACCENTS = ("brand", "info", "success", "warning", "danger")


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    bright, dark = sorted((luminance(one), luminance(two)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def text_pairs(theme: Theme) -> dict[str, tuple[str, str]]:
    pairs = {}
    for ground in ("bg", "page"):
        for text in ("txt", "secondary"):
            pairs[f"{text} on {ground}"] = (getattr(theme, text), getattr(theme, ground))
    brand = theme.brand
    for ground in ("bg", "bg_hover", "bg_active"):
        # Selected and hovered rows, tabs, menu items, chips.
        pairs[f"txt on brand {ground}"] = (theme.txt, getattr(brand, ground))
    pairs["secondary on a selected row"] = (theme.secondary, brand.bg_hover)
    pairs["secondary on a disabled filled button"] = (theme.secondary, theme.track)
    for name in ACCENTS:
        accent = theme.accent(name)
        pairs[f"{name} on bg"] = (accent.txt, theme.bg)
        pairs[f"{name} on page"] = (accent.txt, theme.page)
        pairs[f"{name} chip"] = (accent.txt_hover, accent.bg)
        pairs[f"txt on {name} banner"] = (theme.txt, accent.bg)
        pairs[f"{name} filled"] = (accent.on_item, accent.item)
        pairs[f"button on {name} banner"] = (brand.txt_hover, accent.bg)
    for name in ("brand", "danger"):
        accent = theme.accent(name)
        pairs[f"{name} filled, hover"] = (accent.on_item, accent.item_hover)
        pairs[f"{name} filled, pressed"] = (accent.on_item, accent.item_active)
        pairs[f"{name} hover"] = (accent.txt_hover, accent.bg)
        pairs[f"{name} pressed"] = (accent.txt_active, accent.bg_hover)
    pairs["secondary on an error card"] = (theme.secondary, theme.danger.bg)
    return pairs


def shape_pairs(theme: Theme) -> dict[str, tuple[str, str]]:
    pairs = {
        "outline of a field on a card": (theme.outline, theme.bg),
        "outline of a field on the page": (theme.outline, theme.page),
        "focus ring on a card": (theme.brand.txt, theme.bg),
        "focus ring on the page": (theme.brand.txt, theme.page),
        "focus ring on a selected row": (theme.brand.txt, theme.brand.bg_hover),
        "glyph on a grey disc": ("#ffffff", theme.outline),
    }
    for name in ACCENTS:
        pairs[f"icon of {name} on its banner"] = (theme.accent(name).txt, theme.accent(name).bg)
    for at, colour in enumerate(theme.series):
        pairs[f"line {at} of a chart"] = (colour, theme.bg)
    return pairs


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_text_has_the_contrast_of_aa(theme: Theme) -> None:
    weak = {
        what: round(contrast(*pair), 2)
        for what, pair in text_pairs(theme).items()
        if contrast(*pair) < 4.5
    }
    assert not weak


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_shapes_stand_out(theme: Theme) -> None:
    weak = {
        what: round(contrast(*pair), 2)
        for what, pair in shape_pairs(theme).items()
        if contrast(*pair) < 3.0
    }
    assert not weak
