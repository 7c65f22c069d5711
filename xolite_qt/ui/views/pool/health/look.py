"""Gathers what the health page looks at besides the stores: clocks and certificates."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from xolite_qt.ui.models.health import utc_now
from xolite_qt.xen_api import Host, XapiError, XenApiError, to_datetime

# A pool of a thousand hosts is asked in a while, not at once.
_AT_ONCE = 4


async def clocks(api: Any, hosts: Iterable[Host]) -> dict[str, float]:
    """How far each host's clock is before ours, in seconds; hosts that do not answer are left out.

    The host tells whole seconds: half of one, and half the time of the question, are unknown.
    """
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(ref: str) -> tuple[str, float] | None:
        async with slots:
            before = utc_now()
            try:
                told = to_datetime(str(await api.call("host.get_servertime", ref, timeout_s=10.0)))
            except XenApiError:
                return None
            after = utc_now()
        if told is None:
            return None
        return ref, (told - (before + (after - before) / 2)).total_seconds() + 0.5

    found = await asyncio.gather(*(one(host.ref) for host in hosts))
    return dict(pair for pair in found if pair is not None)


async def certificates(api: Any) -> list[tuple[str, datetime]]:
    """References of hosts, and when their certificates end.

    Raises:
        XenApiError: the host could not be asked. One that is too old to tell has none.
    """
    try:
        records = await api.call("Certificate.get_all_records")
    except XapiError as error:
        if error.code == "MESSAGE_METHOD_UNKNOWN":
            return []
        raise
    found: list[tuple[str, datetime]] = []
    for record in records.values():
        end = to_datetime(str(record.get("not_after", "")))
        if end is not None and record.get("type") in ("host", "host_internal"):
            found.append((str(record.get("host", "")), end))
    return found
