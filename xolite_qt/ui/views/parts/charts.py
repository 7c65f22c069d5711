"""Charts of one object or of a pool, with one range and one cross-hair for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from xolite_qt.stores.stats import StatsState, StatsStore, StatsSubscription
from xolite_qt.stores.stats_series import Lines
from xolite_qt.ui import format as fmt
from xolite_qt.ui.models import series
from xolite_qt.ui.views.parts.live_page import Throttle
from xolite_qt.ui.views.parts.states import why
from xolite_qt.ui.widgets import (
    Banner,
    Card,
    CardGrid,
    ChartGroup,
    ChartLine,
    RangeChoice,
    StatsChart,
    TextLabel,
)
from xolite_qt.xen_api import ONE_WEEK, ONE_YEAR, TEN_MINUTES, TWO_HOURS, Archive

ARCHIVE: dict[str, Archive] = {
    "10min": TEN_MINUTES,
    "2h": TWO_HOURS,
    "1week": ONE_WEEK,
    "1year": ONE_YEAR,
}

Unit = Literal["percent", "bytes", "rate", "count"]


@dataclass(frozen=True)
class ChartSpec:
    """One chart of a panel.

    Attributes:
        title: of its card.
        unit: of its values.
        lines: the lines out of an object's measurements; none where there is nothing to draw.
        top: least upper end of the axis, out of the measurements.
        missing: what is said where there is no line.
    """

    title: str
    unit: Unit
    lines: Callable[[Lines], Sequence[ChartLine]]
    top: Callable[[Lines], float] = lambda _lines: 0.0
    missing: str = "No data"


@dataclass(frozen=True)
class Source:
    """An object whose measurements are drawn; `weight` is its number of processors."""

    kind: Literal["host", "vm"]
    uuid: str
    weight: int = 1


def _cpu(lines: Lines) -> Sequence[ChartLine]:
    return [ChartLine("CPU", lines.cpu)] if series.has_values(lines.cpu) else []


def _ram(lines: Lines) -> Sequence[ChartLine]:
    if not series.has_values(lines.memory_used):
        return []
    return [ChartLine("RAM", lines.memory_used)]


def _ram_top(lines: Lines) -> float:
    known = [value for value in lines.memory_total if value == value]
    return max(known, default=0.0)


def _network(lines: Lines) -> Sequence[ChartLine]:
    if not lines.network:
        return []
    return [
        ChartLine("Received", series.received(lines.network)),
        ChartLine("Sent", series.sent(lines.network)),
    ]


def _disk(lines: Lines) -> Sequence[ChartLine]:
    if not lines.disk:
        return []
    return [
        ChartLine("Read", series.received(lines.disk)),
        ChartLine("Written", series.sent(lines.disk)),
    ]


def _load(lines: Lines) -> Sequence[ChartLine]:
    return [ChartLine("Load", lines.load)] if series.has_values(lines.load) else []


CPU = ChartSpec("CPU usage", "percent", _cpu, lambda _lines: 1.0)
RAM = ChartSpec("RAM usage", "bytes", _ram, _ram_top)
VM_RAM = ChartSpec(
    "RAM usage", "bytes", _ram, _ram_top, "The guest tools don't tell how much RAM is in use"
)
NETWORK = ChartSpec("Network throughput", "rate", _network)
DISK = ChartSpec("Disk throughput", "rate", _disk)
LOAD = ChartSpec("Load average", "count", _load, lambda _lines: 1.0)


class ChartsPanel(QWidget):
    """Cards with charts over one choice of range.

    Measurements are asked for between `start(sources)` and `stop()` only.

    Args:
        stats: where measurements come from.
        specs: the charts.
        changed: told when loading begins or ends.
    """

    def __init__(
        self,
        stats: StatsStore,
        specs: Sequence[ChartSpec],
        *,
        title: str,
        range_id: str = "10min",
        max_columns: int = 4,
        min_column: int = 300,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self._stats = stats
        self._specs = tuple(specs)
        self._changed = changed
        self._sources: tuple[Source, ...] = ()
        self._zoom: tuple[float, float] | None = None
        self._watches: list[StatsSubscription] = []
        self._throttle = Throttle(self)
        self.group = ChartGroup(self)
        self.range = RangeChoice(range_id)
        self.note = TextLabel(kind="small", tone="secondary")
        self.trouble = Banner()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        head = QHBoxLayout()
        head.setContentsMargins(8, 4, 4, 0)
        head.setSpacing(12)
        head.addWidget(TextLabel(title, kind="h6"))
        head.addWidget(self.note)
        head.addStretch(1)
        head.addWidget(self.range)
        column.addLayout(head)
        column.addWidget(self.trouble)
        self.grid = CardGrid(min_column=min_column, max_columns=max_columns)
        column.addWidget(self.grid)
        self.cards: dict[str, Card] = {}
        self.charts: dict[str, StatsChart] = {}
        for spec in self._specs:
            card = Card(spec.title, dense=True)
            chart = StatsChart(spec.unit, says=spec.title, group=self.group)
            card.add(chart, 1)
            self.grid.add(card)
            self.cards[spec.title] = card
            self.charts[spec.title] = chart
        self.range.chosen.connect(self._range_chosen)

    @property
    def is_started(self) -> bool:
        """Whether measurements are asked for."""
        return bool(self._watches)

    @property
    def busy(self) -> bool:
        """Whether the first measurements are still on their way."""
        return any(watch.state is StatsState.LOADING for watch in self._watches)

    def start(self, sources: Sequence[Source]) -> None:
        """Ask for the measurements of these; what is asked for already goes on."""
        wanted = tuple(sources)
        if wanted == self._sources and self._watches:
            return
        self._sources = wanted
        self._watch()

    def stop(self) -> None:
        """Ask no more."""
        self._sources = ()
        watches, self._watches = self._watches, []
        for watch in watches:
            watch.close()
        self._throttle.forget()

    def _range_chosen(self, _name: str) -> None:
        if self._watches:
            for chart in self.charts.values():
                chart.set_data((), ())
                chart.set_loading()
            self._watch()

    def _watch(self) -> None:
        # The new ones first, so that a poll which both want goes on.
        before = self._watches
        archive = ARCHIVE[self.range.current()]
        self._watches = [
            self._stats.watch(source.kind, source.uuid, archive, self._news)
            for source in self._sources
        ]
        for watch in before:
            watch.close()
        self.draw()

    def _news(self) -> None:
        self._throttle.call(self.draw)

    def draw(self) -> None:
        """Show what is known now."""
        if not self._watches:
            return
        found = [
            (watch.lines, source.weight)
            for watch, source in zip(self._watches, self._sources, strict=True)
            if watch.times
        ]
        if not found:
            self._say_nothing()
        else:
            lines = found[0][0] if len(self._watches) == 1 else series.pool_lines(found)
            self._show(lines)
        self._tell_trouble(bool(found))
        self._changed()

    def zoom(self, span: tuple[float, float] | None) -> None:
        """Show a span of time; None: the range up to now."""
        self._zoom = span
        self._throttle.call(self.draw)

    def _show(self, lines: Lines) -> None:
        end = lines.times[-1]
        span = self._zoom or (end - self.range.seconds(), end)
        for spec in self._specs:
            chart = self.charts[spec.title]
            shown = spec.lines(lines)
            if shown:
                chart.set_data(lines.times, shown, span=span, top=spec.top(lines))
            else:
                chart.set_message(spec.missing)

    def _say_nothing(self) -> None:
        states = {watch.state for watch in self._watches}
        for chart in self.charts.values():
            if StatsState.LOADING in states:
                chart.set_loading()
            elif StatsState.FAILED in states:
                error = next(w.error for w in self._watches if w.state is StatsState.FAILED)
                chart.set_message(why(error).summary, error=True)
            else:
                chart.set_message("No measurements yet")

    def _tell_trouble(self, has_data: bool) -> None:
        failed = [watch for watch in self._watches if watch.error is not None]
        if failed and has_data:
            hosts = fmt.plural(len(failed), "host does", "hosts do")
            text = f"{hosts} not answer: {why(failed[0].error).summary}"
            self.trouble.show_message(text, "warning", action="Try again", on_action=self.retry)
        else:
            self.trouble.clear()

    def retry(self) -> None:
        """Ask at once instead of waiting for the next turn."""
        for watch in self._watches:
            watch.retry()
