"""Every widget that one can use has a name and a role, on every page."""

from __future__ import annotations

import pytest

from tests.gui.manners import walk
from tests.gui.manners.rounds import PLACES, Place, told


@pytest.mark.parametrize("place", PLACES, ids=str)
async def test_everything_on_every_page_has_a_name(place: Place) -> None:
    found = await walk.faults(place, "names")
    assert not found, told(found)
