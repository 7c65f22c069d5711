"""What a screen tells those who watch it."""

from __future__ import annotations

from dataclasses import dataclass

from .framebuffer import Pixels, Rect


@dataclass(frozen=True)
class FrameDamaged:
    """One update of the screen has been painted.

    Attributes:
        rects: which parts changed; never empty, all inside of the picture.
    """

    rects: tuple[Rect, ...]


@dataclass(frozen=True)
class Resized:
    """The screen has another size; `RfbClient.framebuffer` is another object now.

    Attributes:
        width, height: in pixels.
    """

    width: int
    height: int


@dataclass(frozen=True, eq=False)
class CursorShape:
    """How the pointer looks from now on.

    Attributes:
        pixels: shape (height, width), 0xAARRGGBB premultiplied; no pixels: no pointer.
        hot_x, hot_y: where its tip is.
    """

    pixels: Pixels
    hot_x: int
    hot_y: int


@dataclass(frozen=True)
class Bell:
    """The guest beeped."""


@dataclass(frozen=True)
class CutText:
    """The guest copied a text.

    Attributes:
        text: what it copied; Latin-1 is all that the protocol has.
    """

    text: str


@dataclass(frozen=True)
class Renamed:
    """The screen has another name.

    Attributes:
        name: the new one.
    """

    name: str


Event = FrameDamaged | Resized | CursorShape | Bell | CutText | Renamed
