"""Every widget that one can use has a name and a role, on every page."""

from __future__ import annotations

import pytest

from tests.gui.manners import accessible
from tests.gui.manners.rounds import PLACES, Place, faults_of_pages, told


@pytest.mark.parametrize("place", PLACES, ids=str)
async def test_everything_on_every_page_has_a_name(place: Place) -> None:
    found = await faults_of_pages(place, lambda bench, _page: accessible.faults(bench.window))
    assert not found, told(found)
