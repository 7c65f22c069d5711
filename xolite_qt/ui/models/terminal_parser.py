"""What a host's text console sends, taken apart: letters, controls and sequences of a VT100.

Nothing that is sent can make it fail, wait for ever or grow without bounds.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import Protocol

MOST_PARAMS, MOST_PARAM, _MOST_STRING = 16, 9999, 4096


class Screen(Protocol):
    """Who does what the sequences say."""

    def put(self, text: str) -> None:
        """Shows letters at the cursor; no controls among them."""

    def control(self, code: str) -> None:
        """BEL, BS, HT, LF, VT, FF, CR, SO or SI."""

    def escape(self, between: str, final: str) -> None:
        """ESC, with what stood between it and its last letter."""

    def csi(self, private: str, params: list[int], between: str, final: str) -> None:
        """A control sequence; parameters that were left out are 0."""


_CONTROLS = "\x07\x08\t\n\x0b\x0c\r\x0e\x0f"
_CANCELS = "\x18\x1a"


class TerminalParser:
    """Feeds a screen.

    Args:
        screen: does what was sent.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._state: Callable[[str], None] = self._ground
        self._between = ""
        self._private = ""
        self._params: list[int] = []
        self._string_length = 0

    def feed(self, data: bytes) -> None:
        """Takes bytes as they come; they may be cut anywhere."""
        text = self._decoder.decode(data)
        start = 0
        for at, letter in enumerate(text):
            if self._state == self._ground and letter >= " " and letter != "\x7f":
                # Plain text goes on in one piece.
                continue
            if start < at:
                self._text(text[start:at])
            start = at + 1
            self._take(letter)
        if start < len(text):
            self._text(text[start:])

    def _text(self, text: str) -> None:
        # C1 controls are shown by no terminal that speaks UTF-8.
        clean = text if text.isascii() else "".join(c for c in text if not "\x80" <= c < "\xa0")
        if clean:
            self._screen.put(clean)

    def _take(self, letter: str) -> None:
        if letter == "\x1b":
            self._clear()
            # In a string this may be its end; what follows says.
            self._state = self._escape
        elif letter in _CANCELS:
            self._state = self._ground
        elif letter in _CONTROLS and self._state != self._string:
            self._screen.control(letter)
        elif letter < " " or letter == "\x7f":
            if letter == "\x07":
                self._state = self._ground
        else:
            self._state(letter)

    def _clear(self) -> None:
        self._between = self._private = ""
        self._params = []

    # ------------------------------------------------------------------ states

    def _ground(self, letter: str) -> None:
        self._screen.put(letter)

    def _escape(self, letter: str) -> None:
        if letter == "[":
            self._state = self._csi
        elif letter in "]PX^_":
            self._string_length = 0
            self._state = self._string
        elif " " <= letter <= "/":
            if len(self._between) < 2:
                self._between += letter
        else:
            self._state = self._ground
            if "0" <= letter <= "~":
                self._screen.escape(self._between, letter)

    def _csi(self, letter: str) -> None:
        if letter in "0123456789":
            if not self._params:
                self._params.append(0)
            self._params[-1] = min(self._params[-1] * 10 + int(letter), MOST_PARAM)
        elif letter in ";:":
            if not self._params:
                self._params.append(0)
            if len(self._params) < MOST_PARAMS:
                self._params.append(0)
        elif letter in "<=>?":
            self._private = letter
        elif " " <= letter <= "/":
            if len(self._between) < 2:
                self._between += letter
        else:
            self._state = self._ground
            if "@" <= letter <= "~":
                self._screen.csi(self._private, self._params, self._between, letter)

    def _string(self, _letter: str) -> None:
        # Titles and the like: of no use here. One without an end ends by itself.
        self._string_length += 1
        if self._string_length > _MOST_STRING:
            self._state = self._ground
