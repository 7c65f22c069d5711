"""Alarms that were raised since one looked last: asked for now and then, for a badge.

To follow messages as events means to be sent all that are stored, ten thousand maybe. For a badge
the host is asked once a minute for those since the last answer, which are none mostly.

Source: xapi.md 1.9 (`message.get_since` holds those of the moment itself too).
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from xolite_qt.stores.base import Store
from xolite_qt.stores.change import StoreState
from xolite_qt.stores.messages import AlarmRow
from xolite_qt.stores.task_owner import OwnedTasks
from xolite_qt.xen_api import (
    Message,
    Pool,
    Severity,
    XenApi,
    XenApiError,
    get_since,
    parse_alarm,
    to_datetime,
)

PERIOD_S = 60.0
MOST = 500
"""So many new ones are kept; more are not told apart any more."""

_NEVER = datetime.fromtimestamp(0, UTC)


class NewsStore(Store[AlarmRow]):
    """New alarms and other messages that matter, by reference, until `seen()`."""

    def __init__(
        self,
        api: XenApi,
        tasks: OwnedTasks,
        *,
        period_s: float = PERIOD_S,
        linger_s: float = 1.0,
    ) -> None:
        super().__init__("news", linger_s=linger_s)
        self._api = api
        self._owner = tasks
        self.period_s = period_s
        self._polling: asyncio.Task[None] | None = None
        self._nudge = asyncio.Event()
        self._since: datetime | None = None
        self._told: set[str] = set()
        self._as_of: datetime | None = None

    @property
    def as_of(self) -> datetime | None:
        """When the host was last asked."""
        return self._as_of

    def retry(self) -> None:
        """Asks now."""
        self._nudge.set()

    def seen(self) -> None:
        """All that is new is so no longer."""
        self._apply({}, list(self._rows))

    def _begin(self) -> None:
        self._go(StoreState.LOADING)
        self._polling = self._owner.spawn(self._poll(), "look for new alarms")

    def _end(self) -> None:
        if self._polling is not None:
            self._polling.cancel()
            self._polling = None
        self._as_of = None
        # What comes while nobody asks is no news when somebody does again.
        self._since = None
        self._told.clear()

    async def _poll(self) -> None:
        while True:
            self._nudge.clear()
            try:
                await self._ask()
            except XenApiError as error:
                self._go(StoreState.STALE if self._since is not None else StoreState.FAILED, error)
            else:
                self._as_of = datetime.now(UTC)
                self._go(StoreState.READY)
            try:
                async with asyncio.timeout(self.period_s):
                    await self._nudge.wait()
            except TimeoutError:
                continue

    async def _ask(self) -> None:
        if self._since is None:
            self._since = await self._host_time()
            return
        messages = await get_since(self._api, self._since)
        fresh = {ref: one for ref, one in messages.items() if ref not in self._told}
        dates = [at for one in messages.values() if (at := to_datetime(one.timestamp)) is not None]
        self._since = max([self._since, *dates])
        self._told = set(messages)
        rows = [row for one in fresh.values() if (row := _row(one)) is not None]
        room = max(0, MOST - len(self._rows))
        self._apply({row.ref: row for row in rows[:room]}, ())

    async def _host_time(self) -> datetime:
        pools = await self._api.get_all_records(Pool)
        master = next(iter(pools.values())).master
        told = to_datetime(str(await self._api.call("host.get_servertime", master)))
        return told or datetime.now(UTC)


def _row(message: Message) -> AlarmRow | None:
    alarm = parse_alarm(message)
    if message.name != "ALARM":
        if alarm.severity is Severity.INFO:
            return None
        alarm = replace(alarm, kind=message.name)
    return AlarmRow(message.ref, message, alarm, alarm.at or _NEVER)
