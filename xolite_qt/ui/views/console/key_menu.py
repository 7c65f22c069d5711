"""Keys that this machine keeps for itself, and a menu that sends them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QMenu, QWidget

from xolite_qt.rfb import american_keysym, keysyms
from xolite_qt.rfb.keysyms import SCANCODES

SYSRQ_SCANCODE = 0x54
_F = tuple(keysyms.F1 + number for number in range(12))
CTRL_ALT = (keysyms.CONTROL_L, keysyms.ALT_L)

COMBINATIONS: dict[str, tuple[int, ...]] = {
    "Ctrl+Alt+Del": (*CTRL_ALT, keysyms.DELETE),
    "Ctrl+Alt+Backspace": (*CTRL_ALT, keysyms.BACKSPACE),
    "Ctrl+Shift+Esc": (keysyms.CONTROL_L, keysyms.SHIFT_L, keysyms.ESCAPE),
    "Ctrl+Esc": (keysyms.CONTROL_L, keysyms.ESCAPE),
    "Alt+Tab": (keysyms.ALT_L, keysyms.TAB),
    "Alt+F4": (keysyms.ALT_L, keysyms.F1 + 3),
    "Alt+Space": (keysyms.ALT_L, 0x20),
    "Windows key": (keysyms.SUPER_L,),
    "Windows+R": (keysyms.SUPER_L, ord("r")),
    "Windows+L": (keysyms.SUPER_L, ord("l")),
    "Menu key": (keysyms.MENU,),
    "Print Screen": (keysyms.PRINT,),
    "Pause": (keysyms.PAUSE,),
    "Scroll Lock": (keysyms.SCROLL_LOCK,),
    "Num Lock": (keysyms.NUM_LOCK,),
    "Escape": (keysyms.ESCAPE,),
    **{f"Ctrl+Alt+F{number}": (*CTRL_ALT, key) for number, key in enumerate(_F, 1)},
    **{
        f"SysRq+{letter.upper()}": (keysyms.ALT_L, keysyms.PRINT, ord(letter))
        for letter in "reisubhtmwfko"
    },
}
"""Keysyms of each entry, in the order in which they go down."""

_SYSRQ: dict[str, str] = {
    "r": "keyboard back from X", "e": "terminate all", "i": "kill all", "s": "sync disks",
    "u": "mount read-only", "b": "reboot at once", "h": "help", "t": "list tasks",
    "m": "list memory", "w": "list blocked tasks", "f": "kill the largest", "k": "kill terminal",
    "o": "power off at once",
}  # fmt: skip

_GROUPS: tuple[tuple[str, ...], ...] = (
    ("Ctrl+Alt+Del", "Ctrl+Alt+Backspace", "Ctrl+Shift+Esc", "Ctrl+Esc"),
    ("Alt+Tab", "Alt+F4", "Alt+Space"),
    ("Windows key", "Windows+R", "Windows+L", "Menu key"),
    ("Print Screen", "Pause", "Scroll Lock", "Num Lock", "Escape"),
)

Chosen = Callable[[Sequence[int]], object]


def scancode_of_keysym(keysym: int) -> int:
    """Place of a key on an American keyboard; 0 where it has none."""
    if keysym in SCANCODES:
        return SCANCODES[keysym]
    for code in range(1, 0x59):
        if american_keysym(code, False) == keysym:
            return code
    return 0


def key_menu(send: Chosen, parent: QWidget) -> QMenu:
    """A menu of all combinations.

    Args:
        send: called with the keysyms of the chosen one.
        parent: of the menu.
    """
    menu = QMenu(parent)
    for number, group in enumerate(_GROUPS):
        if number:
            menu.addSeparator()
        for name in group:
            _entry(menu, name, name, send)
    menu.addSeparator()
    consoles = menu.addMenu("Ctrl+Alt+F1 … F12")
    consoles.setObjectName("keys.ctrl-alt-f")
    for number in range(1, 13):
        name = f"Ctrl+Alt+F{number}"
        _entry(consoles, name, name, send)
    magic = menu.addMenu("SysRq (Linux)")
    magic.setObjectName("keys.sysrq")
    for letter, words in _SYSRQ.items():
        name = f"SysRq+{letter.upper()}"
        _entry(magic, name, f"{name}: {words}", send)
    return menu


def _entry(menu: QMenu, name: str, words: str, send: Chosen) -> None:
    action = menu.addAction(words)
    action.setObjectName(f"keys.{name.lower().replace(' ', '-')}")
    action.triggered.connect(lambda _on=False, keys=COMBINATIONS[name]: send(keys))
