"""What is printed on the keys of some keyboards.

Each layout has four rows of the keyboard, plain and with Shift: digits, QWERTY, home row with the
key left of Return (or above it), bottom row with the key right of the left Shift. A combining
character is a dead key. `\\0` is a key that makes nothing, or not the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_GRAVE, _ACUTE, _CIRCUMFLEX, _TILDE, _DIAERESIS = "\u0300", "\u0301", "\u0302", "\u0303", "\u0308"

DIGITS = (0x29, *range(0x02, 0x0E))
QWERTY = tuple(range(0x10, 0x1C))
HOME = (*range(0x1E, 0x29), 0x2B)
BOTTOM = (0x56, *range(0x2C, 0x36))
ROWS = (DIGITS, QWERTY, HOME, BOTTOM)


@dataclass(frozen=True)
class LayoutTable:
    """A keyboard.

    Attributes:
        name: how people call it.
        plain: the four rows.
        shifted: the same with Shift.
        altgr: character -> scancode of the key that makes it with AltGr.
        shift_altgr: the same with Shift and AltGr.
    """

    name: str
    plain: tuple[str, str, str, str]
    shifted: tuple[str, str, str, str]
    altgr: dict[str, int] = field(default_factory=dict)
    shift_altgr: dict[str, int] = field(default_factory=dict)


TABLES: dict[str, LayoutTable] = {
    "us": LayoutTable(
        "English (US)",
        ("`1234567890-=", "qwertyuiop[]", "asdfghjkl;'\\", "\0zxcvbnm,./"),
        ("~!@#$%^&*()_+", "QWERTYUIOP{}", 'ASDFGHJKL:"|', "\0ZXCVBNM<>?"),
    ),
    "gb": LayoutTable(
        "English (UK)",
        ("`1234567890-=", "qwertyuiop[]", "asdfghjkl;'#", "\\zxcvbnm,./"),
        ('¬!"£$%^&*()_+', "QWERTYUIOP{}", "ASDFGHJKL:@~", "|ZXCVBNM<>?"),
        {"€": 0x05},
    ),
    "de": LayoutTable(
        "German",
        (f"{_CIRCUMFLEX}1234567890ß{_ACUTE}", "qwertzuiopü+", "asdfghjklöä#", "<yxcvbnm,.-"),
        (f'°!"§$%&/()=?{_GRAVE}', "QWERTZUIOPÜ*", "ASDFGHJKLÖÄ'", ">YXCVBNM;:_"),
        {
            "²": 0x03, "³": 0x04, "{": 0x08, "[": 0x09, "]": 0x0A, "}": 0x0B, "\\": 0x0C,
            "@": 0x10, "€": 0x12, "~": 0x1B, "|": 0x56, "µ": 0x32,
        },
    ),
    "fr": LayoutTable(
        "French",
        ("²&é\"'(-è_çà)=", f"azertyuiop{_CIRCUMFLEX}$", "qsdfghjklmù*", "<wxcvbn,;:!"),
        ("\x001234567890°+", f"AZERTYUIOP{_DIAERESIS}£", "QSDFGHJKLM%µ", ">WXCVBN?./§"),
        # The tilde and the grave are dead on Windows, and come with the character after them.
        {
            "~": 0x03, "#": 0x04, "{": 0x05, "[": 0x06, "|": 0x07, "`": 0x08, "\\": 0x09,
            "^": 0x0A, "@": 0x0B, "]": 0x0C, "}": 0x0D, "€": 0x12, "¤": 0x1B,
        },
    ),
    "es": LayoutTable(
        "Spanish",
        ("º1234567890'¡", f"qwertyuiop{_GRAVE}+", f"asdfghjklñ{_ACUTE}ç", "<zxcvbnm,.-"),
        ('ª!"·$%&/()=?¿', f"QWERTYUIOP{_CIRCUMFLEX}*", f"ASDFGHJKLÑ{_DIAERESIS}Ç", ">ZXCVBNM;:_"),
        # The tilde is dead on Windows, and comes with the character after it.
        {
            "\\": 0x29, "|": 0x02, "@": 0x03, "#": 0x04, "~": 0x05, "¬": 0x07, "€": 0x12,
            "[": 0x1A, "]": 0x1B, "{": 0x28, "}": 0x2B,
        },
    ),
    "it": LayoutTable(
        "Italian",
        ("\\1234567890'ì", "qwertyuiopè+", "asdfghjklòàù", "<zxcvbnm,.-"),
        ('|!"£$%&/()=?^', "QWERTYUIOPé*", "ASDFGHJKLç°§", ">ZXCVBNM;:_"),
        # Windows has neither the tilde nor the grave on this keyboard.
        {"€": 0x12, "[": 0x1A, "]": 0x1B, "@": 0x27, "#": 0x28, "~": 0x0D, "`": 0x0C},
        {"{": 0x1A, "}": 0x1B},
    ),
    "ch": LayoutTable(
        "Swiss German",
        (f"§1234567890'{_CIRCUMFLEX}", f"qwertzuiopü{_DIAERESIS}", "asdfghjklöä$", "<yxcvbnm,.-"),
        (f'°+"*ç%&/()=?{_GRAVE}', "QWERTZUIOPè!", "ASDFGHJKLéà£", ">YXCVBNM;:_"),
        {
            "@": 0x03, "#": 0x04, "|": 0x08, _ACUTE: 0x0C, _TILDE: 0x0D, "€": 0x12,
            "[": 0x1A, "]": 0x1B, "{": 0x28, "}": 0x2B, "\\": 0x56,
        },
    ),
    "be": LayoutTable(
        "Belgian",
        ("²&é\"'(§è!çà)-", f"azertyuiop{_CIRCUMFLEX}$", "qsdfghjklmùµ", "<wxcvbn,;:="),
        ("³1234567890°_", f"AZERTYUIOP{_DIAERESIS}*", "QSDFGHJKLM%£", ">WXCVBN?./+"),
        {
            "|": 0x02, "@": 0x03, "#": 0x04, "^": 0x07, "{": 0x0A, "}": 0x0B, "€": 0x12,
            "[": 0x1A, "]": 0x1B, _ACUTE: 0x28, _GRAVE: 0x2B, _TILDE: 0x35, "\\": 0x56,
        },
    ),
}  # fmt: skip
