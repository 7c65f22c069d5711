"""Keys by their meaning (keysyms, as X numbers them) and by their place (scancodes of the PC)."""

from __future__ import annotations

BACKSPACE, TAB, RETURN, ESCAPE, DELETE = 0xFF08, 0xFF09, 0xFF0D, 0xFF1B, 0xFFFF
HOME, LEFT, UP, RIGHT, DOWN, PAGE_UP, PAGE_DOWN, END = range(0xFF50, 0xFF58)
INSERT, MENU, NUM_LOCK, PRINT, PAUSE, SCROLL_LOCK = 0xFF63, 0xFF67, 0xFF7F, 0xFF61, 0xFF13, 0xFF14
F1, F2, F3, F4, F5, F6, F7, F8, F9, F10, F11, F12 = range(0xFFBE, 0xFFCA)
SHIFT_L, SHIFT_R, CONTROL_L, CONTROL_R, CAPS_LOCK = 0xFFE1, 0xFFE2, 0xFFE3, 0xFFE4, 0xFFE5
META_L, META_R, ALT_L, ALT_R, SUPER_L, SUPER_R = range(0xFFE7, 0xFFED)
ISO_LEVEL3_SHIFT = 0xFE03
KP_ENTER, KP_MULTIPLY, KP_ADD, KP_SEPARATOR, KP_SUBTRACT, KP_DECIMAL, KP_DIVIDE = (
    0xFF8D, 0xFFAA, 0xFFAB, 0xFFAC, 0xFFAD, 0xFFAE, 0xFFAF,
)  # fmt: skip
KP_0 = 0xFFB0

_UNICODE = 0x0100_0000
_CONTROLS = {"\n": RETURN, "\r": RETURN, "\t": TAB, "\b": BACKSPACE, "\x1b": ESCAPE, "\x7f": DELETE}

# XT set 1; 0xE0 in front of a code is bit 7.
SCANCODES: dict[int, int] = {
    ESCAPE: 0x01, BACKSPACE: 0x0E, TAB: 0x0F, RETURN: 0x1C,
    CONTROL_L: 0x1D, SHIFT_L: 0x2A, SHIFT_R: 0x36, ALT_L: 0x38, CAPS_LOCK: 0x3A,
    CONTROL_R: 0x9D, ALT_R: 0xB8, ISO_LEVEL3_SHIFT: 0xB8, SUPER_L: 0xDB, SUPER_R: 0xDC, MENU: 0xDD,
    HOME: 0xC7, UP: 0xC8, PAGE_UP: 0xC9, LEFT: 0xCB, RIGHT: 0xCD, END: 0xCF, DOWN: 0xD0,
    PAGE_DOWN: 0xD1, INSERT: 0xD2, DELETE: 0xD3, PRINT: 0x54, PAUSE: 0xC6,
    NUM_LOCK: 0x45, SCROLL_LOCK: 0x46,
    KP_ENTER: 0x9C, KP_MULTIPLY: 0x37, KP_ADD: 0x4E, KP_SUBTRACT: 0x4A, KP_DECIMAL: 0x53,
    KP_DIVIDE: 0xB5,
    **{F1 + number: 0x3B + number for number in range(10)}, F11: 0x57, F12: 0x58,
    **{KP_0 + digit: code for digit, code in enumerate(
        (0x52, 0x4F, 0x50, 0x51, 0x4B, 0x4C, 0x4D, 0x47, 0x48, 0x49))},
}  # fmt: skip
"""Places of the keys that are the same on every PC keyboard."""


def keysym_of(character: str) -> int:
    """The keysym of one character.

    Args:
        character: one code point; line ends, tabs and the like are the keys that make them.

    Returns:
        The keysym; 0 for control characters that no key makes.
    """
    if character in _CONTROLS:
        return _CONTROLS[character]
    code = ord(character)
    if 0x20 <= code <= 0x7E or 0xA0 <= code <= 0xFF:
        return code
    if code == 0x20AC:
        # The euro sign is older than the rule for the rest.
        return 0x20AC
    if code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code <= 0xDFFF:
        return 0
    return _UNICODE | code
