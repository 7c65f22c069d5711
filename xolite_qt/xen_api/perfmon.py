"""What a host's perfmon watches on an object: `other_config["perfmon"]`, read and written.

Source: xapi.md 1.9; XenCenter writes the same elements.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal
from xml.sax.saxutils import quoteattr

from .safe_xml import XmlRefused, parse_xml

MAX_CHARS = 64 * 1024

_NAME = "name"
_LEVEL = "alarm_trigger_level"
_PERIOD = "alarm_trigger_period"
_INHIBIT = "alarm_auto_inhibit_period"
_PRIORITY = "alarm_priority"


@dataclass(frozen=True)
class Watch:
    """One number that is watched.

    Attributes:
        name: what: `cpu_usage`, `memory_free_kib`, …
        level: threshold, in the unit of that name (see `messages.Unit`).
        period_s: how long it has to be crossed.
        inhibit_s: how long it is silent after an alarm.
        others: what else stands there, by element; kept as it is.
    """

    name: str
    level: float
    period_s: float = 60.0
    inhibit_s: float = 3600.0
    others: dict[str, str] = field(default_factory=dict)


class PerfmonError(ValueError):
    """The text is no configuration of perfmon."""


def read_perfmon(text: str) -> list[Watch]:
    """What is watched, in the order of the text; nothing for an empty one.

    Raises:
        PerfmonError: the text is not what perfmon reads; it would not read it either.
    """
    if not text.strip():
        return []
    if len(text) > MAX_CHARS:
        raise PerfmonError("too long")
    try:
        root = parse_xml(text)
    except XmlRefused as error:
        raise PerfmonError(str(error)) from None
    found = []
    for variable in root.iter("variable"):
        values = {child.tag: child.get("value", "") for child in variable}
        name = values.pop(_NAME, "")
        if name:
            found.append(
                Watch(
                    name,
                    _number(values.pop(_LEVEL, ""), 0.0),
                    _number(values.pop(_PERIOD, ""), 60.0),
                    _number(values.pop(_INHIBIT, ""), 3600.0),
                    values,
                )
            )
    return found


def _number(text: str, default: float) -> float:
    try:
        number = float(text)
    except ValueError:
        return default
    return number if math.isfinite(number) and abs(number) < 1e18 else default


def write_perfmon(watches: list[Watch]) -> str:
    """The text for `other_config["perfmon"]`; "" for nothing to watch."""
    if not watches:
        return ""
    parts = ["<config>"]
    for watch in watches:
        parts.append("<variable>")
        values = {
            _NAME: watch.name,
            _LEVEL: _text(watch.level),
            _PERIOD: _text(watch.period_s),
            _INHIBIT: _text(watch.inhibit_s),
            **watch.others,
        }
        parts += [f"<{tag} value={quoteattr(value)}/>" for tag, value in values.items()]
        parts.append("</variable>")
    parts.append("</config>")
    return "".join(parts)


def _text(number: float) -> str:
    # No exponents, and no rounding of what was read.
    return f"{Decimal(repr(number)).normalize():f}"
