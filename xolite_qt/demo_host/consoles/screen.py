"""What a demo VM shows: firmware, a boot that scrolls, then a desktop on which things move."""

from __future__ import annotations

import time
from collections import deque

import numpy as np
import numpy.typing as npt

from .font import HEIGHT, WIDTH, inked

Picture = npt.NDArray[np.uint32]

FIRMWARE_SIZE, BOOT_SIZE, DESKTOP_SIZE = (720, 400), (800, 600), (1024, 768)
_FIRMWARE_SHARE = 0.25
_LINES_PER_BOOT = 90
_GREY, _WHITE, _GREEN, _DARK = 0xFFAAAAAA, 0xFFFFFFFF, 0xFF8AE234, 0xFF202428
_BACKSPACE, _RETURN = 0xFF08, 0xFF0D
_SQUARE = 48
_TYPED_KEPT = 400
_UNITS = (
    "Mounted /boot", "Started udev Kernel Device Manager", "Found device /dev/xvda1",
    "Reached target Local File Systems", "Started Network Time Synchronization",
    "Started D-Bus System Message Bus", "Started OpenSSH server daemon",
    "Started xe-guest-utilities",
    "Reached target Network is Online", "Started Regular background jobs", "Reached target Timers",
)  # fmt: skip


class Screen:
    """The screen of one VM for as long as it runs; all its viewers see and touch the same.

    Attributes:
        typed: what was typed, newest last; Return is a line end.
        keys: keysyms and whether they went down, newest last.
        pointer: x, y and buttons.
        clipboard: what a viewer copied last.
    """

    def __init__(self, name: str, boots_s: float) -> None:
        """Switches on.

        Args:
            name: of the VM.
            boots_s: how long it boots from now on; 0: it is up.
        """
        self._name = name
        self._began = time.monotonic()
        self._boots_s = boots_s
        self._desktop: Picture | None = None
        self.typed = ""
        self.keys: deque[tuple[int, bool]] = deque(maxlen=1000)
        self.pointer = (0, 0, 0)
        self.clipboard = ""

    def key(self, keysym: int, down: bool) -> None:
        """A key went down or up."""
        self.keys.append((keysym, down))
        if not down:
            return
        if keysym == _BACKSPACE:
            self.typed = self.typed[:-1]
        elif keysym == _RETURN:
            self.typed += "\n"
        elif 0x20 <= keysym <= 0xFF:
            self.typed += chr(keysym)
        elif 0x0100_0020 <= keysym <= 0x0110_FFFF:
            self.typed += chr(keysym & 0xFF_FFFF)
        self.typed = self.typed[-_TYPED_KEPT:]

    def picture(self, now: float | None = None) -> Picture:
        """The screen as it is now.

        Args:
            now: as of `time.monotonic`.

        Returns:
            0xFFRRGGBB, shape (height, width); to be read only.
        """
        age = (time.monotonic() if now is None else now) - self._began
        if age < self._boots_s * _FIRMWARE_SHARE:
            return self._firmware()
        if age < self._boots_s:
            part = age / self._boots_s - _FIRMWARE_SHARE
            return self._boot(int(part / (1 - _FIRMWARE_SHARE) * _LINES_PER_BOOT))
        return self._up(age)

    def _firmware(self) -> Picture:
        picture = _blank(FIRMWARE_SIZE, 0xFF000000)
        lines = ("SeaBIOS (demo)", f"Machine: {self._name}", "", "Booting from Hard Disk...")
        for number, line in enumerate(lines):
            write(picture, 8, 8 + number * HEIGHT, line, _GREY)
        return picture

    def _boot(self, told: int) -> Picture:
        picture = _blank(BOOT_SIZE, 0xFF000000)
        fit = BOOT_SIZE[1] // HEIGHT - 1
        first = max(0, told - fit)
        for row, number in enumerate(range(first, told)):
            y = 4 + row * HEIGHT
            write(picture, 4, y, "[  OK  ]", _GREEN)
            unit = _UNITS[number % len(_UNITS)]
            write(picture, 4 + 9 * WIDTH, y, f"{unit} ({number + 1})", _GREY)
        return picture

    def _up(self, age: float) -> Picture:
        if self._desktop is None:
            self._desktop = _background(self._name)
        picture = self._desktop.copy()
        width = DESKTOP_SIZE[0]
        write(picture, width - 20 * WIDTH, 8, time.strftime("%H:%M:%S"), _WHITE, scale=2)
        x = _to_and_fro(age * 160, width - _SQUARE)
        y = 120 + _to_and_fro(age * 90, 200)
        picture[y : y + _SQUARE, x : x + _SQUARE] = 0xFFE8833A
        fits = (width - 96) // WIDTH
        for number, line in enumerate((self.typed + "_").split("\n")[-12:]):
            write(picture, 48, 440 + number * HEIGHT, line[-fits:], _GREEN)
        at_x, at_y, buttons = self.pointer
        write(picture, 48, 412, f"pointer {at_x},{at_y} buttons {buttons}", _GREY)
        if buttons:
            picture[max(at_y - 6, 0) : at_y + 7, max(at_x - 6, 0) : at_x + 7] = 0xFFFFFF00
        return picture


def write(picture: Picture, x: int, y: int, text: str, colour: int, scale: int = 1) -> None:
    """Writes one line; what does not fit is cut."""
    fits = max(0, picture.shape[1] - x) // (WIDTH * scale) + 1
    ink = inked(text[:fits], scale)
    part = picture[y : y + ink.shape[0], x : x + ink.shape[1]]
    part[ink[: part.shape[0], : part.shape[1]]] = colour


def _blank(size: tuple[int, int], colour: int) -> Picture:
    width, height = size
    return np.full((height, width), colour, np.uint32)


def _background(name: str) -> Picture:
    picture = _blank(DESKTOP_SIZE, 0)
    bands = np.linspace(0, 15, DESKTOP_SIZE[1]).astype(np.uint32)
    colours = np.uint32(0xFF0C2A40) + bands * np.uint32(0x00010203)
    picture[:] = colours[:, None]
    write(picture, 24, 16, name, _WHITE, scale=3)
    picture[400:620, 40:-40] = _DARK
    return picture


def _to_and_fro(way: float, room: int) -> int:
    at = int(way) % (2 * room)
    return at if at < room else 2 * room - at
