"""Numbers, times and states as people read them.

Pure functions; they ask only QLocale, the local time zone and (for ages) the clock. Bytes are
always IEC (KiB, MiB, GiB), as the host counts them. Whatever is unknown (None, NaN) reads "–".

Source: specs/xo-lite.md 4 (alarm units), specs/peers.md 5 (locale, IEC).
"""

from __future__ import annotations

import math
import time
from datetime import datetime

from PySide6.QtCore import QCoreApplication, QDateTime, QLocale, QTimeZone

__all__ = [
    "NONE",
    "absolute",
    "alarm",
    "alarm_subject",
    "clock",
    "count",
    "day",
    "decimal",
    "duration",
    "fraction_of",
    "moment",
    "percent",
    "plural",
    "power_state",
    "quantity",
    "rate",
    "relative",
    "size",
    "yes_no",
]

NONE = "–"
"""What stands where nothing is known."""

_SPACE = "\u00a0"  # a number and its unit stay on one line
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")

Moment = float | int | datetime | None


def _tr(text: str) -> str:
    return QCoreApplication.translate("format", text)


def plural(number: int, one: str, many: str) -> str:
    """`"3 VMs"` from `plural(3, "VM", "VMs")`, the number written as the locale does."""
    return f"{count(number)}{_SPACE}{one if number == 1 else many}"


def decimal(number: float | None, digits: int = 1) -> str:
    """A number with at most `digits` decimals, without trailing zeros."""
    if number is None or not math.isfinite(number):
        return NONE
    rounded = round(number, digits)
    shown = 0 if rounded == int(rounded) else digits
    text = QLocale().toString(float(rounded), "f", shown)
    point = QLocale().decimalPoint()
    return text.rstrip("0").rstrip(point) if shown > 1 and point in text else text


def count(number: int | None) -> str:
    """A whole number with the locale's group separators."""
    if number is None:
        return NONE
    whole = int(number)
    return QLocale().toString(whole) if abs(whole) < 2**63 else str(whole)


def size(number_bytes: float | None, *, digits: int = 1) -> str:
    """Bytes as IEC units: `512 B`, `1.5 KiB`, `16 GiB`."""
    if number_bytes is None or not math.isfinite(number_bytes):
        return NONE
    value, at = _scaled(float(number_bytes), digits)
    return f"{decimal(value, 0 if at == 0 else digits)}{_SPACE}{_UNITS[at]}"


def _scaled(value: float, digits: int) -> tuple[float, int]:
    at = 0
    # 1023.96 KiB would be rounded to "1024 KiB": go on to the next unit first.
    while abs(round(value, digits if at else 0)) >= 1024 and at < len(_UNITS) - 1:
        value /= 1024.0
        at += 1
    return value, at


def rate(bytes_per_s: float | None) -> str:
    """Bytes per second: `1.5 MiB/s`."""
    text = size(bytes_per_s)
    return text if text == NONE else f"{text}/s"


def fraction_of(used_bytes: float | None, total_bytes: float | None) -> str:
    """`4.0 of 16 GiB` becomes `4 GiB / 16 GiB`."""
    return f"{size(used_bytes)} / {size(total_bytes)}"


def percent(fraction: float | None, digits: int = 0) -> str:
    """A fraction of 1 as percent: 0.953 reads `95%`.

    Rounded down just below the full, so that 99.9 % used never reads 100 %.
    """
    if fraction is None or not math.isfinite(fraction):
        return NONE
    value = fraction * 100.0
    full = 10.0**-digits
    if 100.0 - full / 2 <= value < 100.0:
        value = 100.0 - full
    return f"{decimal(value, digits)}%"


def duration(seconds: float | None) -> str:
    """A span in its two largest units: `3 d 4 h`, `12 min 5 s`, `45 s`."""
    if seconds is None or not math.isfinite(seconds):
        return NONE
    left = max(0, int(seconds))
    parts: list[str] = []
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        number, left = divmod(left, length)
        if number:
            parts.append(f"{count(number)}{_SPACE}{unit}")
        elif parts:
            break
        if len(parts) == 2:
            break
    return " ".join(parts) or f"0{_SPACE}s"


_AGES = (
    (60, 1, "second", "seconds"),
    (3_600, 60, "minute", "minutes"),
    (86_400, 3_600, "hour", "hours"),
    (7 * 86_400, 86_400, "day", "days"),
    (30 * 86_400, 7 * 86_400, "week", "weeks"),
    (365 * 86_400, 30 * 86_400, "month", "months"),
    (math.inf, 365 * 86_400, "year", "years"),
)


