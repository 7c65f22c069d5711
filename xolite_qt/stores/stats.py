"""Live measurements: whoever watches what, each host is asked once per archive.

Source: xapi.md 1.8; xo-lite.md 3.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

from xolite_qt.stores.base import Store, Subscription, running_loop
from xolite_qt.stores.change import Change
from xolite_qt.stores.stats_poll import Key, Kind, StatsPoll
from xolite_qt.stores.stats_series import Lines, ObjectSeries, Usage
from xolite_qt.stores.task_owner import OwnedTasks
from xolite_qt.xen_api import (
    TEN_MINUTES,
    VM,
    Archive,
    Host,
    HostMetrics,
    Pool,
    XenApi,
    XenApiError,
    is_null,
)

_log = logging.getLogger(__name__)

AT_ONCE = 6
"""Questions under way at one time, over all hosts."""


class StatsState(StrEnum):
    """What watched measurements are worth now."""

    LOADING = "loading"
    READY = "ready"
    STALE = "stale"
    """There are some, but the last question failed with `error`; it is asked again."""
    FAILED = "failed"
    """There are none, and the last question failed with `error`; it is asked again."""
    NO_DATA = "no data"
    """The VM does not run, the host does not live, or nothing is measured there yet."""


class _Watched:
    """One object in one archive, shared by all who watch it."""

    def __init__(self, kind: Kind, uuid: str, archive: Archive) -> None:
        self.key: Key = (kind, uuid)
        self.archive = archive
        self.series = ObjectSeries(archive)
        self.state = StatsState.LOADING
        self.error: XenApiError | None = None
        self.watchers: dict[StatsSubscription, None] = {}
        self.poll: StatsPoll | None = None
        self.linger: asyncio.TimerHandle | None = None


class StatsSubscription:
    """One watcher's hold on the measurements of one object; a context manager.

    `times`, `series` and `lines` are those of the object, shared with its other watchers: read,
    don't write.
    """

    def __init__(
        self, store: StatsStore, watched: _Watched, on_change: Callable[[], None] | None
    ) -> None:
        self._store = store
        self._watched = watched
        self.on_change = on_change
        self._closed = False

    @property
    def kind(self) -> Kind:
        """`host` or `vm`."""
        return self._watched.key[0]

    @property
    def uuid(self) -> str:
        """Of the object."""
        return self._watched.key[1]

    @property
    def archive(self) -> Archive:
        """Which ring."""
        return self._watched.archive

    @property
    def state(self) -> StatsState:
        """What the measurements are worth now."""
        return self._watched.state

    @property
    def error(self) -> XenApiError | None:
        """Why the last question failed."""
        return self._watched.error

    @property
    def times(self) -> Sequence[float]:
        """When, seconds since 1970 by the host's clock, oldest first."""
        return self._watched.series.times

    @property
    def series(self) -> Mapping[str, Sequence[float]]:
        """Per data source of the host one number per time, in its units; NaN is a gap."""
        return self._watched.series.series

    @property
    def lines(self) -> Lines:
        """In plain units, grouped."""
        return self._watched.series.lines

    @property
    def usage(self) -> Usage:
        """Now: the mean of the last points."""
        return self._watched.series.usage

    def retry(self) -> None:
        """Asks at once instead of waiting for the next turn."""
        if self._watched.poll is not None:
            self._watched.poll.nudge()

    def close(self) -> None:
        """Watches no more."""
        if not self._closed:
            self._closed = True
            self._store._unwatch(self, self._watched)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class PoolStats:
    """One watcher's hold on what everything uses now; a context manager."""

    def __init__(self, store: StatsStore, on_change: Callable[[], None] | None) -> None:
        self._store = store
        self.on_change = on_change

    def latest(self, kind: Kind, uuid: str) -> Usage | None:
        """What an object uses now, or None."""
        return self._store.latest(kind, uuid)

    def all(self, kind: Kind) -> dict[str, Usage]:
        """What all objects of a kind use now, by uuid."""
        return self._store.all_latest(kind)

    @property
    def errors(self) -> Mapping[str, XenApiError]:
        """Hosts (by reference) whose last question failed."""
        return self._store.errors

    def close(self) -> None:
        """Watches no more."""
        self._store._unwatch_pool(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class StatsStore:
    """Measurements of hosts and VMs, asked for only while somebody watches."""

    def __init__(
        self,
        api: XenApi,
        tasks: OwnedTasks,
        *,
        pool: Store[Pool],
        host: Store[Host],
        host_metrics: Store[HostMetrics],
        vm: Store[VM],
        linger_s: float = 1.0,
        pace: float = 1.0,
    ) -> None:
        self._api = api
        self._tasks = tasks
        self._linger_s = linger_s
        self._pace = pace
        self._pool = pool
        self._host = host
        self._host_metrics = host_metrics
        self._vm = vm
        self._watched: dict[tuple[Key, Archive], _Watched] = {}
        self._polls: dict[tuple[str, Archive], StatsPoll] = {}
        self._runs: dict[tuple[str, Archive], asyncio.Task[None]] = {}
        self._pool_watchers: dict[PoolStats, None] = {}
        self._pool_hosts: set[str] = set()
        self._holds: dict[str, Subscription[Any]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._placing: asyncio.Handle | None = None

    # ------------------------------------------------------------------ for views

    @property
    def classes(self) -> frozenset[str]:
        """Classes listened to, to know which host an object is on."""
        return frozenset().union(*(hold.store.classes for hold in self._holds.values()))

    @property
    def errors(self) -> dict[str, XenApiError]:
        """Hosts (by reference) whose last question failed."""
        return {ref: p.error for (ref, _), p in self._polls.items() if p.error is not None}

    def watch(
        self,
        kind: Kind,
        uuid: str,
        archive: Archive = TEN_MINUTES,
        on_change: Callable[[], None] | None = None,
    ) -> StatsSubscription:
        """Watches a host or a VM in one archive.

        Args:
            kind: `host` or `vm`.
            uuid: of the object.
            archive: one of `xen_api.ARCHIVES`.
            on_change: called whenever measurements or state have changed.

        Returns:
            A subscription that holds what is there already; close it to stop asking.
        """
        key: Key = (kind, uuid)
        watched = self._watched.get((key, archive))
        if watched is None:
            watched = self._watched[key, archive] = _Watched(kind, uuid, archive)
        if watched.linger is not None:
            watched.linger.cancel()
            watched.linger = None
        subscription = StatsSubscription(self, watched, on_change)
        watched.watchers[subscription] = None
        self._hold_sources()
        self._place(watched)
        return subscription

    def watch_pool(self, on_change: Callable[[], None] | None = None) -> PoolStats:
        """Watches what every running VM and every living host uses now.

        Args:
            on_change: called after each answer of a host.
        """
        watcher = PoolStats(self, on_change)
        self._pool_watchers[watcher] = None
        self._hold_sources()
        self._place_soon()
        return watcher

    def latest(self, kind: Kind, uuid: str) -> Usage | None:
        """What an object uses now, from whatever is watched; None where nothing is known."""
        key: Key = (kind, uuid)
        for (_, archive), poll in self._polls.items():
            if archive is TEN_MINUTES and (usage := poll.usage(key)) is not None:
                return usage
        return None

    def all_latest(self, kind: Kind) -> dict[str, Usage]:
        """What all objects of a kind use now, by uuid; needs a `watch_pool`."""
        found: dict[str, Usage] = {}
        for (_, archive), poll in self._polls.items():
            if archive is TEN_MINUTES:
                for key in poll.recent:
                    if key[0] == kind and (usage := poll.usage(key)) is not None:
                        found[key[1]] = usage
        return found

    def close(self) -> None:
        """Ends all watching at once."""
        for watched in tuple(self._watched.values()):
            watched.watchers.clear()
            self._forget(watched)
        for watcher in tuple(self._pool_watchers):
            self._unwatch_pool(watcher)
        self._drop_unused()

    # ------------------------------------------------------------------ letting go

    def _unwatch(self, subscription: StatsSubscription, watched: _Watched) -> None:
        watched.watchers.pop(subscription, None)
        if watched.watchers or watched.linger is not None:
            return
        loop = running_loop()
        if self._linger_s <= 0 or loop is None:
            self._forget(watched)
        else:
            watched.linger = loop.call_later(self._linger_s, self._forget, watched)

    def _forget(self, watched: _Watched) -> None:
        if watched.linger is not None:
            watched.linger.cancel()
            watched.linger = None
        if watched.watchers:
            return
        self._watched.pop((watched.key, watched.archive), None)
        if watched.poll is not None:
            watched.poll.unwant(watched.key)
            watched.poll = None
        self._drop_unused()

    def _unwatch_pool(self, watcher: PoolStats) -> None:
        if watcher not in self._pool_watchers:
            return
        del self._pool_watchers[watcher]
        if not self._pool_watchers:
            for ref in self._pool_hosts:
                if (poll := self._polls.get((ref, TEN_MINUTES))) is not None:
                    poll.want_everything(-1)
            self._pool_hosts.clear()
        self._drop_unused()

    def _drop_unused(self) -> None:
        for place, poll in tuple(self._polls.items()):
            if not poll.is_wanted:
                del self._polls[place]
                self._runs.pop(place).cancel()
        self._hold_sources()

    # ------------------------------------------------------------------ which host

    def _hold_sources(self) -> None:
        """Holds just those stores that are needed to know where things are."""
        wanted: dict[str, Store[Any]] = {}
        if self._watched or self._pool_watchers:
            wanted.update(pool=self._pool, host=self._host)
        if any(key[0] == "vm" for key, _ in self._watched):
            wanted["vm"] = self._vm
        if self._pool_watchers:
            wanted["host_metrics"] = self._host_metrics
        for name in self._holds.keys() - wanted.keys():
            self._holds.pop(name).close()
        for name in wanted.keys() - self._holds.keys():
            self._holds[name] = wanted[name].subscribe(self._on_source, self._on_source_state)
        if not wanted and self._placing is not None:
            self._placing.cancel()
            self._placing = None

    def _on_source(self, _change: Change[Any]) -> None:
        self._place_soon()

    def _on_source_state(self, _state: object) -> None:
        self._place_soon()

    def _place_soon(self) -> None:
        if self._placing is None:
            self._placing = asyncio.get_running_loop().call_soon(self._place_all)

    def _place_all(self) -> None:
        self._placing = None
        for watched in tuple(self._watched.values()):
            self._place(watched)
        if self._pool_watchers:
            self._place_pool()
        self._drop_unused()

    def _place(self, watched: _Watched) -> None:
        host = self._host_of(watched.key)
        if isinstance(host, StatsState):
            if watched.poll is not None:
                watched.poll.unwant(watched.key)
                watched.poll = None
            self._settle(watched, host, None)
            return
        poll = self._poll(host, watched.archive)
        if watched.poll is not poll:
            if watched.poll is not None:
                watched.poll.unwant(watched.key)
            watched.poll = poll
            poll.want(watched.key, watched.series)
            self._settle(
                watched, StatsState.READY if watched.series.times else StatsState.LOADING, None
            )

    def _host_of(self, key: Key) -> Host | StatsState:
        kind, uuid = key
        if not (self._host.records and self._pool.records):
            return StatsState.LOADING
        if kind == "host":
            return self._host.by_uuid(uuid) or StatsState.NO_DATA
        vm = self._vm.by_uuid(uuid)
        if vm is None:
            return StatsState.NO_DATA if self._vm.is_ready else StatsState.LOADING
        if is_null(vm.resident_on):
            return StatsState.NO_DATA
        return self._host.get(vm.resident_on) or StatsState.NO_DATA

    def _place_pool(self) -> None:
        metrics = self._host_metrics.records
        live = {
            host.ref
            for host in self._host.records.values()
            if (found := metrics.get(host.metrics)) is not None and found.live
        }
        for ref in live - self._pool_hosts:
            self._poll(self._host.records[ref], TEN_MINUTES).want_everything(+1)
        for ref in self._pool_hosts - live:
            if (poll := self._polls.get((ref, TEN_MINUTES))) is not None:
                poll.want_everything(-1)
        self._pool_hosts = live

    def _poll(self, host: Host, archive: Archive) -> StatsPoll:
        place = (host.ref, archive)
        poll = self._polls.get(place)
        address = self._address(host)
        if poll is not None:
            poll.address = address
            return poll
        poll = StatsPoll(self._api, address, archive, self._slots, self._heard, pace=self._pace)
        self._polls[place] = poll
        self._runs[place] = self._tasks.spawn(poll.run(), f"measurements, {archive.name}")
        return poll

    def _address(self, host: Host) -> str | None:
        pool = next(iter(self._pool.records.values()), None)
        # The connection goes to the master: no second certificate to accept for it.
        return None if pool is None or pool.master == host.ref else host.address

    # ------------------------------------------------------------------ news

    def _heard(self, poll: StatsPoll, error: XenApiError | None) -> None:
        for watched in tuple(self._watched.values()):
            if watched.poll is poll:
                some = bool(watched.series.times)
                if error is not None:
                    state = StatsState.STALE if some else StatsState.FAILED
                elif some:
                    state = StatsState.READY
                elif watched.key in poll.answered:
                    state = StatsState.NO_DATA
                else:
                    state = StatsState.LOADING
                self._settle(watched, state, error, tell=True)
        for watcher in tuple(self._pool_watchers):
            _call(watcher.on_change)

    def _settle(
        self,
        watched: _Watched,
        state: StatsState,
        error: XenApiError | None,
        *,
        tell: bool = False,
    ) -> None:
        if not tell and state is watched.state and error is watched.error:
            return
        watched.state = state
        watched.error = error
        for subscription in tuple(watched.watchers):
            if subscription in watched.watchers:
                _call(subscription.on_change)


def _call(on_change: Callable[[], None] | None) -> None:
    if on_change is None:
        return
    # A watcher's mistake must not end the poll that feeds the others.
    try:
        on_change()
    except Exception:
        _log.exception("a watcher of measurements failed")
