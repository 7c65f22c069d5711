"""When a job runs: presets for people, a cron line for whoever wants more, and what it means."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from PySide6.QtCore import QTime, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QCompleter,
    QLineEdit,
    QTimeEdit,
    QVBoxLayout,
    QWidget,
)

from xolite_qt.backup.jobs.model import Schedule
from xolite_qt.ui import format as fmt
from xolite_qt.ui import theme
from xolite_qt.ui.dialogs.backups.form import Choice, Form, number
from xolite_qt.ui.models.backup_cron import EVERY, WEEKDAYS, Preset, preset
from xolite_qt.ui.models.backup_words import local_zone
from xolite_qt.ui.widgets.text import TextLabel

NEXT = 5


class ScheduleField(QWidget):
    """The schedule of a job.

    Signals:
        changed: another schedule.
    """

    changed = Signal()

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self._filling = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        self.enabled = QCheckBox(self.tr("Run by itself, on a schedule"))
        self.enabled.setChecked(schedule.enabled)
        column.addWidget(self.enabled)
        self.form = Form()
        column.addWidget(self.form)
        start = preset(schedule.cron)
        self.every = Choice([(ident, self.tr(text)) for ident, text in EVERY], start.every)
        self.every_row = self.form.add(self.tr("How often"), self.every, narrow=True)
        self.weekday = Choice(
            [(str(at + 1), self.tr(text)) for at, text in enumerate(WEEKDAYS)], str(start.weekday)
        )
        self.weekday_row = self.form.add(self.tr("On"), self.weekday, narrow=True)
        self.day = number(1, 28, start.day)
        self.day_row = self.form.add(
            self.tr("On day"), self.day, hint=self.tr("Of the month, 1 to 28"), narrow=True
        )
        self.step = Choice(
            [(str(hours), f"{hours} hours") for hours in (2, 3, 4, 6, 8, 12)], str(start.step_h)
        )
        self.step_row = self.form.add(self.tr("Every"), self.step, narrow=True)
        self.minute = number(0, 59, start.minute)
        self.minute_row = self.form.add(self.tr("At minute"), self.minute, narrow=True)
        self.at = QTimeEdit(QTime(start.hour, start.minute))
        self.at.setDisplayFormat("HH:mm")
        self.at.setFixedWidth(110)
        self.at.lineEdit().setTextMargins(8, 0, 8, 0)
        self.at_row = self.form.add(self.tr("At"), self.at, narrow=True)
        self.cron = QLineEdit(schedule.cron)
        self.cron.setFont(theme.mono_font(14))
        self.cron.setMaxLength(200)
        self.cron.setPlaceholderText("0 2 * * *")
        self.cron_row = self.form.add(
            self.tr("Cron line"),
            self.cron,
            hint=self.tr("Minute, hour, day of month, month, day of week"),
        )
        self.zone = QLineEdit(schedule.timezone or local_zone())
        self.zone.setCompleter(_zones(self))
        self.zone_row = self.form.add(
            self.tr("Time zone"), self.zone, hint=self.tr("Also bounds the days of the retention")
        )
        self.catch_up = QCheckBox(self.tr("Make up for a run missed while this machine slept"))
        self.catch_up.setChecked(schedule.catch_up)
        self.form.add_wide(self.catch_up)
        self.words = TextLabel(kind="body-bold", wrap=True)
        column.addWidget(self.words)
        self.coming = TextLabel(tone="secondary", wrap=True)
        column.addWidget(self.coming)
        column.addStretch(1)
        self._connect()
        self._show_rows()
        self.judge()

    def _connect(self) -> None:
        self.enabled.toggled.connect(self._toggled)
        self.every.currentIndexChanged.connect(self._chosen)
        for combo in (self.weekday, self.step):
            combo.currentIndexChanged.connect(self._compose)
        for field in (self.day, self.minute):
            field.valueChanged.connect(self._compose)
        self.at.timeChanged.connect(self._compose)
        self.cron.textEdited.connect(self._typed)
        self.zone.textChanged.connect(self._told)
        self.catch_up.toggled.connect(lambda _on: self.changed.emit())

    # ------------------------------------------------------------------ value

    def schedule(self) -> Schedule:
        """What is set; `problem()` says whether it can be used."""
        return Schedule(
            " ".join(self.cron.text().split()),
            self.zone.text().strip(),
            self.enabled.isChecked(),
            self.catch_up.isChecked(),
        )

    def problem(self) -> str:
        """Why it cannot be saved; empty where it can."""
        return self.cron_row.problem or self.zone_row.problem if self.enabled.isChecked() else ""

    def judge(self) -> None:
        """Says what the schedule means, or what is wrong with it."""
        from xolite_qt.backup.jobs.schedule import CronError, explain, next_runs

        now = self.schedule()
        self.form.setEnabled(now.enabled)
        cron_problem, zone_problem, said = "", "", ""
        coming: list[Any] = []
        if not _is_zone(now.timezone):
            zone_problem = self.tr("No time zone of this name is known.")
        try:
            said = explain(now.cron)
            if not zone_problem:
                coming = list(next_runs(now.cron, now.timezone, time.time(), NEXT))
        except CronError as error:
            cron_problem = _sentence(str(error))
        self.cron_row.set_problem(cron_problem)
        self.zone_row.set_problem(zone_problem)
        if not now.enabled:
            self.words.set_text(self.tr("It runs only by hand."))
            self.coming.hide()
            return
        self.words.set_text(said)
        self.words.setVisible(bool(said))
        lines = [f"{_written(when)}  ({fmt.relative(_seconds(when))})" for when in coming]
        if not lines and said and not zone_problem:
            lines = [self.tr("No such date comes in the next years.")]
        self.coming.set_text("\n".join((self.tr("The next runs:"), *lines)) if lines else "")
        self.coming.setVisible(bool(lines))

    # ------------------------------------------------------------------ changes

    def _toggled(self) -> None:
        self._told()

    def _chosen(self) -> None:
        self._show_rows()
        self._compose()
        if self.every.current() == "raw":
            self.cron.setFocus()

    def _compose(self) -> None:
        """A preset writes the cron line."""
        if self._filling:
            return
        every = self.every.current()
        if every != "raw":
            at = self.at.time()
            by_minute = every in ("hour", "hours")
            made = Preset(
                every,  # type: ignore[arg-type]  # one of EVERY's ids
                at.hour(),
                self.minute.value() if by_minute else at.minute(),
                int(self.step.current() or 6),
                int(self.weekday.current() or 7),
                self.day.value(),
            )
            self.cron.setText(made.cron())
        self._told()

    def _typed(self) -> None:
        """A typed cron line chooses its preset."""
        found = preset(self.cron.text())
        self._filling = True
        self.every.set_current(found.every)
        if found.every != "raw":
            self.at.setTime(QTime(found.hour, found.minute))
            self.minute.setValue(found.minute)
            self.step.set_current(str(found.step_h))
            self.weekday.set_current(str(found.weekday))
            self.day.setValue(found.day)
        self._filling = False
        self._show_rows()
        self._told()

    def _show_rows(self) -> None:
        every = self.every.current()
        for row, wanted in (
            (self.weekday_row, every == "week"),
            (self.day_row, every == "month"),
            (self.step_row, every == "hours"),
            (self.minute_row, every in ("hour", "hours")),
            (self.at_row, every in ("day", "workday", "week", "month")),
        ):
            self.form.set_row_visible(row, visible=wanted)

    def _told(self) -> None:
        self.judge()
        self.changed.emit()


def _zones(parent: QWidget) -> QCompleter:
    from zoneinfo import available_timezones

    completer = QCompleter(sorted(available_timezones()), parent)
    completer.setCaseSensitivity(completer.caseSensitivity().CaseInsensitive)
    completer.setFilterMode(completer.filterMode().MatchContains)
    completer.setMaxVisibleItems(8)
    return completer


def _is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return bool(name)


def _seconds(when: Any) -> float:
    return float(when.timestamp()) if isinstance(when, datetime) else float(when)


def _written(when: Any) -> str:
    """In the schedule's own time zone, with the day's name."""
    if isinstance(when, datetime):
        return f"{WEEKDAYS[when.weekday()][:3]} {when:%Y-%m-%d %H:%M}"
    return fmt.moment(when)


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
