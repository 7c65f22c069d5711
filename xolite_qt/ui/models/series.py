"""Lines of several interfaces, disks or hosts added up. Pure; NaN is a gap."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from xolite_qt.stores.stats_series import Lines, Pair

Line = Sequence[float]
Totals = list[float]

NAN = math.nan
WHOLE = "all"
"""Name of the one interface of a pool: the sum over its hosts."""


def received(pairs: Mapping[str, Pair]) -> Totals:
    """Bytes per second received over all interfaces, or read from all disks."""
    return total([pair.received for pair in pairs.values()])


def sent(pairs: Mapping[str, Pair]) -> Totals:
    """Bytes per second sent over all interfaces, or written to all disks."""
    return total([pair.sent for pair in pairs.values()])


def total(lines: Sequence[Line]) -> Totals:
    """Sum point by point; a gap in one line leaves the others, a gap in all is a gap."""
    return [_sum(point) for point in zip(*lines, strict=True)]


def has_values(line: Iterable[float]) -> bool:
    """Whether there is anything to draw."""
    return any(not math.isnan(value) for value in line)


def pool_lines(hosts: Sequence[tuple[Lines, int]]) -> Lines:
    """The lines of a pool out of those of its hosts, which sample at the same round times.

    Args:
        hosts: lines of each, and how many processors it has (what its CPU use weighs).
    """
    times = sorted({time_s for lines, _ in hosts for time_s in lines.times})
    place = {time_s: at for at, time_s in enumerate(times)}

    def added(pick: Callable[[Lines], Line], weigh: bool = False) -> Totals:
        sums = [NAN] * len(times)
        for lines, weight in hosts:
            for time_s, value in zip(lines.times, pick(lines), strict=False):
                if not math.isnan(value):
                    at = place[time_s]
                    share = value * weight if weigh else value
                    sums[at] = share if math.isnan(sums[at]) else sums[at] + share
        return sums

    cpus = sum(weight for _, weight in hosts)
    network = {
        WHOLE: Pair(
            added(lambda lines: received(lines.network)),
            added(lambda lines: sent(lines.network)),
        )
    }
    return Lines(
        times=times,
        cpu=[value / cpus if cpus else NAN for value in added(lambda lines: lines.cpu, True)],
        memory_used=added(lambda lines: lines.memory_used),
        memory_total=added(lambda lines: lines.memory_total),
        network=network if any(lines.network for lines, _ in hosts) else {},
    )


def _sum(values: Iterable[float]) -> float:
    there = [value for value in values if not math.isnan(value)]
    return math.fsum(there) if there else NAN
