"""A store of one class of the host's records, kept right by events.

Order of a load: listeners, then `hub.ready`, then the read, then the events that came meanwhile.
Whatever changes on the host after `ready` is told by an event, whatever changed before is in the
answer, so nothing falls between the two.

Source: architecture.md "How data flows"; xo-lite.md 2.3; xapi.md 1.6.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from xolite_qt.stores.base import Store
from xolite_qt.stores.change import StoreState
from xolite_qt.stores.task_owner import OwnedTasks
from xolite_qt.xen_api import (
    RECORDS,
    HandleInvalid,
    LinkPhase,
    LinkState,
    PermissionDenied,
    Record,
    SessionInvalid,
    XapiError,
    XenApi,
    XenApiError,
)

if TYPE_CHECKING:
    from xolite_qt.xen_api import Listener

_log = logging.getLogger(__name__)

R = TypeVar("R", bound=Record)

Accept = Callable[[R], bool]

_CUT_OFF = (LinkPhase.RECONNECTING, LinkPhase.EXPIRED, LinkPhase.CLOSED)
_READ_AGAIN = 3

RECOUNT_S = 5.0
"""So often is the number of records compared with the host's own."""


def create_xen_api_store(
    api: XenApi,
    tasks: OwnedTasks,
    cls: str,
    *,
    name: str | None = None,
    where: str | None = None,
    accept: Callable[[Any], bool] | None = None,
    linger_s: float = 1.0,
) -> XenApiStore[Any]:
    """A store of the records of one class, or of those that pass a filter.

    Args:
        api: the host.
        tasks: owner of the store's loads.
        cls: class name in lower case.
        name: what people call it; the class name if not given.
        where: the filter as the host understands it, so that only wanted records are sent.
        accept: the same filter here, for events and for hosts that do not know `where`.
        linger_s: seconds that the store outlives its last subscription.
    """
    return XenApiStore(
        api, tasks, cls, name=name or cls, where=where, accept=accept, linger_s=linger_s
    )


