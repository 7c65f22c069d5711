"""Rounds through every page and every tab of the window, with a census after each."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from PySide6.QtWidgets import QApplication

from tests.gui.manners.rounds import PLACES, Place
from tests.gui.shell.shell_bench import Shell, shell, until
from tests.gui.soak.census import Census, grown, take_census
from tests.gui.soak.world import LivingWorld
from xolite_qt.recorder import FlightRecorder
from xolite_qt.stores import StoreState
from xolite_qt.ui import theme
from xolite_qt.ui.views.page import PAGES, Page
from xolite_qt.ui.widgets.tabs import Tabs

SHELL = frozenset({"pool", "host", "host_metrics", "vm", "task"})
"""Classes that the window itself lives on, whatever page is shown."""

_LINGER_S = 0.05
_HOLD_S = 0.06
# A soak is content with what a busy machine leaves it.
_PATIENCE_S = 90.0


@dataclass
class Soak:
    """A soak under way, and what it has found.

    Attributes:
        bench: the application.
        steps: pages and inner tabs that were visited so far.
        wanted: the classes of each page and tab, as of its first visit.
        censuses: one after each round.
        longest_s: the longest time that a page took until all agreed on its classes, by its name.
        life: of the world; a soak on a dead world shows nothing.
        refs: the objects that are looked at, by place.
    """

    bench: Shell
    steps: int = 0
    wanted: dict[str, frozenset[str]] = field(default_factory=dict)
    censuses: list[Census] = field(default_factory=list)
    longest_s: dict[str, float] = field(default_factory=dict)
    life: asyncio.Task[None] | None = None
    refs: dict[Place, str] = field(default_factory=dict)

    def ref(self, place: Place) -> str:
        """The object of a place: the same one in every round."""
        if place not in self.refs:
            self.refs[place] = place.ref(self.bench)
        return self.refs[place]

    @property
    def recorded_bytes(self) -> int:
        """What the flight recorder keeps of the last hour, on purpose and up to its budget."""
        recorder: FlightRecorder = self.bench.workspace.context.services["recorder"]
        return recorder.size_bytes

    async def round(
        self, part: int = 0, parts: int = 1, places: Sequence[Place] = PLACES
    ) -> Census:
        """Visits everything once, in both themes in turn, ends where it began, and counts.

        Args:
            part: visits only each page that falls to this part, from 0.
            parts: into how many the pages are divided; those of one object are in different ones.
            places: whose pages.

        Raises:
            AssertionError: `event.from` did not come to carry the classes of a page.
        """
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        theme.apply_theme(app, "dark" if len(self.censuses) % 2 == 0 else "light")
        for place in places:
            for spec in PAGES[place.kind][part::parts]:
                name = f"{place}.{spec.tab_id}"
                page = await self._open(place, spec.tab_id)
                await self._look(name, page)
                await self._inner_tabs(name, page)
        first = PLACES[0]
        tab = PAGES[first.kind][0].tab_id
        await self._look(f"{first}.{tab}", await self._open(first, tab))
        return await self.count()

    async def count(self, quiet_s: float = 1.5) -> Census:
        """A census, once the page on screen has all that it shows.

        Args:
            quiet_s: how long no widget may have come or gone; where measurements are asked for
                every 5 seconds, a page may wait as long for its first.
        """
        if self.life is not None and self.life.done():
            self.life.result()
        before, since = -1, time.monotonic()
        while time.monotonic() - since < quiet_s:
            if (now := len(QApplication.allWidgets())) != before:
                before, since = now, time.monotonic()
            await asyncio.sleep(0.1)
        census = take_census()
        self.censuses.append(census)
        return census

    async def _open(self, place: Place, tab: str) -> Page:
        self.bench.workspace.open_object(place.kind, self.ref(place), tab)
        await self._settle(f"{place}.{tab}")
        return self.bench.page

    async def _settle(self, name: str) -> None:
        try:
            await until(self.bench.is_settled, _PATIENCE_S)
        except AssertionError:
            page, link = self.bench.page, self.bench.api.events.state
            loading = [
                subscription.store
                for subscription in page._subscriptions
                if subscription.store.state is StoreState.LOADING
            ]
            raise AssertionError(f"{name} is never there: {link}, {loading}") from None

    async def _inner_tabs(self, name: str, page: Page) -> None:
        for bar in page.findChildren(Tabs):
            for tab in bar.ids():
                if not bar.isVisibleTo(page) or tab == bar.current():
                    continue
                bar.set_current(tab)
                await self._settle(f"{name}.{tab}")
                await self._look(f"{name}.{tab}", page)

    async def _look(self, name: str, page: Page) -> None:
        """Client, stores and host agree on the classes of the page, and go on to."""
        began = time.monotonic()
        try:
            await until(lambda: self._agree(page), _PATIENCE_S)
            await asyncio.sleep(_HOLD_S)
            await until(lambda: self._agree(page), _PATIENCE_S)
        except AssertionError:
            raise AssertionError(f"{name}: {self._disagreement(page)}") from None
        self.steps += 1
        took_s = time.monotonic() - began
        self.longest_s[name] = max(self.longest_s.get(name, 0.0), took_s)
        known = self.wanted.setdefault(name, page.classes)
        assert page.classes == known, f"{name}: wants {set(page.classes)}, before {set(known)}"

    def _agree(self, page: Page) -> bool:
        hub = self.bench.api.events
        used = self.bench.workspace.stores.classes_in_use
        wanted = SHELL | page.classes
        return hub.served_classes == hub.classes == used == self._in_flight() == wanted

    def _in_flight(self) -> frozenset[str]:
        for call in reversed(self.bench.host.calls):
            if call.method == "event.from":
                return frozenset(name.lower() for name in call.classes)
        return frozenset()

    def _disagreement(self, page: Page) -> str:
        hub = self.bench.api.events
        wanted = SHELL | page.classes
        sides = {
            "followed": hub.classes,
            "served": hub.served_classes,
            "in use": self.bench.workspace.stores.classes_in_use,
            "at the host": self._in_flight(),
        }
        return "; ".join(
            f"{side}: +{sorted(classes - wanted)} -{sorted(wanted - classes)}"
            for side, classes in sides.items()
        )

    def growth(self, since: int) -> dict[str, int]:
        """What there is more of now than after a round, by kind; rounds count from 0."""
        return grown(self.censuses[since], self.censuses[-1])


@asynccontextmanager
async def soaking() -> AsyncIterator[Soak]:
    """The application on the default world, which lives; stores linger a moment only."""
    async with shell() as bench:
        workspace = await bench.connected()
        bench.window.resize(1280, 800)
        for store in workspace.stores._all:
            # An hour in minutes: waiting a second for each page to be forgotten is most of it.
            store._linger_s = _LINGER_S
        soak = Soak(bench)
        spared = {soak.ref(place) for place in PLACES}
        soak.life = asyncio.get_running_loop().create_task(
            LivingWorld(bench.host, spared).run(), name="the world lives"
        )
        try:
            yield soak
        finally:
            soak.life.cancel()
            await asyncio.wait({soak.life})


async def soak_rounds(
    rounds: int, tell: Callable[[Soak, Census], None] | None = None, tempo_s: float = 0.0
) -> Soak:
    """So many rounds.

    Args:
        rounds: how many.
        tell: called after each.
        tempo_s: a round begins this long after the one before at the earliest.
    """
    async with soaking() as soak:
        for _ in range(rounds):
            began = time.monotonic()
            census = await soak.round()
            if tell is not None:
                tell(soak, census)
                sys.stdout.flush()
            await asyncio.sleep(max(0.0, tempo_s - (time.monotonic() - began)))
        return soak
