"""What a key of this machine's keyboard is to a guest: its meaning (keysym) and place (scancode).

The place is what counts where it is known: the guest has a layout of its own. Qt tells places in
the desktop's numbers; keys without one (macOS, on-screen keyboards, tests) go by their meaning.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal, get_args

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent

from xolite_qt.rfb import american_keysym, keysyms
from xolite_qt.rfb.keysyms import SCANCODES, keysym_of

K = Qt.Key

ReleaseKey = Literal["right-ctrl", "ctrl+alt", "scroll-lock", "pause"]
"""What gives the keyboard back from a guest."""

RELEASE_KEYS: dict[ReleaseKey, str] = {
    "right-ctrl": "Right Ctrl",
    "ctrl+alt": "Ctrl+Alt",
    "scroll-lock": "Scroll Lock",
    "pause": "Pause",
}
"""Words for each of them."""

# The keys above F10 and beside the letters: evdev's number to XT's, 0xE0 as bit 7. Up to 88 the
# two are the same.
_EVDEV: dict[int, int] = {
    96: 0x9C, 97: 0x9D, 98: 0xB5, 99: 0x54, 100: 0xB8, 102: 0xC7, 103: 0xC8, 104: 0xC9, 105: 0xCB,
    106: 0xCD, 107: 0xCF, 108: 0xD0, 109: 0xD1, 110: 0xD2, 111: 0xD3, 119: 0xC6, 125: 0xDB,
    126: 0xDC, 127: 0xDD, 89: 0x73, 92: 0x79, 93: 0x70, 94: 0x7B, 124: 0x7D,
}  # fmt: skip
_LAST_COMMON, _X_OFFSET = 88, 8

_MEANINGS: dict[int, int] = {
    K.Key_Escape: keysyms.ESCAPE, K.Key_Tab: keysyms.TAB, K.Key_Backtab: keysyms.TAB,
    K.Key_Backspace: keysyms.BACKSPACE, K.Key_Return: keysyms.RETURN,
    K.Key_Enter: keysyms.KP_ENTER, K.Key_Insert: keysyms.INSERT, K.Key_Delete: keysyms.DELETE,
    K.Key_Pause: keysyms.PAUSE, K.Key_Print: keysyms.PRINT, K.Key_SysReq: keysyms.PRINT,
    K.Key_Home: keysyms.HOME, K.Key_End: keysyms.END, K.Key_Left: keysyms.LEFT,
    K.Key_Up: keysyms.UP, K.Key_Right: keysyms.RIGHT, K.Key_Down: keysyms.DOWN,
    K.Key_PageUp: keysyms.PAGE_UP, K.Key_PageDown: keysyms.PAGE_DOWN,
    K.Key_Shift: keysyms.SHIFT_L, K.Key_Control: keysyms.CONTROL_L, K.Key_Meta: keysyms.SUPER_L,
    K.Key_Alt: keysyms.ALT_L, K.Key_AltGr: keysyms.ISO_LEVEL3_SHIFT,
    K.Key_CapsLock: keysyms.CAPS_LOCK, K.Key_NumLock: keysyms.NUM_LOCK,
    K.Key_ScrollLock: keysyms.SCROLL_LOCK, K.Key_Super_L: keysyms.SUPER_L,
    K.Key_Super_R: keysyms.SUPER_R, K.Key_Menu: keysyms.MENU,
    **{K.Key_F1 + number: keysyms.F1 + number for number in range(12)},
}  # fmt: skip
# On a Mac Qt calls Command "Control" and Control "Meta".
_MAC: dict[int, int] = {K.Key_Control: keysyms.SUPER_L, K.Key_Meta: keysyms.CONTROL_L}
_KEYPAD: dict[int, int] = {
    **{K.Key_0 + digit: keysyms.KP_0 + digit for digit in range(10)},
    K.Key_Asterisk: keysyms.KP_MULTIPLY, K.Key_Plus: keysyms.KP_ADD,
    K.Key_Minus: keysyms.KP_SUBTRACT, K.Key_Slash: keysyms.KP_DIVIDE,
    K.Key_Period: keysyms.KP_DECIMAL, K.Key_Comma: keysyms.KP_DECIMAL,
}  # fmt: skip
_RIGHT_CTRL = SCANCODES[keysyms.CONTROL_R]


@dataclass(frozen=True)
class Pressed:
    """A key as guests know it.

    Attributes:
        keysym: its meaning here; 0 where there is none.
        scancode: its place; 0 where that is not known.
        shift: whether Shift was down.
    """

    keysym: int
    scancode: int
    shift: bool

    def for_places(self) -> tuple[int, int]:
        """Keysym and scancode for a server that takes places, and believes the American keysym."""
        if not self.scancode:
            return self.keysym, 0
        return american_keysym(self.scancode, self.shift) or self.keysym, self.scancode


def scancode_of(native: int, platform: str) -> int:
    """The XT scancode of a key.

    Args:
        native: what Qt tells as `nativeScanCode`.
        platform: Qt's name of the window system: "xcb", "wayland", "windows", "cocoa".

    Returns:
        0xE0 in front as bit 7; 0 where it is not known.
    """
    if platform == "windows":
        return (native & 0x7F) | (0x80 if native & 0x100 else 0)
    if platform in ("xcb", "wayland"):
        code = native - _X_OFFSET
        if 0 < code <= _LAST_COMMON:
            return code
        return _EVDEV.get(code, 0)
    return 0


def pressed(event: QKeyEvent) -> Pressed:
    """What a key event means to a guest."""
    scancode = scancode_of(event.nativeScanCode(), QGuiApplication.platformName())
    shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
    return Pressed(_meaning(event, scancode), scancode, shift)


def _meaning(event: QKeyEvent, scancode: int) -> int:
    key = event.key()
    if _is_right_ctrl(event, scancode):
        return keysyms.CONTROL_R
    if sys.platform == "darwin" and key in _MAC:
        return _MAC[key]
    if event.modifiers() & Qt.KeyboardModifier.KeypadModifier and key in _KEYPAD:
        return _KEYPAD[key]
    if key in _MEANINGS:
        return _MEANINGS[key]
    text = event.text()
    if len(text) == 1 and text.isprintable():
        return keysym_of(text)
    # With Ctrl held Qt's text is a control character, or none: the key's own letter is meant.
    if 0x20 <= key <= 0xFF:
        letter = chr(key)
        if not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            letter = letter.lower()
        return keysym_of(letter)
    return 0


def _is_right_ctrl(event: QKeyEvent, scancode: int) -> bool:
    # Where places are not known (X over a network), the window system's own keysym still tells.
    return event.key() == K.Key_Control and (
        scancode == _RIGHT_CTRL or event.nativeVirtualKey() == keysyms.CONTROL_R
    )


def release_key(name: str) -> ReleaseKey:
    """A release key by its name in the settings; the default where that is none."""
    for key in get_args(ReleaseKey):
        if key == name:
            return key  # type: ignore[no-any-return]  # get_args says Any
    return "right-ctrl"


def is_release_key(event: QKeyEvent, wanted: ReleaseKey) -> bool:
    """Whether a key event is about the release key, or its last part."""
    key = event.key()
    match wanted:
        case "right-ctrl":
            scancode = scancode_of(event.nativeScanCode(), QGuiApplication.platformName())
            return _is_right_ctrl(event, scancode)
        case "ctrl+alt":
            ctrl = Qt.KeyboardModifier.ControlModifier
            alt = Qt.KeyboardModifier.AltModifier
            held = event.modifiers()
            return (key == K.Key_Alt and bool(held & ctrl)) or (
                key == K.Key_Control and bool(held & alt)
            )
        case "scroll-lock":
            return key == K.Key_ScrollLock
        case "pause":
            return key == K.Key_Pause
