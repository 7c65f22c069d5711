"""How letters look after a sequence for colours and weight (SGR)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xolite_qt.ui.models.terminal_cells import PLAIN, TRUE_COLOUR, Style

_ON = {1: "bold", 2: "faint", 3: "italic", 4: "underline", 7: "inverse", 8: "hidden"}
_OFF = {23: "italic", 24: "underline", 27: "inverse", 28: "hidden"}


def changed_style(style: Style, params: Sequence[int]) -> Style:
    """A style after a sequence.

    Args:
        style: as it was.
        params: of the sequence; none of them is 0.
    """
    numbers = iter(params or (0,))
    for number in numbers:
        style = _changed(style, number, numbers)
    return style


def _changed(style: Style, number: int, rest: Iterator[int]) -> Style:
    if number == 0:
        return PLAIN
    if number in _ON:
        return style._replace(**{_ON[number]: True})
    if number == 22:
        return style._replace(bold=False, faint=False)
    if number in _OFF:
        return style._replace(**{_OFF[number]: False})
    if 30 <= number <= 37:
        return style._replace(fg=number - 30)
    if 40 <= number <= 47:
        return style._replace(bg=number - 40)
    if 90 <= number <= 97:
        return style._replace(fg=number - 82)
    if 100 <= number <= 107:
        return style._replace(bg=number - 92)
    if number in (39, 49):
        return style._replace(fg=-1) if number == 39 else style._replace(bg=-1)
    if number in (38, 48):
        colour = _extended(rest)
        if colour is None:
            return style
        return style._replace(fg=colour) if number == 38 else style._replace(bg=colour)
    return style


def _extended(rest: Iterator[int]) -> int | None:
    kind = next(rest, 0)
    if kind == 5:
        number = next(rest, 0)
        return number if number < 256 else None
    if kind == 2:
        red, green, blue = (min(next(rest, 0), 255) for _ in range(3))
        return TRUE_COLOUR | red << 16 | green << 8 | blue
    return None


_CUBE = (0, 95, 135, 175, 215, 255)


def rgb(number: int, palette: Sequence[int]) -> int:
    """A colour as 0xRRGGBB.

    Args:
        number: as in `Style`, not -1.
        palette: the first 16.
    """
    if number >= TRUE_COLOUR:
        return number & 0xFFFFFF
    if number < 16:
        return palette[number]
    if number < 232:
        cube = number - 16
        red, green, blue = _CUBE[cube // 36], _CUBE[cube // 6 % 6], _CUBE[cube % 6]
        return red << 16 | green << 8 | blue
    grey = 8 + (number - 232) * 10
    return grey << 16 | grey << 8 | grey
