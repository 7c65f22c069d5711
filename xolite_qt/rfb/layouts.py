"""Typing a text into a guest, by the keys of its keyboard.

A guest gets keys, not characters. Servers such as QEMU take the keysyms that we send for those of
an American keyboard, and press the key that has them there. So each wanted character becomes the
American keysym of the key that makes the character on the guest's own keyboard.

    for stroke in strokes_of("Straße\\n", "de").strokes:
        client.send_key(stroke.keysym, stroke.down, stroke.scancode)
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from .keysyms import ALT_R, RETURN, SCANCODES, SHIFT_L, TAB, keysym_of
from .layout_tables import ROWS, TABLES

LAYOUTS: dict[str, str] = {key: table.name for key, table in TABLES.items()}
"""Name of each layout that is known, by what it is called by."""

_SPACE = 0x39
_ISO_KEY = 0x56
# What an American keyboard has on the key that it has not. QEMU's map gives it `<` and `>` as well,
# which it finds on other keys first; this keysym is nowhere else.
_ISO_KEYSYM = 0xA6
_CONTROLS = {"\n": RETURN, "\r": RETURN, "\t": TAB}
# Dead keys that make themselves with a space. The acute and the diaeresis do not on Linux.
_SPACED = {"`": "\u0300", "^": "\u0302", "~": "\u0303"}


class Stroke(NamedTuple):
    """A key goes down or up.

    Attributes:
        keysym: of the key on an American keyboard.
        scancode: of the key.
        down: or up.
    """

    keysym: int
    scancode: int
    down: bool


class _Key(NamedTuple):
    scancode: int
    shift: bool
    altgr: bool


@dataclass(frozen=True)
class TypedText:
    """A text as keys.

    Attributes:
        strokes: in their order; all keys are up at the end.
        missing: characters that the keyboard cannot make, in their order, each once.
    """

    strokes: tuple[Stroke, ...]
    missing: tuple[str, ...]


def strokes_of(text: str, layout: str) -> TypedText:
    """The keys that make a text on a keyboard.

    Args:
        text: any; line ends become Return.
        layout: one of `LAYOUTS`.

    Raises:
        ValueError: the layout is not known.
    """
    if layout not in TABLES:
        raise ValueError(f"no keyboard layout is called {layout!r}")
    strokes: list[Stroke] = []
    missing: dict[str, None] = {}
    held: tuple[bool, bool] = (False, False)
    for character in unicodedata.normalize("NFC", text.replace("\r\n", "\n")):
        keys = _keys_of(character, layout)
        if keys is None:
            missing[character] = None
            continue
        for key in keys:
            _hold(strokes, held, (key.shift, key.altgr))
            held = (key.shift, key.altgr)
            keysym = american_keysym(key.scancode, key.shift)
            strokes += (Stroke(keysym, key.scancode, True), Stroke(keysym, key.scancode, False))
    _hold(strokes, held, (False, False))
    return TypedText(tuple(strokes), tuple(missing))


def _hold(strokes: list[Stroke], held: tuple[bool, bool], wanted: tuple[bool, bool]) -> None:
    for keysym, was, will in zip((SHIFT_L, ALT_R), held, wanted, strict=True):
        if was != will:
            strokes.append(Stroke(keysym, SCANCODES[keysym], will))


def _keys_of(character: str, layout: str) -> tuple[_Key, ...] | None:
    if character in _CONTROLS:
        return (_Key(SCANCODES[_CONTROLS[character]], False, False),)
    keys = _keys(layout)
    if character in keys:
        return None if unicodedata.combining(character) else (keys[character],)
    if _SPACED.get(character) in keys:
        return keys[_SPACED[character]], keys[" "]
    parts = unicodedata.normalize("NFD", character)
    if len(parts) == 2 and parts[0] in keys and parts[1] in keys:
        return keys[parts[1]], keys[parts[0]]
    return None


@cache
def _keys(layout: str) -> dict[str, _Key]:
    table = TABLES[layout]
    keys = {" ": _Key(_SPACE, False, False)}
    # What needs fewest hands wins.
    for rows, shift in ((table.plain, False), (table.shifted, True)):
        for codes, row in zip(ROWS, rows, strict=True):
            for scancode, character in zip(codes, row, strict=True):
                if character != "\0":
                    keys.setdefault(character, _Key(scancode, shift, False))
    for shift, extra in ((False, table.altgr), (True, table.shift_altgr)):
        for character, scancode in extra.items():
            keys.setdefault(character, _Key(scancode, shift, True))
    return keys


@cache
def _american_keys() -> dict[tuple[int, bool], int]:
    table = TABLES["us"]
    return {
        (scancode, shift): keysym_of(character)
        for rows, shift in ((table.plain, False), (table.shifted, True))
        for codes, row in zip(ROWS, rows, strict=True)
        for scancode, character in zip(codes, row, strict=True)
        if character != "\0"
    }


@cache
def american_keysym(scancode: int, shift: bool) -> int:
    """What a key makes on an American keyboard.

    A server that was given an American map makes the key's place of it again, so that a guest with
    another keyboard gets the key that was meant. XCP-ng's hosts give their servers that map, and
    those believe the keysym even where they are told the place as well.

    Args:
        scancode: of the key.
        shift: whether Shift is down.

    Returns:
        The keysym; 0 for a key that is not known.
    """
    if scancode == _SPACE:
        return 0x20
    if scancode == _ISO_KEY:
        return _ISO_KEYSYM
    made = _american_keys().get((scancode, shift))
    return made or next((named for named, code in SCANCODES.items() if code == scancode), 0)
