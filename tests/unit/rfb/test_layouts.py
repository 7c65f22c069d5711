"""Typed texts: what a guest with a keyboard of its own makes of the keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.rfb import LAYOUTS, Stroke, strokes_of
from xolite_qt.rfb.keysyms import ALT_R, RETURN, SHIFT_L, TAB, keysym_of

PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))


@pytest.mark.parametrize(
    ("character", "keysym"),
    [("a", 0x61), ("é", 0xE9), ("€", 0x20AC), ("\n", RETURN), ("\t", TAB), ("Ω", 0x010003A9),
     ("😀", 0x0101F600), ("\x00", 0), ("\x85", 0)],
)  # fmt: skip
def test_keysyms(character: str, keysym: int) -> None:
    assert keysym_of(character) == keysym


def down(text: str, layout: str) -> list[tuple[int, int]]:
    return [(s.keysym, s.scancode) for s in strokes_of(text, layout).strokes if s.down]


def test_the_keys_of_a_german_keyboard() -> None:
    assert down("zy", "de") == [(ord("y"), 0x15), (ord("z"), 0x2C)]
    assert down("/", "de") == [(SHIFT_L, 0x2A), (ord("&"), 0x08)]
    assert down("@", "de") == [(ALT_R, 0xB8), (ord("q"), 0x10)]
    assert down("<", "de") == [(0xA6, 0x56)]
    assert down("^", "de") == [(ord("`"), 0x29), (ord(" "), 0x39)]
    assert down("é", "de") == [(ord("="), 0x0D), (ord("e"), 0x12)]
    assert strokes_of("Aa", "de").strokes == (
        Stroke(SHIFT_L, 0x2A, True),
        Stroke(ord("A"), 0x1E, True),
        Stroke(ord("A"), 0x1E, False),
        Stroke(SHIFT_L, 0x2A, False),
        Stroke(ord("a"), 0x1E, True),
        Stroke(ord("a"), 0x1E, False),
    )


def test_shift_and_altgr_together() -> None:
    assert down("{", "it") == [(SHIFT_L, 0x2A), (ALT_R, 0xB8), (ord("{"), 0x1A)]


def test_an_american_guest_gets_the_characters_themselves() -> None:
    for character in PRINTABLE:
        assert down(character, "us")[-1][0] == ord(character)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_has_what_passwords_and_commands_need(layout: str) -> None:
    assert strokes_of(PRINTABLE + "\n\t", layout).missing == ()


@pytest.mark.parametrize(
    ("layout", "own"),
    [("gb", "£¬€"), ("de", "äöüÄÖÜß€§°µ²³éèêÉ"), ("fr", "éèçàùâêîôûëïüÇ€£§µ°²"[:13] + "€£§µ°²"),
     ("es", "ñÑçÇáéíóúüàê¿¡ºª·€¬"), ("it", "àèéìòùç°§£€"), ("ch", "äöüéèàçÀÉ§°£€ñ"),
     ("be", "éèçàùâêëïñ€£§µ°²³")],
)  # fmt: skip
def test_every_layout_has_the_letters_of_its_country(layout: str, own: str) -> None:
    assert strokes_of(own, layout).missing == ()


def test_what_a_keyboard_has_not_is_told() -> None:
    typed = strokes_of("a→b→Ω", "us")
    assert typed.missing == ("→", "Ω")
    assert down("a→b→Ω", "us") == down("ab", "us")
    with pytest.raises(ValueError, match="layout"):
        strokes_of("a", "dvorak")


@given(st.text(), st.sampled_from(sorted(LAYOUTS)))
def test_every_key_that_goes_down_comes_up(text: str, layout: str) -> None:
    held: set[int] = set()
    for stroke in strokes_of(text, layout).strokes:
        assert (stroke.scancode in held) is not stroke.down
        assert stroke.keysym
        (held.add if stroke.down else held.remove)(stroke.scancode)
    assert not held
