"""Where the ticks of a chart stand and how they read. Pure functions, without Qt widgets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from PySide6.QtCore import QLocale

from xolite_qt.ui import format as fmt

__all__ = [
    "ChartUnit",
    "read_value",
    "read_values",
    "tick_time",
    "time_ticks",
    "top_of",
    "value_step",
]

SMALLEST = 1e-9
"""Less than this is drawn as nothing."""

ChartUnit = Literal[
    "percent", "bytes", "rate", "count", "per_second", "seconds", "watts", "hertz", "celsius"
]

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_STEPS_S = (
    5, 10, 15, 30, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE,
    _HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 3 * _DAY, 7 * _DAY,
    14 * _DAY,
)  # fmt: skip
_MONTHS = (1, 2, 3, 6, 12)


def read_value(value: float | None, unit: ChartUnit) -> str:
    """One value with its unit; percent takes a fraction of 1."""
    match unit:
        case "percent":
            return fmt.percent(value, 1)
        case "bytes":
            return fmt.size(value)
        case "rate":
            return fmt.rate(value)
        case "count":
            return fmt.decimal(value, 2)
        case "per_second":
            text = fmt.decimal(value, 1)
            return text if text == fmt.NONE else f"{text}/s"
        case "seconds":
            return _seconds(value)
        case "watts":
            return _with(value, "W")
        case "hertz":
            return _hertz(value)
        case "celsius":
            return _with(value, "°C")


def _with(value: float | None, unit: str) -> str:
    text = fmt.decimal(value, 1)
    return text if text == fmt.NONE else f"{text}\u00a0{unit}"


def _seconds(value: float | None) -> str:
    # Latencies: from microseconds to seconds.
    if value is None or not math.isfinite(value) or value == 0 or abs(value) >= 1:
        return _with(value, "s")
    if abs(value) >= 1e-3:
        return _with(value * 1e3, "ms")
    return _with(value * 1e6, "µs")


def _hertz(value: float | None) -> str:
    for factor, unit in ((1e9, "GHz"), (1e6, "MHz"), (1e3, "kHz")):
        if value is not None and math.isfinite(value) and abs(value) >= factor:
            text = fmt.decimal(value / factor, 2)
            return f"{text}\u00a0{unit}"
    return _with(value, "Hz")


def read_values(values: Sequence[float], unit: ChartUnit) -> str:
    """Minimum, mean, maximum and last of a line in words; gaps are left out."""
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return "no data"
    told = (min(known), math.fsum(known) / len(known), max(known), known[-1])
    names = ("minimum", "mean", "maximum", "last")
    return ", ".join(
        f"{name} {read_value(value, unit)}" for name, value in zip(names, told, strict=True)
    )


def value_step(top: float, unit: ChartUnit, ticks: int = 4) -> float:
    """A round distance of ticks for an axis from 0 to `top`."""
    if not math.isfinite(top) or top < SMALLEST:
        return 1.0
    # One percent of grace: an axis that ends at 100.1 % still has a tick every 25 %.
    rough = top * 0.99 / max(1, ticks)
    if unit in ("bytes", "rate"):
        # Powers of two inside a unit: 256 KiB, 512 KiB, 1 MiB read round, 300 KiB do not.
        return float(2.0 ** math.ceil(math.log2(rough)))
    power = 10.0 ** math.floor(math.log10(rough))
    for factor in (1.0, 2.0, 2.5, 5.0, 10.0):
        if rough <= factor * power * 1.000001:
            return factor * power
    return 10.0 * power


def top_of(values: Sequence[float], unit: ChartUnit, least: float = 0.0) -> float:
    """Upper end of an axis: above every value and on a tick.

    Args:
        least: the axis ends no lower (100 % of what there is, a total).
    """
    known = max((value for value in values if math.isfinite(value)), default=0.0)
    if least > 0 and known <= least:
        return least
    top = max(known * 1.05, least)
    if top < SMALLEST:
        return {"bytes": 1024.0, "rate": 1024.0, "seconds": 1e-3}.get(unit, 1.0)
    step = value_step(top, unit)
    return step * math.ceil(top / step - 1e-9)


def _month(moment: datetime, months: int) -> datetime:
    at = moment.year * 12 + moment.month - 1 + months
    return moment.replace(year=at // 12, month=at % 12 + 1)


def time_ticks(start_s: float, end_s: float, most: int) -> tuple[list[float], float]:
    """Round local times between two moments.

    Args:
        most: how many labels there is room for.

    Returns:
        The times in seconds since 1970, and the step in seconds (30 days stand for a month).
    """
    span = end_s - start_s
    if span <= 0 or not math.isfinite(span):
        return [], 1.0
    most = max(1, most)
    for step in _STEPS_S:
        if span / step <= most:
            return _even_ticks(start_s, end_s, step), float(step)
    for months in _MONTHS:
        if span / (months * 30 * _DAY) <= most or months == _MONTHS[-1]:
            return _month_ticks(start_s, end_s, months), months * 30.0 * _DAY
    return [], 1.0


def _even_ticks(start_s: float, end_s: float, step: int) -> list[float]:
    start = datetime.fromtimestamp(start_s)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    if step >= _DAY:
        days = step // _DAY
        at = midnight - timedelta(days=midnight.toordinal() % days)
    else:
        at = midnight + timedelta(seconds=(start - midnight).seconds // step * step)
    ticks: list[float] = []
    while (moment := at.timestamp()) <= end_s:
        if moment >= start_s and (not ticks or moment > ticks[-1]):
            ticks.append(moment)
        # Wall-clock steps: ticks stay on round hours across a change to summer time.
        at += timedelta(seconds=step)
    return ticks


def _month_ticks(start_s: float, end_s: float, months: int) -> list[float]:
    start = datetime.fromtimestamp(start_s)
    at = start.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    at = _month(at, -((at.month - 1) % months))
    ticks = []
    while (moment := at.timestamp()) <= end_s:
        if moment >= start_s:
            ticks.append(moment)
        at = _month(at, months)
    return ticks


def tick_time(moment_s: float, step_s: float) -> str:
    """A tick's label: time of day, day or month, as the step asks for."""
    local = datetime.fromtimestamp(moment_s)
    if step_s < _MINUTE:
        return local.strftime("%H:%M:%S")
    if step_s < _DAY:
        if local.hour == 0 and local.minute == 0:
            return _day_name(local)
        return local.strftime("%H:%M")
    if step_s < 28 * _DAY:
        return _day_name(local)
    name = QLocale().standaloneMonthName(local.month, QLocale.FormatType.ShortFormat)
    return f"{name} {local.year}" if local.month == 1 else name


def _day_name(local: datetime) -> str:
    name = QLocale().standaloneDayName(local.isoweekday(), QLocale.FormatType.ShortFormat)
    return f"{name} {local.day}"
