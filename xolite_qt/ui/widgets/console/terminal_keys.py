"""What keys send in a terminal."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

K = Qt.Key
_M = Qt.KeyboardModifier

_CURSOR: dict[int, str] = {
    K.Key_Up: "A", K.Key_Down: "B", K.Key_Right: "C", K.Key_Left: "D", K.Key_Home: "H",
    K.Key_End: "F",
}  # fmt: skip
_NUMBERED: dict[int, int] = {
    K.Key_Insert: 2, K.Key_Delete: 3, K.Key_PageUp: 5, K.Key_PageDown: 6,
    K.Key_F5: 15, K.Key_F6: 17, K.Key_F7: 18, K.Key_F8: 19, K.Key_F9: 20, K.Key_F10: 21,
    K.Key_F11: 23, K.Key_F12: 24,
}  # fmt: skip
_FIRST: dict[int, str] = {K.Key_F1: "P", K.Key_F2: "Q", K.Key_F3: "R", K.Key_F4: "S"}
_PLAIN: dict[int, bytes] = {
    K.Key_Return: b"\r", K.Key_Enter: b"\r", K.Key_Backspace: b"\x7f", K.Key_Tab: b"\t",
    K.Key_Backtab: b"\x1b[Z", K.Key_Escape: b"\x1b",
}  # fmt: skip
_CTRL: dict[int, bytes] = {
    K.Key_Space: b"\x00", K.Key_At: b"\x00", K.Key_BracketLeft: b"\x1b", K.Key_Backslash: b"\x1c",
    K.Key_BracketRight: b"\x1d", K.Key_AsciiCircum: b"\x1e", K.Key_Underscore: b"\x1f",
}  # fmt: skip


def bytes_of(event: QKeyEvent, *, app_cursor: bool) -> bytes:
    """What a key press sends; empty where it sends nothing.

    Args:
        event: the press.
        app_cursor: programs want the other sequences for cursor keys.
    """
    key, held = event.key(), event.modifiers()
    alt = b"\x1b" if held & _M.AltModifier else b""
    if key in _CURSOR:
        number = _modifiers(held)
        if number:
            return f"\x1b[1;{number}{_CURSOR[key]}".encode()
        return (b"\x1bO" if app_cursor else b"\x1b[") + _CURSOR[key].encode()
    if key in _NUMBERED:
        number = _modifiers(held)
        tail = f";{number}~" if number else "~"
        return f"\x1b[{_NUMBERED[key]}{tail}".encode()
    if key in _FIRST:
        return b"\x1bO" + _FIRST[key].encode()
    if key in _PLAIN:
        return alt + _PLAIN[key]
    if held & _M.ControlModifier and not held & _M.AltModifier:
        if K.Key_A <= key <= K.Key_Z:
            return bytes((key - K.Key_A + 1,))
        if key in _CTRL:
            return _CTRL[key]
    text = event.text()
    if text and text.isprintable():
        # AltGr is told as Ctrl and Alt together on some systems; its letters are plain ones.
        plain = not alt or held & _M.ControlModifier
        return (b"" if plain else alt) + text.encode("utf-8", "replace")
    return b""


def _modifiers(held: Qt.KeyboardModifier) -> int:
    """xterm's number for modifiers that are held; 0 for none."""
    number = (
        (1 if held & _M.ShiftModifier else 0)
        + (2 if held & _M.AltModifier else 0)
        + (4 if held & _M.ControlModifier else 0)
    )
    return number + 1 if number else 0
