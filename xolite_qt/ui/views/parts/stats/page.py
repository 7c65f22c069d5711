"""Everything that is measured of one object, as charts over one span of time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QWidget

from xolite_qt.stores.stats import StatsState
from xolite_qt.ui import format as fmt
from xolite_qt.ui import theme
from xolite_qt.ui.models.stats_sources import ItemKind
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.live_page import LivePage, Throttle
from xolite_qt.ui.views.parts.saving import save_as
from xolite_qt.ui.views.parts.states import why
from xolite_qt.ui.views.parts.stats.board import Board
from xolite_qt.ui.views.parts.stats.feed import Feed
from xolite_qt.ui.views.parts.stats.worker import Worker
from xolite_qt.ui.widgets import (
    Banner,
    Button,
    Card,
    FlowLayout,
    IconButton,
    RangeChoice,
    TextLabel,
)
from xolite_qt.ui.widgets.chart_view import ChartView
from xolite_qt.xen_api import ONE_YEAR

if TYPE_CHECKING:
    from xolite_qt.ui.models.stats_lines import Plot, Subject, Wish

__all__ = ["StatsPage"]

DRAWN_S = 0.5
"""Charts are computed at most this often."""
LIMIT_S = float(ONE_YEAR.span_s + ONE_YEAR.step_s)


class StatsPage(LivePage):
    """Charts that can be zoomed, and the bar above them. Subclasses say of what."""

    title = "Stats"
    icon_name = "chart"

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        super().__init__(context, ref, parent)
        self.worker = Worker(context.tasks, self._at_rest)
        self.view = ChartView(self)
        self.drawing = Throttle(self, DRAWN_S)
        self.feeds: list[Feed] = []
        self.wishes: dict[str, Wish] = {}
        self.plots: list[Plot] = []
        # Whether the end of the span is now, and goes on with it.
        self.follows = True
        self._computing = False
        self.range = RangeChoice("10min")
        self.said = TextLabel("", kind="small", tone="secondary")
        self.now = Button(self.tr("Back to now"), "tertiary", small=True, on_click=self.show_range)
        self.now.hide()
        self.trouble = Banner()
        self.idle = Card()
        self.idle.hide()
        self.board = Board(self.view, self.worker.paint)
        self.body.add(self._make_bar())
        self.body.add(self.trouble)
        self.body.add(self.idle)
        self.body.add(self.board)
        self.board.wished.connect(self._wished)
        self.view.spanned.connect(self._spanned)
        self.range.chosen.connect(lambda _name: self.show_range())
        for name in ("10min", "2h", "1week", "1year"):
            # Also the pressed one leads back from a zoom.
            self.range.button(name).clicked.connect(lambda _on=False: self.show_range())
        theme.changed().connect(self._dressed)
        self.show_range()

    def _make_bar(self) -> QWidget:
        bar = QWidget()
        row = QHBoxLayout(bar)
        row.setContentsMargins(8, 4, 4, 0)
        row.setSpacing(8)
        self.tools = FlowLayout(spacing=6)
        tools = QWidget()
        tools.setLayout(self.tools)
        self.zoom_in = IconButton("plus", self.tr("Zoom in"), lambda: self.view.zoom(0.5))
        self.zoom_out = IconButton("minus", self.tr("Zoom out"), lambda: self.view.zoom(2.0))
        self.export = Button(self.tr("Export"), "tertiary", small=True, icon="download")
        menu = QMenu(self.export)
        menu.addAction(self.tr("Values as CSV…"), self.save_values)
        menu.addAction(self.tr("Picture as PNG…"), self.save_picture)
        self.export.setMenu(menu)
        self.tools.addWidget(self.export)
        row.addWidget(self.said, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.now)
        row.addStretch(1)
        row.addWidget(tools)
        row.addWidget(self.zoom_out)
        row.addWidget(self.zoom_in)
        row.addWidget(self.range)
        return bar

    # ------------------------------------------------------------------ what differs

    def targets(self) -> Sequence[tuple[Literal["host", "vm"], str]]:
        """Kind and uuid of what is measured now; the first is the page's own."""
        return ()

    def why_idle(self) -> str:
        """Why nothing is measured; "" where it is."""
        return ""

    def names(self, uuid: str) -> Mapping[tuple[ItemKind, str], str]:
        """Words for the devices of a target."""
        return {}

    def name_of(self, uuid: str) -> str:
        """Name of a target."""
        return ""

    def compute(self, subjects: Sequence[Subject], span: tuple[float, float]) -> list[Plot]:
        """The charts; runs in a thread, so it must read nothing but its arguments."""
        from xolite_qt.ui.models.stats_lines import plots_of

        other = subjects[1] if len(subjects) > 1 else None
        return plots_of(subjects[0], other, dict(self.wishes), theme.current().series, span)

    # ------------------------------------------------------------------ life

    def unsubscribe(self) -> None:
        """Ask for measurements no more."""
        super().unsubscribe()
        self.stop()

    def stop(self) -> None:
        """Close the feeds and forget what is being computed."""
        feeds, self.feeds = self.feeds, []
        for feed in feeds:
            feed.close()
        self.drawing.forget()
        self.worker.stop()
        self._computing = False

    def _at_rest(self) -> None:
        if shiboken6.isValid(self):
            self.tell_busy()

    @property
    def busy(self) -> bool:
        """Also while the first measurements are on their way, or charts are computed."""
        return (
            super().busy
            or self._computing
            or self.worker.busy
            or any(feed.state is StatsState.LOADING for feed in self.feeds)
        )

    @property
    def classes(self) -> frozenset[str]:
        """Also those that say where measurements come from."""
        return super().classes | self.context.stores.stats.classes

    def watch(self) -> None:
        """Watch what is to be watched now; what is watched already goes on."""
        if not self.is_subscribed:
            return
        said = self.why_idle()
        self.idle.setVisible(bool(said))
        self.board.setVisible(not said)
        if said:
            self.idle.set_empty(said)
            self.stop()
            return
        before = {(feed.kind, feed.uuid): feed for feed in self.feeds}
        self.feeds = []
        for target in self.targets():
            known = before.pop(target, None)
            stats = self.context.stores.stats
            self.feeds.append(known or Feed(stats, target[0], target[1], self._news))
        self._want()
        for feed in before.values():
            feed.close()
        self.drawing.call(self.draw)

    def _want(self) -> None:
        now = self.newest_s()
        for feed in self.feeds:
            feed.want(self.view.span, now)

    def newest_s(self) -> float:
        """Now, by the host's clock as far as its measurements tell it."""
        ends = [end for feed in self.feeds if (end := feed.newest_s) is not None]
        return max(ends, default=time.time())

    def _news(self) -> None:
        self.drawing.call(self.draw)

    # ------------------------------------------------------------------ span

    def show_range(self) -> None:
        """Show the chosen range, up to now."""
        self.follows = True
        now = self.newest_s()
        self.view.limits = (now - LIMIT_S, now)
        self.view.show_span(now - self.range.seconds(), now)
        self._tell_span()
        self._want()
        self.drawing.call(self.draw)

    def _spanned(self, first: float, last: float, by_user: bool) -> None:
        if not by_user:
            return
        now = self.newest_s()
        whole = abs((last - first) - self.range.seconds()) < 1.0
        self.follows = abs(last - now) < 1.0
        self.now.setVisible(not (self.follows and whole))
        self._tell_span()
        self._want()
        self.drawing.call(self.draw)

    def _tell_span(self) -> None:
        first, last = self.view.span
        whole = abs((last - first) - self.range.seconds()) < 1.0
        self.now.setVisible(not (self.follows and whole))
        self.said.set_text(f"{fmt.moment(first)} – {fmt.moment(last)}")

    # ------------------------------------------------------------------ drawing

    def draw(self) -> None:
        """Have the charts computed from what is known now."""
        if not self.feeds:
            return
        self._tell_trouble()
        if self.follows:
            now = self.newest_s()
            first, last = self.view.span
            self.view.limits = (now - LIMIT_S, now)
            self.view.show_span(now - (last - first), now)
            self._tell_span()
        if not any(feed.newest_s is not None for feed in self.feeds):
            self._say_nothing()
            return
        subjects = self.subjects()
        span = self.view.span
        self._computing = True
        self.worker.ask("compute", lambda: self.compute(subjects, span), self._show)

    def subjects(self) -> list[Subject]:
        """What is known now of all targets, copied."""
        from xolite_qt.ui.models.stats_lines import Subject

        return [
            Subject(self.name_of(feed.uuid), feed.rings(), dict(self.names(feed.uuid)))
            for feed in self.feeds
        ]

    def _show(self, plots: list[Plot]) -> None:
        self._computing = False
        self.plots = plots
        self.idle.hide()
        self.board.show()
        self.board.show_plots(plots)
        self.tell_busy()

    def _say_nothing(self) -> None:
        states = {feed.state for feed in self.feeds}
        if StatsState.LOADING in states:
            self.idle.set_loading(self.tr("Measuring…"))
        elif StatsState.FAILED in states:
            said = why(next(feed.error for feed in self.feeds if feed.error is not None))
            self.idle.set_error(said.summary, self.retry, details=said.advice)
        else:
            self.idle.set_empty(self.tr("No measurements yet"))
        self.idle.show()
        self.board.hide()
        self.tell_busy()

    def _tell_trouble(self) -> None:
        failed = [feed for feed in self.feeds if feed.error is not None]
        if failed and any(feed.newest_s is not None for feed in self.feeds):
            hosts = fmt.plural(len(failed), "source does", "sources do")
            text = f"{hosts} not answer: {why(failed[0].error).summary}"
            self.trouble.show_message(text, "warning", action="Try again", on_action=self.retry)
        else:
            self.trouble.clear()

    def retry(self) -> None:
        """Ask at once instead of waiting for the next turn."""
        for feed in self.feeds:
            feed.retry()

    def _wished(self, chart: str, which: str, on: bool) -> None:
        from dataclasses import replace

        from xolite_qt.ui.models.stats_lines import Wish

        wish = self.wishes.get(chart, Wish())
        wish = replace(wish, each=on) if which == "each" else replace(wish, stacked=on)
        self.wishes[chart] = wish
        self.drawing.call(self.draw)

    # ------------------------------------------------------------------ export

    def save_values(self) -> QFileDialog:
        """Ask where to, then write the shown values."""
        from xolite_qt.ui.models.stats_export import plots_to_csv

        plots, span = list(self.plots), self.view.span

        def write(path: Path) -> None:
            path.write_text(plots_to_csv(plots, span), encoding="utf-8", newline="")

        return save_as(self.context, self, self.tr("Save values"), self._file_name("csv"), write)

    def save_picture(self) -> QFileDialog:
        """Ask where to, then write the charts as they are on the screen."""
        picture = self.board.grab().toImage()

        def write(path: Path) -> None:
            if not picture.save(str(path)):
                raise OSError(f"{path} cannot be written")

        return save_as(self.context, self, self.tr("Save picture"), self._file_name("png"), write)

    def _file_name(self, suffix: str) -> str:
        name = "".join(
            letter if letter.isalnum() or letter in "-_." else "-" for letter in self.subject_name()
        )
        return f"{name[:60] or 'charts'}-stats.{suffix}"

    def subject_name(self) -> str:
        """Of what the page is about."""
        targets = self.targets()
        return self.name_of(targets[0][1]) if targets else ""

    def _dressed(self, _theme: object) -> None:
        self.drawing.call(self.draw)
