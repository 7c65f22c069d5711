"""What a job keeps, and a calendar of what that means after so many runs."""

from __future__ import annotations

import asyncio
from datetime import date

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from xolite_qt.backup.jobs.model import Retention, Schedule
from xolite_qt.ui import format as fmt
from xolite_qt.ui.dialogs.backups.form import Choice, Form, number
from xolite_qt.ui.models.backup_keep import Preview, simulate
from xolite_qt.ui.models.backup_words import retention as retention_words
from xolite_qt.ui.tasks import TaskOwner
from xolite_qt.ui.widgets.card import SectionTitle
from xolite_qt.ui.widgets.kept_strip import KeptStrip, Legend
from xolite_qt.ui.widgets.text import TextLabel

_AFTER = (
    ("30", "30 runs"),
    ("100", "100 runs"),
    ("365", "365 runs"),
    ("1000", "1,000 runs"),
    ("3000", "3,000 runs"),
)


class RetentionField(QWidget):
    """The numbers, and their preview.

    Signals:
        changed: another retention.
    """

    changed = Signal()

    def __init__(self, keep: Retention, full_interval: int, tasks: TaskOwner) -> None:
        super().__init__()
        self._tasks = tasks
        self._schedule = Schedule()
        self._asked = 0
        self.preview: Preview | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        form = Form()
        self.last = number(1, 9999, keep.last, says=self.tr("Newest backups kept"))
        form.add(
            self.tr("Keep the newest"),
            self.last,
            hint=self.tr("At least one is always kept"),
            narrow=True,
        )
        self.daily = number(0, 9999, keep.daily, suffix=self.tr(" days"))
        self.weekly = number(0, 9999, keep.weekly, suffix=self.tr(" weeks"))
        self.monthly = number(0, 9999, keep.monthly, suffix=self.tr(" months"))
        self.yearly = number(0, 9999, keep.yearly, suffix=self.tr(" years"))
        for field, says in (
            (self.daily, self.tr("Days of which one is kept")),
            (self.weekly, self.tr("Weeks of which one is kept")),
            (self.monthly, self.tr("Months of which one is kept")),
            (self.yearly, self.tr("Years of which one is kept")),
        ):
            field.setAccessibleName(says)
        self.long_row = form.add(
            self.tr("And one of each of the last"),
            self.daily,
            self.weekly,
            self.monthly,
            self.yearly,
            hint=self.tr("The oldest of each day, week, month and year is the one that stays"),
            narrow=True,
        )
        self.full = number(0, 9999, full_interval, suffix=self.tr(" runs"))
        self.full_row = form.add(
            self.tr("A full backup every"),
            self.full,
            hint=self.tr("0: never by itself; incremental backups are merged instead"),
            narrow=True,
        )
        self.form = form
        column.addWidget(form)
        column.addWidget(SectionTitle(self.tr("What would be kept")))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(TextLabel(self.tr("After")))
        self.after = Choice([(ident, self.tr(text)) for ident, text in _AFTER], "365")
        self.after.setAccessibleName(self.tr("Runs to look ahead"))
        self.after.setFixedWidth(140)
        row.addWidget(self.after)
        row.addStretch(1)
        column.addLayout(row)
        self.words = TextLabel(wrap=True)
        column.addWidget(self.words)
        self.strip = KeptStrip()
        self.legend = Legend()
        column.addWidget(self.strip)
        column.addWidget(self.legend)
        column.addStretch(1)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(120)
        self._soon.timeout.connect(self._look_ahead)
        for field in (self.last, self.daily, self.weekly, self.monthly, self.yearly, self.full):
            field.valueChanged.connect(self._told)
        self.after.currentIndexChanged.connect(self._soon.start)
        self._soon.start()

    def retention(self) -> Retention:
        """What is set."""
        return Retention(
            self.last.value(),
            self.daily.value(),
            self.weekly.value(),
            self.monthly.value(),
            self.yearly.value(),
        )

    def set_schedule(self, schedule: Schedule) -> None:
        """The schedule that the preview runs on."""
        if schedule != self._schedule:
            self._schedule = schedule
            self._soon.start()

    def _told(self) -> None:
        self._soon.start()
        self.changed.emit()

    def _look_ahead(self) -> None:
        self._asked += 1
        self._tasks.spawn(self._simulate(self._asked), "preview of a retention")

    async def _simulate(self, asked: int) -> None:
        runs = int(self.after.current() or 365)
        schedule, keep = self._schedule, self.retention()
        preview = await asyncio.to_thread(simulate, schedule, keep, runs)
        # The dialog may have been closed, or asked again, meanwhile.
        if asked == self._asked:
            self.preview = preview
            self._show(preview)

    def _show(self, preview: Preview) -> None:
        if preview.trouble:
            self.words.set_text(preview.trouble)
            self.words.set_tone("warning")
        else:
            kept = fmt.plural(preview.kept, "backup", "backups")
            oldest = "" if preview.oldest is None else f" The oldest is of {_written(preview)}."
            keeps = retention_words(self.retention())
            self.words.set_text(f"{kept} of each VM: {keeps}.{oldest}")
            self.words.set_tone("txt")
        self.strip.set_days(preview.days, preview.today)
        self.legend.set_reasons(preview.reasons)


def _written(preview: Preview) -> str:
    oldest = preview.oldest
    assert oldest is not None
    days = (preview.today - oldest).days
    return f"{oldest:%Y-%m-%d}, {fmt.plural(days, 'day', 'days')} back" if days else f"{_today()}"


def _today() -> str:
    return f"{date.today():%Y-%m-%d}"
