"""Dates of the wire, and the host's clock against ours."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from .errors import MalformedAnswer

if TYPE_CHECKING:
    from .client import XenApi

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WIRE = re.compile(
    r"\s*(\d{4})-?(\d\d)-?(\d\d)[T ](\d\d):?(\d\d):?(\d\d)(?:[.,]\d+)?\s*(Z|[+-]\d\d:?\d\d)?\s*",
    re.ASCII,
)


def to_datetime(wire: str) -> datetime | None:
    """Reads a date of the wire: `20260821T12:00:00Z`, dashed too; without a zone it is UTC.

    Returns:
        The date with its zone, or None where the text is none or says "never" (1970-01-01).

    Source: xapi.md 1.3.
    """
    match = _WIRE.fullmatch(wire)
    if match is None:
        return None
    zone: timezone = UTC
    if match[7] and match[7] != "Z":
        minutes = int(match[7][1:3]) * 60 + int(match[7][-2:])
        if minutes >= 24 * 60:
            return None
        zone = timezone(timedelta(minutes=-minutes if match[7][0] == "-" else minutes))
    try:
        date = datetime(*(int(match[i]) for i in range(1, 7)), tzinfo=zone)  # type: ignore[misc,arg-type]
    except ValueError:
        return None
    return None if date == _EPOCH else date


def from_datetime(date: datetime) -> str:
    """Writes a date as the wire wants it: UTC, whole seconds. A date without a zone is UTC."""
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return date.astimezone(UTC).strftime("%Y%m%dT%H:%M:%SZ")


async def clock_offset_s(api: XenApi, host_ref: str) -> float:
    """How far a host's clock is ahead of ours, in seconds; good to about a second.

    Raises:
        MalformedAnswer: the host's time cannot be read.
        XenApiError: the call failed.
    """
    before = time.time()
    answer = await api.call("host.get_servertime", host_ref)
    after = time.time()
    there = to_datetime(answer) if isinstance(answer, str) else None
    if there is None:
        raise MalformedAnswer("host.get_servertime: not a date")
    # Half a second: the wire cuts the fraction off.
    return there.timestamp() + 0.5 - (before + after) / 2
