"""The measurements of one object, out of as many archives as the shown span of time needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from xolite_qt.stores.stats import StatsState, StatsStore, StatsSubscription
from xolite_qt.stores.stats_archives import Ring, needed
from xolite_qt.xen_api import ARCHIVES, Archive, XenApiError

__all__ = ["Feed"]


class Feed:
    """Watches an object in the archives of a span.

    Args:
        stats: where measurements come from.
        kind: of the object.
        uuid: of the object.
        changed: called whenever there is news.
    """

    def __init__(
        self,
        stats: StatsStore,
        kind: Literal["host", "vm"],
        uuid: str,
        changed: Callable[[], None],
    ) -> None:
        self.kind = kind
        self.uuid = uuid
        self._stats = stats
        self._changed = changed
        self._wanted: frozenset[Archive] = frozenset()
        self._watches: dict[Archive, StatsSubscription] = {}

    def want(self, span: tuple[float, float], now_s: float) -> None:
        """Watch what a span needs; archives that it does not need are let go once the others are
        there, so that the charts are never empty in between."""
        self._wanted = frozenset(needed(span, now_s))
        for archive in ARCHIVES:
            if archive in self._wanted and archive not in self._watches:
                self._watches[archive] = self._stats.watch(
                    self.kind, self.uuid, archive, self._news
                )
        self._let_go()

    def close(self) -> None:
        """Watch no more."""
        watches, self._watches = self._watches, {}
        self._wanted = frozenset()
        for watch in watches.values():
            watch.close()

    def retry(self) -> None:
        """Ask at once."""
        for watch in self._watches.values():
            watch.retry()

    def _news(self) -> None:
        self._let_go()
        self._changed()

    def _let_go(self) -> None:
        if any(self._watches[archive].state is StatsState.LOADING for archive in self._asked()):
            return
        for archive in self._watches.keys() - self._wanted:
            self._watches.pop(archive).close()

    def _asked(self) -> list[Archive]:
        return [archive for archive in self._watches if archive in self._wanted]

    @property
    def state(self) -> StatsState:
        """The worst of the archives; LOADING while one is on its way."""
        states = {self._watches[archive].state for archive in self._asked()}
        for state in (StatsState.LOADING, StatsState.FAILED, StatsState.STALE, StatsState.READY):
            if state in states:
                return state
        return StatsState.NO_DATA

    @property
    def error(self) -> XenApiError | None:
        """Why an archive could not be asked."""
        return next((w.error for w in self._watches.values() if w.error is not None), None)

    @property
    def archives(self) -> frozenset[Archive]:
        """What is watched now."""
        return frozenset(self._watches)

    @property
    def newest_s(self) -> float | None:
        """Time of the last row, by the host's clock."""
        ends = [watch.times[-1] for watch in self._watches.values() if watch.times]
        return max(ends, default=None)

    @property
    def names(self) -> frozenset[str]:
        """Data sources that there are."""
        return frozenset(name for watch in self._watches.values() for name in watch.series)

    def rings(self) -> tuple[Ring, ...]:
        """What is known now, copied, for another thread to read."""
        return tuple(
            Ring(
                archive.step_s,
                tuple(watch.times),
                {name: tuple(values) for name, values in watch.series.items()},
            )
            for archive, watch in self._watches.items()
            if watch.times
        )
