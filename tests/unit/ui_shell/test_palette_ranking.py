"""What the palette puts first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.ui.views.palette import Entry, best, rank


def entries(*texts: str, reason: str | None = None) -> list[Entry]:
    return [Entry(text, "", "vm", lambda: None, reason=reason) for text in texts]


def found(wanted: str, *texts: str) -> list[str]:
    return [entry.text for entry in best(wanted, entries(*texts))]


def test_the_beginning_of_a_word_comes_before_its_middle() -> None:
    assert found("mail", "blackmail", "web mail", "mail") == ["mail", "web mail", "blackmail"]


def test_letters_in_order_are_enough() -> None:
    assert found("shd", "Shut down", "Start", "dhs") == ["Shut down"]
    assert found("dc1", "dc1 (domain)", "Decide 1") == ["dc1 (domain)", "Decide 1"]


def test_case_and_blanks_do_not_matter() -> None:
    assert found("  WEB   one ", "web one") == ["web one"]


def test_what_cannot_be_done_comes_after_what_can_but_is_there() -> None:
    ranked = best("start", [*entries("Start web", reason="is running"), *entries("Start mail")])
    assert [entry.text for entry in ranked] == ["Start mail", "Start web"]


def test_nothing_wanted_shows_all_in_their_order_up_to_the_most() -> None:
    assert found("", "b", "a") == ["b", "a"]
    assert len(best("", entries(*map(str, range(500))), most=60)) == 60


@given(text=st.text(max_size=30), wanted=st.text(max_size=6))
def test_any_text_is_found_by_a_piece_of_itself(text: str, wanted: str) -> None:
    folded = text.casefold()
    assert rank(folded[2:6], text) is not None
    cost = rank(wanted.casefold(), text)
    assert cost is None or cost >= 0
