"""The grid of a terminal: letters, the cursor, and what scrolls and is erased."""

from __future__ import annotations

from collections import deque

from xolite_qt.ui.models.terminal_cells import BLANK, PLAIN, Cell, Line, blank_of, width_of

LEAST, MOST = 2, 500
SCROLLBACK = 5000
_MOST_COMBINED = 8


class TerminalGrid:
    """What is on the screen of a terminal, and what it does to that.

    Attributes:
        columns, rows: its size.
        lines: what is on the screen.
        history: what scrolled away, oldest first.
        x, y: the cursor; x equals `columns` after a letter in the last one.
        version: grows with every change; who paints compares it.
    """

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.columns, self.rows = _bounded(columns), _bounded(rows)
        self.history: deque[Line] = deque(maxlen=SCROLLBACK)
        self.version = 0
        self._reset()

    def _reset(self) -> None:
        self.lines = [Line.blank(self.columns) for _ in range(self.rows)]
        self.x = self.y = 0
        self._style = PLAIN
        self._top, self._bottom = 0, self.rows - 1
        self._origin = self._insert = False
        self._wraps = True
        self._tabs = set(range(0, MOST, 8))
        self._other: list[Line] | None = None
        self._last = " "

    def resize(self, columns: int, rows: int) -> None:
        """Takes another size; lines that do not fit any more scroll away."""
        columns, rows = _bounded(columns), _bounded(rows)
        if (columns, rows) == (self.columns, self.rows):
            return
        over = max(self.y - rows + 1, 0)
        for lines in (self.lines, self._other):
            if lines is None:
                continue
            if self._other is None:
                self.history.extend(lines[:over])
            del lines[:over]
            del lines[rows:]
            for line in lines:
                line.fit(columns)
            lines += [Line.blank(columns) for _ in range(rows - len(lines))]
        self.columns, self.rows = columns, rows
        self.x, self.y = min(self.x, columns), min(max(self.y - over, 0), rows - 1)
        self._top, self._bottom = 0, rows - 1
        self.version += 1

    def line(self, number: int) -> Line:
        """A line by its number from the top of the history; the screen's follow it."""
        past = len(self.history)
        return self.history[number] if number < past else self.lines[number - past]

    @property
    def line_count(self) -> int:
        """Lines of history and screen."""
        return len(self.history) + self.rows

    def text(self) -> str:
        """What is on the screen, line by line."""
        return "\n".join(line.text() for line in self.lines).rstrip("\n")

    def text_between(self, first: tuple[int, int], last: tuple[int, int]) -> str:
        """The text from one place to another, both as line number and column.

        Lines that were only broken for want of room are joined again.
        """
        first, last = sorted((first, last))
        parts: list[str] = []
        for number in range(max(first[0], 0), min(last[0], self.line_count - 1) + 1):
            line = self.line(number)
            begin = first[1] if number == first[0] else 0
            end = last[1] if number == last[0] else len(line.cells)
            piece = "".join(cell.text for cell in line.cells[begin:end])
            goes_on = line.goes_on and number < last[0]
            parts.append(piece if goes_on else piece.rstrip() + "\n")
        return "".join(parts).removesuffix("\n")

    # ------------------------------------------------------------------ letters

    def _put(self, letter: str) -> None:
        width = width_of(letter)
        if width == 0:
            self._combine(letter)
            return
        if self.x + width > self.columns:
            if self._wraps:
                self.lines[self.y].goes_on = True
                self.x = 0
                self._line_feed()
            else:
                self.x = self.columns - width
        cells = self.lines[self.y].cells
        if self._insert:
            cells[self.x : self.x] = [BLANK] * width
            del cells[self.columns :]
        self._part_wide(self.x)
        self._part_wide(self.x + width)
        cells[self.x] = Cell(letter, self._style)
        if width == 2:
            cells[self.x + 1] = Cell("", self._style)
        self.x += width
        self._last = letter

    def _part_wide(self, x: int) -> None:
        """A wide letter that is half overwritten goes whole."""
        cells = self.lines[self.y].cells
        if 0 < x < self.columns and cells[x].text == "":
            cells[x - 1] = cells[x] = BLANK

    def _combine(self, mark: str) -> None:
        x = self.x - 1
        cells = self.lines[self.y].cells
        if x > 0 and cells[x].text == "":
            x -= 1
        if x >= 0 and len(cells[x].text) < _MOST_COMBINED:
            cells[x] = cells[x]._replace(text=cells[x].text + mark)

    # ------------------------------------------------------------------ cursor

    def _go(self, x: int, y: int) -> None:
        top, bottom = (self._top, self._bottom) if self._origin else (0, self.rows - 1)
        self.x = min(max(x, 0), self.columns - 1)
        self.y = min(max(y + (top if self._origin else 0), top), bottom)

    def _move(self, way: str, count: int) -> None:
        self.x = min(self.x, self.columns - 1)
        match way:
            case "A" | "F":
                top = self._top if self.y >= self._top else 0
                self.y = max(self.y - count, top)
            case "B" | "e" | "E":
                bottom = self._bottom if self.y <= self._bottom else self.rows - 1
                self.y = min(self.y + count, bottom)
            case "C" | "a":
                self.x = min(self.x + count, self.columns - 1)
            case _:
                self.x = max(self.x - count, 0)
        if way in "EF":
            self.x = 0

    def _tab(self, back: bool = False) -> None:
        if back:
            self.x = max((stop for stop in self._tabs if stop < self.x), default=0)
        else:
            last = self.columns - 1
            self.x = min((stop for stop in self._tabs if self.x < stop <= last), default=last)

    def _clear_tabs(self, which: int) -> None:
        if which == 0:
            self._tabs.discard(self.x)
        elif which == 3:
            self._tabs.clear()

    # ------------------------------------------------------------------ scrolling and erasing

    def _set_region(self, top: int, bottom: int) -> None:
        bottom = min(bottom, self.rows - 1)
        if 0 <= top < bottom:
            self._top, self._bottom = top, bottom
            self._go(0, 0)

    def _line_feed(self) -> None:
        if self.y == self._bottom:
            self._scroll_up(self._top, 1, keep=self._top == 0 and self._other is None)
        elif self.y < self.rows - 1:
            self.y += 1

    def _reverse_feed(self) -> None:
        if self.y == self._top:
            self._scroll_down(self._top, 1)
        elif self.y > 0:
            self.y -= 1

    def _scroll_up(self, top: int, count: int, *, keep: bool) -> None:
        count = min(count, self._bottom - top + 1)
        if keep:
            self.history.extend(self.lines[top : top + count])
        del self.lines[top : top + count]
        at = self._bottom - count + 1
        self.lines[at:at] = [Line.blank(self.columns, self._style) for _ in range(count)]

    def _scroll_down(self, top: int, count: int) -> None:
        count = min(count, self._bottom - top + 1)
        del self.lines[self._bottom - count + 1 : self._bottom + 1]
        self.lines[top:top] = [Line.blank(self.columns, self._style) for _ in range(count)]

    def _shift_lines(self, insert: bool, count: int) -> None:
        if not self._top <= self.y <= self._bottom:
            return
        if insert:
            self._scroll_down(self.y, count)
        else:
            self._scroll_up(self.y, count, keep=False)
        self.x = 0

    def _shift_cells(self, how: str, count: int) -> None:
        self.x = min(self.x, self.columns - 1)
        line, x = self.lines[self.y], self.x
        count = min(count, self.columns - x)
        self._part_wide(x)
        self._part_wide(x + count)
        blanks = [blank_of(self._style)] * count
        if how == "@":
            line.cells[x:x] = blanks
            line.fit(self.columns)
        elif how == "P":
            del line.cells[x : x + count]
            line.cells += blanks
        else:
            line.cells[x : x + count] = blanks
        if how != "X":
            line.goes_on = False

    def _erase_line(self, which: int) -> None:
        x = min(self.x, self.columns - 1)
        begin, end = {0: (x, self.columns), 1: (0, x + 1)}.get(which, (0, self.columns))
        if which > 2:
            return
        self._part_wide(begin)
        self._part_wide(end)
        line = self.lines[self.y]
        line.cells[begin:end] = [blank_of(self._style)] * (end - begin)
        if end == self.columns:
            line.goes_on = False

    def _erase_display(self, which: int) -> None:
        if which == 3:
            self.history.clear()
            return
        if which > 3:
            return
        if which in (0, 1):
            self._erase_line(which)
        gone = {
            0: range(self.y + 1, self.rows),
            1: range(self.y),
            2: range(self.rows),
        }[which]
        for number in gone:
            self.lines[number] = Line.blank(self.columns, self._style)


def _bounded(number: int) -> int:
    return min(max(number, LEAST), MOST)
