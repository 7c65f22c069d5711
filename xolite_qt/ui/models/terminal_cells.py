"""Cells and lines of a terminal."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import NamedTuple


class Style(NamedTuple):
    """How a letter looks.

    Attributes:
        fg, bg: -1 is the terminal's own; 0 to 255 the palette; beyond that 0x1RRGGBB.
        bold, faint, italic, underline, inverse, hidden: as their names say.
    """

    fg: int = -1
    bg: int = -1
    bold: bool = False
    faint: bool = False
    italic: bool = False
    underline: bool = False
    inverse: bool = False
    hidden: bool = False


PLAIN = Style()
TRUE_COLOUR = 0x1000000


class Cell(NamedTuple):
    """One place of the grid.

    Attributes:
        text: a letter with what combines with it; "" for the right half of a wide one.
        style: how it looks.
    """

    text: str
    style: Style


BLANK = Cell(" ", PLAIN)


@dataclass
class Line:
    """One row.

    Attributes:
        cells: as many as the terminal has columns.
        goes_on: its text goes on in the next row: it was broken for want of room.
    """

    cells: list[Cell]
    goes_on: bool = False

    @classmethod
    def blank(cls, columns: int, style: Style = PLAIN) -> Line:
        """An empty one, in a style's background."""
        return cls([blank_of(style)] * columns)

    def text(self) -> str:
        """What stands in it, without blanks at its end."""
        whole = "".join(cell.text for cell in self.cells)
        return whole if self.goes_on else whole.rstrip()

    def fit(self, columns: int) -> None:
        """Cuts or fills it."""
        if len(self.cells) > columns:
            del self.cells[columns:]
            # A wide letter is not cut in half.
            if columns and width_of(self.cells[-1].text) == 2:
                self.cells[-1] = BLANK
        else:
            self.cells += [BLANK] * (columns - len(self.cells))


def blank_of(style: Style) -> Cell:
    """A blank in the background of a style."""
    return BLANK if style.bg == -1 else Cell(" ", Style(bg=style.bg))


def width_of(text: str) -> int:
    """Columns that a letter takes: 0 where it combines with the one before, else 1 or 2."""
    if not text:
        return 0
    letter = text[0]
    if letter < "\u0300":
        return 1
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
