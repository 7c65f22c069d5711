"""Every page, at the least size of the window: what one can use, read, reach, and take back."""

from __future__ import annotations

import pytest

from tests.gui.manners import walk
from tests.gui.manners.rounds import PLACES, Place, told

every_place = pytest.mark.parametrize("place", PLACES, ids=str)


@every_place
async def test_nothing_is_cut_or_squeezed(place: Place) -> None:
    found = await walk.faults(place, "layout")
    assert not found, told(found)


@every_place
async def test_all_words_can_be_read_in_both_themes(place: Place) -> None:
    found = await walk.faults(place, "colours")
    assert not found, told(found)


@every_place
async def test_what_is_greyed_says_why(place: Place) -> None:
    found = await walk.faults(place, "reasons")
    assert not found, told(found)


@every_place
async def test_tab_reaches_everything_and_one_sees_where_it_is(place: Place) -> None:
    found = await walk.faults(place, "keyboard")
    assert not found, told(found)


@every_place
async def test_every_dialog_is_left_by_esc_and_enter_destroys_nothing(place: Place) -> None:
    found = await walk.faults(place, "questions")
    assert not found, told(found)
