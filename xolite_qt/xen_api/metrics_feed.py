"""One archive kept up to date by asking only for what is new."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from .metrics import Archive, Column, MetricsAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from .client import XenApi


class MetricsFeed:
    """The rows of one archive of one host, or of one VM on it.

    Each `poll` asks from the end of the last answer on and appends; rows older than the archive
    reaches are dropped. A cancelled or failed poll leaves what was there.

    Attributes:
        times: when, seconds since 1970 by the host's clock, oldest first.
        series: per column one number per time; NaN is a gap.
    """

    def __init__(
        self,
        api: XenApi,
        archive: Archive,
        *,
        host_address: str | None = None,
        host: bool = True,
        vm_uuid: str | None = None,
        host_clock: Callable[[], float] = time.time,
    ) -> None:
        """A feed that holds nothing yet.

        Args:
            api: the connection.
            archive: which ring to follow.
            host_address: whom to ask, the connection's host where None.
            host: whether the host's own measurements are wanted.
            vm_uuid: one VM only; all running there where None.
            host_clock: the host's time, seconds since 1970; see `clock_offset_s`.
        """
        self.archive = archive
        self.times: list[float] = []
        self.series: dict[Column, list[float]] = {}
        self._api = api
        self._host_address = host_address
        self._host = host
        self._vm_uuid = vm_uuid
        self._host_clock = host_clock
        self._next_start_s: float | None = None

    async def poll(self) -> int:
        """Asks for what is new; returns the number of rows that came.

        Raises:
            XenApiError: the question failed; the next one starts from the same place.
        """
        window_s = self.archive.span_s - self.archive.step_s
        start_s = self._next_start_s
        if start_s is None or start_s < self._host_clock() - window_s:
            # First time, or asleep for longer than the archive reaches.
            start_s = self._host_clock() - window_s
        answer = await self._api.metrics(
            host_address=self._host_address,
            start_s=start_s,
            interval_s=self.archive.step_s,
            host=self._host,
            vm_uuid=self._vm_uuid,
        )
        return self.merge(answer)

    def merge(self, answer: MetricsAnswer) -> int:
        """Takes an answer in; returns the number of rows that were new."""
        if answer.step_s and answer.step_s != self.archive.step_s:
            # The host gave a coarser ring, for the finer one does not reach back so far.
            self._next_start_s = None
            return 0
        if answer.end_s:
            self._next_start_s = answer.end_s
        newest = self.times[-1] if self.times else -math.inf
        fresh = [i for i, at in enumerate(answer.times) if at > newest]
        if not fresh:
            return 0
        for column in answer.columns:
            self.series.setdefault(column, [math.nan] * len(self.times))
        came = dict(zip(answer.columns, answer.values, strict=True))
        nothing = [math.nan] * len(answer.times)
        for column, values in self.series.items():
            new = came.get(column, nothing)
            values.extend(new[i] for i in fresh)
        self.times.extend(answer.times[i] for i in fresh)
        self._trim()
        return len(fresh)

    def _trim(self) -> None:
        too_many = len(self.times) - self.archive.points
        if too_many <= 0:
            return
        del self.times[:too_many]
        for column, values in list(self.series.items()):
            del values[:too_many]
            if all(math.isnan(v) for v in values):
                # A VM that left, a disk that was taken out.
                del self.series[column]
