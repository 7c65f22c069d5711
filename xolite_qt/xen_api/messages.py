"""Stored messages, and the alarms among them in their true units.

Source: xapi.md 1.9; XenCenter's alert types for the units.
"""

from __future__ import annotations

import html
import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from .decoding import decode_records
from .records import Message
from .times import to_datetime

if TYPE_CHECKING:
    from datetime import datetime

    from .client import XenApi

ALARM = "ALARM"


class Unit(StrEnum):
    """What an alarm's numbers count."""

    FRACTION = "fraction"  # 0 to 1
    BYTES_PER_S = "bytes/s"
    KIB = "KiB"
    MIB_PER_S = "MiB/s"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """How bad it is, from the message's priority."""

    CRITICAL = "critical"  # 1: data may be lost
    ERROR = "error"  # 2: a service may be lost
    WARNING = "warning"  # 3: a service is degraded; also perfmon's own alarms
    INFO = "info"  # 4 and up: recovered, or for the record


@dataclass(frozen=True)
class Alarm:
    """A message that perfmon wrote because a number crossed its threshold.

    Attributes:
        kind: `cpu_usage`, `memory_free_kib`, …; the name as the host wrote it where we do not know
            it, `unknown` where there is none.
        value: what was measured, in `unit`; None where the body does not say.
        level: the threshold, in `unit`; None where the body does not say.
        period_s: how long it had to be crossed, in seconds; perfmon's default is 60.
        unit: what `value` and `level` count.
        low: whether falling below the level raised it, not exceeding it.
        severity: from the message's priority.
        at: when, UTC; None where the message does not say.
        message: the message itself, for its reference, class and object.
    """

    kind: str
    value: float | None
    level: float | None
    period_s: float
    unit: Unit
    low: bool
    severity: Severity
    at: datetime | None
    message: Message


_UNITS = {
    "cpu_usage": Unit.FRACTION,
    "fs_usage": Unit.FRACTION,
    "log_fs_usage": Unit.FRACTION,
    "mem_usage": Unit.FRACTION,
    "physical_utilisation": Unit.FRACTION,
    "network_usage": Unit.BYTES_PER_S,
    "disk_usage": Unit.BYTES_PER_S,
    "memory_free_kib": Unit.KIB,
    "memory_internal_free": Unit.KIB,
}
_THROUGHPUT_PREFIX = "sr_io_throughput_total_"
# Falling is what is bad about these, unless the configuration says otherwise.
_LOW = ("memory_free_kib", "memory_internal_free")

_DEFAULT_PERIOD_S = 60.0
# A body is a few hundred bytes; whatever is longer is not perfmon's.
_MAX_BODY_CHARS = 16_384
_VALUE = re.compile(r"\s*value:[ \t]*(\S{1,64})")
_SETTING = re.compile(
    r"<(name|alarm_trigger_level|alarm_trigger_period|alarm_trigger_sense)"
    r"""\s+value\s*=\s*(?:"([^"<]{0,200})"|'([^'<]{0,200})')\s*/?>"""
)


def parse_alarm(message: Message) -> Alarm:
    """Reads an alarm; what its body does not say is None or a default. It never raises."""
    body = message.body[:_MAX_BODY_CHARS]
    settings: dict[str, str] = {}
    for name, double, single in _SETTING.findall(body):
        settings.setdefault(name, html.unescape(double or single))
    value = _VALUE.match(body)
    kind = settings.get("name") or "unknown"
    sense = settings.get("alarm_trigger_sense")
    period_s = _number(settings.get("alarm_trigger_period"))
    return Alarm(
        kind=kind,
        value=_number(value[1] if value else None),
        level=_number(settings.get("alarm_trigger_level")),
        period_s=_DEFAULT_PERIOD_S if period_s is None or period_s < 0 else period_s,
        unit=_unit(kind),
        low=kind in _LOW if sense is None else sense == "low",
        severity=severity(message.priority),
        at=to_datetime(message.timestamp),
        message=message,
    )


def severity(priority: int) -> Severity:
    """What a message's priority means; 1 is the worst."""
    if priority <= 1:
        return Severity.CRITICAL
    if priority == 2:
        return Severity.ERROR
    return Severity.WARNING if priority == 3 else Severity.INFO


async def get_since(api: XenApi, since: datetime) -> dict[str, Message]:
    """Messages stored since a moment, by reference, the host's order kept.

    Raises:
        XenApiError: the call failed.
    """
    return await api.call_for("message.get_since", since, read=_read_messages)


async def get_about(api: XenApi, cls: str, obj_uuid: str, since: datetime) -> dict[str, Message]:
    """Messages about one object, stored since a moment, by reference.

    Args:
        api: the connection.
        cls: the object's class as messages spell it: VM, Host, SR, Pool.
        obj_uuid: of the object.
        since: from when on.

    Raises:
        XenApiError: the call failed.
    """
    return await api.call_for("message.get", cls, obj_uuid, since, read=_read_messages)


async def get_alarms(api: XenApi, since: datetime | None = None) -> dict[str, Alarm]:
    """Stored alarms by reference, newest first.

    Hosts that ignore the filter send every message; the rest is dropped here.

    Raises:
        XenApiError: the call failed.
    """
    if since is None:
        messages = await api.get_all_records(Message, where=f'field "name"="{ALARM}"')
    else:
        messages = await get_since(api, since)
    alarms = [(ref, parse_alarm(m)) for ref, m in messages.items() if m.name == ALARM]
    alarms.sort(key=lambda item: item[1].message.timestamp, reverse=True)
    return dict(alarms)


def _read_messages(body: bytes | bytearray) -> dict[str, Message]:
    return decode_records(Message, body)


def _unit(kind: str) -> Unit:
    if kind.startswith(_THROUGHPUT_PREFIX):
        return Unit.MIB_PER_S
    return _UNITS.get(kind, Unit.UNKNOWN)


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
