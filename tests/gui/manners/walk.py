"""One walk through all pages for all who look at them, for it takes a while."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

from PySide6.QtWidgets import QApplication

from tests.gui.manners import accessible, colours, keyboard, layout, questions, reasons
from tests.gui.manners.rounds import Faults, Place, connected, pages
from tests.gui.shell.shell_bench import Shell
from xolite_qt.ui import theme
from xolite_qt.ui.views.page import Page

Look = Callable[[Shell, Page], list[str] | Awaitable[list[str]]]


def _names(bench: Shell, _page: Page) -> list[str]:
    return accessible.faults(bench.window)


# Those that change what is on screen come last.
LOOKS: dict[str, Look] = {
    "names": _names,
    "layout": layout.faults_of_page,
    "colours": colours.faults_of_page,
    "reasons": reasons.faults_of_page,
    "keyboard": keyboard.faults_of_page,
    "questions": questions.faults_of_page,
}
if only := os.environ.get("MANNERS_LOOKS"):
    LOOKS = {what: look for what, look in LOOKS.items() if what in only.split()}

_FOUND: dict[Place, dict[str, Faults]] = {}


async def faults(place: Place, what: str) -> Faults:
    """What one of `LOOKS` finds on each page of a place; the same thing is told once."""
    if place not in _FOUND:
        _FOUND[place] = await _walk(place)
    return _FOUND[place][what]


async def _walk(place: Place) -> dict[str, Faults]:
    found: dict[str, Faults] = {what: {} for what in LOOKS}
    known: dict[str, set[str]] = {what: set() for what in LOOKS}
    async with connected() as bench:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        # Changing the theme takes longer than going around once more.
        rounds: dict[theme.Choice, dict[str, Look]] = {
            "light": LOOKS,
            "dark": {what: look for what, look in LOOKS.items() if what == "colours"},
        }
        for choice, looks in rounds.items():
            if not looks:
                continue
            theme.apply_theme(app, choice)
            async for name, page in pages(bench, place):
                for what, look in looks.items():
                    seen = look(bench, page)
                    wrong = seen if isinstance(seen, list) else await seen
                    if new := [fault for fault in wrong if fault not in known[what]]:
                        found[what].setdefault(name, []).extend(new)
                        known[what].update(new)
    return found
