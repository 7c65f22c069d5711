"""What the palette offers of XOSTOR."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from xolite_qt.ui.views.palette import Entry

TITLES = {
    "health": "Health",
    "loss": "What if",
    "interfaces": "Interfaces",
    "eligibility": "Eligibility",
    "plan": "Simulated creation",
}
"""What the parts of the page are called, by their ids."""


def entries(show: Callable[[str], None], offered: Iterable[str] = ()) -> list[Entry]:
    """The page, and its parts while it is looked at.

    Args:
        show: goes to a part of the page by its id; "" goes to the one last seen.
        offered: ids of the parts that the pool has, as far as that is known.
    """
    found = [Entry("XOSTOR of the pool", "XOSTOR", "sr", partial(show, ""))]
    for ident in offered:
        found.append(Entry(f"XOSTOR: {TITLES[ident]}", "XOSTOR", "sr", partial(show, ident)))
    return found
