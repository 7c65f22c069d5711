"""The charts of one object, with what happened to it, its thresholds, and another to compare."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from xolite_qt.journal import Entry, JournalError
from xolite_qt.stores import Subscription
from xolite_qt.stores.journal_feed import JournalFeed
from xolite_qt.ui.dialogs.compare import CompareDialog
from xolite_qt.ui.models.stats_levels import Limit, limits_of
from xolite_qt.ui.models.timeline import title_of
from xolite_qt.ui.tasks import ask
from xolite_qt.ui.views.page import PageContext
from xolite_qt.ui.views.parts.stats.page import StatsPage
from xolite_qt.ui.widgets import Button, TextLabel
from xolite_qt.ui.widgets.chart_marks import Accent, ChartMark
from xolite_qt.ui.widgets.chart_paint import Level
from xolite_qt.ui.widgets.pick_list import Item
from xolite_qt.xen_api import PerfmonError, read_perfmon

if TYPE_CHECKING:
    from xolite_qt.ui.models.stats_lines import Plot, Subject

__all__ = ["ObjectStats"]

_ACCENTS: tuple[Accent, ...] = ("info", "info", "warning", "danger")
"""By severity of an entry."""


class ObjectStats(StatsPage):
    """Charts of a VM or host. Subclasses say of which, and what else there is."""

    def __init__(self, context: PageContext, ref: str = "", parent: QWidget | None = None) -> None:
        # Reference of the object that it is compared with.
        self.other = ""
        super().__init__(context, ref, parent)
        self.feed: JournalFeed | None = context.services.get("journal")
        self._unlisten: Callable[[], None] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._again = False
        self.marks: list[ChartMark] = []
        self.compare = Button(
            self.tr("Compare…"), "tertiary", small=True, icon="columns", on_click=self._compare
        )
        self.beside = TextLabel("", kind="small", tone="secondary")
        self.alone = Button(
            self.tr("Stop comparing"), "tertiary", small=True, on_click=self._stop_comparing
        )
        self.marked = Button(self.tr("Events"), "tertiary", small=True, icon="message")
        self.marked.setCheckable(True)
        self.marked.setChecked(True)
        self.marked.setProperty("segment", True)
        self.marked.setAccessibleDescription(
            self.tr("Marks what happened: alarms, tasks, snapshots, backups, edits")
        )
        self.marked.toggled.connect(lambda _on: self._show_marks())
        for widget in (self.compare, self.beside, self.alone, self.marked):
            self.tools.addWidget(widget)
        self._tell_other()

    # ------------------------------------------------------------------ what differs

    def record(self, ref: str) -> Any:
        """An object of this kind; None where there is none."""
        raise NotImplementedError

    def others(self) -> list[Item]:
        """Objects that are measured, besides this one."""
        raise NotImplementedError

    def found_here(self) -> list[Entry]:
        """What stores know of the object now."""
        return []

    # ------------------------------------------------------------------ life

    def subscribe(self) -> None:
        """Also hears what the journal takes in."""
        super().subscribe()
        if self.feed is not None and self._unlisten is None:
            self._unlisten = self.feed.on_news(lambda: self.drawing.call(self.read_marks))
        self.read_marks()

    def unsubscribe(self) -> None:
        """Hears no more."""
        super().unsubscribe()
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None

    def wanted(self) -> Iterable[Subscription[Any]]:
        """The object's stores, and the runs of backups, which are marked too."""
        deeds = self.context.services.get("backups")
        runs = (
            ()
            if deeds is None
            else (deeds.stores.runs.subscribe(lambda _c: self.drawing.call(self.read_marks)),)
        )
        return (*super().wanted(), *runs)

    @property
    def busy(self) -> bool:
        """Also while the journal is read."""
        return super().busy or self._reading is not None

    # ------------------------------------------------------------------ marks

    def read_marks(self) -> None:
        """Read what happened out of the journal, and mark it."""
        if self.feed is None or not self.is_subscribed:
            return
        if self._reading is not None:
            self._again = True
            return
        self._reading = self.context.tasks.spawn(self._read(self.feed), "read journal")

    async def _read(self, feed: JournalFeed) -> None:
        try:
            while True:
                self._again = False
                record = self.record(self.ref)
                uuids = [record.uuid] if record is not None else []
                try:
                    kept = await asyncio.to_thread(feed.journal.of, uuids)
                except JournalError:
                    # The time line says so; charts are whole without marks.
                    kept = []
                entries = {entry.key: entry for entry in (*kept, *self.found_here())}
                self.marks = [
                    ChartMark(entry.key, entry.at_s, title_of(entry), _ACCENTS[entry.severity])
                    for entry in sorted(entries.values(), key=lambda entry: entry.at_s)
                ]
                self._show_marks()
                if not self._again:
                    return
        finally:
            self._reading = None
            self.tell_busy()

    def _show_marks(self) -> None:
        self.board.set_marks(self.marks if self.marked.isChecked() else ())

    # ------------------------------------------------------------------ thresholds

    def show_limits(self) -> None:
        """Draw the thresholds that are set on the object."""
        record = self.record(self.ref)
        limits: list[Limit] = []
        if record is not None:
            try:
                limits = limits_of(read_perfmon(record.other_config.get("perfmon", "")))
            except PerfmonError:
                # The form of the thresholds says so.
                limits = []
        self.board.set_levels(lambda plot: _levels(plot, limits))

    # ------------------------------------------------------------------ comparing

    def _compare(self) -> None:
        self.context.tasks.spawn(self._choose_other(), "compare")

    async def _choose_other(self) -> None:
        record = self.record(self.ref)
        name = record.name_label if record is not None else ""
        dialog = CompareDialog(name, self.others(), self.context.actions.window)
        if await ask(dialog):
            self.compare_with(dialog.chosen)

    def compare_with(self, ref: str) -> None:
        """Show the lines of another object in the same charts; "" ends that."""
        self.other = ref
        self._tell_other()
        self.watch()

    def _stop_comparing(self) -> None:
        self.compare_with("")

    def _tell_other(self) -> None:
        other = self.record(self.other) if self.other else None
        self.beside.set_text("" if other is None else self.tr("with {0}").format(other.name_label))
        self.beside.setVisible(other is not None)
        self.alone.setVisible(bool(self.other))

    def subjects(self) -> list[Subject]:
        """Also tells who is compared with."""
        self._tell_other()
        return super().subjects()


def _levels(plot: Plot, limits: Sequence[Limit]) -> list[Level]:
    found = []
    for limit in limits:
        if limit.chart != plot.id:
            continue
        value, words = limit.value, "Alarm above"
        if plot.stacked and plot.kind.how == "mean":
            # The threshold is of the mean; the edge of the stack is the sum.
            value *= max(plot.items, 1)
        elif plot.each and not plot.stacked and plot.kind.how == "sum":
            # It is of all devices together, and no line shows those.
            continue
        if limit.free:
            if any(curve.key == "/free" for curve in plot.curves):
                words = "Alarm below"
            else:
                value = plot.least_top - limit.value
        if value > 0:
            found.append(Level(value, words))
    return found
