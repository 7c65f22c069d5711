"""Typing a text into a guest, paced so that it keeps up, and ended at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from xolite_qt.rfb import RfbClient, Stroke, strokes_of
from xolite_qt.rfb.keysyms import keysym_of
from xolite_qt.ui.views.console.key_menu import scancode_of_keysym

MOST_CHARACTERS = 4000
STROKES_AT_ONCE, PAUSE_S = 2, 0.012
"""A guest's keyboard controller keeps 16 strokes; what comes faster than they are read is lost."""


def strokes_for(text: str, layout: str, *, places: bool) -> tuple[Sequence[Stroke], Sequence[str]]:
    """The strokes that make a text, and the characters that cannot be typed.

    Args:
        text: what to type.
        layout: of the guest's keyboard, one of `rfb.LAYOUTS`.
        places: whether the guest takes keys by their place; one that takes characters needs no
            layout.
    """
    if places:
        typed = strokes_of(text, layout)
        return typed.strokes, typed.missing
    strokes: list[Stroke] = []
    missing: dict[str, None] = {}
    for character in text.replace("\r\n", "\n"):
        keysym = keysym_of(character)
        if keysym:
            strokes += (Stroke(keysym, 0, True), Stroke(keysym, 0, False))
        else:
            missing[character] = None
    return strokes, tuple(missing)


def seconds_for(strokes: Sequence[Stroke]) -> float:
    """How long they take."""
    return len(strokes) / STROKES_AT_ONCE * PAUSE_S


async def type_strokes(
    client: RfbClient, strokes: Sequence[Stroke], progress: Callable[[float], object]
) -> None:
    """Sends strokes; a cancelled one leaves no key down.

    Args:
        client: connected to the guest.
        strokes: as `strokes_for` makes them.
        progress: called with what part is done, at most 50 times a second.

    Raises:
        RfbClosed: the guest hung up.
    """
    held: dict[Stroke, None] = {}
    try:
        for number in range(0, len(strokes), STROKES_AT_ONCE):
            for stroke in strokes[number : number + STROKES_AT_ONCE]:
                client.send_key(stroke.keysym, stroke.down, stroke.scancode)
                key = stroke._replace(down=False)
                if stroke.down:
                    held[key] = None
                else:
                    held.pop(key, None)
            progress(number / len(strokes))
            await client.drain()
            await asyncio.sleep(PAUSE_S)
    finally:
        for key in held:
            client.send_key(key.keysym, False, key.scancode)


def send_keys(client: RfbClient, keysyms: Sequence[int]) -> None:
    """Presses keys together, and lets them go in the opposite order."""
    keys = [(keysym, scancode_of_keysym(keysym)) for keysym in keysyms]
    for keysym, scancode in keys:
        client.send_key(keysym, True, scancode)
    for keysym, scancode in reversed(keys):
        client.send_key(keysym, False, scancode)