class XenApiStore(Store[R]):
    """Records of one class; see `create_xen_api_store`."""

    def __init__(
        self,
        api: XenApi,
        tasks: OwnedTasks,
        cls: str,
        *,
        name: str,
        where: str | None = None,
        accept: Accept[R] | None = None,
        linger_s: float = 1.0,
    ) -> None:
        super().__init__(name, linger_s=linger_s)
        self.cls = cls
        self._api = api
        self._tasks = tasks
        self._where = where
        self._where_refused = False
        self._accept = accept
        self._listeners: list[Listener] = []
        self._load: asyncio.Task[None] | None = None
        self._asked = False
        self._again = False
        # Reference -> record, or None for a deletion; the last word of each answer wins.
        self._news: dict[str, R | None] = {}
        self._flush: asyncio.Handle | None = None
        self._loaded_at: float | None = None
        self._stale_since: datetime | None = None
        self._recount: asyncio.TimerHandle | None = None
        # How many records more the host has than we: at the last look, and even after a new load.
        self._missing = 0
        self._explained = 0
        # Of the rows of the last load, a while after it; once.
        self._verification: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------ for views

    @property
    def classes(self) -> frozenset[str]:
        """The class while anything is listened to."""
        return frozenset((self.cls,)) if self._listeners else frozenset()

    @property
    def as_of(self) -> datetime | None:
        """When the records were last known to be right: the last event while READY."""
        if self._loaded_at is None:
            return None
        if self._stale_since is not None:
            return self._stale_since
        return self._last_good()

    def retry(self) -> None:
        """Loads again after a failure."""
        if self._active and self.state is StoreState.FAILED:
            self._reload()

    async def read(self, ref: str) -> R | None:
        """Reads one record from the host, bypassing events, and puts it into the store.

        Returns:
            The record; None if it does not exist (any more) or is not this store's.

        Raises:
            XenApiError: the read failed otherwise.
        """
        record: R | None
        before = self._rows.get(ref)
        try:
            record = await self._api.get_record(self.cls, ref)  # type: ignore[assignment]
        except HandleInvalid:
            record = None
        if record is not None and self._accept is not None and not self._accept(record):
            record = None
        # An event that came meanwhile may well be newer than the answer.
        overtaken = ref in self._news or self._rows.get(ref) is not before
        if self._active and self.state is not StoreState.LOADING and not overtaken:
            self._note(ref, record)
        return record

    # ------------------------------------------------------------------ life

    def _begin(self) -> None:
        hub = self._api.events
        self._listeners = [
            hub.on(self.cls, "add", self._on_records),
            hub.on(self.cls, "mod", self._on_records),
            hub.on(self.cls, "del", self._on_deleted),
            hub.on(self.cls, "reset", self._on_reset),
            hub.on_state(self._on_link),
        ]
        self._go(StoreState.LOADING)
        self._reload()
        self._recount = asyncio.get_running_loop().call_later(RECOUNT_S, self._check_count)

    def _end(self) -> None:
        for listener in self._listeners:
            listener.remove()
        self._listeners = []
        if self._load is not None:
            self._load.cancel()
            self._load = None
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        if self._recount is not None:
            self._recount.cancel()
            self._recount = None
        self._forget_verification()
        self._news.clear()
        self._missing = self._explained = 0
        self._again = False
        self._loaded_at = None
        self._stale_since = None

    # ------------------------------------------------------------------ the host speaks

    def _on_records(self, records: list[R]) -> None:
        accept = self._accept
        for record in records:
            # A record that no longer passes (a VM made a template) is gone for this store.
            self._news[record.ref] = record if accept is None or accept(record) else None
        self._flush_soon()

    def _on_deleted(self, refs: list[str]) -> None:
        for ref in refs:
            self._news[ref] = None
        self._flush_soon()

    def _on_reset(self) -> None:
        # What came before the gap says nothing about after it.
        self._news.clear()
        self._grow_stale()
        self._reload()

    def _on_link(self, link: LinkState) -> None:
        if link.phase in _CUT_OFF:
            if self.state is StoreState.READY:
                self._grow_stale(link.error)
        elif (
            link.phase is LinkPhase.CONNECTED
            and self.state in (StoreState.STALE, StoreState.FAILED)
            and self._load is None
        ):
            self._reload()

    def _grow_stale(self, error: Exception | None = None) -> None:
        if self._loaded_at is None:
            self._go(StoreState.LOADING)
            return
        if self._stale_since is None:
            self._stale_since = self._last_good()
        self._go(StoreState.STALE, error)

    def _note(self, ref: str, record: R | None) -> None:
        self._news[ref] = record
        self._flush_soon()

    def _flush_soon(self) -> None:
        # One change per answer: adds, mods and dels of one answer are told in one go. While a load
        # is under way news wait for its end.
        if self._flush is None and self._load is None and self._loaded_at is not None:
            self._flush = asyncio.get_running_loop().call_soon(self._flush_now)

    def _flush_now(self) -> None:
        self._flush = None
        if self._load is not None or not self._news:
            return
        news, self._news = self._news, {}
        self._take(
            {ref: record for ref, record in news.items() if record is not None},
            [ref for ref, record in news.items() if record is None],
        )

    def _take(self, fresh: Mapping[str, R], gone: Iterable[str]) -> None:
        self._apply(fresh, gone)

    # ------------------------------------------------------------------ loads

    def _reload(self) -> None:
        """Starts a load, or sees to it that one that has asked already is followed by another."""
        if self._load is not None:
            self._again = self._again or self._asked
            return
        self._asked = False
        self._again = False
        self._load = self._tasks.spawn(self._load_all(), f"load of {self.name}")

    async def _load_all(self) -> None:
        found: dict[str, R] = {}
        try:
            self._again = True
            while self._again:
                self._again = False
                self._asked = False
                await self._api.events.ready(self.cls)
                self._asked = True
                found = await self._fetch()
        except XenApiError as error:
            self._load = None
            self._failed(error)
        except Exception as error:
            # The boundary of the task: whatever it is, the store says so instead of loading on.
            _log.exception("load of %s failed", self.name)
            self._load = None
            self._failed(error)
        else:
            self._load = None
            self._replace(found)

    def _failed(self, error: Exception) -> None:
        if self._again:
            # The answer that failed was made worthless by a reset anyway.
            self._reload()
            return
        _log.info("load of %s failed: %s", self.name, error)
        self._forget_news()
        if self._loaded_at is not None and self._stale_since is None:
            self._stale_since = self._last_good()
        self._go(StoreState.FAILED, error)

    def _forget_news(self) -> None:
        """After a failed load: the next one reads everything, news before it are of no use."""
        self._news.clear()

    async def _fetch(self) -> dict[str, R]:
        """The whole truth, as far as it is this store's.

        Raises:
            XenApiError: the host did not tell.
        """
        for attempt in range(_READ_AGAIN):
            try:
                return await self._read_all()
            except HandleInvalid:
                # An object died while the host gathered them.
                if attempt == _READ_AGAIN - 1:
                    raise
        raise AssertionError

    async def _read_all(self) -> dict[str, R]:
        if self._where is not None and not self._where_refused:
            try:
                return self._passing(await self._api.get_all_records(self.cls, self._where))
            except (SessionInvalid, PermissionDenied, HandleInvalid):
                raise
            except XapiError as error:
                _log.info("the host refuses a filter on %s (%s): reading all", self.cls, error)
        records = self._passing(await self._api.get_all_records(self.cls))
        # Only now is it certain that the filter was at fault, and not the host's mood.
        self._where_refused = self._where is not None
        return records

    def _passing(self, records: Mapping[str, Any]) -> dict[str, R]:
        accept = self._accept
        if accept is None:
            return dict(records)
        return {ref: record for ref, record in records.items() if accept(record)}

    def _replace(self, found: dict[str, R]) -> None:
        """Makes the answer the whole content: what it does not hold is gone."""
        news, self._news = self._news, {}
        for ref, record in news.items():
            if record is None:
                found.pop(ref, None)
            else:
                found[ref] = record
        self._loaded_at = time.monotonic()
        self._stale_since = None
        self._forget_verification()
        gone = [ref for ref in self._rows if ref not in found]
        self._take(found, gone)
        phase = self._api.events.state.phase
        if phase in _CUT_OFF:
            self._grow_stale(self._api.events.state.error)
        else:
            self._go(StoreState.READY)

    # ------------------------------------------------------------------ counts

    def _check_count(self) -> None:
        """Reads all records anew where the host lastingly counts others than we do.

        A store of some of the records looks once after each load whether its own are there still.

        A toolstack that restarts loses tasks without telling, and an object that was created before
        and destroyed just after we began to follow its class is never told of: XAPI tells only of
        the deletion of what existed at the token.
        """
        self._recount = asyncio.get_running_loop().call_later(RECOUNT_S, self._check_count)
        there = self._api.events.ref_counts.get(self.cls)
        if self._accept is not None:
            # The host counts those that are not ours, too.
            if self.is_ready and self._verification is None:
                self._verification = self._tasks.spawn(self._verify(), f"look for {self.name}")
            return
        if there is None or not self.is_ready or self._news:
            self._missing = self._explained
            return
        missing = there - self._count()
        # Twice the same: once may be an answer that is still under way. A difference that another
        # load did not settle is the host's own affair.
        if missing == self._missing and missing not in (0, self._explained):
            _log.info("%s: the host has %+d more than we know of; reading anew", self.name, missing)
            self._explained = missing
            self._reload()
        elif missing == 0:
            self._explained = 0
        self._missing = missing

    async def _verify(self) -> None:
        """Drops rows that died unseen, see `_check_count`; once after each load."""
        try:
            refs = await self._api.call(f"{RECORDS[self.cls].wire_class}.get_all")
            # One that is younger than the answer is no ghost, so each that is not there is read.
            for ref in set(self._rows).difference(refs if isinstance(refs, list) else self._rows):
                try:
                    await self._api.get_record(self.cls, ref)
                except HandleInvalid:
                    self._note(ref, None)
        except XenApiError as error:
            _log.info("%s could not be verified: %s", self.name, error)

    def _forget_verification(self) -> None:
        if self._verification is not None:
            self._verification.cancel()
            self._verification = None

    def _count(self) -> int:
        """Number of records here that the host should have, too."""
        return len(self._rows)

    # ------------------------------------------------------------------ time

    def _last_good(self) -> datetime:
        assert self._loaded_at is not None
        good_at = max(self._loaded_at, self._api.events.last_event_at)
        return datetime.now(UTC) - timedelta(seconds=max(time.monotonic() - good_at, 0.0))
