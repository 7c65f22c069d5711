"""A terminal as its programs know it: what each sequence of a VT100 or xterm does to the grid.

The subset that shells, editors and pagers of a control domain use.
"""

from __future__ import annotations

from xolite_qt.ui.models.terminal_cells import PLAIN, Cell, Line, Style
from xolite_qt.ui.models.terminal_grid import TerminalGrid
from xolite_qt.ui.models.terminal_parser import TerminalParser
from xolite_qt.ui.models.terminal_style import changed_style

_MOST_REPLIES = 64
# DEC's line drawing, from "`" on.
_DRAWING = "◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·"


class Terminal(TerminalGrid):
    """The state of one terminal.

    Attributes:
        cursor_visible: whether programs want it seen.
        bracketed: programs want pasted text marked.
        app_cursor: programs want the other sequences for cursor keys.
        bells: how often it beeped.
    """

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        super().__init__(columns, rows)
        self.bells = 0
        self._replies: list[bytes] = []
        self._parser = TerminalParser(self)

    def _reset(self) -> None:
        super()._reset()
        self.cursor_visible = True
        self.bracketed = self.app_cursor = False
        self._sets = ["B", "B"]
        self._shift = 0
        self._saved: tuple[int, int, Style, bool, list[str], int] | None = None

    def feed(self, data: bytes) -> bytes:
        """Takes what the host sent.

        Returns:
            What the terminal answers to questions in it.
        """
        self._parser.feed(data)
        self.version += 1
        answer = b"".join(self._replies)
        self._replies.clear()
        return answer

    # ------------------------------------------------------------------ what the parser tells

    def put(self, text: str) -> None:
        """Override Screen.put."""
        drawing = self._sets[self._shift] == "0"
        for letter in text:
            if drawing and "`" <= letter <= "~":
                letter = _DRAWING[ord(letter) - ord("`")]
            self._put(letter)

    def control(self, code: str) -> None:
        """Override Screen.control."""
        match code:
            case "\x07":
                self.bells += 1
            case "\b":
                self.x = max(min(self.x, self.columns - 1) - 1, 0)
            case "\t":
                self._tab()
            case "\n" | "\x0b" | "\x0c":
                self._line_feed()
            case "\r":
                self.x = 0
            case "\x0e":
                self._shift = 1
            case "\x0f":
                self._shift = 0
            case _:
                return

    def escape(self, between: str, final: str) -> None:
        """Override Screen.escape."""
        if between in ("(", ")"):
            self._sets[0 if between == "(" else 1] = final
        elif between == "#" and final == "8":
            for line in self.lines:
                line.cells = [Cell("E", PLAIN)] * self.columns
        elif not between:
            self._plain_escape(final)

    def _plain_escape(self, final: str) -> None:
        match final:
            case "7":
                self._save()
            case "8":
                self._restore()
            case "D":
                self._line_feed()
            case "E":
                self.x = 0
                self._line_feed()
            case "H":
                self._tabs.add(min(self.x, self.columns - 1))
            case "M":
                self._reverse_feed()
            case "c":
                self._reset()
            case _:
                return

    def csi(self, private: str, params: list[int], between: str, final: str) -> None:
        """Override Screen.csi."""
        if between:
            if between == "!" and final == "p":
                self._reset()
            return
        if private:
            if private == "?" and final in "hl":
                for mode in params:
                    self._private_mode(mode, final == "h")
            elif private == ">" and final == "c":
                self._reply(b"\x1b[>0;10;0c")
            return
        first = params[0] if params else 0
        count = max(first, 1)
        second = params[1] if len(params) > 1 else 0
        match final:
            case "A" | "B" | "e" | "C" | "a" | "D" | "E" | "F":
                self._move(final, count)
            case "G" | "`":
                self.x = min(count, self.columns) - 1
            case "d":
                self._go(self.x, count - 1)
            case "H" | "f":
                self._go(max(second, 1) - 1, count - 1)
            case "J":
                self._erase_display(first)
            case "K":
                self._erase_line(first)
            case "L" | "M":
                self._shift_lines(final == "L", count)
            case "@" | "P" | "X":
                self._shift_cells(final, count)
            case "S":
                self._scroll_up(self._top, min(count, self.rows), keep=False)
            case "T":
                self._scroll_down(self._top, min(count, self.rows))
            case "I" | "Z":
                for _ in range(min(count, self.columns)):
                    self._tab(back=final == "Z")
            case "b":
                for _ in range(min(count, self.columns * self.rows)):
                    self._put(self._last)
            case "g":
                self._clear_tabs(first)
            case "h" | "l":
                if 4 in params:
                    self._insert = final == "h"
            case "m":
                self._style = changed_style(self._style, params)
            case "n":
                self._report(first)
            case "c":
                self._reply(b"\x1b[?6c")
            case "r":
                self._set_region(count - 1, (second or self.rows) - 1)
            case "s":
                self._save()
            case "u":
                self._restore()
            case _:
                return

    def _save(self) -> None:
        self._saved = (
            self.x, self.y, self._style, self._origin, list(self._sets), self._shift,
        )  # fmt: skip

    def _restore(self) -> None:
        if self._saved is None:
            self.x = self.y = 0
            return
        x, y, self._style, self._origin, sets, self._shift = self._saved
        self._sets = list(sets)
        self.x, self.y = min(x, self.columns), min(y, self.rows - 1)

    # ------------------------------------------------------------------ modes and answers

    def _private_mode(self, mode: int, on: bool) -> None:
        match mode:
            case 1:
                self.app_cursor = on
            case 6:
                self._origin = on
                self._go(0, 0)
            case 7:
                self._wraps = on
            case 25:
                self.cursor_visible = on
            case 47 | 1047 | 1049:
                self._alternate(on, mode == 1049)
            case 1048:
                if on:
                    self._save()
                else:
                    self._restore()
            case 2004:
                self.bracketed = on
            case _:
                return

    def _alternate(self, on: bool, with_cursor: bool) -> None:
        """Editors have a screen of their own, and leave the shell's as it was."""
        if on == (self._other is not None):
            return
        if on:
            if with_cursor:
                self._save()
            self._other = self.lines
            self.lines = [Line.blank(self.columns) for _ in range(self.rows)]
        else:
            assert self._other is not None
            self.lines, self._other = self._other, None
            if with_cursor:
                self._restore()

    def _report(self, what: int) -> None:
        if what == 5:
            self._reply(b"\x1b[0n")
        elif what == 6:
            self._reply(b"\x1b[%d;%dR" % (self.y + 1, min(self.x, self.columns - 1) + 1))

    def _reply(self, data: bytes) -> None:
        if len(self._replies) < _MOST_REPLIES:
            self._replies.append(data)


def pasted(text: str, *, bracketed: bool) -> bytes:
    """A pasted text as the terminal sends it: line ends are Enter, and nothing in it is a control.

    Args:
        text: any.
        bracketed: the program wants to know where it begins and ends.
    """
    lines = text.replace("\r\n", "\n").replace("\n", "\r")
    clean = "".join(c for c in lines if c in "\r\t" or (c >= " " and not "\x7f" <= c < "\xa0"))
    data = clean.encode("utf-8", "replace")
    return b"\x1b[200~" + data + b"\x1b[201~" if bracketed else data
