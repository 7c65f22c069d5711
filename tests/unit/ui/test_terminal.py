"""What a terminal makes of what a host sends: right for programs, and unbreakable by anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.ui.models.terminal import Terminal, pasted
from xolite_qt.ui.models.terminal_cells import TRUE_COLOUR
from xolite_qt.ui.models.terminal_grid import SCROLLBACK
from xolite_qt.ui.models.terminal_style import rgb

COLUMNS, ROWS = 10, 5

# Noise that looks like sequences reaches further than noise alone.
PIECES = st.one_of(
    st.binary(max_size=12),
    st.text(max_size=8).map(lambda text: text.encode("utf-8", "replace")),
    st.builds(
        lambda private, params, final: (
            f"\x1b[{private}{';'.join(map(str, params))}{final}".encode()
        ),
        st.sampled_from(["", "?", ">", "="]),
        st.lists(st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 12, 25, 38, 48, 99, 1049, 99999]),
                 max_size=5),
        st.sampled_from("@ABCDEFGHIJKLMPSTXZ`abcdefghlmnrsu"),
    ),
    st.sampled_from([b"\r\n", b"\t", b"\b", b"\x1bM", b"\x1bD", b"\x1b7", b"\x1b8", b"\x1bc",
                     b"\x1b(0", b"\x0e", b"\x1b#8", b"\x1b]0;title", "漢字e\u0301".encode()]),
)  # fmt: skip


def fed(*data: bytes, columns: int = COLUMNS, rows: int = ROWS) -> Terminal:
    terminal = Terminal(columns, rows)
    for part in data:
        terminal.feed(part)
    return terminal


def check(terminal: Terminal) -> None:
    assert len(terminal.lines) == terminal.rows
    assert 0 <= terminal.x <= terminal.columns
    assert 0 <= terminal.y < terminal.rows
    assert 0 <= terminal._top < terminal._bottom < terminal.rows
    for line in terminal.lines:
        assert len(line.cells) == terminal.columns
        assert all(len(cell.text) <= 9 for cell in line.cells)
    assert len(terminal.history) <= SCROLLBACK
    assert terminal._other is None or len(terminal._other) == terminal.rows


@given(st.lists(PIECES, max_size=40))
def test_nothing_breaks_it(pieces: list[bytes]) -> None:
    terminal = Terminal(COLUMNS, ROWS)
    for piece in pieces:
        assert len(terminal.feed(piece)) < 4096
        check(terminal)
    terminal.text_between((0, 0), (terminal.line_count, COLUMNS))


@given(st.lists(st.one_of(PIECES, st.tuples(st.integers(-1, 30), st.integers(-1, 30)))))
def test_nothing_breaks_it_while_its_size_changes(
    steps: list[bytes | tuple[int, int]],
) -> None:
    terminal = Terminal(COLUMNS, ROWS)
    for step in steps:
        if isinstance(step, bytes):
            terminal.feed(step)
        else:
            terminal.resize(*step)
        check(terminal)


@given(st.lists(PIECES, max_size=20), st.data())
def test_it_does_not_matter_where_the_bytes_are_cut(
    pieces: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(pieces)
    cut = data.draw(st.integers(0, len(whole)))
    one, two = fed(whole), fed(whole[:cut], whole[cut:])
    assert one.lines == two.lines
    assert (one.x, one.y) == (two.x, two.y)
    assert one.history == two.history


@pytest.mark.parametrize(
    ("data", "text", "cursor"),
    [
        (b"hello", "hello", (5, 0)),
        (b"hello\r\nworld", "hello\nworld", (5, 1)),
        (b"a\tb", "a       b", (9, 0)),
        (b"abc\bX", "abX", (3, 0)),
        (b"\x1b[3;4Hx", "\n\n   x", (4, 2)),
        (b"abc\x1b[2D\x1b[K", "a", (1, 0)),
        (b"abcdef\x1b[4D\x1b[2P", "abef", (2, 0)),
        (b"abc\x1b[1G\x1b[2@", "  abc", (0, 0)),
        (b"abcdef\x1b[1G\x1b[3X", "   def", (0, 0)),
        (b"abc\x1b[2J", "", (3, 0)),
        (b"one\r\ntwo\x1b[1;1H\x1b[L", "\none\ntwo", (0, 0)),
        (b"one\r\ntwo\x1b[1;1H\x1b[M", "two", (0, 0)),
        (b"\x1b7abc\x1b8X", "Xbc", (1, 0)),
        (b"\x1b(0lqk\x1b(B", "┌─┐", (3, 0)),
        (b"\x1b]0;a title\x07ok", "ok", (2, 0)),
        (b"\x1b]0;a title\x1b\\ok", "ok", (2, 0)),
        (b"a\x1b[3b", "aaaa", (4, 0)),
        (b"abc\x1b[4h\x1b[1GX", "Xabc", (1, 0)),
        ("漢字".encode(), "漢字", (4, 0)),
        ("e\u0301x".encode(), "e\u0301x", (2, 0)),
        (b"\xff\xfe", "\ufffd\ufffd", (2, 0)),
    ],
)
def test_sequences(data: bytes, text: str, cursor: tuple[int, int]) -> None:
    terminal = fed(data)
    assert terminal.text() == text
    assert (terminal.x, terminal.y) == cursor


def test_a_letter_in_the_last_column_wraps_with_the_next_one() -> None:
    terminal = fed(b"0123456789")
    assert (terminal.x, terminal.y) == (10, 0)
    terminal.feed(b"X")
    assert terminal.text() == "0123456789\nX"
    # What was only broken for want of room is one line for who copies it.
    assert terminal.text_between((0, 0), (1, 10)) == "0123456789X"


def test_what_scrolls_away_is_kept() -> None:
    terminal = fed(b"\r\n".join(b"line %d" % number for number in range(8)))
    assert terminal.text().splitlines()[0] == "line 3"
    assert [line.text() for line in terminal.history] == ["line 0", "line 1", "line 2"]
    assert terminal.line(0).text() == "line 0"
    assert terminal.text_between((1, 0), (3, 4)) == "line 1\nline 2\nline"


def test_a_scroll_region_keeps_what_is_around_it() -> None:
    terminal = fed(b"head\r\n1\r\n2\r\n3\r\nfoot", b"\x1b[2;4r\x1b[4;1H\n4")
    assert terminal.text() == "head\n2\n3\n4\nfoot"
    assert not terminal.history
    terminal.feed(b"\x1b[2;1H\x1bM")
    assert terminal.text() == "head\n\n2\n3\nfoot"


def test_an_editor_leaves_the_shell_as_it_was() -> None:
    terminal = fed(b"shell$ \x1b[?1049h\x1b[2J\x1b[Hediting")
    assert terminal.text() == "editing"
    terminal.feed(b"\x1b[?1049l")
    assert terminal.text() == "shell$"
    assert terminal.x == 7


def test_colours() -> None:
    terminal = fed(
        b"\x1b[1;32mg\x1b[0mp\x1b[48;5;196mr\x1b[38;2;1;2;3mt\x1b[7mi",
    )
    cells = terminal.lines[0].cells
    assert cells[0].style.fg == 2
    assert cells[0].style.bold
    assert cells[1].style.fg == -1
    assert cells[2].style.bg == 196
    assert cells[3].style.fg == TRUE_COLOUR | 0x010203
    assert cells[4].style.inverse
    palette = tuple(range(16))
    assert rgb(196, palette) == 0xFF0000
    assert rgb(255, palette) == 0xEEEEEE
    assert rgb(3, palette) == 3
    assert rgb(TRUE_COLOUR | 0x010203, palette) == 0x010203


def test_questions_are_answered() -> None:
    terminal = fed(b"abc")
    assert terminal.feed(b"\x1b[6n\x1b[5n") == b"\x1b[1;4R\x1b[0n"
    assert terminal.feed(b"\x1b[c") == b"\x1b[?6c"
    # Nobody makes it talk without end.
    assert len(terminal.feed(b"\x1b[5n" * 10_000)) <= 64 * 4


def test_pasted_text_brings_no_controls() -> None:
    assert pasted("ls\r\nrm\n", bracketed=False) == b"ls\rrm\r"
    assert pasted("a\x1b[201~b\x03", bracketed=True) == b"\x1b[200~a[201~b\x1b[201~"


def test_another_size_keeps_the_last_lines() -> None:
    terminal = fed(b"1\r\n2\r\n3\r\n4\r\n5")
    terminal.resize(4, 3)
    assert terminal.text() == "3\n4\n5"
    assert (terminal.x, terminal.y) == (1, 2)
    assert [line.text() for line in terminal.history] == ["1", "2"]
