"""Walking through every page of the whole application on a demo host, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from PySide6.QtWidgets import QWidget

from tests.gui.shell.shell_bench import Shell, shell, until
from xolite_qt.ui.views.page import PAGES, Kind, Page
from xolite_qt.ui.views.workspace import load_pages

load_pages()

Faults = dict[str, list[str]]
"""What is wrong, by page."""


@dataclass(frozen=True)
class Place:
    """An object whose tabs are walked through.

    Attributes:
        kind: of the object.
        state: of a VM; "" for what is none.
    """

    kind: Kind
    state: str = ""

    def __str__(self) -> str:
        return "-".join(filter(None, (self.kind.value, self.state.lower())))

    def ref(self, bench: Shell) -> str:
        """The first such object of the demo world.

        Raises:
            LookupError: the world has none.
        """
        if self.kind in (Kind.POOL, Kind.APP):
            return ""
        if self.kind is Kind.HOST:
            return str(bench.db.records("pool").popitem()[1]["master"])
        for ref, vm in bench.db.records("VM").items():
            plain = not (vm["is_a_template"] or vm["is_control_domain"] or vm["is_a_snapshot"])
            if plain and vm["power_state"] == self.state:
                return str(ref)
        raise LookupError(f"no VM is {self.state}")


PLACES = (
    Place(Kind.POOL),
    Place(Kind.HOST),
    Place(Kind.VM, "Running"),
    Place(Kind.VM, "Halted"),
    Place(Kind.APP),
)


@asynccontextmanager
async def connected() -> AsyncIterator[Shell]:
    """The application, connected to the small business, in a window of the least size."""
    async with shell() as bench:
        await bench.connected()
        bench.window.resize(1024, 700)
        yield bench


async def pages(bench: Shell, place: Place) -> AsyncIterator[tuple[str, Page]]:
    """Every page of a place with its name, once nothing on it is loading."""
    ref = place.ref(bench)
    for spec in PAGES[place.kind]:
        name = f"{place}.{spec.tab_id}"
        page = await bench.open_tab(place.kind, ref, spec.tab_id)
        # Qt lays out, and draws, in its own time.
        await asyncio.sleep(0.05)
        await until(bench.is_settled)
        yield name, page


def seen(root: QWidget) -> list[QWidget]:
    """A widget and all inside of it that is on screen, outermost first."""
    return [root, *(one for one in root.findChildren(QWidget) if one.isVisibleTo(root))]


async def faults_of_pages(place: Place, look: Callable[[Shell, Page], list[str]]) -> Faults:
    """What `look` finds on each page of a place; the same thing is told once.

    Args:
        place: whose pages.
        look: says what is wrong.
    """
    found: Faults = {}
    known: set[str] = set()
    async with connected() as bench:
        async for name, page in pages(bench, place):
            if wrong := [fault for fault in look(bench, page) if fault not in known]:
                found[name] = wrong
                known.update(wrong)
    return found


def told(faults: Faults) -> str:
    """The faults as text, for the message of a failed test."""
    return "\n".join(
        f"{name}:\n" + "\n".join(f"  {fault}" for fault in wrong) for name, wrong in faults.items()
    )
