"""The runs at work, above the log of runs: how far each is, and which disks it is at."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from xolite_qt.backup.runs.events import Event
from xolite_qt.backup.runs.state import ItemState, RunState
from xolite_qt.stores.backup_rows import RunRow, done_of
from xolite_qt.stores.backups import RunWatch
from xolite_qt.ui import format as fmt
from xolite_qt.ui.models import backup_words as words
from xolite_qt.ui.views.backups.deeds import BackupDeeds
from xolite_qt.ui.widgets import Button, Card, ProgressBar, StateBadge, TextLabel

MOST_RUNS = 3
"""Runs shown; the log below has all."""
MOST_DISKS = 4
"""Disks at work shown of each; the window of the run has all."""


class _DiskLine:
    """One disk at work, as a row of a grid."""

    def __init__(self, grid: QGridLayout, row: int) -> None:
        self.name = TextLabel(kind="small", elide=True)
        self.bar = ProgressBar()
        self.number = TextLabel(kind="small", tone="secondary")
        for column, widget in enumerate(self.widgets):
            grid.addWidget(widget, row, column)

    @property
    def widgets(self) -> tuple[QWidget, ...]:
        """From left to right."""
        return self.name, self.bar, self.number

    def show_item(self, name: str, item: ItemState) -> None:
        """Show this part."""
        self.name.set_text(name)
        self.bar.set_fraction(done_of(item) / item.total if item.total else 0.0)
        self.bar.setAccessibleName(f"Progress of {name}")
        told = [fmt.percent(done_of(item) / item.total)] if item.total else []
        if item.speed_bytes_per_s:
            told.append(fmt.rate(item.speed_bytes_per_s))
        self.number.set_text(", ".join(told))
        for widget in self.widgets:
            widget.show()

    def hide(self) -> None:
        """Show nothing."""
        for widget in self.widgets:
            widget.hide()


class LiveRun(Card):
    """One run at work."""

    def __init__(self, deeds: BackupDeeds, row: RunRow) -> None:
        super().__init__(dense=True)
        self.deeds = deeds
        self.row = row
        self._watch: RunWatch | None = None
        head = QHBoxLayout()
        head.setSpacing(12)
        self.badge = StateBadge("pending", row.spec.title)
        self.told = TextLabel(kind="small", tone="secondary")
        self.open = Button(self.tr("Open…"), icon="eye", small=True)
        self.open.setAccessibleName(f"Open the run {row.spec.title}")
        self.open.clicked.connect(lambda: deeds.open_run([self.row]))
        self.cancel = Button(self.tr("Cancel run…"), icon="cancel", small=True)
        self.cancel.setAccessibleName(f"Cancel the run {row.spec.title}")
        self.cancel.clicked.connect(lambda: deeds.cancel_runs([self.row]))
        head.addWidget(self.badge, 1)
        head.addWidget(self.told)
        head.addWidget(self.open)
        head.addWidget(self.cancel)
        self.add_layout(head)
        self.bar = ProgressBar(says=f"Progress of {row.spec.title}")
        self.add(self.bar)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(0, 3)
        grid.setColumnStretch(1, 4)
        grid.setColumnMinimumWidth(2, 120)
        self.lines = [_DiskLine(grid, at) for at in range(MOST_DISKS)]
        self.more = TextLabel(kind="small", tone="secondary")
        self.add_layout(grid)
        self.add(self.more)
        self.show_state(RunState())

    def set_row(self, row: RunRow) -> None:
        """The run as the list has it now."""
        self.row = row
        if self._watch is None or self._watch.row is None:
            self._tell(row)

    # ------------------------------------------------------------------ life

    def showEvent(self, event: QShowEvent) -> None:
        """Override QWidget::showEvent: followed closely while it is seen."""
        super().showEvent(event)
        if not event.spontaneous() and self._watch is None:
            self._watch = self.deeds.stores.watch(self.row.ref, self._news)

    def hideEvent(self, event: QHideEvent) -> None:
        """Override QWidget::hideEvent."""
        super().hideEvent(event)
        if not event.spontaneous():
            self.close_watch()

    def close_watch(self) -> None:
        """Follow it no more."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def _news(self, _events: list[Event]) -> None:
        if self._watch is None:
            return
        if self._watch.row is not None:
            self.row = self._watch.row
        self.show_state(self._watch.state)

    # ------------------------------------------------------------------ showing

    def show_state(self, state: RunState) -> None:
        """Show the run and the disks that it is at."""
        self._tell(self.row)
        at_work = [
            item
            for item in state.items.values()
            if item.outcome is None and not item.children and item.item.kind != "vm"
        ]
        for line, item in zip(self.lines, at_work, strict=False):
            line.show_item(_name(state, item), item)
        for line in self.lines[len(at_work) :]:
            line.hide()
        rest = len(at_work) - len(self.lines)
        self.more.set_text(f"and {fmt.plural(rest, 'more', 'more')}" if rest > 0 else "")
        self.more.setVisible(rest > 0)

    def _tell(self, row: RunRow) -> None:
        self.badge.set_state(words.BADGES.get(row.outcome, "unknown"), row.spec.title)
        fraction = row.fraction
        self.bar.set_fraction(fraction or 0.0)
        told = [fmt.percent(fraction)] if fraction is not None else []
        if row.speed_bytes_per_s:
            told.append(fmt.rate(row.speed_bytes_per_s))
        if not row.started_s:
            told = [self.tr("starting…")]
        self.told.set_text(", ".join(told) or self.tr("at work"))


def _name(state: RunState, item: ItemState) -> str:
    """`web01: system`; the VM is named with its disk."""
    above = state.items.get(item.item.parent or "")
    name = item.item.name or item.item.kind
    return f"{above.item.name}: {name}" if above is not None else name


class LiveRuns(QWidget):
    """The runs at work, the oldest first; not there while nothing is."""

    def __init__(self, deeds: BackupDeeds) -> None:
        super().__init__()
        self.deeds = deeds
        self.cards: dict[str, LiveRun] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self.hide()

    def set_runs(self, rows: Sequence[RunRow]) -> None:
        """Show these."""
        wanted = {row.ref: row for row in rows[:MOST_RUNS]}
        for gone in [ref for ref in self.cards if ref not in wanted]:
            card = self.cards.pop(gone)
            card.close_watch()
            self._column.removeWidget(card)
            card.hide()
            card.deleteLater()
        for ref, row in wanted.items():
            if ref in self.cards:
                self.cards[ref].set_row(row)
            else:
                self.cards[ref] = LiveRun(self.deeds, row)
                self._column.addWidget(self.cards[ref])
        self.setVisible(bool(self.cards))
