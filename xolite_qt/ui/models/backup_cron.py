"""Schedules that people think in, and the cron lines that they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Every = Literal["hour", "hours", "day", "workday", "week", "month", "raw"]

EVERY: tuple[tuple[Every, str], ...] = (
    ("hour", "Every hour"),
    ("hours", "Every few hours"),
    ("day", "Every day"),
    ("workday", "Monday to Friday"),
    ("week", "Every week"),
    ("month", "Every month"),
    ("raw", "Cron line"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Preset:
    """A schedule in parts.

    Attributes:
        every: which of `EVERY`.
        hour, minute: time of day; of "hour" and "hours" only the minute counts.
        step_h: every so many hours, for "hours".
        weekday: 1 is Monday, 7 Sunday.
        day: of the month, at most 28, so that every month has it.
    """

    every: Every = "day"
    hour: int = 2
    minute: int = 0
    step_h: int = 6
    weekday: int = 7
    day: int = 1

    def cron(self) -> str:
        """The cron line; "raw" has none of its own."""
        match self.every:
            case "hour":
                return f"{self.minute} * * * *"
            case "hours":
                return f"{self.minute} */{self.step_h} * * *"
            case "workday":
                return f"{self.minute} {self.hour} * * 1-5"
            case "week":
                return f"{self.minute} {self.hour} * * {self.weekday % 7}"
            case "month":
                return f"{self.minute} {self.hour} {self.day} * *"
            case _:
                return f"{self.minute} {self.hour} * * *"


_TIME = r"(?P<minute>[0-5]?\d) (?P<hour>[01]?\d|2[0-3])"
_SHAPES: tuple[tuple[Every, re.Pattern[str]], ...] = (
    ("hour", re.compile(r"(?P<minute>[0-5]?\d) \* \* \* \*")),
    ("hours", re.compile(r"(?P<minute>[0-5]?\d) \*/(?P<step_h>2|3|4|6|8|12) \* \* \*")),
    ("day", re.compile(rf"{_TIME} \* \* \*")),
    ("workday", re.compile(rf"{_TIME} \* \* 1-5")),
    ("week", re.compile(rf"{_TIME} \* \* (?P<weekday>[0-7])")),
    ("month", re.compile(rf"{_TIME} (?P<day>[1-9]|1\d|2[0-8]) \* \*")),
)


def preset(cron: str) -> Preset:
    """The parts of a cron line; "raw" where it is more than that."""
    line = " ".join(cron.split())
    for every, shape in _SHAPES:
        found = shape.fullmatch(line)
        if found is not None:
            parts = {name: int(text) for name, text in found.groupdict().items()}
            if parts.get("weekday") == 0:
                parts["weekday"] = 7
            return Preset(every, **parts)
    return Preset("raw")
