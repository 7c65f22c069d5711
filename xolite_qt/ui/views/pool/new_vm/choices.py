"""Where the form for a new VM is reached from: the pool's menus and the palette."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xolite_qt.ui.deeds import Choice, provides
from xolite_qt.ui.views.page import PageContext

TAB = "new-vm"


def open_form(context: PageContext) -> None:
    """Shows the form, with what was typed into it before."""
    context.navigate("pool", "", TAB)


@provides("pool")
def pool_choices(context: PageContext, _pools: Sequence[Any]) -> Sequence[Choice]:
    """One entry; it leads to a form, so it is never closed."""
    return (Choice("pool.new_vm", "New VM…", "plus", lambda: open_form(context), group=10),)