def relative(when: Moment, now_s: float | None = None) -> str:
    """`3 minutes ago`, `in 2 hours`, `just now`; put `absolute` of it in the tooltip.

    Args:
        when: seconds since 1970, or an aware datetime; 0 and the years around 1970 that XAPI sends
            for "never" read as unknown.
        now_s: seconds since 1970; by default the clock.
    """
    moment_s = _seconds(when)
    if moment_s is None:
        return NONE
    delta = moment_s - (time.time() if now_s is None else now_s)
    span = abs(delta)
    if span < 5:
        return _tr("just now")
    for limit, length, one, many in _AGES:
        if span < limit:
            number = int(span // length)
            words = f"{count(number)} {_tr(one if number == 1 else many)}"
            return _tr("in %1").replace("%1", words) if delta > 0 else (
                _tr("%1 ago").replace("%1", words)
            )  # fmt: skip
    return NONE


def _seconds(when: Moment) -> float | None:
    if when is None:
        return None
    number = when.timestamp() if isinstance(when, datetime) else float(when)
    return number if math.isfinite(number) and number > 86_400 else None


def _local(when: Moment) -> QDateTime | None:
    number = _seconds(when)
    if number is None or number > 253_402_300_799:
        return None
    return QDateTime.fromMSecsSinceEpoch(
        int(number * 1000), QTimeZone(QTimeZone.Initialization.LocalTime)
    )


def absolute(when: Moment) -> str:
    """Date and time with seconds, local, as the locale writes them."""
    local = _local(when)
    if local is None:
        return NONE
    return f"{_date(local)} {local.time().toString('HH:mm:ss')}"


def moment(when: Moment) -> str:
    """Date and time of day without seconds, local: for axes and lists."""
    local = _local(when)
    if local is None:
        return NONE
    return f"{_date(local)} {local.time().toString('HH:mm')}"


def _date(local: QDateTime) -> str:
    locale = QLocale()
    if locale.language() == QLocale.Language.C:
        return local.date().toString("yyyy-MM-dd")
    return locale.toString(local.date(), QLocale.FormatType.ShortFormat)


def day(when: Moment) -> str:
    """The date alone, local."""
    local = _local(when)
    if local is None:
        return NONE
    return _date(local)


def clock(when: Moment, *, seconds: bool = False) -> str:
    """The time of day alone, local."""
    local = _local(when)
    if local is None:
        return NONE
    return local.time().toString("HH:mm:ss" if seconds else "HH:mm")


def yes_no(value: bool | None) -> str:
    """Yes, No, or unknown."""
    if value is None:
        return NONE
    return _tr("Yes") if value else _tr("No")


_STATES = {
    "running": "Running",
    "halted": "Halted",
    "paused": "Paused",
    "suspended": "Suspended",
    "crashed": "Crashed",
    "disabled": "Disabled",
    "unknown": "Unknown",
    "connected": "Connected",
    "disconnected": "Disconnected",
    "partial": "Partially connected",
    "pending": "Pending",
    "warning": "Warning",
    "danger": "Problem",
    "success": "Success",
    "primary": "Master",
}


def power_state(state: str | None) -> str:
    """A power state or a state's name as a word; an unknown one is shown as it came."""
    if not state:
        return _tr("Unknown")
    word = _STATES.get(state.lower())
    return _tr(word) if word else state


# kind: (what is measured, whether the alarm is for too little)
_ALARMS = {
    "cpu_usage": ("CPU usage", False),
    "mem_usage": ("Memory usage", False),
    "memory_free_kib": ("Free memory", True),
    "memory_internal_free": ("Free memory in the guest", True),
    "disk_usage": ("Disk traffic", False),
    "network_usage": ("Network traffic", False),
    "fs_usage": ("File system usage", False),
    "log_fs_usage": ("Log file system usage", False),
    "physical_utilisation": ("Storage usage", False),
    "sr_io_throughput_total_per_host": ("Storage traffic", False),
}


def quantity(value: float | None, unit: object) -> str:
    """A measured value with its true unit.

    Args:
        unit: a unit's name: FRACTION, BYTES_PER_S, KIB, MIB_PER_S; any other is a bare number. An
            enum member is taken by its name.
    """
    if value is None or not math.isfinite(value):
        return NONE
    match str(getattr(unit, "name", unit)).upper():
        case "FRACTION":
            return percent(value, 1)
        case "BYTES":
            return size(value)
        case "BYTES_PER_S":
            return rate(value)
        case "KIB":
            return size(value * 1024)
        case "MIB_PER_S":
            return rate(value * 1024 * 1024)
        case _:
            return decimal(value, 2)


def alarm_subject(kind: str) -> str:
    """What an alarm watches: `Network traffic`."""
    what, _low = _ALARMS.get(kind, (kind.replace("_", " ").strip() or "Unknown value", False))
    return _tr(what)


def alarm(
    kind: str, level: float | None, unit: object = "FRACTION", period_s: float | None = None
) -> str:
    """What an alarm says: `Network traffic above 12 MiB/s for 5 min`.

    Args:
        kind: the watched variable (`cpu_usage`, …).
        level: the threshold, in `unit`.
        period_s: how long it had to last, in seconds; left out where unknown.
    """
    what, low = _ALARMS.get(kind, (kind.replace("_", " ").strip() or _tr("Unknown value"), False))
    words = _tr(what)
    if level is not None and math.isfinite(level):
        side = _tr("below") if low else _tr("above")
        words = f"{words} {side} {quantity(level, unit)}"
    else:
        words = _tr("%1 out of bounds").replace("%1", words)
    if period_s and math.isfinite(period_s):
        words = f"{words} {_tr('for')} {duration(period_s)}"
    return words
