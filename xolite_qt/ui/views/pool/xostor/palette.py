"""What the palette offers of XOSTOR."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from xolite_qt.ui.views.palette import Entry

_PARTS = (
    ("health", "XOSTOR health"),
    ("loss", "XOSTOR: what if hosts are lost"),
    ("eligibility", "XOSTOR: may this pool have one"),
    ("plan", "XOSTOR: simulate a creation"),
)


def entries(show: Callable[[str], None]) -> list[Entry]:
    """An entry per part.

    Args:
        show: goes to a part of the page by its id.
    """
    return [Entry(text, "XOSTOR", "sr", partial(show, ident)) for ident, text in _PARTS]
