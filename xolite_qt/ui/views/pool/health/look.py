"""Gathers what the health page looks at besides the stores: clocks, certificates, dom0's disks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from xolite_qt.ui.models.health import utc_now
from xolite_qt.xen_api import (
    VM,
    Host,
    XapiError,
    XenApiError,
    get_since,
    parse_alarm,
    to_datetime,
)

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


_DISKS = {"fs_usage": "system disk", "log_fs_usage": "log disk"}
_LATELY = timedelta(hours=6)
"""A host repeats the alarm each hour or so, as long as the disk is full."""

FullDisk = tuple[str, str, float]


async def system_disks(api: Any, domains: Iterable[VM]) -> list[FullDisk]:
    """What hosts said lately of the disks of their control domains.

    Args:
        api: the connection.
        domains: the control domains.

    Returns:
        Reference of the host, disk in words and the part that is used.

    Raises:
        XenApiError: the host could not be asked.
    """
    hosts = {vm.uuid: vm.resident_on for vm in domains}
    full: dict[tuple[str, str], float] = {}
    for message in (await get_since(api, utc_now() - _LATELY)).values():
        if message.name != "ALARM" or message.obj_uuid not in hosts:
            continue
        alarm = parse_alarm(message)
        if alarm.kind in _DISKS and alarm.value is not None:
            key = (hosts[message.obj_uuid], _DISKS[alarm.kind])
            full[key] = max(full.get(key, 0.0), alarm.value)
    return [(host, disk, used) for (host, disk), used in full.items()]
